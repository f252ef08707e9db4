"""A message goes out once, by the first account that can reach its customer, and nobody is told twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.access.privacy import seal_phone
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)
from core.db.statements import Write, as_json, write_together
from core.ids import new_id
from core.notifications import validity
from core.notifications.planning import cancel_notifications
from core.notifications.rows import list_due, take_in_hand
from core.notifications.sending import send_notifications
from core.notifications.values import NotificationKind

PHONE = "+8613800138000"
OPENID = "openid-of-the-customer-7788"
NO_CONSENT = DeliveryRefused(DeliveryRefusal.NO_CONSENT, "43101")


# ------------------------------------------------------------------------------------------------------------- routes
async def test_mini_program_first(shop: Any) -> None:
    await shop.connect("sms")
    await shop.connect("mini", login=True)
    await shop.agree()
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("SENT", None)
    assert (len(shop.mini.calls), len(shop.sms.calls)) == (1, 0)


async def test_message_as_the_template_says(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    await shop.plan()
    await shop.send()
    row, [message] = await shop.row(), shop.mini.calls
    assert (message.token, message.recipient) == (str(row["id"]), OPENID)
    assert (message.template, message.page) == ("T-1", "pages/mine")
    assert message.values == {"thing1": "城西店", "note": "请准时"}
    assert (row["channel"], row["recipient"], row["platform_reference"]) == ("mini", "…7788", "m-1")


async def test_value_that_is_missing_is_a_dash(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan(values={})
    await shop.send()
    assert shop.sms.calls[0].values["thing1"] == "-"


async def test_phone_where_there_is_no_login(shop: Any) -> None:
    await shop.connect("mini")
    await shop.connect("sms")
    await shop.plan()
    await shop.send()
    row = await shop.row()
    assert (row["status"], row["channel"], row["recipient"]) == ("SENT", "sms", "138****8000")
    assert shop.sms.calls[0].recipient == PHONE


async def test_own_contact_of_the_subject(shop: Any) -> None:
    await shop.connect("sms")
    visit = new_id()
    sealed = seal_phone(shop.runtime.keys, shop.tenant_id, visit, "+8613911112222").sealed
    await shop.plan(subject_id=visit, phone_sealed=sealed, customer_id=None)
    await shop.send()
    assert shop.sms.calls[0].recipient == "+8613911112222"


async def test_contact_of_another_subject_does_not_open(shop: Any) -> None:
    await shop.connect("sms")
    sealed = seal_phone(shop.runtime.keys, shop.tenant_id, new_id(), "+8613911112222").sealed
    await shop.plan(phone_sealed=sealed)
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "NO_ADDRESS")
    assert shop.sms.calls == []


async def test_nobody_to_send_by(shop: Any) -> None:
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "NO_CHANNEL")


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        ([("mini", None, True)], "NO_TEMPLATE"),
        ([("mini", "T-1", False)], "NO_ADDRESS"),
        ([("mini", "T-1", True)], "NO_CONSENT"),
        ([("mini", "T-1", True), ("sms", None, False)], "NO_CONSENT"),
    ],
)
async def test_obstacle_of_whoever_came_furthest(
    shop: Any, setup: list[tuple[str, str | None, bool]], reason: str
) -> None:
    for channel, template, login in setup:
        await shop.connect(channel, template, login=login)
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", reason)
    assert (shop.mini.calls, shop.sms.calls) == ([], [])


async def test_disabled_account_sends_nothing(shop: Any) -> None:
    await shop.connect("sms")
    await write_together([Write("UPDATE channel_account SET status = 'DISABLED'", ())])
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "NO_CHANNEL")


async def test_another_merchants_accounts_are_not_ours(shop: Any) -> None:
    await shop.connect("sms")
    await write_together([Write("UPDATE channel_account SET tenant_id = $1", (new_id(),))])
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "NO_CHANNEL")


# --------------------------------------------------------------------------------------------------------------- time
async def test_not_before_it_is_due(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan(due_at=shop.clock.now() + timedelta(hours=2))
    assert await shop.send(after=7100) == 0
    assert await shop.send(after=100) == 1
    assert (await shop.state())[0] == "SENT"


async def test_sent_once_however_often_it_is_swept(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan()
    await shop.send(after=3600, times=3)
    assert len(shop.sms.calls) == 1


async def test_two_processes_send_once(shop: Any) -> None:
    await shop.connect("sms")
    for number in range(10):
        await shop.plan(f"k{number}")
    await asyncio.gather(*(send_notifications(shop.runtime) for _ in range(4)))
    assert len(shop.sms.calls) == 10
    assert len({message.token for message in shop.sms.calls}) == 10


async def test_message_in_hand_is_left_alone(shop: Any) -> None:
    """Also by a process that saw it due before it was taken: it would take a call under way for a crash."""
    await shop.connect("sms")
    await shop.plan()
    [seen] = await list_due(shop.clock.now(), 10)
    assert await take_in_hand(seen, shop.clock.now() + timedelta(minutes=1)) is not None
    assert await take_in_hand(seen, shop.clock.now() + timedelta(minutes=1)) is None
    assert await list_due(shop.clock.now(), 10) == []


async def test_yesterdays_news_is_not_sent(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan(due_at=shop.clock.now() - timedelta(hours=25))
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "CHANNEL_UNAVAILABLE")
    assert shop.sms.calls == []


# ----------------------------------------------------------------------------------------------------------- validity
async def still_true(tenant_id: Any, subject_id: Any, kind: NotificationKind, version: int) -> bool:
    return version >= 2


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(validity.STILL_VALID, "visit", f"{__name__}:still_true")
    monkeypatch.setattr(validity, "import_module", lambda name: __import__("sys").modules[__name__])


@pytest.mark.usefixtures("checked")
async def test_message_that_no_longer_holds_is_not_sent(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan(version=1)
    await shop.send()
    assert await shop.state() == ("CANCELLED", "OUTDATED")
    assert shop.sms.calls == []


@pytest.mark.usefixtures("checked")
async def test_message_that_holds_is_sent(shop: Any) -> None:
    await shop.connect("sms")
    await shop.plan(version=2)
    await shop.send()
    assert (await shop.state())[0] == "SENT"


def test_every_check_can_be_loaded() -> None:
    assert all(callable(validity.load_check(place)) for place in validity.STILL_VALID.values())


def test_reservations_have_a_say() -> None:
    """The word that the planning part writes into the rows is the one that its check is found by."""
    from core.reservations.announcing import SUBJECT, is_message_true

    assert validity.load_check(validity.STILL_VALID[SUBJECT]) is is_message_true


async def test_withdrawn_while_in_hand(shop: Any) -> None:
    """Whoever has the row in hand loses it before the platform is called."""
    await shop.connect("sms")
    visit = new_id()
    await shop.plan(subject_id=visit)

    async def withdraw(*_: Any) -> bool:
        kinds = [NotificationKind.RESERVATION_CONFIRMED]
        await write_together([cancel_notifications(shop.tenant_id, visit, kinds)])
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.notifications.sending.is_still_valid", withdraw)
        assert await shop.send() == 0
    assert await shop.state() == ("CANCELLED", "OUTDATED")
    assert shop.sms.calls == []


# ----------------------------------------------------------------------------------------------------------- consents
async def test_one_yes_one_message(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    await shop.plan("a")
    await shop.plan("b")
    await shop.send()
    rows = await shop.rows()
    assert sorted(row["status"] for row in rows) == ["SENT", "UNDELIVERABLE"]
    assert (len(shop.mini.calls), await shop.remaining()) == (1, 0)


async def test_yes_for_another_template_is_none(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree(template="T-2")
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("UNDELIVERABLE", "NO_CONSENT")
    assert await shop.remaining(template="T-2") == 1


async def test_platform_knows_of_no_consent(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.connect("sms")
    await shop.agree(times=3)
    shop.mini.script.append(NO_CONSENT)
    await shop.plan()
    await shop.send()
    row = await shop.row()
    assert (row["status"], row["channel"], await shop.remaining()) == ("SENT", "sms", 0)
    assert as_json(row["refused"]) == [str(shop.accounts["mini"])]


async def test_yes_comes_back_when_nothing_was_sent(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    shop.mini.script.append(ChannelUnavailable("down"))
    await shop.plan()
    await shop.send()
    assert (await shop.state(), await shop.remaining()) == (("DUE", "CHANNEL_UNAVAILABLE"), 1)
    await shop.send(after=10)
    assert (await shop.state(), await shop.remaining()) == (("SENT", None), 0)


async def test_yes_comes_back_when_the_content_was_refused(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    shop.mini.script.append(DeliveryRefused(DeliveryRefusal.CONTENT_REFUSED, "47003"))
    await shop.plan()
    await shop.send()
    assert (await shop.state(), await shop.remaining()) == (("UNDELIVERABLE", "CONTENT_REFUSED"), 1)


async def test_yes_is_spent_when_nobody_knows(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    shop.mini.script.append(OutcomeUnknown("no answer"))
    await shop.plan()
    await shop.send()
    assert (await shop.state(), await shop.remaining()) == (("UNKNOWN", "OUTCOME_UNKNOWN"), 0)


# ----------------------------------------------------------------------------------------------------------- failures
@pytest.mark.parametrize("reason", list(DeliveryRefusal))
async def test_every_refusal_is_a_reason(shop: Any, reason: DeliveryRefusal) -> None:
    await shop.connect("sms")
    shop.sms.script.append(DeliveryRefused(reason, "code-1", "words"))
    await shop.plan()
    await shop.send()
    row = await shop.row()
    waits = reason is DeliveryRefusal.TOO_MANY
    assert (row["status"], row["reason"]) == ("DUE" if waits else "UNDELIVERABLE", reason.value)
    assert row["platform_code"] == "code-1"


async def test_refused_message_takes_the_next_way(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    await shop.connect("sms")
    shop.keyed.script.append(DeliveryRefused(DeliveryRefusal.UNREACHABLE))
    await shop.plan()
    await shop.send()
    assert (await shop.state(), len(shop.keyed.calls), len(shop.sms.calls)) == (("SENT", None), 1, 1)


async def test_refused_everywhere(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    await shop.connect("sms")
    shop.keyed.script.append(DeliveryRefused(DeliveryRefusal.UNREACHABLE))
    shop.sms.script.append(DeliveryRefused(DeliveryRefusal.CONTENT_REFUSED))
    await shop.plan()
    await shop.send(after=3600, times=3)
    assert await shop.state() == ("UNDELIVERABLE", "CONTENT_REFUSED")
    refused = as_json((await shop.row())["refused"])
    assert refused == [str(shop.accounts["keyed"]), str(shop.accounts["sms"])]


async def test_platform_that_is_down_is_asked_again_with_pauses(shop: Any) -> None:
    await shop.connect("sms")
    shop.sms.script.extend([ChannelUnavailable("down")] * 3)
    await shop.plan()
    await shop.send()
    assert await shop.send(after=9) == 0
    for pause in (1, 20, 40):
        assert await shop.send(after=pause) == 1
    assert (await shop.state(), len(shop.sms.calls)) == (("SENT", None), 4)


async def test_platform_says_how_long_to_wait(shop: Any) -> None:
    await shop.connect("sms")
    shop.sms.script.append(RateLimited("slowly", retry_after=120))
    await shop.plan()
    await shop.send()
    assert await shop.send(after=119) == 0
    assert await shop.send(after=1) == 1


async def test_platform_down_for_a_day(shop: Any) -> None:
    await shop.connect("sms")
    shop.sms.script.extend([ChannelUnavailable("down")] * 100)
    await shop.plan()
    await shop.send(after=1800, times=52)
    assert await shop.state() == ("UNDELIVERABLE", "CHANNEL_UNAVAILABLE")


@pytest.mark.parametrize("failure", [Misconfigured("wrong"), CredentialsRefused("no", setting="appSecret")])
async def test_account_that_needs_a_person_holds_nothing_up(shop: Any, failure: Exception) -> None:
    await shop.connect("keyed", login=True)
    await shop.connect("sms")
    shop.keyed.script.append(failure)
    await shop.plan()
    await shop.send()
    assert (await shop.state(), len(shop.sms.calls)) == (("SENT", None), 1)


async def test_account_that_needs_a_person_is_tried_again(shop: Any) -> None:
    await shop.connect("sms")
    shop.sms.script.append(CredentialsRefused("no"))
    await shop.plan()
    await shop.send()
    assert await shop.state() == ("DUE", "NEEDS_MENDING")
    await shop.send(after=10)
    assert await shop.state() == ("SENT", None)


# ------------------------------------------------------------------------------------------------------ nobody knows
@pytest.mark.parametrize("failure", [OutcomeUnknown("lost"), ProtocolFailure("html"), KeyError("bug")])
async def test_lost_answer_is_not_repeated(shop: Any, failure: Exception) -> None:
    await shop.connect("sms")
    shop.sms.script.append(failure)
    await shop.plan()
    await shop.send(after=3600, times=3)
    assert await shop.state() == ("UNKNOWN", "OUTCOME_UNKNOWN")
    assert len(shop.sms.calls) == 1


async def test_lost_answer_is_repeated_where_repeats_are_known(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    shop.keyed.script.append(OutcomeUnknown("lost"))
    await shop.plan()
    await shop.send(after=30, times=2)
    first, second = shop.keyed.calls
    assert first == second
    assert await shop.state() == ("SENT", None)


async def test_repeats_end_with_the_window(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    shop.keyed.script.extend([OutcomeUnknown("lost")] * 50)
    await shop.plan()
    await shop.send(after=30, times=60)
    assert await shop.state() == ("UNKNOWN", "OUTCOME_UNKNOWN")
    assert 2 <= len(shop.keyed.calls) <= 8


async def test_unsent_repeat_says_nothing_about_the_first(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    await shop.connect("sms")
    shop.keyed.script.extend([OutcomeUnknown("lost"), ChannelUnavailable("down")])
    await shop.plan()
    await shop.send(after=15, times=2)
    assert (await shop.state())[0] == "SENDING"
    await shop.send(after=60)
    assert (await shop.state(), len(shop.sms.calls)) == (("SENT", None), 0)


async def test_refused_repeat_takes_the_next_way(shop: Any) -> None:
    await shop.connect("keyed", login=True)
    await shop.connect("sms")
    shop.keyed.script.extend([OutcomeUnknown("lost"), DeliveryRefused(DeliveryRefusal.UNREACHABLE)])
    await shop.plan()
    await shop.send(after=15, times=3)
    assert (await shop.state(), len(shop.keyed.calls), len(shop.sms.calls)) == (("SENT", None), 2, 1)


async def test_crash_in_the_middle_of_a_call(shop: Any) -> None:
    """The intent is committed before the call, so that whoever finds the row does not send a second time."""
    await shop.connect("mini", login=True)
    await shop.agree()
    await shop.plan()
    seen: list[str] = []

    async def die() -> Delivered:
        seen.append((await shop.row())["status"])
        raise asyncio.CancelledError

    shop.mini.script.append(die)
    with pytest.raises(asyncio.CancelledError):
        await shop.send()
    assert (seen, await shop.remaining()) == (["SENDING"], 0)
    assert await shop.send(after=59) == 0
    await shop.send(after=2)
    assert (await shop.state(), len(shop.mini.calls)) == (("UNKNOWN", "OUTCOME_UNKNOWN"), 1)


async def test_no_transaction_is_open_while_a_platform_is_called(shop: Any) -> None:
    from core.db.statements import current_connection

    await shop.connect("sms")
    kinds: list[str] = []

    async def look() -> Delivered:
        kinds.append(type(current_connection()).__name__)
        return Delivered()

    shop.sms.script.append(look)
    await shop.plan()
    await shop.send()
    assert kinds == [type(current_connection()).__name__]
    assert "Transaction" not in kinds[0]


# ------------------------------------------------------------------------------------------------------------ secrecy
async def test_ended_message_forgets_what_it_said(shop: Any) -> None:
    await shop.connect("sms")
    visit = new_id()
    sealed = seal_phone(shop.runtime.keys, shop.tenant_id, visit, PHONE).sealed
    await shop.plan(subject_id=visit, phone_sealed=sealed)
    await shop.send()
    row = await shop.row()
    assert (as_json(row["texts"]), row["phone_sealed"]) == ({}, None)
    assert PHONE not in repr(row)


async def test_nothing_personal_is_logged(shop: Any, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    from structlog.testing import capture_logs

    await shop.connect("mini", login=True)
    await shop.connect("sms")
    await shop.agree()
    shop.mini.script.append(ChannelUnavailable("down"))
    shop.sms.script.extend([OutcomeUnknown("lost"), KeyError("bug")])
    with capture_logs() as events:
        for key in ("a", "b", "c"):
            await shop.plan(key)
        await shop.send(after=30, times=4)
    said = repr(events) + caplog.text + repr(capsys.readouterr())
    assert [secret for secret in (PHONE, PHONE[3:], OPENID, "城西店") if secret in said] == []


async def test_account_health_is_noted(shop: Any) -> None:
    await shop.connect("sms")
    shop.sms.script.append(CredentialsRefused("no", setting="accessKeySecret"))
    await shop.plan()
    await shop.send()
    await shop.runtime.accounts.flush_health(everything=True)
    from core.db.statements import fetch_row

    row = await fetch_row("SELECT status FROM channel_account WHERE id = $1", shop.accounts["sms"])
    assert row == {"status": "NEEDS_ATTENTION"}
