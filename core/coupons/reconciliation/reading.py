"""Reading a platform's record of a day, page by page, against our ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from core.channels.contract import (
    ChannelSession,
    ChannelUnavailable,
    Coupons,
    Misconfigured,
    ProtocolFailure,
    RecordedUse,
    UsePage,
    UseQuery,
)
from core.coupons.reconciliation.books import LONGEST_SETTLING, load_between, load_of_coupons
from core.coupons.reconciliation.comparing import CLOCK_MARGIN, Comparison
from core.coupons.reconciliation.values import DayWindow, LedgerRow, Subject
from core.runtime import Runtime

# One page: a token first, perhaps, and a list that the platform has to put together.
_PAGE_SECONDS = 30.0
_MOST_PAGES = 5_000
_AT_ONCE = 200

OnPage = Callable[[int, int], Awaitable[None]]


def coupons_of(subject: Subject) -> Coupons:
    """The channel's coupons, where it lists their uses. Raises Misconfigured."""
    coupons = subject.bound.channel.coupons
    if coupons is None or not coupons.behaviour.lists_uses:
        raise Misconfigured(f"the channel {subject.channel} does not list uses")
    return coupons


async def compare_day(
    runtime: Runtime, subject: Subject, window: DayWindow, on_page: OnPage
) -> tuple[Comparison, int]:
    """Every use that the platform has of the day, held against ours; and how many pages that were.

    `on_page(pages, uses)` is awaited after each page. Raises any ChannelFailure.
    """
    since, until = window.since - CLOCK_MARGIN, window.until + CLOCK_MARGIN
    ledger = await load_between(subject, since, until)
    comparison = Comparison(subject, window, ledger)
    pages = uses = 0
    session = await runtime.accounts.open_session(subject.bound)
    query = UseQuery(_widen(since, ledger), until)
    async for page in _read_pages(coupons_of(subject), session, query):
        pages, uses = pages + 1, uses + len(page.uses)
        for first in range(0, len(page.uses), _AT_ONCE):
            await _compare_some(subject, comparison, page.uses[first : first + _AT_ONCE])
        await on_page(pages, uses)
    return comparison, pages


def _widen(since: datetime, ledger: list[LedgerRow]) -> datetime:
    """A redemption that settled after midnight may have taken place before it: then the reading begins earlier."""
    asked = [row.created_at - CLOCK_MARGIN for row in ledger]
    return max(min([since, *asked]), since - LONGEST_SETTLING)


async def _read_pages(
    coupons: Coupons, session: ChannelSession[Any, Any], query: UseQuery
) -> AsyncIterator[UsePage]:
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await _read_page(coupons, session, UseQuery(query.since, query.until, cursor))
        yield page
        if page.next_cursor is None:
            return
        if page.next_cursor == cursor:
            raise ProtocolFailure("the list does not go on", operation="list_uses", path="cursor")
        cursor = page.next_cursor
    raise ProtocolFailure("the list does not end", operation="list_uses", path="cursor")


async def _read_page(coupons: Coupons, session: ChannelSession[Any, Any], query: UseQuery) -> UsePage:
    try:
        async with asyncio.timeout(_PAGE_SECONDS):
            return await coupons.list_uses(session, query)
    except TimeoutError:
        raise ChannelUnavailable("no page in time", operation="list_uses") from None


async def _compare_some(subject: Subject, comparison: Comparison, uses: tuple[RecordedUse, ...]) -> None:
    wanted = {coupon_id for use in uses for coupon_id in comparison.list_coupons(use)}
    rows: dict[UUID, list[LedgerRow]] = {}
    for row in await load_of_coupons(subject, wanted):
        rows.setdefault(row.coupon_id, []).append(row)
    for use in uses:
        comparison.add(use, [row for id_ in comparison.list_coupons(use) for row in rows.get(id_, ())])
