"""Services and who gives them. Money in fen, instants in UTC. Keys, checks and the booking guard: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Service(TenantRow):
    """What can be booked at one store.

    kind                     APPOINTMENT, GROUP_CLASS, COURSE, ROOM or PICKUP: see `core.reservations.values`
    buffer_*_minutes         time around the service in which staff and resources are busy as well
    required_skills          a staff member must have all of them; empty: anybody
    required_resource_kinds  one free resource of each kind is taken
    capacity                 seats of a class, or pick-ups at one time; 1 otherwise
    deposit, minimum_spend   fen; null: none
    visits                   how many visits a COURSE has
    null policies            (lead, horizon, change, grace, limit) are the store's: see StorePolicy
    """

    store_id = fields.UUIDField()
    name = fields.CharField(max_length=120)
    kind = fields.CharField(max_length=16)
    duration_minutes = fields.IntField()
    buffer_before_minutes = fields.IntField(default=0)
    buffer_after_minutes = fields.IntField(default=0)
    required_skills = fields.JSONField[list[str]](default=list)
    required_resource_kinds = fields.JSONField[list[str]](default=list)
    capacity = fields.IntField(default=1)
    price = fields.IntField(null=True)
    deposit = fields.IntField(null=True)
    minimum_spend = fields.IntField(null=True)
    visits = fields.IntField(default=1)
    lead_minutes = fields.IntField(null=True)
    horizon_days = fields.IntField(null=True)
    change_minutes = fields.IntField(null=True)
    grace_minutes = fields.IntField(null=True)
    limit_per_customer = fields.IntField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "service"


class StaffMember(TenantRow):
    """Somebody who can be booked at one store."""

    store_id = fields.UUIDField()
    name = fields.CharField(max_length=120)
    skills = fields.JSONField[list[str]](default=list)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "staff_member"


class Resource(TenantRow):
    """A room, a chair, a machine. One booking at a time; `capacity` is how many people fit."""

    store_id = fields.UUIDField()
    name = fields.CharField(max_length=120)
    kind = fields.CharField(max_length=32)
    capacity = fields.IntField(default=1)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "resource"


class Shift(TenantRow):
    """When a staff member works. A break is the gap between two shifts. Shifts of one person never overlap."""

    store_id = fields.UUIDField()
    staff_id = fields.UUIDField()
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()

    class Meta:
        table = "shift"


class StorePolicy(TenantRow):
    """How a store takes reservations. One row a store; a store without one has these defaults.

    weekly_hours     {"0": [["10:00", "22:00"]], …} in the store's own time, 0 is Monday; null: at all hours
    close_on_holidays  whether public holidays are closed days and make-up working days are open ones
    hold_minutes     how long a hold lives (at most 10), with one extension of the same length
    lead_minutes     how long before its start a slot must be booked; horizon_days: how far ahead it can be
    change_minutes   until how long before the start a customer may reschedule or cancel
    grace_minutes    how long after the start a guest is not yet a no-show; null: never marked by itself
    limit_per_customer  open reservations one customer may have; null: any number
    keep_deposit     whether a no-show's or late canceller's deposit is kept
    check_in_before_minutes, check_in_after_minutes  narrow the check-in around the start; null: all day
    reminder_minutes how long before the start reminders go out; null: a day and two hours
    spread_load      whether slots of less busy staff and days are preferred (else of busier ones)
    points_per_yuan  points a guest gets for each yuan spent
    offer_minutes    how long a seat is kept for whom it is offered from the waitlist
    waitlist_cutoff_minutes  how long before the start the waitlist of a class closes: no more offers
    """

    store_id = fields.UUIDField()
    weekly_hours = fields.JSONField[dict[str, list[list[str]]]](null=True)
    close_on_holidays = fields.BooleanField(default=False)
    hold_minutes = fields.IntField(default=5)
    lead_minutes = fields.IntField(default=0)
    horizon_days = fields.IntField(default=90)
    change_minutes = fields.IntField(default=120)
    grace_minutes = fields.IntField(null=True, default=60)
    limit_per_customer = fields.IntField(null=True)
    keep_deposit = fields.BooleanField(default=True)
    check_in_before_minutes = fields.IntField(null=True)
    check_in_after_minutes = fields.IntField(null=True)
    reminder_minutes = fields.JSONField[list[int]](null=True)
    spread_load = fields.BooleanField(default=True)
    points_per_yuan = fields.IntField(default=1)
    offer_minutes = fields.IntField(default=30)
    waitlist_cutoff_minutes = fields.IntField(default=60)

    class Meta:
        table = "store_policy"


class SpecialDay(TenantRow):
    """One day of a store that is unlike its week. `hours` as in StorePolicy; an empty list: closed."""

    store_id = fields.UUIDField()
    day = fields.DateField()
    hours = fields.JSONField[list[list[str]]](default=list)
    note = fields.CharField(max_length=120, null=True)

    class Meta:
        table = "special_day"


class ClassSession(TenantRow):
    """Seats at one time: a group class, or the pick-ups of one start. `booked` moves by conditional updates only.

    The sessions of a GROUP_CLASS are scheduled; those of a PICKUP come into being with the first booking.

    status  OPEN or CANCELLED
    """

    store_id = fields.UUIDField()
    service_id = fields.UUIDField()
    staff_id = fields.UUIDField(null=True)
    resource_ids = fields.JSONField[list[str]](default=list)
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()
    capacity = fields.IntField()
    booked = fields.IntField(default=0)
    status = fields.CharField(max_length=16, default="OPEN")
    cancel_reason = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "class_session"


class Reservation(TenantRow):
    """One visit of one party.

    status        see `core.reservations.values.ReservationStatus`; every change is guarded by `version`
    session_id    the seats it takes, for GROUP_CLASS and PICKUP; null where it has staff and resources to itself
    code          what the guest says at the counter, unique in the store
    calendar_key  the unguessable part of its calendar address; `sequence` is that of the calendar entry
    phone_*       the contact's phone: sealed to this row, found by fingerprint or last four digits
    source_channel, account_id, external_id  where it was booked; "house" for our own
    external_updated_at  the platform's time of the state that was imported last
    deposit_status  NONE, DUE, PAID, KEPT or RETURNED
    no_show_at    when it becomes a no-show unless the guest checks in; null: never by itself
    """

    store_id = fields.UUIDField()
    service_id = fields.UUIDField()
    session_id = fields.UUIDField(null=True)
    staff_id = fields.UUIDField(null=True)
    resource_ids = fields.JSONField[list[str]](default=list)
    customer_id = fields.UUIDField(null=True)
    package_id = fields.UUIDField(null=True)
    code = fields.CharField(max_length=12)
    calendar_key = fields.CharField(max_length=43)
    status = fields.CharField(max_length=24)
    version = fields.IntField(default=1)
    sequence = fields.IntField(default=0)
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()
    party_size = fields.IntField(default=1)
    contact_name = fields.CharField(max_length=120, null=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_fingerprint = fields.CharField(max_length=32, null=True)
    phone_tail = fields.CharField(max_length=4, null=True)
    note = fields.CharField(max_length=500, null=True)
    walk_in = fields.BooleanField(default=False)
    source_channel = fields.CharField(max_length=32, default="house")
    account_id = fields.UUIDField(null=True)
    external_id = fields.CharField(max_length=128, null=True)
    external_updated_at = fields.DatetimeField(null=True)
    deposit = fields.IntField(default=0)
    deposit_status = fields.CharField(max_length=16, default="NONE")
    cancel_reason = fields.CharField(max_length=200, null=True)
    checked_in_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)
    no_show_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reservation"


class BookingAllocation(TenantRow):
    """One staff member, resource or customer taken for a time, buffers included. The database refuses overlaps.

    owner_id    the reservation, class session, hold or block it belongs to; `owner_kind` says which
    taken_kind  STAFF, RESOURCE or CUSTOMER: whom or what `resource_id` names
    state       HELD and CONFIRMED are guarded; RELEASED and MOVED are history
    """

    store_id = fields.UUIDField()
    owner_id = fields.UUIDField()
    owner_kind = fields.CharField(max_length=16)
    resource_id = fields.UUIDField()
    taken_kind = fields.CharField(max_length=16)
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()
    state = fields.CharField(max_length=16)
    hold_expires_at = fields.DatetimeField(null=True)

    class Meta:
        table = "booking_allocation"


class SlotHold(TenantRow):
    """A slot kept for somebody who fills in the form. `slot` is the slot as `core.reservations.slots.tokens` writes it.

    status  HELD, USED (became `reservation_id`), RELEASED or EXPIRED
    """

    store_id = fields.UUIDField()
    service_id = fields.UUIDField()
    session_id = fields.UUIDField(null=True)
    actor_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    reservation_id = fields.UUIDField(null=True)
    slot = fields.JSONField[dict[str, object]](default=dict)
    party_size = fields.IntField(default=1)
    status = fields.CharField(max_length=16)
    expires_at = fields.DatetimeField()
    extended = fields.BooleanField(default=False)

    class Meta:
        table = "slot_hold"


class TimeBlock(TenantRow):
    """Time of a staff member or resource that nobody can book: a day off, a repair, a private errand."""

    store_id = fields.UUIDField()
    resource_id = fields.UUIDField()
    taken_kind = fields.CharField(max_length=16)
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()
    reason = fields.CharField(max_length=200, null=True)
    status = fields.CharField(max_length=16, default="ACTIVE")

    class Meta:
        table = "time_block"


class ReservationRequest(TenantRow):
    """One answered mutation of an idempotency key. `answer`: what was done ({"id": …}) or why not ({"code": …})."""

    actor_id = fields.UUIDField()
    operation = fields.CharField(max_length=32)
    idempotency_key = fields.CharField(max_length=255)
    input_hash = fields.CharField(max_length=64)
    answer = fields.JSONField[dict[str, object]](default=dict)

    class Meta:
        table = "reservation_request"


class ReservationRevision(TenantRow):
    """One change of a reservation: what it was, what it became, who did it."""

    reservation_id = fields.UUIDField()
    version = fields.IntField()
    action = fields.CharField(max_length=32)
    actor_id = fields.UUIDField(null=True)
    role = fields.CharField(max_length=16, null=True)
    before = fields.JSONField[dict[str, object]](default=dict)
    after = fields.JSONField[dict[str, object]](default=dict)

    class Meta:
        table = "reservation_revision"


class CustomerQuota(TenantRow):
    """How many open reservations a customer has in a scope (a store or a service). Moved by conditional updates only."""

    scope_id = fields.UUIDField()
    customer_id = fields.UUIDField()
    open_count = fields.IntField(default=0)

    class Meta:
        table = "customer_quota"


class WaitlistEntry(TenantRow):
    """Somebody who waits for a seat of a full class; served by age.

    status  WAITING, OFFERED (until `offer_expires_at`), PROMOTED (became `reservation_id`), EXPIRED or LEFT
    """

    store_id = fields.UUIDField()
    session_id = fields.UUIDField()
    customer_id = fields.UUIDField()
    party_size = fields.IntField(default=1)
    status = fields.CharField(max_length=16)
    offer_expires_at = fields.DatetimeField(null=True)
    reservation_id = fields.UUIDField(null=True)

    class Meta:
        table = "waitlist_entry"


class CustomerPackage(TenantRow):
    """Prepaid visits: lessons, a treatment course. `sessions_left` moves by conditional updates only.

    service_ids  what they can be spent on; store_id null: at every store
    """

    customer_id = fields.UUIDField()
    store_id = fields.UUIDField(null=True)
    name = fields.CharField(max_length=120)
    service_ids = fields.JSONField[list[str]](default=list)
    sessions_total = fields.IntField()
    sessions_left = fields.IntField()
    valid_from = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "customer_package"


class PackageDraw(TenantRow):
    """One visit drawn from a package by a reservation. status DRAWN, RETURNED (cancelled in time) or SPENT."""

    package_id = fields.UUIDField()
    reservation_id = fields.UUIDField()
    sessions = fields.IntField(default=1)
    status = fields.CharField(max_length=16, default="DRAWN")

    class Meta:
        table = "package_draw"


class PreorderLine(TenantRow):
    """What was ordered with a reservation. `counted`: whether stock was taken for it and has to be given back."""

    reservation_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    title = fields.CharField(max_length=200)
    quantity = fields.IntField()
    unit_price = fields.IntField()
    counted = fields.BooleanField(default=False)
    released = fields.BooleanField(default=False)

    class Meta:
        table = "preorder_line"


class AttachedCoupon(TenantRow):
    """A coupon code kept with a reservation, redeemed at check-in through the saga, unused if it is cancelled.

    status    ATTACHED, REDEEMED, REFUSED (with `refusal`), UNKNOWN or DETACHED
    attempts  how often its channel could not be reached: each time ends one redemption and begins another
    """

    reservation_id = fields.UUIDField()
    position = fields.IntField()
    code_sealed = fields.BinaryField()
    code_tail = fields.CharField(max_length=4)
    status = fields.CharField(max_length=16, default="ATTACHED")
    refusal = fields.CharField(max_length=32, null=True)
    attempts = fields.IntField(default=0)
    redemption_ids = fields.JSONField[list[str]](default=list)

    class Meta:
        table = "attached_coupon"


class CheckIn(TenantRow):
    """One check-in of a reservation. method CODE, QR, PHONE or STAFF. Undone ones stay, with `undone_at`."""

    reservation_id = fields.UUIDField()
    store_id = fields.UUIDField()
    method = fields.CharField(max_length=16)
    actor_id = fields.UUIDField()
    undone_at = fields.DatetimeField(null=True)
    undone_by = fields.UUIDField(null=True)

    class Meta:
        table = "check_in"


class ServiceRecord(TenantRow):
    """What was done at a visit, kept in the guest's profile. `spent` in fen."""

    reservation_id = fields.UUIDField()
    store_id = fields.UUIDField()
    service_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    staff_id = fields.UUIDField(null=True)
    note = fields.CharField(max_length=2000, null=True)
    products = fields.JSONField[list[str]](default=list)
    preferences = fields.JSONField[list[str]](default=list)
    spent = fields.IntField(default=0)
    actor_id = fields.UUIDField()

    class Meta:
        table = "service_record"


