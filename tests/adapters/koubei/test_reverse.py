"""Reversing: gives back what one call used, once, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from adapters.koubei.parse_certificates import CertificateHandle
from adapters.koubei.parse_tickets import TicketHandle
from adapters.koubei.wire import CERTIFICATE_REFUND, TICKET_CANCEL
from core.channels.contract import (
    OutcomeUnknown,
    Refusal,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)
from core.testing.faults import FaultKind

VOUCHER, CERTIFICATE = "20231101000730020000000001", "2021042322001426261436764012"
TRANS, USE_ORDER = "20231115000000000001", "2023052100445005835800000045"
TICKET = TicketHandle("016569843362", "req0001", is_card=False).write()
ENCRYPTED = CertificateHandle("LLyABKAESLgosRSH/OAfU5", "074a1test", None, False).write()
TICKET_REVERSAL = ReversalOrder("r1", VOUCHER, TICKET, (TRANS,), "2023")
CERTIFICATE_REVERSAL = ReversalOrder("r1", CERTIFICATE, ENCRYPTED, (USE_ORDER,), "2023")
UNLISTED = {"code": "40004", "sub_code": "NOBODY_KNOWS"}


def read_body(request: Any) -> dict[str, Any]:
    (content,) = parse_qs(request.content.decode())["biz_content"]
    return dict(orjson.loads(content))


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


async def use(channel: Any, session: Any, order: Any) -> list[Any]:
    return list(await channel.coupons.redeem(session, order))


# ------------------------------------------------------------------------------------------------------------ tickets
async def test_ticket_is_given_back(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    ticket = simulator.make("usable")
    order = order_of(await find(ticket.code))
    (outcome,) = await use(channel, session, order)
    assert await channel.coupons.reverse(session, reversal_of(order, outcome)) == Reversed()
    assert read_body(session.http.requests[-1]) == {
        "request_id": order.token,
        "request_biz_no": order.token,
        "ticket_code": ticket.code,
        "quantity": "1",
    }
    assert count_living(simulator) == [0]


async def test_uses_of_one_call_go_together(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("times_card").code), times=2)
    (outcome,) = await use(channel, session, order)
    whole = reversal_of(order, outcome)
    part = await channel.coupons.reverse(session, replace(whole, receipts=whole.receipts[:1]))
    assert isinstance(part, ReversalRefused)
    assert part.refusal.reason is Refusal.NOT_REVERSIBLE
    assert count_living(simulator) == [5]
    assert await channel.coupons.reverse(session, whole) == Reversed()
    assert count_living(simulator) == [3]
    assert simulator.calls[TICKET_CANCEL] == 1


@pytest.mark.parametrize("payload", ["13_cancel_ok", "14_cancel_repeated"])
async def test_cancel_may_be_repeated(canned: Any, channel: Any, read_payload: Any, payload: str) -> None:
    answer = await channel.coupons.reverse(canned(read_payload(payload)), TICKET_REVERSAL)
    assert answer == Reversed()


async def test_late_cancel_is_refused(canned: Any, channel: Any, read_payload: Any) -> None:
    session = canned(read_payload("15_cancel_too_late"))
    answer = await channel.coupons.reverse(session, TICKET_REVERSAL)
    assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
    assert answer.refusal.platform_code == "TICKET_CANCEL_TIME_EXCEEDED"


def make_used(fields: dict[str, Any], *trans_ids: str) -> dict[str, Any]:
    rows = [{"ticket_trans_id": each, "ticket_trans_type": "USE", "quantity": "1"} for each in trans_ids]
    return {**fields, "ticket_trans_info_list": rows}


async def test_refused_cancel_of_a_living_use(canned: Any, channel: Any, read_payload: Any) -> None:
    used = make_used(read_payload("02_query_used"), TRANS)
    for attempt in (1, 2):
        session = canned(UNLISTED, used)
        answer = await channel.coupons.reverse(session, replace(TICKET_REVERSAL, attempt=attempt))
        assert answer.refusal.reason is Refusal.REFUSED_BY_CHANNEL
        assert answer.refusal.platform_code == "NOBODY_KNOWS"


@pytest.mark.parametrize("state", ["01_query_effective", "02_query_used"], ids=["unused", "used again"])
async def test_refused_cancel_of_a_gone_use(canned: Any, channel: Any, read_payload: Any, state: str) -> None:
    now = make_used(read_payload(state), "another")
    first = await channel.coupons.reverse(canned(UNLISTED, now), TICKET_REVERSAL)
    assert first.refusal.reason is Refusal.ALREADY_REVERSED
    again = await channel.coupons.reverse(canned(UNLISTED, now), replace(TICKET_REVERSAL, attempt=2))
    assert again == Reversed()


async def test_refused_cancel_of_an_untold_use(canned: Any, channel: Any, read_payload: Any) -> None:
    for state in ("05_query_using", "02_query_used"):
        with pytest.raises(OutcomeUnknown, match="cannot be asked"):
            await channel.coupons.reverse(canned(UNLISTED, read_payload(state)), TICKET_REVERSAL)


# ------------------------------------------------------------------------------------------------------- certificates
async def test_reversal_spares_the_sibling(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_two_coupons").link))
    first, second = await use(channel, session, order)
    assert first.receipts[0].reference == second.receipts[0].reference, "one number for one call"
    assert await channel.coupons.reverse(session, reversal_of(order, second)) == Reversed()
    assert count_living(simulator) == [1, 0]
    assert read_body(session.http.requests[-1]) == {
        "out_biz_no": "0194b2c100007000800000000000000a",
        "certificate_reverse_info_list": [
            {"certificate_id": second.reference, "use_order_no": second.receipts[0].reference}
        ],
        "open_id": "074a1simulatedopenidofacustomer",
    }


async def test_one_use_of_a_card_goes(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_times_card").link), times=3)
    (outcome,) = await use(channel, session, order)
    whole = reversal_of(order, outcome)
    answer = await channel.coupons.reverse(session, replace(whole, receipts=whole.receipts[1:2]))
    assert answer == Reversed()
    assert count_living(simulator) == [5]
    living = [each.receipt for each in simulator.orders[0].coupons[0].living()]
    assert whole.receipts[1] not in living


async def test_lost_refund_is_repeated(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, reversal_of: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_usable").link))
    (outcome,) = await use(channel, session, order)
    simulator.faults.script("reverse", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, reversal_of(order, outcome))
    again = await channel.coupons.reverse(session, reversal_of(order, outcome, attempt=2))
    assert again == Reversed()
    assert simulator.calls[CERTIFICATE_REFUND] == 2
    assert count_living(simulator) == [0]


async def test_refund_example_is_read(canned: Any, channel: Any, read_payload: Any) -> None:
    session = canned(read_payload("26_certificate_refund_ok"))
    assert await channel.coupons.reverse(session, CERTIFICATE_REVERSAL) == Reversed()


def make_state(status: str) -> dict[str, Any]:
    return {"code": "10000", "certificate_info_list": [{"certificate_id": CERTIFICATE, "status": status}]}


async def test_refused_refund_of_a_used_one(canned: Any, channel: Any, read_payload: Any) -> None:
    refused = read_payload("26_certificate_refund_ok")
    refused["certificate_reverse_result_list"][0]["result"] = "NOBODY_KNOWS"
    for fields in (UNLISTED, refused):
        answer = await channel.coupons.reverse(canned(fields, make_state("USED")), CERTIFICATE_REVERSAL)
        assert answer.refusal.reason is Refusal.REFUSED_BY_CHANNEL
        assert answer.refusal.platform_code == "NOBODY_KNOWS"


async def test_refused_refund_of_an_unused_one(canned: Any, channel: Any) -> None:
    first = await channel.coupons.reverse(canned(UNLISTED, make_state("VALID")), CERTIFICATE_REVERSAL)
    assert first.refusal.reason is Refusal.ALREADY_REVERSED
    order = replace(CERTIFICATE_REVERSAL, attempt=2)
    assert await channel.coupons.reverse(canned(UNLISTED, make_state("VALID")), order) == Reversed()


async def test_refused_refund_of_an_untold_one(canned: Any, channel: Any) -> None:
    for second in (make_state("NEW"), (500, b""), UNLISTED):
        with pytest.raises(OutcomeUnknown, match="cannot be asked"):
            await channel.coupons.reverse(canned(UNLISTED, second), CERTIFICATE_REVERSAL)


@pytest.mark.parametrize(
    "changes", [{"use_order_no": "another"}, {"certificate_id": "another"}, {"result": None}, {"result": []}]
)
async def test_open_refund_is_unknown(
    canned: Any, channel: Any, read_payload: Any, changes: dict[str, Any]
) -> None:
    fields = read_payload("26_certificate_refund_ok")
    fields["certificate_reverse_result_list"][0].update(changes)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(canned(fields), CERTIFICATE_REVERSAL)
