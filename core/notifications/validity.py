"""Asking a message's subject, at the moment of sending, whether the message still holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Final, cast
from uuid import UUID

from core.notifications.values import NotificationKind

StillValid = Callable[[UUID, UUID, NotificationKind, int], Awaitable[bool]]
"""`(tenant_id, subject_id, kind, version)` → whether a message planned at that version still tells the truth."""

# Subject type → "module:function". By name, because the parts that plan messages import this one.
STILL_VALID: Final[dict[str, str]] = {
    "Reservation": "core.reservations.announcing:is_message_true",
    "WaitlistEntry": "core.reservations.waitlist.rows:is_offer_true",
}


async def is_still_valid(
    subject_type: str, tenant_id: UUID, subject_id: UUID, kind: NotificationKind, version: int
) -> bool:
    """What the subject's part of core says; True where it has no say."""
    place = STILL_VALID.get(subject_type)
    return place is None or await load_check(place)(tenant_id, subject_id, kind, version)


def load_check(place: str) -> StillValid:
    """The function behind "module:function"."""
    module, _, name = place.partition(":")
    return cast("StillValid", getattr(import_module(module), name))
