"""How many open reservations one customer may have, in a store and of a service.

A counter that moves by conditional updates. It comes into being with the first booking under a limit, at what is
open then. Who is refused by it is counted anew first: time alone closes reservations too.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from core.clock import utc_now
from core.db.statements import Write, execute, fetch_row
from core.ids import new_id
from core.reservations.claims import Claim
from core.reservations.values import (
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationView,
    ServiceView,
)

_OPEN = (
    "(SELECT count(*) FROM reservation WHERE tenant_id = $1 AND customer_id = $2 AND {scope} = $3"
    " AND status IN ('PENDING_PAYMENT', 'CONFIRMED') AND end_at > $4)"
)
_TAKE = (
    "INSERT INTO customer_quota (id, created_at, tenant_id, customer_id, scope_id, open_count)"
    " SELECT $5, $6, $1, $2, $3, present.open + 1 FROM (SELECT {open} AS open) AS present WHERE present.open < $7"
    " ON CONFLICT (tenant_id, scope_id, customer_id) DO UPDATE SET open_count = customer_quota.open_count + 1"
    " WHERE customer_quota.open_count < $7"
)
# Nobody has as many.
_NO_LIMIT = 1_000_000


def claim_quota(
    service: ServiceView, policy: Policy, customer_id: UUID, now: datetime, *, binding: bool
) -> list[Claim]:
    """The claims on one more open reservation of a customer; one that is not binding counts and refuses nobody.

    `policy` is the store's, narrowed to the service.
    """
    limits = [
        ("store_id", service.store_id, policy.limit_per_customer),
        ("service_id", service.id, policy.limit_per_service),
    ]
    unlimited = [scope_id for _, scope_id, limit in limits if limit is None]
    claims = [
        _claim_one(service.tenant_id, customer_id, (column, scope_id), limit if binding else _NO_LIMIT, now)
        for column, scope_id, limit in limits
        if limit is not None
    ]
    # A counter from the time when there was a limit goes on counting: there may be one again.
    return [*claims, *(_count_on(service.tenant_id, customer_id, scope_id) for scope_id in unlimited)]


def release_quota(present: ReservationView, now: datetime) -> list[Write]:
    """One open reservation less: it was cancelled, or the guest came or did not.

    One that is over was not open any more, and may have been taken off the count already.
    """
    if present.customer_id is None or present.end <= now:
        return []
    sql = (
        "UPDATE customer_quota SET open_count = open_count - 1 WHERE tenant_id = $1 AND customer_id = $2"
        " AND scope_id = $3 AND open_count > 0"
    )
    scopes = (present.store_id, present.service_id)
    return [Write(sql, (present.tenant_id, present.customer_id, scope_id)) for scope_id in scopes]


def reopen_quota(service: ServiceView, policy: Policy, after: ReservationView, now: datetime) -> list[Claim]:
    """The claims on one more open reservation: one that was not, or not any more, counted as such is open again."""
    if after.customer_id is None or after.end <= now:
        return []
    return claim_quota(service, policy, after.customer_id, now, binding=False)


def _claim_one(
    tenant_id: UUID, customer_id: UUID, scope: tuple[str, UUID], limit: int, now: datetime
) -> Claim:
    column, scope_id = scope
    take = Write(
        _TAKE.format(open=_OPEN.format(scope=column)),
        (tenant_id, customer_id, scope_id, now, new_id(), utc_now(), limit),
        expects=1,
    )

    async def explain() -> ReservationProblem | None:
        if await _correct_count(tenant_id, customer_id, scope, now) < limit:
            return None
        values: dict[str, object] = {"limit": limit}
        return ReservationProblem(ReservationErrorCode.CUSTOMER_LIMIT_REACHED, values=values)

    return Claim([take], explain)


def _count_on(tenant_id: UUID, customer_id: UUID, scope_id: UUID) -> Claim:
    async def explain() -> None:
        return None

    sql = (
        "UPDATE customer_quota SET open_count = open_count + 1"
        " WHERE tenant_id = $1 AND customer_id = $2 AND scope_id = $3"
    )
    return Claim([Write(sql, (tenant_id, customer_id, scope_id))], explain)


async def _correct_count(tenant_id: UUID, customer_id: UUID, scope: tuple[str, UUID], now: datetime) -> int:
    """The number of open reservations; the counter is lowered to it where it is above."""
    column, scope_id = scope
    row = await fetch_row(
        "SELECT open_count FROM customer_quota WHERE tenant_id = $1 AND customer_id = $2 AND scope_id = $3",
        tenant_id, customer_id, scope_id,
    )  # fmt: skip
    counted = int(row["open_count"]) if row else 0
    found = await fetch_row(
        f"SELECT {_OPEN.format(scope=column)} AS open", tenant_id, customer_id, scope_id, now
    )
    present = int(found["open"]) if found else 0
    if present >= counted:
        return present
    # Only if nobody has counted meanwhile: what they counted may not be in the number found.
    await execute(
        "UPDATE customer_quota SET open_count = $4 WHERE tenant_id = $1 AND customer_id = $2 AND scope_id = $3"
        " AND open_count = $5",
        tenant_id, customer_id, scope_id, present, counted,
    )  # fmt: skip
    return present
