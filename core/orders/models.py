"""Orders of every channel and of the shop itself. Money in fen, instants in UTC. Keys and checks: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Order(TenantRow):
    """One order. `channel` is "house" for our own, which have neither account nor external id.

    number               what people call it, unique for the merchant
    type, status         see `core.channels.contract.orders`; every change is guarded by `version`
    external_updated_at  the platform's time of the state that was imported last: older ones change nothing
    state_key            where that state lies in the order of all states: see `core.orders.states`
    external_store_id    the platform's store; `store_id` follows once it is bound
    buyer_reference      the platform's id of the buyer; `buyer_key`: of which state contact and customer are
    promised_ship_at     the earliest of its open lines
    fulfilment_risk      NONE, ON_TRACK, AT_RISK or LATE: the worst of its lines
    phone_*              the contact's phone: sealed to this row, found by fingerprint or last four digits
    document_sealed      the platform's own document, sealed
    """

    store_id = fields.UUIDField(null=True)
    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32)
    external_id = fields.CharField(max_length=128, null=True)
    number = fields.CharField(max_length=64)
    type = fields.CharField(max_length=16)
    status = fields.CharField(max_length=16)
    version = fields.IntField(default=1)
    placed_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    external_updated_at = fields.DatetimeField(null=True)
    state_key = fields.CharField(max_length=96, null=True)
    external_store_id = fields.CharField(max_length=128, null=True)
    buyer_reference = fields.CharField(max_length=128, null=True)
    buyer_key = fields.CharField(max_length=96, null=True)
    subtotal = fields.IntField()
    discount = fields.IntField(default=0)
    shipping = fields.IntField(default=0)
    total = fields.IntField()
    paid = fields.IntField(default=0)
    refunded = fields.IntField(default=0)
    customer_id = fields.UUIDField(null=True)
    contact_name = fields.CharField(max_length=120, null=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_fingerprint = fields.CharField(max_length=32, null=True)
    phone_tail = fields.CharField(max_length=4, null=True)
    note = fields.CharField(max_length=500, null=True)
    promised_ship_at = fields.DatetimeField(null=True)
    fulfilment_risk = fields.CharField(max_length=16, default="NONE")
    document_sealed = fields.BinaryField(null=True)
    actor_id = fields.UUIDField(null=True)
    token_id = fields.UUIDField(null=True)
    role = fields.CharField(max_length=16, null=True)

    class Meta:
        table = "customer_order"


class OrderLine(TenantRow):
    """One line of an order. `line_key` is the platform's id of it, or its position in an order of our own.

    wave_id           the presale wave that promised it; null for spot goods
    promised_ship_at  the platform's own date, else our wave's, else 48 hours after payment; null where nothing ships
    """

    order_id = fields.UUIDField()
    line_key = fields.CharField(max_length=128)
    position = fields.IntField()
    sku_id = fields.UUIDField(null=True)
    external_sku_id = fields.CharField(max_length=128, null=True)
    title = fields.CharField(max_length=300)
    quantity = fields.IntField()
    unit_price = fields.IntField()
    total = fields.IntField()
    presale = fields.BooleanField(default=False)
    wave_id = fields.UUIDField(null=True)
    promised_ship_at = fields.DatetimeField(null=True)
    fulfilment_risk = fields.CharField(max_length=16, default="NONE")
    refunded_quantity = fields.IntField(default=0)
    shipped_quantity = fields.IntField(default=0)
    shipped_at = fields.DatetimeField(null=True)

    class Meta:
        table = "order_line"


class OrderRefund(TenantRow):
    """One request for money back. `refund_key` is the platform's id of it, or our own."""

    order_id = fields.UUIDField()
    refund_key = fields.CharField(max_length=128)
    amount = fields.IntField()
    status = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=300, null=True)
    lines = fields.JSONField[dict[str, int]](default=dict)
    requested_at = fields.DatetimeField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "order_refund"


class OrderShipment(TenantRow):
    """One parcel. `shipment_key` is the platform's id of it, or our own; `lines`: line key → how many."""

    order_id = fields.UUIDField()
    shipment_key = fields.CharField(max_length=128)
    carrier = fields.CharField(max_length=64, null=True)
    tracking_number = fields.CharField(max_length=64, null=True)
    lines = fields.JSONField[dict[str, int]](default=dict)
    shipped_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "order_shipment"


class TimelineEntry(TenantRow):
    """One thing that happened to an order. `kind` names a text `timeline.<kind>`; once for each `entry_key`."""

    order_id = fields.UUIDField()
    at = fields.DatetimeField()
    kind = fields.CharField(max_length=32)
    entry_key = fields.CharField(max_length=160)
    details = fields.JSONField[dict[str, object]](default=dict)

    class Meta:
        table = "timeline_entry"


class OrderRequest(TenantRow):
    """One answered mutation of an idempotency key, as `core.reservations.models.ReservationRequest`."""

    actor_id = fields.UUIDField()
    operation = fields.CharField(max_length=32)
    idempotency_key = fields.CharField(max_length=255)
    input_hash = fields.CharField(max_length=64)
    answer = fields.JSONField[dict[str, object]](default=dict)

    class Meta:
        table = "order_request"


class OrderCursor(TenantRow):
    """Up to where an account's changed orders have been read whole. Moves in the commit of the last page only.

    reading_until, cursor  a reading under way: it can be taken up again where it stopped
    next_attempt_at        when it is due; while it is being read, when whoever reads it has lost it
    fence                  counts who reads: a reader that has lost it can change nothing any more
    attempts               readings that failed, one after the other
    """

    account_id = fields.UUIDField()
    watermark = fields.DatetimeField()
    reading_until = fields.DatetimeField(null=True)
    cursor = fields.CharField(max_length=2000, null=True)
    fence = fields.IntField(default=0)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    last_error = fields.CharField(max_length=300, null=True)

    class Meta:
        table = "order_cursor"
