"""Reading the redemption ledger. Every query begins with the tenant and ends with what the actor may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.access.visibility import build_visible
from core.channels.contract import Refusal
from core.coupons.coupon_rows import view_row
from core.coupons.journal import RedemptionRow, Saga
from core.coupons.values import (
    CouponView,
    RedemptionFilter,
    RedemptionPage,
    RedemptionStatus,
    RedemptionView,
)
from core.db.conditions import Where
from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
)


async def list_redemptions(
    actor: Actor | None, wanted: RedemptionFilter, first: int, after: UUID | None
) -> RedemptionPage:
    """At most `first` redemptions, newest first, older than `after`.

    Raises Unauthenticated, Forbidden, and NotFound for a store in the filter that is not the actor's.
    """
    where = await _select(actor, wanted)
    if after is not None:
        where.add("id < ?", after)
    rows = await fetch_rows(
        f"SELECT * FROM redemption WHERE {where} ORDER BY id DESC LIMIT {first + 1:d}",
        *where.values,
    )
    return RedemptionPage(tuple(view_redemption(row) for row in rows[:first]), has_more=len(rows) > first)


async def count_redemptions(actor: Actor | None, wanted: RedemptionFilter) -> int:
    """How many redemptions the filter meets."""
    where = await _select(actor, wanted)
    row = await fetch_row(f"SELECT count(*) AS total FROM redemption WHERE {where}", *where.values)
    return int(row["total"]) if row else 0


async def load_redemptions(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, RedemptionView]:
    """Those of `ids` that the actor may see."""
    where = build_visible(actor)
    where.add_any("id", ids)
    rows = await fetch_rows(f"SELECT * FROM redemption WHERE {where}", *where.values)
    return {view.id: view for view in map(view_redemption, rows)}


async def load_coupons(actor: Actor, ids: Sequence[UUID]) -> dict[UUID, CouponView]:
    """Those of `ids` that the actor may see: management all, the others those of redemptions that they may see."""
    where = Where(actor.tenant_id)
    where.add_any("id", ids)
    if actor.store_ids is not None or actor.is_customer:
        seen = build_visible(actor)
        seen.add_any("coupon_id", ids)
        rows = await fetch_rows(f"SELECT DISTINCT coupon_id FROM redemption WHERE {seen}", *seen.values)
        where.add_any("id", [as_uuid(row["coupon_id"]) for row in rows])
    rows = await fetch_rows(f"SELECT * FROM coupon WHERE {where}", *where.values)
    return {view.id: view for view in map(view_row, rows)}


async def _select(actor: Actor | None, wanted: RedemptionFilter) -> Where:
    actor = require(actor, Action.LIST_REDEMPTIONS)
    where = build_visible(actor)
    if wanted.store_id is not None:
        await find_store(actor, wanted.store_id)
        where.add("store_id = ?", wanted.store_id)
    if wanted.statuses:
        where.add_any("status", [status.value for status in wanted.statuses])
    if wanted.channel is not None:
        where.add("channel = ?", wanted.channel)
    if wanted.since is not None:
        where.add("created_at >= ?", wanted.since)
    if wanted.until is not None:
        where.add("created_at < ?", wanted.until)
    return where


def view_redemption(row: Mapping[str, Any]) -> RedemptionView:
    receipts = as_json(row["receipts"])
    decline_code = row["decline_code"]
    return RedemptionView(
        id=as_uuid(row["id"]),
        coupon_id=as_uuid(row["coupon_id"]),
        channel=row["channel"],
        account_id=as_optional_uuid(row["account_id"]),
        store_id=as_uuid(row["store_id"]),
        order_id=as_optional_uuid(row["order_id"]),
        status=RedemptionStatus(row["status"]),
        times=row["times"],
        discount=row["discount"],
        redeemed_at=as_optional_instant(row["redeemed_at"]),
        reversed_at=as_optional_instant(row["reversed_at"]),
        reversible_until=as_optional_instant(row["reversible_until"]),
        decline_code=Refusal(decline_code) if decline_code else None,
        channel_reference=_join_receipts(receipts),
        created_at=as_instant(row["created_at"]),
    )


def view_held(saga: Saga, redemption: RedemptionRow) -> RedemptionView:
    """The same of a redemption in the hands of its saga, without reading it again."""
    leg = saga.leg_of(redemption)
    return RedemptionView(
        id=redemption.id,
        coupon_id=redemption.coupon_id,
        channel=leg.channel,
        account_id=leg.account_id,
        store_id=saga.store_id,
        order_id=saga.order_id,
        status=redemption.status,
        times=redemption.times,
        discount=redemption.discount,
        redeemed_at=redemption.redeemed_at,
        reversed_at=redemption.reversed_at,
        reversible_until=redemption.reversible_until,
        decline_code=Refusal(redemption.decline_code) if redemption.decline_code else None,
        channel_reference=_join_receipts(redemption.receipts),
        created_at=redemption.created_at,
    )


def _join_receipts(receipts: Sequence[Mapping[str, Any]]) -> str | None:
    """The platform's receipt ids; several uses of a card have one each."""
    return ",".join(str(receipt["reference"]) for receipt in receipts) or None
