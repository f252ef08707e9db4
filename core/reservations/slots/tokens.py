"""Slots as tokens and as rows: what was offered is booked exactly as it was offered, or not at all."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from core.keys import KeyRing
from core.reservations.values import Slot

TOKEN_MINUTES: Final = 15
_SIGNATURE_BYTES: Final = 16
_PURPOSE: Final = "slot"
# Runs out (s), service, store, start and end (µs), seats, what follows: staff member, session, how many resources.
_HEAD: Final = struct.Struct(">q16s16sqqI??B")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class SlotUnreadable(Exception):
    """The token was altered, is another merchant's, or is none of ours."""


class SlotExpired(Exception):
    """The token is ours, and too old."""


def sign_slot(keys: KeyRing, tenant_id: UUID, slot: Slot, now: datetime) -> str:
    """An opaque token for exactly this slot of this merchant, for 15 minutes. Score and reasons are left out."""
    until = _count_microseconds(now + timedelta(minutes=TOKEN_MINUTES)) // 1_000_000
    content = _pack(slot, until)
    signature = keys.sign(_PURPOSE, tenant_id.bytes + content)
    return base64.urlsafe_b64encode(signature + content).decode().rstrip("=")


def read_slot(keys: KeyRing, tenant_id: UUID, token: str, now: datetime) -> Slot:
    """The slot of a token. Raises SlotUnreadable, and SlotExpired once its 15 minutes are over."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SlotUnreadable from None
    signature, content = decoded[:_SIGNATURE_BYTES], decoded[_SIGNATURE_BYTES:]
    if not keys.verify(_PURPOSE, tenant_id.bytes + content, signature):
        raise SlotUnreadable
    until, slot = _unpack(content)
    if now >= _EPOCH + timedelta(seconds=until):
        raise SlotExpired
    return slot


def write_slot(slot: Slot) -> dict[str, object]:
    """The slot as a JSON object. Score and reasons are left out."""
    return {
        "service_id": str(slot.service_id),
        "store_id": str(slot.store_id),
        "start": slot.start.isoformat(),
        "end": slot.end.isoformat(),
        "staff_id": str(slot.staff_id) if slot.staff_id else None,
        "resource_ids": [str(resource_id) for resource_id in slot.resource_ids],
        "session_id": str(slot.session_id) if slot.session_id else None,
        "seats": slot.seats,
    }


def parse_slot(mapping: Mapping[str, object]) -> Slot:
    """What `write_slot` wrote. Raises KeyError and ValueError for anything else."""
    written = cast(Mapping[str, Any], mapping)
    return Slot(
        service_id=UUID(written["service_id"]),
        store_id=UUID(written["store_id"]),
        start=datetime.fromisoformat(written["start"]),
        end=datetime.fromisoformat(written["end"]),
        staff_id=UUID(written["staff_id"]) if written["staff_id"] else None,
        resource_ids=tuple(map(UUID, written["resource_ids"])),
        session_id=UUID(written["session_id"]) if written["session_id"] else None,
        seats=written["seats"],
    )


def _pack(slot: Slot, until: int) -> bytes:
    head = _HEAD.pack(
        until,
        slot.service_id.bytes,
        slot.store_id.bytes,
        _count_microseconds(slot.start),
        _count_microseconds(slot.end),
        slot.seats,
        slot.staff_id is not None,
        slot.session_id is not None,
        len(slot.resource_ids),
    )
    ids = (slot.staff_id, slot.session_id, *slot.resource_ids)
    return head + b"".join(row_id.bytes for row_id in ids if row_id)


def _unpack(content: bytes) -> tuple[int, Slot]:
    """`(when it runs out, slot)` of a signed content, which is therefore whole."""
    until, service, store, start, end, seats, has_staff, has_session, _ = _HEAD.unpack_from(content)
    ids = [UUID(bytes=content[at : at + 16]) for at in range(_HEAD.size, len(content), 16)]
    staff_id = ids.pop(0) if has_staff else None
    session_id = ids.pop(0) if has_session else None
    times = (_EPOCH + start * _MICROSECOND, _EPOCH + end * _MICROSECOND)
    return until, Slot(
        UUID(bytes=service), UUID(bytes=store), *times, staff_id, tuple(ids), session_id, seats
    )


def _count_microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
