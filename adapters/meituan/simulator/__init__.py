"""Meituan's developer gateway as a small stateful ASGI application: `adapters.meituan.simulator:app`."""

from __future__ import annotations

from adapters.meituan.simulator.gateway import CateringSimulator, GeneralSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["CateringSimulator", "GeneralSimulator", "app", "catering_app"]


def app(clock: SimulatorClock | None = None) -> GeneralSimulator:
    """A platform of its own, whose shop sells general services. By default its clock is the machine's."""
    return GeneralSimulator(clock)


def catering_app(clock: SimulatorClock | None = None) -> CateringSimulator:
    """The same for a restaurant."""
    return CateringSimulator(clock)
