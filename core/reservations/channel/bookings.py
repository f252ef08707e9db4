"""Bookings of platforms in our calendar: each state that is seen is noted, and the calendar brought to the newest.

Both steps can be repeated, by anybody, at any time and at once: the record of a booking is guarded by its version, and
what the calendar does about it stands in the same commit. So it does not matter whether a state came by delivery or
was read from a list, how often, or in which order.
"""

from __future__ import annotations

from typing import Final

from core.channels.bindings import BoundAccount
from core.channels.contract import BookingStatus, ChannelBooking
from core.db.statements import GuardFailed, write_together
from core.reservations.channel.desks import Desk, list_desks, pick_desk
from core.reservations.channel.following import find_obstacle, follow_cancellation, follow_visit
from core.reservations.channel.messages import has_waiting
from core.reservations.channel.placing import accept_booking, move_booking, place_booking
from core.reservations.channel.records import Record, Superseded, follow_record, load_record, note_state
from core.reservations.channel.values import ConflictReason, Noted, Origin, Outcome
from core.reservations.reservation_rows import load_reservation
from core.reservations.values import OPEN_STATUSES, ReservationView
from core.runtime import Runtime

_ATTEMPTS: Final = 12
_OFF = (BookingStatus.CANCELLED, BookingStatus.REJECTED)
_EXPECTED = (BookingStatus.REQUESTED, BookingStatus.CONFIRMED)


async def import_booking(runtime: Runtime, account: BoundAccount, booking: ChannelBooking) -> Noted:
    """Takes in one state of a booking, and brings our calendar to the newest that is known.

    UNCHANGED for one that is known or older. A booking of a store that the account is not bound to is left alone.
    """
    desks = await list_desks(runtime, account)
    desk = pick_desk(desks, booking.external_store_id or account.external_store_id)
    return await take_booking(runtime, desk, booking) if desk else Noted.UNCHANGED


async def take_booking(runtime: Runtime, desk: Desk, booking: ChannelBooking) -> Noted:
    """`import_booking` at a desk. What others change at the same time is looked at again."""
    record, noted = await note_state(desk.tenant_id, desk.account_id, desk.store_id, desk.channel, booking)
    for _ in range(_ATTEMPTS):
        if record.is_followed:
            break
        lost = False
        try:
            await _follow(runtime, desk, record, booking)
        except (GuardFailed, Superseded):
            lost = True
        renewed = await load_record(record.tenant_id, record.id)
        if renewed is None or (renewed.version == record.version and not lost):
            break
        record = renewed
    return noted


async def _follow(runtime: Runtime, desk: Desk, record: Record, booking: ChannelBooking) -> None:
    """One step of our calendar towards the record; where it changes nothing there is nothing more to do now."""
    if record.origin is Origin.OURS and await has_waiting(record.tenant_id, record.id):
        # The platform has not been told yet what it is: what it says is of before.
        return
    status, present = record.facts.status, await _load(record)
    if status in _OFF:
        await follow_cancellation(runtime, record, present)
    elif status is BookingStatus.UNRECOGNISED:
        await _keep_unrecognised(record)
    elif present is not None:
        await _follow_with(runtime, desk, record, present)
    elif status in (BookingStatus.COMPLETED, BookingStatus.NO_SHOW):
        # A visit that is over, and that we never knew, is of no use to our calendar.
        await write_together([follow_record(record, Outcome.ENDED)])
    else:
        await place_booking(runtime, desk, record, booking)


async def _load(record: Record) -> ReservationView | None:
    if record.reservation_id is None:
        return None
    return await load_reservation(record.tenant_id, record.reservation_id)


async def _keep_unrecognised(record: Record) -> None:
    """Where we have a reservation it stays as it is; the platform will say more."""
    if record.reservation_id is not None:
        await write_together([follow_record(record, Outcome.PLACED)])
    elif record.conflict is not ConflictReason.UNRECOGNISED or record.followed != record.facts:
        await write_together([follow_record(record, Outcome.CONFLICT, ConflictReason.UNRECOGNISED)])


async def _follow_with(runtime: Runtime, desk: Desk, record: Record, present: ReservationView) -> None:
    is_open = present.status in OPEN_STATUSES
    moved = record.followed is None or record.facts.is_moved(record.followed)
    behind = record.outcome is Outcome.CONFLICT and _differs(record, present)
    if is_open and (moved or behind) and record.facts.status in _EXPECTED:
        return await move_booking(runtime, desk, record, present)
    obstacle = None if is_open else find_obstacle(record, present)
    if obstacle is not None:
        return await _keep_obstacle(record, obstacle)
    if record.facts.status not in _EXPECTED and await follow_visit(runtime, record, present):
        return None
    if record.followed == record.facts and record.conflict not in (None, ConflictReason.GONE):
        return None
    return await write_together([follow_record(record, Outcome.PLACED), *accept_booking(desk, record)])


def _differs(record: Record, present: ReservationView) -> bool:
    return (record.facts.start, record.count_people(present)) != (present.start, present.party_size)


async def _keep_obstacle(record: Record, obstacle: ConflictReason) -> None:
    if record.conflict is not obstacle or record.followed != record.facts:
        await write_together([follow_record(record, Outcome.CONFLICT, obstacle)])
