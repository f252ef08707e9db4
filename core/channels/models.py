"""Connected accounts, their sealed credentials and tokens, their stores, and what platforms delivered."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class ChannelAccount(TenantRow):
    """A merchant's account at a channel. `settings` are the channel's own, without secrets.

    `status`: ACTIVE, NEEDS_ATTENTION (a person must mend something: `attention` says what) or DISABLED.
    """

    channel = fields.CharField(max_length=32)
    name = fields.CharField(max_length=120)
    status = fields.CharField(max_length=16, default="ACTIVE")
    settings = fields.JSONField[dict[str, object]](default=dict)
    attention = fields.CharField(max_length=500, null=True)
    last_success_at = fields.DatetimeField(null=True)
    last_failure_at = fields.DatetimeField(null=True)

    class Meta:
        table = "channel_account"


class ChannelCredential(TenantRow):
    """One secret field of an account, sealed and bound to tenant, channel, account and field."""

    account_id = fields.UUIDField()
    field = fields.CharField(max_length=64)
    sealed = fields.BinaryField()

    class Meta:
        table = "channel_credential"


class ChannelToken(TenantRow):
    """An access token that a platform gave an account, sealed. Whoever holds the lease may refresh it."""

    account_id = fields.UUIDField()
    name = fields.CharField(max_length=32)
    sealed = fields.BinaryField(null=True)
    expires_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    fence = fields.IntField(default=0)

    class Meta:
        table = "channel_token"


class ChannelStore(TenantRow):
    """Which store an account sells for, and the platform's id of that store."""

    account_id = fields.UUIDField()
    store_id = fields.UUIDField()
    external_store_id = fields.CharField(max_length=128)

    class Meta:
        table = "channel_store"


class InboxEvent(TenantRow):
    """One event that a platform delivered, stored once on (account, event id), worked on after commit."""

    account_id = fields.UUIDField()
    event_id = fields.CharField(max_length=128)
    kind = fields.CharField(max_length=64)
    subject = fields.CharField(max_length=128, null=True)
    occurred_at = fields.DatetimeField(null=True)
    # Tortoise keeps the name `raw` for itself.
    payload = fields.JSONField[dict[str, object]](source_field="raw", default=dict)
    handled_at = fields.DatetimeField(null=True)
    next_attempt_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)

    class Meta:
        table = "inbox_event"
