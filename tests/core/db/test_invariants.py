from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tortoise.exceptions import IntegrityError

from core.access.models import AccessToken, Customer, CustomerIdentity, FailureCount, RefreshToken
from core.catalogue.models import Sku
from core.channels.models import ChannelCredential, ChannelStore, ChannelToken, InboxEvent
from core.coupons.models import (
    CouponBatch,
    CouponIssue,
    CustomerAllowance,
    HouseCoupon,
    HouseUse,
    ReconciliationItem,
    ReconciliationRun,
    Redemption,
    RedemptionClaim,
    RedemptionLeg,
    RedemptionRequest,
)
from core.db.invariants import CHECKS, INVARIANTS, KEYS, OVERLAPS, ensure_invariants, verify_invariants
from core.db.statements import Conflict, Overlap, execute, fetch_rows, is_postgres
from core.events.models import OutboxEvent
from core.ids import new_id
from core.notifications.models import MessageConsent, Notification, NotificationTemplate
from core.orders.models import (
    Order,
    OrderCursor,
    OrderLine,
    OrderRefund,
    OrderRequest,
    OrderShipment,
    TimelineEntry,
)
from core.orders.placing_models import OrderPlacement, OrderStock
from core.payments.models import Payment
from core.presale.models import (
    CampaignSku,
    GuardAction,
    GuardRule,
    PresaleCampaign,
    PresaleWave,
    Review,
    StoreScore,
    WaveSale,
)
from core.reservations.channel.models import (
    BookingMessage,
    BookingSync,
    BookingWatch,
    ChannelBookingRecord,
)
from core.reservations.models import (
    AttachedCoupon,
    BookingAllocation,
    BookingLink,
    CheckIn,
    ClassSession,
    CustomerPackage,
    CustomerQuota,
    PackageDraw,
    PointsAccount,
    PointsEntry,
    PreorderLine,
    Rating,
    Reservation,
    ReservationRequest,
    ReservationRevision,
    Service,
    ServiceRecord,
    Shift,
    SpecialDay,
    StorePolicy,
    WaitlistEntry,
)

ONE, TWO = new_id(), new_id()
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)

# Looked for before the tenant is known.
TAKEN_EVERYWHERE = {
    "access_token__token_hash_key": (AccessToken, {"token_hash": "f" * 64}),
    "refresh_token__token_hash_key": (RefreshToken, {"token_hash": "e" * 64}),
    "reservation__calendar_key_key": (Reservation, {"calendar_key": "c" * 43}),
}

