"""Redeeming: exactly once, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from adapters.kuaishou.parse import Handle
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

REFERENCE = "500000000000001"
HANDLE = Handle("TESTENC0001", {"code": "880260412345"}).pack()


def make_order(*items: RedeemItem, attempt: int = 1) -> RedeemOrder:
    return RedeemOrder(
        "ksvt", items or (RedeemItem(REFERENCE, HANDLE),), "", "240000000000001", attempt, at=START
    )


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


def refuse(code: int, words: str) -> Any:
    return {"result": 1, "data": {"error_code": code, "description": words}}


# ---------------------------------------------------------------------------------------------------- the good case
async def test_coupon_is_redeemed(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    (use,) = simulator.consumptions()[0].uses
    assert isinstance(outcome, Redeemed)
    assert [receipt.reference for receipt in outcome.receipts] == [use.receipt]
    assert (outcome.receipts[0].redeemed_at, outcome.reversible_until) == (use.used_at, None)
    assert (use.token, use.store) == (found.redeem_token, session.external_store_id)


async def test_one_call_for_one_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").code)
    outcomes = await channel.coupons.redeem(session, order_of(found))
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert simulator.calls["verify"] == 1
    sent = session.http.requests[-1]
    assert (sent.effect, sent.method) == (Effect.WRITE, "POST")
    assert sent.url == "http://simulator.test/goodlife/v1/fulfilment/certificate/verify"
    assert orjson.loads(sent.content) == {
        "verify_token": found.redeem_token,
        "poi_id": session.external_store_id,
        "order_id": found.order_reference,
        "encrypted_codes": [each.encrypted_code for each in simulator.orders[0].certificates],
    }


async def test_three_uses_of_a_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    code = simulator.make("times_card").code
    (outcome,) = await channel.coupons.redeem(session, order_of(await find(code), times=3))
    assert len({receipt.reference for receipt in outcome.receipts}) == 3
    assert (await find(code)).coupons[0].times_remaining == 1
    assert count_living(simulator) == [4]


async def test_examples_of_verify(channel: Any, canned: Any, read_payload: Any) -> None:
    (outcome,) = await channel.coupons.redeem(canned(read_payload("certificate_verify_ok")), make_order())
    assert outcome.reference == REFERENCE
    (receipt,) = outcome.receipts
    assert receipt.reference == "700000000000001"
    assert receipt.redeemed_at == datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)


async def test_results_as_they_were_seen(channel: Any, canned: Any) -> None:
    row = {"verify_id": 700000000000001, "certificate_id": int(REFERENCE)}
    session = canned({"result": 1, "data": {"error_code": 0, "verify_results": [row]}})
    (outcome,) = await channel.coupons.redeem(session, make_order())
    assert [receipt.reference for receipt in outcome.receipts] == ["700000000000001"]


# ---------------------------------------------------------------------------------------------------------- refusals
async def test_used_by_another_till(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    sample = simulator.make("usable")
    ours, theirs = await find(sample.code), await find(sample.code)
    await channel.coupons.redeem(session, order_of(theirs))
    (outcome,) = await channel.coupons.redeem(session, order_of(ours))
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.ALREADY_REDEEMED, "1")
    assert count_living(simulator) == [1]


@pytest.mark.parametrize(
    ("state", "times", "reason", "platform_code"),
    [
        ("times_card", 5, Refusal.TIMES_USED_UP, "1241"),
        ("wrong_store", 1, Refusal.WRONG_STORE, "3000002"),
    ],
)
async def test_refused_whole(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any,
    state: str, times: int, reason: Refusal, platform_code: str,
) -> None:  # fmt: skip
    found = await find(simulator.make(state).code)
    before = count_living(simulator)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, times=times))
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (reason, platform_code)
    assert count_living(simulator) == before


async def test_store_without_poi(channel: Any, session: Any, simulator: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.redeem(replace(session, external_store_id=None), make_order())
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_part_of_an_order(channel: Any, canned: Any, read_payload: Any) -> None:
    body = read_payload("certificate_verify_ok")
    failed = read_payload("certificate_verify_item_failed")["data"]["verify_results"][0]
    body["data"]["verify_results"].append({**failed, "certificate_id": "500000000000002"})
    order = make_order(RedeemItem("500000000000002", HANDLE), RedeemItem(REFERENCE, HANDLE))
    second, first = await channel.coupons.redeem(canned(body), order)
    assert (first.reference, first.receipts[0].reference) == (REFERENCE, "700000000000001")
    assert (second.reference, second.refusal.reason) == ("500000000000002", Refusal.ALREADY_REDEEMED)


# ----------------------------------------------------------------------------------------------------------- repeats
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROP_AFTER_APPLY,
        FaultKind.ERROR_500_AFTER_APPLY,
        FaultKind.GARBAGE,
        FaultKind.LOSE,
        FaultKind.ERROR_500,
    ],
)
async def test_repeat_redeems_once(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, kind: FaultKind
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", kind)
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order_of(found))
    (outcome,) = await channel.coupons.redeem(session, order_of(found, attempt=2))
    assert [use.receipt for use in simulator.consumptions()[0].uses] == [outcome.receipts[0].reference]
    first, second = [each.content for each in session.http.requests if each.operation == "verify"]
    assert first == second


async def test_late_landing_is_recognised(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    simulator.faults.script("redeem", Fault(FaultKind.APPLY_LATE, 60))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, order_of(found))
    assert (count_living(simulator), simulator.settle()) == ([0], 1)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert count_living(simulator) == [1]


@pytest.mark.parametrize(("attempt", "expected"), [(1, RedeemRefused), (2, Redeemed)])
async def test_used_beside_a_receipt(
    channel: Any, canned: Any, read_payload: Any, attempt: int, expected: type
) -> None:
    body = read_payload("certificate_verify_item_failed")
    body["data"]["verify_results"][0]["verify_id"] = "700000000000009"
    (outcome,) = await channel.coupons.redeem(canned(body), make_order(attempt=attempt))
    assert type(outcome) is expected
    if isinstance(outcome, Redeemed):
        (receipt,) = outcome.receipts
        assert (receipt.reference, receipt.redeemed_at) == ("700000000000009", None)


@pytest.mark.parametrize(
    ("code", "words", "first", "second"),
    [
        (1208, "券已核销", Refusal.ALREADY_REDEEMED, Refusal.ALREADY_REDEEMED),
        (1241, "次数不足", Refusal.TIMES_USED_UP, Refusal.ALREADY_REDEEMED),
        (1212, "没有可用的券", Refusal.ALREADY_REDEEMED, Refusal.ALREADY_REDEEMED),
        (3000002, "…", Refusal.WRONG_STORE, Refusal.WRONG_STORE),
        (98765, "券已过期", Refusal.EXPIRED, None),
        (98765, "…", Refusal.REFUSED_BY_CHANNEL, None),
        (2100005, "verify_token已失效", Refusal.REFUSED_BY_CHANNEL, None),
    ],
)
async def test_what_a_refusal_proves(
    channel: Any, canned: Any, code: int, words: str, first: Refusal, second: Refusal | None
) -> None:
    (outcome,) = await channel.coupons.redeem(canned(refuse(code, words)), make_order())
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (first, str(code))
    again = channel.coupons.redeem(canned(refuse(code, words)), make_order(attempt=2))
    if second is None:
        with pytest.raises(OutcomeUnknown) as caught:
            await again
        assert caught.value.platform_code == str(code)
    else:
        assert (await again)[0].refusal.reason is second


# -------------------------------------------------------------------------------------------------- unclear answers
def change(body: Any, **changes: Any) -> Any:
    body["data"]["verify_results"][0].update(changes)
    return body


async def test_unlisted_result_is_no_success(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(change(read_payload("certificate_verify_ok"), result=999))
    (outcome,) = await channel.coupons.redeem(session, make_order())
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "999")


@pytest.mark.parametrize(
    ("changes", "attempt"),
    [
        ({"result": 999}, 2),
        ({"result": "ok"}, 1),
        ({"verify_id": ""}, 1),
        ({"verify_id": None, "result": None}, 1),
        ({"verify_id": {}, "result": 0}, 1),
        ({"certificate_id": "500000000000009"}, 1),
        ({"certificate_id": None}, 1),
    ],
)
async def test_answer_that_leaves_it_open(
    channel: Any, canned: Any, read_payload: Any, changes: Any, attempt: int
) -> None:
    session = canned(change(read_payload("certificate_verify_ok"), **changes))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, make_order(attempt=attempt))


async def test_card_redeemed_in_part(channel: Any, canned: Any, read_payload: Any) -> None:
    body = read_payload("certificate_verify_ok")
    failed = read_payload("certificate_verify_item_failed")["data"]["verify_results"][0]
    body["data"]["verify_results"].append(failed)
    with pytest.raises(OutcomeUnknown, match="only some uses"):
        await channel.coupons.redeem(canned(body), make_order(RedeemItem(REFERENCE, HANDLE, times=2)))


@pytest.mark.parametrize("rows", [[], None])
async def test_no_results_at_all(channel: Any, canned: Any, rows: Any) -> None:
    session = canned({"result": 1, "data": {"error_code": 0, "verify_results": rows}})
    with pytest.raises(OutcomeUnknown, match="0 results for 1 uses"):
        await channel.coupons.redeem(session, make_order())
