"""What a campaign may become, and the guarded UPDATE of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor
from core.db.statements import GuardFailed, Write, write_together
from core.errors import NotFound
from core.messages import text
from core.presale.campaign_rows import load_campaigns
from core.presale.values import CampaignStatus, CampaignView, PausedBy

# From which states each state is reached, by the action's name in the audit trail.
FROM: Final[Mapping[str, frozenset[CampaignStatus]]] = {
    "publishPresaleCampaign": frozenset({CampaignStatus.DRAFT}),
    "pausePresaleCampaign": frozenset({CampaignStatus.PUBLISHED}),
    "resumePresaleCampaign": frozenset({CampaignStatus.PAUSED}),
    "closePresaleCampaign": frozenset(
        {CampaignStatus.DRAFT, CampaignStatus.PUBLISHED, CampaignStatus.PAUSED}
    ),
}


async def find_campaign(actor: Actor, campaign_id: UUID) -> CampaignView:
    """A campaign that the actor may see. Raises NotFound."""
    found = (await load_campaigns(actor, [campaign_id])).get(campaign_id)
    if found is None:
        raise NotFound(text("fault.NOT_FOUND"))
    return found


async def change_status(
    actor: Actor | None,
    campaign: CampaignView,
    status: CampaignStatus,
    action: str,
    *,
    paused_by: PausedBy | None = None,
    also: Sequence[Write] = (),
) -> CampaignView | list[UserProblem]:
    """Moves a campaign on, if its state allows it and nobody else has changed it meanwhile. `actor` None: a rule."""
    path = ("campaignId",)
    if campaign.status not in FROM[action]:
        values = {"status": campaign.status.value}
        return [UserProblem(ProblemCode.NOT_ALLOWED, path, "presale.wrong_status", values)]
    after = replace(campaign, status=status, version=campaign.version + 1, paused_by=paused_by)
    try:
        await write_together([_update(campaign, after), _audit(actor, action, after), *also])
    except GuardFailed:
        return [UserProblem(ProblemCode.CONFLICT, path)]
    return after


def _update(before: CampaignView, after: CampaignView) -> Write:
    return Write(
        "UPDATE presale_campaign SET status = $1, paused_by = $2, version = version + 1"
        " WHERE tenant_id = $3 AND id = $4 AND version = $5 AND status = $6",
        (
            after.status.value,
            after.paused_by.value if after.paused_by else None,
            before.tenant_id,
            before.id,
            before.version,
            before.status.value,
        ),
        expects=1,
    )


def _audit(actor: Actor | None, action: str, after: CampaignView) -> Write:
    details = {"status": after.status.value, "pausedBy": after.paused_by.value if after.paused_by else None}
    return build_entry(actor or after.tenant_id, action, "PresaleCampaign", after.id, details)
