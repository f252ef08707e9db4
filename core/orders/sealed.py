"""What is sealed in the order tables, and the platform's own document of an order."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from core.access.privacy import bind_phone
from core.db.statements import as_uuid, fetch_row
from core.keys import KeyRing
from core.resealing import SealedColumn

ORDER_PHONES: Final = SealedColumn(
    table="customer_order",
    column="phone_sealed",
    source="SELECT id, tenant_id, phone_sealed AS sealed FROM customer_order",
    bound_to=lambda row: bind_phone(as_uuid(row["tenant_id"]), as_uuid(row["id"])),
)
ORDER_DOCUMENTS: Final = SealedColumn(
    table="customer_order",
    column="document_sealed",
    source="SELECT id, tenant_id, document_sealed AS sealed FROM customer_order",
    bound_to=lambda row: bind_document(as_uuid(row["tenant_id"]), as_uuid(row["id"])),
)


def bind_document(tenant_id: UUID, order_id: UUID) -> tuple[str, str, str]:
    """The names that a sealed document is bound to."""
    return str(tenant_id), str(order_id), "document"


def seal_document(keys: KeyRing, tenant_id: UUID, order_id: UUID, raw: Mapping[str, Any]) -> bytes | None:
    """A platform's document, packed and sealed to its order; None for an empty one."""
    if not raw:
        return None
    packed = zlib.compress(orjson.dumps(dict(raw), default=str))
    return keys.seal(packed, *bind_document(tenant_id, order_id))


async def open_document(keys: KeyRing, tenant_id: UUID, order_id: UUID) -> dict[str, Any] | None:
    """The platform's document of an order, with everything in it that is personal; None where none is kept."""
    row = await fetch_row(
        "SELECT document_sealed FROM customer_order WHERE tenant_id = $1 AND id = $2", tenant_id, order_id
    )
    if row is None or row["document_sealed"] is None:
        return None
    packed = keys.open(bytes(row["document_sealed"]), *bind_document(tenant_id, order_id))
    document: dict[str, Any] = orjson.loads(zlib.decompress(packed))
    return document
