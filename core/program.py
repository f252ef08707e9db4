"""Putting a program together, starting it and ending it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.access.failures import FailureLimits
from core.access.rates import ActorRates
from core.channels.accounts import AccountService
from core.channels.registry import ChannelRegistry, build_registry
from core.channels.sessions import NetworkSessions
from core.channels.transport.network import Network
from core.channels.transport.tokens import TokenStore
from core.clock import Clock, SystemClock
from core.coupons.detached import drain_detached
from core.db.lifecycle import opened_database
from core.events.bus import DatabaseBus
from core.keys import KeyRing
from core.runtime import Runtime
from core.settings import Settings
from core.work.scheduler import Work
from core.work.tasks import list_tasks


def build_runtime(
    settings: Settings,
    network: Network,
    *,
    registry: ChannelRegistry | None = None,
    clock: Clock | None = None,
) -> Runtime:
    """The parts, put together and not yet started. `registry` defaults to what installed packages bring."""
    clock = clock or SystemClock()
    keys = build_keys(settings)
    registry = registry or build_registry()
    for channel in registry.all():
        channel.attach(keys)
    sessions = NetworkSessions(network, TokenStore(keys, clock))
    return Runtime(
        settings=settings,
        clock=clock,
        keys=keys,
        registry=registry,
        accounts=AccountService(settings, keys, registry, sessions, clock),
        failures=FailureLimits(settings, clock),
        rates=ActorRates(settings),
        events=DatabaseBus(settings.event_poll_seconds),
        work=Work(list_tasks(settings)),
    )


def build_keys(settings: Settings) -> KeyRing:
    """The key ring of the configured secret keys."""
    previous = [key.get_secret_value() for key in settings.previous_secret_keys]
    return KeyRing(settings.secret_key.get_secret_value(), previous)


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, registry: ChannelRegistry | None = None, scheduled: bool = True
) -> AsyncIterator[Runtime]:
    """A running program: database and network open, events and background work started; all of it ended after.

    Without `scheduled` nothing runs by itself, as commands want it.
    """
    async with opened_database(settings), Network(settings) as network:
        runtime = build_runtime(settings, network, registry=registry)
        if not scheduled:
            yield runtime
            return
        await runtime.events.start()
        await runtime.work.start(runtime)
        try:
            yield runtime
        finally:
            await drain_detached(settings.answer_seconds)
            await runtime.work.stop()
            await runtime.accounts.flush_health(everything=True)
            await runtime.events.stop()
