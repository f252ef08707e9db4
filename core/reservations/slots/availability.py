"""What can be booked: every free slot of a window, and the few best ones."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.errors import BadInput, Fault, NotFound
from core.messages import text
from core.reservations.setup.rows import find_service
from core.reservations.setup.wall_times import read_wall
from core.reservations.slots.boards import Scope, load_board, load_opening
from core.reservations.slots.calendar import DAY, Span, to_minute, to_minute_after
from core.reservations.slots.candidates import Busy
from core.reservations.slots.checks import check_slot, pick_resources
from core.reservations.slots.habits import Habits, load_habits
from core.reservations.slots.occupancy import load_own
from core.reservations.slots.offers import Board, Offer
from core.reservations.slots.scoring import EARLIEST, Wish
from core.reservations.values import Slot
from core.runtime import Runtime

__all__ = [
    "SlotQuery",
    "check_slot",
    "list_slots",
    "pick_resources",
    "recommend_slots",
    "suggest_slots",
]

MOST_DAYS: Final = 31
LARGEST_PARTY: Final = 500
MOST_RECOMMENDED: Final = 50
_FIRST_DAYS: Final = 14
_DAYS_NEAR: Final = 2
_SUGGESTED: Final = 3
# Recommendations lie at least so many minutes apart, suggestions less, as long as there are others.
_APART, _SUGGESTED_APART = 60, 30
_FAR_AWAY: Final = 2**62


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """Slots with `start <= slot.start < end`. `ignoring`: an owner whose own time counts as free, as it will move."""

    store_id: UUID
    service_id: UUID
    start: datetime
    end: datetime
    staff_id: UUID | None = None
    party_size: int = 1
    ignoring: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """The few best slots that `accept` (given a start) allows."""

    wish: Wish
    limit: int
    apart: int
    accept: Callable[[Slot], bool]


async def list_slots(runtime: Runtime, actor: Actor, query: SlotQuery) -> tuple[Slot, ...]:
    """Every slot that is free, by start and then by staff member, scored for the actor.

    Raises Unauthenticated, Forbidden, NotFound (store, service), and BadInput for a window that is empty or longer
    than 31 days and for a party of nobody.
    """
    scope = await _open_scope(runtime, actor, query.store_id, query.service_id, query.party_size)
    _check_window(query, scope)
    scope = dataclasses.replace(scope, staff_id=query.staff_id, ignoring=query.ignoring)
    earliest, latest = _find_bounds(scope, actor)
    window = max(to_minute_after(query.start), earliest), min(to_minute_after(query.end), latest)
    if window[0] >= window[1]:
        return ()
    habits = await _load_habits(scope, actor.customer_id)
    return tuple(_build_all(await load_board(scope, window, Wish(habits))))


async def recommend_slots(
    runtime: Runtime,
    actor: Actor,
    store_id: UUID,
    service_id: UUID,
    *,
    limit: int = 3,
    party_size: int = 1,
    near: datetime | None = None,
    customer_id: UUID | None = None,
) -> tuple[Slot, ...]:
    """The best slots, best first: of the next two weeks, or of the weeks after where those have none.

    For a customer by their own habits, for staff by those of `customer_id`; by `near` instead where it is given.
    Raises Unauthenticated, Forbidden, NotFound (store, service), and BadInput for a limit outside of 1 … 50 and for
    a party of nobody.
    """
    if not 1 <= limit <= MOST_RECOMMENDED:
        raise BadInput(text("fault.slots_limit", most=MOST_RECOMMENDED), ("limit",))
    scope = await _open_scope(runtime, actor, store_id, service_id, party_size)
    habits = await _load_habits(scope, actor.customer_id if actor.is_customer else customer_id)
    wish = Wish(habits, to_minute(near) if near else None)
    return await _find_best(scope, actor, _Search(wish, limit, _APART, lambda _: True))


async def suggest_slots(runtime: Runtime, actor: Actor, slot: Slot, party_size: int) -> tuple[Slot, ...]:
    """Up to three free slots near one that was refused, the nearest first, rather with the same staff member."""
    try:
        scope = await _open_scope(runtime, actor, slot.store_id, slot.service_id, party_size)
    except Fault:
        return ()
    habits = await _load_habits(scope, actor.customer_id)
    wish = Wish(habits, to_minute(slot.start), slot.staff_id)
    refused = slot.start, slot.staff_id
    search = _Search(
        wish, _SUGGESTED, _SUGGESTED_APART, lambda other: (other.start, other.staff_id) != refused
    )
    return await _find_best(scope, actor, search)


async def _open_scope(
    runtime: Runtime, actor: Actor, store_id: UUID, service_id: UUID, party_size: int
) -> Scope:
    require(actor, Action.LIST_SLOTS)
    store = await find_store(actor, store_id)
    service = await find_service(actor.tenant_id, service_id)
    if service is None or service.store_id != store.id or not service.active:
        raise NotFound(text("fault.service_not_found"))
    if not 1 <= party_size <= LARGEST_PARTY:
        raise BadInput(text("fault.party_size", most=LARGEST_PARTY), ("partySize",))
    opening = await load_opening(actor.tenant_id, store_id)
    return Scope(store, service, opening, party_size, runtime.clock.now())


def _check_window(query: SlotQuery, scope: Scope) -> None:
    if query.start.tzinfo is None or query.end.tzinfo is None:
        raise BadInput(text("fault.window_zone"), ("from",))
    if query.start >= query.end:
        raise BadInput(text("fault.window_order"), ("to",))
    # A month in which the clocks go back is an hour longer.
    on_the_wall = read_wall(query.end, scope.zone) - read_wall(query.start, scope.zone)
    if min(on_the_wall, query.end - query.start) > timedelta(days=MOST_DAYS):
        raise BadInput(text("fault.window_days", most=MOST_DAYS), ("to",))


def _find_bounds(scope: Scope, actor: Actor) -> Span:
    """Between which minutes a start is offered: never in the past, to customers within lead time and horizon."""
    if not actor.is_customer:
        return to_minute_after(scope.now), _FAR_AWAY
    policy = scope.opening.policy.narrow(scope.service)
    earliest = to_minute_after(scope.now + timedelta(minutes=policy.lead_minutes))
    return earliest, to_minute(scope.now) + policy.horizon_days * DAY + 1


async def _load_habits(scope: Scope, customer_id: UUID | None) -> Habits:
    return await load_habits(scope.tenant_id, scope.store.id, scope.zone, scope.now, customer_id)


def _build_all(board: Board) -> Iterator[Slot]:
    """All slots of a board by start; those that come first of all are marked as EARLIEST."""
    first = None
    for offer in sorted(board.offers, key=itemgetter(1, 2)):
        slot = board.build(offer, EARLIEST if first in (None, offer[1]) else 0)
        if slot is not None:
            first = offer[1] if first is None else first
            yield slot


async def _find_best(scope: Scope, actor: Actor, search: _Search) -> tuple[Slot, ...]:
    """The best of the first window that has any, up to the horizon."""
    for window in _list_windows(scope, actor, search.wish.near):
        own = await _load_own(scope, actor, window)
        board = await load_board(scope, window, search.wish)
        board.offers = _leave_out(board.offers, own, scope) if own.starts else board.offers
        found = _pick_best(board, search)
        if found:
            return found
    return ()


def _list_windows(scope: Scope, actor: Actor, near: int | None) -> Iterator[Span]:
    begin, end = _find_bounds(scope, actor)
    end = min(end, begin + scope.opening.policy.narrow(scope.service).horizon_days * DAY)
    begin = begin if near is None else max(begin, near - DAY)
    # Near a wish two days are enough, most of the time; scoring a fortnight for them costs seven times as much.
    days = _FIRST_DAYS if near is None else _DAYS_NEAR
    while begin < end:
        yield begin, min(end, begin + days * DAY)
        begin, days = begin + days * DAY, MOST_DAYS


async def _load_own(scope: Scope, actor: Actor, window: Span) -> Busy:
    """When a customer has something else: what overlaps would be refused, so it is not recommended."""
    if actor.customer_id is None:
        return Busy()
    reach = window[0] - DAY, window[1] + DAY
    return Busy(await load_own(actor.tenant_id, actor.customer_id, reach, scope.now))


def _leave_out(offers: list[Offer], own: Busy, scope: Scope) -> list[Offer]:
    length = scope.service.duration_minutes
    return [offer for offer in offers if own.is_free(offer[1], offer[1] + length)]


def _pick_best(board: Board, search: _Search) -> tuple[Slot, ...]:
    """The best offers, apart from each other; close ones only where there are no others."""
    earliest = _find_earliest(board) if search.wish.near is None else None
    waiting = list(board.offers)
    heapq.heapify(waiting)
    chosen: list[tuple[Offer, Slot]] = []
    crowded: list[Offer] = []
    while waiting and len(chosen) < search.limit:
        offer = heapq.heappop(waiting)
        if any(abs(offer[1] - other[1]) < search.apart for other, _ in chosen):
            crowded.append(offer)
        else:
            chosen += _build_accepted(board, search, offer, earliest)
    for offer in crowded:
        if len(chosen) < search.limit:
            chosen += _build_accepted(board, search, offer, earliest)
    return tuple(slot for _, slot in sorted(chosen, key=itemgetter(0)))


def _build_accepted(
    board: Board, search: _Search, offer: Offer, earliest: int | None
) -> list[tuple[Offer, Slot]]:
    slot = board.build(offer, EARLIEST if offer[1] == earliest else 0)
    return [(offer, slot)] if slot and search.accept(slot) else []


def _find_earliest(board: Board) -> int | None:
    """The first start that can really be had."""
    by_start = sorted(board.offers, key=itemgetter(1))
    return next((offer[1] for offer in by_start if board.build(offer)), None)
