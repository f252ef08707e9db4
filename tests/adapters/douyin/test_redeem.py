"""Redeeming: exactly once, whatever the wire does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.channels.contract import (
    Effect,
    Found,
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

ENC = "CgwIARDaHhjLJiAEKAESLgosMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDFBAA=="
ENC2 = "CgwIARDaHhjLJiAEKAESLgosMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDJBAA=="


def make_order(*items: RedeemItem, attempt: int = 1) -> RedeemOrder:
    return RedeemOrder(
        "vt", items or (RedeemItem("7550000000000000456", ENC),), "", "1093", attempt, at=START
    )


def count_living(simulator: Any) -> list[int]:
    return [each.living for each in simulator.consumptions()]


# ---------------------------------------------------------------------------------------------------- the good case
async def test_coupon_is_redeemed(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    (use,) = simulator.consumptions()[0].uses
    assert isinstance(outcome, Redeemed)
    assert [receipt.reference for receipt in outcome.receipts] == [use.receipt]
    assert outcome.receipts[0].redeemed_at == use.used_at
    assert outcome.reversible_until == use.used_at + timedelta(hours=1)
    assert use.token == found.redeem_token


async def test_one_call_for_one_order(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("two_coupons").link)
    outcomes = await channel.coupons.redeem(session, order_of(found))
    assert [type(outcome) for outcome in outcomes] == [Redeemed, Redeemed]
    assert simulator.calls["verify"] == 1
    sent = session.http.requests[-1]
    assert sent.effect is Effect.WRITE
    assert orjson.loads(sent.content) == {
        "verify_token": found.redeem_token,
        "poi_id": session.external_store_id,
        "encrypted_codes": [coupon.handle for coupon in found.coupons],
        "order_id": found.order_reference,
    }


async def test_three_uses_of_a_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("times_card").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, times=3))
    assert len({receipt.reference for receipt in outcome.receipts}) == 3
    assert {(receipt.face_value, receipt.paid_amount) for receipt in outcome.receipts} == {(9900, 9100)}
    assert (await find(simulator.seed()["usable"].code)).coupons[0].times_remaining == 1
    assert count_living(simulator)[0] == 3 + 3


# ---------------------------------------------------------------------------------------------------------- refusals
async def test_used_by_another_till(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    sample = simulator.make("usable")
    ours, theirs = await find(sample.code), await find(sample.code)
    await channel.coupons.redeem(session, order_of(theirs))
    (outcome,) = await channel.coupons.redeem(session, order_of(ours))
    assert isinstance(outcome, RedeemRefused)
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.ALREADY_REDEEMED, "1208")
    assert count_living(simulator) == [1]


async def test_too_many_uses_of_a_card(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("times_card").code)
    (outcome,) = await channel.coupons.redeem(session, order_of(found, times=8))
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.TIMES_USED_UP, "1241")
    assert count_living(simulator) == [3]


async def test_store_that_may_not(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    found = await find(simulator.make("usable").code)
    elsewhere = replace(session, external_store_id="7100000000000000010")
    (outcome,) = await channel.coupons.redeem(elsewhere, order_of(found))
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.WRONG_STORE, "3000002")
    assert count_living(simulator) == [0]


async def test_store_without_poi(channel: Any, session: Any, simulator: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.redeem(replace(session, external_store_id=None), make_order())
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_part_of_an_order(channel: Any, canned: Any, read_payload: Any) -> None:
    order = make_order(RedeemItem("7550000000000000456", ENC), RedeemItem("7550000000000000457", ENC2))
    first, second = await channel.coupons.redeem(canned(read_payload("life-verify-partial")), order)
    assert (first.reference, first.receipts[0].reference) == ("7550000000000000456", "7551000000000000901")
    assert (second.reference, second.refusal.reason) == ("7550000000000000457", Refusal.ALREADY_REDEEMED)


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
    assert isinstance(outcome, Redeemed)
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
    assert count_living(simulator) == [0]
    assert simulator.settle() == 1
    (outcome,) = await channel.coupons.redeem(session, order_of(found, attempt=2))
    assert isinstance(outcome, Redeemed)
    assert outcome.receipts[0].redeemed_at is None
    assert count_living(simulator) == [1]


@pytest.mark.parametrize(
    ("payload", "attempt", "expected"),
    [
        ("life-verify-ok", 1, Redeemed),
        ("life-verify-ok", 2, Redeemed),
        ("life-verify-repeat-same-token", 1, RedeemRefused),
        ("life-verify-repeat-same-token", 2, Redeemed),
        ("life-verify-already-used", 1, RedeemRefused),
        ("life-verify-already-used", 2, RedeemRefused),
    ],
)
async def test_whose_use_it_was(
    channel: Any, canned: Any, read_payload: Any, payload: str, attempt: int, expected: type
) -> None:
    (outcome,) = await channel.coupons.redeem(canned(read_payload(payload)), make_order(attempt=attempt))
    assert type(outcome) is expected
    if isinstance(outcome, Redeemed):
        assert outcome.receipts[0].reference == "7551000000000000901"
    else:
        assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.ALREADY_REDEEMED, "1208")


@pytest.mark.parametrize("attempt", [1, 2])
async def test_card_used_up_maybe_by_us(channel: Any, canned: Any, read_payload: Any, attempt: int) -> None:
    session = canned(read_payload("life-verify-times-card-exhausted"))
    (outcome,) = await channel.coupons.redeem(session, make_order(attempt=attempt))
    expected = Refusal.TIMES_USED_UP if attempt == 1 else Refusal.ALREADY_REDEEMED
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (expected, "1241")


async def test_two_uses_in_the_example(channel: Any, canned: Any, read_payload: Any) -> None:
    order = make_order(RedeemItem("7550000000000000777", ENC2, times=2))
    (outcome,) = await channel.coupons.redeem(canned(read_payload("life-verify-times-card-two-uses")), order)
    assert [receipt.reference[-3:] for receipt in outcome.receipts] == ["912", "913"]
    assert {(receipt.face_value, receipt.paid_amount) for receipt in outcome.receipts} == {(10000, 9000)}


# -------------------------------------------------------------------------------------------------- unclear answers
def change(body: Any, **changes: Any) -> Any:
    body["data"]["verify_results"][0].update(changes)
    return body


async def test_unlisted_result_is_no_success(channel: Any, canned: Any, read_payload: Any) -> None:
    session = canned(change(read_payload("life-verify-ok"), result=999))
    (outcome,) = await channel.coupons.redeem(session, make_order())
    assert (outcome.refusal.reason, outcome.refusal.platform_code) == (Refusal.REFUSED_BY_CHANNEL, "999")


@pytest.mark.parametrize(
    ("changes", "attempt"),
    [
        ({"result": 999}, 2),
        ({"result": None}, 1),
        ({"result": "ok"}, 1),
        ({"verify_id": ""}, 1),
        ({"code": "another"}, 1),
    ],
)
async def test_answer_that_leaves_it_open(
    channel: Any, canned: Any, read_payload: Any, changes: Any, attempt: int
) -> None:
    session = canned(change(read_payload("life-verify-ok"), **changes))
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(session, make_order(attempt=attempt))


async def test_card_redeemed_in_part(channel: Any, canned: Any, read_payload: Any) -> None:
    body = change(read_payload("life-verify-times-card-two-uses"), result=1241)
    with pytest.raises(OutcomeUnknown, match="only some uses"):
        await channel.coupons.redeem(canned(body), make_order(RedeemItem("1", ENC2, times=2)))


async def test_fewer_results_than_uses(channel: Any, canned: Any, read_payload: Any) -> None:
    order = make_order(RedeemItem("7550000000000000456", ENC, times=2))
    with pytest.raises(OutcomeUnknown, match="1 results for 2 uses"):
        await channel.coupons.redeem(canned(read_payload("life-verify-ok")), order)


async def test_no_results_at_all(channel: Any, canned: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned({"data": {"error_code": 0}}), make_order())


async def test_found_needs_a_verify_token(channel: Any, canned: Any, read_payload: Any, scan: Any) -> None:
    body = read_payload("life-prepare-ok-single")
    body["data"]["certificates"][0]["expire_time"] = 4102444800
    found = await channel.coupons.look_up(canned(body), scan("104686126200130"))
    assert isinstance(found, Found)
    del body["data"]["verify_token"]
    with pytest.raises(Exception, match="an id is missing"):
        await channel.coupons.look_up(canned(body), scan("104686126200130"))
