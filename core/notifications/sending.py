"""Sending what is due. Any process may do it, at any time: what is due stands on the rows.

A message is SENDING, and its consent spent, before the first byte leaves. Who finds a message SENDING therefore does
not know whether it went out; it is repeated only while its platform recognises the repeat, else it stays UNKNOWN: one
message too few is better than the same one twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from core.channels.contract import (
    ChannelFailure,
    CredentialsRefused,
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    OutgoingMessage,
)
from core.db.statements import GuardFailed, Write, write_together
from core.notifications.consents import give_back, take_consent, void_consent
from core.notifications.routes import Route, find_route_again, find_routes
from core.notifications.rows import (
    Message,
    end_message,
    list_accounts,
    list_due,
    take_in_hand,
    update_message,
)
from core.notifications.templates import fill_template
from core.notifications.validity import is_still_valid
from core.notifications.values import NotificationReason, NotificationStatus

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

_BATCH = 50
_AT_ONCE = 8
# A message in hand is left alone this long; a call ends before that.
_HOLD = timedelta(seconds=60)
_LONGEST_CALL = 30.0
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=30)
# News of yesterday helps nobody.
_LONGEST_WAIT = timedelta(hours=24)

Answer = Delivered | DeliveryRefused | ChannelFailure


@dataclass(frozen=True, slots=True)
class Setback:
    """Why one account did not take a message. `pause`: wait before any account is tried again, None: go on."""

    reason: NotificationReason
    final: bool = False
    pause: timedelta | None = None


async def send_notifications(runtime: Runtime) -> int:
    """Sends what is due and answers how many messages were taken in hand."""
    due = await list_due(runtime.clock.now(), _BATCH)
    gate = asyncio.Semaphore(_AT_ONCE)
    worked = await asyncio.gather(*(_work_on(gate, runtime, row) for row in due))
    return sum(worked)


async def _work_on(gate: asyncio.Semaphore, runtime: Runtime, due: Mapping[str, Any]) -> bool:
    """One broken case must not keep the others from being sent; it is due again when its time in hand is over."""
    async with gate:
        try:
            message = await take_in_hand(due, runtime.clock.now() + _HOLD)
            if message is not None:
                await _carry_on(runtime, message)
        except GuardFailed:
            return False
        except Exception:
            log.exception("sending a notification failed", notification=str(due["id"]))
            return False
    return message is not None


async def _carry_on(runtime: Runtime, message: Message) -> None:
    if message.status is NotificationStatus.SENDING:
        return await _repeat(runtime, message)
    if runtime.clock.now() > message.due_at + _LONGEST_WAIT:
        reason = message.reason or NotificationReason.CHANNEL_UNAVAILABLE
        return await _write(end_message(message, NotificationStatus.UNDELIVERABLE, reason))
    subject = (message.subject_type, message.tenant_id, message.subject_id)
    if not await is_still_valid(*subject, message.kind, message.version):
        outdated = NotificationReason.OUTDATED
        return await _write(end_message(message, NotificationStatus.CANCELLED, outdated))
    return await _send(runtime, message)


# ------------------------------------------------------------------------------------------------------ first sending
async def _send(runtime: Runtime, message: Message) -> None:
    """Tries one account after another until one takes the message, or all have said no."""
    found = await find_routes(runtime, message)
    setbacks: list[Setback] = []
    for route in found.routes:
        setback = await _try_route(runtime, message, route)
        if setback is None:
            return None
        setbacks.append(setback)
        if setback.pause is not None:
            break
    waiting = [each for each in setbacks if not each.final]
    if waiting:
        return await _put_off(runtime, message, waiting[-1])
    reason = setbacks[-1].reason if setbacks else found.obstacle
    return await _write(end_message(message, NotificationStatus.UNDELIVERABLE, reason))


async def _try_route(runtime: Runtime, message: Message, route: Route) -> Setback | None:
    """None where that was the end of it: sent, or nobody knows."""
    if not await _commit_intent(runtime, message, route):
        return Setback(NotificationReason.NO_CONSENT, final=True)
    answer = await _call(runtime, message, route)
    if isinstance(answer, DeliveryRefused):
        return await _book_refusal(message, route, answer)
    if isinstance(answer, NothingSent):
        await _write(*_take_back(message, route, _explain_failure(answer)))
        return _judge_failure(answer)
    if isinstance(answer, Delivered):
        await _book_delivery(runtime, message, answer)
    else:
        await _book_unknown(runtime, message, route)
    return None


async def _commit_intent(runtime: Runtime, message: Message, route: Route) -> bool:
    """SENDING and the spent yes in one commit, before the call. False where another message spent the last yes."""
    now = runtime.clock.now()
    intent = update_message(
        message,
        status=NotificationStatus.SENDING.value,
        next_attempt_at=now + _HOLD,
        account_id=route.account_id,
        channel=route.account.channel.code,
        template=route.template.template,
        recipient=route.masked,
        first_sent_at=now,
    )
    if route.consent is None:
        await _write(intent)
        return True
    try:
        await _write(intent, take_consent(route.consent))
    except GuardFailed:
        # Either guard may have failed. This one fails again if it was the message that is lost.
        await _write(update_message(message, status=NotificationStatus.DUE.value))
        return False
    return True


async def _call(runtime: Runtime, message: Message, route: Route) -> Answer:
    """What the platform says. What cannot be understood is OutcomeUnknown, whoever's fault it is."""
    try:
        session = await runtime.accounts.open_session(route.account)
        async with asyncio.timeout(_LONGEST_CALL):
            answer = await route.sender.send(session, _write_out(message, route))
    except NothingSent as failure:
        runtime.accounts.note_failure(route.account, failure)
        return failure
    except ChannelFailure as failure:
        runtime.accounts.note_failure(route.account, failure)
        return OutcomeUnknown("no readable answer", operation=failure.operation)
    except TimeoutError:
        return OutcomeUnknown("no answer in time")
    except Exception:
        log.exception("a channel broke while sending", channel=route.account.channel.code)
        return OutcomeUnknown("the channel broke")
    runtime.accounts.note_success(route.account)
    return answer


