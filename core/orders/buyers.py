"""Who bought an order of a platform: the customer with the phone that it shows, or with the id that it gives."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from core.access.customers import CustomerService
from core.access.privacy import fingerprint_phone, normalise_phone, seal_phone
from core.channels.bindings import BoundAccount
from core.channels.contract import ChannelOrder
from core.db.statements import as_uuid, fetch_row
from core.keys import KeyRing
from core.orders.states import MAX_NAME

_IDENTITY: Final = """
SELECT customer_id FROM customer_identity
WHERE tenant_id = $1 AND ((account_id = $2 AND subject = $3) OR (channel = $4 AND union_subject = $3))
ORDER BY id LIMIT 1"""


def write_buyer_key(order: ChannelOrder, state_key: str) -> str:
    """Which of two states tells more of the buyer: one with a phone, and of those the newer. Empty: it tells nothing.

    Platforms hide the phone, and then the name, some time after an order is done.
    """
    if order.phone is not None:
        return f"1{state_key}"
    return f"0{state_key}" if order.buyer_name else ""


async def build_contact(
    keys: KeyRing, account: BoundAccount, order_id: UUID, order: ChannelOrder, buyer_key: str
) -> dict[str, Any]:
    """The columns of `customer_order` that say who bought, of a state that shows it. Makes the customer known."""
    columns: dict[str, Any] = {
        "buyer_key": buyer_key,
        "contact_name": (order.buyer_name or "").strip()[:MAX_NAME] or None,
        "phone_sealed": None,
        "phone_fingerprint": None,
        "phone_tail": None,
    }
    phone = _read_phone(order.phone)
    if phone is not None:
        sealed = seal_phone(keys, account.tenant_id, order_id, phone)
        columns |= {
            "phone_sealed": sealed.sealed,
            "phone_fingerprint": sealed.fingerprint,
            "phone_tail": sealed.tail,
            "customer_id": await _find_by_phone(keys, account.tenant_id, phone, columns["contact_name"]),
        }
    return columns


async def find_by_identity(account: BoundAccount, buyer_reference: str | None) -> UUID | None:
    """The customer who has logged in by a program of this account, or of this platform, under the buyer's id."""
    if buyer_reference is None:
        return None
    row = await fetch_row(
        _IDENTITY, account.tenant_id, account.account_id, buyer_reference, account.channel.code
    )
    return as_uuid(row["customer_id"]) if row else None


async def _find_by_phone(keys: KeyRing, tenant_id: UUID, phone: str, name: str | None) -> UUID:
    row = await fetch_row(
        "SELECT id FROM customer WHERE tenant_id = $1 AND phone_fingerprint = $2",
        tenant_id,
        fingerprint_phone(keys, tenant_id, phone),
    )
    return as_uuid(row["id"]) if row else await CustomerService(keys).ensure_customer(tenant_id, phone, name)


def _read_phone(phone: str | None) -> str | None:
    """A relay number is nobody's phone."""
    try:
        return normalise_phone(phone) if phone else None
    except ValueError:
        return None
