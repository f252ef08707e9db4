"""Presale campaigns: setting them up, publishing, pausing, listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import utc_now
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import (
    GuardFailed,
    Json,
    Write,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.money import format_yuan
from core.presale.campaign_changes import change_status, find_campaign
from core.presale.campaign_rows import build_visible, read_campaign
from core.presale.checks import advise_campaign, check_campaign
from core.presale.disclosures import check_disclosures
from core.presale.stock_cap import check_stock_cap
from core.presale.values import (
    Advice,
    CampaignDraft,
    CampaignStatus,
    CampaignView,
    PausedBy,
    PresaleMode,
)
from core.runtime import Runtime

SUBJECT: Final = "PresaleCampaign"


@dataclass(frozen=True, slots=True)
class CreatedCampaign:
    """A new campaign, and what had better be otherwise."""

    campaign: CampaignView
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """Some campaigns of a list, and whether there are more."""

    campaigns: tuple[CampaignView, ...]
    has_more: bool


async def create_campaign(
    runtime: Runtime, actor: Actor, draft: CampaignDraft
) -> CreatedCampaign | list[UserProblem]:
    """Sets up a presale, which sells from its start on unless it is to wait as a draft; all of it or nothing.

    Answers it, or everything that is wrong with it. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_PRESALE_CAMPAIGN)
    await find_store(actor, draft.store_id)
    now = runtime.clock.now()
    problems = check_campaign(draft, now) or await _check_variants(actor.tenant_id, draft)
    advice = advise_campaign(draft)
    if draft.publish and not problems:
        cap = await check_stock_cap(actor.tenant_id, draft.store_id, now)
        problems, advice = cap.problems, [*advice, *cap.advice]
    if problems:
        return problems
    campaign = _build_campaign(actor, draft)
    try:
        await write_together([*_insert_campaign(campaign, draft), _audit(actor, campaign)])
    except GuardFailed:
        return await _explain_overlap(actor.tenant_id, draft)
    return CreatedCampaign(campaign, tuple(advice))


async def publish_campaign(
    runtime: Runtime, actor: Actor, campaign_id: UUID
) -> CampaignView | list[UserProblem]:
    """A draft begins to sell, if its texts disclose the presale and the guard lets new presale stock in.

    Answers the campaign, or why not. Raises Unauthenticated, Forbidden and NotFound.
    """
    require(actor, Action.CREATE_PRESALE_CAMPAIGN)
    campaign = await find_campaign(actor, campaign_id)
    now = runtime.clock.now()
    problems = [*_check_open(campaign, now), *check_disclosures(campaign.disclosures)]
    if not problems:
        problems = (await check_stock_cap(actor.tenant_id, campaign.store_id, now)).problems
    if problems:
        return problems
    return await change_status(actor, campaign, CampaignStatus.PUBLISHED, "publishPresaleCampaign")


async def pause_campaign(actor: Actor, campaign_id: UUID) -> CampaignView | list[UserProblem]:
    """It sells nothing until somebody resumes it; what was sold stays sold. Raises as `publish_campaign`."""
    require(actor, Action.CREATE_PRESALE_CAMPAIGN)
    campaign = await find_campaign(actor, campaign_id)
    return await change_status(
        actor, campaign, CampaignStatus.PAUSED, "pausePresaleCampaign", paused_by=PausedBy.PERSON
    )


async def resume_campaign(
    runtime: Runtime, actor: Actor, campaign_id: UUID
) -> CampaignView | list[UserProblem]:
    """It sells again, whoever paused it: the guard never resumes by itself. Raises as `publish_campaign`."""
    require(actor, Action.CREATE_PRESALE_CAMPAIGN)
    campaign = await find_campaign(actor, campaign_id)
    over = _check_open(campaign, runtime.clock.now())
    if over:
        return over
    return await change_status(actor, campaign, CampaignStatus.PUBLISHED, "resumePresaleCampaign")


async def close_campaign(actor: Actor, campaign_id: UUID) -> CampaignView | list[UserProblem]:
    """It never sells again, and its variants may go into another campaign. Raises as `publish_campaign`."""
    require(actor, Action.CREATE_PRESALE_CAMPAIGN)
    campaign = await find_campaign(actor, campaign_id)
    free = Write(
        "UPDATE campaign_sku SET active = FALSE WHERE tenant_id = $1 AND campaign_id = $2",
        (actor.tenant_id, campaign_id),
    )
    return await change_status(actor, campaign, CampaignStatus.CLOSED, "closePresaleCampaign", also=(free,))


