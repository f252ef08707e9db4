"""Rate and breaker: how often an account may call, and when it stops calling."""

from __future__ import annotations

import asyncio

import pytest

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    OutcomeUnknown,
    RateLimited,
    RequestRate,
)
from core.channels.transport.breaker import CallResult, LocalBreaker
from core.channels.transport.limiter import LocalLimiter
from core.ids import new_id
from tests.core.channels.conftest import (
    OK,
    RawPlatform,
    answer,
    close_silently,
    make_request,
    never_answer,
    open_client,
    opened_network,
)

ACCOUNT, OTHER = new_id(), new_id()
RATE = RequestRate(per_second=10, burst=3)


class Seconds:
    """Monotonic seconds that a test moves; sleeping moves them too."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value

    async def sleep(self, seconds: float) -> None:
        self.value += seconds


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def limiter(seconds: Seconds) -> LocalLimiter:
    return LocalLimiter(now=seconds, sleep=seconds.sleep, longest_wait=0.25)


@pytest.fixture
def breaker(seconds: Seconds) -> LocalBreaker:
    return LocalBreaker(failures_to_open=3, pause_seconds=10, now=seconds)


async def test_burst_goes_at_once(limiter: LocalLimiter, seconds: Seconds) -> None:
    for _ in range(3):
        await limiter.take(ACCOUNT, RATE)
    assert seconds() == 100.0


async def test_next_call_waits_its_turn(limiter: LocalLimiter, seconds: Seconds) -> None:
    for _ in range(13):
        await limiter.take(ACCOUNT, RATE)
    assert seconds() == pytest.approx(101.0), "ten calls after the burst of three take a second"


async def test_long_wait_is_refused(seconds: Seconds) -> None:
    limiter = LocalLimiter(now=seconds, sleep=asyncio.sleep, longest_wait=0)
    for _ in range(3):
        await limiter.take(ACCOUNT, RATE)
    with pytest.raises(RateLimited) as refusal:
        await limiter.take(ACCOUNT, RATE)
    assert refusal.value.retry_after == pytest.approx(0.1)
    seconds.value += 0.1
    await limiter.take(ACCOUNT, RATE)  # the refused call took nothing


async def test_rest_refills_the_burst_only(limiter: LocalLimiter, seconds: Seconds) -> None:
    seconds.value += 3600
    for _ in range(3):
        await limiter.take(ACCOUNT, RATE)
    before = seconds()
    await limiter.take(ACCOUNT, RATE)
    assert seconds() > before


async def test_accounts_have_rates_of_their_own(seconds: Seconds) -> None:
    limiter = LocalLimiter(now=seconds, longest_wait=0)
    for _ in range(3):
        await limiter.take(ACCOUNT, RATE)
    await limiter.take(OTHER, RATE)
    with pytest.raises(RateLimited):
        await limiter.take(ACCOUNT, RATE)


async def fail(breaker: LocalBreaker, times: int) -> None:
    for _ in range(times):
        await breaker.enter(ACCOUNT)
        await breaker.record(ACCOUNT, CallResult.FAILED)


async def test_failures_in_a_row_open(breaker: LocalBreaker) -> None:
    await fail(breaker, 3)
    with pytest.raises(ChannelUnavailable) as refusal:
        await breaker.enter(ACCOUNT)
    assert refusal.value.retry_after == pytest.approx(10)
    await breaker.enter(OTHER)


async def test_answer_between_keeps_closed(breaker: LocalBreaker) -> None:
    await fail(breaker, 2)
    await breaker.record(ACCOUNT, CallResult.ANSWERED)
    await fail(breaker, 2)
    await breaker.enter(ACCOUNT)


async def test_abandoned_calls_count_for_nothing(breaker: LocalBreaker) -> None:
    await fail(breaker, 2)
    await breaker.record(ACCOUNT, CallResult.ABANDONED)
    await breaker.enter(ACCOUNT)
    await fail(breaker, 1)
    with pytest.raises(ChannelUnavailable):
        await breaker.enter(ACCOUNT)


async def test_one_call_probes_after_the_pause(breaker: LocalBreaker, seconds: Seconds) -> None:
    await fail(breaker, 3)
    seconds.value += 10
    await breaker.enter(ACCOUNT)
    with pytest.raises(ChannelUnavailable):
        await breaker.enter(ACCOUNT)


async def test_good_probe_closes(breaker: LocalBreaker, seconds: Seconds) -> None:
    await fail(breaker, 3)
    seconds.value += 10
    await breaker.enter(ACCOUNT)
    await breaker.record(ACCOUNT, CallResult.ANSWERED)
    await fail(breaker, 2)
    await breaker.enter(ACCOUNT)


async def test_bad_probe_opens_again(breaker: LocalBreaker, seconds: Seconds) -> None:
    await fail(breaker, 3)
    seconds.value += 10
    await fail(breaker, 1)
    seconds.value += 9.9
    with pytest.raises(ChannelUnavailable):
        await breaker.enter(ACCOUNT)


async def test_lost_probe_gives_way(breaker: LocalBreaker, seconds: Seconds) -> None:
    await fail(breaker, 3)
    seconds.value += 10
    await breaker.enter(ACCOUNT)
    seconds.value += 10
    await breaker.enter(ACCOUNT)


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [(close_silently, OutcomeUnknown), (answer(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"), None)],
)
async def test_failing_platform_is_left_alone(
    platform: RawPlatform, breaker: LocalBreaker, behaviour: object, failure: type[ChannelFailure] | None
) -> None:
    platform.behaviour = behaviour  # type: ignore[assignment]
    async with opened_network(breaker=breaker) as network:
        client = open_client(network)
        for _ in range(3):
            if failure is None:
                assert (await client.send(make_request(platform.port))).status == 503
            else:
                with pytest.raises(failure):
                    await client.send(make_request(platform.port))
        with pytest.raises(ChannelUnavailable) as refusal:
            await client.send(make_request(platform.port))
    assert refusal.value.operation == "acme.use"
    assert len(platform.requests) == 3, "nothing is sent while the circuit is open"


async def test_client_errors_keep_closed(platform: RawPlatform, breaker: LocalBreaker) -> None:
    platform.behaviour = answer(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")
    async with opened_network(breaker=breaker) as network:
        client = open_client(network)
        for _ in range(10):
            assert (await client.send(make_request(platform.port))).status == 401


async def test_given_up_call_to_hanging_platform_counts(platform: RawPlatform, breaker: LocalBreaker) -> None:
    platform.behaviour = never_answer
    async with opened_network(breaker=breaker) as network:
        client = open_client(network, ACCOUNT)
        for patience in (0.01, 0.01, 0.01, 0.15, 0.15, 0.15):
            await breaker.enter(ACCOUNT)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(patience):
                    await client.send(make_request(platform.port, timeout=0.2))
    with pytest.raises(ChannelUnavailable):
        await breaker.enter(ACCOUNT)


async def test_used_up_rate_sends_nothing(platform: RawPlatform, seconds: Seconds) -> None:
    platform.behaviour = answer(OK)
    limiter = LocalLimiter(now=seconds, longest_wait=0)
    async with opened_network(limiter=limiter) as network:
        client = open_client(network, rate=RequestRate(per_second=1, burst=2))
        await client.send(make_request(platform.port))
        await client.send(make_request(platform.port))
        with pytest.raises(RateLimited) as refusal:
            await client.send(make_request(platform.port))
    assert (refusal.value.operation, refusal.value.retry_after) == ("acme.use", 1)
    assert len(platform.requests) == 2
