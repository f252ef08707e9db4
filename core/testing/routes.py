"""The simulator behind httpx itself: for tests of code that brings its own client, such as the real way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import respx
from respx.handlers import ASGIHandler

from core.testing.simulator import Simulator


@contextmanager
def routed(simulator: Simulator) -> Iterator[respx.MockRouter]:
    """Within, every httpx client reaches `simulator` at its address, and nothing else.

    The router's `calls` keep what was sent; a request to another address raises AllMockedAssertionError.
    """
    router = respx.mock(using="httpx", base_url=simulator.address, assert_all_called=False)
    with router:
        router.route().mock(side_effect=ASGIHandler(simulator))
        yield router
