"""The text of a guest's QR code: signed, good to the end of the visit's own day at the store, shown as often as liked."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.keys import KeyRing

_PREFIX: Final = "HXR1."
_PURPOSE: Final = "check-in"
# The reservation and when the text runs out, in seconds since 1970.
_CONTENT: Final = struct.Struct(">16sq")


class PayloadUnreadable(Exception):  # reads as what it is
    """The text was altered, is another merchant's, or is none of ours."""


class PayloadExpired(Exception):  # reads as what it is
    """The text is ours, and its day is over."""


def sign_payload(
    keys: KeyRing, tenant_id: UUID, reservation_id: UUID, start: datetime, zone: ZoneInfo
) -> str:
    """The text to show as a QR code for a visit that begins at `start` (UTC) at a store in `zone`."""
    content = _CONTENT.pack(reservation_id.bytes, int(end_of_day(start, zone).timestamp()))
    signature = keys.sign(_PURPOSE, tenant_id.bytes + content)
    return _PREFIX + base64.urlsafe_b64encode(content + signature).decode().rstrip("=")


def read_payload(keys: KeyRing, tenant_id: UUID, text: str, now: datetime) -> UUID:
    """The reservation of a scanned text. Raises PayloadUnreadable, and PayloadExpired once its day is over."""
    content, signature = _split(text)
    if not keys.verify(_PURPOSE, tenant_id.bytes + content, signature):
        raise PayloadUnreadable
    reservation, until = _CONTENT.unpack(content)
    if now.timestamp() >= until:
        raise PayloadExpired
    return UUID(bytes=reservation)


def end_of_day(instant: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the day after, in `zone`; answered in UTC."""
    day = instant.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def start_of_day(instant: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the day of `instant` in `zone`; answered in UTC."""
    return datetime.combine(instant.astimezone(zone).date(), time(), zone).astimezone(UTC)


def _split(text: str) -> tuple[bytes, bytes]:
    stripped = text.strip()
    if not stripped.startswith(_PREFIX):
        raise PayloadUnreadable
    body = stripped.removeprefix(_PREFIX)
    try:
        decoded = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PayloadUnreadable from None
    if len(decoded) <= _CONTENT.size:
        raise PayloadUnreadable
    return decoded[: _CONTENT.size], decoded[_CONTENT.size :]
