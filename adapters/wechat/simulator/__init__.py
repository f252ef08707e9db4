"""WeChat and WeChat Pay as a small stateful ASGI application: `adapters.wechat.simulator:app`."""

from __future__ import annotations

from adapters.wechat.simulator.calls import WechatSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["WechatSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> WechatSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return WechatSimulator(clock)
