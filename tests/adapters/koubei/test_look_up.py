"""Looking up: which interface is asked, and what each of its answers means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from adapters.koubei.simulator.state import SHOP_ID
from adapters.koubei.wire import CERTIFICATE_PREPARE, TICKET_QUERY
from core.channels.contract import CouponKind, Misconfigured, NotMine, Refusal, Refused
from core.testing.sessions import make_session

NOT_PERMITTED = {"code": "40006", "msg": "No", "sub_code": "isv.insufficient-isv-permissions"}
UNLISTED = {"code": "40004", "msg": "Business Failed", "sub_code": "NOBODY_KNOWS", "sub_msg": "?"}
CODE = "016569843362"
WITHIN = datetime(2023, 11, 15, 4, 0, tzinfo=UTC)  # the dates of the examples


def read_sent(session: Any) -> list[str]:
    return [request.operation for request in session.http.requests]


async def test_ticket_is_found(find: Any, simulator: Any, session: Any, clock: Any) -> None:
    ticket = simulator.make("usable")
    found = await find(ticket.code)
    (coupon,) = found.coupons
    assert (coupon.reference, coupon.face_value) == (ticket.reference, 9900)
    assert found.order_reference == simulator.orders[0].order_no
    assert coupon.valid_until == clock.now() + timedelta(days=30)
    assert read_sent(session) == [TICKET_QUERY]


async def test_every_look_up_draws_a_request(find: Any, simulator: Any) -> None:
    code = simulator.make("usable").code
    first, second = await find(code), await find(code)
    assert first.redeem_token != second.redeem_token
    assert len(first.redeem_token) == 32
    assert first.redeem_token.isalnum()
    assert orjson.loads(first.coupons[0].handle)["request_id"] == first.redeem_token


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("used", Refusal.ALREADY_REDEEMED),
        ("expired", Refusal.EXPIRED),
        ("refunded", Refusal.REFUNDED),
        ("not_yet_valid", Refusal.NOT_YET_VALID),
        ("wrong_store", Refusal.WRONG_STORE),
        ("locked", Refusal.LOCKED),
        ("certificate_used", Refusal.ALREADY_REDEEMED),
        ("certificate_expired", Refusal.EXPIRED),
        ("certificate_refunded", Refusal.CANCELLED),
        ("certificate_not_yet_valid", Refusal.NOT_YET_VALID),
    ],
)
async def test_state_meets_its_refusal(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal
) -> None:
    answer = await channel.coupons.look_up(session, scan(simulator.make(state).code))
    assert isinstance(answer, Refused)
    assert answer.reason is reason
    assert answer.vague is (state == "certificate_refunded")


async def test_used_ticket_says_when(
    channel: Any, session: Any, simulator: Any, scan: Any, clock: Any
) -> None:
    answer = await channel.coupons.look_up(session, scan(simulator.make("used").code))
    assert answer.redeemed_at == clock.now() - timedelta(hours=2)
    assert answer.platform_code == "USED"


async def test_wrong_store_is_right_elsewhere(channel: Any, simulator: Any, scan: Any, session: Any) -> None:
    code = simulator.make("wrong_store").code
    elsewhere = replace(session, external_store_id=simulator.other_store_id)
    assert (await channel.coupons.look_up(elsewhere, scan(code))).coupons


async def test_store_without_shop_id(channel: Any, session: Any, scan: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.look_up(replace(session, external_store_id=None), scan(CODE))
    assert caught.value.setting == "externalStoreId"
    assert session.http.requests == []


# ------------------------------------------------------------------------------------------------------- certificates
async def test_typed_certificate_is_found(find: Any, simulator: Any, session: Any) -> None:
    certificate = simulator.make("certificate_usable")
    found = await find(certificate.code)
    assert [each.reference for each in found.coupons] == [certificate.reference]
    assert (found.coupons[0].kind, found.coupons[0].paid_amount) == (CouponKind.SET_MEAL, 8000)
    assert found.redeem_token is None
    assert read_sent(session) == [TICKET_QUERY, CERTIFICATE_PREPARE]


async def test_qr_shows_the_whole_order(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("certificate_two_coupons")
    found = await find(sample.link)
    assert len({each.reference for each in found.coupons}) == 2
    assert found.order_reference == simulator.orders[0].order_no
    assert read_sent(session) == [CERTIFICATE_PREPARE]


async def test_link_carries_the_same(find: Any, simulator: Any, session: Any) -> None:
    sample = simulator.make("certificate_usable")
    escaped = sample.link.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    found = await find(f"https://render.alipay.com/p/q?encrypted_data={escaped}")
    assert found.coupons[0].reference == sample.reference


async def test_certificate_card_shows_what_is_left(find: Any, simulator: Any) -> None:
    (coupon,) = (await find(simulator.make("certificate_times_card").link)).coupons
    assert (coupon.kind, coupon.times_total, coupon.times_remaining) == (CouponKind.TIMES_CARD, 10, 7)


async def test_unknown_code_is_asked_at_both(channel: Any, session: Any, scan: Any) -> None:
    assert isinstance(await channel.coupons.look_up(session, scan("016599999999")), NotMine)
    assert read_sent(session) == [TICKET_QUERY, CERTIFICATE_PREPARE]


@pytest.mark.parametrize("text", ["12345", "https://qr.alipay.com/fkx0123", "coupon", "x" * 2000])
async def test_other_texts_are_not_asked(channel: Any, session: Any, scan: Any, text: str) -> None:
    assert isinstance(await channel.coupons.look_up(session, scan(text)), NotMine)
    assert session.http.requests == []


# ------------------------------------------------------------------------------------------------------ one interface
async def test_unlisted_word_about_a_ticket(
    channel: Any, canned: Any, scan: Any, read_payload: Any, clock: Any
) -> None:
    clock.set(WITHIN)
    session = canned(UNLISTED, read_payload("20_certificate_prepareuse_ok"))
    assert (await channel.coupons.look_up(session, scan(CODE))).order_reference
    session = canned(UNLISTED, read_payload("24_certificate_use_certificate_not_exist"))
    answer = await channel.coupons.look_up(session, scan(CODE))
    assert (answer.reason, answer.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "NOBODY_KNOWS")


async def test_app_without_tickets(
    channel: Any, canned: Any, scan: Any, read_payload: Any, clock: Any
) -> None:
    clock.set(WITHIN)
    session = canned(NOT_PERMITTED, read_payload("20_certificate_prepareuse_ok"))
    assert (await channel.coupons.look_up(session, scan(CODE))).coupons


async def test_app_without_certificates(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned(read_payload("12_use_code_invalid"), NOT_PERMITTED)
    assert isinstance(await channel.coupons.look_up(session, scan(CODE)), NotMine)


async def test_app_without_either(channel: Any, canned: Any, scan: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.look_up(canned(NOT_PERMITTED, NOT_PERMITTED), scan(CODE))
    assert caught.value.setting == "appId"
    assert caught.value.platform_code == "40006/isv.insufficient-isv-permissions"


async def test_empty_order_is_vague(channel: Any, canned: Any, scan: Any) -> None:
    session = canned({"code": "10000", "certificate_prepare_info_list": []})
    answer = await channel.coupons.look_up(session, scan("LLyABKAESLgosRSH/OAfU5"))
    assert (answer.reason, answer.vague) == (Refusal.ALREADY_REDEEMED, True)


async def test_base_url_may_end_in_a_slash(channel: Any, simulator: Any, scan: Any) -> None:
    session = make_session(channel, simulator, settings={"baseUrl": simulator.address + "/"})
    assert (await channel.coupons.look_up(session, scan(simulator.make("usable").code))).coupons
    assert session.external_store_id == SHOP_ID
