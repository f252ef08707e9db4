"""Holding a slot while somebody fills in the form: for some minutes, extended once, proved when it is booked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import (
    GuardFailed,
    Json,
    Write,
    as_instant,
    as_json,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.reservations.announcing import spread_news
from core.reservations.claims import Claim
from core.reservations.guard import Owner, adopt_time, release_time
from core.reservations.placing import TRIES, claim_place, find_other_resources, take_patiently
from core.reservations.problems import refuse_input
from core.reservations.requests import Refused, answer_once, claim_request, open_request, suggest_instead
from core.reservations.seats import is_open, return_seats
from core.reservations.setup.rows import load_policy
from core.reservations.slots.choice import admit_slot, check_party, fit_slot, open_slot, settle_session
from core.reservations.slots.tokens import parse_slot, write_slot
from core.reservations.values import (
    OwnerKind,
    ReservationErrorCode,
    ReservationProblem,
    ServiceView,
    Slot,
)
from core.runtime import Runtime

LONGEST_MINUTES: Final = 10
# How many times one customer may hold at once: a shop's day must not be held by one phone.
MOST_HOLDS: Final = 5
_NO_LIMIT: Final = 1_000_000
_PORTION: Final = 200

_INSERT = (
    "INSERT INTO slot_hold (id, created_at, tenant_id, store_id, service_id, session_id, actor_id, customer_id, slot,"
    " party_size, status, expires_at, extended) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'HELD', $11, FALSE"
    " WHERE (SELECT count(*) FROM slot_hold WHERE tenant_id = $3 AND actor_id = $7 AND status = 'HELD'"
    " AND expires_at > $12) < $13"
)
_SELECT = "SELECT * FROM slot_hold"


@dataclass(frozen=True, slots=True)
class HoldView:
    """A slot that is kept for whoever holds it, until `expires_at`."""

    id: UUID
    tenant_id: UUID
    slot: Slot
    party_size: int
    expires_at: datetime
    extended: bool = False

    def count_seconds(self, now: datetime) -> int:
        """How many whole seconds are left; 0 once it has run out."""
        return max(0, int((self.expires_at - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold with what booking it needs."""

    view: HoldView
    actor_id: UUID
    status: str

    @property
    def taken(self) -> int:
        """How many staff members and resources it keeps; seats it keeps instead of them."""
        slot = self.view.slot
        return 0 if slot.session_id else (slot.staff_id is not None) + len(slot.resource_ids)


async def hold_slot(
    runtime: Runtime, actor: Actor | None, slot_token: str, party_size: int, key: str
) -> HoldView | ReservationProblem:
    """Keeps a slot for the actor, or answers why not.

    It lives as long as the store's policy says, ten minutes at most. A repeat with the same key answers the same hold
    while it lives. Raises Unauthenticated, Forbidden, NotFound, BadInput and IdempotencyKeyReused.
    """
    actor = require(actor, Action.HOLD_SLOT)
    request = open_request(runtime, actor, "holdSlot", key, [slot_token, party_size])

    async def work() -> HoldView | ReservationProblem:
        check_party(party_size)
        slot = open_slot(runtime, actor, slot_token, party_size)
        service = await admit_slot(runtime, actor, slot, party_size)
        now = runtime.clock.now()
        slot = await fit_slot(service, await settle_session(service, slot), party_size, now)
        hold = await _open_hold(runtime, service, slot, party_size)
        return await _take_hold(actor, service, hold, now, claim_request(request, {"id": str(hold.id)}))

    async def recall(hold_id: UUID) -> HoldView | ReservationProblem:
        try:
            return (await find_living_hold(runtime, actor, hold_id)).view
        except Refused as refused:
            return await suggest_instead(runtime, actor, refused)

    return await answer_once(runtime, request, work, recall)


async def extend_hold(runtime: Runtime, actor: Actor | None, hold_id: UUID) -> HoldView | ReservationProblem:
    """Makes a living hold last as long again, once. Answers HOLD_EXPIRED, or INVALID for a second time."""
    actor = require(actor, Action.HOLD_SLOT)
    try:
        hold = await find_living_hold(runtime, actor, hold_id)
        if hold.view.extended:
            raise Refused(refuse_input("extended", "holdId"))
        policy = await load_policy(actor.tenant_id, hold.view.slot.store_id)
        until = hold.view.expires_at + timedelta(minutes=min(policy.hold_minutes, LONGEST_MINUTES))
        return await _extend(hold, until, runtime.clock.now())
    except Refused as refused:
        return await suggest_instead(runtime, actor, refused)


