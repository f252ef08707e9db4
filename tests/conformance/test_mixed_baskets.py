"""Whatever any platforms do in the middle of a basket: it ends all used or none, and the ledger says the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.coupons.values import RedemptionStatus
from core.settings import Settings
from core.testing.faults import FaultKind
from tests.conformance.market import CODES, Market, open_market

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
_ENDS = {RedemptionStatus.SUCCEEDED, RedemptionStatus.DECLINED, RedemptionStatus.REVERSED}
_FAULTS = st.lists(
    st.sampled_from(
        [
            None,
            FaultKind.LOSE,
            FaultKind.DROP_AFTER_APPLY,
            FaultKind.ERROR_500,
            FaultKind.ERROR_500_AFTER_APPLY,
            FaultKind.GARBAGE,
        ]
    ),
    max_size=2,
)
_LEG = st.tuples(st.sampled_from(CODES), st.sampled_from([True, True, True, False]), _FAULTS)


@pytest.fixture
async def market(database: Settings) -> AsyncIterator[Market]:
    async with open_market(database) as market:
        market.hurry()
        yield market


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(legs=st.lists(_LEG, min_size=2, max_size=3, unique_by=lambda leg: leg[0]), reversal=_FAULTS)
async def test_basket_of_channels_is_all_or_nothing(market: Market, legs, reversal) -> None:
    codes = [
        await market.sell(code, "usable" if good else market.refused_state(code)) for code, good, _ in legs
    ]
    before, told = market.living_uses(), len(await market.ledger())
    for code, _, faults in legs:
        if simulator := market.simulators.get(code):
            simulator.faults.clear()
            simulator.faults.script("redeem", *faults)
            simulator.faults.script("reverse", *reversal)
    await market.redeem(*codes)
    for _ in range(12):
        await market.settle()
    ended = (await market.ledger())[told:]
    assert set(ended) <= _ENDS, ended
    used = ended.count(RedemptionStatus.SUCCEEDED)
    assert used in (0, len(legs)), ended
    outside = sum(code != "house" for code, _, _ in legs) if used else 0
    assert market.living_uses() - before == outside
