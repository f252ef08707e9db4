"""Who gets what of a use: payout and fee beside the listed uses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.douyin.ledger import Shares, add_shares, list_settled, parse_shares
from adapters.douyin.parse import parse_envelope
from core.channels.contract import ProtocolFailure, RecordedUse, UsePage, UseQuery
from tests.adapters.conftest import read_uses

HOUR = timedelta(hours=1)
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
FUNDS = {"goods": 8822, "pay_handling": 55, "total_merchant_platform_service": 223, "talent_commission": 99}


def wrap(*records: Any, code: int = 0) -> Any:
    return parse_envelope({"data": {"error_code": code, "records": list(records)}}, "ledger")


def make_share(**changes: Any) -> dict[str, Any]:
    return {"verify_id": "1", "status": 1, "fund_amount": FUNDS, **changes}


def test_shares_of_one_use() -> None:
    assert parse_shares(wrap(make_share())) == {"1": Shares(8822, 278)}


def test_funds_within_the_amount() -> None:
    nested = {"verify_id": "1", "status": 2, "amount": {"amount": {"pay": 9100}, "fund_amount": FUNDS}}
    assert parse_shares(wrap(nested)) == {"1": Shares(8822, 278)}


def test_two_shares_of_one_use_are_added_up() -> None:
    assert parse_shares(wrap(make_share(), make_share(fund_amount={"goods": 8, "pay_handling": 2}))) == {
        "1": Shares(8830, 280)
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 0}, {"1": Shares(8822, 278)}),
        ({"status": 3}, {"1": Shares(8822, 278)}),
        ({"status": 4}, {}),
        ({"status": 5}, {"1": Shares(None, None)}),
        ({"status": None}, {"1": Shares(None, None)}),
        ({"fund_amount": None}, {"1": Shares(None, None)}),
        ({"fund_amount": {"goods": 5}}, {"1": Shares(5, None)}),
        ({"fund_amount": {"pay_handling": 5}}, {"1": Shares(None, 5)}),
    ],
)
def test_what_is_not_told_stays_unknown(changes: Any, expected: Any) -> None:
    assert parse_shares(wrap(make_share(**changes))) == expected


def test_part_of_the_sum_is_no_sum() -> None:
    assert parse_shares(wrap(make_share(), make_share(fund_amount={})))["1"] == Shares(None, None)


@pytest.mark.parametrize(
    "changes", [{"verify_id": None}, {"status": "x"}, {"fund_amount": []}, {"fund_amount": {"goods": 0.5}}]
)
def test_shares_that_cannot_be_read(changes: Any) -> None:
    with pytest.raises(ProtocolFailure):
        parse_shares(wrap(make_share(**changes)))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.booleans())
def test_shares_are_exact(goods: int, handling: int, service: int, as_text: bool) -> None:
    funds = {"goods": goods, "pay_handling": handling, "total_merchant_platform_service": service}
    sent = {key: str(value) for key, value in funds.items()} if as_text else funds
    assert parse_shares(wrap(make_share(fund_amount=sent)))["1"] == Shares(goods, handling + service)


def test_uses_taken_back_are_not_asked_for() -> None:
    uses = (RecordedUse("1", NOW, "a"), RecordedUse("2", NOW, "b", reversed=True), RecordedUse("3", NOW, "a"))
    assert list_settled(UsePage(uses)) == ["a"]
    shared = add_shares(UsePage(uses, "c"), wrap(make_share(), make_share(verify_id="2")))
    assert [(use.payout, use.fee) for use in shared.uses] == [(8822, 278), (None, None), (None, None)]
    assert shared.next_cursor == "c"


def test_refusal_leaves_the_page() -> None:
    page = UsePage((RecordedUse("1", NOW, "a"),))
    assert add_shares(page, wrap(code=2100005)) == page


# ----------------------------------------------------------------------------------------------- against the platform
async def test_shares_come_an_hour_later(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any, clock: Any
) -> None:
    await channel.coupons.redeem(session, order_of(await find(simulator.make("two_coupons").code)))
    start = clock.now()
    early = await read_uses(channel, session, start, start + HOUR)
    assert [(use.payout, use.fee) for use in early] == [(None, None)] * 2
    clock.advance(channel.coupons.behaviour.list_delay)
    late = await read_uses(channel, session, start, start + HOUR)
    assert [(use.payout, use.fee, use.paid_amount) for use in late] == [(8822, 278, 9100)] * 2
    sent = next(each.params for each in session.http.requests if each.operation == "ledger")
    assert sorted(sent["certificate_ids"].split(",")) == sorted(str(use.reference) for use in late)


async def test_nothing_is_asked_for_no_uses(channel: Any, session: Any, simulator: Any, clock: Any) -> None:
    await channel.coupons.list_uses(session, UseQuery(clock.now() - HOUR, clock.now()))
    assert simulator.calls["ledger"] == 0