class PointsAccount(TenantRow):
    """A customer's points. Moved together with its entries only."""

    customer_id = fields.UUIDField()
    balance = fields.IntField(default=0)

    class Meta:
        table = "points_account"


class PointsEntry(TenantRow):
    """One change of points. Once for each (reason, subject)."""

    customer_id = fields.UUIDField()
    amount = fields.IntField()
    reason = fields.CharField(max_length=32)
    subject_id = fields.UUIDField()

    class Meta:
        table = "points_entry"


class Rating(TenantRow):
    """What a guest thought of a visit: 1 to 5 stars."""

    reservation_id = fields.UUIDField()
    store_id = fields.UUIDField()
    service_id = fields.UUIDField()
    staff_id = fields.UUIDField(null=True)
    customer_id = fields.UUIDField()
    stars = fields.IntField()
    comment = fields.CharField(max_length=1000, null=True)

    class Meta:
        table = "rating"


class BookingLink(TenantRow):
    """Which of our services (or staff) a platform's product (or person) is, for bookings that come from there.

    target_kind  SERVICE or STAFF
    """

    account_id = fields.UUIDField()
    store_id = fields.UUIDField()
    target_kind = fields.CharField(max_length=16)
    target_id = fields.UUIDField()
    reference = fields.CharField(max_length=128)

    class Meta:
        table = "booking_link"
