"""What of messages is sealed, for changing the secret key."""

from __future__ import annotations

from core.access.privacy import bind_phone
from core.db.statements import as_uuid
from core.resealing import SealedColumn

NOTIFICATION_PHONES = SealedColumn(
    table="notification",
    column="phone_sealed",
    source="SELECT id, tenant_id, subject_id, phone_sealed AS sealed FROM notification",
    bound_to=lambda row: bind_phone(as_uuid(row["tenant_id"]), as_uuid(row["subject_id"])),
)
