"""Youzan as a small stateful ASGI application: `adapters.youzan.simulator:app`."""

from __future__ import annotations

from adapters.youzan.simulator.calls import YouzanSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["YouzanSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> YouzanSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return YouzanSimulator(clock)
