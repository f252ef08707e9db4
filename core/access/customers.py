"""Customers: making them known by phone, and showing them with the phone masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from core.access.permissions import Action, require
from core.access.privacy import (
    bind_phone,
    fingerprint_phone,
    mask_phone,
    normalise_phone,
    open_phone,
    seal_phone,
)
from core.access.values import Actor, CustomerView
from core.db.inserts import insert_row
from core.db.statements import Conflict, Write, as_uuid, fetch_row, fetch_rows, write_together
from core.errors import BadInput
from core.ids import new_id
from core.keys import KeyRing
from core.messages import text
from core.resealing import SealedColumn

PHONES = SealedColumn(
    table="customer",
    column="phone_sealed",
    source="SELECT id, tenant_id, phone_sealed AS sealed FROM customer",
    bound_to=lambda row: bind_phone(as_uuid(row["tenant_id"]), as_uuid(row["id"])),
)


class CustomerService:
    """Customers of all merchants. It alone opens their sealed phones."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def ensure_customer(self, tenant_id: UUID, phone: str, name: str | None = None) -> UUID:
        """The id of the merchant's customer with this phone, who is made known if need be.

        Raises BadInput for what is no phone number.
        """
        try:
            normal = normalise_phone(phone)
        except ValueError:
            raise BadInput(text("fault.phone_invalid"), ("phone",)) from None
        customer_id = new_id()
        columns = build_phone(self._keys, tenant_id, customer_id, normal)
        try:
            await write_together([build_customer(tenant_id, customer_id, name, **columns)])
        except Conflict:
            return await self._find_by_phone(tenant_id, normal)
        return customer_id

    async def load_customers(self, actor: Actor, customer_ids: Iterable[UUID]) -> Mapping[UUID, CustomerView]:
        """The customers whom the actor may see: a customer only themselves, others the merchant's."""
        require(actor, Action.READ_CUSTOMER)
        wanted = [each for each in customer_ids if not actor.is_customer or each == actor.customer_id]
        if not wanted:
            return {}
        places = ", ".join(f"${number}" for number in range(2, len(wanted) + 2))
        sql = f"SELECT id, name, phone_sealed FROM customer WHERE tenant_id = $1 AND id IN ({places})"
        views = [self._read_customer(actor, row) for row in await fetch_rows(sql, actor.tenant_id, *wanted)]
        return {view.id: view for view in views}

    def _read_customer(self, actor: Actor, row: Mapping[str, Any]) -> CustomerView:
        customer_id, sealed = as_uuid(row["id"]), row["phone_sealed"]
        phone = open_phone(self._keys, actor.tenant_id, customer_id, sealed) if sealed else None
        if phone and "phones" not in actor.scopes:
            phone = mask_phone(phone)
        return CustomerView(customer_id, actor.tenant_id, row["name"], phone)

    async def _find_by_phone(self, tenant_id: UUID, phone: str) -> UUID:
        row = await fetch_row(
            "SELECT id FROM customer WHERE tenant_id = $1 AND phone_fingerprint = $2",
            tenant_id,
            fingerprint_phone(self._keys, tenant_id, phone),
        )
        if row is None:
            raise LookupError("the customer whose phone was taken is gone")
        return as_uuid(row["id"])


def build_phone(keys: KeyRing, tenant_id: UUID, customer_id: UUID, phone: str) -> dict[str, Any]:
    """The columns of `customer` for a normalised phone, by name."""
    sealed = seal_phone(keys, tenant_id, customer_id, phone)
    return {
        "phone_sealed": sealed.sealed,
        "phone_fingerprint": sealed.fingerprint,
        "phone_tail": sealed.tail,
    }


def build_customer(tenant_id: UUID, customer_id: UUID, name: str | None = None, **columns: Any) -> Write:
    """The INSERT of a customer."""
    return insert_row("customer", id=customer_id, tenant_id=tenant_id, name=name, **columns)
