"""What the tests of every adapter share. Each adapter's own conftest gives `channel` and `simulator`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.channels.contract import ChannelSession, Found, Scanned
from core.coupons.codes import normalise_code
from core.testing.sessions import make_session


@pytest.fixture
def session(channel: Any, simulator: Any) -> ChannelSession[Any, Any]:
    """The channel against its simulator, in one process."""
    return make_session(channel, simulator)


@pytest.fixture
def scan() -> Callable[[str], Scanned]:
    """What core makes of a scanned text."""
    return normalise_code


@pytest.fixture
def find(channel: Any, session: ChannelSession[Any, Any], scan: Any) -> Callable[..., Any]:
    """Looks a code up and expects to find it."""

    async def look_up(text: str) -> Found:
        found = await channel.coupons.look_up(session, scan(text))
        assert isinstance(found, Found)
        return found

    return look_up