# key → model, the values that may exist once in a tenant, and one change that makes them different.
TAKEN_ONCE = {
    "failure_count__tenant_id_scope_subject_id_key": (
        FailureCount,
        {"scope": "actor", "subject_id": ONE},
        {"scope": "token"},
    ),
    "customer__tenant_id_phone_fingerprint_key": (
        Customer,
        {"phone_fingerprint": "a" * 32},
        {"phone_fingerprint": None},
    ),
    "customer_identity__tenant_id_account_id_subject_key": (
        CustomerIdentity,
        {"account_id": ONE, "subject": "o1"},
        {"account_id": TWO},
    ),
    "customer_identity__tenant_id_channel_union_subject_key": (
        CustomerIdentity,
        {"channel": "wechat", "union_subject": "u1"},
        {"union_subject": None},
    ),
    "channel_credential__tenant_id_account_id_field_key": (
        ChannelCredential,
        {"account_id": ONE, "field": "clientKey"},
        {"account_id": TWO},
    ),
    "channel_token__tenant_id_account_id_name_key": (
        ChannelToken,
        {"account_id": ONE, "name": "access"},
        {"name": "refresh"},
    ),
    "channel_store__tenant_id_account_id_store_id_key": (
        ChannelStore,
        {"account_id": ONE, "store_id": ONE},
        {"store_id": TWO},
    ),
    "channel_store__tenant_id_account_id_external_store_id_key": (
        ChannelStore,
        {"account_id": ONE, "external_store_id": "6601"},
        {"external_store_id": "6602"},
    ),
    "inbox_event__tenant_id_account_id_event_id_key": (
        InboxEvent,
        {"account_id": ONE, "event_id": "e1"},
        {"account_id": TWO},
    ),
    "redemption_request__idempotency_key": (
        RedemptionRequest,
        {"actor_id": ONE, "operation": "redeemCoupons", "idempotency_key": "k1"},
        {"operation": "reverseRedemption"},
    ),
    "redemption_request__living_reversal_key": (
        RedemptionRequest,
        {"subject_id": ONE, "operation": "reverseRedemption", "status": "PROCESSING"},
        {"status": "FAILED"},
    ),
    "redemption_claim__one_use_key": (
        RedemptionClaim,
        {"account_id": ONE, "coupon_key": "c1", "use_number": 1},
        {"use_number": 2},
    ),
    "redemption_leg__tenant_id_request_id_position_key": (
        RedemptionLeg,
        {"request_id": ONE, "position": 0},
        {"position": 1},
    ),
    "coupon_issue__idempotency_key": (
        CouponIssue,
        {"actor_id": ONE, "idempotency_key": "k1"},
        {"actor_id": TWO},
    ),
    "house_coupon__tenant_id_code_fingerprint_key": (
        HouseCoupon,
        {"code_fingerprint": "b" * 32},
        {"code_fingerprint": "c" * 32},
    ),
    "house_use__tenant_id_token_number_key": (HouseUse, {"token": "t1", "number": 1}, {"number": 2}),
    "customer_allowance__tenant_id_batch_id_customer_id_key": (
        CustomerAllowance,
        {"batch_id": ONE, "customer_id": ONE},
        {"customer_id": TWO},
    ),
    "reconciliation_run__one_day_key": (
        ReconciliationRun,
        {"account_id": None, "channel": "house", "store_id": ONE, "day": "2026-03-02"},
        {"channel": "paper"},
    ),
    "reconciliation_item__tenant_id_run_id_item_key_key": (
        ReconciliationItem,
        {"run_id": ONE, "item_key": "a" * 32},
        {"item_key": "b" * 32},
    ),
    "notification__tenant_id_dedupe_key_key": (Notification, {"dedupe_key": "k1"}, {"dedupe_key": "k2"}),
    "notification_template__tenant_id_account_id_kind_key": (
        NotificationTemplate,
        {"account_id": ONE, "kind": "PICKUP_READY"},
        {"kind": "ORDER_DELAYED"},
    ),
    "message_consent__tenant_id_account_id_subject_template_key": (
        MessageConsent,
        {"account_id": ONE, "subject": "o1", "template": "t1"},
        {"template": "t2"},
    ),
    "outbox_event__tenant_id_seq_key": (OutboxEvent, {"seq": 7}, {"seq": None}),
    "store_policy__tenant_id_store_id_key": (StorePolicy, {"store_id": ONE}, {"store_id": TWO}),
    "special_day__tenant_id_store_id_day_key": (
        SpecialDay,
        {"store_id": ONE, "day": date(2026, 10, 1)},
        {"day": date(2026, 10, 2)},
    ),
    "class_session__one_time_key": (
        ClassSession,
        {
            "service_id": ONE,
            "start_at": NINE,
            "end_at": NINE + timedelta(hours=1),
            "staff_id": None,
            "status": "OPEN",
        },
        {"status": "CANCELLED"},
    ),
    "reservation__tenant_id_store_id_code_key": (
        Reservation,
        {"store_id": ONE, "code": "7KQ2M9"},
        {"store_id": TWO},
    ),
    "reservation__tenant_id_account_id_external_id_key": (
        Reservation,
        {"account_id": ONE, "external_id": "b1"},
        {"external_id": None},
    ),
    "reservation_request__idempotency_key": (
        ReservationRequest,
        {"actor_id": ONE, "operation": "bookReservation", "idempotency_key": "k1"},
        {"operation": "holdSlot"},
    ),
    "reservation_revision__tenant_id_reservation_id_version_key": (
        ReservationRevision,
        {"reservation_id": ONE, "version": 2},
        {"version": 3},
    ),
    "customer_quota__tenant_id_scope_id_customer_id_key": (
        CustomerQuota,
        {"scope_id": ONE, "customer_id": ONE},
        {"scope_id": TWO},
    ),
    "waitlist_entry__waiting_once_key": (
        WaitlistEntry,
        {"session_id": ONE, "customer_id": ONE, "status": "WAITING"},
        {"status": "LEFT"},
    ),
    "package_draw__tenant_id_reservation_id_key": (
        PackageDraw,
        {"reservation_id": ONE},
        {"reservation_id": TWO},
    ),
    "preorder_line__tenant_id_reservation_id_sku_id_key": (
        PreorderLine,
        {"reservation_id": ONE, "sku_id": ONE},
        {"sku_id": TWO},
    ),
    "attached_coupon__tenant_id_reservation_id_position_key": (
        AttachedCoupon,
        {"reservation_id": ONE, "position": 0},
        {"position": 1},
    ),
    "check_in__in_once_key": (
        CheckIn,
        {"reservation_id": ONE, "undone_at": None},
        {"undone_at": NINE},
    ),
    "service_record__tenant_id_reservation_id_key": (
        ServiceRecord,
        {"reservation_id": ONE},
        {"reservation_id": TWO},
    ),
    "points_account__tenant_id_customer_id_key": (PointsAccount, {"customer_id": ONE}, {"customer_id": TWO}),
    "points_entry__tenant_id_reason_subject_id_key": (
        PointsEntry,
        {"reason": "VISIT", "subject_id": ONE},
        {"reason": "RATING"},
    ),
    "rating__tenant_id_reservation_id_key": (
        Rating,
        {"reservation_id": ONE, "stars": 5},
        {"reservation_id": TWO},
    ),
    "booking_link__reference_key": (
        BookingLink,
        {"account_id": ONE, "store_id": ONE, "target_kind": "SERVICE", "reference": "sku1"},
        {"target_kind": "STAFF"},
    ),
    "channel_booking__tenant_id_account_id_external_id_key": (
        ChannelBookingRecord,
        {"account_id": ONE, "external_id": "b1"},
        {"external_id": None},
    ),
    "channel_booking__tenant_id_account_id_reservation_id_key": (
        ChannelBookingRecord,
        {"account_id": ONE, "reservation_id": ONE},
        {"reservation_id": None},
    ),
    "booking_message__tenant_id_dedupe_key_key": (BookingMessage, {"dedupe_key": "k1"}, {"dedupe_key": "k2"}),
    "booking_sync__tenant_id_account_id_store_id_key": (
        BookingSync,
        {"account_id": ONE, "store_id": ONE},
        {"store_id": TWO},
    ),
    "booking_watch__tenant_id_topic_key": (BookingWatch, {"topic": "a"}, {"topic": "b"}),
    "customer_order__tenant_id_number_key": (Order, {"number": "B-1"}, {"number": "B-2"}),
    "customer_order__tenant_id_account_id_external_id_key": (
        Order,
        {"account_id": ONE, "external_id": "o1"},
        {"external_id": None},
    ),
    "order_line__tenant_id_order_id_line_key_key": (
        OrderLine,
        {"order_id": ONE, "line_key": "l1", "quantity": 1},
        {"line_key": "l2"},
    ),
    "order_refund__tenant_id_order_id_refund_key_key": (
        OrderRefund,
        {"order_id": ONE, "refund_key": "r1"},
        {"order_id": TWO},
    ),
    "order_shipment__tenant_id_order_id_shipment_key_key": (
        OrderShipment,
        {"order_id": ONE, "shipment_key": "p1"},
        {"shipment_key": "p2"},
    ),
    "timeline_entry__tenant_id_order_id_entry_key_key": (
        TimelineEntry,
        {"order_id": ONE, "entry_key": "paid"},
        {"entry_key": "placed"},
    ),
    "order_request__idempotency_key": (
        OrderRequest,
        {"actor_id": ONE, "operation": "placeOrder", "idempotency_key": "k1"},
        {"operation": "cancelOrder"},
    ),
    "order_placement__tenant_id_order_id_key": (OrderPlacement, {"order_id": ONE}, {"order_id": TWO}),
    "order_stock__tenant_id_order_id_sku_id_key": (
        OrderStock,
        {"order_id": ONE, "sku_id": ONE, "quantity": 1},
        {"sku_id": TWO},
    ),
    "payment__tenant_id_order_id_payment_key_key": (
        Payment,
        {"order_id": ONE, "payment_key": "whole", "amount": 1},
        {"order_id": TWO},
    ),
    "order_cursor__tenant_id_account_id_key": (OrderCursor, {"account_id": ONE}, {"account_id": TWO}),
}
TAKEN_ONCE |= {
    "campaign_sku__tenant_id_campaign_id_sku_id_key": (
        CampaignSku,
        {"campaign_id": ONE, "sku_id": ONE, "active": False},
        {"sku_id": TWO},
    ),
    "presale_wave__tenant_id_campaign_id_position_key": (
        PresaleWave,
        {"campaign_id": ONE, "position": 0, "quantity": 1},
        {"position": 1},
    ),
    "wave_sale__tenant_id_order_line_id_key": (
        WaveSale,
        {"order_line_id": ONE, "quantity": 1},
        {"order_line_id": TWO},
    ),
    "store_score__one_mark_key": (
        StoreScore,
        {"store_id": ONE, "source": "doudian", "dimension": "SERVICE", "at": NINE, "value": 480},
        {"dimension": "LOGISTICS"},
    ),
    "review__reference_key": (
        Review,
        {"store_id": ONE, "source": "doudian", "reference": "r1", "stars": 5, "bad": False},
        {"source": "douyin"},
    ),
    "guard_rule__tenant_id_store_id_figure_key": (
        GuardRule,
        {"store_id": ONE, "figure": "late", "threshold": 200},
        {"figure": "share"},
    ),
    "guard_action__once_a_day_key": (
        GuardAction,
        {"campaign_id": ONE, "figure": "late", "day": NINE.date(), "dry_run": True},
        {"dry_run": False},
    ),
}

