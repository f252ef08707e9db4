"""Redeeming: exactly once, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.channels.contract import (
    Effect,
    Misconfigured,
    OutcomeUnknown,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
)
from core.testing.clock import START
from core.testing.faults import Fault, FaultKind

CODE, TICKET = "523162942005", "2208211121312608720"
ROOT = "alibaba_alsc_merchant_ext_ticketcode_use_response"


def answer_with(**body: Any) -> Any:
    details = {"merchant_ticket_use_detail": body.pop("rows")} if "rows" in body else None
    whole = {"ticket_request_id": "req0002", "use_date": "2023-11-15 12:00:05", **body}
    return {ROOT: {**whole, "ticket_use_details": details} if details else whole}


def refuse(sub_code: str, words: str = "?") -> Any:
    return {
        "error_response": {"code": 15, "msg": "Remote service error", "sub_code": sub_code, "sub_msg": words}
    }


def row(trans_id: str = "T1", ticket_id: str = TICKET, **more: Any) -> Any:
    return {"ticket_trans_id": trans_id, "ticket_id": ticket_id, **more}


def make_order(*times: int, attempt: int = 1) -> RedeemOrder:
    ids = [TICKET, "2208211121312608721"]
    items = [RedeemItem(id_, f"{id_}*{n}", n) for id_, n in zip(ids, times or (1,), strict=False)]
    return RedeemOrder("req-0002", tuple(items), CODE, "2106027287988611313", attempt, at=START)


def name_receipts(outcome: Any) -> list[str]:
    assert isinstance(outcome, Redeemed)
    return [receipt.reference for receipt in outcome.receipts]


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


# ---------------------------------------------------------------------------------------------------- the good case
async def test_voucher_is_redeemed(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("usable").code
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(code), code))
    (use,) = simulator.consumptions()[0].uses
    assert name_receipts(outcome) == [use.receipt]
    assert outcome.receipts[0].redeemed_at == use.used_at
    assert (use.token, outcome.reversible_until) == ("0b1cleg", None)


async def test_single_voucher_is_named(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, read_request: Any
) -> None:
    sample = simulator.make("usable")
    await channel.coupons.redeem(session, order_of(await find(sample.code), sample.code))
    sent = session.http.requests[-1]
    assert (sent.effect, sent.operation) == (Effect.WRITE, "use")
    assert read_request(sent) == {
        "use_request": {
            "ticket_request_id": "0b1cleg",
            "shop_id": session.external_store_id,
            "ticket_code": sample.code,
            "quantity": "1",
            "ticket_id": sample.reference,
        }
    }


async def test_one_call_for_one_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, read_request: Any
) -> None:
    code = simulator.make("two_coupons").code
    outcomes = await channel.coupons.redeem(session, order_of(await find(code), code))
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert (simulator.calls["use"], count_living(simulator)) == (1, [1, 1])
    sent = read_request(session.http.requests[-1])["use_request"]
    assert (sent["quantity"], "ticket_id" in sent) == ("2", False)


async def test_rest_of_an_order(channel: Any, session: Any, simulator: Any, find: Any, order_of: Any) -> None:
    code = simulator.make("two_coupons").code
    found = await find(code)
    first = replace(found, coupons=found.coupons[:1])
    await channel.coupons.redeem(session, order_of(first, code, token="one"))
    rest = await find(code)
    assert rest.coupons == found.coupons[1:]
    (outcome,) = await channel.coupons.redeem(session, order_of(rest, code, token="two"))
    assert (outcome.reference, count_living(simulator)) == (found.coupons[1].reference, [1, 1])


async def test_three_uses_of_a_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("times_card").code
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(code), code, times=3))
    assert len(set(name_receipts(outcome))) == 3
    assert (simulator.calls["use"], count_living(simulator)) == (1, [3 + 3])
    assert (await find(code)).coupons[0].times_remaining == 4


# ------------------------------------------------------------------------------------------------- examples, receipts
async def test_documented_answer(channel: Any, canned: Any, read_payload: Any) -> None:
    body = read_payload("27_alsc_ticket_use_ok")
    body[ROOT]["ticket_request_id"] = "req0002"
    (outcome,) = await channel.coupons.redeem(canned(body), make_order())
    assert name_receipts(outcome) == ["T1"]
    assert outcome.receipts[0].redeemed_at == datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)
    assert outcome.receipts[0].paid_amount is None


async def test_amount_of_a_use_is_yuan(channel: Any, canned: Any) -> None:
    body = answer_with(rows=[row(buyer_pay_amount="79.90")])
    (outcome,) = await channel.coupons.redeem(canned(body), make_order())
    assert (outcome.receipts[0].paid_amount, outcome.receipts[0].face_value) == (7990, None)


async def test_older_answer_without_details(channel: Any, canned: Any) -> None:
    body = answer_with(ticket_trans_id="T9", buyer_pay_amount="79.90")
    (outcome,) = await channel.coupons.redeem(canned(body), make_order())
    assert name_receipts(outcome) == ["T9"]
    assert outcome.receipts[0].paid_amount == 7990


@pytest.mark.parametrize(
    ("body", "receipts"),
    [
        (answer_with(), ["request.req0002#1/2", "request.req0002#2/2"]),
        (answer_with(ticket_trans_id="T9"), ["T9#1/2", "T9#2/2"]),
        (answer_with(rows=[row("T1")]), ["T1#1/2", "T1#2/2"]),
        (answer_with(rows=[row("T1"), row("T2")]), ["T1", "T2"]),
    ],
)
async def test_every_use_has_a_receipt(channel: Any, canned: Any, body: Any, receipts: list[str]) -> None:
    (outcome,) = await channel.coupons.redeem(canned(body), make_order(2))
    assert name_receipts(outcome) == receipts
    assert {receipt.paid_amount for receipt in outcome.receipts} == {None}


async def test_moment_without_a_date(channel: Any, canned: Any) -> None:
    session = canned(answer_with(rows=[row()], use_date=None))
    (outcome,) = await channel.coupons.redeem(session, make_order())
    assert outcome.receipts[0].redeemed_at == session.clock.now()


@pytest.mark.parametrize(
    ("body", "times"),
    [
        (answer_with(rows=[row()], ticket_request_id="req0003"), (1,)),
        (answer_with(rows=[row()], ticket_request_id=None), (1,)),
        (answer_with(rows=[row()], biz_code="SOMETHING_NEW"), (1,)),
        (answer_with(rows=[row()], use_date="yesterday"), (1,)),
        (answer_with(rows=[row(ticket_id="2208211121312608799")]), (1,)),
        (answer_with(rows=[row(), row(ticket_id="2208211121312608799")]), (1,)),
        (answer_with(rows=[row("T1"), row("T2")]), (1,)),
        (answer_with(rows=[row("T1"), row("T2")]), (3,)),
        (answer_with(rows=[row("T1")]), (1, 1)),
        (answer_with(rows=[row("")]), (1,)),
        (answer_with(rows=[row(buyer_pay_amount="79.905")]), (1,)),
        (answer_with(rows=7), (1,)),
    ],
)
async def test_doubtful_answer_is_unknown(channel: Any, canned: Any, body: Any, times: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        await channel.coupons.redeem(canned(body), make_order(*times))
    assert caught.value.operation == "use"


# ---------------------------------------------------------------------------------------------------------- refusals
async def test_used_by_another_till(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("usable").code
    found = await find(code)
    await channel.coupons.redeem(session, order_of(found, code, token="theirs"))
    (outcome,) = await channel.coupons.redeem(session, order_of(found, code, token="ours"))
    assert isinstance(outcome, RedeemRefused)
    reason, platform_code = outcome.refusal.reason, outcome.refusal.platform_code
    assert (reason, platform_code) == (Refusal.ALREADY_REDEEMED, "15/isv.TICKET_ALREADY_USED")
    assert count_living(simulator) == [1]


async def test_too_many_uses_of_a_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("times_card").code
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(code), code, times=8))
    assert outcome.refusal.reason is Refusal.TIMES_USED_UP
    assert count_living(simulator) == [3]


async def test_store_that_may_not(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("usable").code
    found = await find(code)
    elsewhere = replace(session, external_store_id=simulator.other_store_id)
    (outcome,) = await channel.coupons.redeem(elsewhere, order_of(found, code))
    assert outcome.refusal.reason is Refusal.WRONG_STORE
    assert count_living(simulator) == [0]


async def test_store_without_shop_id(channel: Any, session: Any, simulator: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.redeem(replace(session, external_store_id=None), make_order())
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_repeat_mark_on_a_first_call(channel: Any, canned: Any, read_payload: Any) -> None:
    body = read_payload("28_alsc_ticket_use_repeated")
    body[ROOT]["ticket_request_id"] = "req0002"
    (outcome,) = await channel.coupons.redeem(canned(body), make_order())
    assert isinstance(outcome, RedeemRefused)
    assert outcome.refusal.reason is Refusal.ALREADY_REDEEMED
    assert outcome.refusal.redeemed_at == datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)


async def test_refusal_is_of_all_items(channel: Any, canned: Any) -> None:
    outcomes = await channel.coupons.redeem(canned(refuse("isv.NEW", "券已过期")), make_order(1, 1))
    assert [outcome.refusal.reason for outcome in outcomes] == [Refusal.EXPIRED, Refusal.EXPIRED]
    assert len({outcome.reference for outcome in outcomes}) == 2


async def test_unlisted_refusal(channel: Any, canned: Any) -> None:
    (outcome,) = await channel.coupons.redeem(canned(refuse("isv.NEW")), make_order())
    assert outcome.refusal.reason is Refusal.REFUSED_BY_CHANNEL
    assert (outcome.refusal.platform_code, outcome.refusal.platform_message) == ("15/isv.NEW", "?")


# ----------------------------------------------------------------------------------------------------------- repeats
@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500_AFTER_APPLY, FaultKind.GARBAGE, FaultKind.LOSE]
)
async def test_repeat_after_a_lost_answer(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, kind: FaultKind
) -> None:
    code = simulator.make("usable").code
    order = order_of(await find(code), code)
    simulator.faults.script("use", kind)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    (outcome,) = await channel.coupons.redeem(session, replace(order, attempt=2))
    (use,) = simulator.consumptions()[0].uses
    assert name_receipts(outcome) == [use.receipt]


async def test_call_that_lands_late(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("usable").code
    order = order_of(await find(code), code)
    simulator.faults.script("use", Fault(FaultKind.APPLY_LATE, 60))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order)
    await channel.coupons.redeem(session, replace(order, attempt=2))
    assert simulator.settle() == 1
    assert count_living(simulator) == [1]


async def test_repeat_is_the_same_but_for_the_time(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    code = simulator.make("usable").code
    order = order_of(await find(code), code)
    await channel.coupons.redeem(session, order)
    clock.advance(timedelta(minutes=5))
    await channel.coupons.redeem(session, replace(order, attempt=2))
    first, again = session.http.requests[-2:]
    assert (first.url, first.content) == (again.url, again.content)
    changed = {name for name in first.params if first.params[name] != again.params[name]}
    assert changed == {"timestamp", "sign"}


@pytest.mark.parametrize("mark", ["TICKET_ALREADY_USED", "BIZ_ALREADY_SUCCESS"])
async def test_repeat_mark_proves_our_use(channel: Any, canned: Any, mark: str) -> None:
    body = answer_with(rows=[row("T1")], biz_code=mark)
    (outcome,) = await channel.coupons.redeem(canned(body), make_order(attempt=2))
    assert name_receipts(outcome) == ["T1"]
    assert outcome.receipts[0].redeemed_at == datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)


async def test_bare_repeat_mark(channel: Any, canned: Any) -> None:
    body = answer_with(biz_code="TICKET_ALREADY_USED", use_date="")
    (outcome,) = await channel.coupons.redeem(canned(body), make_order(attempt=2))
    assert name_receipts(outcome) == ["request.req0002#1/1"]
    assert outcome.receipts[0].redeemed_at is None


async def test_repeat_mark_for_another_request(channel: Any, canned: Any) -> None:
    body = answer_with(rows=[row("T1")], biz_code="TICKET_ALREADY_USED", ticket_request_id="req0003")
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned(body), make_order(attempt=2))


@pytest.mark.parametrize(
    ("sub_code", "words", "reason"),
    [
        ("isv.TICKET_ALREADY_USED", "?", Refusal.ALREADY_REDEEMED),
        ("isv.NEW", "可核销份数不足", Refusal.ALREADY_REDEEMED),
        ("isv.TICKET_CODE_INVALID", "?", Refusal.ALREADY_REDEEMED),
        ("isv.NEW", "券已退款", Refusal.REFUNDED),
        ("isv.NEW", "?", None),
    ],
)
async def test_refused_repeat_may_be_ourselves(
    channel: Any, canned: Any, sub_code: str, words: str, reason: Refusal | None
) -> None:
    redeeming = channel.coupons.redeem(canned(refuse(sub_code, words)), make_order(attempt=2))
    if reason is None:
        with pytest.raises(OutcomeUnknown) as caught:
            await redeeming
        assert caught.value.platform_code == "15/isv.NEW"
        return
    (outcome,) = await redeeming
    assert outcome.refusal.reason is reason
