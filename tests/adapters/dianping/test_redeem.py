"""Looking up and redeeming: one call for one order, and the truth about its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from core.channels.contract import (
    CouponKind,
    Found,
    NotMine,
    OutcomeUnknown,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
)
from core.testing.clock import START

CODE, OTHER = "0332808512", "0332808513"
ONE = RedeemOrder("req-0001", (RedeemItem(CODE, CODE),), CODE, at=START)
TWO = replace(ONE, items=(RedeemItem(CODE, CODE), RedeemItem(OTHER, OTHER)))
USED = {"code": 801, "msg": "该券已使用"}


def read_form(session: Any) -> dict[str, str]:
    return dict(parse_qsl(session.http.requests[-1].content.decode()))


def count_uses(simulator: Any) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


def done(*codes: str) -> dict[str, Any]:
    details = [{"receipt_code": code, "deal_id": 7} for code in codes]
    return {"single_consume_code": 200, "single_consume_msg": "success", "consume_detail_list": details}


def refused(code: int, words: str, details: Sequence[Any] = ()) -> dict[str, Any]:
    return {"single_consume_code": code, "single_consume_msg": words, "consume_detail_list": list(details)}


# ------------------------------------------------------------------------------------------------------------ look up
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("used", Refusal.ALREADY_REDEEMED),
        ("expired", Refusal.EXPIRED),
        ("refunded", Refusal.REFUNDED),
        ("not_yet_valid", Refusal.NOT_YET_VALID),
        ("wrong_store", Refusal.WRONG_STORE),
        ("locked", Refusal.LOCKED),
    ],
)
@pytest.mark.parametrize("form", ["code", "link"])
async def test_states_meet_their_refusals(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal, form: str
) -> None:
    sample = simulator.make(state)
    answer = await channel.coupons.look_up(session, scan(getattr(sample, form)))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.vague) == (reason, False)
    assert simulator.consumptions()[0].living == int(state == "used")


@pytest.mark.parametrize("text", ["0746199999", "https://dpurl.cn/p/nothing"])
async def test_unknown_code_is_not_mine(channel: Any, session: Any, scan: Any, text: str) -> None:
    assert await channel.coupons.look_up(session, scan(text)) == NotMine()


async def test_unlisted_refusal_is_kept(channel: Any, canned: Any, scan: Any) -> None:
    answer = await channel.coupons.look_up(canned({"code": 877, "msg": f"不行 {CODE}"}), scan(CODE))
    assert answer == Refused(Refusal.REFUSED_BY_CHANNEL, "877", "不行 …")


async def test_refusal_words_below_800(channel: Any, canned: Any, scan: Any) -> None:
    answer = await channel.coupons.look_up(canned({"code": 700, "msg": "该券已使用"}), scan(CODE))
    assert (answer.reason, answer.platform_code) == (Refusal.ALREADY_REDEEMED, "700")


async def test_qr_goes_out_as_it_is(find: Any, session: Any, simulator: Any) -> None:
    sample = simulator.make("two_coupons")
    found = await find(sample.link)
    assert read_form(session)["qr_code"] == sample.link
    assert [coupon.kind for coupon in found.coupons] == [CouponKind.SET_MEAL, CouponKind.CASH_VOUCHER]
    assert [coupon.face_value for coupon in found.coupons] == [None, None]


async def test_code_shows_itself_alone(find: Any, simulator: Any) -> None:
    found = await find(simulator.make("two_coupons").code)
    (coupon,) = found.coupons
    assert (coupon.face_value, coupon.paid_amount) == (16850, None)
    assert (found.order_reference, found.redeem_token) == (None, None)


@pytest.mark.parametrize("data", [[], None, [{"receipt_code": CODE, "available_count": 0}]])
async def test_qr_with_nothing_left(channel: Any, canned: Any, scan: Any, data: Any) -> None:
    answer = await channel.coupons.look_up(canned({"code": 200, "data": data}), scan("https://dpurl.cn/p/x"))
    assert (answer.reason, answer.vague) == (Refusal.ALREADY_REDEEMED, True)


async def test_prepared_after_its_end(channel: Any, canned: Any, scan: Any) -> None:
    wire = {"code": 200, "data": {"receipt_code": CODE, "receipt_end_date": "2026-03-01"}}
    answer = await channel.coupons.look_up(canned(wire), scan(CODE))
    assert (answer.reason, len(answer.coupons)) == (Refusal.EXPIRED, 1)


# ------------------------------------------------------------------------------------------------------------- redeem
async def test_redeems_one(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    found = await find(simulator.make("usable").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    (receipt,) = outcome.receipts
    assert receipt.reference == f"{found.coupons[0].raw['deal_id']}:leg-1"
    assert (receipt.face_value, receipt.paid_amount) == (16850, 7805)
    assert receipt.redeemed_at == clock.now()
    assert outcome.reversible_until == clock.now() + timedelta(minutes=10)
    assert (simulator.calls["consume"], count_uses(simulator)) == (1, 1)


async def test_consume_says_who_and_what(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    await channel.coupons.redeem(session, order_of(found))
    sent = read_form(session)
    assert (sent["requestid"], sent["receipt_code"], sent["count"]) == ("leg-1", found.coupons[0].handle, "1")
    assert (sent["app_shop_account"], sent["app_shop_accountname"]) == ("hexiao-leg-1", "Hexiao")


async def test_redeems_two_in_one_call(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").link)
    outcomes = await channel.coupons.redeem(session, order_of(found))
    assert [len(outcome.receipts) for outcome in outcomes] == [1, 1]
    assert orjson.loads(read_form(session)["receipt_code_infos"]) == [
        {"receipt_code": coupon.handle, "count": 1} for coupon in found.coupons
    ]
    assert (simulator.calls["batchconsume"], simulator.calls["consume"]) == (1, 0)
    assert count_uses(simulator) == 2


@pytest.mark.parametrize("state", ["usable", "two_coupons"])
async def test_repeat_gets_the_first_answer(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any, state: str
) -> None:
    found = await find(simulator.make(state).link)
    first = await channel.coupons.redeem(session, order_of(found))
    clock.advance(timedelta(minutes=9))
    second = await channel.coupons.redeem(session, order_of(found, attempt=2))
    receipts = [[each.receipts[0].reference for each in outcomes] for outcomes in (first, second)]
    assert receipts[0] == receipts[1]
    assert {each.receipts[0].redeemed_at for each in second} == {None}
    assert count_uses(simulator) == len(found.coupons)


async def test_other_leg_is_refused(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    await channel.coupons.redeem(session, order_of(found))
    (outcome,) = await channel.coupons.redeem(session, order_of(found, token="leg-2"))
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.ALREADY_REDEEMED, "801")
    assert count_uses(simulator) == 1


async def test_one_of_two_was_used(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").link)
    first = replace(found, coupons=found.coupons[:1])
    await channel.coupons.redeem(session, order_of(first))
    done_, refused_ = await channel.coupons.redeem(session, order_of(found, token="leg-2"))
    assert (type(done_), done_.reference) == (Redeemed, found.coupons[1].reference)
    assert (type(refused_), refused_.reference) == (RedeemRefused, found.coupons[0].reference)
    assert refused_.refusal.reason is Refusal.ALREADY_REDEEMED
    assert count_uses(simulator) == 2


async def test_several_uses_of_one_code(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, times=2))
    assert outcome.refusal.reason is Refusal.TIMES_USED_UP
    assert (simulator.calls["consume"], count_uses(simulator)) == (0, 0)


# ----------------------------------------------------------------------------------------------------------- examples
async def test_consume_example(channel: Any, canned: Any, read_payload: Any) -> None:
    for payload in ("08_consume_ok", "09_consume_same_requestid_repeated"):
        (outcome,) = await channel.coupons.redeem(canned(read_payload(payload)), ONE)
        (receipt,) = outcome.receipts
        assert receipt.reference == "993500001:req-0001"
        assert (receipt.face_value, receipt.paid_amount) == (16800, 7800)


async def test_batch_example(channel: Any, canned: Any, read_payload: Any) -> None:
    outcomes = await channel.coupons.redeem(canned(read_payload("19_batchconsume_partial")), TWO)
    used, left = outcomes
    assert (type(used), used.receipts[0].reference) == (Redeemed, "993500001:req-0001")
    assert (left.reference, left.refusal.reason) == (OTHER, Refusal.ALREADY_REDEEMED)
    assert (left.refusal.platform_code, left.refusal.platform_message) == ("801", "该券已使用")


@pytest.mark.parametrize(
    "rows", [[refused(801, "该券已使用"), done(OTHER)], [done(OTHER), refused(801, "该券已使用")]]
)
async def test_uses_are_known_by_their_code(channel: Any, canned: Any, rows: Any) -> None:
    outcomes = await channel.coupons.redeem(canned({"code": 200, "data": rows}), TWO)
    assert {outcome.reference: type(outcome) for outcome in outcomes} == {
        OTHER: Redeemed,
        CODE: RedeemRefused,
    }


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [done(CODE)],
        [done(CODE), done(CODE)],
        [done(CODE), done("9999999999")],
        [done(CODE, OTHER), refused(801, "该券已使用")],
        [done(CODE), done()],
        [done(CODE), refused(801, "该券已使用", [{"receipt_code": OTHER}])],
        [done(CODE), refused(899, "系统繁忙")],
        [done(CODE), {"single_consume_msg": "?"}],
        [done(CODE), done(OTHER), refused(801, "该券已使用")],
        [done(CODE), done(OTHER), done("9999999999")],
        [done(CODE), done(), refused(801, "该券已使用")],
    ],
)
async def test_batches_left_open(channel: Any, canned: Any, rows: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned({"code": 200, "data": rows}), TWO)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"receipt_code": OTHER, "deal_id": 7}],
        [{"receipt_code": CODE, "deal_id": 7}, {"receipt_code": CODE, "deal_id": 7}],
        [{"receipt_code": CODE, "deal_id": 7, "deal_price": "free"}],
        [{"receipt_code": CODE, "deal_id": []}],
        [None],
        {},
    ],
)
async def test_success_without_our_use_is_open(channel: Any, canned: Any, rows: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned({"code": 200, "data": rows}), ONE)


# ------------------------------------------------------------------------------------------------------------ repeats
@pytest.mark.parametrize("order", [ONE, TWO])
async def test_used_on_a_repeat_proves_nothing(channel: Any, canned: Any, order: RedeemOrder) -> None:
    outcomes = await channel.coupons.redeem(canned(USED), replace(order, attempt=2))
    assert [outcome.refusal.reason for outcome in outcomes] == [Refusal.ALREADY_REDEEMED] * len(order.items)


async def test_unlisted_refusal_of_a_repeat_is_open(channel: Any, canned: Any) -> None:
    answer = {"code": 877, "msg": "?"}
    (outcome,) = await channel.coupons.redeem(canned(answer), ONE)
    assert outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.redeem(canned(answer), replace(ONE, attempt=2))
    assert caught.value.platform_code == "877"


async def test_found_is_never_empty(find: Any, simulator: Any) -> None:
    assert isinstance(await find(simulator.make("usable").link), Found)
