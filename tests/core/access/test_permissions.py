"""Who may do what: the contract's table, written out once more by hand."""

from __future__ import annotations

import pytest

from core.access.permissions import RIGHTS, Action, can_enter, require
from core.access.values import Role
from core.errors import Forbidden, Unauthenticated
from core.ids import new_id

EVERYBODY = "omspc"
TABLE = {
    "channels": EVERYBODY,
    "stores": EVERYBODY,
    "customer": EVERYBODY,
    "couponLookup": EVERYBODY,
    "redeemCoupons": EVERYBODY,
    "quoteOrder": EVERYBODY,
    "placeOrder": EVERYBODY,
    "redemptions": EVERYBODY,
    "redemptionChanged": EVERYBODY,
    "reservations": EVERYBODY,
    "reservationChanged": EVERYBODY,
    "orders": EVERYBODY,
    "orderChanged": EVERYBODY,
    "availability": EVERYBODY,
    "reverseRedemption": "om",
    "holdSlot": EVERYBODY,
    "bookReservation": EVERYBODY,
    "rescheduleReservation": EVERYBODY,
    "cancelReservation": EVERYBODY,
    "checkInReservation": "omsp",
    "settleReservation": "omsp",
    "presaleHealth": "om",
    "reports": "om",
    "reconciliations": "om",
    "reconcileChannel": "om",
    "channelAccounts": "om",
    "auditEntries": "om",
    "connectChannel": "om",
    "bindChannelStore": "om",
    "syncChannel": "om",
    "createCouponBatch": "om",
    "issueCoupons": "om",
    "setStackingRules": "om",
    "createStore": "om",
    "createService": "om",
    "createStaffMember": "om",
    "createResource": "om",
    "setShifts": "om",
    "scheduleClass": "om",
    "createProduct": "om",
    "createPresaleCampaign": "om",
    "presaleCampaigns": EVERYBODY,
    "setPresaleGuardRule": "om",
    "importScores": "om",
    "storeScores": "om",
    "notifications": "oms",
    "notificationTemplates": "om",
    "setNotificationTemplate": "om",
    "resolveRedemption": "om",
    "bookWalkIn": "omsp",
    "calendarFeedUrl": "omsp",
    "customerProfile": EVERYBODY,
    "recordDeposit": "omsp",
    "rateReservation": EVERYBODY,
    "joinWaitlist": EVERYBODY,
    "leaveWaitlist": EVERYBODY,
    "acceptWaitlistOffer": EVERYBODY,
    "waitlist": "omsp",
    "myWaitlist": "c",
    "sellPackage": "omsp",
    "closePackage": "om",
    "customerPackages": EVERYBODY,
    "services": EVERYBODY,
    "staffMembers": EVERYBODY,
    "resources": EVERYBODY,
    "shifts": EVERYBODY,
    "classSessions": EVERYBODY,
    "timeBlocks": "omsp",
    "products": EVERYBODY,
    "storePolicy": EVERYBODY,
    "specialDays": EVERYBODY,
    "updateService": "om",
    "updateStaffMember": "om",
    "updateResource": "om",
    "setStoreWeek": "om",
    "copyStoreWeek": "om",
    "setStorePolicy": "om",
    "setSpecialDay": "om",
    "removeSpecialDay": "om",
    "cancelClass": "om",
    "blockTime": "omsp",
    "unblockTime": "omsp",
    "cancelOrder": EVERYBODY,
    "completeOrder": "omsp",
    "recordPayment": "omsp",
    "recordRefund": "oms",
    "bookingLinks": "om",
    "linkBookingService": "om",
    "bookingConflicts": "omsp",
    "resolveBookingConflict": "oms",
    "recordMessageConsent": "c",
}
LETTERS = {"o": Role.OWNER, "m": Role.MANAGER, "s": Role.STAFF, "p": Role.POS, "c": Role.CUSTOMER}
CASES = [(action, role, letter in TABLE[action]) for action in TABLE for letter, role in LETTERS.items()]


@pytest.mark.parametrize(("action", "role", "allowed"), CASES)
def test_table_decides(make_actor, action, role, allowed):
    actor = make_actor(role)
    if allowed:
        assert require(actor, Action(action)) is actor
    else:
        with pytest.raises(Forbidden) as refused:
            require(actor, Action(action))
        assert refused.value.code == "FORBIDDEN"
        assert action in refused.value.message


def test_table_is_whole():
    assert set(TABLE) == set(Action) == set(RIGHTS)


@pytest.mark.parametrize(
    ("action", "scope"),
    [
        (Action.REVERSE_REDEMPTION, "reverse"),
        (Action.READ_REPORTS, "reports"),
        (Action.READ_PRESALE_HEALTH, "reports"),
        (Action.LIST_STORE_SCORES, "reports"),
        (Action.LIST_RECONCILIATIONS, "reports"),
        (Action.RECONCILE, "reports"),
    ],
)
def test_staff_need_scope(make_actor, action, scope):
    allowed = make_actor(Role.STAFF, scopes=frozenset({scope}))
    assert require(allowed, action) is allowed
    with pytest.raises(Forbidden, match=f"needs the scope “{scope}”"):
        require(make_actor(Role.STAFF, scopes=frozenset({"phones"})), action)


@pytest.mark.parametrize("role", [Role.POS, Role.CUSTOMER])
def test_scope_is_no_role(make_actor, role):
    with pytest.raises(Forbidden):
        require(make_actor(role, scopes=frozenset({"reverse"})), Action.REVERSE_REDEMPTION)


def test_nobody_is_unauthenticated():
    with pytest.raises(Unauthenticated) as refused:
        require(None, Action.LOOK_UP_COUPON)
    assert refused.value.code == "UNAUTHENTICATED"


def test_token_limits_stores(make_actor):
    own, other = new_id(), new_id()
    pos = make_actor(Role.POS, store_ids=frozenset({own}))
    assert can_enter(pos, own)
    assert not can_enter(pos, other)
    assert can_enter(make_actor(Role.OWNER), other)
