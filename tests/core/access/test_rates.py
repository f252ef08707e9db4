"""Requests per second, by token."""

from __future__ import annotations

import pytest

from core.access.rates import ActorRates, TokenBuckets
from core.access.values import Role
from core.errors import RateLimited
from core.ids import new_id
from core.settings import Settings


class Timer:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def rates(timer) -> ActorRates:
    settings = Settings(
        secret_key="x" * 32, staff_rate=50, staff_burst=500, customer_rate=10, customer_burst=50
    )
    return ActorRates(settings, TokenBuckets(timer))


@pytest.mark.parametrize(("role", "burst", "per_second"), [(Role.CUSTOMER, 50, 10), (Role.POS, 500, 50)])
async def test_burst_then_rate(rates, timer, make_actor, role, burst, per_second):
    actor = make_actor(role)
    for _ in range(burst):
        await rates.check(actor)
    with pytest.raises(RateLimited) as refused:
        await rates.check(actor)
    assert (refused.value.code, refused.value.retry_after) == ("RATE_LIMITED", 1)
    timer.seconds += 1
    for _ in range(per_second):
        await rates.check(actor)
    with pytest.raises(RateLimited):
        await rates.check(actor)


async def test_tokens_count_apart(rates, make_actor):
    first, second = make_actor(Role.CUSTOMER), make_actor(Role.CUSTOMER)
    for _ in range(50):
        await rates.check(first)
    await rates.check(second)
    with pytest.raises(RateLimited):
        await rates.check(first)


async def test_refusals_cost_nothing(timer):
    buckets, subject = TokenBuckets(timer), new_id()
    assert await buckets.take(subject, 0.5, 1) == 0
    assert [await buckets.take(subject, 0.5, 1) for _ in range(3)] == [2, 2, 2]
    timer.seconds += 2
    assert await buckets.take(subject, 0.5, 1) == 0


async def test_buckets_stay_few(timer):
    buckets = TokenBuckets(timer, capacity=10)
    for _ in range(100):
        await buckets.take(new_id(), 1, 1)
    assert len(buckets._buckets) == 10
