"""Closing by hand what nobody but a person can know: a redemption in NEEDS_ATTENTION.

Whoever looks into the platform's own back office says what is true there; the books follow. Nothing is sent.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.values import Actor
from core.channels.contract import Refusal
from core.coupons.coupon_rows import count_uses
from core.coupons.ledger import load_redemptions
from core.coupons.states import EVENT_KIND
from core.coupons.values import RedemptionStatus, RedemptionView
from core.db.statements import GuardFailed, Write, write_together
from core.errors import NotFound
from core.events.outbox import outbox_write
from core.messages import text
from core.runtime import Runtime

_NOTE_LENGTH = 500


class Finding(StrEnum):
    """What the platform's own records say of the use in question."""

    USED = "USED"
    NOT_USED = "NOT_USED"


async def resolve_redemption(
    runtime: Runtime, actor: Actor | None, redemption_id: UUID, finding: Finding, note: str
) -> RedemptionView | tuple[UserProblem, ...]:
    """Settles a redemption in NEEDS_ATTENTION: USED makes it SUCCEEDED; NOT_USED makes it REVERSED where it had
    succeeded before, else DECLINED, and frees the coupon.

    Answers it as it is now, also where it stands so already; or what is wrong. Raises Unauthenticated, Forbidden, and
    NotFound for one that the actor may not see.
    """
    actor = require(actor, Action.RESOLVE_REDEMPTION)
    redemption = await _find_redemption(actor, redemption_id)
    problems = check_text(note, ("note",), _NOTE_LENGTH)
    if problems:
        return tuple(problems)
    now = runtime.clock.now()
    try:
        await write_together(_build_writes(actor, redemption, finding, note.strip(), now))
    except GuardFailed:
        return await _answer_settled(actor, redemption_id, finding)
    runtime.events.wake()
    return await _find_redemption(actor, redemption_id)


def choose_status(redemption: RedemptionView, finding: Finding) -> RedemptionStatus:
    """What a finding makes of a redemption."""
    if finding is Finding.USED:
        return RedemptionStatus.SUCCEEDED
    return RedemptionStatus.REVERSED if redemption.redeemed_at else RedemptionStatus.DECLINED


def _build_writes(
    actor: Actor, redemption: RedemptionView, finding: Finding, note: str, now: datetime
) -> list[Write]:
    status = choose_status(redemption, finding)
    details = {"finding": finding.value, "status": status.value, "note": note}
    writes = [
        _update(actor.tenant_id, redemption, status, now),
        outbox_write(
            actor.tenant_id, redemption.store_id, EVENT_KIND, redemption.id, {"status": status.value}
        ),
        build_entry(actor, Action.RESOLVE_REDEMPTION, "Redemption", redemption.id, details),
    ]
    if status is not RedemptionStatus.SUCCEEDED:
        writes.append(_release_claims(actor.tenant_id, redemption.id))
    # A use was counted when it succeeded; what was never known to succeed was never counted.
    counted = 0 if redemption.redeemed_at is None else redemption.times
    wanted = redemption.times if status is RedemptionStatus.SUCCEEDED else 0
    if wanted != counted:
        writes.append(count_uses(actor.tenant_id, redemption.coupon_id, wanted - counted))
    return writes


def _update(tenant_id: UUID, redemption: RedemptionView, status: RedemptionStatus, now: datetime) -> Write:
    declined = status is RedemptionStatus.DECLINED
    return Write(
        "UPDATE redemption SET status=$1, redeemed_at=$2, reversed_at=$3, decline_code=$4 WHERE tenant_id=$5"
        " AND id=$6 AND status='NEEDS_ATTENTION'",
        (
            status.value,
            None if declined else redemption.redeemed_at or now,
            now if status is RedemptionStatus.REVERSED else None,
            Refusal.REFUSED_BY_CHANNEL.value if declined else None,
            tenant_id,
            redemption.id,
        ),
        expects=1,
    )


def _release_claims(tenant_id: UUID, redemption_id: UUID) -> Write:
    return Write(
        "DELETE FROM redemption_claim WHERE tenant_id=$1 AND redemption_id=$2", (tenant_id, redemption_id)
    )


async def _answer_settled(
    actor: Actor, redemption_id: UUID, finding: Finding
) -> RedemptionView | tuple[UserProblem, ...]:
    """It was not in NEEDS_ATTENTION (any more): fine if that is what was found, else a problem."""
    redemption = await _find_redemption(actor, redemption_id)
    if redemption.status is choose_status(redemption, finding):
        return redemption
    values = {"status": redemption.status.value}
    return (UserProblem(ProblemCode.NOT_ALLOWED, ("redemptionId",), "problem.redemption_settled", values),)


async def _find_redemption(actor: Actor, redemption_id: UUID) -> RedemptionView:
    redemption = (await load_redemptions(actor, [redemption_id])).get(redemption_id)
    if redemption is None:
        raise NotFound(text("fault.redemption_not_found"))
    return redemption
