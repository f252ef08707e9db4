"""Reading campaigns and their waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from core.access.values import Actor
from core.db.conditions import Where
from core.db.statements import as_instant, as_json, as_uuid, fetch_row, fetch_rows
from core.presale.values import (
    CampaignStatus,
    CampaignView,
    Disclosures,
    PausedBy,
    PresaleMode,
    WaveView,
)


async def load_campaign(tenant_id: UUID, campaign_id: UUID) -> CampaignView | None:
    """The merchant's campaign, whoever asks."""
    row = await fetch_row(
        "SELECT * FROM presale_campaign WHERE tenant_id = $1 AND id = $2", tenant_id, campaign_id
    )
    return read_campaign(row) if row else None


def build_visible(actor: Actor) -> Where:
    """Owner and manager see the merchant's campaigns, others those of their stores; customers no drafts."""
    where = Where(actor.tenant_id)
    if actor.store_ids is not None:
        where.add_any("store_id", sorted(actor.store_ids))
    if actor.is_customer:
        where.add("status <> ?", CampaignStatus.DRAFT.value)
    return where


async def load_campaigns(actor: Actor, campaign_ids: Iterable[UUID]) -> dict[UUID, CampaignView]:
    """Those among these ids that the actor may see."""
    where = build_visible(actor)
    where.add_any("id", list(campaign_ids))
    rows = await fetch_rows(f"SELECT * FROM presale_campaign WHERE {where}", *where.values)
    return {view.id: view for view in map(read_campaign, rows)}


async def load_waves(tenant_id: UUID, campaign_ids: Sequence[UUID]) -> dict[UUID, tuple[WaveView, ...]]:
    """The waves of each campaign, in their order."""
    where = Where(tenant_id)
    where.add_any("campaign_id", campaign_ids)
    rows = await fetch_rows(
        f"SELECT * FROM presale_wave WHERE {where} ORDER BY campaign_id, position", *where.values
    )
    found: dict[UUID, tuple[WaveView, ...]] = dict.fromkeys(campaign_ids, ())
    for wave in map(read_wave, rows):
        found[wave.campaign_id] += (wave,)
    return found


async def load_own_waves(actor: Actor, campaign_ids: Iterable[UUID]) -> Mapping[UUID, tuple[WaveView, ...]]:
    """The same for campaigns that the actor was shown."""
    return await load_waves(actor.tenant_id, list(campaign_ids))


async def load_own_sku_ids(actor: Actor, campaign_ids: Iterable[UUID]) -> Mapping[UUID, tuple[UUID, ...]]:
    """The variants of campaigns that the actor was shown."""
    return await load_sku_ids(actor.tenant_id, list(campaign_ids))


async def load_sku_ids(tenant_id: UUID, campaign_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """The variants that each campaign sells."""
    where = Where(tenant_id)
    where.add_any("campaign_id", campaign_ids)
    rows = await fetch_rows(
        f"SELECT campaign_id, sku_id FROM campaign_sku WHERE {where} ORDER BY id", *where.values
    )
    found: dict[UUID, tuple[UUID, ...]] = dict.fromkeys(campaign_ids, ())
    for row in rows:
        found[as_uuid(row["campaign_id"])] += (as_uuid(row["sku_id"]),)
    return found


def read_campaign(row: Mapping[str, Any]) -> CampaignView:
    """A row of `presale_campaign`."""
    return CampaignView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        name=row["name"],
        mode=PresaleMode(row["mode"]),
        status=CampaignStatus(row["status"]),
        version=row["version"],
        starts_at=as_instant(row["starts_at"]),
        ends_at=as_instant(row["ends_at"]),
        deposit=row["deposit"],
        category=row["category"],
        disclosures=Disclosures(**as_json(row["disclosures"])),
        paused_by=PausedBy(row["paused_by"]) if row["paused_by"] else None,
    )


def read_wave(row: Mapping[str, Any]) -> WaveView:
    """A row of `presale_wave`."""
    return WaveView(
        id=as_uuid(row["id"]),
        campaign_id=as_uuid(row["campaign_id"]),
        position=row["position"],
        quantity=row["quantity"],
        sold=row["sold"],
        promised_ship_at=as_instant(row["promised_ship_at"]),
    )
