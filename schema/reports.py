"""Reports as rows ready to plot."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from core.reservations.reports import ReportBy, ReportRow, report_reservations
from schema import enums as enums
from schema.context import Info
from schema.fields import resolved
from schema.ids import read_id


@strawberry.type(
    description="One bar of a plot of how a calendar was used. Null where there is nothing to divide."
)
class ReservationReportRow:
    key: str = strawberry.field(
        description="Sorts, and stays the same: a day, a weekday from 1, an hour, an id, a code."
    )
    label: str = strawberry.field(description="For people.")
    booked: int = strawberry.field(description="Reservations, cancelled ones apart.")
    cancelled: int = strawberry.field(description="Reservations that were cancelled.")
    came: int = strawberry.field(description="Guests who were checked in.")
    no_shows: int = strawberry.field(description="Guests who did not come.")
    minutes_booked: int = strawberry.field(description="Minutes of reservations, cancelled ones apart.")
    minutes_offered: int | None = strawberry.field(
        description="Minutes in shifts; null where there are none to count."
    )
    booking_rate: float | None = strawberry.field(description="Minutes booked by minutes offered.")
    utilisation: float | None = strawberry.field(description="Minutes of guests who came by minutes offered.")
    check_in_rate: float | None = strawberry.field(description="Who came, by who came or did not.")
    no_show_rate: float | None = strawberry.field(description="Who did not come, by who came or did not.")
    lead_hours: float | None = strawberry.field(description="From booking to start, the median.")
    average_stars: float | None = strawberry.field(description="Of the guests' ratings.")


def show_row(row: ReportRow) -> ReservationReportRow:
    return ReservationReportRow(
        key=row.key,
        label=row.label,
        booked=row.booked,
        cancelled=row.cancelled,
        came=row.came,
        no_shows=row.no_shows,
        minutes_booked=row.minutes_booked,
        minutes_offered=row.minutes_offered,
        booking_rate=row.booking_rate,
        utilisation=row.utilisation,
        check_in_rate=row.check_in_rate,
        no_show_rate=row.no_show_rate,
        lead_hours=row.lead_hours,
        average_stars=row.average_stars,
    )


@strawberry.type
class ReportQueries:
    @resolved(
        description="How a store's calendar was used, in the store's own days, a year at most. May: owner, manager, staff"
        " with the scope reports."
    )
    async def reservation_report(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        since: Annotated[date, strawberry.argument(name="from", description="The first day.")],
        until: Annotated[date, strawberry.argument(name="to", description="The last day.")],
        by: Annotated[ReportBy, strawberry.argument(description="What a row stands for.")] = ReportBy.DAY,
    ) -> list[ReservationReportRow]:
        actor = await info.context.sign_in()
        rows = await report_reservations(actor, read_id(store_id, "Store", "storeId"), since, until, by)
        return [show_row(row) for row in rows]
