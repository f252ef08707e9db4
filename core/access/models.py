"""Merchants, stores, people, tokens, and what guards them. Unique keys: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import Row, TenantRow


class Merchant(Row):
    """A chain. Its id is the `tenant_id` of all its rows."""

    name = fields.CharField(max_length=120)

    class Meta:
        table = "merchant"


class Store(TenantRow):
    name = fields.CharField(max_length=120)
    time_zone = fields.CharField(max_length=64, default="Asia/Shanghai")

    class Meta:
        table = "store"


class Customer(TenantRow):
    """The phone is sealed, found by its keyed fingerprint, and shown by its last four digits.

    `merged_into` is set once it turned out that this is another customer, who has everything of it since.
    """

    name = fields.CharField(max_length=120, null=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_fingerprint = fields.CharField(max_length=32, null=True)
    phone_tail = fields.CharField(max_length=4, null=True)
    merged_into = fields.UUIDField(null=True)
    merged_at = fields.DatetimeField(null=True)

    class Meta:
        table = "customer"


class AccessToken(TenantRow):
    """A bearer token; only its SHA-256 is kept. `store_ids` null: every store of the merchant.

    `actor_id` is the person, terminal or customer who acts with it; several tokens may be one actor's.
    """

    token_hash = fields.CharField(max_length=64)
    role = fields.CharField(max_length=16)
    actor_id = fields.UUIDField()
    name = fields.CharField(max_length=120, default="")
    store_ids = fields.JSONField[list[str]](null=True)
    scopes = fields.JSONField[list[str]](default=list)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "access_token"


class CustomerIdentity(TenantRow):
    """A customer as one of a platform's mini-programs knows them. `subject` is the person's id in that program.

    `union_subject` is the person's id across the merchant's programs. Only the first row with it holds it, so that
    its key decides between two first logins of one person.
    """

    customer_id = fields.UUIDField()
    account_id = fields.UUIDField()
    channel = fields.CharField(max_length=32)
    subject = fields.CharField(max_length=128)
    union_subject = fields.CharField(max_length=128, null=True)

    class Meta:
        table = "customer_identity"


class RefreshToken(TenantRow):
    """What an ended access token is renewed with, once; only its SHA-256 is kept.

    family    one login and all that was renewed from it; ends as a whole
    token_id  the access token that was given out with it
    """

    token_hash = fields.CharField(max_length=64)
    family = fields.UUIDField()
    customer_id = fields.UUIDField()
    account_id = fields.UUIDField()
    token_id = fields.UUIDField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refresh_token"


class FailureCount(TenantRow):
    """Unknown codes tried by one subject: `scope` is "actor", "token" or "store". Reset when its window has passed.

    `strikes` counts the locks so far; each lock is longer than the one before.
    """

    scope = fields.CharField(max_length=16)
    subject_id = fields.UUIDField()
    window_start = fields.DatetimeField()
    failures = fields.IntField(default=0)
    strikes = fields.IntField(default=0)
    locked_until = fields.DatetimeField(null=True)

    class Meta:
        table = "failure_count"


class AuditEntry(TenantRow):
    """One change by a person, token or rule. Append only; `details` hold no secrets."""

    actor_id = fields.UUIDField(null=True)
    token_id = fields.UUIDField(null=True)
    role = fields.CharField(max_length=16, null=True)
    action = fields.CharField(max_length=64)
    subject_type = fields.CharField(max_length=32)
    subject_id = fields.UUIDField(null=True)
    details = fields.JSONField[dict[str, object]](default=dict)

    class Meta:
        table = "audit_entry"
