"""Who comes: the contact of a reservation, as it was given or from the customer's profile. Phones are sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.access.customers import CustomerService
from core.access.privacy import bind_phone, normalise_phone, open_phone, seal_phone
from core.access.values import Actor
from core.db.statements import as_uuid, fetch_row
from core.keys import KeyRing
from core.resealing import SealedColumn
from core.reservations.problems import refuse_input
from core.reservations.requests import Refused
from core.reservations.values import Contact

MAX_NAME: Final = 120

RESERVATION_PHONES = SealedColumn(
    table="reservation",
    column="phone_sealed",
    source="SELECT id, tenant_id, phone_sealed AS sealed FROM reservation",
    bound_to=lambda row: bind_phone(as_uuid(row["tenant_id"]), as_uuid(row["id"])),
)


@dataclass(frozen=True, slots=True)
class Guest:
    """Who comes, as a reservation has it: the phone sealed to the reservation's row. All None: nobody known."""

    customer_id: UUID | None = None
    name: str | None = field(default=None, repr=False)
    phone_sealed: bytes | None = field(default=None, repr=False)
    phone_fingerprint: str | None = field(default=None, repr=False)
    phone_tail: str | None = None


def check_contact(contact: Contact | None) -> Contact | None:
    """The contact with its phone in E.164. Raises Refused with the path of what is wrong."""
    if contact is None:
        return None
    name = contact.name.strip()
    if not name:
        raise Refused(refuse_input("required", "contact", "name"))
    if len(name) > MAX_NAME:
        raise Refused(refuse_input("too_long", "contact", "name", limit=MAX_NAME))
    try:
        return Contact(name, normalise_phone(contact.phone))
    except ValueError:
        raise Refused(refuse_input("phone", "contact", "phone")) from None


async def find_guest(
    keys: KeyRing,
    actor: Actor,
    reservation_id: UUID,
    contact: Contact | None,
    customer_id: UUID | None = None,
) -> Guest:
    """The guest of a new reservation. `contact` is one that was checked.

    Customers book for themselves, with the contact they give or that of their profile. Staff book for
    `customer_id`, or for the customer with the contact's phone, who is made known if need be. Raises Refused for a
    `customer_id` that is not the merchant's.
    """
    if actor.is_customer:
        customer_id = actor.customer_id
    elif customer_id is None and contact is not None:
        customer_id = await CustomerService(keys).ensure_customer(
            actor.tenant_id, contact.phone, contact.name
        )
    if contact is None and customer_id is not None:
        name, phone = await _read_profile(keys, actor.tenant_id, customer_id)
        return seal_guest(keys, actor.tenant_id, reservation_id, customer_id, name, phone)
    if contact is None:
        return Guest()
    return seal_guest(keys, actor.tenant_id, reservation_id, customer_id, contact.name, contact.phone)


def seal_guest(
    keys: KeyRing,
    tenant_id: UUID,
    reservation_id: UUID,
    customer_id: UUID | None,
    name: str | None,
    phone: str | None,
) -> Guest:
    """The guest with this phone, in E.164, sealed to the reservation."""
    if phone is None:
        return Guest(customer_id, name)
    sealed = seal_phone(keys, tenant_id, reservation_id, phone)
    return Guest(customer_id, name, sealed.sealed, sealed.fingerprint, sealed.tail)


async def _read_profile(keys: KeyRing, tenant_id: UUID, customer_id: UUID) -> tuple[str | None, str | None]:
    row = await fetch_row(
        "SELECT name, phone_sealed FROM customer WHERE tenant_id = $1 AND id = $2", tenant_id, customer_id
    )
    if row is None:
        raise Refused(refuse_input("customer", "customerId"))
    sealed = row["phone_sealed"]
    return row["name"], open_phone(keys, tenant_id, customer_id, sealed) if sealed else None
