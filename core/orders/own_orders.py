"""The row of an order of our own: its number, its contact, and the writes that make it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.customers import CustomerService
from core.access.privacy import normalise_phone, open_phone, seal_phone
from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Write, fetch_row
from core.keys import KeyRing
from core.orders.problems import refuse_order
from core.orders.values import OrderProblem, OrderView
from core.reservations.values import Contact

MAX_NAME: Final = 120
MAX_NOTE: Final = 500
# Without those that are taken for one another when a number is read out.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_LENGTH: Final = 6


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who ordered, as the order's row has it: the phone, in E.164, sealed to it."""

    customer_id: UUID | None = None
    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


def make_number(now: datetime, time_zone: str) -> str:
    """What people call an order: the store's day and six letters and digits, as in 261122-7KQ2MX."""
    tail = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{now.astimezone(ZoneInfo(time_zone)):%y%m%d}-{tail}"


def check_contact(contact: Contact | None) -> tuple[Contact | None, list[OrderProblem]]:
    """The contact with its phone in E.164, and what is wrong with it."""
    if contact is None:
        return None, []
    name, problems = contact.name.strip(), []
    if not name:
        problems.append(refuse_order("required", "contact", "name"))
    if len(name) > MAX_NAME:
        problems.append(refuse_order("too_long", "contact", "name", limit=MAX_NAME))
    try:
        phone = normalise_phone(contact.phone)
    except ValueError:
        return None, [*problems, refuse_order("phone", "contact", "phone")]
    return Contact(name, phone), problems


def check_note(note: str | None) -> list[OrderProblem]:
    """What is wrong with a note."""
    return [refuse_order("too_long", "note", limit=MAX_NOTE)] if note and len(note) > MAX_NOTE else []


async def find_buyer(keys: KeyRing, actor: Actor, contact: Contact | None) -> Buyer:
    """Customers order for themselves, with the contact they give or that of their profile.

    Staff order for the customer with the contact's phone, who is made known if need be, or for nobody known.
    """
    if contact is not None and not actor.is_customer:
        customers = CustomerService(keys)
        customer_id = await customers.ensure_customer(actor.tenant_id, contact.phone, contact.name)
        return Buyer(customer_id, contact.name, contact.phone)
    if contact is not None:
        return Buyer(actor.customer_id, contact.name, contact.phone)
    return await _read_profile(keys, actor) if actor.is_customer else Buyer()


async def _read_profile(keys: KeyRing, actor: Actor) -> Buyer:
    customer_id = actor.actor_id
    row = await fetch_row(
        "SELECT name, phone_sealed FROM customer WHERE tenant_id = $1 AND id = $2",
        actor.tenant_id,
        customer_id,
    )
    if row is None:
        return Buyer(customer_id)
    sealed = row["phone_sealed"]
    phone = open_phone(keys, actor.tenant_id, customer_id, bytes(sealed)) if sealed else None
    return Buyer(customer_id, row["name"], phone)


def insert_order(keys: KeyRing, order: OrderView, phone: str | None, actor: Actor) -> Write:
    """The INSERT of a new order."""
    return insert_row(
        "customer_order",
        id=order.id,
        tenant_id=order.tenant_id,
        created_at=order.created_at,
        store_id=order.store_id,
        channel=order.channel,
        number=order.number,
        type=order.type.value,
        status=order.status.value,
        version=order.version,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        total=order.total,
        paid=order.paid,
        refunded=order.refunded,
        customer_id=order.customer_id,
        contact_name=order.contact_name,
        note=order.note,
        fulfilment_risk=order.fulfilment_risk.value,
        actor_id=actor.actor_id,
        token_id=actor.token_id,
        role=actor.role.value,
        **_seal_contact(keys, order, phone),
    )


def _seal_contact(keys: KeyRing, order: OrderView, phone: str | None) -> dict[str, Any]:
    if phone is None:
        return {}
    sealed = seal_phone(keys, order.tenant_id, order.id, phone)
    return {
        "phone_sealed": sealed.sealed,
        "phone_fingerprint": sealed.fingerprint,
        "phone_tail": sealed.tail,
    }


def delete_order(order: OrderView) -> list[Write]:
    """Leaves no trace of an order that nobody was told of."""
    keys = (order.tenant_id, order.id)
    return [
        Write("DELETE FROM order_line WHERE tenant_id = $1 AND order_id = $2", keys),
        Write("DELETE FROM timeline_entry WHERE tenant_id = $1 AND order_id = $2", keys),
        Write(
            "DELETE FROM customer_order WHERE tenant_id = $1 AND id = $2 AND version = $3",
            (*keys, order.version),
            expects=1,
        ),
    ]
