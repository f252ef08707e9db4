"""Looking a code or a QR link up: what is found, and why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import Found, Misconfigured, NotMine, Refusal, Refused
from core.testing.sessions import make_session


def fail_with(code: int) -> Any:
    return {"data": {"error_code": code, "description": "…"}, "extra": {"error_code": code}}


async def test_code_is_found(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("usable")
    found = await find(sample.code)
    assert [coupon.reference for coupon in found.coupons] == [sample.reference]
    assert found.coupons[0].face_value == sample.face_value
    assert found.redeem_token.startswith("vt-")
    sent = session.http.requests[-1]
    assert sent.params == {"code": sample.code, "poi_id": session.external_store_id}
    assert simulator.consumptions()[0].living == 0


async def test_link_is_found(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("two_coupons")
    found = await find(sample.link)
    assert len(found.coupons) == 2
    sent = session.http.requests[-1]
    assert sent.params["encrypted_data"] == simulator.orders[0].object_id
    assert "code" not in sent.params


async def test_long_link_needs_no_following(find: Any, simulator: Any, session: Any) -> None:
    simulator.make("usable")
    object_id = simulator.orders[0].object_id  # with an unescaped plus sign, as some links have it
    found = await find(f"https://www.iesdouyin.com/share/coupon/1/?schema_type=13&object_id={object_id}")
    assert "+" in object_id
    assert len(found.coupons) == 1
    assert [request.operation for request in session.http.requests] == ["token", "prepare"]


async def test_link_to_a_foreign_host(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    assert await channel.coupons.look_up(session, scan("https://links.example/x")) == NotMine()
    assert not simulator.calls


@pytest.mark.parametrize(
    ("state", "reason", "platform_code", "vague"),
    [
        ("used", Refusal.ALREADY_REDEEMED, "1212", True),
        ("refunded", Refusal.ALREADY_REDEEMED, "1212", True),
        ("expired", Refusal.EXPIRED, None, False),
        ("not_yet_valid", Refusal.NOT_YET_VALID, None, False),
        ("wrong_store", Refusal.WRONG_STORE, "3000002", False),
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
    ("code", "reason"),
    [
        (1508, None),
        (1212, Refusal.ALREADY_REDEEMED),
        (1229, Refusal.RISK_BLOCKED),
        (1241, Refusal.TIMES_USED_UP),
        (1265, Refusal.CANCELLED),
        (2119007, Refusal.LOCKED),
        (45005117, Refusal.EXPIRED),
        (1502, Refusal.REFUSED_BY_CHANNEL),
        (5000001, Refusal.REFUSED_BY_CHANNEL),
        (28001003, Refusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_error_codes(channel: Any, canned: Any, scan: Any, code: int, reason: Refusal | None) -> None:
    looking = channel.coupons.look_up(canned(fail_with(code)), scan("104686126200130"))
    if reason is None:
        with pytest.raises(Misconfigured):
            await looking
        return
    answer = await looking
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.platform_code) == (reason, str(code))


@pytest.mark.parametrize("code", [1250, 1221, 3100101])
async def test_unknown_code_is_not_mine(channel: Any, canned: Any, scan: Any, code: int) -> None:
    assert await channel.coupons.look_up(canned(fail_with(code)), scan("104686126200130")) == NotMine()


async def test_empty_list_is_vague(channel: Any, canned: Any, scan: Any) -> None:
    body = {"data": {"error_code": 0, "verify_token": "vt", "certificates": []}}
    answer = await channel.coupons.look_up(canned(body), scan("104686126200130"))
    assert answer == Refused(Refusal.ALREADY_REDEEMED, vague=True)


async def test_expired_sibling_is_left_out(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    body = read_payload("life-prepare-multi-cert")
    session = canned(body)
    now = int(session.clock.now().timestamp())
    for certificate, expiry in zip(body["data"]["certificates"], [now - 1, now + 60, now + 60], strict=True):
        certificate["expire_time"] = expiry
    answer = await channel.coupons.look_up(canned(body), scan("104686126200130"))
    assert isinstance(answer, Found)
    assert [coupon.reference[-3:] for coupon in answer.coupons] == ["457", "458"]
    assert answer.order_reference == "1093000000000000123"


async def test_shown_qr_expires(
    channel: Any, find: Any, session: Any, simulator: Any, scan: Any, order_of: Any
) -> None:
    sample = simulator.make("two_coupons")
    shown = f"https://www.iesdouyin.com/share/coupon/1/?object_id={simulator.orders[0].object_id}"
    await channel.coupons.redeem(session, order_of(await find(sample.code)))
    answer = await channel.coupons.look_up(session, scan(shown))
    assert (answer.reason, answer.platform_code) == (Refusal.EXPIRED, "45005117")


async def test_account_of_another_merchant(channel: Any, simulator: Any, scan: Any) -> None:
    session = make_session(channel, simulator, credentials={"accountId": "7200000000000000099"})
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.look_up(session, scan(simulator.make("usable").code))
    assert (caught.value.setting, caught.value.platform_code) == ("accountId", "2119005")


async def test_coupon_expires_by_the_clock(
    channel: Any, find: Any, session: Any, simulator: Any, scan: Any, clock: Any
) -> None:
    sample = simulator.make("usable")
    assert len((await find(sample.code)).coupons) == 1
    clock.advance(timedelta(days=31))
    assert (await channel.coupons.look_up(session, scan(sample.code))).reason is Refusal.EXPIRED
