"""Telling platforms what they have to be told about bookings. Any process may do it, at any time.

A message is SENDING before the first byte leaves. Who finds it SENDING does not know what became of it, and looks at
the platform before telling it again; repeats are harmless there by contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingQuery,
    BookingStatus,
    BookingTaken,
    ChannelBooking,
    ChannelFailure,
    NothingSent,
)
from core.db.statements import Conflict, GuardFailed, Json, Write, write_together
from core.reservations.channel.bookings import take_booking
from core.reservations.channel.desks import Desk, call_desk, find_desk
from core.reservations.channel.messages import (
    Message,
    MessageKind,
    MessageState,
    end_message,
    list_due,
    update_message,
)
from core.reservations.channel.orders import write_order
from core.reservations.channel.records import (
    Record,
    describe_facts,
    find_record,
    load_record,
    read_facts,
    update_record,
)
from core.reservations.channel.values import ConflictReason, Outcome
from core.reservations.reservation_rows import load_reservation
from core.reservations.values import OPEN_STATUSES

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 8
# A message in hand is left alone this long; a call ends before that.
_HOLD: Final = timedelta(seconds=60)
_FIRST_PAUSE: Final = timedelta(seconds=10)
_LONGEST_PAUSE: Final = timedelta(minutes=30)
# With these pauses about a day.
_MOST_ATTEMPTS: Final = 55
# What a platform that has accepted a booking may say of it.
_ACCEPTED: Final = frozenset({BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.COMPLETED})
_OURS: Final = frozenset({MessageKind.PLACE, MessageKind.MOVE})


@dataclass(frozen=True, slots=True)
class _Task:
    """A message in hand, and what it is about. `over`: our reservation that it is about is not open any more."""

    message: Message
    record: Record
    desk: Desk
    order: BookingOrder | None = None
    over: bool = False

    @property
    def reference(self) -> str:
        return self.record.external_id or ""


async def send_booking_messages(runtime: Runtime) -> int:
    """Tells what is due and answers how many messages were taken in hand."""
    gate = asyncio.Semaphore(_AT_ONCE)
    due = await list_due(runtime.clock.now())
    return sum(await asyncio.gather(*(_work_on(gate, runtime, message) for message in due)))


async def _work_on(gate: asyncio.Semaphore, runtime: Runtime, message: Message) -> bool:
    """One broken case must not keep the others from being told; it is due again when its time in hand is over."""
    async with gate:
        try:
            taken = await _take_in_hand(runtime, message)
            await _carry_on(runtime, taken, was_sent=message.state is MessageState.SENDING)
        except GuardFailed:
            return False
        except Exception:
            log.exception("telling a platform of a booking failed", message_id=str(message.id))
            return False
    return True


async def _take_in_hand(runtime: Runtime, message: Message) -> Message:
    """The message with a new fence. Raises GuardFailed where somebody else has it."""
    changes = {
        "attempts": message.attempts + 1,
        "state": MessageState.SENDING.value,
        "next_attempt_at": runtime.clock.now() + _HOLD,
    }
    await write_together([update_message(message, **changes)])
    return replace(message, attempts=message.attempts + 1, state=MessageState.SENDING)


async def _carry_on(runtime: Runtime, message: Message, *, was_sent: bool) -> None:
    task = await _prepare(runtime, message)
    if task is None:
        return await write_together([end_message(message, MessageState.WITHDRAWN)])
    try:
        if was_sent and await _is_done(runtime, task):
            return await _finish(runtime, task)
        if task.over:
            return await write_together([end_message(message, MessageState.WITHDRAWN)])
        answer = await call_desk(runtime, task.desk, _make_call(task))
    except NothingSent as failure:
        # What went out at an earlier attempt may have arrived all the same.
        state = MessageState.SENDING if was_sent else MessageState.DUE
        return await _put_off(runtime, task, state, failure)
    except ChannelFailure as failure:
        return await _put_off(runtime, task, MessageState.SENDING, failure)
    if isinstance(answer, BookingTaken):
        return await _finish(runtime, task, answer.reference)
    if answer.settled:
        return await _finish(runtime, task)
    return await _book_refusal(runtime, task, answer.platform_code)


async def _prepare(runtime: Runtime, message: Message) -> _Task | None:
    """None where there is nothing to tell any more: the store is not bound, or the platform never had the booking."""
    record = await load_record(message.tenant_id, message.booking_id)
    if record is None:
        return None
    desk = await find_desk(runtime, record.tenant_id, record.account_id, record.store_id)
    if desk is None or (record.external_id is None and message.kind is not MessageKind.PLACE):
        return None
    task = _Task(message, record, desk)
    if message.kind not in _OURS:
        return task
    present = (
        await load_reservation(record.tenant_id, record.reservation_id) if record.reservation_id else None
    )
    order = await write_order(runtime.keys, record, present) if present else None
    if present is None or order is None:
        return None
    return replace(task, order=order, over=present.status not in OPEN_STATUSES)


def _make_call(task: _Task) -> Callable[..., Awaitable[BookingAnswer]]:
    """What the message says, as a call of the channel."""
    message, reference, order = task.message, task.reference, task.order
    if message.kind is MessageKind.DECIDE:
        accept, reason = message.accept, message.reason
        return lambda port, session: port.decide(session, reference, accept=accept, reason=reason)
    if message.kind is MessageKind.REPORT:
        status, reason = message.status, message.reason
        return lambda port, session: port.report(session, reference, status, reason)
    if message.kind is MessageKind.PLACE:
        return lambda port, session: port.place(session, order)
    return lambda port, session: port.move(session, reference, order)


# ------------------------------------------------------------------------------------------------------------- looking
async def _is_done(runtime: Runtime, task: _Task) -> bool:
    """Whether an attempt that got no answer has done its work, by the look of the booking."""
    if task.message.kind is MessageKind.PLACE:
        return await _find_placed(runtime, task) is not None
    booking = await call_desk(
        runtime, task.desk, lambda port, session: port.find_booking(session, task.reference)
    )
    return booking is not None and _stands_as_told(task, booking)


def _stands_as_told(task: _Task, booking: ChannelBooking) -> bool:
    message, order = task.message, task.order
    if message.kind is MessageKind.DECIDE:
        return booking.status in _ACCEPTED if message.accept else booking.status is BookingStatus.REJECTED
    if message.kind is MessageKind.REPORT:
        return booking.status is message.status
    return order is not None and booking.start == order.start


async def _find_placed(runtime: Runtime, task: _Task) -> str | None:
    """The platform's reference of what `place` wrote: known, or found by its token among those of that time."""
    if task.record.external_id or task.order is None:
        return task.record.external_id
    order = task.order
    query = BookingQuery(order.start, order.start + timedelta(minutes=1))
    while True:
        page = await call_desk(
            runtime,
            task.desk,
            lambda port, session, query=query: port.list_bookings(session, query),  # type: ignore[misc]
        )
        found = next((each.reference for each in page.bookings if each.token == order.token), None)
        if found or page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


