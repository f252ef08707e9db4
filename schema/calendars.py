"""Calendar files: `/calendar/{key}.ics` of one reservation, `/calendar/feeds/{name}.ics` of a store or staff member."""

from __future__ import annotations

from typing import Annotated

import strawberry
from starlette.requests import Request
from starlette.responses import Response

from core.reservations.calendars import find_calendar, find_feed, find_feed_name
from core.runtime import Runtime
from schema.context import Info
from schema.fields import resolved
from schema.ids import read_id, read_optional_id

_HEADERS = {"cache-control": "private, max-age=300", "x-content-type-options": "nosniff"}


async def show_calendar(request: Request) -> Response:
    """The calendar file of one reservation."""
    return _answer(await find_calendar(request.path_params["key"]))


async def show_feed(request: Request) -> Response:
    """The feed of a store or of a staff member."""
    runtime: Runtime = request.app.state.runtime
    return _answer(await find_feed(runtime.keys, request.path_params["name"], runtime.clock.now()))


def _answer(content: bytes | None) -> Response:
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type="text/calendar; charset=utf-8", headers=_HEADERS)


@strawberry.type
class CalendarQueries:
    @resolved(
        description="The address of a calendar feed of a store's reservations, or of one staff member's, to subscribe to"
        " in a calendar program. Whoever has it can read it. May: owner, manager, staff, pos (their stores)."
    )
    async def calendar_feed_url(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        staff_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only this staff member's.")
        ] = None,
    ) -> str:
        context = info.context
        name = await find_feed_name(
            context.runtime.keys,
            await context.sign_in(),
            read_id(store_id, "Store", "storeId"),
            read_optional_id(staff_id, "StaffMember", "staffId"),
        )
        return f"{context.base_url.rstrip('/')}/calendar/feeds/{name}.ics"
