"""Douyin Life as a small stateful ASGI application: `adapters.douyin.simulator:app`."""

from __future__ import annotations

from adapters.douyin.simulator.calls import DouyinSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["DouyinSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> DouyinSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return DouyinSimulator(clock)
