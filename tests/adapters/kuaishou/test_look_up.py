"""Looking a code or a QR up: what is found, and why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.kuaishou.parse import Handle
from core.channels.contract import (
    CouponStatus,
    Found,
    NotMine,
    ProtocolFailure,
    Refusal,
    Refused,
    StatusQuery,
)

CODE = "880260412345"


def fail_with(code: int, words: str = "…") -> Any:
    return {"result": 1, "data": {"error_code": code, "description": words}, "extra": {"error_code": code}}


async def test_code_is_found(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("usable")
    found = await find(sample.code)
    assert [coupon.reference for coupon in found.coupons] == [sample.reference]
    assert (found.coupons[0].face_value, found.coupons[0].paid_amount) == (sample.face_value, 9900)
    assert (found.redeem_token[:5], found.order_reference) == ("ksvt-", simulator.orders[0].order_id)
    assert session.http.requests[-1].params == {"code": sample.code}
    assert simulator.consumptions()[0].living == 0


async def test_link_is_sent_whole(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("two_coupons")
    found = await find(sample.link)
    assert len(found.coupons) == 2
    assert session.http.requests[-1].params == {"encrypted_data": sample.link}


async def test_state_of_a_usable_coupon(channel: Any, session: Any, find: Any, simulator: Any) -> None:
    sample = simulator.make("two_coupons")
    (coupon, _) = (await find(sample.link)).coupons
    state = await channel.coupons.status(session, StatusQuery(coupon.reference, coupon.handle, "UPPER"))
    assert (state.reference, state.status, state.uses) == (coupon.reference, coupon.status, ())
    assert session.http.requests[-1].params == {"encrypted_data": sample.link}


async def test_used_coupon_shows_no_uses(
    channel: Any, session: Any, find: Any, simulator: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    await channel.coupons.redeem(session, order_of(found))
    used = found.coupons[0]
    state = await channel.coupons.status(session, StatusQuery(used.reference, used.handle, ""))
    assert (state.status, state.uses) == (CouponStatus.UNRECOGNISED, ())


@pytest.mark.parametrize(
    ("status", "expected"), [(2, CouponStatus.REDEEMED), (77, CouponStatus.UNRECOGNISED)]
)
async def test_listed_but_maybe_used(
    channel: Any, canned: Any, read_payload: Any, status: int, expected: CouponStatus
) -> None:
    body = read_payload("certificate_prepare_ok")
    body["data"]["certificates"][0]["status"] = status
    handle = Handle("TESTENC0001", {"code": CODE}).pack()
    state = await channel.coupons.status(canned(body), StatusQuery("500000000000001", handle, ""))
    assert (state.status, state.uses) == (expected, ())


async def test_used_card_is_partly_used(channel: Any, session: Any, find: Any, simulator: Any) -> None:
    (card,) = (await find(simulator.make("times_card").code)).coupons
    state = await channel.coupons.status(session, StatusQuery(card.reference, card.handle, ""))
    assert (state.status, state.uses) == (CouponStatus.PARTLY_REDEEMED, ())


@pytest.mark.parametrize(
    ("state", "reason", "platform_code", "vague"),
    [
        ("used", Refusal.ALREADY_REDEEMED, None, True),
        ("refunded", Refusal.ALREADY_REDEEMED, None, True),
        ("expired", Refusal.ALREADY_REDEEMED, None, True),
        ("not_yet_valid", Refusal.NOT_YET_VALID, None, False),
        ("locked", Refusal.LOCKED, "2119006", False),
        ("risk_blocked", Refusal.RISK_BLOCKED, "2119008", False),
    ],
)
async def test_unusable_coupon_is_refused(
    channel: Any, session: Any, simulator: Any, scan: Any,
    state: str, reason: Refusal, platform_code: str | None, vague: bool,
) -> None:  # fmt: skip
    sample = simulator.make(state)
    before = simulator.consumptions()
    answer = await channel.coupons.look_up(session, scan(sample.code))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.platform_code, answer.vague) == (reason, platform_code, vague)
    assert simulator.consumptions() == before


@pytest.mark.parametrize(
    ("code", "words", "reason", "vague"),
    [
        (1208, "…", Refusal.ALREADY_REDEEMED, False),
        (2, "…", Refusal.ALREADY_REDEEMED, False),
        (1212, "…", Refusal.ALREADY_REDEEMED, True),
        (1229, "…", Refusal.RISK_BLOCKED, False),
        (1241, "…", Refusal.TIMES_USED_UP, False),
        (1265, "…", Refusal.CANCELLED, False),
        (3000002, "…", Refusal.WRONG_STORE, False),
        (2119006, "…", Refusal.LOCKED, False),
        (2119007, "…", Refusal.LOCKED, False),
        (2119008, "…", Refusal.RISK_BLOCKED, False),
        (45005117, "…", Refusal.EXPIRED, False),
        (98765, "…", Refusal.REFUSED_BY_CHANNEL, False),
        (98765, "该券已核销", Refusal.ALREADY_REDEEMED, False),
        (98765, "该券已使用", Refusal.ALREADY_REDEEMED, False),
        (98765, "重复核销", Refusal.ALREADY_REDEEMED, False),
        (98765, "该券已过期", Refusal.EXPIRED, False),
        (98765, "该券已退款", Refusal.REFUNDED, False),
        (98765, "未到使用时间", Refusal.NOT_YET_VALID, False),
        (98765, "不在商品适用门店内", Refusal.WRONG_STORE, False),
        (98765, "剩余次数不足", Refusal.TIMES_USED_UP, False),
        (98765, "券码被平台冻结", Refusal.RISK_BLOCKED, False),
        (1212, "该券已退款", Refusal.REFUNDED, False),
        (98765, "门店不存在", Refusal.REFUSED_BY_CHANNEL, False),
    ],
)
async def test_error_codes_and_words(
    channel: Any, canned: Any, scan: Any, code: int, words: str, reason: Refusal, vague: bool
) -> None:
    answer = await channel.coupons.look_up(canned(fail_with(code, words)), scan(CODE))
    assert answer == Refused(reason, str(code), words, vague=vague)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1250, "…"),
        (1221, "…"),
        (3100101, "…"),
        (98765, "券码不存在"),
        (98765, "券不存在"),
        (98765, "券码无效"),
    ],
)
async def test_unknown_code_is_not_mine(channel: Any, canned: Any, scan: Any, code: int, words: str) -> None:
    assert await channel.coupons.look_up(canned(fail_with(code, words)), scan(CODE)) == NotMine()


async def test_example_of_an_unknown_code(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    body = read_payload("certificate_prepare_bad_code")
    assert await channel.coupons.look_up(canned(body), scan(CODE)) == NotMine()


async def test_example_of_an_empty_order(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    answer = await channel.coupons.look_up(canned(read_payload("certificate_prepare_empty")), scan(CODE))
    assert answer == Refused(Refusal.ALREADY_REDEEMED, vague=True)


@pytest.mark.parametrize(
    "body",
    [
        {"result": 109, "error_msg": "unknown api"},
        {"result": 109, "data": {"error_code": 0, "certificates": []}},
        {"result": 1, "data": {"error_code": 0}, "extra": {"error_code": 109}},
        {"result": 1, "data": {"error_code": "109"}},
    ],
)
async def test_any_of_three_places_refuses(channel: Any, canned: Any, scan: Any, body: Any) -> None:
    answer = await channel.coupons.look_up(canned(body), scan(CODE))
    assert (answer.reason, answer.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "109")


@pytest.mark.parametrize("missing", ["verify_token", "order_id"])
async def test_found_needs_both_tokens(
    channel: Any, canned: Any, scan: Any, read_payload: Any, missing: str
) -> None:
    body = read_payload("certificate_prepare_ok")
    body["data"]["certificates"][0].update(start_time=0, expire_time=4102444800)
    assert isinstance(await channel.coupons.look_up(canned(body), scan(CODE)), Found)
    del body["data"][missing]
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.look_up(canned(body), scan(CODE))
    assert caught.value.path == f"data.{missing}"


async def test_coupon_expires_by_the_clock(
    channel: Any, canned: Any, scan: Any, read_payload: Any, clock: Any
) -> None:
    body = read_payload("certificate_prepare_ok")
    expiry = clock.now() + timedelta(days=1)
    body["data"]["certificates"][0].update(start_time=0, expire_time=int(expiry.timestamp()))
    assert isinstance(await channel.coupons.look_up(canned(body), scan(CODE)), Found)
    clock.advance(timedelta(days=1, seconds=1))
    assert (await channel.coupons.look_up(canned(body), scan(CODE))).reason is Refusal.EXPIRED