# check → model, a row at its limit, and the change that passes it.
LIMITS = {
    "message_consent__remaining_check": [
        (MessageConsent, {"remaining": 0}, {"remaining": -1}),
        (MessageConsent, {"remaining": 20}, {"remaining": 21}),
    ],
    "coupon_batch__issued_check": [
        (CouponBatch, {"quantity": 10, "issued": 10}, {"issued": 11}),
        (CouponBatch, {"quantity": 10, "issued": 0}, {"issued": -1}),
    ],
    "coupon_batch__spent_check": [(CouponBatch, {"budget": 5000, "spent": 5000}, {"spent": 5001})],
    "house_coupon__times_used_check": [
        (HouseCoupon, {"times_total": 3, "times_used": 3}, {"times_used": 4}),
        (HouseCoupon, {"times_total": 3, "times_used": 0}, {"times_used": -1}),
    ],
    "customer_allowance__issued_check": [(CustomerAllowance, {"issued": 0}, {"issued": -1})],
    "redemption__times_check": [(Redemption, {"times": 1}, {"times": 0})],
    "redemption__discount_check": [(Redemption, {"discount": 0}, {"discount": -1})],
    "service__duration_check": [(Service, {"duration_minutes": 1}, {"duration_minutes": 0})],
    "shift__span_check": [
        (Shift, {"start_at": NINE, "end_at": NINE + timedelta(minutes=1)}, {"end_at": NINE})
    ],
    "booking_allocation__span_check": [
        (BookingAllocation, {"start_at": NINE, "end_at": NINE + timedelta(minutes=1)}, {"end_at": NINE})
    ],
    "class_session__booked_check": [
        (ClassSession, {"capacity": 8, "booked": 8}, {"booked": 9}),
        (ClassSession, {"capacity": 8, "booked": 0}, {"booked": -1}),
    ],
    "reservation__span_check": [
        (Reservation, {"start_at": NINE, "end_at": NINE + timedelta(minutes=1)}, {"end_at": NINE})
    ],
    "reservation__party_check": [(Reservation, {"party_size": 1}, {"party_size": 0})],
    "waitlist_entry__party_check": [(WaitlistEntry, {"party_size": 1}, {"party_size": 0})],
    "waitlist_entry__offer_check": [
        (WaitlistEntry, {"status": "OFFERED", "offer_expires_at": NINE}, {"offer_expires_at": None})
    ],
    "customer_quota__open_check": [(CustomerQuota, {"open_count": 0}, {"open_count": -1})],
    "customer_package__left_check": [
        (CustomerPackage, {"sessions_total": 10, "sessions_left": 0}, {"sessions_left": -1}),
        (CustomerPackage, {"sessions_total": 10, "sessions_left": 10}, {"sessions_left": 11}),
    ],
    "points_account__balance_check": [(PointsAccount, {"balance": 0}, {"balance": -1})],
    "rating__stars_check": [
        (Rating, {"stars": 5}, {"stars": 6}),
        (Rating, {"stars": 1}, {"stars": 0}),
    ],
    "sku__stock_check": [(Sku, {"stock": 0}, {"stock": -1})],
    "presale_campaign__span_check": [
        (PresaleCampaign, {"starts_at": NINE, "ends_at": NINE + timedelta(seconds=1)}, {"ends_at": NINE})
    ],
    "presale_wave__sold_check": [
        (PresaleWave, {"quantity": 2, "sold": 2}, {"sold": 3}),
        (PresaleWave, {"quantity": 2, "sold": 0}, {"sold": -1}),
    ],
    "wave_sale__quantity_check": [(WaveSale, {"quantity": 1}, {"quantity": 0})],
    "store_score__value_check": [
        (StoreScore, {"value": 500}, {"value": 501}),
        (StoreScore, {"value": 0}, {"value": -1}),
    ],
    "review__stars_check": [
        (Review, {"stars": 5, "bad": False}, {"stars": 6}),
        (Review, {"stars": 1, "bad": True}, {"stars": 0}),
    ],
    "guard_rule__threshold_check": [
        (GuardRule, {"threshold": 10_000}, {"threshold": 10_001}),
        (GuardRule, {"threshold": 0}, {"threshold": -1}),
    ],
    "order_stock__quantity_check": [(OrderStock, {"quantity": 1}, {"quantity": 0})],
    "payment__amount_check": [(Payment, {"amount": 1}, {"amount": 0})],
    "order_line__quantity_check": [(OrderLine, {"quantity": 1}, {"quantity": 0})],
    "order_line__refunded_check": [
        (OrderLine, {"quantity": 2, "refunded_quantity": 2}, {"refunded_quantity": 3}),
        (OrderLine, {"quantity": 2, "refunded_quantity": 0}, {"refunded_quantity": -1}),
    ],
    "order_line__shipped_check": [
        (OrderLine, {"quantity": 2, "shipped_quantity": 2}, {"shipped_quantity": 3}),
        (OrderLine, {"quantity": 2, "shipped_quantity": 0}, {"shipped_quantity": -1}),
    ],
}
LIMIT_CASES = [(name, *case) for name, cases in LIMITS.items() for case in cases]


