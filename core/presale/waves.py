"""Selling out of waves: never more than there is, whoever orders at the same time, and given back with a cancellation.

Which wave is chosen from a look; whether it still has so much, and whether its campaign still sells, the database decides
by the UPDATE. Spot stock comes first: only what a shop does not have is sold beforehand (see `find_presale_lines`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.db.conditions import Where
from core.db.inserts import insert_row
from core.db.statements import GuardFailed, Write, as_uuid, fetch_rows, write_together
from core.db.transactions import run_again
from core.ids import new_id
from core.orders.values import OrderErrorCode, OrderProblem
from core.presale.campaign_rows import load_waves, read_campaign
from core.presale.values import CampaignStatus, CampaignView, WaveView
from core.reservations.claims import Contended

# A refused write means that a wave has just been sold out: as often as there are waves, and a little more.
_ATTEMPTS: Final = 25


@dataclass(frozen=True, slots=True)
class WaveWant:
    """So many of a variant for an order line that is about to be written. `path`: where in the input it was asked for."""

    order_line_id: UUID
    sku_id: UUID
    quantity: int
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaveClaim:
    """The writes that take the wants, for the same `write_together` as the lines; and the wave of each line.

    A GuardFailed of that write means that somebody was faster: claim anew.
    """

    writes: tuple[Write, ...]
    waves: Mapping[UUID, WaveView]


async def find_campaigns(
    tenant_id: UUID, store_id: UUID, sku_ids: Iterable[UUID], now: datetime
) -> dict[UUID, CampaignView]:
    """The campaign of each variant that is in one now, or will be: also paused and future ones, but no drafts."""
    where = Where(tenant_id)
    where.add("store_id = ?", store_id)
    where.add_any("sku_id", sorted(set(sku_ids)))
    where.add("end_at > ?", now)
    bound = await fetch_rows(
        f"SELECT sku_id, campaign_id FROM campaign_sku WHERE {where} AND active ORDER BY start_at",
        *where.values,
    )
    campaigns = await _load_campaigns(tenant_id, {as_uuid(row["campaign_id"]) for row in bound})
    found: dict[UUID, CampaignView] = {}
    for row in bound:
        campaign = campaigns[as_uuid(row["campaign_id"])]
        if campaign.status is not CampaignStatus.DRAFT:
            found.setdefault(as_uuid(row["sku_id"]), campaign)
    return found


async def find_presale_lines(
    tenant_id: UUID,
    store_id: UUID,
    lines: Sequence[tuple[UUID, int]],
    stocks: Mapping[UUID, int | None],
    now: datetime,
) -> frozenset[int]:
    """Which of these lines (variant, quantity), by their index, are sold beforehand: the others take spot stock.

    Those of a variant in a campaign that its spot stock does not cover, all lines of the variant together; and all of a
    variant that is in a campaign and whose stock is not counted.
    """
    campaigns = await find_campaigns(tenant_id, store_id, [sku_id for sku_id, _ in lines], now)
    wanted: dict[UUID, int] = {}
    for sku_id, quantity in lines:
        wanted[sku_id] = wanted.get(sku_id, 0) + quantity
    short = {sku_id for sku_id in campaigns if (stocks.get(sku_id) or 0) < wanted[sku_id]}
    return frozenset(index for index, (sku_id, _) in enumerate(lines) if sku_id in short)


async def claim_waves(
    tenant_id: UUID, store_id: UUID, wants: Sequence[WaveWant], now: datetime
) -> WaveClaim | list[OrderProblem]:
    """Chooses for each want the earliest wave that has all of it. Answers the claim, or what cannot be sold."""
    campaigns = await find_campaigns(tenant_id, store_id, [want.sku_id for want in wants], now)
    waves = await load_waves(tenant_id, sorted({campaign.id for campaign in campaigns.values()}))
    chosen: dict[UUID, WaveView] = {}
    planned: dict[UUID, int] = {}
    problems = []
    for want in wants:
        campaign = campaigns.get(want.sku_id)
        offered = waves[campaign.id] if campaign and campaign.sells_at(now) else ()
        wave = _choose_wave([wave for wave in offered if wave.promised_ship_at > now], want, planned)
        if isinstance(wave, OrderErrorCode):
            problems.append(OrderProblem(wave, want.path))
        else:
            chosen[want.order_line_id] = wave
            planned[wave.id] = planned.get(wave.id, 0) + want.quantity
    return problems or WaveClaim(tuple(_take(tenant_id, wants, chosen, planned, now)), chosen)


async def claim_wave(
    tenant_id: UUID, store_id: UUID, want: WaveWant, now: datetime
) -> WaveClaim | list[OrderProblem]:
    """The same for one line."""
    return await claim_waves(tenant_id, store_id, [want], now)


async def sell_waves(
    tenant_id: UUID,
    store_id: UUID,
    wants: Sequence[WaveWant],
    now: datetime,
    build: Callable[[Mapping[UUID, WaveView]], Sequence[Write]] = lambda waves: (),
) -> Mapping[UUID, WaveView] | list[OrderProblem]:
    """Takes the wants together with the writes that `build` makes of their waves; chooses anew where others were faster.

    Answers the wave of each line, or what cannot be sold. Raises Contended.
    """
    for _ in range(_ATTEMPTS):
        claim = await claim_waves(tenant_id, store_id, wants, now)
        if not isinstance(claim, WaveClaim):
            return claim
        writes = [*claim.writes, *build(claim.waves)]
        try:
            await run_again(lambda writes=writes: write_together(writes))  # type: ignore[misc]
        except GuardFailed:
            continue
        return claim.waves
    raise Contended("the waves were refused, and nothing is in the way")


async def return_waves(tenant_id: UUID, order_line_ids: Sequence[UUID]) -> list[Write]:
    """Gives back what these lines have of waves, for the same write as their cancellation.

    What was given back before is left alone. A GuardFailed of that write means that somebody else just gave it back.
    """
    where = Where(tenant_id)
    where.add_any("order_line_id", order_line_ids)
    rows = await fetch_rows(
        f"SELECT id, wave_id, quantity FROM wave_sale WHERE {where} AND NOT returned", *where.values
    )
    sums: dict[UUID, int] = {}
    for row in rows:
        wave_id = as_uuid(row["wave_id"])
        sums[wave_id] = sums.get(wave_id, 0) + row["quantity"]
    marks = [
        Write(
            "UPDATE wave_sale SET returned = TRUE WHERE tenant_id = $1 AND id = $2 AND NOT returned",
            (tenant_id, as_uuid(row["id"])),
            expects=1,
        )
        for row in rows
    ]
    return [*marks, *(_give_back(tenant_id, wave_id, sums[wave_id]) for wave_id in sorted(sums))]


def _choose_wave(
    waves: Sequence[WaveView], want: WaveWant, planned: Mapping[UUID, int]
) -> WaveView | OrderErrorCode:
    for wave in waves:
        if wave.left - planned.get(wave.id, 0) >= want.quantity:
            return wave
    return OrderErrorCode.PRESALE_SOLD_OUT if waves else OrderErrorCode.PRESALE_CLOSED


def _take(
    tenant_id: UUID,
    wants: Sequence[WaveWant],
    chosen: Mapping[UUID, WaveView],
    planned: Mapping[UUID, int],
    now: datetime,
) -> Iterable[Write]:
    # Sorted, so that two orders out of the same waves meet in the same order.
    for wave_id in sorted(planned):
        yield Write(
            "UPDATE presale_wave SET sold = sold + $1 WHERE tenant_id = $2 AND id = $3 AND sold + $1 <= quantity"
            " AND EXISTS (SELECT 1 FROM presale_campaign campaign WHERE campaign.tenant_id = presale_wave.tenant_id"
            " AND campaign.id = presale_wave.campaign_id AND campaign.status = 'PUBLISHED'"
            " AND campaign.starts_at <= $4 AND campaign.ends_at > $4)",
            (planned[wave_id], tenant_id, wave_id, now),
            expects=1,
        )
    for want in wants:
        yield insert_row(
            "wave_sale",
            id=new_id(),
            tenant_id=tenant_id,
            wave_id=chosen[want.order_line_id].id,
            order_line_id=want.order_line_id,
            quantity=want.quantity,
            returned=False,
        )


def _give_back(tenant_id: UUID, wave_id: UUID, quantity: int) -> Write:
    return Write(
        "UPDATE presale_wave SET sold = sold - $1 WHERE tenant_id = $2 AND id = $3",
        (quantity, tenant_id, wave_id),
        expects=1,
    )


async def _load_campaigns(tenant_id: UUID, campaign_ids: Iterable[UUID]) -> dict[UUID, CampaignView]:
    where = Where(tenant_id)
    where.add_any("id", sorted(campaign_ids))
    rows = await fetch_rows(f"SELECT * FROM presale_campaign WHERE {where}", *where.values)
    return {view.id: view for view in map(read_campaign, rows)}