async def release_hold(runtime: Runtime, actor: Actor | None, hold_id: UUID) -> ReservationProblem | None:
    """Gives a hold up. None also where it had run out or was given up before; HOLD_EXPIRED where it was never one."""
    actor = require(actor, Action.HOLD_SLOT)
    hold = await _find_hold(actor.tenant_id, hold_id)
    if hold is None or hold.actor_id != actor.actor_id or hold.status == "USED":
        return ReservationProblem(ReservationErrorCode.HOLD_EXPIRED, ("holdId",))
    if hold.status == "HELD" and await _end_hold(hold, "RELEASED"):
        await spread_news(runtime, freed=hold.view.slot.session_id is not None)
    return None


async def sweep_holds(runtime: Runtime) -> int:
    """Lets go of what holds keep that have run out. Answers how many there were."""
    rows = await fetch_rows(
        f"{_SELECT} WHERE status = 'HELD' AND expires_at <= $1 ORDER BY expires_at LIMIT {_PORTION}",
        runtime.clock.now(),
    )
    ended = [hold for hold in map(_read_hold, rows) if await _end_hold(hold, "EXPIRED")]
    if any(hold.view.slot.session_id for hold in ended):
        await spread_news(runtime, freed=True)
    return len(ended)


# -------------------------------------------------------------------------------------------------------------- booking
async def find_living_hold(runtime: Runtime, actor: Actor, hold_id: UUID) -> Hold:
    """The actor's own hold. Raises Refused with HOLD_EXPIRED, also for somebody else's."""
    hold = await _find_hold(actor.tenant_id, hold_id)
    problem = ReservationProblem(ReservationErrorCode.HOLD_EXPIRED, ("holdId",))
    if hold is None or hold.actor_id != actor.actor_id:
        raise Refused(problem)
    if hold.status != "HELD" or hold.view.expires_at <= runtime.clock.now():
        raise Refused(problem, hold.view.slot, hold.view.party_size)
    return hold


def claim_hold(hold: Hold, reservation_id: UUID, now: datetime) -> Claim:
    """The claim that turns a hold into a reservation's place, while it lives. Its seats go over as they are."""
    view = hold.view
    use = Write(
        "UPDATE slot_hold SET status = 'USED', reservation_id = $1 WHERE tenant_id = $2 AND id = $3"
        " AND actor_id = $4 AND status = 'HELD' AND expires_at > $5 AND (session_id IS NULL OR EXISTS"
        " (SELECT 1 FROM class_session WHERE tenant_id = $2 AND id = slot_hold.session_id AND status = 'OPEN'))",
        (reservation_id, view.tenant_id, view.id, hold.actor_id, now),
        expects=1,
    )

    async def explain() -> ReservationProblem | None:
        present = await _find_hold(view.tenant_id, view.id)
        living = present is not None and present.status == "HELD" and present.view.expires_at > now
        if hold.view.slot.session_id is not None:
            # A class may be cancelled in the moment in which somebody gets hold of a seat.
            living = living and await is_open(view.tenant_id, hold.view.slot.session_id)
        # A clock that is ahead of ours may have let go of what it keeps.
        if living and await _count_kept(view) == hold.taken:
            return None
        return ReservationProblem(ReservationErrorCode.HOLD_EXPIRED, ("holdId",))

    if not hold.taken:
        return Claim([use], explain)
    return Claim([use, adopt_time(view.tenant_id, view.id, reservation_id, hold.taken, now)], explain)


# --------------------------------------------------------------------------------------------------------------- taking
async def _open_hold(runtime: Runtime, service: ServiceView, slot: Slot, party_size: int) -> HoldView:
    policy = await load_policy(service.tenant_id, service.store_id)
    lifetime = timedelta(minutes=min(policy.hold_minutes, LONGEST_MINUTES))
    return HoldView(new_id(), service.tenant_id, slot, party_size, runtime.clock.now() + lifetime)


