"""The merchant's record of uses, as it comes and page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.douyin.parse import parse_envelope
from adapters.douyin.records import parse_records
from adapters.douyin.simulator.state import OTHER_POI_ID, POI_ID
from core.channels.contract import Misconfigured, ProtocolFailure, RecordedUse, UsePage, UseQuery
from core.testing.sessions import make_session
from tests.adapters.conftest import read_uses

HOUR = timedelta(hours=1)
SINCE = datetime(2025, 10, 9, 16, 0, tzinfo=UTC)  # the shop's 10 October
QUERY = UseQuery(SINCE, SINCE + 24 * HOUR)


def make_record(**changes: Any) -> dict[str, Any]:
    return {
        "cursor": "9",
        "verify_id": "7551000000000000901",
        "certificate_id": "7550000000000000456",
        "verify_time": 1760090200,
        "status": 1,
        **changes,
    }


def read_page(*records: Any, query: UseQuery = QUERY) -> UsePage:
    envelope = parse_envelope({"data": {"error_code": 0, "records": list(records)}}, "verify_record")
    return parse_records(envelope, query, POI_ID)


def read_one(**changes: Any) -> RecordedUse:
    (use,) = read_page(make_record(**changes)).uses
    return use


# ------------------------------------------------------------------------------------------------------- examples
def test_example(read_payload: Any) -> None:
    page = parse_records(
        parse_envelope(read_payload("life-verify-record-query"), "verify_record"), QUERY, POI_ID
    )
    standing, cancelled = page.uses
    assert page.next_cursor == "7551000000000000800"
    assert (standing.receipt, standing.reference) == ("7551000000000000901", "7550000000000000456")
    assert standing.used_at == datetime(2025, 10, 10, 9, 56, 40, tzinfo=UTC)
    assert (standing.face_value, standing.paid_amount) == (9900, 9100)
    assert (standing.payout, standing.fee) == (None, None)
    assert (standing.reversed, standing.by_merchant_api) == (False, True)
    assert (cancelled.reversed, cancelled.by_merchant_api) == (True, False)
    assert "code" not in cancelled.raw


@pytest.mark.parametrize("key", ["records", "records_v2"])
def test_either_list_is_read(key: str) -> None:
    data = {"error_code": 0, "records": [], key: [make_record()]}
    page = parse_records(parse_envelope({"data": data}, "verify_record"), QUERY, POI_ID)
    assert len(page.uses) == 1


def test_empty_page_is_the_last() -> None:
    assert read_page() == UsePage(())


def test_total_without_records() -> None:
    envelope = parse_envelope({"data": {"error_code": 0, "total": 3}}, "verify_record")
    with pytest.raises(ProtocolFailure, match="total without records"):
        parse_records(envelope, QUERY, POI_ID)
    assert parse_records(envelope, UseQuery(QUERY.since, QUERY.until, "9"), POI_ID) == UsePage(())


def test_short_page_proves_nothing() -> None:
    assert read_page(make_record()).next_cursor == "9"


def test_list_that_stands_still() -> None:
    with pytest.raises(ProtocolFailure, match="does not go on"):
        read_page(make_record(), query=UseQuery(QUERY.since, QUERY.until, "9"))


@pytest.mark.parametrize(
    ("verify_time", "listed"),
    [
        (SINCE.timestamp() - 1, False),
        (SINCE.timestamp(), True),
        (QUERY.until.timestamp() - 1, True),
        (QUERY.until.timestamp(), False),
    ],
)
def test_window_is_kept(verify_time: float, listed: bool) -> None:
    page = read_page(make_record(verify_time=int(verify_time)))
    assert (bool(page.uses), page.next_cursor) == (listed, "9")


def test_uses_of_other_stores_are_left_out() -> None:
    assert read_page(make_record(poi_id=int(OTHER_POI_ID))).uses == ()
    assert read_one(poi_id=int(POI_ID)).external_store_id == POI_ID


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 1}, False),
        ({"status": "1"}, False),
        ({"status": 2}, True),
        ({"status": 2, "cancel_time": 0}, True),
        ({"status": 1, "cancel_time": 1760090300}, True),
    ],
)
def test_uses_taken_back(changes: Any, expected: bool) -> None:
    assert read_one(**changes).reversed is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"verify_id": None},
        {"certificate_id": 0},
        {"verify_time": 0},
        {"verify_time": "soon"},
        {"status": 3},
        {"status": None},
        {"cursor": None},
        {"amount": []},
        {"amount": {"original_amount": 1.5}},
        {"sku": "x"},
        {"verify_type": "api"},
    ],
)
def test_records_that_cannot_be_read(changes: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_page(make_record(**changes))


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**9), st.booleans())
def test_amounts_are_exact(original: int, pay: int, discount: int, as_text: bool) -> None:
    amount = {"original_amount": original, "pay_amount": pay, "payment_discount_amount": discount}
    sent = {key: str(value) for key, value in amount.items()} if as_text else amount
    use = read_one(amount=sent)
    assert (use.face_value, use.paid_amount) == (original, pay + discount)


def test_amounts_of_a_times_card() -> None:
    whole = {"original_amount": 99000, "coupon_pay_amount": 91000}
    card = {"amount": whole, "sku": {"groupon_type": 3}}
    one = {"times_card_serial_amount": {"amount": {"original_amount": 9900, "coupon_pay_amount": 9100}}}
    assert (read_one(**card).face_value, read_one(**card).paid_amount) == (None, None)
    assert read_one(**card, verify_amount_info=one).face_value == 9900


# ----------------------------------------------------------------------------------------------- against the platform
async def redeem_many(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, n: int
) -> list[str]:
    receipts = []
    for _ in range(n):
        order = order_of(await find(simulator.make("usable").code))
        (outcome,) = await channel.coupons.redeem(session, order)
        receipts.append(outcome.receipts[0].reference)
    return receipts


async def test_every_use_is_listed_once(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    receipts = await redeem_many(channel, session, simulator, find, order_of, 41)
    uses = await read_uses(channel, session, clock.now() - HOUR, clock.now() + HOUR)
    assert sorted(use.receipt for use in uses) == sorted(receipts)
    assert {use.used_at for use in uses} == {clock.now()}
    asked = [request.params for request in session.http.requests if request.operation == "verify_record"]
    assert [each["size"] for each in asked] == ["20"] * (3 + 1)


async def test_uses_between_pages_move_nothing(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    receipts = await redeem_many(channel, session, simulator, find, order_of, 25)

    async def go_on() -> None:
        await redeem_many(channel, session, simulator, find, order_of, 3)

    uses = await read_uses(channel, session, clock.now() - HOUR, clock.now() + HOUR, go_on)
    assert set(receipts) <= {use.receipt for use in uses}


async def test_platform_keeps_the_window(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    simulator.make("used")  # two hours ago
    await redeem_many(channel, session, simulator, find, order_of, 1)
    earlier = await read_uses(channel, session, clock.now() - 3 * HOUR, clock.now())
    assert [(use.used_at, use.by_merchant_api) for use in earlier] == [(clock.now() - 2 * HOUR, False)]
    sent = next(each.params for each in session.http.requests if each.operation == "verify_record")
    assert (sent["start_time"], sent["end_time"]) == ("1772413200", "1772424000")
    assert sent["poi_ids"] == session.external_store_id
    assert sent["account_id"] == session.credentials.account_id


async def test_times_card_shows_each_use(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    order = order_of(await find(simulator.make("times_card").code), times=2)
    (outcome,) = await channel.coupons.redeem(session, order)
    uses = await read_uses(channel, session, clock.now(), clock.now() + HOUR)
    assert {use.receipt for use in uses} == {receipt.reference for receipt in outcome.receipts}
    assert {(use.face_value, use.paid_amount) for use in uses} == {(9900, 9100)}


async def test_other_store_sees_nothing(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    await redeem_many(channel, session, simulator, find, order_of, 1)
    elsewhere = make_session(channel, simulator, external_store_id=OTHER_POI_ID)
    assert await read_uses(channel, elsewhere, clock.now() - HOUR, clock.now() + HOUR) == []


async def test_store_must_be_bound(channel: Any, session: Any, simulator: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.list_uses(replace(session, external_store_id=None), QUERY)
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_refusal_is_no_empty_list(channel: Any, canned: Any) -> None:
    body = {
        "data": {"error_code": 4000002, "description": "请使用cursor查询"},
        "extra": {"error_code": 4000002},
    }
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.list_uses(canned(body), QUERY)
    assert caught.value.platform_code == "4000002"
