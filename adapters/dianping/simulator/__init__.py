"""Dianping as a small stateful ASGI application: `adapters.dianping.simulator:app`."""

from __future__ import annotations

from adapters.dianping.simulator.calls import DianpingSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["DianpingSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> DianpingSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return DianpingSimulator(clock)
