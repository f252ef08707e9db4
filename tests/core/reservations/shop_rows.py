"""What the database says of a shop's reservations, and what must never be found in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from core.db.statements import (
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    execute,
    fetch_rows,
)
from core.reservations.values import ReservationStatus

WRITTEN = (
    "reservation", "booking_allocation", "slot_hold", "time_block", "reservation_request", "reservation_revision",
    "customer_quota", "waitlist_entry", "package_draw", "preorder_line", "attached_coupon", "check_in",
    "service_record", "points_account", "points_entry", "notification", "outbox_event", "audit_entry",
    "class_session", "redemption", "redemption_claim", "redemption_leg", "redemption_request", "house_use", "coupon",
)  # fmt: skip
_TAKES = "one.state IN ('HELD', 'CONFIRMED') AND two.state IN ('HELD', 'CONFIRMED')"
_ENDED = "('CANCELLED_BY_CUSTOMER', 'CANCELLED_BY_STORE')"

# Each finds nothing, whatever was done.
RULES = {
    "taken twice": f"""SELECT one.id FROM booking_allocation one JOIN booking_allocation two
        ON two.tenant_id = one.tenant_id AND two.resource_id = one.resource_id AND two.id > one.id
        WHERE {_TAKES} AND one.start_at < two.end_at AND two.start_at < one.end_at""",
    "time without a living owner": f"""SELECT a.id FROM booking_allocation a WHERE a.state IN ('HELD', 'CONFIRMED')
        AND NOT EXISTS (SELECT 1 FROM reservation r WHERE r.id = a.owner_id AND r.status NOT IN {_ENDED})
        AND NOT EXISTS (SELECT 1 FROM slot_hold h WHERE h.id = a.owner_id AND h.status = 'HELD' AND a.state = 'HELD')
        AND NOT EXISTS (SELECT 1 FROM time_block b WHERE b.id = a.owner_id AND b.status = 'ACTIVE')
        AND NOT EXISTS (SELECT 1 FROM class_session c WHERE c.id = a.owner_id AND c.status = 'OPEN')""",
    "a visit without its staff member's time": f"""SELECT r.id FROM reservation r WHERE r.session_id IS NULL
        AND r.staff_id IS NOT NULL AND r.status NOT IN {_ENDED} AND NOT EXISTS (SELECT 1 FROM booking_allocation a
        WHERE a.owner_id = r.id AND a.resource_id = r.staff_id AND a.state = 'CONFIRMED')""",
    "seats that nobody has": f"""SELECT c.id FROM class_session c WHERE c.status = 'OPEN' AND c.booked <>
        COALESCE((SELECT sum(r.party_size) FROM reservation r WHERE r.session_id = c.id AND r.status NOT IN {_ENDED}),
        0) + COALESCE((SELECT sum(h.party_size) FROM slot_hold h WHERE h.session_id = c.id AND h.status = 'HELD'), 0)
        + COALESCE((SELECT sum(w.party_size) FROM waitlist_entry w WHERE w.session_id = c.id
        AND w.status = 'OFFERED'), 0)""",
    "sessions lost or found": """SELECT p.id FROM customer_package p WHERE p.sessions_left <> p.sessions_total -
        (SELECT count(*) FROM package_draw d WHERE d.package_id = p.id AND d.status IN ('DRAWN', 'SPENT'))""",
    "changes without a revision": """SELECT r.id FROM reservation r WHERE r.version <>
        (SELECT count(*) FROM reservation_revision v WHERE v.reservation_id = r.id)""",
    "changes without an event": """SELECT r.id FROM reservation r WHERE r.version <> (SELECT count(*)
        FROM outbox_event o WHERE o.subject_id = r.id AND o.kind = 'reservation.changed')""",
    "two check-ins": """SELECT reservation_id FROM check_in WHERE undone_at IS NULL GROUP BY reservation_id
        HAVING count(*) > 1""",
    "messages of another time": """SELECT n.id FROM notification n JOIN reservation r ON r.id = n.subject_id
        WHERE n.status = 'DUE' AND n.kind <> 'RESERVATION_CANCELLED' AND n.version <> r.sequence""",
    "offers without an end": "SELECT id FROM waitlist_entry WHERE status = 'OFFERED' AND offer_expires_at IS NULL",
}


async def read_shop(now: datetime) -> dict[str, Any]:
    """The database in the form of `shop_model.Shop.show`."""
    return {
        "visits": await _read_visits(),
        "takes": await _read_takes(now),
        "holds": await _read_holds(now),
        "entries": await _read_entries(),
        "blocks": {
            as_uuid(row["id"])
            for row in await fetch_rows("SELECT id FROM time_block WHERE status = 'ACTIVE'")
        },
        "sessions_left": await _read_pairs("customer_package", "customer_id", "sessions_left"),
        "draws": await _read_pairs("package_draw", "reservation_id", "status"),
        "stock": (await fetch_rows("SELECT stock FROM sku"))[0]["stock"],
        "coupons": await _read_pairs("attached_coupon", "reservation_id", "status"),
        "used_coupons": (await fetch_rows("SELECT COALESCE(sum(times_used), 0) AS used FROM house_coupon"))[
            0
        ]["used"],
        "checked_in": {
            as_uuid(row["reservation_id"])
            for row in await fetch_rows("SELECT reservation_id FROM check_in WHERE undone_at IS NULL")
        },
        "points": await _read_pairs("points_account", "customer_id", "balance"),
    }


async def read_quotas() -> dict[tuple[UUID, UUID], int]:
    """What is counted for each customer and scope."""
    rows = await fetch_rows("SELECT customer_id, scope_id, open_count FROM customer_quota")
    return {(as_uuid(row["customer_id"]), as_uuid(row["scope_id"])): row["open_count"] for row in rows}


async def find_broken_rules() -> list[str]:
    return [name for name, rule in RULES.items() if await fetch_rows(rule)]


async def empty_shop(stock: int, sessions: int) -> None:
    """As if nobody had ever booked."""
    for table in WRITTEN:
        await execute(f"DELETE FROM {table}")
    await execute("UPDATE sku SET stock = $1", stock)
    await execute("UPDATE customer_package SET sessions_left = $1", sessions)
    await execute("UPDATE house_coupon SET times_used = 0, status = 'AVAILABLE'")


async def _read_visits() -> dict[UUID, tuple[Any, ...]]:
    return {
        as_uuid(row["id"]): (
            ReservationStatus(row["status"]), as_instant(row["start_at"]), as_instant(row["end_at"]),
            as_optional_uuid(row["staff_id"]), tuple(map(UUID, as_json(row["resource_ids"]))), row["party_size"],
            row["version"], row["sequence"],
        )
        for row in await fetch_rows("SELECT * FROM reservation")
    }  # fmt: skip


async def _read_takes(now: datetime) -> set[tuple[Any, ...]]:
    """A hold that has run out takes nothing, whether or not somebody has let go of it."""
    rows = await fetch_rows(
        "SELECT * FROM booking_allocation WHERE state IN ('HELD', 'CONFIRMED')"
        " AND (hold_expires_at IS NULL OR hold_expires_at > $1)",
        now,
    )
    return {
        (
            as_uuid(row["owner_id"]),
            as_uuid(row["resource_id"]),
            as_instant(row["start_at"]),
            as_instant(row["end_at"]),
        )
        for row in rows
    }


async def _read_holds(now: datetime) -> dict[UUID, tuple[Any, ...]]:
    """Those that live or were used: when it is written down that others have ended is nobody's promise."""
    rows = await fetch_rows("SELECT id, status, expires_at FROM slot_hold WHERE status IN ('HELD', 'USED')")
    return {
        as_uuid(row["id"]): (row["status"], as_instant(row["expires_at"]))
        for row in rows
        if row["status"] == "USED" or as_instant(row["expires_at"]) > now
    }


async def _read_entries() -> dict[UUID, tuple[Any, ...]]:
    return {
        as_uuid(row["id"]): (
            row["status"],
            as_optional_instant(row["offer_expires_at"]) if row["status"] == "OFFERED" else None,
            as_optional_uuid(row["reservation_id"]),
        )
        for row in await fetch_rows("SELECT * FROM waitlist_entry")
    }


async def _read_pairs(table: str, key: str, value: str) -> dict[UUID, Any]:
    rows = await fetch_rows(f"SELECT {key}, {value} FROM {table}")
    return {as_uuid(row[key]): row[value] for row in rows}
