"""Looking a code up: what is found, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import (
    ChannelUnavailable,
    Found,
    Misconfigured,
    NotMine,
    ProtocolFailure,
    Refusal,
    Refused,
)

CODE = "523162942005"
ROOT = "alibaba_alsc_daodian_ticket_consult_response"


def refuse(code: Any, words: Any = "?", **more: Any) -> Any:
    return {ROOT: {"result": {"success": False, "error_code": code, "error_msg": words, **more}}}


def show(value: Any) -> Any:
    return {ROOT: {"result": {"success": True, "value": value}}}


async def test_code_is_found(find: Any, simulator: Any, session: Any, read_request: Any) -> None:
    sample = simulator.make("usable")
    found = await find(sample.code)
    assert [coupon.reference for coupon in found.coupons] == [sample.reference]
    assert (found.coupons[0].face_value, found.redeem_token) == (sample.face_value, None)
    asked = read_request(session.http.requests[-1])["consult_request"]
    assert len(asked.pop("request_id")) == 32
    assert asked == {"shop_id": session.external_store_id, "ticket_code": sample.code}
    assert simulator.consumptions()[0].living == 0


async def test_every_question_has_its_own_number(
    find: Any, simulator: Any, session: Any, read_request: Any
) -> None:
    code = simulator.make("usable").code
    await find(code)
    await find(code)
    numbers = {read_request(each)["consult_request"]["request_id"] for each in session.http.requests}
    assert len(numbers) == 2


async def test_order_of_two_is_found(find: Any, simulator: Any) -> None:
    sample = simulator.make("two_coupons")
    found = await find(sample.code)
    assert [coupon.times_total for coupon in found.coupons] == [1, 1]
    assert found.coupons[0].reference == sample.reference
    assert found.order_reference == simulator.orders[0].order_no


async def test_asked_voucher_comes_first(find: Any, simulator: Any) -> None:
    simulator.make("two_coupons")
    second = simulator.orders[0].vouchers[1]
    found = await find(second.code)
    assert found.coupons[0].reference == second.ticket_id


async def test_card_shows_what_is_left(find: Any, simulator: Any) -> None:
    (card,) = (await find(simulator.make("times_card").code)).coupons
    assert (card.kind, card.times_total, card.times_remaining) == ("TIMES_CARD", 10, 7)
    assert (card.face_value, card.paid_amount) == (128000, 91000)
    assert card.status == "PARTLY_REDEEMED"


@pytest.mark.parametrize(
    ("state", "reason", "platform_code"),
    [
        ("used", Refusal.ALREADY_REDEEMED, "TICKET_ALREADY_USED"),
        ("refunded", Refusal.REFUNDED, "TICKET_REFUNDED"),
        ("expired", Refusal.EXPIRED, "TICKET_EXPIRED"),
        ("not_yet_valid", Refusal.NOT_YET_VALID, "TICKET_NOT_EFFECTIVE"),
        ("wrong_store", Refusal.WRONG_STORE, "SHOP_NOT_MATCH"),
        ("locked", Refusal.LOCKED, "TICKET_FROZEN"),
    ],
)
async def test_unusable_voucher_is_refused(
    channel: Any, session: Any, simulator: Any, scan: Any, state: str, reason: Refusal, platform_code: str
) -> None:
    sample = simulator.make(state)
    before = simulator.consumptions()
    answer = await channel.coupons.look_up(session, scan(sample.code))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.platform_code, answer.vague) == (reason, platform_code, False)
    assert simulator.consumptions() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("券已使用", Refusal.ALREADY_REDEEMED),
        ("该凭证已被核销", Refusal.ALREADY_REDEEMED),
        ("券已经退款", Refusal.REFUNDED),
        ("券退款中", Refusal.LOCKED),
        ("凭证已过期", Refusal.EXPIRED),
        ("凭证未到有效期", Refusal.NOT_YET_VALID),
        ("凭证未生效", Refusal.NOT_YET_VALID),
        ("剩余次数不足", Refusal.TIMES_USED_UP),
        ("该券不适用于当前门店", Refusal.WRONG_STORE),
        ("门店不支持核销", Refusal.WRONG_STORE),
        ("风险交易", Refusal.RISK_BLOCKED),
        ("券已冻结", Refusal.LOCKED),
        ("券已作废", Refusal.CANCELLED),
        ("参数错误", Refusal.REFUSED_BY_CHANNEL),
        (None, Refusal.REFUSED_BY_CHANNEL),
        (12, Refusal.REFUSED_BY_CHANNEL),
    ],
)
async def test_words_of_unlisted_codes(
    channel: Any, canned: Any, scan: Any, words: Any, reason: Refusal
) -> None:
    answer = await channel.coupons.look_up(canned(refuse("SOMETHING_NEW", words)), scan(CODE))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.platform_code) == (reason, "SOMETHING_NEW")


@pytest.mark.parametrize(("code", "words"), [("TICKET_CODE_INVALID", "?"), ("NEW", "券码不存在")])
async def test_unknown_code_is_not_mine(channel: Any, canned: Any, scan: Any, code: str, words: str) -> None:
    assert await channel.coupons.look_up(canned(refuse(code, words)), scan(CODE)) == NotMine()


async def test_documented_example_is_not_mine(
    channel: Any, canned: Any, scan: Any, read_payload: Any
) -> None:
    session = canned(read_payload("26_alsc_ticket_consult_invalid"))
    assert await channel.coupons.look_up(session, scan(CODE)) == NotMine()


@pytest.mark.parametrize("more", [{"code": "SYSTEM_ERROR"}, {"code": "NEW", "retry": True}])
async def test_busy_service_is_unavailable(channel: Any, canned: Any, scan: Any, more: Any) -> None:
    with pytest.raises(ChannelUnavailable) as caught:
        await channel.coupons.look_up(canned(refuse(**more)), scan(CODE))
    assert caught.value.platform_code == more["code"]


@pytest.mark.parametrize(
    "value",
    [
        {"available_quantity": 0},
        {"available_quantity": 0, "ticket_info_list": {"ticket_info": []}},
        {"ticket_info_list": {}},
        {"available_quantity": 0, "ticket_info_list": [{"ticket_id": "1", "quantity": 3}]},
    ],
)
async def test_empty_list_is_vague(channel: Any, canned: Any, scan: Any, value: Any) -> None:
    answer = await channel.coupons.look_up(canned(show(value)), scan(CODE))
    assert answer == Refused(Refusal.ALREADY_REDEEMED, vague=True)


@pytest.mark.parametrize("value", [None, {}, {"available_quantity": 2, "ticket_info_list": []}])
async def test_silence_is_no_refusal(channel: Any, canned: Any, scan: Any, value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.look_up(canned(show(value)), scan(CODE))
    assert caught.value.path == "value.ticket_info_list"


async def test_link_is_not_mine(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    answer = await channel.coupons.look_up(session, scan(f"https://h5.ele.me/{CODE}"))
    assert answer == NotMine()
    assert not simulator.calls


async def test_store_without_shop_id(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.look_up(replace(session, external_store_id=None), scan(CODE))
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_voucher_expires_by_the_clock(
    channel: Any, find: Any, session: Any, simulator: Any, scan: Any, clock: Any
) -> None:
    sample = simulator.make("usable")
    assert isinstance(await find(sample.code), Found)
    clock.advance(timedelta(days=31))
    assert (await channel.coupons.look_up(session, scan(sample.code))).reason is Refusal.EXPIRED
