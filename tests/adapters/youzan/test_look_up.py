"""Looking up: three kinds of code, and why a code cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.channels.contract import CouponKind, CouponStatus, Found, NotMine, Refusal, Refused

QR = "20260301100006000001"
ORDER_NUMBER = "E20260301100000000000003"
COUPON = "493200000001"


def count_uses(simulator: Any) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


# ----------------------------------------------------------------------------------------------------------- examples
async def test_qr_of_two_tickets(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualticket_get_not_verified"))
    found = await channel.coupons.look_up(session, scan(QR))
    assert isinstance(found, Found)
    assert [each.reference for each in found.coupons] == ["ticket-276600000001", "ticket-276600000002"]
    assert found.order_reference == "E20260301100000000000001"
    assert found.redeem_token is None
    assert {each.kind for each in found.coupons} == {CouponKind.EXCHANGE}
    assert found.coupons[0].face_value is None


async def test_virtual_code(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned(read_payload("virtualcode_get"))
    found = await channel.coupons.look_up(session, scan(ORDER_NUMBER))
    assert isinstance(found, Found)
    (coupon,) = found.coupons
    assert (coupon.reference, coupon.title) == (ORDER_NUMBER, "测试虚拟商品")
    assert (coupon.face_value, coupon.paid_amount) == (5900, 5900)
    assert found.order_reference == ORDER_NUMBER


async def test_coupon(channel: Any, canned: Any, scan: Any, read_payload: Any, clock: Any) -> None:
    session = canned(read_payload("coupon_consume_get_unused"))
    found = await channel.coupons.look_up(session, scan(COUPON))
    assert isinstance(found, Found)
    (coupon,) = found.coupons
    assert (coupon.reference, coupon.kind) == ("10600001", CouponKind.CASH_VOUCHER)
    assert (coupon.face_value, coupon.paid_amount) == (1000, None)
    assert coupon.valid_from == datetime(2026, 2, 28, 16, 0, tzinfo=UTC)
    assert coupon.valid_until == datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)
    assert found.order_reference is None


async def test_used_coupon(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned(read_payload("coupon_consume_get_used"))
    refused = await channel.coupons.look_up(session, scan(COUPON))
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.ALREADY_REDEEMED
    assert refused.redeemed_at == datetime(2026, 3, 1, 2, 10, tzinfo=UTC)
    assert refused.coupons[0].times_remaining == 0


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        (COUPON, "coupon_consume_verify_missing"),
        (ORDER_NUMBER, "virtualcode_apply_missing"),
        (QR, "virtualticket_verifycode_none"),
    ],
)
async def test_missing_code_is_not_mine(
    channel: Any, canned: Any, scan: Any, read_payload: Any, code: str, payload: str
) -> None:
    assert await channel.coupons.look_up(canned(read_payload(payload)), scan(code)) == NotMine()


async def test_missing_qr_is_not_mine(channel: Any, canned: Any, scan: Any) -> None:
    words = "服务请求失败,请重试!, 原因：{error_response:{code:80001, msg:PHP response code:404}}"
    session = canned({"error_response": {"code": 80001, "msg": words}})
    assert await channel.coupons.look_up(session, scan(QR)) == NotMine()


@pytest.mark.parametrize("text", ["12345", "276600000001A", "https://youzan.com/x", "ABCDEFGH1234567", "券"])
async def test_other_shapes_are_not_asked_about(channel: Any, canned: Any, scan: Any, text: str) -> None:
    session = canned()
    assert await channel.coupons.look_up(session, scan(text)) == NotMine()
    assert session.http.requests == []


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        ("ticket", "youzan.trade.virtualticket.get"),
        ("code", "youzan.trade.virtualcode.get"),
        ("coupon", "youzan.ump.coupon.consume.get"),
    ],
)
async def test_each_code_is_asked_about_once(
    find: Any, simulator: Any, make_kind: Any, kind: str, api: str
) -> None:
    await find(make_kind(kind).code)
    assert simulator.calls == {"token": 1, api: 1}
    assert count_uses(simulator) == 0


# ------------------------------------------------------------------------------------------------------------- states
@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("expired", Refusal.EXPIRED, CouponStatus.EXPIRED),
        ("refunded", Refusal.REFUNDED, CouponStatus.REFUNDED),
        ("not_yet_valid", Refusal.NOT_YET_VALID, CouponStatus.NOT_YET_VALID),
        ("locked", Refusal.LOCKED, CouponStatus.LOCKED),
        ("cancelled", Refusal.CANCELLED, CouponStatus.CANCELLED),
        ("used_online", Refusal.ALREADY_REDEEMED, CouponStatus.REDEEMED),
    ],
)
async def test_states_have_reasons(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal, status: CouponStatus
) -> None:
    sample = simulator.make(state)
    refused = await channel.coupons.look_up(session, scan(sample.code))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.vague) == (reason, False)
    assert refused.coupons[0].status is status


@pytest.mark.parametrize("kind", ["ticket", "code", "coupon"])
async def test_used_code_tells_when(
    channel: Any, session: Any, scan: Any, make_kind: Any, clock: Any, kind: str
) -> None:
    refused = await channel.coupons.look_up(session, scan(make_kind(kind, "used").code))
    assert refused.reason is Refusal.ALREADY_REDEEMED
    assert refused.redeemed_at == clock.now() - timedelta(hours=2)


async def test_coupon_ends_to_the_second(
    channel: Any, session: Any, scan: Any, make_kind: Any, clock: Any, find: Any
) -> None:
    code = make_kind("coupon").code
    clock.advance(timedelta(days=30))
    await find(code)
    clock.advance(1)
    refused = await channel.coupons.look_up(session, scan(code))
    assert refused.reason is Refusal.EXPIRED


async def test_rest_of_a_qr_is_found(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("two_coupons").code
    both = await find(code)
    await channel.coupons.redeem(session, order_of(both, first=1))
    rest = await find(code)
    assert [each.reference for each in rest.coupons] == [both.coupons[1].reference]


async def test_what_is_kept_names_nobody(channel: Any, session: Any, find: Any, make_kind: Any) -> None:
    kept = [(await find(make_kind(kind).code)).coupons[0] for kind in ("ticket", "code", "coupon")]
    said = repr([coupon.raw for coupon in kept])
    assert not [word for word in ("13800000000", "buyer_message", "ticket_code", "promocode") if word in said]
    assert kept[1].raw["trade"]["orders"][0]["item_type"] == 182
