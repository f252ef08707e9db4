"""Kuaishou local life as a small stateful ASGI application: `adapters.kuaishou.simulator:app`."""

from __future__ import annotations

from adapters.kuaishou.simulator.calls import KuaishouSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["KuaishouSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> KuaishouSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return KuaishouSimulator(clock)
