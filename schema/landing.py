"""The demo's own page at `/`. Its files are ours and come from here; it reads the shop from `/demo.json`."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"

# Everything comes from this address; a style or script from elsewhere would be somebody else's.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:"
)


async def show_page(request: Request) -> FileResponse:
    """The page itself."""
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return FileResponse(_STATIC / "index.html", headers=headers)


def landing_routes() -> list[BaseRoute]:
    """The routes of the page: `/` and its files under `/static`. Only the demo has them."""
    return [Route("/", show_page, methods=["GET"]), Mount("/static", StaticFiles(directory=_STATIC))]
