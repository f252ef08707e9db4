"""Phone numbers: one spelling, sealed at rest, found by a keyed hash, shown masked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.keys import KeyRing

_SEPARATORS: Final = re.compile(r"[\s\-‐-―().]+")
_CHINA_MOBILE: Final = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})", re.ASCII)
_INTERNATIONAL: Final = re.compile(r"(?:\+|00)(?!86)([1-9]\d{6,14})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SealedPhone:
    """A phone as it is stored. The fingerprint is equal for equal numbers of one merchant only."""

    sealed: bytes = field(repr=False)
    fingerprint: str = field(repr=False)
    tail: str


def normalise_phone(text: str) -> str:
    """A phone number in E.164, such as +8613800138000.

    Takes mainland mobile numbers with or without a country code, and others with "+" or "00". Raises
    ValueError for anything else, extensions of privacy numbers included; its sentence does not repeat the number.
    """
    compact = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if match := _CHINA_MOBILE.fullmatch(compact):
        return f"+86{match[1]}"
    if match := _INTERNATIONAL.fullmatch(compact):
        return f"+{match[1]}"
    raise ValueError("this is not a phone number")


def mask_phone(phone: str) -> str:
    """A normalised phone with its middle hidden: 138****1234."""
    local = phone.removeprefix("+86")
    return f"{local[:3]}****{local[-4:]}"


def seal_phone(keys: KeyRing, tenant_id: UUID, customer_id: UUID, phone: str) -> SealedPhone:
    """A normalised phone, sealed to its customer's row."""
    return SealedPhone(
        sealed=keys.seal(phone.encode(), *bind_phone(tenant_id, customer_id)),
        fingerprint=fingerprint_phone(keys, tenant_id, phone),
        tail=phone[-4:],
    )


def open_phone(keys: KeyRing, tenant_id: UUID, customer_id: UUID, sealed: bytes) -> str:
    """The normalised phone. Raises ValueError if it was altered or belongs to another row."""
    return keys.open(bytes(sealed), *bind_phone(tenant_id, customer_id)).decode()


def bind_phone(tenant_id: UUID, customer_id: UUID) -> tuple[str, str, str]:
    """The names that a sealed phone is bound to."""
    return str(tenant_id), str(customer_id), "phone"


def fingerprint_phone(keys: KeyRing, tenant_id: UUID, phone: str) -> str:
    """What a normalised phone is found by. Keyed by merchant, so that merchants' lists cannot be joined."""
    return keys.fingerprint(f"phone:{tenant_id}", phone)
