"""The closed sets of `core` as GraphQL enums: described here, defined there."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

import strawberry

from core.access.problems import ProblemCode
from core.access.values import Role
from core.channels.accounts import AccountStatus
from core.channels.contract import BookingStatus, Capability, CouponKind, CouponStatus, Refusal
from core.coupons.reconciliation.values import DifferenceKind, PayoutBasis, RunStatus
from core.coupons.resolving import Finding
from core.coupons.values import ProbeOutcome, RedeemOutcome, RedemptionStatus
from core.notifications.values import NotificationKind, NotificationReason, NotificationStatus
from core.reservations.channel.values import ConflictReason
from core.reservations.reports import ReportBy
from core.reservations.setup.wall_times import Weekday
from core.reservations.values import (
    ReservationErrorCode,
    ReservationStatus,
    ServiceKind,
    SlotReason,
)

EnumT = TypeVar("EnumT", bound=StrEnum)


def describe_enum(
    members: type[EnumT], description: str, values: Mapping[EnumT, str], *, name: str | None = None
) -> None:
    """Makes an enum of core one of the schema. Raises KeyError for a member without a description."""
    strawberry.enum(members, name=name, description=description)
    for value in cast("Any", members).__strawberry_definition__.values:
        value.description = values[members(value.value)]


describe_enum(
    Finding,
    "What a platform's own records say of a use.",
    {
        Finding.USED: "The coupon was used, by this redemption.",
        Finding.NOT_USED: "This redemption did not use the coupon, or its use was taken back.",
    },
    name="RedemptionFinding",
)
describe_enum(
    Capability,
    "What a channel can do here.",
    {
        Capability.COUPONS: "Looks up, redeems and reverses coupons.",
        Capability.ORDERS: "Brings orders in and takes shipments.",
        Capability.RESERVATIONS: "Brings reservations in.",
        Capability.IDENTITY: "Logs customers in by their mini-program.",
        Capability.NOTIFICATIONS: "Sends messages to customers.",
        Capability.WEBHOOKS: "Tells us of changes by itself.",
        Capability.SCORES: "Reports the store's scores.",
    },
    name="ChannelCapability",
)
describe_enum(
    AccountStatus,
    "How a connected account is.",
    {
        AccountStatus.ACTIVE: "It works.",
        AccountStatus.NEEDS_ATTENTION: "A person must mend something, such as credentials that are refused.",
        AccountStatus.DISABLED: "It is switched off.",
    },
    name="ChannelAccountStatus",
)
describe_enum(
    ProblemCode,
    "What is wrong with a value of the input.",
    {
        ProblemCode.REQUIRED: "It is missing or empty.",
        ProblemCode.INVALID: "It is not of the form that is needed.",
        ProblemCode.TOO_LONG: "It has too many characters.",
        ProblemCode.TOO_SMALL: "It is below the least value allowed.",
        ProblemCode.TOO_LARGE: "It is above the greatest value allowed.",
        ProblemCode.NOT_FOUND: "What it names does not exist, or is not yours.",
        ProblemCode.ALREADY_EXISTS: "It is taken already.",
        ProblemCode.NOT_ALLOWED: "It may not be set like this.",
        ProblemCode.CREDENTIALS_REFUSED: "The platform does not accept these credentials.",
        ProblemCode.CHANNEL_UNAVAILABLE: "The platform did not answer, so nothing was stored.",
        ProblemCode.CONFLICT: "Somebody else has just changed the same thing.",
    },
    name="UserErrorCode",
)
describe_enum(
    Role,
    "What a token may be used for.",
    {
        Role.OWNER: "Everything in the merchant's stores.",
        Role.MANAGER: "Everything in the merchant's stores.",
        Role.STAFF: "Work in the stores that the token names.",
        Role.POS: "A till in the stores that the token names.",
        Role.CUSTOMER: "What is the customer's own.",
    },
)
describe_enum(
    CouponKind,
    "What a coupon is.",
    {
        CouponKind.CASH_VOUCHER: "Takes an amount off.",
        CouponKind.SET_MEAL: "A deal bought beforehand (group buying).",
        CouponKind.TIMES_CARD: "A card for several uses.",
        CouponKind.DISCOUNT: "Takes a share off.",
        CouponKind.EXCHANGE: "Is exchanged for an item.",
        CouponKind.UNRECOGNISED: "The platform named a kind that is not known here.",
    },
)
describe_enum(
    CouponStatus,
    "What can be done with a coupon.",
    {
        CouponStatus.AVAILABLE: "It can be redeemed.",
        CouponStatus.NOT_YET_VALID: "Its time has not come.",
        CouponStatus.LOCKED: "The platform holds it, for a refund under way, say.",
        CouponStatus.REDEEMED: "It is used up.",
        CouponStatus.PARTLY_REDEEMED: "Some of its uses are left.",
        CouponStatus.EXPIRED: "Its time is over.",
        CouponStatus.REFUNDED: "The customer has the money back.",
        CouponStatus.CANCELLED: "It was withdrawn.",
        CouponStatus.UNRECOGNISED: "The platform named a status that is not known here.",
    },
)
describe_enum(
    ProbeOutcome,
    "What one asked account said about a code.",
    {
        ProbeOutcome.NOT_MINE: "It does not know the code.",
        ProbeOutcome.FOUND: "It knows the code, and coupons of it can be used.",
        ProbeOutcome.REFUSED: "It knows the code, and nothing of it can be used.",
        ProbeOutcome.UNAVAILABLE: "It could not be asked.",
    },
)
describe_enum(
    RedemptionStatus,
    "How far a redemption has come.",
    {
        RedemptionStatus.PENDING: "It is being carried out.",
        RedemptionStatus.SUCCEEDED: "The coupon was used.",
        RedemptionStatus.DECLINED: "The coupon was not used.",
        RedemptionStatus.UNKNOWN: "The platform did not answer. It settles by itself; do not scan again.",
        RedemptionStatus.REVERSING: "It is being taken back.",
        RedemptionStatus.REVERSED: "It was taken back; the coupon can be used again.",
        RedemptionStatus.NEEDS_ATTENTION: "The platform offers no way to know. A person must look there.",
    },
)
describe_enum(
    RedeemOutcome,
    "How a whole basket of codes ended.",
    {
        RedeemOutcome.REDEEMED: "All of it was redeemed.",
        RedeemOutcome.DECLINED: "None of it was redeemed.",
        RedeemOutcome.UNKNOWN: "It is not settled yet, and settles by itself.",
    },
)
describe_enum(
    Refusal,
    "Why a coupon is not redeemed, or a redemption not reversed.",
    {
        Refusal.UNKNOWN_CODE: "No connected channel knows the code.",
        Refusal.AMBIGUOUS_CODE: "Several accounts know the code; name the channel or the account.",
        Refusal.CHANNEL_NOT_CONNECTED: "It looks like a code of a channel that is not connected or not bound here.",
        Refusal.CHANNEL_UNAVAILABLE: "The channel cannot be asked now. This says nothing about the code.",
        Refusal.TOO_MANY_ATTEMPTS: "Too many unknown codes were tried; see `retryAfterSeconds`.",
        Refusal.ALREADY_REDEEMED: "The coupon was used before.",
        Refusal.EXPIRED: "Its time is over.",
        Refusal.NOT_YET_VALID: "Its time has not come.",
        Refusal.REFUNDED: "The customer has the money back.",
        Refusal.CANCELLED: "It was withdrawn.",
        Refusal.LOCKED: "The platform holds it.",
        Refusal.TIMES_USED_UP: "No uses are left, or fewer than were asked for.",
        Refusal.WRONG_STORE: "It is not valid in this store.",
        Refusal.WRONG_ITEM: "It is not valid for these items.",
        Refusal.NOT_STACKABLE: "It may not be combined with the others.",
        Refusal.MINIMUM_SPEND_NOT_MET: "The order is too small.",
        Refusal.RISK_BLOCKED: "The platform's risk control blocks it.",
        Refusal.OUTCOME_UNKNOWN: "The platform did not answer in time. It settles by itself.",
        Refusal.NOT_REVERSIBLE: "The channel cannot take redemptions back.",
        Refusal.REVERSAL_WINDOW_CLOSED: "It is too late to take it back.",
        Refusal.ALREADY_REVERSED: "It was taken back before.",
        Refusal.REFUSED_BY_CHANNEL: "The platform refuses for a reason of its own; see `channelCode`.",
    },
    name="CouponErrorCode",
)
describe_enum(
    RunStatus,
    "How far the reading of a day has come.",
    {
        RunStatus.RUNNING: "The platform's record is being read.",
        RunStatus.DONE: "It was read completely.",
        RunStatus.FAILED: "It could not be read to its end; it is tried again by itself for a week.",
    },
    name="ReconciliationStatus",
)
describe_enum(
    DifferenceKind,
    "On what our ledger and the platform's record disagree about one use.",
    {
        DifferenceKind.MISSING_LOCAL: "The platform has a use that our ledger does not know.",
        DifferenceKind.MISSING_REMOTE: "Our ledger has a use that the platform's record does not show.",
        DifferenceKind.AMOUNT_DIFF: "Both have it, with different amounts.",
        DifferenceKind.LATE_LANDING: "The platform has a use that our ledger has as declined or not settled.",
        DifferenceKind.REVERSED_REMOTELY: "It was taken back at the platform, and stands in our ledger.",
        DifferenceKind.REVERSED_LOCALLY: "It was taken back in our ledger, and stands at the platform.",
        DifferenceKind.OTHER_STORE: "Our ledger has it in another store.",
        DifferenceKind.OUTSIDE: "It was made at the platform's own till. Counted for the payout; nothing to mend.",
    },
    name="ReconciliationDifferenceKind",
)
describe_enum(
    PayoutBasis,
    "What an expected payout was made of.",
    {
        PayoutBasis.PLATFORM: "What the platform shows for every use.",
        PayoutBasis.LEDGER: "What was paid for the coupons: the platform shows no payout.",
        PayoutBasis.MIXED: "What the platform shows; where it shows none, what was paid for the coupons.",
        PayoutBasis.INCOMPLETE: "For some uses nothing is known; they are left out.",
    },
)
describe_enum(
    ServiceKind,
    "What kind of thing is booked.",
    {
        ServiceKind.APPOINTMENT: "One staff member's time.",
        ServiceKind.GROUP_CLASS: "Seats of a class that is scheduled.",
        ServiceKind.COURSE: "One of several visits with a staff member.",
        ServiceKind.ROOM: "A room, or a table, to oneself.",
        ServiceKind.PICKUP: "Goods to be fetched at a time.",
    },
)
describe_enum(
    SlotReason,
    "Why a time is recommended.",
    {
        SlotReason.USUAL_TIME: "It is near the customer's usual time, or the hour that most like.",
        SlotReason.USUAL_STAFF: "It is with whom the customer usually goes to.",
        SlotReason.FILLS_GAP: "It leaves no gap that nobody could book.",
        SlotReason.LEAST_BUSY: "The staff member or the day has most time left.",
        SlotReason.EARLIEST: "There is none earlier.",
    },
)
describe_enum(
    ReservationStatus,
    "How far a reservation has come.",
    {
        ReservationStatus.PENDING_PAYMENT: "It waits for a payment.",
        ReservationStatus.CONFIRMED: "The guest is expected.",
        ReservationStatus.CHECKED_IN: "The guest is there.",
        ReservationStatus.COMPLETED: "The visit is over.",
        ReservationStatus.CANCELLED_BY_CUSTOMER: "The guest has cancelled it.",
        ReservationStatus.CANCELLED_BY_STORE: "The store has cancelled it.",
        ReservationStatus.NO_SHOW: "The guest did not come.",
    },
)
describe_enum(
    ReservationErrorCode,
    "Why a reservation is not made, changed or checked in.",
    {
        ReservationErrorCode.SLOT_TAKEN: "Somebody else has the time; see `suggestions`.",
        ReservationErrorCode.SLOT_EXPIRED: "The token is older than 15 minutes; see `suggestions`.",
        ReservationErrorCode.HOLD_EXPIRED: "The hold has run out, was given up or used, or is somebody else's.",
        ReservationErrorCode.CLASS_FULL: "There are not so many seats left.",
        ReservationErrorCode.OUTSIDE_HOURS: "Nobody works then, or the store is closed.",
        ReservationErrorCode.TOO_SOON: "It starts too soon, or is over.",
        ReservationErrorCode.TOO_FAR_AHEAD: "It cannot be booked so far ahead yet.",
        ReservationErrorCode.OUTSIDE_CHANGE_WINDOW: "It is too late for the customer to change or cancel it.",
        ReservationErrorCode.ALREADY_CANCELLED: "It was cancelled before.",
        ReservationErrorCode.CUSTOMER_LIMIT_REACHED: "The customer has as many open reservations, or holds, as allowed.",
        ReservationErrorCode.OVERLAPS_OWN_RESERVATION: "The customer has another reservation at that time.",
        ReservationErrorCode.STAFF_NOT_QUALIFIED: "The staff member does not give this service.",
        ReservationErrorCode.RESOURCE_UNAVAILABLE: "No fitting room, chair or machine is free.",
        ReservationErrorCode.PACKAGE_USED_UP: "No visits are left in the package.",
        ReservationErrorCode.PACKAGE_NOT_VALID: "The package is not for this customer, service, store or time.",
        ReservationErrorCode.OUT_OF_STOCK: "There is not so much left of what is pre-ordered.",
        ReservationErrorCode.UNKNOWN_RESERVATION: "There is no such reservation, or it is somebody else's.",
        ReservationErrorCode.WRONG_STORE: "It is for another store.",
        ReservationErrorCode.WRONG_DAY: "It is for another day.",
        ReservationErrorCode.ALREADY_CHECKED_IN: "The guest was checked in before.",
        ReservationErrorCode.AMBIGUOUS_PHONE: "Several reservations fit; choose one of the candidates.",
        ReservationErrorCode.COUPON_REFUSED: "An attached coupon was refused. The guest is checked in all the same.",
        ReservationErrorCode.PARTY_TOO_LARGE: "So many people do not fit.",
        ReservationErrorCode.INVALID: "A value of the input, or the reservation's state, does not allow it.",
    },
)
describe_enum(Weekday, "A day of the week.", {day: f"{day.capitalize()}." for day in Weekday})
describe_enum(
    NotificationKind,
    "What a message tells.",
    {
        NotificationKind.RESERVATION_CONFIRMED: "A reservation was made.",
        NotificationKind.RESERVATION_RESCHEDULED: "A reservation has another time.",
        NotificationKind.RESERVATION_CANCELLED: "A reservation was cancelled.",
        NotificationKind.RESERVATION_REMINDER: "A reservation is near.",
        NotificationKind.WAITLIST_OFFERED: "A place is offered to somebody on the waiting list.",
        NotificationKind.WAITLIST_PROMOTED: "Somebody on the waiting list has a place.",
        NotificationKind.PICKUP_READY: "Goods can be fetched.",
        NotificationKind.ORDER_EXPECTED_SHIP: "When an order is expected to be shipped.",
        NotificationKind.ORDER_PROGRESS: "An order has come further.",
        NotificationKind.ORDER_DELAYED: "An order will be late.",
        NotificationKind.COMPENSATION_ISSUED: "The customer was given something for a delay.",
    },
)
describe_enum(
    NotificationStatus,
    "How far a message has come.",
    {
        NotificationStatus.DUE: "It waits for its time, or for another attempt.",
        NotificationStatus.SENDING: "It is being sent.",
        NotificationStatus.SENT: "The platform took it.",
        NotificationStatus.UNKNOWN: "The platform did not answer. It is not sent again, so that nobody is told twice.",
        NotificationStatus.UNDELIVERABLE: "No account could send it; `reason` says why.",
        NotificationStatus.CANCELLED: "What it tells no longer holds, so it was not sent.",
    },
)
describe_enum(
    NotificationReason,
    "Why a message did not go out, or has not yet.",
    {
        NotificationReason.NO_CHANNEL: "No account that sends messages is connected.",
        NotificationReason.NO_TEMPLATE: "No account has a template for this kind.",
        NotificationReason.NO_ADDRESS: "The customer has neither logged in by a mini-program nor a phone.",
        NotificationReason.NO_CONSENT: "The customer has not agreed to this message.",
        NotificationReason.UNREACHABLE: "The platform cannot reach this person.",
        NotificationReason.TEMPLATE_UNKNOWN: "The platform does not know the template.",
        NotificationReason.CONTENT_REFUSED: "The platform does not take what the message says.",
        NotificationReason.TOO_MANY: "The person was sent too many messages.",
        NotificationReason.REFUSED_BY_CHANNEL: "The platform refused for another reason.",
        NotificationReason.CHANNEL_UNAVAILABLE: "The platform could not be reached in time.",
        NotificationReason.NEEDS_MENDING: "A setting or the credentials of the account are wrong.",
        NotificationReason.OUTCOME_UNKNOWN: "The platform did not answer.",
        NotificationReason.OUTDATED: "What it tells no longer holds.",
    },
)
describe_enum(
    ReportBy,
    "What the rows of a report stand for.",
    {
        ReportBy.DAY: "A day of the store.",
        ReportBy.WEEKDAY: "A weekday, Monday is 1.",
        ReportBy.HOUR: "An hour of the store's day.",
        ReportBy.STAFF: "A staff member.",
        ReportBy.RESOURCE: "A resource.",
        ReportBy.SERVICE: "A service.",
        ReportBy.SOURCE: "The channel where it was booked.",
    },
)
describe_enum(
    ConflictReason,
    "Why a person must look at a booking of a platform.",
    {
        ConflictReason.UNMAPPED: "What was booked is linked to none of our services.",
        ConflictReason.SLOT_TAKEN: "The time is taken.",
        ConflictReason.CLASS_FULL: "The class has not so many seats left.",
        ConflictReason.OUTSIDE_HOURS: "Nobody works then, or the store is closed.",
        ConflictReason.STAFF_NOT_QUALIFIED: "Nobody can give the service.",
        ConflictReason.RESOURCE_UNAVAILABLE: "There is nothing to give it with.",
        ConflictReason.PARTY_TOO_LARGE: "The party does not fit.",
        ConflictReason.OTHER_SERVICE: "The guest has changed to another service at the platform.",
        ConflictReason.CANCELLED_HERE: "It was changed at the platform after it was cancelled here.",
        ConflictReason.UNDER_WAY: "It was changed or cancelled at the platform while the guest is here.",
        ConflictReason.REOPENED: "The platform has it again after it was cancelled.",
        ConflictReason.GONE: "The platform does not know it any more.",
        ConflictReason.CANNOT_REPORT: "It was cancelled here, and the platform cannot be told: do it there by hand.",
        ConflictReason.REFUSED_BY_CHANNEL: "The platform did not do as it was told.",
        ConflictReason.CHANNEL_UNAVAILABLE: "The platform could not be told for a day.",
        ConflictReason.UNRECOGNISED: "The platform says something of it that is not understood.",
    },
    name="BookingConflictReason",
)
describe_enum(
    BookingStatus,
    "Where a booking stands at a platform.",
    {
        BookingStatus.REQUESTED: "It waits for the shop's yes.",
        BookingStatus.CONFIRMED: "It is agreed on.",
        BookingStatus.REJECTED: "The shop said no.",
        BookingStatus.CANCELLED: "It is off.",
        BookingStatus.ARRIVED: "The guest is there.",
        BookingStatus.COMPLETED: "The visit is over.",
        BookingStatus.NO_SHOW: "The guest did not come.",
        BookingStatus.UNRECOGNISED: "The platform says something that is not understood.",
    },
    name="ChannelBookingStatus",
)