# --------------------------------------------------------------------------------------------------------------- ending
async def _finish(runtime: Runtime, task: _Task, reference: str | None = None) -> None:
    """The platform stands as told. Of what we wrote to its calendar its state is taken over first."""
    if task.message.kind not in _OURS:
        return await write_together([end_message(task.message, MessageState.DONE)])
    try:
        reference = reference or await _find_placed(runtime, task)
        if reference is None:
            return await _put_off(runtime, task, MessageState.SENDING)
        await _finish_ours(runtime, task, reference)
    except ChannelFailure as failure:
        await _put_off(runtime, task, MessageState.SENDING, failure)
    return None


async def _finish_ours(runtime: Runtime, task: _Task, reference: str) -> None:
    """The reference is kept at once; the message ends with the state that our calendar then stands for."""
    await _keep_reference(task, reference)
    booking = await call_desk(runtime, task.desk, lambda port, session: port.find_booking(session, reference))
    if booking is None:
        return await _put_off(runtime, task, MessageState.SENDING)
    record = await load_record(task.record.tenant_id, task.record.id)
    if record is None:
        return None
    facts = read_facts(booking)
    adopted = update_record(
        record,
        external_updated_at=max(record.updated_at, booking.updated_at),
        followed=Json(facts.write()),
        outcome=Outcome.PLACED.value,
        conflict=None,
        **describe_facts(facts),
    )
    return await write_together([adopted, end_message(task.message, MessageState.DONE)])


async def _keep_reference(task: _Task, reference: str) -> None:
    """Another reading may have brought it already."""
    if task.record.external_id is not None:
        return
    try:
        await write_together([update_record(task.record, external_id=reference)])
    except (GuardFailed, Conflict):
        known = await find_record(task.record.tenant_id, task.record.account_id, reference)
        if known is None or known.id != task.record.id:
            raise


async def _book_refusal(runtime: Runtime, task: _Task, platform_code: str | None) -> None:
    """The booking is not what we thought: it is looked at, and a person is told unless that explains it."""
    ended = end_message(task.message, MessageState.REFUSED, platform_code)
    if task.message.kind is MessageKind.PLACE:
        return await _write_with_conflict(task.record, ended, ConflictReason.REFUSED_BY_CHANNEL)
    try:
        booking = await call_desk(
            runtime, task.desk, lambda port, session: port.find_booking(session, task.reference)
        )
    except ChannelFailure as failure:
        return await _put_off(runtime, task, MessageState.SENDING, failure)
    if booking is None:
        return await _write_with_conflict(task.record, ended, ConflictReason.GONE)
    if _is_explained(task, booking):
        await write_together([ended])
    else:
        record = await load_record(task.record.tenant_id, task.record.id) or task.record
        await _write_with_conflict(record, ended, ConflictReason.REFUSED_BY_CHANNEL)
    await take_booking(runtime, task.desk, booking)
    return None


def _is_explained(task: _Task, booking: ChannelBooking) -> bool:
    """Whether the booking is off at the platform, or stands as told; then nobody needs to look."""
    off = booking.status in (BookingStatus.CANCELLED, BookingStatus.REJECTED)
    return off or _stands_as_told(task, booking)


async def _put_off(
    runtime: Runtime, task: _Task, state: MessageState, failure: ChannelFailure | None = None
) -> None:
    """Later again, for a day; then a person must see to it."""
    message, now = task.message, runtime.clock.now()
    if message.attempts >= _MOST_ATTEMPTS:
        ended = end_message(message, MessageState.FAILED, failure.platform_code if failure else None)
        return await _write_with_conflict(task.record, ended, ConflictReason.CHANNEL_UNAVAILABLE)
    pause = min(_FIRST_PAUSE * 2 ** min(message.attempts - 1, 10), _LONGEST_PAUSE)
    if failure is not None and failure.retry_after:
        pause = max(pause, timedelta(seconds=failure.retry_after))
    return await write_together([update_message(message, state=state.value, next_attempt_at=now + pause)])


async def _write_with_conflict(record: Record, write: Write, reason: ConflictReason) -> None:
    conflict = update_record(
        record,
        outcome=Outcome.CONFLICT.value,
        conflict=reason.value,
        followed=Json(record.facts.write()),
    )
    await write_together([write, conflict])
