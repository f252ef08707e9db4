"""What must hold in the database, whatever the program does: keys, checks, and the indexes that sweeps need.

Tortoise creates neither conditional keys nor checks, and loses indexes when it rebuilds a table on SQLite. So
they are made here, after every migration, and verified at every start. `tenant_id` leads each key.

A definition never changes under its name: a changed one gets a new name.
"""

from __future__ import annotations

from core.db.invariant_kinds import Check, Index, NoOverlap
from core.db.statements import current_connection, fetch_rows, is_postgres

_NO_ACCOUNT = "'00000000-0000-0000-0000-000000000000'"
_GUARDED = "state IN ('HELD', 'CONFIRMED')"
_LIVING = "status IN ('PROCESSING', 'COMPENSATING')"


def _key(table: str, columns: str, where: str = "", label: str = "") -> Index:
    return Index(table, columns, where, unique=True, label=label)


KEYS = (
    # A token is found by its hash before the tenant is known.
    _key("access_token", "token_hash"),
    _key("failure_count", "tenant_id, scope, subject_id"),
    _key("customer", "tenant_id, phone_fingerprint", "phone_fingerprint IS NOT NULL"),
    _key("customer_identity", "tenant_id, account_id, subject"),
    _key("customer_identity", "tenant_id, channel, union_subject", "union_subject IS NOT NULL"),
    # Found by its hash before the tenant is known, as an access token is.
    _key("refresh_token", "token_hash"),
    _key("channel_credential", "tenant_id, account_id, field"),
    _key("channel_token", "tenant_id, account_id, name"),
    _key("channel_store", "tenant_id, account_id, store_id"),
    _key("channel_store", "tenant_id, account_id, external_store_id"),
    _key("inbox_event", "tenant_id, account_id, event_id"),
    _key("redemption_request", "tenant_id, actor_id, operation, idempotency_key", label="idempotency"),
    _key(
        "redemption_request",
        "tenant_id, subject_id",
        f"operation = 'reverseRedemption' AND {_LIVING}",
        label="living_reversal",
    ),
    _key(
        "redemption_claim",
        f"tenant_id, coalesce(account_id, {_NO_ACCOUNT}), coupon_key, use_number",
        label="one_use",
    ),
    _key("redemption_leg", "tenant_id, request_id, position"),
    _key("coupon_issue", "tenant_id, actor_id, idempotency_key", label="idempotency"),
    _key("house_coupon", "tenant_id, code_fingerprint"),
    _key("house_use", "tenant_id, token, number"),
    _key("customer_allowance", "tenant_id, batch_id, customer_id"),
    _key(
        "reconciliation_run",
        f"tenant_id, coalesce(account_id, {_NO_ACCOUNT}), channel, store_id, day",
        label="one_day",
    ),
    _key("reconciliation_item", "tenant_id, run_id, item_key"),
    _key("outbox_event", "tenant_id, seq", "seq IS NOT NULL"),
    _key("store_policy", "tenant_id, store_id"),
    _key("special_day", "tenant_id, store_id, day"),
    _key(
        "class_session",
        f"tenant_id, service_id, start_at, coalesce(staff_id, {_NO_ACCOUNT})",
        "status = 'OPEN'",
        label="one_time",
    ),
    _key("reservation", "tenant_id, store_id, code"),
    # Calendars are asked for without a token.
    _key("reservation", "calendar_key"),
    _key("reservation", "tenant_id, account_id, external_id", "external_id IS NOT NULL"),
    _key("reservation_request", "tenant_id, actor_id, operation, idempotency_key", label="idempotency"),
    _key("reservation_revision", "tenant_id, reservation_id, version"),
    _key("customer_quota", "tenant_id, scope_id, customer_id"),
    _key(
        "waitlist_entry",
        "tenant_id, session_id, customer_id",
        "status IN ('WAITING', 'OFFERED')",
        label="waiting_once",
    ),
    _key("package_draw", "tenant_id, reservation_id"),
    _key("preorder_line", "tenant_id, reservation_id, sku_id"),
    _key("attached_coupon", "tenant_id, reservation_id, position"),
    _key("check_in", "tenant_id, reservation_id", "undone_at IS NULL", label="in_once"),
    _key("service_record", "tenant_id, reservation_id"),
    _key("points_account", "tenant_id, customer_id"),
    _key("points_entry", "tenant_id, reason, subject_id"),
    _key("rating", "tenant_id, reservation_id"),
    _key("notification", "tenant_id, dedupe_key"),
    _key("notification_template", "tenant_id, account_id, kind"),
    _key("message_consent", "tenant_id, account_id, subject, template"),
    _key("booking_link", "tenant_id, account_id, store_id, target_kind, reference", label="reference"),
    _key("channel_booking", "tenant_id, account_id, external_id", "external_id IS NOT NULL"),
    _key("channel_booking", "tenant_id, account_id, reservation_id", "reservation_id IS NOT NULL"),
    _key("booking_message", "tenant_id, dedupe_key"),
    _key("booking_sync", "tenant_id, account_id, store_id"),
    _key("booking_watch", "tenant_id, topic"),
    _key("customer_order", "tenant_id, number"),
    _key("customer_order", "tenant_id, account_id, external_id", "external_id IS NOT NULL"),
    _key("order_line", "tenant_id, order_id, line_key"),
    _key("order_refund", "tenant_id, order_id, refund_key"),
    _key("order_shipment", "tenant_id, order_id, shipment_key"),
    _key("timeline_entry", "tenant_id, order_id, entry_key"),
    _key("order_request", "tenant_id, actor_id, operation, idempotency_key", label="idempotency"),
    _key("order_cursor", "tenant_id, account_id"),
    _key("order_placement", "tenant_id, order_id"),
    _key("order_stock", "tenant_id, order_id, sku_id"),
    _key("payment", "tenant_id, order_id, payment_key"),
    _key("campaign_sku", "tenant_id, campaign_id, sku_id"),
    _key("presale_wave", "tenant_id, campaign_id, position"),
    _key("wave_sale", "tenant_id, order_line_id"),
    _key("store_score", "tenant_id, store_id, source, dimension, at", label="one_mark"),
    _key("review", "tenant_id, store_id, source, reference", label="reference"),
    _key("guard_rule", "tenant_id, store_id, figure"),
    _key("guard_action", "tenant_id, campaign_id, figure, day, dry_run", label="once_a_day"),
)

