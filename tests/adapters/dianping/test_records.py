"""The shop's uses of a day, as they come and page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dianping.parse import parse_envelope
from adapters.dianping.records import parse_records
from adapters.dianping.simulator.state import OTHER_SHOP, SHOP
from core.channels.contract import Misconfigured, ProtocolFailure, RecordedUse, ReversalOrder, UseQuery
from core.channels.day_lists import DayRows
from core.testing.sessions import make_session
from tests.adapters.conftest import read_uses

HOUR = timedelta(hours=1)
QUERY = UseQuery(datetime(2023, 11, 14, 16, tzinfo=UTC), datetime(2023, 11, 15, 16, tzinfo=UTC))


def make_record(**changes: Any) -> dict[str, Any]:
    return {
        "receipt_code": "0332808512",
        "deal_id": 993500001,
        "deal_marketprice": 168.0,
        "verify_account": "hexiao-leg-1",
        "verify_channel": "15",
        "verify_time": "2023-11-15 12:00:05",
        **changes,
    }


def read_page(*records: Any, **data: Any) -> DayRows:
    body = {"code": 200, "msg": "", "data": {"records": list(records), **data}}
    return parse_records(parse_envelope(body, "querylistbydate"))


def read_one(**changes: Any) -> RecordedUse:
    (use,) = read_page(make_record(**changes)).uses
    return use


# ------------------------------------------------------------------------------------------------------- examples
def test_example(read_payload: Any) -> None:
    page = parse_records(parse_envelope(read_payload("14_querylistbydate_ok"), "querylistbydate"))
    (use,) = page.uses
    assert page.total == 1
    assert (use.receipt, use.reference) == (
        "0332808512",
        "0332808512",
    )  # somebody else's till: no mark of ours
    assert use.used_at == datetime(2023, 11, 15, 4, 0, 5, tzinfo=UTC)
    assert (use.face_value, use.paid_amount, use.payout, use.fee) == (16800, None, None, None)
    assert (use.reversed, use.by_merchant_api) == (False, True)
    assert not {"receipt_code", "mobile"} & use.raw.keys()


def test_own_use_has_its_receipt() -> None:
    assert read_one().receipt == "993500001:leg-1"


@pytest.mark.parametrize(
    ("channel", "expected"), [("15", True), (15, True), ("1", False), (None, None), ("", None)]
)
def test_where_a_use_came_in(channel: Any, expected: bool | None) -> None:
    assert read_one(verify_channel=channel).by_merchant_api is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"receipt_code": None},
        {"verify_time": None},
        {"verify_time": "2023-13-01 00:00:00"},
        {"deal_marketprice": 1.005},
        {"deal_marketprice": "NaN"},
        {"payment_detail": "x"},
        {"deal_id": []},
    ],
)
def test_records_that_cannot_be_read(changes: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_page(make_record(**changes))


@pytest.mark.parametrize("data", [{"total_count": "many"}, {"total_count": []}, {"records": "none"}])
def test_pages_that_cannot_be_read(data: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_page(**data)


@given(st.integers(0, 10**9), st.booleans())
def test_amounts_are_exact(fen: int, as_text: bool) -> None:
    text = f"{fen // 100}.{fen % 100:02d}"
    assert read_one(deal_marketprice=text if as_text else float(text)).face_value == fen


# ----------------------------------------------------------------------------------------------- against the platform
async def redeem_many(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, n: int
) -> list[str]:
    receipts = []
    for number in range(n):
        order = order_of(
            await find(simulator.make("usable").code), f"leg-{simulator.calls['consume']}-{number}"
        )
        (outcome,) = await channel.coupons.redeem(session, order)
        receipts.append(outcome.receipts[0].reference)
    return receipts


async def test_every_use_is_listed_once(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    receipts = await redeem_many(channel, session, simulator, find, order_of, 230)
    before = len(session.http.requests)
    uses = await read_uses(channel, session, clock.now() - HOUR, clock.now() + HOUR)
    assert sorted(use.receipt for use in uses) == sorted(receipts)
    assert {(use.used_at, use.external_store_id) for use in uses} == {(clock.now(), SHOP)}
    asked = [request.params for request in session.http.requests[before:]]
    assert [(each.get("biz_type"), each["offset"]) for each in asked] == [
        (None, "0"),
        (None, "95"),
        (None, "190"),
        ("201", "0"),
        ("203", "0"),
    ]
    assert {each["date"] for each in asked} == {"2026-03-02"}


async def test_use_taken_back_meanwhile_hides_no_other(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    receipts = await redeem_many(channel, session, simulator, find, order_of, 150)
    code = simulator.consumptions()[0].code

    async def take_back() -> None:
        await channel.coupons.reverse(session, ReversalOrder("r", code, code, (receipts[0],)))

    uses = await read_uses(channel, session, clock.now() - HOUR, clock.now() + HOUR, take_back)
    assert simulator.consumptions()[0].living == 0
    assert {use.receipt for use in uses} == set(receipts)


async def test_use_taken_back_is_gone(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    (receipt,) = await redeem_many(channel, session, simulator, find, order_of, 1)
    code = simulator.consumptions()[0].code
    await channel.coupons.reverse(session, ReversalOrder("r", code, code, (receipt,)))
    assert await read_uses(channel, session, clock.now() - HOUR, clock.now() + HOUR) == []


async def test_window_over_midnight(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    clock.set(midnight - timedelta(seconds=1))
    before = await redeem_many(channel, session, simulator, find, order_of, 1)
    clock.set(midnight)
    after = await redeem_many(channel, session, simulator, find, order_of, 1)
    assert [use.receipt for use in await read_uses(channel, session, midnight - HOUR, midnight)] == before
    assert [use.receipt for use in await read_uses(channel, session, midnight, midnight + HOUR)] == after
    both = await read_uses(channel, session, midnight - HOUR, midnight + HOUR)
    assert [use.receipt for use in both] == before + after


async def test_use_by_hand_is_listed(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    sample = simulator.make("used")
    (use,) = await read_uses(channel, session, clock.now() - 3 * HOUR, clock.now())
    assert (use.receipt, use.by_merchant_api) == (sample.code, False)


async def test_other_store_sees_nothing(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    await redeem_many(channel, session, simulator, find, order_of, 1)
    elsewhere = make_session(channel, simulator, external_store_id=OTHER_SHOP)
    assert await read_uses(channel, elsewhere, clock.now() - HOUR, clock.now() + HOUR) == []


async def test_foreign_record_is_left_out(channel: Any, canned: Any) -> None:
    rows = [make_record(open_shop_uuid=shop, receipt_code=shop[-1] * 10) for shop in (SHOP, OTHER_SHOP)]
    body = {"code": 200, "msg": "", "data": {"total_count": "2", "records": rows}}
    page = await channel.coupons.list_uses(canned(body), QUERY)
    assert [use.external_store_id for use in page.uses] == [SHOP]


async def test_store_must_be_bound(channel: Any, session: Any, simulator: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        await channel.coupons.list_uses(replace(session, external_store_id=None), QUERY)
    assert caught.value.setting == "externalStoreId"
    assert not simulator.calls


async def test_refusal_is_no_empty_list(channel: Any, canned: Any) -> None:
    body = {"code": 899, "msg": "查询的日期过早"}
    with pytest.raises(ProtocolFailure) as caught:
        await channel.coupons.list_uses(canned({**body}), QUERY)
    assert (caught.value.platform_code, caught.value.platform_message) == ("899", "查询的日期过早")
