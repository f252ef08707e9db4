"""Group classes: scheduling them, which takes their staff member and resources, and cancelling them for everybody."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import structlog

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import to_utc
from core.db.inserts import insert_row
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
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.reservations.cancelling import cancel_as
from core.reservations.claims import Claim
from core.reservations.guard import Owner, Span, claim_time, list_takes, release_time
from core.reservations.placing import take_patiently
from core.reservations.setup.access import find_row, load_visible
from core.reservations.setup.checks import check_range
from core.reservations.setup.rows import list_staff, read_service
from core.reservations.setup.shifts import check_list_span
from core.reservations.slots.availability import pick_resources
from core.reservations.values import (
    OwnerKind,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ServiceKind,
    ServiceView,
    Slot,
    TakenKind,
)

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

MAX_CAPACITY: Final = 500
REASON_LENGTH: Final = 200
# As many classes at once may want the same room before one of them is told that there is none.
_ATTEMPTS: Final = 10
_LOOK_BACK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ClassView:
    """One class at one time. `open` is false once it was cancelled."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    service_id: UUID
    staff_id: UUID | None
    resource_ids: tuple[UUID, ...]
    start: datetime
    end: datetime
    capacity: int
    booked: int = 0
    open: bool = True
    cancel_reason: str | None = None

    @property
    def slot(self) -> Slot:
        """A seat of it, as it can be booked."""
        return Slot(
            self.service_id,
            self.store_id,
            self.start,
            self.end,
            self.staff_id,
            self.resource_ids,
            self.id,
            self.capacity - self.booked,
        )


async def schedule_class(
    runtime: Runtime,
    actor: Actor,
    service_id: UUID,
    start: datetime,
    staff_id: UUID | None = None,
    capacity: int | None = None,
) -> ClassView | list[UserProblem]:
    """Schedules a class: its staff member and one free resource of each kind are taken, buffers included, or nothing.

    Without `staff_id` nobody of the staff gives it. `capacity` is the service's unless given. Answers the class, or
    what is wrong; CONFLICT names what is taken at that time. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.SCHEDULE_CLASS)
    service = read_service(await find_row(actor, "service", service_id))
    seats, start = service.capacity if capacity is None else capacity, to_utc(start)
    problems = [
        *_check_class(service, start, seats, runtime.clock.now()),
        *await _check_staff(service, staff_id),
    ]
    if problems:
        return problems
    end = start + timedelta(minutes=service.duration_minutes)
    view = ClassView(new_id(), actor.tenant_id, service.store_id, service.id, staff_id, (), start, end, seats)
    return await _take_class(runtime, actor, service, view)


async def cancel_class(
    runtime: Runtime, actor: Actor, session_id: UUID, reason: str
) -> ClassView | list[UserProblem]:
    """Cancels a class and every booking of it, as the store's doing; the guests are told.

    A repeat goes on where an earlier call was cut short. Answers the class, or what is wrong with the reason. Raises
    Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CANCEL_CLASS)
    view = read_class(await find_row(actor, "class_session", session_id))
    await _require_class(actor, view)
    problems = check_text(reason, ("reason",), REASON_LENGTH)
    if problems:
        return problems
    try:
        await write_together(_close(actor, view, reason.strip()))
    except GuardFailed:
        log.debug("this class was cancelled before", session=str(view.id))
    closed = read_class(await find_row(actor, "class_session", session_id))
    await _cancel_bookings(runtime, closed, actor)
    return read_class(await find_row(actor, "class_session", session_id))


async def list_classes(actor: Actor, store_id: UUID, span: Span) -> tuple[ClassView, ...]:
    """The classes of a store that begin in `span`, 92 days at most, cancelled ones too; earliest first.

    Raises Unauthenticated, Forbidden, NotFound, and BadInput for a span that ends too early or too late.
    """
    require(actor, Action.LIST_CLASS_SESSIONS)
    await find_store(actor, store_id)
    check_list_span(span)
    rows = await fetch_rows(
        "SELECT c.* FROM class_session c JOIN service s ON s.tenant_id = c.tenant_id AND s.id = c.service_id"
        " WHERE c.tenant_id = $1 AND c.store_id = $2 AND c.start_at >= $3 AND c.start_at < $4 AND s.kind = $5"
        " ORDER BY c.start_at, c.id",
        actor.tenant_id, store_id, span.start, span.end, ServiceKind.GROUP_CLASS.value,
    )  # fmt: skip
    return tuple(map(read_class, rows))