CHECKS = (
    Check("coupon_batch", "issued", "{row}issued >= 0 AND {row}issued <= {row}quantity"),
    Check("coupon_batch", "spent", "{row}budget IS NULL OR {row}spent <= {row}budget"),
    Check("house_coupon", "times_used", "{row}times_used >= 0 AND {row}times_used <= {row}times_total"),
    Check("customer_allowance", "issued", "{row}issued >= 0"),
    Check("redemption", "times", "{row}times >= 1"),
    Check("redemption", "discount", "{row}discount >= 0"),
    Check("service", "duration", "{row}duration_minutes >= 1"),
    Check("shift", "span", "{row}start_at < {row}end_at"),
    Check("booking_allocation", "span", "{row}start_at < {row}end_at"),
    Check("class_session", "booked", "{row}booked >= 0 AND {row}booked <= {row}capacity"),
    Check("reservation", "span", "{row}start_at < {row}end_at"),
    Check("reservation", "party", "{row}party_size >= 1"),
    Check("waitlist_entry", "party", "{row}party_size >= 1"),
    Check("waitlist_entry", "offer", "{row}status <> 'OFFERED' OR {row}offer_expires_at IS NOT NULL"),
    Check("customer_quota", "open", "{row}open_count >= 0"),
    Check(
        "customer_package", "left", "{row}sessions_left >= 0 AND {row}sessions_left <= {row}sessions_total"
    ),
    Check("points_account", "balance", "{row}balance >= 0"),
    Check("rating", "stars", "{row}stars >= 1 AND {row}stars <= 5"),
    # At most `core.notifications.consents.MOST_REMAINING`.
    Check("message_consent", "remaining", "{row}remaining >= 0 AND {row}remaining <= 20"),
    Check("sku", "stock", "{row}stock IS NULL OR {row}stock >= 0"),
    Check("order_line", "quantity", "{row}quantity >= 1"),
    Check("order_stock", "quantity", "{row}quantity >= 1"),
    Check("payment", "amount", "{row}amount >= 1"),
    Check("presale_campaign", "span", "{row}starts_at < {row}ends_at"),
    Check("presale_wave", "sold", "{row}sold >= 0 AND {row}sold <= {row}quantity"),
    Check("wave_sale", "quantity", "{row}quantity >= 1"),
    Check("store_score", "value", "{row}value >= 0 AND {row}value <= 500"),
    Check("review", "stars", "{row}stars >= 1 AND {row}stars <= 5"),
    Check("guard_rule", "threshold", "{row}threshold >= 0 AND {row}threshold <= 10000"),
    Check(
        "order_line", "refunded", "{row}refunded_quantity >= 0 AND {row}refunded_quantity <= {row}quantity"
    ),
    Check("order_line", "shipped", "{row}shipped_quantity >= 0 AND {row}shipped_quantity <= {row}quantity"),
)

