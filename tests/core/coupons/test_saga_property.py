"""Whatever platforms do, a basket ends as one: all used, or nothing used, and the ledger says the same as they do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scripted import Fault, Platform

from core.channels.contract import Refusal
from core.coupons.values import RedeemOutcome, RedemptionStatus
from core.db.statements import execute, fetch_rows

_ENDS = {RedemptionStatus.SUCCEEDED, RedemptionStatus.DECLINED, RedemptionStatus.REVERSED}
_FAULTS = st.lists(st.sampled_from([Fault.LOST, Fault.ANSWER_LOST, Fault.LATE]), max_size=3)
_LEG = st.tuples(
    st.sampled_from("PQ"), st.sampled_from([None, None, None, Refusal.EXPIRED]), _FAULTS, st.booleans()
)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(legs=st.lists(_LEG, min_size=1, max_size=4), reversal_faults=_FAULTS, lands=st.booleans())
async def test_basket_is_all_or_nothing(shop, legs, reversal_faults, lands):
    await _prepare(shop, legs, reversal_faults)
    codes = [f"{letter}{n}" for n, (letter, *_) in enumerate(legs)]
    answer = await shop.redeem(*codes, key=shop.key())
    for _ in range(24):
        shop.clock.advance(20)
        if lands:  # inside the thirty seconds that the platforms declare
            shop.paper.land(), shop.plain.land()
        await shop.settle()
    await shop.settle(seconds=60, sweeps=3)
    await _check_end(shop, answer.outcome)


async def _prepare(shop, legs: Sequence, reversal_faults: Sequence[Fault]) -> None:
    """A clean slate: the fixture serves all examples of one test."""
    for table in ("redemption", "redemption_claim", "redemption_leg", "redemption_request", "outbox_event"):
        await execute(f"DELETE FROM {table}")
    for platform in (shop.paper, shop.plain):
        platform.tickets.clear(), platform.late.clear()
        for faults in platform.faults.values():
            faults.clear()
    for n, (letter, refusal, faults, _) in enumerate(legs):
        platform = shop.paper if letter == "P" else shop.plain
        platform.add(f"{letter}{n}", refusal=refusal)
        platform.faults["redeem"].extend(faults)
    shop.paper.faults["reverse"].extend(reversal_faults)
    shop.hurry()


async def _check_end(shop, told: RedeemOutcome) -> None:
    statuses = await shop.ledger()
    assert set(statuses) <= _ENDS, statuses
    succeeded = RedemptionStatus.SUCCEEDED in statuses
    assert not (succeeded and len(set(statuses)) > 1), statuses
    assert _living(shop.paper) + _living(shop.plain) == (len(statuses) if succeeded else 0)
    assert await shop.claims() == (len(statuses) if succeeded else 0)
    assert told in {RedeemOutcome.UNKNOWN, RedeemOutcome.REDEEMED if succeeded else RedeemOutcome.DECLINED}
    open_rows = await fetch_rows(
        "SELECT id FROM redemption_request WHERE status IN ('PROCESSING','COMPENSATING')"
    )
    assert open_rows == []


def _living(platform: Platform) -> int:
    assert all(len(ticket.living) <= ticket.times for ticket in platform.tickets.values())
    return sum(len(ticket.living) for ticket in platform.tickets.values())