async def list_campaigns(actor: Actor, store_id: UUID, first: int, after: UUID | None) -> CampaignPage:
    """At most `first` campaigns of a store, newest first, older than `after`; customers see no drafts.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    where = await _select(actor, store_id)
    if after is not None:
        where.add("id < ?", after)
    rows = await fetch_rows(
        f"SELECT * FROM presale_campaign WHERE {where} ORDER BY id DESC LIMIT {first + 1:d}", *where.values
    )
    return CampaignPage(tuple(map(read_campaign, rows[:first])), has_more=len(rows) > first)


async def count_campaigns(actor: Actor, store_id: UUID) -> int:
    """How many campaigns of the store the actor may see."""
    where = await _select(actor, store_id)
    row = await fetch_row(f"SELECT count(*) AS total FROM presale_campaign WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def _select(actor: Actor, store_id: UUID) -> Where:
    require(actor, Action.LIST_PRESALE_CAMPAIGNS)
    await find_store(actor, store_id)
    where = build_visible(actor)
    where.add("store_id = ?", store_id)
    return where


# ------------------------------------------------------------------------------------------------------------ checking
def _check_open(campaign: CampaignView, now: datetime) -> list[UserProblem]:
    over = campaign.ends_at <= now
    return [UserProblem(ProblemCode.NOT_ALLOWED, ("campaignId",), "presale.over")] if over else []


async def _check_variants(tenant_id: UUID, draft: CampaignDraft) -> list[UserProblem]:
    """Those that the store does not sell, and a deposit that is no part of the price."""
    where = Where(tenant_id)
    where.add("store_id = ?", draft.store_id)
    where.add_any("id", draft.sku_ids)
    rows = await fetch_rows(f"SELECT id, price FROM sku WHERE {where} AND active", *where.values)
    prices = {as_uuid(row["id"]): row["price"] for row in rows}
    problems = [
        UserProblem(ProblemCode.NOT_FOUND, ("skuIds", str(index)))
        for index, sku_id in enumerate(draft.sku_ids)
        if sku_id not in prices
    ]
    cheapest = min(prices.values(), default=0)
    if not problems and draft.deposit is not None and draft.deposit >= cheapest:
        values = {"limit": format_yuan(cheapest)}
        return [UserProblem(ProblemCode.TOO_LARGE, ("deposit",), "presale.deposit_whole", values)]
    return problems


async def _explain_overlap(tenant_id: UUID, draft: CampaignDraft) -> list[UserProblem]:
    """Which variants another campaign has; the period where it has gone meanwhile."""
    where = Where(tenant_id)
    where.add_any("sku_id", draft.sku_ids)
    where.add("end_at > ?", draft.starts_at)
    where.add("start_at < ?", draft.ends_at)
    rows = await fetch_rows(f"SELECT sku_id FROM campaign_sku WHERE {where} AND active", *where.values)
    taken = {as_uuid(row["sku_id"]) for row in rows}
    paths: list[tuple[str, ...]] = [
        ("skuIds", str(index)) for index, sku_id in enumerate(draft.sku_ids) if sku_id in taken
    ]
    return [
        UserProblem(ProblemCode.CONFLICT, path, "presale.in_another") for path in paths or [("startsAt",)]
    ]


# ------------------------------------------------------------------------------------------------------------- writing
def _build_campaign(actor: Actor, draft: CampaignDraft) -> CampaignView:
    return CampaignView(
        id=new_id(),
        tenant_id=actor.tenant_id,
        store_id=draft.store_id,
        name=draft.name.strip(),
        mode=PresaleMode(draft.mode),
        status=CampaignStatus.PUBLISHED if draft.publish else CampaignStatus.DRAFT,
        version=1,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        deposit=draft.deposit,
        category=draft.category,
        disclosures=draft.disclosures,
    )


def _insert_campaign(campaign: CampaignView, draft: CampaignDraft) -> Sequence[Write]:
    texts = draft.disclosures
    row = insert_row(
        "presale_campaign",
        id=campaign.id,
        tenant_id=campaign.tenant_id,
        store_id=campaign.store_id,
        name=campaign.name,
        mode=campaign.mode.value,
        category=campaign.category,
        status=campaign.status.value,
        version=1,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        deposit=campaign.deposit,
        disclosures=Json({"title": texts.title, "detail": texts.detail, "live_room": texts.live_room}),
    )
    # Sorted, so that two campaigns of the same variants meet in the same order.
    variants = [_insert_variant(campaign, sku_id) for sku_id in sorted(set(draft.sku_ids))]
    return [row, *variants, *_insert_waves(campaign, draft)]


def _insert_variant(campaign: CampaignView, sku_id: UUID) -> Write:
    """Meets no row on PostgreSQL, and raises Overlap on SQLite, where another campaign has the variant."""
    return Write(
        "INSERT INTO campaign_sku (id, created_at, tenant_id, store_id, campaign_id, sku_id, start_at, end_at, active)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, TRUE) ON CONFLICT DO NOTHING",
        (
            new_id(),
            utc_now(),
            campaign.tenant_id,
            campaign.store_id,
            campaign.id,
            sku_id,
            campaign.starts_at,
            campaign.ends_at,
        ),
        expects=1,
    )


def _insert_waves(campaign: CampaignView, draft: CampaignDraft) -> list[Write]:
    return [
        insert_row(
            "presale_wave",
            id=new_id(),
            tenant_id=campaign.tenant_id,
            campaign_id=campaign.id,
            position=position,
            quantity=wave.quantity,
            sold=0,
            promised_ship_at=wave.promised_ship_at,
        )
        for position, wave in enumerate(draft.waves)
    ]


def _audit(actor: Actor, campaign: CampaignView) -> Write:
    details: Mapping[str, Any] = {"name": campaign.name, "status": campaign.status.value}
    return build_entry(actor, "createPresaleCampaign", SUBJECT, campaign.id, details)
