"""Redeeming: exactly once, although Youzan takes no key and says little."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.channels.contract import (
    CouponStatus,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    ReversalOrder,
    ReversalRefused,
    StatusQuery,
)
from core.testing.clock import START
from core.testing.faults import FaultKind

KINDS = ["ticket", "code", "coupon"]
NUMBER = "E20260301100000000000003"
ORDER = RedeemOrder("leg", (RedeemItem(NUMBER, f"code/{NUMBER}//1"),), "", NUMBER, at=START)


def count_uses(simulator: Any) -> list[int]:
    return [len(each.uses) for each in simulator.consumptions()]


def ask(order: RedeemOrder, item: int = 0) -> StatusQuery:
    return StatusQuery(order.items[item].reference, order.items[item].handle, "", order.order_reference)


# ---------------------------------------------------------------------------------------------------- the good case
@pytest.mark.parametrize(
    ("kind", "api", "key"),
    [
        ("ticket", "youzan.trade.virtualticket.verifyticket", "ticket_code"),
        ("code", "youzan.trade.virtualcode.apply", "code"),
        ("coupon", "youzan.ump.coupon.consume.verify", "code"),
    ],
)
async def test_each_kind_has_its_call(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, kind: str, api: str,
    key: str,
) -> None:  # fmt: skip
    found = await find(make_kind(kind).code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    sent = next(each for each in session.http.requests if each.operation == api)
    assert isinstance(outcome, Redeemed)
    assert list(orjson.loads(sent.content)) == [key]
    assert count_uses(simulator) == [1]


async def test_coupon_receipt_is_its_number(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, clock: Any
) -> None:
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(make_kind("coupon").code)))
    (use,) = simulator.consumptions()[0].uses
    assert outcome.receipts == (Receipt(use.receipt, clock.now(), face_value=1000),)
    assert outcome.reversible_until is None


@pytest.mark.parametrize("kind", ["ticket", "code"])
async def test_other_receipts_are_their_time(
    channel: Any, session: Any, find: Any, order_of: Any, make_kind: Any, clock: Any, kind: str
) -> None:
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(make_kind(kind).code)))
    assert outcome.receipts == (Receipt("20260302120000", clock.now()),)


async def test_whole_qr_is_one_call(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    sample = simulator.make("two_coupons")
    outcomes = await channel.coupons.redeem(session, order_of(await find(sample.code)))
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert simulator.calls["youzan.trade.virtualticket.verifycode"] == 1
    assert simulator.calls["youzan.trade.virtualticket.verifyticket"] == 0
    assert count_uses(simulator) == [1, 1]


async def test_one_of_two_tickets(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, first=1))
    assert outcome.reference == found.coupons[0].reference
    assert simulator.calls["youzan.trade.virtualticket.verifycode"] == 0
    assert count_uses(simulator) == [1, 0]


async def test_some_tickets_go_one_by_one(channel: Any, canned: Any, read_payload: Any) -> None:
    items = tuple(RedeemItem(f"ticket-{n}", f"ticket/Q/{n}/3") for n in (1, 2))
    done, shown = (
        read_payload("virtualticket_verifyticket_ok"),
        read_payload("virtualticket_get_not_verified"),
    )
    session = canned(done, shown, done, shown)
    outcomes = await channel.coupons.redeem(session, RedeemOrder("leg", items, "", at=START))
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    sent = [orjson.loads(each.content) for each in session.http.requests]
    assert sent == [{"ticket_code": "1"}, {"code": "Q"}, {"ticket_code": "2"}, {"code": "Q"}]


async def test_first_refusal_ends_the_rest(channel: Any, canned: Any, read_payload: Any) -> None:
    items = tuple(RedeemItem(f"ticket-{n}", f"ticket/Q/{n}/3") for n in (1, 2))
    session = canned({"error_response": {"code": 101300000, "msg": ""}})
    first, second = await channel.coupons.redeem(session, RedeemOrder("leg", items, "", at=START))
    assert (first.refusal.reason, second.refusal.reason) == (
        Refusal.UNKNOWN_CODE,
        Refusal.REFUSED_BY_CHANNEL,
    )
    assert len(session.http.requests) == 1


# ---------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attempt", [1, 2])
async def test_second_use_is_refused(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, clock: Any,
    kind: str, attempt: int,
) -> None:  # fmt: skip
    order = order_of(await find(make_kind(kind).code))
    await channel.coupons.redeem(session, order)
    (outcome,) = await channel.coupons.redeem(session, replace(order, attempt=attempt))
    assert isinstance(outcome, RedeemRefused)
    assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
    assert outcome.refusal.platform_code == ("101600002" if kind == "code" else "50000")
    assert outcome.refusal.redeemed_at == clock.now()
    assert count_uses(simulator) == [1]


async def test_whole_qr_with_a_used_ticket(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").code)
    await channel.coupons.redeem(session, order_of(found, first=1))
    first, second = await channel.coupons.redeem(session, order_of(found))
    assert (first.refusal.reason, second.refusal.reason) == (
        Refusal.ALREADY_REDEEMED,
        Refusal.REFUSED_BY_CHANNEL,
    )
    assert count_uses(simulator) == [1, 0]


async def test_order_closed_in_between(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualcode_apply_closed"), read_payload("virtualcode_get"))
    (outcome,) = await channel.coupons.redeem(session, ORDER)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.CANCELLED, "101600002")


async def test_coupon_expires_in_between(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, clock: Any
) -> None:
    order = order_of(await find(make_kind("coupon").code))
    clock.advance(timedelta(days=31))
    (outcome,) = await channel.coupons.redeem(session, order)
    assert outcome.refusal.reason is Refusal.EXPIRED
    assert count_uses(simulator) == [0]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["virtualcode_apply_missing"], Refusal.UNKNOWN_CODE),
        (["virtualticket_verifyticket_none", "virtualcode_apply_missing"], Refusal.UNKNOWN_CODE),
        (["selffetch_apply_repeat", "virtualcode_get"], Refusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_refusal_examples(
    channel: Any, canned: Any, read_payload: Any, answers: list[str], reason: Refusal
) -> None:
    session = canned(*map(read_payload, answers))
    (outcome,) = await channel.coupons.redeem(session, ORDER)
    assert outcome.refusal.reason is reason
    assert session.http.answers == []


async def test_refused_and_not_to_be_seen(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualcode_apply_already_used"), (500, b""))
    (outcome,) = await channel.coupons.redeem(session, ORDER)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (
        Refusal.REFUSED_BY_CHANNEL,
        "101600002",
    )


@pytest.mark.parametrize("second", [(500, b""), {"error_response": {"code": 987654, "msg": ""}}])
async def test_repeat_that_cannot_be_seen_is_open(
    channel: Any, canned: Any, read_payload: Any, second: Any
) -> None:
    session = canned(read_payload("virtualcode_apply_already_used"), second)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, replace(ORDER, attempt=2))


async def test_unlisted_code_on_a_repeat_is_open(channel: Any, canned: Any) -> None:
    session = canned({"error_response": {"code": 987654, "msg": ""}})
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.redeem(session, replace(ORDER, attempt=2))
    assert caught.value.platform_code == "987654"


# -------------------------------------------------------------------------------------------------------- open cases
@pytest.mark.parametrize("body", [{}, {"is_success": False}, {"is_success": "true"}, {"is_success": 1}])
async def test_half_a_success_is_open(channel: Any, canned: Any, body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned({"response": body}), ORDER)


@pytest.mark.parametrize(
    "body", [{"is_success": True}, {"successful": True, "code": 2}, {"successful": False, "code": 1}]
)
async def test_half_a_success_of_a_qr_is_open(channel: Any, canned: Any, body: Any) -> None:
    items = tuple(RedeemItem(f"ticket-{n}", f"ticket/Q/{n}/2") for n in (1, 2))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned({"response": body}), RedeemOrder("leg", items, "", at=START))


async def test_success_counts_without_a_look(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualcode_apply_ok"), (500, b""))
    (outcome,) = await channel.coupons.redeem(session, ORDER)
    assert outcome == Redeemed(NUMBER, (Receipt("unseen"),))


async def test_success_before_it_shows(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualcode_apply_ok"), read_payload("virtualcode_get"))
    (outcome,) = await channel.coupons.redeem(session, ORDER)
    assert outcome == Redeemed(NUMBER, (Receipt("unseen"),))


@pytest.mark.parametrize(("age", "is_open"), [(59, False), (61, True)])
async def test_success_over_an_old_use_is_open(
    channel: Any, canned: Any, read_payload: Any, clock: Any, age: int, is_open: bool
) -> None:
    used = read_payload("virtualcode_get")
    local = clock.now() + timedelta(hours=8) - timedelta(seconds=age)
    used["response"] |= {"status": 2, "use_time": f"{local:%Y-%m-%d %H:%M:%S}"}
    session = canned(read_payload("virtualcode_apply_ok"), used)
    if is_open:
        with pytest.raises(OutcomeUnknown, match="older"):
            await channel.coupons.redeem(session, ORDER)
    else:
        (outcome,) = await channel.coupons.redeem(session, ORDER)
        assert isinstance(outcome, Redeemed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "uses"), [(FaultKind.LOSE, 0), (FaultKind.DROP_AFTER_APPLY, 1), (FaultKind.GARBAGE, 1)]
)
async def test_lost_call_is_found_by_asking(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, make_kind: Any, kind: str,
    fault: FaultKind, uses: int,
) -> None:  # fmt: skip
    order = order_of(await find(make_kind(kind).code))
    simulator.faults.script("redeem", fault)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    state = await channel.coupons.status(session, ask(order))
    assert (len(state.uses), state.status) == (
        uses,
        CouponStatus.REDEEMED if uses else CouponStatus.AVAILABLE,
    )
    assert count_uses(simulator) == [uses]


@pytest.mark.parametrize("handle", ["", "card/1//1", "code/1", "ticket/1/2/x"])
async def test_foreign_handle_sends_nothing(channel: Any, canned: Any, handle: str) -> None:
    session = canned()
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, RedeemOrder("leg", (RedeemItem("1", handle),), "", at=START))
    assert session.http.requests == []


async def test_two_uses_of_one_code_send_nothing(channel: Any, canned: Any) -> None:
    session = canned()
    item = replace(ORDER.items[0], times=2)
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(ORDER, items=(item,)))
    assert session.http.requests == []


# ------------------------------------------------------------------------------------------------ status, reversal
async def test_use_in_the_online_shop_is_not_ours(channel: Any, session: Any, simulator: Any) -> None:
    sample = simulator.make("used_online")
    query = StatusQuery(sample.reference, f"coupon/{sample.code}//1", "")
    state = await channel.coupons.status(session, query)
    assert [use.by_merchant_api for use in state.uses] == [False]


async def test_status_is_about_the_ticket_asked_for(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("two_coupons").code))
    await channel.coupons.redeem(session, replace(order, items=order.items[1:]))
    states = [await channel.coupons.status(session, ask(order, n)) for n in (0, 1)]
    assert [state.status for state in states] == [CouponStatus.AVAILABLE, CouponStatus.REDEEMED]


@pytest.mark.parametrize(
    "answer",
    ["virtualcode_apply_missing", "virtualticket_get_not_verified", "coupon_consume_get_unused"],
)
async def test_status_of_something_else_is_none(
    channel: Any, canned: Any, read_payload: Any, answer: str
) -> None:
    query = StatusQuery("E20260301100000000000009", "code/E20260301100000000000009//1", "")
    with pytest.raises(ProtocolFailure):
        await channel.coupons.status(canned(read_payload(answer)), query)


async def test_status_refused_is_no_state(channel: Any, canned: Any) -> None:
    session = canned({"error_response": {"code": 987654, "msg": ""}})
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.status(session, ask(ORDER))
    assert caught.value.platform_code == "987654"


async def test_nothing_is_taken_back(channel: Any, session: Any, simulator: Any) -> None:
    answer = await channel.coupons.reverse(session, ReversalOrder("t", NUMBER, "", ("r",)))
    assert isinstance(answer, ReversalRefused)
    assert answer.refusal.reason is Refusal.NOT_REVERSIBLE
    assert not simulator.calls