def test_each_has_a_test():
    assert {key.name for key in KEYS} == {*TAKEN_ONCE, *TAKEN_EVERYWHERE}
    assert {check.name for check in CHECKS} == set(LIMITS)


def test_names_fit_postgres():
    """PostgreSQL cuts longer ones off, silently."""
    parts = [part for each in INVARIANTS for kind in (True, False) for part in each.parts(postgres=kind)]
    assert [part for part in parts if len(part) > 63] == []
    assert len({each.name for each in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize("name", TAKEN_ONCE)
async def test_key_refuses_second(database, insert_row, count_rows, tenant_id, name):
    model, same, _ = TAKEN_ONCE[name]
    await insert_row(model, tenant_id=tenant_id, **same)
    with pytest.raises(Conflict) as conflict:
        await insert_row(model, tenant_id=tenant_id, **same)
    assert conflict.value.table == model._meta.db_table
    assert await count_rows(model) == 1


@pytest.mark.parametrize("name", TAKEN_ONCE)
async def test_key_allows_others(database, insert_row, count_rows, tenant_id, name):
    model, same, different = TAKEN_ONCE[name]
    await insert_row(model, tenant_id=tenant_id, **same)
    await insert_row(model, tenant_id=tenant_id, **{**same, **different})
    await insert_row(model, tenant_id=new_id(), **same)
    assert await count_rows(model) == 3


@pytest.mark.parametrize("name", TAKEN_EVERYWHERE)
async def test_taken_in_every_tenant(database, insert_row, count_rows, name):
    model, same = TAKEN_EVERYWHERE[name]
    await insert_row(model, tenant_id=new_id(), **same)
    with pytest.raises(Conflict) as conflict:
        await insert_row(model, tenant_id=new_id(), **same)
    assert conflict.value.table == model._meta.db_table
    assert await count_rows(model) == 1


async def test_claim_without_account_taken_once(database, insert_row, count_rows, tenant_id):
    """Own coupons have no account, and NULL never equals NULL."""
    claim = {"tenant_id": tenant_id, "account_id": None, "coupon_key": "c1", "use_number": 1}
    await insert_row(RedemptionClaim, **claim)
    with pytest.raises(Conflict) as conflict:
        await insert_row(RedemptionClaim, **claim)
    assert conflict.value.table == "redemption_claim"
    await insert_row(RedemptionClaim, **{**claim, "account_id": ONE})
    assert await count_rows(RedemptionClaim) == 2


async def test_compensating_reversal_still_living(database, insert_row, tenant_id):
    reversal = {"tenant_id": tenant_id, "subject_id": ONE, "operation": "reverseRedemption"}
    await insert_row(RedemptionRequest, **reversal, status="COMPENSATING")
    with pytest.raises(Conflict) as conflict:
        await insert_row(RedemptionRequest, **reversal, status="PROCESSING")
    assert conflict.value.table == "redemption_request"


@pytest.mark.parametrize(("name", "model", "limit", "beyond"), LIMIT_CASES)
async def test_check_refuses_insert(database, insert_row, count_rows, tenant_id, name, model, limit, beyond):
    with pytest.raises(IntegrityError, match=name):
        await insert_row(model, tenant_id=tenant_id, **{**limit, **beyond})
    assert await count_rows(model) == 0


@pytest.mark.parametrize(("name", "model", "limit", "beyond"), LIMIT_CASES)
async def test_check_refuses_update(database, insert_row, tenant_id, name, model, limit, beyond):
    row = await insert_row(model, tenant_id=tenant_id, **limit)
    column, value = next(iter(beyond.items()))
    table = model._meta.db_table
    with pytest.raises(IntegrityError, match=name):
        await execute(f"UPDATE {table} SET {column} = $1 WHERE id = $2", value, row["id"])
    assert await fetch_rows(f"SELECT 1 AS kept FROM {table} WHERE {column} = $1", limit[column]) == [
        {"kept": 1}
    ]


async def test_no_budget_no_limit(database, insert_row, count_rows, tenant_id):
    await insert_row(CouponBatch, tenant_id=tenant_id, budget=None, spent=10**9)
    assert await count_rows(CouponBatch) == 1


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
async def test_missing_one_is_named(database, invariant):
    await drop(invariant)
    try:
        assert await verify_invariants() == [invariant.name]
    finally:
        await ensure_invariants()
    assert await verify_invariants() == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_half_a_check_is_missing(database):
    """A check is two triggers on SQLite."""
    await execute("DROP TRIGGER coupon_batch__spent_check_on_update")
    assert await verify_invariants() == ["coupon_batch__spent_check"]


BUSY = {"resource_id": ONE, "state": "CONFIRMED", "start_at": NINE, "end_at": NINE + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("name", "change"),
    {
        "same time": {},
        "inside": {"start_at": NINE + timedelta(minutes=20), "end_at": NINE + timedelta(minutes=40)},
        "around": {"start_at": NINE - timedelta(hours=1), "end_at": NINE + timedelta(hours=3)},
        "last minute": {"start_at": NINE + timedelta(minutes=59), "end_at": NINE + timedelta(hours=2)},
        "only held": {"state": "HELD"},
    }.items(),
)
async def test_overlap_refused(database, insert_row, count_rows, tenant_id, name, change):
    await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY)
    with pytest.raises(Overlap, match="booking_allocation"):
        await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY | change)
    assert await count_rows(BookingAllocation) == 1


