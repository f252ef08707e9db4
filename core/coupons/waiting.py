"""Waiting for a request that somebody else drives, in this process or in another."""

from __future__ import annotations

import asyncio
from uuid import UUID

from core.coupons.journal import Saga
from core.coupons.requests import read_request
from core.coupons.states import OPEN_REQUESTS

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


async def wait_for_end(tenant_id: UUID, request_id: UUID, deadline: float) -> Saga:
    """The request as soon as it has ended, or as it stands at `deadline` (on the event loop's clock)."""
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE
    while True:
        request = await read_request(tenant_id, request_id)
        if request.status not in OPEN_REQUESTS or clock() >= deadline:
            return request
        await asyncio.sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
