"""Whose reservation it is that somebody shows at the counter: by code, by QR text, by phone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.privacy import fingerprint_phone, normalise_phone
from core.access.values import Actor, StoreView
from core.db.statements import fetch_rows
from core.keys import KeyRing
from core.reservations.problems import refuse_input
from core.reservations.requests import Refused
from core.reservations.reservation_rows import load_reservation, read_reservation
from core.reservations.values import (
    CANCELLED_STATUSES,
    Policy,
    ReservationErrorCode,
    ReservationProblem,
    ReservationStatus,
    ReservationView,
)
from core.reservations.visits.check_in_payloads import (
    PayloadExpired,
    PayloadUnreadable,
    end_of_day,
    read_payload,
    start_of_day,
)

# Who is late is still let in on their day.
ADMITTED: Final = (ReservationStatus.CONFIRMED, ReservationStatus.PENDING_PAYMENT, ReservationStatus.NO_SHOW)
MAX_CANDIDATES: Final = 20
_TAIL = re.compile(r"\d{4}", re.ASCII)


class CheckInMethod(StrEnum):
    CODE = "CODE"
    QR = "QR"
    PHONE = "PHONE"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a guest showed at a store: exactly one of the three."""

    store: StoreView
    code: str | None = None
    qr: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


class Ambiguous(Refused):
    """A phone that several guests of the day have. `candidates` are their reservations."""

    def __init__(self, candidates: Sequence[ReservationView]) -> None:
        super().__init__(_problem(ReservationErrorCode.AMBIGUOUS_PHONE, "phone"))
        self.candidates = tuple(candidates)


async def find_arrival(
    keys: KeyRing, actor: Actor, shown: Shown, policy: Policy, now: datetime
) -> tuple[ReservationView, CheckInMethod]:
    """The reservation to check in. Raises Refused with the reason, Ambiguous where a phone fits several."""
    given = [name for name in ("code", "qr", "phone") if getattr(shown, name) is not None]
    if len(given) != 1:
        raise Refused(refuse_input("one_of_three", "code"))
    method = CheckInMethod(given[0].upper())
    if method is CheckInMethod.PHONE:
        found = await _find_by_phone(keys, actor, shown, now)
    elif method is CheckInMethod.QR:
        found = await _find_by_payload(keys, actor, shown, now)
    else:
        found = await _find_by_code(actor, shown)
    check_arrival(found, shown.store, policy, now, given[0])
    return found, method


def check_arrival(
    reservation: ReservationView, store: StoreView, policy: Policy, now: datetime, field_name: str
) -> None:
    """Raises Refused unless the guest may be checked in here and now."""
    problem = _find_problem(reservation, store, policy, now, field_name)
    if problem is not None:
        raise Refused(problem)


def _find_problem(
    reservation: ReservationView, store: StoreView, policy: Policy, now: datetime, field_name: str
) -> ReservationProblem | None:
    if reservation.store_id != store.id:
        return _problem(ReservationErrorCode.WRONG_STORE, field_name)
    if reservation.status in CANCELLED_STATUSES:
        return _problem(ReservationErrorCode.ALREADY_CANCELLED, field_name)
    if reservation.status not in ADMITTED:
        return _problem(ReservationErrorCode.ALREADY_CHECKED_IN, field_name)
    if not is_today(reservation, store, now):
        return _problem(ReservationErrorCode.WRONG_DAY, field_name)
    return _find_window_problem(reservation, policy, now, field_name)


def _find_window_problem(
    reservation: ReservationView, policy: Policy, now: datetime, field_name: str
) -> ReservationProblem | None:
    """A store may narrow the day around the start."""
    before, after = policy.check_in_before_minutes, policy.check_in_after_minutes
    if before is not None and now < reservation.start - timedelta(minutes=before):
        return _problem(ReservationErrorCode.WRONG_DAY, field_name, reason="too_early", minutes=before)
    if after is not None and now > reservation.start + timedelta(minutes=after):
        return _problem(ReservationErrorCode.WRONG_DAY, field_name, reason="too_late", minutes=after)
    return None


def is_today(reservation: ReservationView, store: StoreView, now: datetime) -> bool:
    """Whether the visit begins on the store's own present day, or began before midnight and is not over."""
    zone = ZoneInfo(store.time_zone)
    begins = start_of_day(now, zone) <= reservation.start < end_of_day(now, zone)
    return begins or reservation.start <= now < reservation.end


# -------------------------------------------------------------------------------------------------------------- finding
async def _find_by_code(actor: Actor, shown: Shown) -> ReservationView:
    code = "".join(unicodedata.normalize("NFKC", shown.code or "").split()).replace("-", "").upper()
    found = await _select("code = $2", actor, code)
    here = [each for each in found if each.store_id == shown.store.id]
    if here or found:
        return (here or found)[0]
    raise _unknown("code")


async def _find_by_payload(keys: KeyRing, actor: Actor, shown: Shown, now: datetime) -> ReservationView:
    try:
        reservation_id = read_payload(keys, actor.tenant_id, shown.qr or "", now)
    except PayloadExpired:
        raise Refused(_problem(ReservationErrorCode.WRONG_DAY, "qr")) from None
    except PayloadUnreadable:
        raise _unknown("qr") from None
    found = await load_reservation(actor.tenant_id, reservation_id)
    if found is None:
        raise _unknown("qr")
    return found


async def _find_by_phone(keys: KeyRing, actor: Actor, shown: Shown, now: datetime) -> ReservationView:
    found = await _select_by_phone(keys, actor, shown.phone or "")
    here = [each for each in found if each.store_id == shown.store.id]
    today = [each for each in here if is_today(each, shown.store, now)]
    waiting = [each for each in today if each.status in ADMITTED]
    if len(waiting) > 1:
        raise Ambiguous(waiting[:MAX_CANDIDATES])
    best = waiting or _prefer_living(today) or _prefer_living(here) or _prefer_living(found)
    if not best:
        raise _unknown("phone")
    return best[0]


async def _select_by_phone(keys: KeyRing, actor: Actor, phone: str) -> list[ReservationView]:
    text = "".join(unicodedata.normalize("NFKC", phone).split())
    if _TAIL.fullmatch(text):
        return await _select("phone_tail = $2", actor, text)
    try:
        fingerprint = fingerprint_phone(keys, actor.tenant_id, normalise_phone(text))
    except ValueError:
        raise Refused(refuse_input("phone_or_tail", "phone")) from None
    return await _select("phone_fingerprint = $2", actor, fingerprint)


async def _select(condition: str, actor: Actor, value: Any) -> list[ReservationView]:
    """Those of the stores that the actor may enter, the nearest to come last."""
    rows = await fetch_rows(
        f"SELECT * FROM reservation WHERE tenant_id = $1 AND {condition} ORDER BY start_at DESC LIMIT 200",
        actor.tenant_id,
        value,
    )
    return sorted((read_reservation(row) for row in rows), key=_sort_key)


def _sort_key(reservation: ReservationView) -> tuple[datetime, UUID]:
    return reservation.start, reservation.id


def _prefer_living(found: Sequence[ReservationView]) -> list[ReservationView]:
    """Cancelled ones only where there are no others."""
    living = [each for each in found if each.status not in CANCELLED_STATUSES]
    return living or list(found)


def _unknown(field_name: str) -> Refused:
    return Refused(_problem(ReservationErrorCode.UNKNOWN_RESERVATION, field_name))


def _problem(code: ReservationErrorCode, field_name: str, **values: object) -> ReservationProblem:
    return ReservationProblem(code, (field_name,), values=values)