async def _take_hold(
    actor: Actor, service: ServiceView, hold: HoldView, now: datetime, key: Claim
) -> HoldView:
    owner = Owner(service.tenant_id, service.store_id, hold.id, OwnerKind.HOLD, hold.expires_at)
    problem: ReservationProblem | None = None
    for _ in range(TRIES):
        place = claim_place(owner, service, hold.slot, hold.party_size, now)
        problem = await take_patiently([key, *place, _claim_row(actor, hold, now)])
        if problem is None:
            return hold
        other = await find_other_resources(problem, owner, service, hold.slot, hold.party_size, now)
        if other is None:
            break
        hold = replace(hold, slot=replace(hold.slot, resource_ids=other))
    problem = problem or ReservationProblem(ReservationErrorCode.SLOT_TAKEN)
    raise Refused(replace(problem, field=problem.field or ("slotToken",)), hold.slot, hold.party_size)


def _claim_row(actor: Actor, hold: HoldView, now: datetime) -> Claim:
    """The claim on one of the holds that a customer may have."""
    slot, limit = hold.slot, MOST_HOLDS if actor.is_customer else _NO_LIMIT
    names = (hold.id, utc_now(), hold.tenant_id, slot.store_id, slot.service_id, slot.session_id)
    contents = (actor.actor_id, actor.customer_id, Json(write_slot(slot)), hold.party_size, hold.expires_at)

    async def explain() -> ReservationProblem | None:
        row = await fetch_row(
            "SELECT count(*) AS total FROM slot_hold WHERE tenant_id = $1 AND actor_id = $2 AND status = 'HELD'"
            " AND expires_at > $3",
            actor.tenant_id, actor.actor_id, now,
        )  # fmt: skip
        if row is None or row["total"] < limit:
            return None
        values: dict[str, object] = {"reason": "holds", "limit": limit}
        return ReservationProblem(ReservationErrorCode.CUSTOMER_LIMIT_REACHED, values=values)

    return Claim([Write(_INSERT, (*names, *contents, now, limit), expects=1)], explain)


async def _extend(hold: Hold, until: datetime, now: datetime) -> HoldView:
    view = hold.view
    row = Write(
        "UPDATE slot_hold SET expires_at = $1, extended = TRUE WHERE tenant_id = $2 AND id = $3"
        " AND status = 'HELD' AND NOT extended AND expires_at > $4",
        (until, view.tenant_id, view.id, now),
        expects=1,
    )
    taken = Write(
        "UPDATE booking_allocation SET hold_expires_at = $1 WHERE tenant_id = $2 AND owner_id = $3"
        " AND state = 'HELD' AND hold_expires_at > $4",
        (until, view.tenant_id, view.id, now),
        expects=hold.taken,
    )
    try:
        await write_together([row, taken])
    except GuardFailed:
        problem = ReservationProblem(ReservationErrorCode.HOLD_EXPIRED, ("holdId",))
        raise Refused(problem, view.slot, view.party_size) from None
    return replace(view, expires_at=until, extended=True)


async def _end_hold(hold: Hold, status: str) -> bool:
    """False where it was used, extended or ended meanwhile."""
    view = hold.view
    writes = [
        Write(
            "UPDATE slot_hold SET status = $1 WHERE tenant_id = $2 AND id = $3 AND status = 'HELD'"
            " AND expires_at = $4",
            (status, view.tenant_id, view.id, view.expires_at),
            expects=1,
        ),
        release_time(view.tenant_id, view.id),
    ]
    if view.slot.session_id is not None:
        writes.append(return_seats(view.tenant_id, view.slot.session_id, view.party_size))
    try:
        await write_together(writes)
    except GuardFailed:
        return False
    return True


# -------------------------------------------------------------------------------------------------------------- reading
async def _find_hold(tenant_id: UUID, hold_id: UUID) -> Hold | None:
    row = await fetch_row(f"{_SELECT} WHERE tenant_id = $1 AND id = $2", tenant_id, hold_id)
    return _read_hold(row) if row else None


def _read_hold(row: Mapping[str, Any]) -> Hold:
    slot = parse_slot(as_json(row["slot"]))
    view = HoldView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        slot=replace(slot, session_id=as_optional_uuid(row["session_id"])),
        party_size=row["party_size"],
        expires_at=as_instant(row["expires_at"]),
        extended=bool(row["extended"]),
    )
    return Hold(view, as_uuid(row["actor_id"]), row["status"])


async def _count_kept(view: HoldView) -> int:
    row = await fetch_row(
        "SELECT count(*) AS total FROM booking_allocation WHERE tenant_id = $1 AND owner_id = $2 AND state = 'HELD'",
        view.tenant_id, view.id,
    )  # fmt: skip
    return int(row["total"]) if row else 0