WORKING = {"staff_id": ONE, "start_at": NINE, "end_at": NINE + timedelta(hours=1)}


async def test_nobody_works_twice(database, insert_row, count_rows, tenant_id):
    await insert_row(Shift, tenant_id=tenant_id, **WORKING)
    with pytest.raises(Overlap, match="shift"):
        await insert_row(Shift, tenant_id=tenant_id, **WORKING | {"start_at": NINE + timedelta(minutes=59)})
    assert await count_rows(Shift) == 1


async def test_shifts_of_others_and_after(database, insert_row, count_rows, tenant_id):
    await insert_row(Shift, tenant_id=tenant_id, **WORKING)
    later = {"start_at": NINE + timedelta(hours=1), "end_at": NINE + timedelta(hours=2)}
    for change in (later, {"staff_id": TWO}):
        await insert_row(Shift, tenant_id=tenant_id, **WORKING | change)
    await insert_row(Shift, tenant_id=new_id(), **WORKING)
    assert await count_rows(Shift) == 4


async def test_variant_in_one_presale_at_a_time(database, insert_row, count_rows, tenant_id):
    """Those that are not active do not count, nor do those before and after."""
    bound = {"sku_id": ONE, "active": True, "start_at": NINE, "end_at": NINE + timedelta(days=7)}
    await insert_row(CampaignSku, tenant_id=tenant_id, **bound)
    with pytest.raises(Overlap, match="campaign_sku"):
        await insert_row(CampaignSku, tenant_id=tenant_id, **bound | {"start_at": NINE + timedelta(days=6)})
    after = {"start_at": NINE + timedelta(days=7), "end_at": NINE + timedelta(days=8)}
    for change in (after, {"sku_id": TWO}, {"active": False}):
        await insert_row(CampaignSku, tenant_id=tenant_id, **bound | change)
    await insert_row(CampaignSku, tenant_id=new_id(), **bound)
    assert await count_rows(CampaignSku) == 5


