"""The audit trail: one entry per change by a person, token or rule, written in the commit that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.access.values import Actor
from core.db.inserts import insert_row
from core.db.statements import Json, Write, write_together
from core.ids import new_id


def build_entry(
    actor: Actor | UUID,
    action: str,
    subject_type: str,
    subject_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> Write:
    """The INSERT of one entry, to be written together with the change itself.

    `actor` is who did it, or, for what the command line or a rule did, the merchant's id. `details` are JSON
    values; they must hold no secrets, coupon codes or phones.
    """
    person = actor if isinstance(actor, Actor) else None
    return insert_row(
        "audit_entry",
        id=new_id(),
        tenant_id=person.tenant_id if person else actor,
        actor_id=person.actor_id if person else None,
        token_id=person.token_id if person else None,
        role=person.role.value if person else None,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        details=Json(dict(details or {})),
    )


async def record(
    actor: Actor | UUID,
    action: str,
    subject_type: str,
    subject_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Writes one entry by itself, or inside the running transaction."""
    await write_together([build_entry(actor, action, subject_type, subject_id, details)])
