"""Redeeming: exactly once, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from adapters.koubei.parse_certificates import CertificateHandle
from adapters.koubei.parse_tickets import TicketHandle
from adapters.koubei.wire import CERTIFICATE_USE, TICKET_USE
from core.channels.contract import (
    Effect,
    Misconfigured,
    OutcomeUnknown,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    StatusQuery,
)
from core.channels.wire import write_china_time
from core.testing.clock import START
from core.testing.faults import FaultKind

VOUCHER, CERTIFICATE = "20231101000730020000000001", "2021042322001426261436764012"
TICKET_ITEM = RedeemItem(VOUCHER, TicketHandle("016569843362", "req0001", is_card=False).write())
TICKET_ORDER = RedeemOrder(
    "req0001", (TICKET_ITEM,), "016569843362", "20231101110070010100130500594477", at=START
)
CERTIFICATE_HANDLE = CertificateHandle("LLyABKAESLgosRSH/OAfU5", "074a1test", None, False)
CERTIFICATE_ORDER = RedeemOrder(
    "b1z0001",
    (RedeemItem(CERTIFICATE, CERTIFICATE_HANDLE.write()),),
    "",
    "2023090701502300000005940087259495",
    at=START,
)


def read_body(request: Any) -> dict[str, Any]:
    (content,) = parse_qs(request.content.decode())["biz_content"]
    return dict(orjson.loads(content))


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


# ------------------------------------------------------------------------------------------------------------ tickets
async def test_ticket_is_redeemed(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    (outcome,) = await channel.coupons.redeem(session, order)
    (use,) = simulator.consumptions()[0].uses
    (receipt,) = outcome.receipts
    assert (receipt.reference, receipt.redeemed_at) == (use.receipt, use.used_at)
    assert (receipt.face_value, receipt.paid_amount) == (9900, 8000)
    assert outcome.reversible_until is None
    sent = session.http.requests[-1]
    assert (sent.operation, sent.effect) == (TICKET_USE, Effect.WRITE)
    assert read_body(sent) == {
        "request_id": order.token,
        "ticket_code": "016500000002",
        "shop_id": session.external_store_id,
        "quantity": "1",
    }


async def test_uses_of_a_ticket_card_share_the_price(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("times_card").code), times=3)
    (outcome,) = await channel.coupons.redeem(session, order)
    assert len({receipt.reference for receipt in outcome.receipts}) == 3
    assert [(each.face_value, each.paid_amount) for each in outcome.receipts] == [(None, 8000)] * 3
    assert count_living(simulator) == [6]
    assert simulator.calls[TICKET_USE] == 1


async def test_repeat_of_a_ticket_is_known(canned: Any, channel: Any, read_payload: Any) -> None:
    session = canned(read_payload("08_use_repeated_same_request_id"))
    (outcome,) = await channel.coupons.redeem(session, replace(TICKET_ORDER, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert outcome.receipts[0].reference == "20231115000000000001"


@pytest.mark.parametrize(
    ("payload", "reason", "code"),
    [
        ("09_use_already_used", Refusal.ALREADY_REDEEMED, "TICKET_ALREADY_USED"),
        ("10_use_expired", Refusal.EXPIRED, "TICKET_EXPIRED"),
        ("11_use_wrong_shop", Refusal.WRONG_STORE, "TICKET_SHOP_NOT_MATCH"),
        ("12_use_code_invalid", Refusal.UNKNOWN_CODE, "TICKET_CODE_INVALID"),
    ],
)
async def test_ticket_refusal_is_mapped(
    canned: Any, channel: Any, read_payload: Any, payload: str, reason: Refusal, code: str
) -> None:
    for attempt in (1, 2):
        order = replace(TICKET_ORDER, attempt=attempt)
        (outcome,) = await channel.coupons.redeem(canned(read_payload(payload)), order)
        assert isinstance(outcome, RedeemRefused)
        assert (outcome.refusal.reason, outcome.refusal.platform_code) == (reason, code)


@pytest.mark.parametrize("field", ["request_id", "ticket_code", "voucher_id"])
async def test_answer_about_another_use(canned: Any, channel: Any, read_payload: Any, field: str) -> None:
    session = canned({**read_payload("07_use_ok"), field: "another"})
    with pytest.raises(OutcomeUnknown, match="about another use"):
        await channel.coupons.redeem(session, TICKET_ORDER)


async def test_success_without_a_number_is_open(canned: Any, channel: Any, read_payload: Any) -> None:
    session = canned({**read_payload("07_use_ok"), "ticket_trans_id": ""})
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, TICKET_ORDER)


async def test_foreign_token_is_not_sent(channel: Any, session: Any) -> None:
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(TICKET_ORDER, token="another"))
    assert session.http.requests == []


async def test_lost_use_shows_in_the_state(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    simulator.faults.script("redeem", FaultKind.DROP_AFTER_APPLY)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    item = order.items[0]
    state = await channel.coupons.status(
        session, StatusQuery(item.reference, item.handle, "", None, order.token)
    )
    (outcome,) = await channel.coupons.redeem(session, replace(order, attempt=2))
    assert [(use.receipt, use.used_at) for use in state.uses] == [
        (outcome.receipts[0].reference, clock.now())
    ]
    assert count_living(simulator) == [1]


# ------------------------------------------------------------------------------------------------------- certificates
async def test_one_call_for_one_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_two_coupons").link))
    outcomes = await channel.coupons.redeem(session, order)
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert simulator.calls[CERTIFICATE_USE] == 1
    sent = read_body(session.http.requests[-1])
    assert [info["encrypted_code"] for info in sent.pop("certificate_use_info_list")] == [
        each.encrypted_code for each in simulator.orders[0].coupons
    ]
    assert sent == {
        "out_biz_no": "0194b2c1000070008000000000000001",
        "shop_id": session.external_store_id,
        "biz_dt": "2026-03-02 12:00:00",
        "order_id": simulator.orders[0].order_no,
        "open_id": "074a1simulatedopenidofacustomer",
    }


async def test_handle_of_an_earlier_version(channel: Any, canned: Any, read_payload: Any) -> None:
    fields = {**orjson.loads(CERTIFICATE_HANDLE.write()), "biz_dt": "2023-11-15 12:00:00"}
    item = RedeemItem(CERTIFICATE, orjson.dumps(fields).decode())
    session = canned(read_payload("21_certificate_use_ok"))
    (outcome,) = await channel.coupons.redeem(session, replace(CERTIFICATE_ORDER, items=(item,)))
    assert isinstance(outcome, Redeemed)
    assert read_body(session.http.requests[-1])["biz_dt"] == write_china_time(START)


async def test_repeat_is_the_same_a_minute_later(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_usable").link))
    (first,) = await channel.coupons.redeem(session, order)
    clock.advance(60)
    (second,) = await channel.coupons.redeem(session, replace(order, attempt=2))
    bodies = [request.content for request in session.http.requests[-2:]]
    assert bodies[0] == bodies[1]
    assert second.receipts[0].reference == first.receipts[0].reference
    assert second.receipts[0].redeemed_at is None
    assert count_living(simulator) == [1]


async def test_uses_of_a_certificate_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("certificate_times_card").link), times=2)
    (outcome,) = await channel.coupons.redeem(session, order)
    (number,) = {receipt.reference.partition("#")[0] for receipt in outcome.receipts}
    assert [each.reference for each in outcome.receipts] == [f"{number}#4", f"{number}#5"]
    assert {(each.face_value, each.paid_amount) for each in outcome.receipts} == {(9900, 8000)}
    assert read_body(session.http.requests[-1])["certificate_use_info_list"][0]["use_count"] == 2


async def test_some_of_an_order_are_used(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    both = order_of(await find(simulator.make("certificate_two_coupons").link))
    await channel.coupons.redeem(session, replace(both, items=both.items[:1], token="one"))
    first, second = await channel.coupons.redeem(session, both)
    assert isinstance(first, RedeemRefused)
    assert first.refusal.reason is Refusal.ALREADY_REDEEMED
    assert isinstance(second, Redeemed)
    assert count_living(simulator) == [1, 1]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("22_certificate_use_certificate_is_used", Refusal.ALREADY_REDEEMED),
        ("23_certificate_use_certificate_is_invalid", Refusal.CANCELLED),
        ("24_certificate_use_certificate_not_exist", Refusal.UNKNOWN_CODE),
    ],
)
async def test_certificate_refusal_is_mapped(
    canned: Any, channel: Any, read_payload: Any, payload: str, reason: Refusal
) -> None:
    (outcome,) = await channel.coupons.redeem(canned(read_payload(payload)), CERTIFICATE_ORDER)
    assert isinstance(outcome, RedeemRefused)
    assert outcome.refusal.reason is reason


async def test_certificate_amounts_are_fen(canned: Any, channel: Any, read_payload: Any) -> None:
    (outcome,) = await channel.coupons.redeem(
        canned(read_payload("21_certificate_use_ok")), CERTIFICATE_ORDER
    )
    (receipt,) = outcome.receipts
    assert receipt.reference == "2023052100445005835800000045"
    assert (receipt.face_value, receipt.paid_amount) == (16800, 8000)


def change_result(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    (row,) = fields["certificate_use_result_list"]
    return {**fields, "certificate_use_result_list": [{**row, **changes}]}


@pytest.mark.parametrize("result", ["PROCESSING", "success", "0"])
async def test_unlisted_result_is_no_success(
    canned: Any, channel: Any, read_payload: Any, result: str
) -> None:
    fields = change_result(read_payload("21_certificate_use_ok"), result=result)
    (outcome,) = await channel.coupons.redeem(canned(fields), CERTIFICATE_ORDER)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, result)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned(fields), replace(CERTIFICATE_ORDER, attempt=2))


@pytest.mark.parametrize(
    "changes",
    [{"result": None}, {"result": ""}, {"certificate_id": "another"}, {"use_order_no": None}],
)
async def test_open_result_is_unknown(
    canned: Any, channel: Any, read_payload: Any, changes: dict[str, Any]
) -> None:
    session = canned(change_result(read_payload("21_certificate_use_ok"), **changes))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, CERTIFICATE_ORDER)


@pytest.mark.parametrize("serials", [None, [], [{"serial_no": "1"}], [{"serial_no": []}, {"serial_no": "2"}]])
async def test_card_without_its_serials_is_unknown(
    canned: Any, channel: Any, read_payload: Any, serials: Any
) -> None:
    handle = replace(CERTIFICATE_HANDLE, is_card=True).write()
    order = replace(CERTIFICATE_ORDER, items=(RedeemItem(CERTIFICATE, handle, times=2),))
    session = canned(change_result(read_payload("21_certificate_use_ok"), serial_info_list=serials))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)


@pytest.mark.parametrize("order", [TICKET_ORDER, CERTIFICATE_ORDER], ids=["ticket", "certificate"])
async def test_unlisted_refusal(canned: Any, channel: Any, order: RedeemOrder) -> None:
    fields = {"code": "40004", "sub_code": "NOBODY_KNOWS", "sub_msg": "?"}
    (outcome,) = await channel.coupons.redeem(canned(fields), order)
    assert outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned(fields), replace(order, attempt=2))


@pytest.mark.parametrize("order", [TICKET_ORDER, CERTIFICATE_ORDER], ids=["ticket", "certificate"])
async def test_store_without_shop_id(session: Any, channel: Any, order: RedeemOrder) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.redeem(replace(session, external_store_id=None), order)
    assert caught.value.setting == "externalStoreId"
    assert session.http.requests == []


@pytest.mark.parametrize("handle", ["", "x", "{}", '{"ticket_code":"1"}', "[]"])
async def test_foreign_handle_is_not_sent(session: Any, channel: Any, handle: str) -> None:
    with pytest.raises(Misconfigured):
        await channel.coupons.redeem(session, replace(TICKET_ORDER, items=(RedeemItem("r", handle),)))
    assert session.http.requests == []


def test_handles_are_not_shown() -> None:
    said = f"{TicketHandle('016569843362', 'r', False)!r} {CERTIFICATE_HANDLE!r} {TICKET_ORDER!r}"
    assert not [secret for secret in ("016569843362", "LLyABKAESLgosRSH", "074a1test") if secret in said]