def _write_out(message: Message, route: Route) -> OutgoingMessage:
    return OutgoingMessage(
        token=str(message.id),
        recipient=route.recipient,
        template=route.template.template,
        values=fill_template(route.template, message.texts),
        page=route.template.page,
    )


# ------------------------------------------------------------------------------------------------------------ repeats
async def _repeat(runtime: Runtime, message: Message) -> None:
    """A message that may have gone out: the same call once more, while the platform knows it for a repeat."""
    route = await find_route_again(runtime, message)
    if route is None or not _is_recognised(message, route, runtime.clock.now()):
        unknown = NotificationReason.OUTCOME_UNKNOWN
        return await _write(end_message(message, NotificationStatus.UNKNOWN, unknown))
    answer = await _call(runtime, message, route)
    if isinstance(answer, Delivered):
        return await _book_delivery(runtime, message, answer)
    if isinstance(answer, DeliveryRefused):
        return await _put_off(runtime, message, await _book_refusal(message, route, answer))
    # Whatever kept the repeat back says nothing about the first call.
    return await _book_unknown(runtime, message, route)


def _is_recognised(message: Message, route: Route, now: datetime) -> bool:
    window, began = route.sender.behaviour.repeat_window, message.first_sent_at
    return window is not None and began is not None and now < began + window


# ----------------------------------------------------------------------------------------------------------- bookings
async def _book_delivery(runtime: Runtime, message: Message, answer: Delivered) -> None:
    reference = answer.reference[:128] if answer.reference else None
    columns = {"sent_at": runtime.clock.now(), "platform_reference": reference, "platform_code": None}
    await _write(end_message(message, NotificationStatus.SENT, None, **columns))


async def _book_refusal(message: Message, route: Route, answer: DeliveryRefused) -> Setback:
    """A person or template that a platform refuses is not tried there again; too many messages may pass later."""
    reason = NotificationReason(answer.reason.value)
    final = answer.reason is not DeliveryRefusal.TOO_MANY
    columns: dict[str, Any] = {"platform_code": answer.platform_code[:64] if answer.platform_code else None}
    if final:
        message.refused = (*message.refused, route.account_id)
        columns["refused"] = list_accounts(message.refused)
    writes = _take_back(message, route, reason, **columns)
    if answer.reason is DeliveryRefusal.NO_CONSENT and route.consent is not None:
        writes = [writes[0], void_consent(route.consent)]
    await _write(*writes)
    return Setback(reason, final=final)


async def _book_unknown(runtime: Runtime, message: Message, route: Route) -> None:
    """Due again where the platform recognises repeats; else for people to see."""
    if route.sender.behaviour.repeat_window is not None:
        later = runtime.clock.now() + _pause(message)
        return await _write(update_message(message, next_attempt_at=later))
    log.warning("nobody knows whether a notification went out", notification=str(message.id))
    unknown = NotificationReason.OUTCOME_UNKNOWN
    return await _write(end_message(message, NotificationStatus.UNKNOWN, unknown))


def _take_back(message: Message, route: Route, reason: NotificationReason, **columns: Any) -> list[Write]:
    """The message is due again, and its yes returned: it was certainly not sent."""
    due = update_message(message, status=NotificationStatus.DUE.value, reason=reason.value, **columns)
    return [due, give_back(route.consent)] if route.consent else [due]


async def _put_off(runtime: Runtime, message: Message, setback: Setback) -> None:
    """After a final no the other accounts are tried at once."""
    pause = timedelta() if setback.final else max(_pause(message), setback.pause or timedelta())
    await _write(update_message(message, next_attempt_at=runtime.clock.now() + pause))


def _judge_failure(failure: NothingSent) -> Setback:
    """A platform that is down comes back; an account that a person must mend may keep a message for long."""
    reason = _explain_failure(failure)
    if isinstance(failure, Misconfigured | CredentialsRefused):
        return Setback(reason)
    return Setback(reason, pause=timedelta(seconds=failure.retry_after or 0))


def _explain_failure(failure: NothingSent) -> NotificationReason:
    mending = isinstance(failure, Misconfigured | CredentialsRefused)
    return NotificationReason.NEEDS_MENDING if mending else NotificationReason.CHANNEL_UNAVAILABLE


def _pause(message: Message) -> timedelta:
    doublings = max(0, min(message.attempts - 1, 10))
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


async def _write(*writes: Write) -> None:
    await write_together(writes)
