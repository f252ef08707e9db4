"""The day by which each line of an order ships, and how the order stands to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.channels.contract.orders import OrderStatus, OrderType
from core.db.conditions import Where
from core.db.statements import as_uuid, fetch_rows
from core.orders.line_states import is_open
from core.orders.values import FulfilmentRisk, LineView
from core.presale.campaign_rows import load_waves, read_wave
from core.presale.pace import DEFAULT_PACE, load_pace
from core.presale.risk import Horizon, find_horizon, judge_risk
from core.presale.values import WaveView
from core.presale.working_calendar import load_calendar

SPOT_HOURS: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What of an order its promises depend on. `store_id` None: no shop of the merchant; the usual pace is assumed."""

    tenant_id: UUID
    store_id: UUID | None
    type: OrderType
    status: OrderStatus
    paid_at: datetime | None


async def promise_lines(
    order: OrderFacts,
    lines: Sequence[LineView],
    now: datetime,
    known: Mapping[str, LineView] | None = None,
) -> tuple[LineView, ...]:
    """The lines with their dates, and with how they stand to them now.

    A date that a line has already is the platform's own and goes above ours. `known`: the lines as they were stored,
    by key; what was promised once stays promised, unless the platform says otherwise.
    """
    promised = {key: line.promised_ship_at for key, line in (known or {}).items()}
    kept = [
        replace(line, promised_ship_at=line.promised_ship_at or promised.get(line.line_key)) for line in lines
    ]
    waves = await _load_waves(order, kept)
    dated = [
        replace(line, promised_ship_at=promise_line(line, order, waves.get(line.line_key, ())))
        for line in kept
    ]
    if not any(line.promised_ship_at and is_open(order.status, line) for line in dated):
        return tuple(replace(line, fulfilment_risk=FulfilmentRisk.NONE) for line in dated)
    horizon = await load_horizon(order.tenant_id, order.store_id, now)
    return tuple(assess_line(line, order.status, horizon) for line in dated)


def promise_line(line: LineView, order: OrderFacts, waves: Sequence[WaveView]) -> datetime | None:
    """The last instant for shipping a line; None where nothing was promised. Pure.

    The date that it has; else that of the wave it was sold from; for a presale that a platform sold, that of the first
    of `waves` with enough left, or of the last; else, for spot goods of a paid order that is shipped, 48 hours after
    payment.
    """
    if line.promised_ship_at is not None:
        return line.promised_ship_at
    if line.wave_id is not None or line.presale:
        return _choose_date(line, waves)
    if order.paid_at is None or order.type is not OrderType.SHIPPED:
        return None
    return order.paid_at + SPOT_HOURS


def assess_line(line: LineView, status: OrderStatus, horizon: Horizon) -> LineView:
    """The line with the level at which it stands; NONE where nothing of it is to be shipped. Pure."""
    risk = judge_risk(line.promised_ship_at, horizon) if is_open(status, line) else FulfilmentRisk.NONE
    return replace(line, fulfilment_risk=risk)


async def load_horizon(tenant_id: UUID, store_id: UUID | None, now: datetime) -> Horizon:
    """Where the levels begin for a shop now."""
    # A merchant's id is no store's: it finds no week, and no pace.
    calendar = await load_calendar(tenant_id, store_id or tenant_id, now)
    pace = await load_pace(tenant_id, store_id, now) if store_id else DEFAULT_PACE
    return find_horizon(now, pace, calendar)


def _choose_date(line: LineView, waves: Sequence[WaveView]) -> datetime | None:
    own = next((wave for wave in waves if wave.id == line.wave_id), None)
    roomy = next((wave for wave in waves if wave.left >= line.quantity), None)
    chosen = own or roomy or (waves[-1] if waves else None)
    return chosen.promised_ship_at if chosen else None


async def _load_waves(order: OrderFacts, lines: Iterable[LineView]) -> dict[str, Sequence[WaveView]]:
    """The waves that may have promised each line that has no date yet, in their order."""
    undated = [line for line in lines if line.promised_ship_at is None]
    own = await _load_own(order.tenant_id, {line.wave_id for line in undated if line.wave_id})
    found: dict[str, Sequence[WaveView]] = {
        line.line_key: own[line.wave_id] for line in undated if line.wave_id in own
    }
    bought = {line.sku_id for line in undated if line.presale and line.wave_id is None and line.sku_id}
    offered = await _load_offered(order.tenant_id, bought, order.paid_at) if order.paid_at else {}
    found.update({line.line_key: offered[line.sku_id] for line in undated if line.sku_id in offered})
    return found


async def _load_own(tenant_id: UUID, wave_ids: Iterable[UUID]) -> dict[UUID | None, list[WaveView]]:
    where = Where(tenant_id)
    where.add_any("id", wanted := sorted(wave_ids))
    if not wanted:
        return {}
    rows = await fetch_rows(f"SELECT * FROM presale_wave WHERE {where}", *where.values)
    return {wave.id: [wave] for wave in map(read_wave, rows)}


async def _load_offered(
    tenant_id: UUID, sku_ids: Iterable[UUID], at: datetime
) -> dict[UUID | None, tuple[WaveView, ...]]:
    """Those of the campaign that sold each variant at that instant."""
    where = Where(tenant_id)
    where.add_any("sku_id", wanted := sorted(sku_ids))
    if not wanted:
        return {}
    where.add("start_at <= ?", at)
    where.add("end_at > ?", at)
    rows = await fetch_rows(
        f"SELECT sku_id, campaign_id FROM campaign_sku WHERE {where} AND active", *where.values
    )
    sold_by = {as_uuid(row["sku_id"]): as_uuid(row["campaign_id"]) for row in rows}
    waves = await load_waves(tenant_id, sorted(set(sold_by.values())))
    return {sku_id: waves[campaign_id] for sku_id, campaign_id in sold_by.items()}
