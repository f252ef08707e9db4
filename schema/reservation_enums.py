"""The closed sets of what belongs to reservations, as GraphQL enums: see `schema.enums`."""

from __future__ import annotations

from core.reservations.packages import DrawStatus
from core.reservations.values import DepositStatus
from core.reservations.visits.attached_coupons import AttachedStatus
from core.reservations.waitlist.rows import WaitlistStatus
from schema.enums import describe_enum

describe_enum(
    DepositStatus,
    "What became of a deposit.",
    {
        DepositStatus.NONE: "Nothing is to be paid beforehand, or no longer.",
        DepositStatus.DUE: "It is to be paid.",
        DepositStatus.PAID: "It was paid.",
        DepositStatus.KEPT: "The guest did not come, or cancelled too late: the store keeps it.",
        DepositStatus.RETURNED: "The guest gets it back.",
    },
)
describe_enum(
    AttachedStatus,
    "How far a coupon that was attached to a reservation has come.",
    {
        AttachedStatus.ATTACHED: "It is redeemed at check-in.",
        AttachedStatus.REDEEMED: "It was redeemed at check-in.",
        AttachedStatus.REFUSED: "It could not be redeemed; `refusal` says why.",
        AttachedStatus.UNKNOWN: "The platform has not answered yet. It settles by itself.",
        AttachedStatus.DETACHED: "The reservation was cancelled; it is unused.",
    },
    name="AttachedCouponStatus",
)
describe_enum(
    DrawStatus,
    "What became of a visit that was drawn from a package.",
    {
        DrawStatus.DRAWN: "It is for a reservation to come.",
        DrawStatus.RETURNED: "The reservation was cancelled in time: it is in the package again.",
        DrawStatus.SPENT: "The guest came, did not come, or cancelled too late.",
    },
    name="PackageDrawStatus",
)
describe_enum(
    WaitlistStatus,
    "How far somebody on the waitlist of a class has come.",
    {
        WaitlistStatus.WAITING: "No seats have come free yet.",
        WaitlistStatus.OFFERED: "Seats are kept until `offerExpiresAt`; accept the offer to have them.",
        WaitlistStatus.PROMOTED: "The offer was accepted: see `reservation`.",
        WaitlistStatus.EXPIRED: "The offer ran out, or the class has begun or was cancelled.",
        WaitlistStatus.LEFT: "Given up.",
    },
)
