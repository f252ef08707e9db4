"""Changing the secret key: everything that is sealed, sealed anew with the newest."""

from __future__ import annotations

from core.access.customers import PHONES
from core.channels.credentials import CREDENTIALS, TOKENS
from core.coupons.sealed import COUPON_HANDLES, ISSUED_CODES, LEG_ORDERS
from core.keys import KeyRing
from core.notifications.sealed import NOTIFICATION_PHONES
from core.orders.placements import PLACEMENT_CODES
from core.orders.sealed import ORDER_DOCUMENTS, ORDER_PHONES
from core.resealing import Progress, Resealing, reseal_column
from core.reservations.guests import RESERVATION_PHONES
from core.reservations.visits.attached_coupons import ATTACHED_CODES

SEALED_COLUMNS = (
    CREDENTIALS,
    TOKENS,
    PHONES,
    COUPON_HANDLES,
    LEG_ORDERS,
    ISSUED_CODES,
    NOTIFICATION_PHONES,
    PLACEMENT_CODES,
    ATTACHED_CODES,
    RESERVATION_PHONES,
    ORDER_PHONES,
    ORDER_DOCUMENTS,
)


async def rotate_seals(keys: KeyRing, progress: Progress | None = None) -> Resealing:
    """Seals every sealed value of all merchants with the newest secret key.

    May be stopped and started again. `progress` is told (rows seen, rows in all), for one table after the other.
    Fingerprints stay as they are: see `core.keys.KeyRing.fingerprint`.
    """
    result = Resealing()
    for column in SEALED_COLUMNS:
        result += await reseal_column(keys, column, progress)
    return result
