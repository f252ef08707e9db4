"""Who may do what. The one table; everything else asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.access.values import Actor, Role
from core.errors import Forbidden, Unauthenticated
from core.messages import text

SCOPES: Final = frozenset({"reverse", "reports", "phones"})


class Action(StrEnum):
    """What somebody can ask for, named as the operation they call."""

    LIST_CHANNELS = "channels"
    LIST_STORES = "stores"
    LOOK_UP_COUPON = "couponLookup"
    REDEEM_COUPONS = "redeemCoupons"
    LIST_REDEMPTIONS = "redemptions"
    WATCH_REDEMPTIONS = "redemptionChanged"
    REVERSE_REDEMPTION = "reverseRedemption"
    RESOLVE_REDEMPTION = "resolveRedemption"
    LIST_ACCOUNTS = "channelAccounts"
    CONNECT_CHANNEL = "connectChannel"
    BIND_CHANNEL_STORE = "bindChannelStore"
    SYNC_CHANNEL = "syncChannel"
    CREATE_COUPON_BATCH = "createCouponBatch"
    ISSUE_COUPONS = "issueCoupons"
    SET_STACKING_RULES = "setStackingRules"
    CREATE_STORE = "createStore"
    QUOTE_ORDER = "quoteOrder"
    PLACE_ORDER = "placeOrder"
    CANCEL_ORDER = "cancelOrder"
    COMPLETE_ORDER = "completeOrder"
    RECORD_PAYMENT = "recordPayment"
    RECORD_REFUND = "recordRefund"
    LIST_ORDERS = "orders"
    WATCH_ORDERS = "orderChanged"
    LIST_SLOTS = "availability"
    HOLD_SLOT = "holdSlot"
    BOOK_RESERVATION = "bookReservation"
    BOOK_WALK_IN = "bookWalkIn"
    LIST_RESERVATIONS = "reservations"
    WATCH_RESERVATIONS = "reservationChanged"
    RESCHEDULE_RESERVATION = "rescheduleReservation"
    CANCEL_RESERVATION = "cancelReservation"
    CHECK_IN_RESERVATION = "checkInReservation"
    SETTLE_RESERVATION = "settleReservation"
    READ_CALENDAR_FEED = "calendarFeedUrl"
    READ_PROFILE = "customerProfile"
    RECORD_DEPOSIT = "recordDeposit"
    RATE_RESERVATION = "rateReservation"
    CREATE_SERVICE = "createService"
    CREATE_STAFF_MEMBER = "createStaffMember"
    CREATE_RESOURCE = "createResource"
    SET_SHIFTS = "setShifts"
    SCHEDULE_CLASS = "scheduleClass"
    JOIN_WAITLIST = "joinWaitlist"
    LEAVE_WAITLIST = "leaveWaitlist"
    ACCEPT_WAITLIST_OFFER = "acceptWaitlistOffer"
    LIST_WAITLIST = "waitlist"
    LIST_OWN_WAITLIST = "myWaitlist"
    SELL_PACKAGE = "sellPackage"
    CLOSE_PACKAGE = "closePackage"
    LIST_PACKAGES = "customerPackages"
    CREATE_PRODUCT = "createProduct"
    LIST_SERVICES = "services"
    LIST_STAFF_MEMBERS = "staffMembers"
    LIST_RESOURCES = "resources"
    LIST_SHIFTS = "shifts"
    LIST_CLASS_SESSIONS = "classSessions"
    LIST_TIME_BLOCKS = "timeBlocks"
    LIST_PRODUCTS = "products"
    READ_STORE_POLICY = "storePolicy"
    LIST_SPECIAL_DAYS = "specialDays"
    UPDATE_SERVICE = "updateService"
    UPDATE_STAFF_MEMBER = "updateStaffMember"
    UPDATE_RESOURCE = "updateResource"
    SET_STORE_WEEK = "setStoreWeek"
    COPY_STORE_WEEK = "copyStoreWeek"
    SET_STORE_POLICY = "setStorePolicy"
    SET_SPECIAL_DAY = "setSpecialDay"
    REMOVE_SPECIAL_DAY = "removeSpecialDay"
    CANCEL_CLASS = "cancelClass"
    BLOCK_TIME = "blockTime"
    UNBLOCK_TIME = "unblockTime"
    CREATE_PRESALE_CAMPAIGN = "createPresaleCampaign"
    LIST_PRESALE_CAMPAIGNS = "presaleCampaigns"
    SET_PRESALE_GUARD = "setPresaleGuardRule"
    READ_PRESALE_HEALTH = "presaleHealth"
    IMPORT_SCORES = "importScores"
    LIST_STORE_SCORES = "storeScores"
    READ_REPORTS = "reports"
    LIST_RECONCILIATIONS = "reconciliations"
    RECONCILE = "reconcileChannel"
    READ_AUDIT = "auditEntries"
    READ_CUSTOMER = "customer"
    LIST_NOTIFICATIONS = "notifications"
    LIST_NOTIFICATION_TEMPLATES = "notificationTemplates"
    SET_NOTIFICATION_TEMPLATE = "setNotificationTemplate"
    RECORD_MESSAGE_CONSENT = "recordMessageConsent"
    LIST_BOOKING_LINKS = "bookingLinks"
    LINK_BOOKING_SERVICE = "linkBookingService"
    LIST_BOOKING_CONFLICTS = "bookingConflicts"
    RESOLVE_BOOKING_CONFLICT = "resolveBookingConflict"


@dataclass(frozen=True, slots=True)
class Right:
    """The roles that may do something; a role in `scopes` only with a token that has that scope."""

    roles: frozenset[Role]
    scopes: Mapping[Role, str] = field(default_factory=dict)


_MANAGEMENT = Right(frozenset({Role.OWNER, Role.MANAGER}))
_COUNTER = Right(frozenset({Role.OWNER, Role.MANAGER, Role.STAFF, Role.POS}))
_CREW = Right(frozenset({Role.OWNER, Role.MANAGER, Role.STAFF}))
_CUSTOMERS = Right(frozenset({Role.CUSTOMER}))
_EVERYBODY = Right(frozenset(Role))
_REVERSAL = Right(frozenset({Role.OWNER, Role.MANAGER, Role.STAFF}), {Role.STAFF: "reverse"})
_FIGURES = Right(frozenset({Role.OWNER, Role.MANAGER, Role.STAFF}), {Role.STAFF: "reports"})

RIGHTS: Final[Mapping[Action, Right]] = {
    Action.LIST_CHANNELS: _EVERYBODY,
    Action.LIST_STORES: _EVERYBODY,
    Action.LOOK_UP_COUPON: _EVERYBODY,
    Action.REDEEM_COUPONS: _EVERYBODY,
    Action.LIST_REDEMPTIONS: _EVERYBODY,
    Action.WATCH_REDEMPTIONS: _EVERYBODY,
    Action.REVERSE_REDEMPTION: _REVERSAL,
    Action.RESOLVE_REDEMPTION: _REVERSAL,
    Action.LIST_ACCOUNTS: _MANAGEMENT,
    Action.CONNECT_CHANNEL: _MANAGEMENT,
    Action.BIND_CHANNEL_STORE: _MANAGEMENT,
    Action.SYNC_CHANNEL: _MANAGEMENT,
    Action.CREATE_COUPON_BATCH: _MANAGEMENT,
    Action.ISSUE_COUPONS: _MANAGEMENT,
    Action.SET_STACKING_RULES: _MANAGEMENT,
    Action.CREATE_STORE: _MANAGEMENT,
    Action.QUOTE_ORDER: _EVERYBODY,
    Action.PLACE_ORDER: _EVERYBODY,
    Action.CANCEL_ORDER: _EVERYBODY,
    Action.COMPLETE_ORDER: _COUNTER,
    Action.RECORD_PAYMENT: _COUNTER,
    Action.RECORD_REFUND: _CREW,
    Action.LIST_ORDERS: _EVERYBODY,
    Action.WATCH_ORDERS: _EVERYBODY,
    Action.LIST_SLOTS: _EVERYBODY,
    Action.HOLD_SLOT: _EVERYBODY,
    Action.BOOK_RESERVATION: _EVERYBODY,
    Action.BOOK_WALK_IN: _COUNTER,
    Action.LIST_RESERVATIONS: _EVERYBODY,
    Action.WATCH_RESERVATIONS: _EVERYBODY,
    Action.RESCHEDULE_RESERVATION: _EVERYBODY,
    Action.CANCEL_RESERVATION: _EVERYBODY,
    Action.CHECK_IN_RESERVATION: _COUNTER,
    Action.SETTLE_RESERVATION: _COUNTER,
    Action.READ_CALENDAR_FEED: _COUNTER,
    Action.READ_PROFILE: _EVERYBODY,
    Action.RECORD_DEPOSIT: _COUNTER,
    Action.RATE_RESERVATION: _EVERYBODY,
    Action.CREATE_SERVICE: _MANAGEMENT,
    Action.CREATE_STAFF_MEMBER: _MANAGEMENT,
    Action.CREATE_RESOURCE: _MANAGEMENT,
    Action.SET_SHIFTS: _MANAGEMENT,
    Action.SCHEDULE_CLASS: _MANAGEMENT,
    Action.JOIN_WAITLIST: _EVERYBODY,
    Action.LEAVE_WAITLIST: _EVERYBODY,
    Action.ACCEPT_WAITLIST_OFFER: _EVERYBODY,
    Action.LIST_WAITLIST: _COUNTER,
    Action.LIST_OWN_WAITLIST: _CUSTOMERS,
    Action.SELL_PACKAGE: _COUNTER,
    Action.CLOSE_PACKAGE: _MANAGEMENT,
    Action.LIST_PACKAGES: _EVERYBODY,
    Action.CREATE_PRODUCT: _MANAGEMENT,
    Action.LIST_SERVICES: _EVERYBODY,
    Action.LIST_STAFF_MEMBERS: _EVERYBODY,
    Action.LIST_RESOURCES: _EVERYBODY,
    Action.LIST_SHIFTS: _EVERYBODY,
    Action.LIST_CLASS_SESSIONS: _EVERYBODY,
    Action.LIST_PRODUCTS: _EVERYBODY,
    Action.READ_STORE_POLICY: _EVERYBODY,
    Action.LIST_SPECIAL_DAYS: _EVERYBODY,
    Action.LIST_TIME_BLOCKS: _COUNTER,
    Action.UPDATE_SERVICE: _MANAGEMENT,
    Action.UPDATE_STAFF_MEMBER: _MANAGEMENT,
    Action.UPDATE_RESOURCE: _MANAGEMENT,
    Action.SET_STORE_WEEK: _MANAGEMENT,
    Action.COPY_STORE_WEEK: _MANAGEMENT,
    Action.SET_STORE_POLICY: _MANAGEMENT,
    Action.SET_SPECIAL_DAY: _MANAGEMENT,
    Action.REMOVE_SPECIAL_DAY: _MANAGEMENT,
    Action.CANCEL_CLASS: _MANAGEMENT,
    Action.BLOCK_TIME: _COUNTER,
    Action.UNBLOCK_TIME: _COUNTER,
    Action.CREATE_PRESALE_CAMPAIGN: _MANAGEMENT,
    Action.LIST_PRESALE_CAMPAIGNS: _EVERYBODY,
    Action.SET_PRESALE_GUARD: _MANAGEMENT,
    Action.READ_PRESALE_HEALTH: _FIGURES,
    Action.IMPORT_SCORES: _MANAGEMENT,
    Action.LIST_STORE_SCORES: _FIGURES,
    Action.READ_REPORTS: _FIGURES,
    Action.LIST_RECONCILIATIONS: _FIGURES,
    Action.RECONCILE: _FIGURES,
    Action.READ_AUDIT: _MANAGEMENT,
    Action.READ_CUSTOMER: _EVERYBODY,
    Action.LIST_NOTIFICATIONS: _CREW,
    Action.LIST_NOTIFICATION_TEMPLATES: _MANAGEMENT,
    Action.SET_NOTIFICATION_TEMPLATE: _MANAGEMENT,
    Action.RECORD_MESSAGE_CONSENT: _CUSTOMERS,
    Action.LIST_BOOKING_LINKS: _MANAGEMENT,
    Action.LINK_BOOKING_SERVICE: _MANAGEMENT,
    Action.LIST_BOOKING_CONFLICTS: _COUNTER,
    Action.RESOLVE_BOOKING_CONFLICT: _CREW,
}


def require(actor: Actor | None, action: Action) -> Actor:
    """The actor, who may do this. Raises Unauthenticated for None, Forbidden for the wrong role or scope.

    It says nothing about stores (see `core.access.stores.find_store`) or about whose row it is.
    """
    if actor is None:
        raise Unauthenticated(text("fault.UNAUTHENTICATED"))
    right = RIGHTS[action]
    if actor.role not in right.roles:
        raise Forbidden(text("fault.role_forbidden", role=actor.role, action=action))
    scope = right.scopes.get(actor.role)
    if scope is not None and scope not in actor.scopes:
        raise Forbidden(text("fault.scope_missing", scope=scope, action=action))
    return actor


def can_enter(actor: Actor, store_id: UUID) -> bool:
    """Whether the actor's token reaches this store, if it is one of the actor's merchant."""
    return actor.store_ids is None or store_id in actor.store_ids
