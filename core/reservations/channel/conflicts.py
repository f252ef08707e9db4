"""Bookings of platforms that a person must look at, and reading a platform's list at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor
from core.channels.contract import BookingStatus, ChannelFailure, CredentialsRefused
from core.db.statements import GuardFailed, Json, as_optional_uuid, fetch_rows, write_together
from core.errors import NotFound
from core.messages import text
from core.reservations.channel.desks import find_account, find_desk
from core.reservations.channel.messages import build_decision
from core.reservations.channel.placing import awaits_decision
from core.reservations.channel.records import Record, read_record, update_record
from core.reservations.channel.sync import SyncCounts, sync_account
from core.reservations.channel.values import ConflictReason, Outcome
from core.reservations.setup.access import find_row
from core.runtime import Runtime

MAX_RESOLUTION: Final = 200
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A booking that a person must look at, or has looked at (`resolved`)."""

    id: UUID
    tenant_id: UUID
    store_id: UUID
    account_id: UUID
    channel: str
    reference: str | None
    reason: ConflictReason | None
    status: BookingStatus
    start: datetime
    end: datetime | None
    party_size: int
    service_reference: str | None
    staff_reference: str | None
    contact_name: str | None
    phone_tail: str | None
    reservation_id: UUID | None
    resolved: bool
    resolution: str | None
    resolved_by: UUID | None


async def list_conflicts(actor: Actor | None, store_id: UUID) -> tuple[ConflictView, ...]:
    """What a person must look at in a store, by the start of the visit; 100 at most.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    actor = require(actor, Action.LIST_BOOKING_CONFLICTS)
    await find_store(actor, store_id)
    rows = await fetch_rows(
        "SELECT * FROM channel_booking WHERE tenant_id = $1 AND store_id = $2 AND outcome = 'CONFLICT'"
        f" ORDER BY start_at, id LIMIT {_MOST}",
        actor.tenant_id,
        store_id,
    )
    return tuple(map(_read_conflict, rows))


async def find_conflict(actor: Actor | None, conflict_id: UUID) -> ConflictView:
    """One of them, also once it is resolved. Raises NotFound."""
    actor = require(actor, Action.LIST_BOOKING_CONFLICTS)
    row = await find_row(actor, "channel_booking", conflict_id)
    if row["outcome"] not in (Outcome.CONFLICT, Outcome.RESOLVED):
        raise NotFound(text("fault.NOT_FOUND"))
    return _read_conflict(row)


async def resolve_conflict(
    runtime: Runtime, actor: Actor | None, conflict_id: UUID, note: str
) -> ConflictView | tuple[UserProblem, ...]:
    """That a person has seen to a booking. A request that never came into our calendar is rejected at the platform.

    What the platform says of it later is looked at again. Answers CONFLICT where it has changed at this very moment.
    Raises Unauthenticated, Forbidden and NotFound.
    """
    actor = require(actor, Action.RESOLVE_BOOKING_CONFLICT)
    row = await find_row(actor, "channel_booking", conflict_id)
    if row["outcome"] == Outcome.RESOLVED:
        return _read_conflict(row)
    if row["outcome"] != Outcome.CONFLICT:
        raise NotFound(text("fault.NOT_FOUND"))
    note = note.strip()
    if len(note) > MAX_RESOLUTION:
        return (UserProblem(ProblemCode.TOO_LONG, ("note",), values={"limit": MAX_RESOLUTION}),)
    try:
        await _resolve(runtime, actor, read_record(row), note)
    except GuardFailed:
        return (UserProblem(ProblemCode.CONFLICT, ("conflictId",)),)
    return _read_conflict(await find_row(actor, "channel_booking", conflict_id))


async def _resolve(runtime: Runtime, actor: Actor, record: Record, note: str) -> None:
    desk = await find_desk(runtime, record.tenant_id, record.account_id, record.store_id)
    resolved = update_record(
        record,
        outcome=Outcome.RESOLVED.value,
        followed=Json(record.facts.write()),
        resolved_by=actor.actor_id,
        resolution=note or None,
    )
    entry = build_entry(actor, Action.RESOLVE_BOOKING_CONFLICT, "BookingConflict", record.id, {"note": note})
    writes = [resolved, entry]
    if desk is not None and record.reservation_id is None and awaits_decision(desk, record):
        writes.append(build_decision(record, accept=False, reason=text("booking.rejected", "zh-CN")))
    await write_together(writes)
    await runtime.work.kick("send_booking_messages")


# ------------------------------------------------------------------------------------------------------------- reading
async def sync_channel(runtime: Runtime, actor: Actor | None, account_id: UUID) -> SyncCounts:
    """Reads now what an account's platform has. An account that has nothing to read is finished at once.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    actor = require(actor, Action.SYNC_CHANNEL)
    await runtime.accounts.find_account(actor, account_id)
    account = await find_account(runtime, actor.tenant_id, account_id)
    return await sync_account(runtime, account) if account else SyncCounts()


def explain_sync(failure: ChannelFailure) -> UserProblem:
    """Why a reading did not get to its end."""
    refused = isinstance(failure, CredentialsRefused)
    code = ProblemCode.CREDENTIALS_REFUSED if refused else ProblemCode.CHANNEL_UNAVAILABLE
    return UserProblem(code, ("accountId",), None if refused else "problem.sync_unavailable")


def _read_conflict(row: Mapping[str, Any]) -> ConflictView:
    record = read_record(row)
    facts = record.facts
    return ConflictView(
        id=record.id,
        tenant_id=record.tenant_id,
        store_id=record.store_id,
        account_id=record.account_id,
        channel=record.channel,
        reference=record.external_id,
        reason=record.conflict,
        status=facts.status,
        start=facts.start,
        end=facts.end,
        party_size=facts.party_size,
        service_reference=facts.service_reference,
        staff_reference=facts.staff_reference,
        contact_name=record.contact_name,
        phone_tail=record.phone_tail,
        reservation_id=record.reservation_id,
        resolved=record.outcome is Outcome.RESOLVED,
        resolution=row["resolution"],
        resolved_by=as_optional_uuid(row["resolved_by"]),
    )
