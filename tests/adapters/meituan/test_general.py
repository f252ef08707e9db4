"""General services (businessId 58): receipts, cards, orders of several coupons, and whose use it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from adapters.meituan.parse_general import parse_receipts
from core.channels.contract import (
    CouponKind,
    CouponStatus,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)
from core.testing.clock import START
from core.testing.faults import Fault, FaultKind
from tests.adapters.meituan.conftest import take_back

CODE = "0332808512"
IN_2023 = datetime(2023, 11, 15, tzinfo=UTC)
ITEM = RedeemItem(CODE, f"{CODE}:993500001:1:1")
ORDER = RedeemOrder("req-0001", (ITEM,), CODE, "4937000000000000001", at=START)


def living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


def read_biz(till: Any) -> Any:
    return orjson.loads(parse_qs(till.session.http.requests[-1].content.decode())["biz"][0])


# ---------------------------------------------------------------------------------------------------------- look-ups
def test_example_of_two_coupons(read_payload: Any) -> None:
    first, second = parse_receipts(read_payload("01_ddzh_prepare_ok")["data"], CODE, IN_2023)
    assert (first.reference, second.reference) == (CODE, f"{CODE}#2")
    assert (first.handle, second.handle) == (f"{CODE}:993500001:1:2", f"{CODE}:993500001:2:2")
    assert (first.kind, first.status) == (CouponKind.SET_MEAL, CouponStatus.AVAILABLE)
    assert (first.face_value, first.paid_amount) == (16800, 7800)
    assert first.valid_until == datetime(2023, 12, 30, 15, 59, 59, tzinfo=UTC)
    assert not {"receiptCode", "mobile"} & first.raw.keys()


def test_example_of_a_card(read_payload: Any) -> None:
    (card,) = parse_receipts(read_payload("02_ddzh_prepare_times_card")["data"], CODE, IN_2023)
    assert (card.kind, card.times_total, card.times_remaining) == (CouponKind.TIMES_CARD, 10, 10)
    # 78 yuan of 88 without a word on the other 10: nobody can tell for how many cards.
    assert (card.face_value, card.paid_amount, card.status) == (16800, None, CouponStatus.AVAILABLE)


def test_expiry_is_read_from_the_date(read_payload: Any) -> None:
    coupons = parse_receipts(
        read_payload("01_ddzh_prepare_ok")["data"], CODE, datetime(2024, 1, 1, tzinfo=UTC)
    )
    assert {coupon.status for coupon in coupons} == {CouponStatus.EXPIRED}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"bizType": 203}, CouponKind.SET_MEAL),
        ({"bizType": 217}, CouponKind.EXCHANGE),
        ({"bizType": 999}, CouponKind.UNRECOGNISED),
        ({"bizType": None}, CouponKind.UNRECOGNISED),
        ({"bizType": 0, "tgTimesCardFlag": True}, CouponKind.TIMES_CARD),
    ],
)
def test_kinds(read_payload: Any, changes: Any, kind: CouponKind) -> None:
    data = {**read_payload("01_ddzh_prepare_ok")["data"], **changes}
    assert parse_receipts(data, CODE, IN_2023)[0].kind is kind


def test_answer_about_another_code(read_payload: Any) -> None:
    with pytest.raises(ProtocolFailure, match="not about the code"):
        parse_receipts(read_payload("01_ddzh_prepare_ok")["data"], "0332808999", IN_2023)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("03_ddzh_prepare_already_used", Refusal.ALREADY_REDEEMED),
        ("04_ddzh_prepare_expired", Refusal.EXPIRED),
        ("05_ddzh_prepare_wrong_shop", Refusal.WRONG_STORE),
    ],
)
async def test_examples_of_refusals(canned: Any, read_payload: Any, payload: str, reason: Refusal) -> None:
    refused = await canned(read_payload(payload), (500, b"")).look_up(CODE)
    assert (refused.reason, refused.platform_code) == (reason, "OP_BIZ_ERROR")
    assert refused.platform_message == read_payload(payload)["msg"]


async def test_used_coupon_tells_when(till: Any, general: Any, clock: Any) -> None:
    refused = await till.look_up(general.make("used").code)
    assert (refused.reason, refused.redeemed_at) == (
        Refusal.ALREADY_REDEEMED,
        clock.now() - timedelta(hours=2),
    )


async def test_unlisted_words_are_checked(canned: Any, read_payload: Any) -> None:
    strange = {"code": "OP_BIZ_ERROR", "msg": "券状态异常", "data": None}
    refused = await canned(strange, read_payload("10_ddzh_getconsumed_ok")).look_up(CODE)
    assert (refused.reason, refused.redeemed_at) == (
        Refusal.ALREADY_REDEEMED,
        datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC),
    )
    refused = await canned(strange, strange).look_up(CODE)
    assert (refused.reason, refused.platform_message) == (Refusal.REFUSED_BY_CHANNEL, "券状态异常")


async def test_code_of_nobody(till: Any, general: Any) -> None:
    assert await till.look_up("5899999999") == NotMine()
    assert general.calls == {"prepare": 1}


async def test_nothing_left(canned: Any, read_payload: Any) -> None:
    body = read_payload("01_ddzh_prepare_ok")
    body["data"]["count"] = 0
    assert await canned(body).look_up(CODE) == Refused(Refusal.ALREADY_REDEEMED, vague=True)


# --------------------------------------------------------------------------------------------------------- redeeming
async def test_coupon_is_redeemed(till: Any, general: Any, clock: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    (outcome,) = await till.redeem(order)
    (use,) = general.consumptions()[0].uses
    assert [receipt.reference for receipt in outcome.receipts] == [f"{order.code}/{use.receipt}"]
    assert outcome.receipts[0].redeemed_at == clock.now()
    assert outcome.reversible_until == clock.now() + timedelta(minutes=10)
    assert read_biz(till) == {
        "receiptCode": order.code,
        "count": 1,
        "requestId": "0192-leg-1",
        "appShopAccount": "hexiao",
        "appShopAccountName": "Hexiao",
    }


@pytest.mark.parametrize("payload", ["06_ddzh_consume_ok", "07_ddzh_consume_repeat_same_requestId"])
@pytest.mark.parametrize("attempt", [1, 2])
async def test_examples_of_success(canned: Any, read_payload: Any, payload: str, attempt: int) -> None:
    (outcome,) = await canned(read_payload(payload)).redeem(replace(ORDER, attempt=attempt))
    assert [receipt.reference for receipt in outcome.receipts] == [f"{CODE}/880001"]
    assert (outcome.receipts[0].redeemed_at is None) == (attempt == 2)


async def test_one_call_for_one_order(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("two_coupons").code)
    first, second = await till.redeem(order)
    own, other = general.consumptions()
    assert (first.reference, second.reference) == (own.code, f"{own.code}#2")
    assert first.receipts[0].reference == f"{own.code}/{own.uses[0].receipt}"
    assert second.receipts[0].reference == f"{other.code}/{other.uses[0].receipt}"
    assert (general.calls["consume"], living(general)) == (1, [1, 1])


async def test_rows_come_in_any_order(canned: Any, read_payload: Any) -> None:
    body = read_payload("06_ddzh_consume_ok")
    (row,) = body["data"]["result"]
    body["data"]["result"] = [{**row, "receiptCode": "0332808599", "flowId": 7}, row]
    items = (RedeemItem(f"{CODE}#2", f"{CODE}:1:2:2"), replace(ITEM, handle=f"{CODE}:1:1:2"))
    outcomes = await canned(body).redeem(replace(ORDER, items=items))
    assert {each.reference: each.receipts[0].reference for each in outcomes} == {
        CODE: f"{CODE}/880001",
        f"{CODE}#2": "0332808599/7",
    }


async def test_three_uses_of_a_card(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("times_card").code, times=3)
    (outcome,) = await till.redeem(order)
    assert len({receipt.reference for receipt in outcome.receipts}) == 3
    assert living(general) == [6]
    card = (await till.find(order.code)).coupons[0]
    assert (card.status, card.times_total, card.times_remaining) == (CouponStatus.PARTLY_REDEEMED, 10, 4)


async def test_more_uses_than_left(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("times_card").code, times=8)
    (outcome,) = await till.redeem(order)
    assert (outcome.refusal.reason, outcome.refusal.platform_message) == (
        Refusal.TIMES_USED_UP,
        "可用数量不足",
    )
    assert living(general) == [3]


async def test_used_by_another_till(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    await till.redeem(order)
    (outcome,) = await till.redeem(replace(order, token="another"))
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, living(general)) == (Refusal.ALREADY_REDEEMED, [1])


@pytest.mark.parametrize(
    "kind",
    [FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500_AFTER_APPLY, FaultKind.GARBAGE, FaultKind.LOSE],
)
async def test_repeat_redeems_once(till: Any, general: Any, kind: FaultKind) -> None:
    order = await till.prepare(general.make("times_card").code, times=2)
    general.faults.script("redeem", kind)
    with pytest.raises(OutcomeUnknown):
        await till.redeem(order)
    (outcome,) = await till.redeem(replace(order, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert (living(general), outcome.receipts[0].redeemed_at) == ([5], None)


async def test_late_landing_shows(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    general.faults.script("redeem", Fault(FaultKind.APPLY_LATE, 60))
    with pytest.raises(OutcomeUnknown):
        await till.redeem(order)
    assert (await till.status(order)).status is CouponStatus.AVAILABLE
    assert general.settle() == 1
    assert len((await till.status(order)).uses) == 1


@pytest.mark.parametrize(
    "changes",
    [{"receiptCode": None}, {"flowId": []}, {"flowId": True}],
)
async def test_row_that_cannot_be_read(canned: Any, read_payload: Any, changes: Any) -> None:
    body = read_payload("06_ddzh_consume_ok")
    body["data"]["result"][0] |= changes
    with pytest.raises(OutcomeUnknown):
        await canned(body).redeem(ORDER)


@pytest.mark.parametrize("rows", [None, [], [{"receiptCode": CODE, "flowId": 1}] * 2, {}, "ok", 5])
async def test_wrong_number_of_rows(canned: Any, rows: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await canned({"code": "OP_SUCCESS", "data": {"result": rows}}).redeem(ORDER)


async def test_use_without_flow_is_named_by_its_code(canned: Any, read_payload: Any) -> None:
    body = read_payload("06_ddzh_consume_ok")
    del body["data"]["result"][0]["flowId"]
    (outcome,) = await canned(body).redeem(ORDER)
    assert outcome.receipts[0].reference == f"{CODE}/"


async def test_equal_flows_are_numbered(canned: Any, read_payload: Any) -> None:
    body = read_payload("06_ddzh_consume_ok")
    body["data"]["result"] *= 2
    (outcome,) = await canned(body).redeem(replace(ORDER, items=(replace(ITEM, times=2),)))
    assert [receipt.reference for receipt in outcome.receipts] == [f"{CODE}/880001", f"{CODE}/880001+2"]


@pytest.mark.parametrize("code", ["OP_BIZ_ERROR", "OP_NEVER_HEARD_OF"])
async def test_unlisted_refusal_of_a_repeat(canned: Any, code: str) -> None:
    body = {"code": code, "msg": "?", "data": None}
    (outcome,) = await canned(body).redeem(ORDER)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, code)
    with pytest.raises(OutcomeUnknown) as caught:
        await canned(body).redeem(replace(ORDER, attempt=2))
    assert caught.value.platform_code == code


# ------------------------------------------------------------------------------------------------------------ status
async def test_use_is_shown(till: Any, general: Any, clock: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    (outcome,) = await till.redeem(order)
    state = await till.status(order)
    (use,) = state.uses
    assert (state.reference, state.status) == (order.code, CouponStatus.REDEEMED)
    assert (use.receipt, use.used_at) == (outcome.receipts[0].reference, clock.now())
    assert (use.by_merchant_api, use.external_store_id) == (True, None)


async def test_use_by_hand_is_left_open(till: Any, general: Any) -> None:
    code = general.make("used").code
    state = await till.status(RedeemOrder("t", (RedeemItem(code, f"{code}:1:1:1"),), code, at=START))
    assert [use.by_merchant_api for use in state.uses] == [None]


async def test_card_shows_today_and_yesterday(till: Any, general: Any, clock: Any) -> None:
    order = await till.prepare(general.make("times_card").code)
    await till.redeem(order)
    clock.advance(timedelta(hours=20))
    await till.redeem(replace(order, token="next day"))
    state = await till.status(order)
    assert (state.status, len(state.uses)) == (CouponStatus.PARTLY_REDEEMED, 5)
    assert [use.used_at for use in state.uses] == sorted(use.used_at for use in state.uses)
    clock.advance(timedelta(days=2))
    await till.redeem(replace(order, token="later"))
    assert [use.used_at for use in (await till.status(order)).uses] == [clock.now()]


async def test_used_up_card(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("times_card").code, times=7)
    await till.redeem(order)
    state = await till.status(order)
    assert (state.status, len(state.uses)) == (CouponStatus.REDEEMED, 10)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("expired", CouponStatus.EXPIRED),
        ("refunded", CouponStatus.REFUNDED),
        ("locked", CouponStatus.LOCKED),
        ("not_yet_valid", CouponStatus.NOT_YET_VALID),
        ("wrong_store", CouponStatus.UNRECOGNISED),
    ],
)
async def test_unused_coupon_has_its_state(
    till: Any, general: Any, state: str, expected: CouponStatus
) -> None:
    code = general.make(state).code
    told = await till.status(RedeemOrder("t", (RedeemItem(code, f"{code}:1:1:1"),), code, at=START))
    assert (told.status, told.uses) == (expected, ())


async def test_other_coupon_of_the_order(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("two_coupons").code)
    state = await till.status(order, 1)
    assert (state.reference, state.status, state.uses) == (f"{order.code}#2", CouponStatus.AVAILABLE, ())
    await till.redeem(replace(order, items=order.items[:1]))
    with pytest.raises(ProtocolFailure):
        await till.status(order, 1)


async def test_part_of_the_order_used_elsewhere(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("two_coupons").code)
    await till.redeem(await till.prepare(general.shop.orders[0].coupons[1].code, first=1))
    with pytest.raises(ProtocolFailure, match="which of the order's coupons"):
        await till.status(order, 1)


USED = {"code": "OP_BIZ_ERROR", "msg": "该券已使用", "data": None}
UNUSED = {"code": "OP_BIZ_ERROR", "msg": "该券未使用", "data": None}
UNCLEAR = {"code": "OP_BIZ_ERROR", "msg": "系统繁忙", "data": None}
EXPIRED = {"code": "OP_BIZ_ERROR", "msg": "该券已过期", "data": None}


@pytest.mark.parametrize("answers", [(UNUSED, USED), (UNCLEAR, EXPIRED), (UNCLEAR, UNCLEAR)])
async def test_contradictions_tell_no_state(canned: Any, answers: Any) -> None:
    with pytest.raises(ProtocolFailure):
        await canned(*answers).status(ORDER)


async def test_used_card_without_its_uses(canned: Any, read_payload: Any) -> None:
    card = read_payload("02_ddzh_prepare_times_card")
    card["data"]["count"] = 9
    with pytest.raises(ProtocolFailure, match="does not show"):
        await canned(UNUSED, card).status(ORDER)


async def test_use_missing_in_the_list(canned: Any, read_payload: Any) -> None:
    nothing = {"code": "OP_SUCCESS", "data": {"totalCount": 0, "records": []}}
    with pytest.raises(ProtocolFailure, match="does not show the use"):
        await canned(read_payload("10_ddzh_getconsumed_ok"), nothing).status(ORDER)


@pytest.mark.parametrize(
    ("refund_status", "expected"),
    [
        (1, CouponStatus.REDEEMED),
        (None, CouponStatus.REDEEMED),
        (6, CouponStatus.REFUNDED),
    ],
)
async def test_records_that_stand(canned: Any, read_payload: Any, refund_status: Any, expected: Any) -> None:
    row = {**read_payload("10_ddzh_getconsumed_ok")["data"], "flowId": 9, "refundStatus": refund_status}
    gone = {**row, "flowId": 8, "refundStatus": 0}
    listed = {"code": "OP_SUCCESS", "data": {"records": [gone, row, {**row, "receiptCode": "0"}]}}
    state = await canned(read_payload("10_ddzh_getconsumed_ok"), listed).status(ORDER)
    assert (state.status, [use.receipt for use in state.uses]) == (expected, [f"{CODE}/9"])


async def test_long_lists_are_read_to_the_end(canned: Any, read_payload: Any) -> None:
    row = {**read_payload("10_ddzh_getconsumed_ok")["data"], "flowId": 9}
    full = {"code": "OP_SUCCESS", "data": {"records": [{**row, "receiptCode": "0"}] * 300}}
    till = canned(
        read_payload("10_ddzh_getconsumed_ok"), full, {"code": "OP_SUCCESS", "data": {"records": [row]}}
    )
    assert [use.receipt for use in (await till.status(ORDER)).uses] == [f"{CODE}/9"]
    assert read_biz(till) == {"date": "2023-11-15", "bizType": 0, "offset": 300, "type": 0, "limit": 300}


# --------------------------------------------------------------------------------------------------------- reversing
async def test_use_is_taken_back(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    (outcome,) = await till.redeem(order)
    assert await till.reverse(take_back(order, outcome)) == Reversed()
    assert living(general) == [0]
    assert read_biz(till)["dealId"] == str(general.shop.orders[0].deal_id)
    assert (await till.status(order)).status is CouponStatus.AVAILABLE


async def test_other_coupon_is_taken_back(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("two_coupons").code)
    _, second = await till.redeem(order)
    assert await till.reverse(take_back(order, second)) == Reversed()
    assert living(general) == [1, 0]
    assert await till.reverse(take_back(order, second, attempt=2)) == Reversed()
    assert living(general) == [1, 0]


async def test_ten_minutes_are_the_limit(till: Any, general: Any, clock: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    (outcome,) = await till.redeem(order)
    clock.advance(timedelta(minutes=10, seconds=1))
    answer = await till.reverse(take_back(order, outcome))
    assert (answer.refusal.reason, answer.refusal.platform_code) == (
        Refusal.REVERSAL_WINDOW_CLOSED,
        "OP_BIZ_ERROR",
    )
    assert living(general) == [1]


async def test_newest_use_of_a_card_goes_first(till: Any, general: Any, clock: Any) -> None:
    order = await till.prepare(general.make("times_card").code)
    (older,) = await till.redeem(order)
    clock.advance(timedelta(minutes=1))
    (newer,) = await till.redeem(replace(order, token="second"))
    answer = await till.reverse(take_back(order, older))
    assert isinstance(answer, ReversalRefused)
    assert (answer.refusal.reason, living(general)) == (Refusal.NOT_REVERSIBLE, [5])
    assert await till.reverse(take_back(order, newer)) == Reversed()
    assert await till.reverse(take_back(order, older)) == Reversed()
    assert living(general) == [3]


async def test_old_reversal_spares_new_use(till: Any, general: Any) -> None:
    order = await till.prepare(general.make("usable").code)
    (outcome,) = await till.redeem(order)
    await till.reverse(take_back(order, outcome))
    await till.redeem(replace(order, token="another"))
    assert await till.reverse(take_back(order, outcome, attempt=2)) == Reversed()
    answer = await till.reverse(take_back(order, outcome))
    assert (answer.refusal.reason, living(general)) == (Refusal.ALREADY_REVERSED, [1])
    assert general.calls["reverseconsume"] == 1


async def test_use_by_hand_stays(till: Any, general: Any) -> None:
    code = general.make("used").code
    (use,) = general.consumptions()[0].uses
    handle = f"{code}:{general.shop.orders[0].deal_id}:1:1"
    answer = await till.reverse(ReversalOrder("r", code, handle, (use.receipt,)))
    assert (answer.refusal.reason, living(general)) == (Refusal.NOT_REVERSIBLE, [1])


def read_shown(read_payload: Any) -> Any:
    """What is looked at before a reversal: a use with the flow 880001."""
    shown = read_payload("10_ddzh_getconsumed_ok")
    return shown, {"code": "OP_SUCCESS", "data": {"records": [{**shown["data"], "flowId": "880001"}]}}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [("08_ddzh_reverse_ok", None), ("09_ddzh_reverse_too_late", Refusal.REVERSAL_WINDOW_CLOSED)],
)
@pytest.mark.parametrize("receipt", [f"{CODE}/880001", "880001"])  # the latter as version 0.1 wrote it
async def test_examples_of_reversals(
    canned: Any, read_payload: Any, payload: str, expected: Any, receipt: str
) -> None:
    till = canned(*read_shown(read_payload), read_payload(payload))
    answer = await till.reverse(ReversalOrder("r", CODE, ITEM.handle, (receipt,)))
    assert (answer.refusal.reason if expected else None) == expected
    assert isinstance(answer, ReversalRefused if expected else Reversed)


@pytest.mark.parametrize("data", [{}, {"result": "x"}, {"result": []}, {"result": [{"receiptCode": "0"}]}])
async def test_reversal_that_proves_nothing(canned: Any, read_payload: Any, data: Any) -> None:
    till = canned(*read_shown(read_payload), {"code": "OP_SUCCESS", "data": data})
    with pytest.raises(OutcomeUnknown):
        await till.reverse(ReversalOrder("r", CODE, ITEM.handle, (f"{CODE}/880001",)))


@pytest.mark.parametrize("handle", ["", "0332808512", "a:b:c:d", ":1:1:1"])
async def test_foreign_handle(till: Any, general: Any, handle: str) -> None:
    with pytest.raises(ProtocolFailure, match="not a handle"):
        await till.status(replace(ORDER, items=(replace(ITEM, handle=handle),)))
    assert not general.calls