async def find_class(actor: Actor, session_id: UUID) -> ClassView:
    """A class of a store that the actor may enter. Raises NotFound."""
    view = read_class(await find_row(actor, "class_session", session_id))
    await _require_class(actor, view)
    return view


async def load_classes(actor: Actor, ids: Iterable[UUID]) -> dict[UUID, ClassView]:
    """The classes among `ids` of stores that the actor may enter, cancelled ones too."""
    require(actor, Action.LIST_CLASS_SESSIONS)
    return await load_visible(actor, "class_session", ids, read_class)


async def cancel_class_bookings(runtime: Runtime) -> int:
    """Cancels what is still booked of cancelled classes, after a crash say. Answers how many classes had any."""
    rows = await fetch_rows(
        "SELECT DISTINCT c.id, c.tenant_id FROM class_session c JOIN reservation r"
        " ON r.tenant_id = c.tenant_id AND r.session_id = c.id AND r.status IN ('PENDING_PAYMENT', 'CONFIRMED')"
        " WHERE c.status = 'CANCELLED' AND c.start_at > $1",
        runtime.clock.now() - _LOOK_BACK,
    )
    for row in rows:
        found = await fetch_row(
            "SELECT * FROM class_session WHERE tenant_id = $1 AND id = $2",
            as_uuid(row["tenant_id"]),
            as_uuid(row["id"]),
        )
        if found is not None:
            await _cancel_bookings(runtime, read_class(found), None)
    return len(rows)


def read_class(row: Mapping[str, Any]) -> ClassView:
    """A row of `class_session`."""
    return ClassView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        service_id=as_uuid(row["service_id"]),
        staff_id=as_optional_uuid(row["staff_id"]),
        resource_ids=tuple(UUID(each) for each in as_json(row["resource_ids"])),
        start=as_instant(row["start_at"]),
        end=as_instant(row["end_at"]),
        capacity=row["capacity"],
        booked=row["booked"],
        open=row["status"] == "OPEN",
        cancel_reason=row["cancel_reason"],
    )


# ------------------------------------------------------------------------------------------------ checking
def _check_class(service: ServiceView, start: datetime, seats: int, now: datetime) -> list[UserProblem]:
    if service.kind is not ServiceKind.GROUP_CLASS:
        return [UserProblem(ProblemCode.NOT_ALLOWED, ("serviceId",), "set_up.no_class")]
    if not service.active:
        return [UserProblem(ProblemCode.NOT_ALLOWED, ("serviceId",), "set_up.retired")]
    problems = check_range(("capacity",), seats, 1, MAX_CAPACITY)
    if start < now:
        problems.append(UserProblem(ProblemCode.TOO_SMALL, ("start",), "set_up.class_in_past"))
    return problems


async def _check_staff(service: ServiceView, staff_id: UUID | None) -> list[UserProblem]:
    if staff_id is None:
        return []
    staff = await list_staff(service.tenant_id, service.store_id)
    found = next((each for each in staff if each.id == staff_id), None)
    if found is None:
        return [UserProblem(ProblemCode.NOT_FOUND, ("staffId",))]
    if not service.required_skills <= found.skills:
        return [UserProblem(ProblemCode.NOT_ALLOWED, ("staffId",), "set_up.not_qualified")]
    return []


async def _require_class(actor: Actor, view: ClassView) -> None:
    """Raises NotFound for the times of pick-ups, which have seats in the same table."""
    service = read_service(await find_row(actor, "service", view.service_id))
    if service.kind is not ServiceKind.GROUP_CLASS:
        raise NotFound(text("fault.NOT_FOUND"))


# ------------------------------------------------------------------------------------------------ taking
async def _take_class(
    runtime: Runtime, actor: Actor, service: ServiceView, view: ClassView
) -> ClassView | list[UserProblem]:
    """Picks free resources and takes all; picks others where somebody was faster."""
    for _ in range(_ATTEMPTS):
        resources = await _pick_free(service, view, runtime.clock.now())
        if resources is None:
            break
        chosen = dataclasses.replace(view, resource_ids=resources)
        problem = await _try_class(runtime, actor, service, chosen)
        if problem is None:
            return chosen
        if problem.field:
            return [UserProblem(ProblemCode.CONFLICT, problem.field, _CLASHES[problem.field[0]])]
    values = {"kind": "、".join(service.required_resource_kinds)}
    return [UserProblem(ProblemCode.CONFLICT, (), "set_up.resource_busy", values)]