INDEXES = (
    # What sweeps look for, over all tenants.
    Index("redemption_request", "next_attempt_at", _LIVING),
    Index("redemption_leg", "settle_at", "settle_at IS NOT NULL"),
    Index("outbox_event", "id", "seq IS NULL"),
    Index("inbox_event", "next_attempt_at", "handled_at IS NULL"),
    Index("reconciliation_run", "next_attempt_at", "next_attempt_at IS NOT NULL"),
    # What lists page through and services look up.
    Index("redemption", "tenant_id, id"),
    Index("redemption", "tenant_id, store_id, id"),
    Index("redemption", "tenant_id, customer_id, id", "customer_id IS NOT NULL"),
    Index("redemption", "tenant_id, request_id"),
    Index("redemption", "tenant_id, coupon_id"),
    Index("redemption_claim", "tenant_id, redemption_id"),
    Index("coupon", "tenant_id, code_fingerprint"),
    Index("house_use", "tenant_id, coupon_id"),
    Index("house_use", "tenant_id, store_id, used_at, id"),
    Index("reconciliation_run", "tenant_id, day, id"),
    Index("reconciliation_item", "tenant_id, run_id, id"),
    Index("store", "tenant_id"),
    Index("customer", "tenant_id, merged_into", "merged_into IS NOT NULL"),
    Index("customer_identity", "tenant_id, customer_id"),
    Index("refresh_token", "tenant_id, family"),
    Index("refresh_token", "tenant_id, customer_id"),
    Index("refresh_token", "expires_at"),
    Index("refresh_token", "used_at", "used_at IS NOT NULL"),
    Index("access_token", "tenant_id, actor_id"),
    Index("channel_account", "tenant_id, channel"),
    Index("channel_store", "tenant_id, store_id"),
    Index("audit_entry", "tenant_id, id"),
    Index("slot_hold", "expires_at", "status = 'HELD'"),
    Index("slot_hold", "tenant_id, actor_id", "status = 'HELD'"),
    Index("slot_hold", "tenant_id, session_id", "status = 'HELD' AND session_id IS NOT NULL"),
    Index("waitlist_entry", "session_id", "status IN ('WAITING', 'OFFERED')"),
    Index("class_session", "start_at", "status = 'CANCELLED'"),
    Index("reservation", "no_show_at", "status = 'CONFIRMED'"),
    Index("notification", "next_attempt_at", "next_attempt_at IS NOT NULL"),
    Index("booking_message", "next_attempt_at", "next_attempt_at IS NOT NULL"),
    Index("booking_sync", "next_attempt_at"),
    Index("notification", "tenant_id, id"),
    Index("notification", "tenant_id, store_id, id"),
    Index("notification", "tenant_id, subject_id"),
    Index("notification", "tenant_id, customer_id, id", "customer_id IS NOT NULL"),
    Index("service", "tenant_id, store_id"),
    Index("staff_member", "tenant_id, store_id"),
    Index("resource", "tenant_id, store_id"),
    Index("shift", "tenant_id, store_id, end_at"),
    Index("shift", "tenant_id, staff_id, end_at"),
    Index("class_session", "tenant_id, store_id, start_at"),
    Index("class_session", "tenant_id, service_id, start_at"),
    Index("booking_allocation", "tenant_id, owner_id"),
    Index("booking_allocation", "tenant_id, store_id, end_at", _GUARDED),
    Index("time_block", "tenant_id, store_id, end_at"),
    Index("reservation", "tenant_id, store_id, start_at, id"),
    Index("reservation", "tenant_id, start_at, id"),
    Index("reservation", "tenant_id, status, start_at, id"),
    Index("reservation", "tenant_id, staff_id, start_at, id", "staff_id IS NOT NULL"),
    Index("reservation", "tenant_id, service_id, start_at, id"),
    Index("reservation", "tenant_id, customer_id, start_at, id", "customer_id IS NOT NULL"),
    Index("reservation", "tenant_id, phone_tail, start_at, id", "phone_tail IS NOT NULL"),
    Index("reservation", "tenant_id, phone_fingerprint", "phone_fingerprint IS NOT NULL"),
    Index("reservation", "tenant_id, session_id", "session_id IS NOT NULL"),
    Index("waitlist_entry", "tenant_id, session_id, id"),
    Index("waitlist_entry", "tenant_id, customer_id, id"),
    Index("customer_package", "tenant_id, customer_id"),
    Index("package_draw", "tenant_id, package_id"),
    Index("service_record", "tenant_id, customer_id, id", "customer_id IS NOT NULL"),
    Index("rating", "tenant_id, store_id, id"),
    Index("sku", "tenant_id, product_id"),
    Index("product", "tenant_id, store_id"),
    Index("booking_link", "tenant_id, target_id"),
    Index("booking_message", "tenant_id, booking_id, id"),
    Index("channel_booking", "tenant_id, reservation_id", "reservation_id IS NOT NULL"),
    Index("channel_booking", "tenant_id, store_id, id", "outcome = 'CONFLICT'"),
    Index("channel_booking", "tenant_id, account_id, store_id, start_at"),
    Index("customer_order", "tenant_id, placed_at, id"),
    Index("customer_order", "tenant_id, store_id, placed_at, id", "store_id IS NOT NULL"),
    Index("customer_order", "tenant_id, customer_id, placed_at, id", "customer_id IS NOT NULL"),
    Index("customer_order", "tenant_id, status, placed_at, id"),
    Index("customer_order", "tenant_id, channel, placed_at, id"),
    Index("customer_order", "tenant_id, external_id", "external_id IS NOT NULL"),
    Index(
        "customer_order", "tenant_id, account_id, id", "store_id IS NULL AND external_store_id IS NOT NULL"
    ),
    Index("redemption", "tenant_id, order_id", "order_id IS NOT NULL"),
    Index(
        "customer_order",
        "tenant_id, fulfilment_risk, placed_at, id",
        "fulfilment_risk IN ('AT_RISK', 'LATE')",
    ),
    Index("order_line", "promised_ship_at", "promised_ship_at IS NOT NULL AND shipped_at IS NULL"),
    Index("order_line", "tenant_id, wave_id", "wave_id IS NOT NULL"),
    Index("timeline_entry", "tenant_id, order_id, at, id"),
    Index("order_cursor", "next_attempt_at"),
    Index("redemption_request", "tenant_id, order_id", "order_id IS NOT NULL"),
    Index("order_placement", "next_attempt_at", "next_attempt_at IS NOT NULL"),
    # What figures over a window count.
    Index("customer_order", "tenant_id, store_id, paid_at", "paid_at IS NOT NULL"),
    Index("order_line", "tenant_id, promised_ship_at", "promised_ship_at IS NOT NULL"),
    Index(
        "order_line",
        "tenant_id, promised_ship_at, order_id",
        "promised_ship_at IS NOT NULL AND shipped_at IS NULL",
        label="waiting",
    ),
    Index("customer_order", "status", "fulfilment_risk <> 'NONE'"),
    Index("review", "tenant_id, store_id, at"),
    Index("presale_campaign", "tenant_id, store_id, id"),
    Index("presale_campaign", "ends_at", "status = 'PUBLISHED'"),
    Index("guard_action", "tenant_id, store_id, id"),
)

