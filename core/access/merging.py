"""Two customers who turn out to be one person: everything of the one becomes the other's.

Only a customer without a phone is merged into another. What is written under the old id while that happens, by a
session that still knows it, follows when the customer next logs in or renews their login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.audit import record
from core.db.statements import GuardFailed, Write, as_uuid, execute, fetch_rows
from core.db.transactions import run_in_transaction

# A grant is remembered for seconds, a redemption settles within minutes.
_FOLLOWS_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Owned:
    """A column that names a customer.

    once     columns that the customer's rows may not share (among the rows of `where`): of two, the old one stays behind
    counter  a column that is added to the row that is there already; the old row goes
    """

    table: str
    column: str = "customer_id"
    once: tuple[str, ...] = ()
    where: str = ""
    counter: str = ""


OWNED: Final = (
    # In the order in which a login that ends takes them.
    Owned("refresh_token"),
    Owned("access_token", "actor_id"),
    Owned("customer_identity"),
    Owned("redemption"),
    Owned("redemption_request"),
    Owned("redemption_request", "actor_id", once=("operation", "idempotency_key")),
    Owned("order_placement", "actor_id"),
    Owned("coupon_issue"),
    Owned("house_coupon"),
    Owned("customer_allowance", once=("batch_id",), counter="issued"),
    Owned("notification"),
    Owned("reservation"),
    Owned("reservation_request", "actor_id", once=("operation", "idempotency_key")),
    Owned("slot_hold"),
    Owned("slot_hold", "actor_id"),
    Owned("waitlist_entry", once=("session_id",), where="status IN ('WAITING', 'OFFERED')"),
    Owned("customer_quota", once=("scope_id",), counter="open_count"),
    Owned("customer_package"),
    Owned("service_record"),
    Owned("points_account", counter="balance"),
    Owned("points_entry"),
    Owned("rating"),
    Owned("customer_order"),
    Owned("customer_order", "actor_id"),
    Owned("order_request", "actor_id", once=("operation", "idempotency_key")),
)

LEFT_ALONE: Final[Mapping[tuple[str, str], str]] = {
    ("audit_entry", "actor_id"): "the trail tells who it was then",
    ("redemption", "actor_id"): "the books tell who it was then",
    ("coupon_issue", "actor_id"): "coupons are issued by owners and managers",
    ("payment", "actor_id"): "payments are taken by staff",
    ("reservation_revision", "actor_id"): "history tells who it was then",
    ("check_in", "actor_id"): "history tells who it was then",
    ("service_record", "actor_id"): "records are written by staff",
}
"""Columns that may name a customer and keep doing so, with the reason."""


def hold_customer(tenant_id: UUID, customer_id: UUID) -> Write:
    """Goes with a write that names the customer. Meets no row where the customer was merged into another meanwhile."""
    return Write(
        "UPDATE customer SET merged_into = NULL WHERE tenant_id = $1 AND id = $2 AND merged_into IS NULL",
        (tenant_id, customer_id),
        expects=1,
    )


async def merge_customer(tenant_id: UUID, old: UUID, into: UUID, now: datetime) -> None:
    """Makes everything of `old` that of `into`, in one commit.

    Raises GuardFailed where `old` has got a phone or either was merged meanwhile, Conflict where somebody wrote the
    same at the same time: look again then.
    """

    async def merge() -> None:
        await _expect_one(_MARK, into, now, tenant_id, old)
        await _expect_one(_KEEP, old, tenant_id, into)
        await _move_rows(tenant_id, old, into)
        await record(tenant_id, "mergeCustomers", "Customer", into, {"merged": str(old)})

    await run_in_transaction(merge)


async def follow_merges(tenant_id: UUID, customer_id: UUID, now: datetime) -> None:
    """Moves what was still written for those who were merged into this customer of late."""
    sql = "SELECT id FROM customer WHERE tenant_id = $1 AND merged_into = $2 AND merged_at > $3"
    for row in await fetch_rows(sql, tenant_id, customer_id, now - _FOLLOWS_FOR):
        old = as_uuid(row["id"])

        async def follow(old: UUID = old) -> None:
            await _move_rows(tenant_id, old, customer_id)

        await run_in_transaction(follow)


_MARK = """
UPDATE customer SET merged_into = $1, merged_at = $2
WHERE tenant_id = $3 AND id = $4 AND merged_into IS NULL AND phone_fingerprint IS NULL"""

# It holds the row too, so that `into` is not merged itself meanwhile.
_KEEP = """
UPDATE customer SET name = COALESCE(name, (SELECT other.name FROM customer other
    WHERE other.tenant_id = customer.tenant_id AND other.id = $1))
WHERE tenant_id = $2 AND id = $3 AND merged_into IS NULL"""


async def _expect_one(sql: str, *values: object) -> None:
    if await execute(sql, *values) != 1:
        raise GuardFailed(sql)


async def _move_rows(tenant_id: UUID, old: UUID, into: UUID) -> None:
    for owned in OWNED:
        if owned.counter:
            await execute(_add_sql(owned), tenant_id, old, into)
            await execute(_drop_sql(owned), tenant_id, old, into)
        await execute(_move_sql(owned), tenant_id, old, into)


def _move_sql(owned: Owned) -> str:
    moved = f"UPDATE {owned.table} SET {owned.column} = $3 WHERE tenant_id = $1 AND {owned.column} = $2"
    if not owned.once and not owned.counter:
        return moved
    return f"{moved} AND NOT {_twin_exists(owned, '$3')}"


def _add_sql(owned: Owned) -> str:
    added = f"(SELECT SUM(twin.{owned.counter}) FROM {owned.table} twin WHERE {_is_twin(owned, '$2')})"
    return (
        f"UPDATE {owned.table} SET {owned.counter} = {owned.counter} + {added}"
        f" WHERE tenant_id = $1 AND {owned.column} = $3 AND {_twin_exists(owned, '$2')}"
    )


def _drop_sql(owned: Owned) -> str:
    return (
        f"DELETE FROM {owned.table}"
        f" WHERE tenant_id = $1 AND {owned.column} = $2 AND {_twin_exists(owned, '$3')}"
    )


def _twin_exists(owned: Owned, customer: str) -> str:
    return f"EXISTS (SELECT 1 FROM {owned.table} twin WHERE {_is_twin(owned, customer)})"


def _is_twin(owned: Owned, customer: str) -> str:
    """The condition for a row `twin` of the other customer that says the same as the row at hand."""
    same = "".join(f" AND twin.{name} = {owned.table}.{name}" for name in owned.once)
    both = "".join(f" AND {alias}.{owned.where}" for alias in ("twin", owned.table) if owned.where)
    return f"twin.tenant_id = $1 AND twin.{owned.column} = {customer}{same}{both}"
