"""The base of every table."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from core.clock import utc_now
from core.ids import new_id


class Row(Model):
    """A row: an id made in the app, and when it came to be (UTC)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(default=utc_now)

    class Meta:
        abstract = True


class TenantRow(Row):
    """A row of one merchant. `tenant_id` leads every key and every WHERE."""

    tenant_id = fields.UUIDField()

    class Meta:
        abstract = True
