"""Asking the candidate channels about a code: all at once, within a deadline, without using anything up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from core.channels.accounts import BoundAccount
from core.channels.contract import (
    Capability,
    Channel,
    ChannelFailure,
    CouponBehaviour,
    Found,
    LookUp,
    NotMine,
    Recognition,
    Refusal,
    Refused,
    Scanned,
)
from core.coupons.values import Probe, ProbeOutcome
from core.runtime import Runtime

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel that may know the code. `bound` is None where the merchant has no account there."""

    channel: Channel
    recognition: Recognition
    bound: BoundAccount | None

    @property
    def is_connected(self) -> bool:
        return self.bound is not None and self.bound.is_usable


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate and what it said; `answer` is None where it could not be asked or did not answer.

    `behaviour` is how its platform behaves towards the account that was asked.
    """

    candidate: Candidate
    answer: LookUp | None
    behaviour: CouponBehaviour | None = None

    @property
    def probe(self) -> Probe:
        account_id = self.candidate.bound.account_id if self.candidate.bound else None
        return Probe(self.candidate.channel.code, account_id, self.outcome, self._reason)

    @property
    def outcome(self) -> ProbeOutcome:
        match self.answer:
            case Found():
                return ProbeOutcome.FOUND
            case Refused():
                return ProbeOutcome.REFUSED
            case NotMine():
                return ProbeOutcome.NOT_MINE
            case _:
                return ProbeOutcome.UNAVAILABLE

    @property
    def _reason(self) -> Refusal | None:
        if isinstance(self.answer, Refused):
            return self.answer.reason
        if self.answer is not None:
            return None
        return Refusal.CHANNEL_UNAVAILABLE if self.candidate.is_connected else Refusal.CHANNEL_NOT_CONNECTED


@dataclass(frozen=True, slots=True)
class Hint:
    """Which channel or account the asker named, where they did."""

    channel: str | None = None
    account_id: UUID | None = None

    def admits(self, channel: Channel, bound: BoundAccount | None) -> bool:
        if self.account_id is not None and (bound is None or bound.account_id != self.account_id):
            return False
        return self.channel is None or self.channel == channel.code


async def ask_channels(
    runtime: Runtime, tenant_id: UUID, store_id: UUID, scanned: Scanned, hint: Hint
) -> Sequence[Asked]:
    """Every candidate's word on the code, in the order of the registry. Takes at most `probe_seconds`."""
    bindings = await runtime.accounts.load_bindings(tenant_id, store_id)
    candidates = find_candidates(runtime, bindings, scanned, hint)
    if len(candidates) == 1:
        return [await _ask_one(runtime, candidates[0], scanned)]
    return await asyncio.gather(*(_ask_one(runtime, candidate, scanned) for candidate in candidates))


def find_candidates(
    runtime: Runtime, bindings: Sequence[BoundAccount], scanned: Scanned, hint: Hint
) -> list[Candidate]:
    """The accounts, and the channels without any account, whose adapter takes the code for its own."""
    candidates = []
    for channel in runtime.registry.with_capability(Capability.COUPONS):
        accounts: list[BoundAccount | None] = [
            bound for bound in bindings if bound.channel.code == channel.code
        ]
        for bound in accounts or [None]:
            recognition = _recognise(channel, bound, scanned)
            if recognition is not Recognition.NO and hint.admits(channel, bound):
                candidates.append(Candidate(channel, recognition, bound))
    return candidates


def decide_refusal(asked: Sequence[Asked]) -> Refusal:
    """Why a code that nobody, or more than one, found cannot be used: the contract's order of precedence."""
    found = sum(isinstance(each.answer, Found) for each in asked)
    if found > 1:
        return Refusal.AMBIGUOUS_CODE
    for each in asked:
        if isinstance(each.answer, Refused):
            return each.answer.reason
    unanswered = [each.candidate for each in asked if each.answer is None]
    if any(candidate.is_connected for candidate in unanswered):
        return Refusal.CHANNEL_UNAVAILABLE
    if any(candidate.recognition is Recognition.LIKELY for candidate in unanswered):
        return Refusal.CHANNEL_NOT_CONNECTED
    return Refusal.UNKNOWN_CODE


def _recognise(channel: Channel, bound: BoundAccount | None, scanned: Scanned) -> Recognition:
    """The adapter's word; a link to a host that the account's owner listed is as good as one of the adapter's own."""
    if scanned.link is not None and bound is not None and _is_listed(scanned, bound.short_link_hosts):
        return Recognition.LIKELY
    try:
        return channel.recognise(scanned)
    except Exception:
        log.exception("recognition failed", channel=channel.code)
        return Recognition.NO


def _is_listed(scanned: Scanned, hosts: Sequence[str]) -> bool:
    link = scanned.link
    return link is not None and (link.netloc.lower() in hosts or (link.hostname or "") in hosts)


async def _ask_one(runtime: Runtime, candidate: Candidate, scanned: Scanned) -> Asked:
    bound = candidate.bound
    if bound is None or not bound.is_usable or candidate.channel.coupons is None:
        return Asked(candidate, None)
    try:
        async with asyncio.timeout(runtime.settings.probe_seconds):
            session = await runtime.accounts.open_session(bound)
            answer = await candidate.channel.coupons.look_up(session, scanned)
            behaviour = candidate.channel.coupons.behave(session)
        runtime.accounts.note_success(bound)
    except TimeoutError:
        log.warning("look-up took too long", channel=candidate.channel.code, account=str(bound.account_id))
        return Asked(candidate, None)
    except ChannelFailure as failure:
        runtime.accounts.note_failure(bound, failure)
        return Asked(candidate, None)
    except Exception:
        log.exception("look-up failed", channel=candidate.channel.code, account=str(bound.account_id))
        return Asked(candidate, None)
    return Asked(candidate, answer, behaviour)
