"""What is planned is persisted with its change, once, and can be moved or withdrawn until somebody sends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.db.statements import GuardFailed, Write, as_instant, as_json, fetch_rows, write_together
from core.ids import new_id
from core.notifications.planning import LONGEST_KEY, cancel_notifications, plan_notification
from core.notifications.values import NotificationKind

REMINDER = NotificationKind.RESERVATION_REMINDER


async def test_planned_with_its_change_or_not_at_all(shop: Any) -> None:
    planned = plan_notification(
        shop.tenant_id,
        REMINDER,
        None,
        store_id=None,
        subject_type="visit",
        subject_id=new_id(),
        values={},
        dedupe_key="k",
    )
    failing = Write("UPDATE store SET name = 'x' WHERE id = $1", (new_id(),), expects=1)
    with pytest.raises(GuardFailed):
        await write_together([planned, failing])
    assert await shop.rows() == []


async def test_same_key_is_one_message(shop: Any) -> None:
    await shop.plan("booked:1")
    await shop.plan("booked:1")
    await shop.plan("booked:2")
    assert [row["dedupe_key"] for row in await shop.rows()] == ["booked:1", "booked:2"]


async def test_another_merchants_key_is_another_message(shop: Any) -> None:
    await shop.plan("booked:1")
    given = {"store_id": None, "subject_type": "visit", "subject_id": new_id(), "values": {}}
    await write_together([plan_notification(new_id(), REMINDER, new_id(), **given, dedupe_key="booked:1")])
    assert len(await shop.rows()) == 2


async def test_due_message_moves(shop: Any) -> None:
    tomorrow = shop.clock.now() + timedelta(days=1)
    await shop.plan(due_at=tomorrow, version=1, values={"time": "14:00"})
    later = tomorrow + timedelta(hours=2)
    await shop.plan(due_at=later, version=2, values={"time": "16:00"})
    row = await shop.row()
    assert (as_instant(row["due_at"]), as_instant(row["next_attempt_at"]), row["version"]) == (
        later,
        later,
        2,
    )
    assert as_json(row["texts"]) == {"time": "16:00"}


async def test_older_version_moves_nothing(shop: Any) -> None:
    tomorrow = shop.clock.now() + timedelta(days=1)
    await shop.plan(due_at=tomorrow, version=2)
    await shop.plan(due_at=shop.clock.now(), version=1)
    row = await shop.row()
    assert (as_instant(row["due_at"]), row["version"]) == (tomorrow, 2)


@pytest.mark.parametrize("status", ["SENDING", "SENT", "UNKNOWN", "UNDELIVERABLE", "CANCELLED"])
async def test_begun_message_stays_as_it_is(shop: Any, status: str) -> None:
    await shop.plan(version=1)
    await write_together([Write("UPDATE notification SET status = $1", (status,))])
    before = await shop.row()
    await shop.plan(version=2, due_at=shop.clock.now() + timedelta(days=1))
    assert await shop.row() == before


async def test_withdrawn_kinds_only(shop: Any) -> None:
    visit, other = new_id(), new_id()
    await shop.plan("a", kind=REMINDER, subject_id=visit)
    await shop.plan("b", kind=NotificationKind.RESERVATION_CONFIRMED, subject_id=visit)
    await shop.plan("c", kind=REMINDER, subject_id=other)
    await write_together([cancel_notifications(shop.tenant_id, visit, [REMINDER])])
    assert [row["status"] for row in await shop.rows()] == ["CANCELLED", "DUE", "DUE"]


async def test_withdrawing_no_kinds_withdraws_nothing(shop: Any) -> None:
    visit = new_id()
    await shop.plan(subject_id=visit)
    await write_together([cancel_notifications(shop.tenant_id, visit, [])])
    assert (await shop.row())["status"] == "DUE"


async def test_withdrawn_message_forgets_what_it_said(shop: Any) -> None:
    visit = new_id()
    await shop.plan(kind=REMINDER, subject_id=visit, phone_sealed=b"sealed")
    await write_together([cancel_notifications(shop.tenant_id, visit, [REMINDER])])
    row = await shop.row()
    assert (as_json(row["texts"]), row["phone_sealed"], row["next_attempt_at"]) == ({}, None, None)


async def test_sent_message_is_not_withdrawn(shop: Any) -> None:
    visit = new_id()
    await shop.plan(subject_id=visit)
    await write_together([Write("UPDATE notification SET status = 'SENT'", ())])
    await write_together(
        [cancel_notifications(shop.tenant_id, visit, [NotificationKind.RESERVATION_CONFIRMED])]
    )
    assert (await shop.row())["status"] == "SENT"


async def test_without_a_time_it_is_due_at_once(shop: Any) -> None:
    await shop.plan(due_at=None)
    [row] = await fetch_rows("SELECT created_at, due_at FROM notification")
    assert as_instant(row["created_at"]) == as_instant(row["due_at"])


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_KEY + 1)])
async def test_key_that_fits_no_column_is_refused(shop: Any, key: str) -> None:
    with pytest.raises(ValueError, match="dedupe key"):
        await shop.plan(key)
    assert await shop.rows() == []