_CLASHES: Final = {"start": "set_up.already_scheduled", "staffId": "set_up.staff_busy"}


async def _pick_free(service: ServiceView, view: ClassView, now: datetime) -> tuple[UUID, ...] | None:
    """The smallest free ones that all seats fit into; any free ones where there are none so large."""
    found = await pick_resources(service, view.slot, view.capacity, now=now)
    return found if found is not None else await pick_resources(service, view.slot, 1, now=now)


async def _try_class(
    runtime: Runtime, actor: Actor, service: ServiceView, view: ClassView
) -> ReservationProblem | None:
    """None where it was scheduled; a problem without a field where a resource was taken meanwhile."""
    owner = Owner(view.tenant_id, view.store_id, view.id, OwnerKind.SESSION)
    takes = list_takes(service, Span(view.start, view.end), view.staff_id, view.resource_ids)
    staff = [take for take in takes if take.kind is TakenKind.STAFF]
    things = [take for take in takes if take.kind is TakenKind.RESOURCE]
    now = runtime.clock.now()
    details = {"serviceId": str(service.id), "start": view.start.isoformat(), "capacity": view.capacity}
    entry = build_entry(actor, "scheduleClass", "ClassSession", view.id, details)
    claims = [_claim_session(view)]
    claims += [_name_field(claim_time(owner, staff, now), "staffId")] if staff else []
    claims += [claim_time(owner, things, now)] if things else []
    return await take_patiently(claims, [entry])


def _claim_session(view: ClassView) -> Claim:
    """A class of a service begins once at one time with one staff member, or with nobody."""
    row = insert_row(
        "class_session",
        id=view.id,
        tenant_id=view.tenant_id,
        store_id=view.store_id,
        service_id=view.service_id,
        staff_id=view.staff_id,
        resource_ids=Json([str(resource_id) for resource_id in view.resource_ids]),
        start_at=view.start,
        end_at=view.end,
        capacity=view.capacity,
        booked=0,
        status="OPEN",
    )

    async def explain() -> ReservationProblem | None:
        same = "staff_id IS NULL" if view.staff_id is None else "staff_id = $4"
        values = [view.tenant_id, view.service_id, view.start, *([view.staff_id] if view.staff_id else [])]
        found = await fetch_row(
            "SELECT id FROM class_session WHERE tenant_id = $1 AND service_id = $2 AND start_at = $3"
            f" AND status = 'OPEN' AND {same}",
            *values,
        )
        return ReservationProblem(ReservationErrorCode.SLOT_TAKEN, ("start",)) if found else None

    return Claim([row], explain)


def _name_field(claim: Claim, field: str) -> Claim:
    async def explain() -> ReservationProblem | None:
        problem = await claim.explain()
        return dataclasses.replace(problem, field=(field,)) if problem else None

    return Claim(claim.writes, explain)


# ------------------------------------------------------------------------------------------------ cancelling
def _close(actor: Actor, view: ClassView, reason: str) -> list[Write]:
    """From here on nobody can book it: neither a seat nor by a hold. Refused where it was closed before."""
    return [
        Write(
            "UPDATE class_session SET status = 'CANCELLED', cancel_reason = $1"
            " WHERE tenant_id = $2 AND id = $3 AND status = 'OPEN'",
            (reason, view.tenant_id, view.id),
            expects=1,
        ),
        Write(
            "UPDATE slot_hold SET status = 'RELEASED' WHERE tenant_id = $1 AND session_id = $2"
            " AND status = 'HELD'",
            (view.tenant_id, view.id),
        ),
        release_time(view.tenant_id, view.id),
        build_entry(actor, "cancelClass", "ClassSession", view.id, {"reason": reason}),
    ]


async def _cancel_bookings(runtime: Runtime, view: ClassView, actor: Actor | None) -> None:
    """One by one, each in a commit of its own; who cancelled meanwhile is passed over. `actor` None: a sweep."""
    rows = await fetch_rows(
        "SELECT id FROM reservation WHERE tenant_id = $1 AND session_id = $2"
        " AND status IN ('PENDING_PAYMENT', 'CONFIRMED') ORDER BY id",
        view.tenant_id,
        view.id,
    )
    status, reason = ReservationStatus.CANCELLED_BY_STORE, view.cancel_reason
    for row in rows:
        await cancel_as(runtime, view.tenant_id, as_uuid(row["id"]), status, reason, actor=actor)
