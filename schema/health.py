"""/livez: the process answers. /readyz: it can also serve."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.db.invariants import verify_invariants
from core.db.statements import fetch_row

log = structlog.get_logger(__name__)

_SECONDS: Final = 3.0


async def show_liveness(_: Request) -> Response:
    return PlainTextResponse("ok")


async def show_readiness(_: Request) -> Response:
    """200 where the database answers and enforces every invariant, else 503 with what is wrong."""
    try:
        async with asyncio.timeout(_SECONDS):
            await fetch_row("SELECT 1 AS one")
            missing = await verify_invariants()
    except Exception as error:
        log.warning("health.database_down", kind=type(error).__name__)
        return PlainTextResponse("the database does not answer", 503)
    if missing:
        return PlainTextResponse(f"the database lacks: {', '.join(missing)}", 503)
    return PlainTextResponse("ok")
