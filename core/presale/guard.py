"""The guard: pauses presales before they cost the store its score. It runs dry first; only a person resumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.stores import find_store, load_store
from core.access.values import Actor
from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import Conflict, Write, as_instant, as_uuid, fetch_row, fetch_rows, write_together
from core.ids import new_id
from core.presale.campaign_changes import change_status
from core.presale.campaign_rows import read_campaign
from core.presale.figures import Figures, Window, load_figures
from core.presale.guard_rules import WHOLE, GuardRule, load_rules
from core.presale.stock_cap import WINDOW
from core.presale.values import CampaignStatus, CampaignView, Figure, GuardAct, PausedBy
from core.presale.working_calendar import find_zone
from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class GuardActionView:
    """What the guard did at an instant, or would have done. Shares in hundredths of a per cent."""

    id: UUID
    store_id: UUID
    campaign_id: UUID
    figure: Figure
    act: GuardAct
    dry_run: bool
    value: int
    threshold: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ActionPage:
    """Some actions of a list, and whether there are more."""

    actions: tuple[GuardActionView, ...]
    has_more: bool


async def guard_presales(runtime: Runtime) -> int:
    """Asks the rules of every store with a presale on sale. Answers how many presales were paused."""
    now, paused = runtime.clock.now(), 0
    rows = await fetch_rows(
        "SELECT DISTINCT tenant_id, store_id FROM presale_campaign WHERE status = 'PUBLISHED' AND ends_at > $1",
        now,
    )
    for row in rows:
        paused += await guard_store(as_uuid(row["tenant_id"]), as_uuid(row["store_id"]), now)
    return paused


async def guard_store(tenant_id: UUID, store_id: UUID, now: datetime) -> int:
    """The same for one store, by its last 30 days."""
    rules = [rule for rule in await load_rules(tenant_id, store_id) if rule.active]
    pausing = [rule for rule in rules if rule.act is GuardAct.PAUSE]
    if not pausing:
        return 0
    figures = await load_figures(Window(tenant_id, store_id, now - WINDOW, now))
    paused = 0
    for rule in pausing:
        if rule.is_broken(figures):
            for campaign in await _list_selling(tenant_id, store_id, now):
                paused += await _act(rule, figures, campaign, now)
    return paused


async def _list_selling(tenant_id: UUID, store_id: UUID, now: datetime) -> list[CampaignView]:
    rows = await fetch_rows(
        "SELECT * FROM presale_campaign WHERE tenant_id = $1 AND store_id = $2 AND status = 'PUBLISHED'"
        " AND ends_at > $3 ORDER BY id",
        tenant_id,
        store_id,
        now,
    )
    return [read_campaign(row) for row in rows]


async def _act(rule: GuardRule, figures: Figures, campaign: CampaignView, now: datetime) -> bool:
    """Pauses, or only writes down. False where it was done today already, or somebody else changed the campaign.

    What a person resumed stays resumed until the next day: they have seen the figures.
    """
    done = _insert_action(rule, figures, campaign, now, await _find_day(campaign, now))
    try:
        if not rule.dry_run:
            return await _pause(campaign, done)
        details = {"figure": rule.figure.value, "dryRun": True}
        entry = build_entry(campaign.tenant_id, "guardPresale", "PresaleCampaign", campaign.id, details)
        await write_together([done, entry])
    except Conflict:
        pass
    return False


async def _pause(campaign: CampaignView, done: Write) -> bool:
    answer = await change_status(
        None, campaign, CampaignStatus.PAUSED, "pausePresaleCampaign", paused_by=PausedBy.GUARD, also=(done,)
    )
    return isinstance(answer, CampaignView)


async def _find_day(campaign: CampaignView, now: datetime) -> date:
    store = await load_store(campaign.tenant_id, campaign.store_id)
    return now.astimezone(find_zone(store.time_zone)).date() if store else now.date()


def _insert_action(
    rule: GuardRule, figures: Figures, campaign: CampaignView, now: datetime, day: date
) -> Write:
    return insert_row(
        "guard_action",
        id=new_id(),
        created_at=now,
        tenant_id=campaign.tenant_id,
        store_id=campaign.store_id,
        campaign_id=campaign.id,
        figure=rule.figure.value,
        act=rule.act.value,
        dry_run=rule.dry_run,
        value=round((figures.measure(rule.figure) or Fraction(0)) * WHOLE),
        threshold=rule.threshold,
        day=day,
    )


# ------------------------------------------------------------------------------------------------------------- reading
async def list_actions(actor: Actor, store_id: UUID, first: int, after: UUID | None) -> ActionPage:
    """At most `first` actions at a store, the latest first, older than `after`.

    Raises Unauthenticated, Forbidden and NotFound.
    """
    where = await _select(actor, store_id)
    if after is not None:
        where.add("id < ?", after)
    rows = await fetch_rows(
        f"SELECT * FROM guard_action WHERE {where} ORDER BY id DESC LIMIT {first + 1:d}", *where.values
    )
    return ActionPage(tuple(map(_read_action, rows[:first])), has_more=len(rows) > first)


async def count_actions(actor: Actor, store_id: UUID) -> int:
    """How many actions there are at the store."""
    where = await _select(actor, store_id)
    row = await fetch_row(f"SELECT count(*) AS total FROM guard_action WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def _select(actor: Actor, store_id: UUID) -> Where:
    require(actor, Action.READ_PRESALE_HEALTH)
    await find_store(actor, store_id)
    where = Where(actor.tenant_id)
    where.add("store_id = ?", store_id)
    return where


def _read_action(row: Mapping[str, Any]) -> GuardActionView:
    return GuardActionView(
        id=as_uuid(row["id"]),
        store_id=as_uuid(row["store_id"]),
        campaign_id=as_uuid(row["campaign_id"]),
        figure=Figure(row["figure"]),
        act=GuardAct(row["act"]),
        dry_run=bool(row["dry_run"]),
        value=row["value"],
        threshold=row["threshold"],
        at=as_instant(row["created_at"]),
    )
