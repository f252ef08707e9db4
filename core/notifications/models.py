"""Messages to customers, how accounts tell them, and what people agreed to. Unique keys: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Notification(TenantRow):
    """One message about one subject, persisted with the change that it tells of.

    `texts` are our values by name; they are sent and shown to nobody else. `phone_sealed` is the subject's own
    contact, bound to `subject_id`; null: the customer's. Both are forgotten when the message has ended. `refused`
    lists the accounts whose platform will not take the message. `fence` moves whenever somebody takes the row in hand
    or changes what it says.
    """

    customer_id = fields.UUIDField(null=True)
    store_id = fields.UUIDField(null=True)
    kind = fields.CharField(max_length=32)
    subject_type = fields.CharField(max_length=32)
    subject_id = fields.UUIDField()
    version = fields.IntField(default=0)
    dedupe_key = fields.CharField(max_length=160)
    texts = fields.JSONField[dict[str, str]](default=dict)
    phone_sealed = fields.BinaryField(null=True)
    status = fields.CharField(max_length=16, default="DUE")
    reason = fields.CharField(max_length=32, null=True)
    due_at = fields.DatetimeField()
    next_attempt_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    fence = fields.IntField(default=0)
    refused = fields.JSONField[list[str]](default=list)
    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32, null=True)
    template = fields.CharField(max_length=128, null=True)
    recipient = fields.CharField(max_length=32, null=True)
    first_sent_at = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    platform_reference = fields.CharField(max_length=128, null=True)
    platform_code = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "notification"


class NotificationTemplate(TenantRow):
    """The platform's template by which an account tells a kind of message.

    `mapping`: field of the template → {"value": our name} or {"text": always the same}.
    """

    account_id = fields.UUIDField()
    kind = fields.CharField(max_length=32)
    template = fields.CharField(max_length=128)
    mapping = fields.JSONField[dict[str, dict[str, str]]](default=dict)
    page = fields.CharField(max_length=512, null=True)

    class Meta:
        table = "notification_template"


class MessageConsent(TenantRow):
    """How many messages of a template a person, known by the platform's id, has agreed to and not yet been sent."""

    account_id = fields.UUIDField()
    subject = fields.CharField(max_length=128)
    template = fields.CharField(max_length=128)
    remaining = fields.IntField(default=0)

    class Meta:
        table = "message_consent"
