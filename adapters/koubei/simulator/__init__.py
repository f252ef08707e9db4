"""Alipay's gateway as a small stateful ASGI application: `adapters.koubei.simulator:app`."""

from __future__ import annotations

from adapters.koubei.simulator.gateway import KoubeiSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["KoubeiSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> KoubeiSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return KoubeiSimulator(clock)