# Nobody and nothing is booked twice at one time, whatever was booked where.
OVERLAPS = (
    NoOverlap("booking_allocation", ("tenant_id", "resource_id"), _GUARDED),
    # Nobody works twice at one time.
    NoOverlap("shift", ("tenant_id", "staff_id"), "staff_id IS NOT NULL"),
    # A variant is in one presale at a time.
    NoOverlap("campaign_sku", ("tenant_id", "sku_id"), "active"),
)

INVARIANTS: tuple[Index | Check | NoOverlap, ...] = KEYS + CHECKS + INDEXES + OVERLAPS

_CATALOGUE_OF_POSTGRES = """
    SELECT class.relname AS name FROM pg_index
    JOIN pg_class AS class ON class.oid = pg_index.indexrelid
    JOIN pg_namespace AS space ON space.oid = class.relnamespace
    WHERE space.nspname = current_schema() AND pg_index.indisvalid
    UNION ALL
    SELECT conname FROM pg_constraint
    JOIN pg_namespace AS space ON space.oid = connamespace
    WHERE space.nspname = current_schema() AND contype IN ('c', 'x') AND convalidated
"""
_CATALOGUE_OF_SQLITE = "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')"


async def ensure_invariants() -> None:
    """Creates what is missing. Raises IntegrityError where the rows of a table break an invariant."""
    connection = current_connection()
    postgres = is_postgres(connection)
    for invariant in await _find_missing(postgres=postgres):
        for statement in invariant.statements(postgres=postgres):
            await connection.execute_script(statement)


async def verify_invariants() -> list[str]:
    """The names of the invariants that the database does not enforce; empty where all is well."""
    return [invariant.name for invariant in await _find_missing(postgres=is_postgres())]


async def _find_missing(*, postgres: bool) -> list[Index | Check | NoOverlap]:
    rows = await fetch_rows(_CATALOGUE_OF_POSTGRES if postgres else _CATALOGUE_OF_SQLITE)
    present = {row["name"] for row in rows}
    return [each for each in INVARIANTS if not present.issuperset(each.parts(postgres=postgres))]
