"""The closed sets of bookings of platforms."""

from __future__ import annotations

from enum import StrEnum


class Origin(StrEnum):
    """Where a booking was made."""

    PLATFORM = "PLATFORM"
    OURS = "OURS"


class Outcome(StrEnum):
    """What became of a booking here. CONFLICT: a person must look; RESOLVED: one has."""

    NEW = "NEW"
    PLACED = "PLACED"
    CONFLICT = "CONFLICT"
    REFUSED = "REFUSED"
    ENDED = "ENDED"
    RESOLVED = "RESOLVED"


class ConflictReason(StrEnum):
    """Why a person must look at a booking.

    UNMAPPED             what was booked is linked to none of our services
    OUTSIDE_HOURS … PARTY_TOO_LARGE  why our calendar cannot take it: see `ReservationErrorCode`
    CANCELLED_HERE       it was changed at the platform after we had cancelled it
    UNDER_WAY            it was changed or cancelled at the platform while the guest is here
    REOPENED             the platform has it again after it was cancelled
    GONE                 the platform does not know it any more
    CANNOT_REPORT        it was cancelled here, and the platform cannot be told: cancel it there by hand
    REFUSED_BY_CHANNEL   the platform did not do as it was told
    CHANNEL_UNAVAILABLE  the platform could not be told for a day
    UNRECOGNISED         the platform says something of it that is not understood
    """

    UNMAPPED = "UNMAPPED"
    SLOT_TAKEN = "SLOT_TAKEN"
    CLASS_FULL = "CLASS_FULL"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    STAFF_NOT_QUALIFIED = "STAFF_NOT_QUALIFIED"
    RESOURCE_UNAVAILABLE = "RESOURCE_UNAVAILABLE"
    PARTY_TOO_LARGE = "PARTY_TOO_LARGE"
    OTHER_SERVICE = "OTHER_SERVICE"
    CANCELLED_HERE = "CANCELLED_HERE"
    UNDER_WAY = "UNDER_WAY"
    REOPENED = "REOPENED"
    GONE = "GONE"
    CANNOT_REPORT = "CANNOT_REPORT"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    UNRECOGNISED = "UNRECOGNISED"


class Noted(StrEnum):
    """What a state that was seen told us."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
