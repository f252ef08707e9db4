"""What platforms report of a store: marks with their history, and reviews."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from core.presale.scores import (
    ReviewRow,
    ScoreRow,
    ScoreSeries,
    import_reviews,
    import_scores,
    list_scores,
)
from core.presale.values import ScoreDimension
from schema import presale_enums as presale_enums
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import read_id, read_optional_id
from schema.problems import UserError, show_problems


@strawberry.type(description="A mark at an instant.")
class StoreScorePoint:
    at: datetime = strawberry.field(description="For when the platform reported it.")
    value: Decimal = strawberry.field(description="0.00 to 5.00.")


@strawberry.type(description="The marks of one source in one dimension.")
class StoreScore:
    source: str = strawberry.field(description="Who reported them, such as a channel's code.")
    dimension: ScoreDimension = strawberry.field(description="What was marked.")
    latest: Decimal = strawberry.field(description="The last mark, 0.00 to 5.00.")
    change: Decimal = strawberry.field(description="The last mark less the first of the window.")
    history: list[StoreScorePoint] = strawberry.field(description="The marks of the window, oldest first.")


@strawberry.input(description="A mark that a platform reported.")
class StoreScoreInput:
    source: str = strawberry.field(description="Who reported it, such as a channel's code.")
    dimension: ScoreDimension = strawberry.field(description="What was marked.")
    value: Decimal = strawberry.field(description="0 to 5, rounded to two decimals.")
    at: datetime = strawberry.field(description="For when it was reported; not in the future.")


@strawberry.input(description="Marks of a store to take in.")
class ImportScoresInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    rows: list[StoreScoreInput] = strawberry.field(
        description="1 to 500; a mark of the same source, dimension and instant is replaced."
    )


@strawberry.type(description="The answer to importScores.")
class ImportScoresPayload:
    imported: int | None = strawberry.field(description="How many were taken in; null if none were.")
    user_errors: list[UserError] = strawberry.field(description="Why none were.")


@strawberry.input(description="A review that a platform reported.")
class ReviewInput:
    source: str = strawberry.field(description="Who reported it, such as a channel's code.")
    reference: str = strawberry.field(description="The platform's id of it.")
    stars: int = strawberry.field(description="1 to 5.")
    at: datetime = strawberry.field(description="When it was written; not in the future.")
    bad: bool | None = strawberry.field(
        default=None, description="Whether the platform counts it as bad; unless given: one or two stars."
    )
    order_id: strawberry.ID | None = strawberry.field(default=None, description="What it is about.")


@strawberry.input(description="Reviews of a store to take in.")
class ImportReviewsInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    rows: list[ReviewInput] = strawberry.field(
        description="1 to 500; a review with the same source and reference is replaced."
    )


@strawberry.type(description="The answer to importReviews.")
class ImportReviewsPayload:
    imported: int | None = strawberry.field(description="How many were taken in; null if none were.")
    user_errors: list[UserError] = strawberry.field(description="Why none were.")


@strawberry.type
class StoreScoreQueries:
    @resolved(
        description="The marks that platforms gave a store. May: owner, manager, staff with the scope reports (their"
        " stores)."
    )
    async def store_scores(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        days: Annotated[
            int | None, strawberry.argument(description="How many days back from now, 1 to 366.")
        ] = 90,
    ) -> list[StoreScore]:
        actor, now = await info.context.sign_in(), info.context.runtime.clock.now()
        store = read_id(store_id, "Store", "storeId")
        return [
            show_series(each) for each in await list_scores(actor, store, 90 if days is None else days, now)
        ]


@strawberry.type
class StoreScoreMutations:
    @mutation(description="Takes in marks that a platform reported, all or none. May: owner, manager.")
    async def import_scores(
        self,
        info: Info,
        given: Annotated[ImportScoresInput, strawberry.argument(name="input", description="The marks.")],
    ) -> ImportScoresPayload:
        context, store = info.context, read_id(given.store_id, "Store", "storeId")
        rows = [ScoreRow(row.source, row.dimension, row.value, row.at) for row in given.rows]
        answer = await import_scores(await context.sign_in(), store, rows, context.runtime.clock.now())
        if isinstance(answer, int):
            return ImportScoresPayload(imported=answer, user_errors=[])
        return ImportScoresPayload(imported=None, user_errors=show_problems(answer))

    @mutation(description="Takes in reviews that a platform reported, all or none. May: owner, manager.")
    async def import_reviews(
        self,
        info: Info,
        given: Annotated[ImportReviewsInput, strawberry.argument(name="input", description="The reviews.")],
    ) -> ImportReviewsPayload:
        context, store = info.context, read_id(given.store_id, "Store", "storeId")
        rows = [_read_review(row, index) for index, row in enumerate(given.rows)]
        answer = await import_reviews(await context.sign_in(), store, rows, context.runtime.clock.now())
        if isinstance(answer, int):
            return ImportReviewsPayload(imported=answer, user_errors=[])
        return ImportReviewsPayload(imported=None, user_errors=show_problems(answer))


def show_series(series: ScoreSeries) -> StoreScore:
    first, last = series.points[0].value, series.points[-1].value
    return StoreScore(
        source=series.source,
        dimension=series.dimension,
        latest=_show_mark(last),
        change=_show_mark(last - first),
        history=[StoreScorePoint(at=point.at, value=_show_mark(point.value)) for point in series.points],
    )


def _show_mark(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


def _read_review(given: ReviewInput, index: int) -> ReviewRow:
    order = read_optional_id(given.order_id, "Order", "rows", str(index), "orderId")
    return ReviewRow(given.source, given.reference, given.stars, given.at, given.bad, order)