@pytest.mark.parametrize(
    ("name", "change"),
    {
        "right after": {"start_at": NINE + timedelta(hours=1), "end_at": NINE + timedelta(hours=2)},
        "right before": {"start_at": NINE - timedelta(hours=1), "end_at": NINE},
        "another": {"resource_id": TWO},
        "released": {"state": "RELEASED"},
        "moved": {"state": "MOVED"},
    }.items(),
)
async def test_no_overlap_allowed(database, insert_row, count_rows, tenant_id, name, change):
    await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY)
    await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY | change)
    await insert_row(BookingAllocation, tenant_id=new_id(), **BUSY)
    assert await count_rows(BookingAllocation) == 3


async def test_overlap_refused_by_update(database, insert_row, tenant_id):
    """Neither a changed time nor a revived state gets past the guard."""
    await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY)
    released = await insert_row(BookingAllocation, tenant_id=tenant_id, **BUSY | {"state": "RELEASED"})
    with pytest.raises(Overlap, match="booking_allocation"):
        await execute("UPDATE booking_allocation SET state = 'HELD' WHERE id = $1", released["id"])
    rows = await fetch_rows("SELECT state FROM booking_allocation ORDER BY id")
    assert [row["state"] for row in rows] == ["CONFIRMED", "RELEASED"]


async def drop(invariant):
    postgres = is_postgres()
    for part in invariant.parts(postgres=postgres):
        if invariant not in CHECKS + OVERLAPS or part.endswith("_index"):
            await execute(f"DROP INDEX {part}")
        elif postgres:
            await execute(f"ALTER TABLE {invariant.table} DROP CONSTRAINT {part}")
        else:
            await execute(f"DROP TRIGGER {part}")
