"""Bookings of platforms: what each one says, what became of it here, and what the platform has to be told."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class ChannelBookingRecord(TenantRow):
    """One booking at a platform: the newest state that was seen, and what became of it. Guarded by `version`.

    origin           PLATFORM: made there. OURS: one of our reservations that was written to its calendar
    external_id      the platform's id; null for one of ours that is not there yet
    status           where it stands at the platform: see `core.channels.contract.BookingStatus`
    end_at           null where the platform only knows the start
    followed         what of this our calendar has followed: see `core.reservations.channel.records.Facts`
    outcome          NEW, PLACED, CONFLICT (a person must look), REFUSED, ENDED or RESOLVED (a person has looked)
    conflict         why it is a conflict or was refused; null otherwise
    reservation_id   our reservation, null where there is none
    """

    account_id = fields.UUIDField()
    store_id = fields.UUIDField()
    channel = fields.CharField(max_length=32)
    origin = fields.CharField(max_length=16)
    external_id = fields.CharField(max_length=128, null=True)
    external_updated_at = fields.DatetimeField()
    status = fields.CharField(max_length=16)
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField(null=True)
    party_size = fields.IntField(default=1)
    service_reference = fields.CharField(max_length=128, null=True)
    staff_reference = fields.CharField(max_length=128, null=True)
    contact_name = fields.CharField(max_length=120, null=True)
    phone_tail = fields.CharField(max_length=4, null=True)
    followed = fields.JSONField[dict[str, object]](null=True)
    outcome = fields.CharField(max_length=16)
    conflict = fields.CharField(max_length=32, null=True)
    reservation_id = fields.UUIDField(null=True)
    version = fields.IntField(default=1)
    resolved_by = fields.UUIDField(null=True)
    resolution = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "channel_booking"


class BookingMessage(TenantRow):
    """Something that a platform has to be told about a booking. Written before it is told; `attempts` is the fence.

    kind        DECIDE (`accept`, `reason`), REPORT (`status`, `reason`), PLACE or MOVE: one of our reservations
    state       DUE, SENDING (it may have gone out), DONE, REFUSED, FAILED (given up) or WITHDRAWN
    dedupe_key  tells each thing once
    """

    account_id = fields.UUIDField()
    booking_id = fields.UUIDField()
    kind = fields.CharField(max_length=16)
    accept = fields.BooleanField(default=False)
    status = fields.CharField(max_length=16, null=True)
    reason = fields.CharField(max_length=200, null=True)
    state = fields.CharField(max_length=16)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    dedupe_key = fields.CharField(max_length=160)
    platform_code = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "booking_message"


class BookingSync(TenantRow):
    """The reading of one store's bookings at one account. `finished_at`: when the last whole reading began."""

    account_id = fields.UUIDField()
    store_id = fields.UUIDField()
    next_attempt_at = fields.DatetimeField()
    attempts = fields.IntField(default=0)
    fence = fields.IntField(default=0)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "booking_sync"


class BookingWatch(TenantRow):
    """Up to which of a merchant's events of one `topic` it was looked at what platforms want to know."""

    topic = fields.CharField(max_length=32)
    seq = fields.BigIntField(default=0)

    class Meta:
        table = "booking_watch"
