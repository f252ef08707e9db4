"""The voucher services on the Taobao open platform as a small stateful ASGI app: `adapters.eleme.simulator:app`."""

from __future__ import annotations

from adapters.eleme.simulator.calls import ElemeSimulator
from core.testing.simulator import SimulatorClock

__all__ = ["ElemeSimulator", "app"]


def app(clock: SimulatorClock | None = None) -> ElemeSimulator:
    """A platform of its own, empty until it is seeded. By default its clock is the machine's."""
    return ElemeSimulator(clock)
