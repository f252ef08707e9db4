"""Orders that came before somebody said which store the platform's store is."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from core.db.statements import GuardFailed, Write, as_uuid, fetch_rows, write_together
from core.events.outbox import outbox_write
from core.orders.announcing import ORDER_CHANGED

_PORTION: Final = 500
_ORPHANS: Final = """
SELECT o.id, o.version, s.store_id FROM customer_order o
JOIN channel_store s ON s.tenant_id = o.tenant_id AND s.account_id = o.account_id
    AND s.external_store_id = o.external_store_id
WHERE o.tenant_id = $1 AND o.account_id = $2 AND o.store_id IS NULL AND o.external_store_id IS NOT NULL
ORDER BY o.id LIMIT $3"""


async def adopt_orders(tenant_id: UUID, account_id: UUID) -> int:
    """Gives orders to the store that has been bound since they came; how many. What others change meanwhile waits."""
    adopted = 0
    for row in await fetch_rows(_ORPHANS, tenant_id, account_id, _PORTION):
        store_id, order_id = as_uuid(row["store_id"]), as_uuid(row["id"])
        change = Write(
            "UPDATE customer_order SET version = version + 1, store_id = $1"
            " WHERE tenant_id = $2 AND id = $3 AND version = $4",
            (store_id, tenant_id, order_id, row["version"]),
            expects=1,
        )
        try:
            await write_together([change, outbox_write(tenant_id, store_id, ORDER_CHANGED, order_id)])
        except GuardFailed:
            continue
        adopted += 1
    return adopted
