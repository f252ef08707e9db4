"""Failures while orders are read or told of: no empty list, no parcel that nobody knows of, and nothing breaks."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Misconfigured,
    NothingSent,
    OrderTaken,
    OutcomeUnknown,
    ProtocolFailure,
)
from core.testing.garbage import HOPELESS, spoil_answer
from core.testing.order_bench import OrderBench, make_parcel
from core.testing.platform_bench import expect_silence
from core.testing.wire import answer_with, lose_answer, lose_request, refuse_connection


class FailingOrderRules:
    """What `Orders` promises while something is broken."""

    async def test_lost_order_list_is_unavailable(self, bench: OrderBench) -> None:
        await bench.read_all()
        failure = await bench.fail(bench.read_all(), Effect.READ, lose_request)
        assert isinstance(failure, ChannelUnavailable), f"a lost page of orders is {failure!r}"

    async def test_lost_order_is_unavailable(self, bench: OrderBench) -> None:
        reference = bench.make()
        await bench.find_one(reference)
        failure = await bench.fail(bench.find(reference), Effect.READ, lose_request)
        assert isinstance(failure, ChannelUnavailable), f"a lost order is {failure!r}"

    async def test_rubbish_is_no_empty_list(self, bench: OrderBench) -> None:
        """Core would take it for a window in which nothing was sold."""
        await bench.read_all()
        for content in HOPELESS.values():
            failure = await bench.fail(bench.read_all(), Effect.READ, answer_with(content))
            assert isinstance(failure, ChannelUnavailable | ProtocolFailure), (
                f"{content[:40]!r} is {failure!r}"
            )

    async def test_rubbish_is_no_missing_order(self, bench: OrderBench) -> None:
        reference = bench.make()
        await bench.find_one(reference)
        for content in HOPELESS.values():
            failure = await bench.fail(bench.find(reference), Effect.READ, answer_with(content))
            assert isinstance(failure, ChannelUnavailable | ProtocolFailure), (
                f"{content[:40]!r} is {failure!r}"
            )

    async def test_unknown_order_answer_is_a_failure(self, bench: OrderBench) -> None:
        await bench.read_all()
        operation = bench.wire.last_request(Effect.READ).operation
        bench.wire.break_next(Effect.READ, answer_with(bench.platform.strange_answer(operation)))
        with suppress(ChannelFailure):
            found = await bench.read_all()
            raise AssertionError(f"read {len(found)} orders out of an unlisted platform code")
        assert not bench.wire.disarm()

    async def test_server_error_on_orders(self, bench: OrderBench) -> None:
        bench.make()
        await bench.read_all()
        for content in (b"", HOPELESS["html"], bench.wire.answers[-1].content):
            failure = await bench.fail(bench.read_all(), Effect.READ, answer_with(content, 500))
            assert isinstance(failure, ChannelUnavailable), f"HTTP 500 on orders is {failure!r}"

    async def test_spoilt_orders_are_no_crash(self, bench: OrderBench) -> None:
        bench.make()
        await bench.read_page(*bench.around())
        for content in spoil_answer(bench.wire.answers[-1].content):
            await _survive(bench, bench.read_page(*bench.around()), Effect.READ, content)

    async def test_wrong_credentials_list_no_orders(self, bench: OrderBench) -> None:
        await bench.use_other_credentials()
        try:
            found = await bench.read_all()
        except (CredentialsRefused, Misconfigured):
            return
        raise AssertionError(f"the platform refuses the credentials, but {len(found)} orders were read")

    async def test_cancelled_order_list(self, bench: OrderBench) -> None:
        reference = bench.make()
        await bench.read_all()
        await bench.cancel_midway(bench.read_all(), Effect.READ)
        assert reference in await bench.read_all()

    async def test_lost_parcel_is_unknown(self, bench: OrderBench) -> None:
        """And it is told again by core, not by the adapter."""
        if not bench.behaviour.ships:
            return
        for fault in (lose_request, lose_answer):
            reference = bench.make()
            failure = await bench.fail(bench.ship(make_parcel(reference)), Effect.WRITE, fault)
            assert isinstance(failure, OutcomeUnknown), f"a parcel without an answer is {failure!r}"
            assert len(bench.platform.list_parcels(reference)) == (fault is lose_answer), "it was told again"

    async def test_unsent_parcel_told_nothing(self, bench: OrderBench) -> None:
        if not bench.behaviour.ships:
            return
        reference = bench.make()
        failure = await bench.fail(bench.ship(make_parcel(reference)), Effect.WRITE, refuse_connection)
        assert isinstance(failure, NothingSent), f"nothing was sent, but it is {failure!r}"

    async def test_rubbish_is_no_parcel(self, bench: OrderBench) -> None:
        if not bench.behaviour.ships:
            return
        reference = bench.make()
        for content in HOPELESS.values():
            bench.wire.break_next(Effect.WRITE, answer_with(content))
            with suppress(ChannelFailure):
                answer = await bench.ship(make_parcel(reference))
                assert not isinstance(answer, OrderTaken), f"read a success out of {content[:40]!r}"
            assert not bench.wire.disarm(), "sent no WRITE request"

    async def test_failed_orders_say_nothing(self, bench: OrderBench) -> None:
        reference = bench.make()
        await bench.find_one(reference)
        for content in spoil_answer(bench.wire.answers[-1].content, 20):
            await _survive(bench, bench.find(reference), Effect.READ, content)
        expect_silence(bench)


async def _survive(bench: OrderBench, work: Awaitable[object], effect: Effect, content: bytes) -> None:
    """Either a failure of the contract, or an answer that keeps every invariant; no other exception."""
    bench.wire.break_next(effect, answer_with(content))
    try:
        await work
    except ChannelFailure:
        pass
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(
            f"{content[:80]!r} is {type(error).__name__}, which is no ChannelFailure"
        ) from error
    finally:
        bench.wire.disarm()
