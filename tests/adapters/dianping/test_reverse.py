"""Asking for a coupon's state, and taking uses back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import (
    ChannelUnavailable,
    CouponStatus,
    OutcomeUnknown,
    ProtocolFailure,
    Refusal,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    StatusQuery,
)
from core.testing.faults import FaultKind

CODE = "0332808512"
ORDER = ReversalOrder("rev-1", CODE, CODE, ("993500001:leg-1",))
UNUSED = {"code": 806, "msg": "该券未验证"}


@pytest.fixture
def redeem(channel: Any, session: Any, simulator: Any, find: Any, order_of: Any) -> Any:
    """Redeems a coupon, by default a new one, and answers what takes it back."""

    async def run(code: str | None = None, token: str = "leg-1") -> ReversalOrder:
        found = await find(code or simulator.make("usable").code)
        (outcome,) = await channel.coupons.redeem(session, order_of(found, token=token))
        coupon = found.coupons[0]
        receipts = tuple(receipt.reference for receipt in outcome.receipts)
        return ReversalOrder(f"rev-{token}", coupon.reference, coupon.handle, receipts)

    return run


def query(code: str, token: str | None = "leg-1") -> StatusQuery:
    return StatusQuery(code, code, code, token=token)


def count_living(simulator: Any) -> int:
    return sum(each.living for each in simulator.consumptions())


def used(account: str = "hexiao-leg-1", channel: str = "15") -> dict[str, Any]:
    use = {"verify_account": account, "verify_channel": channel, "verify_time": "2026-03-02 11:59:00"}
    return {"code": 200, "data": {"receipt_code": CODE, "deal_id": 993500001, **use}}


# ------------------------------------------------------------------------------------------------------------ status
async def test_redeemed_coupon_shows_its_use(channel: Any, session: Any, clock: Any, redeem: Any) -> None:
    order = await redeem()
    state = await channel.coupons.status(session, query(order.reference, token=None))
    (use,) = state.uses
    assert (state.reference, state.status) == (order.reference, CouponStatus.REDEEMED)
    assert (use.receipt, use.token, use.by_merchant_api) == (order.receipts[0], "leg-1", True)
    assert use.used_at == clock.now()


async def test_use_by_hand_is_no_ones_leg(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    sample = simulator.make("used")
    state = await channel.coupons.status(session, query(sample.code))
    (use,) = state.uses
    assert (use.token, use.by_merchant_api) == (None, False)
    assert use.receipt.endswith(f"@{(clock.now() - timedelta(hours=2)).timestamp():.0f}")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("usable", CouponStatus.AVAILABLE),
        ("expired", CouponStatus.EXPIRED),
        ("refunded", CouponStatus.REFUNDED),
        ("not_yet_valid", CouponStatus.NOT_YET_VALID),
        ("locked", CouponStatus.LOCKED),
        ("wrong_store", CouponStatus.UNRECOGNISED),
    ],
)
async def test_unused_coupon_shows_its_state(
    channel: Any, session: Any, simulator: Any, state: str, status: CouponStatus
) -> None:
    shown = await channel.coupons.status(session, query(simulator.make(state).code))
    assert (shown.status, shown.uses) == (status, ())
    assert simulator.calls == {"getconsumed": 1, "prepare": 1}


async def test_used_without_a_record_tells_nothing(channel: Any, canned: Any) -> None:
    session = canned({"code": 877, "msg": "?"}, {"code": 801, "msg": "该券已使用"})
    state = await channel.coupons.status(session, query(CODE))
    assert (state.status, state.uses, state.raw) == (CouponStatus.UNRECOGNISED, (), {"code": "801"})


@pytest.mark.parametrize("data", [None, {}])
async def test_empty_record_is_no_use(channel: Any, canned: Any, read_payload: Any, data: Any) -> None:
    prepared = read_payload("01_prepare_ok")
    prepared["data"]["receiptEndDate"] = None
    state = await channel.coupons.status(canned({"code": 200, "data": data}, prepared), query(CODE))
    assert (state.status, state.uses) == (CouponStatus.AVAILABLE, ())


async def test_unknown_coupon_has_no_state(channel: Any, session: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.status(session, query("0746199999"))
    assert caught.value.platform_code == "804"


# ----------------------------------------------------------------------------------------------------------- reverse
async def test_use_is_taken_back(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    assert await channel.coupons.reverse(session, order) == Reversed()
    state = await channel.coupons.status(session, query(order.reference))
    assert (state.status, state.uses) == (CouponStatus.AVAILABLE, ())
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (1, 0)


@pytest.mark.parametrize(("seconds", "living"), [(600, 0), (601, 1)])
async def test_ten_minutes_and_no_longer(
    channel: Any, session: Any, clock: Any, simulator: Any, redeem: Any, seconds: int, living: int
) -> None:
    order = await redeem()
    clock.advance(timedelta(seconds=seconds))
    answer = await channel.coupons.reverse(session, order)
    if living:
        assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
        assert answer.refusal.platform_code == "805"
    assert isinstance(answer, ReversalRefused if living else Reversed)
    assert count_living(simulator) == living


@pytest.mark.parametrize("attempt", [1, 2])
async def test_nothing_to_take_back(
    channel: Any, session: Any, simulator: Any, redeem: Any, attempt: int
) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    answer = await channel.coupons.reverse(session, replace(order, attempt=attempt))
    if attempt == 1:
        assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    else:
        assert answer == Reversed()
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (1, 0)


@pytest.mark.parametrize("attempt", [1, 2])
async def test_newer_use_is_spared(
    channel: Any, session: Any, simulator: Any, redeem: Any, attempt: int
) -> None:
    order = await redeem()
    await channel.coupons.reverse(session, order)
    await redeem(order.reference, token="leg-2")
    await channel.coupons.reverse(session, replace(order, attempt=attempt))
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (1, 1)


async def test_use_by_hand_is_spared(channel: Any, session: Any, simulator: Any) -> None:
    code = simulator.make("used").code
    answer = await channel.coupons.reverse(session, replace(ORDER, reference=code, handle=code))
    assert answer.refusal.reason is Refusal.ALREADY_REVERSED
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (0, 1)


async def test_unmarked_use_counts_as_ours(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(used(account="pos01"), read_payload("11_reverse_ok"))
    assert await channel.coupons.reverse(session, ORDER) == Reversed()
    assert b"app_deal_id=993500001" in session.http.requests[-1].content
    assert b"app_shop_account=hexiao-rev-1" in session.http.requests[-1].content


async def test_use_without_a_deal_stays(channel: Any, canned: Any) -> None:
    wire = used()
    del wire["data"]["deal_id"]
    session = canned(wire)
    answer = await channel.coupons.reverse(session, replace(ORDER, receipts=(":leg-1",)))
    assert answer.refusal.reason is Refusal.NOT_REVERSIBLE
    assert len(session.http.requests) == 1


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (805, "验券超过10分钟，不能撤销", Refusal.REVERSAL_WINDOW_CLOSED),
        (806, "该券未验证", Refusal.ALREADY_REVERSED),
        (806, "该券已撤销", Refusal.ALREADY_REVERSED),
        (850, "非本账号验券，不能撤销", Refusal.NOT_REVERSIBLE),
        (801, "该券已使用", Refusal.REFUSED_BY_CHANNEL),
        (877, "?", Refusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_refused_reversals(channel: Any, canned: Any, code: int, words: str, reason: Refusal) -> None:
    answer = await channel.coupons.reverse(canned(used(), {"code": code, "msg": words}), ORDER)
    assert isinstance(answer, ReversalRefused)
    assert (answer.refusal.reason, answer.refusal.platform_code) == (reason, str(code))


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (200, b"<html>"),
        {"code": 200},
        {"code": 200, "data": []},
        {"code": 200, "data": [{"receipt_code": "0332808513"}]},
        {"code": 500, "msg": "系统异常"},
    ],
)
async def test_reversals_left_open(channel: Any, canned: Any, answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(canned(used(), answer), ORDER)


async def test_lost_reversal_is_repeated(channel: Any, session: Any, simulator: Any, redeem: Any) -> None:
    order = await redeem()
    simulator.faults.script("reverse", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.reverse(session, order)
    assert await channel.coupons.reverse(session, replace(order, attempt=2)) == Reversed()
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (1, 0)


async def test_reversal_without_a_look_sends_nothing(
    channel: Any, session: Any, simulator: Any, redeem: Any
) -> None:
    order = await redeem()
    simulator.faults.script("status", FaultKind.LOSE)
    with pytest.raises(ChannelUnavailable):
        await channel.coupons.reverse(session, order)
    assert (simulator.calls["reverseconsume"], count_living(simulator)) == (0, 1)


async def test_unclear_state_is_tried(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(UNUSED, {"code": 801, "msg": "该券已使用"}, read_payload("11_reverse_ok"))
    assert await channel.coupons.reverse(session, ORDER) == Reversed()
    assert [request.operation for request in session.http.requests][-1] == "reverseconsume"


async def test_late_example(channel: Any, canned: Any, read_payload: Any) -> None:
    answer = await channel.coupons.reverse(canned(used(), read_payload("12_reverse_too_late")), ORDER)
    assert answer.refusal.reason is Refusal.REVERSAL_WINDOW_CLOSED
