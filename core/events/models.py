"""The outbox: every change that others may want to see, written in the commit that made it."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import Row, TenantRow


class OutboxEvent(TenantRow):
    """One change. `seq` is given by the relay, per tenant, without gaps, in the order in which commits became visible.

    `subject_id` is the row that changed; readers load it and check access for themselves, `payload` holds no secrets.
    """

    store_id = fields.UUIDField(null=True)
    kind = fields.CharField(max_length=64)
    subject_id = fields.UUIDField()
    payload = fields.JSONField[dict[str, object]](default=dict)
    seq = fields.BigIntField(null=True)

    class Meta:
        table = "outbox_event"


class EventSequence(Row):
    """The last `seq` of a tenant. The row's id is the tenant's: its lock makes relays take turns."""

    last_seq = fields.BigIntField(default=0)

    class Meta:
        table = "event_sequence"
