"""Reading what is set up: services, staff, resources, policies. All of it hardly changes: five seconds old will do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from core.cache import ExpiringCache
from core.db.statements import as_json, as_uuid, fetch_row, fetch_rows
from core.reservations.values import (
    DEFAULT_REMINDERS,
    Policy,
    ResourceView,
    ServiceKind,
    ServiceView,
    StaffView,
)

Hours = tuple[tuple[int, int], ...]

_services: ExpiringCache[tuple[UUID, UUID], ServiceView] = ExpiringCache(lifetime=5, capacity=10_000)
_offers: ExpiringCache[tuple[UUID, UUID], tuple[ServiceView, ...]] = ExpiringCache(lifetime=5, capacity=2_000)
_special_days: ExpiringCache[tuple[UUID, UUID], Mapping[date, Hours]] = ExpiringCache(
    lifetime=5, capacity=2_000
)
_policies: ExpiringCache[tuple[UUID, UUID], Policy] = ExpiringCache(lifetime=5, capacity=10_000)
_staff: ExpiringCache[tuple[UUID, UUID], tuple[StaffView, ...]] = ExpiringCache(lifetime=5, capacity=2_000)
_resources: ExpiringCache[tuple[UUID, UUID], tuple[ResourceView, ...]] = ExpiringCache(
    lifetime=5, capacity=2_000
)


async def find_service(tenant_id: UUID, service_id: UUID) -> ServiceView | None:
    """The merchant's service, also one no longer offered; None where there is none."""
    known = _services.get((tenant_id, service_id))
    if known is not None:
        return known
    row = await fetch_row("SELECT * FROM service WHERE tenant_id = $1 AND id = $2", tenant_id, service_id)
    if row is None:
        return None
    service = read_service(row)
    _services.put((tenant_id, service_id), service)
    return service


async def list_services(tenant_id: UUID, store_id: UUID) -> tuple[ServiceView, ...]:
    """What the store offers, oldest first."""
    known = _offers.get((tenant_id, store_id))
    if known is None:
        known = tuple(map(read_service, await _list_active("service", tenant_id, store_id)))
        _offers.put((tenant_id, store_id), known)
    return known


async def list_staff(tenant_id: UUID, store_id: UUID) -> tuple[StaffView, ...]:
    """The store's active staff, oldest first."""
    known = _staff.get((tenant_id, store_id))
    if known is None:
        known = tuple(map(read_staff, await _list_active("staff_member", tenant_id, store_id)))
        _staff.put((tenant_id, store_id), known)
    return known


async def list_resources(tenant_id: UUID, store_id: UUID) -> tuple[ResourceView, ...]:
    """The store's active resources, oldest first."""
    known = _resources.get((tenant_id, store_id))
    if known is None:
        known = tuple(map(read_resource, await _list_active("resource", tenant_id, store_id)))
        _resources.put((tenant_id, store_id), known)
    return known


async def load_policy(tenant_id: UUID, store_id: UUID) -> Policy:
    """How the store takes reservations; the defaults where it says nothing."""
    known = _policies.get((tenant_id, store_id))
    if known is None:
        row = await fetch_row(
            "SELECT * FROM store_policy WHERE tenant_id = $1 AND store_id = $2", tenant_id, store_id
        )
        known = read_policy(row) if row else Policy()
        _policies.put((tenant_id, store_id), known)
    return known


async def load_special_days(tenant_id: UUID, store_id: UUID) -> Mapping[date, Hours]:
    """The store's days that are unlike their week, with their hours in minutes; empty hours: closed."""
    known = _special_days.get((tenant_id, store_id))
    if known is None:
        rows = await fetch_rows(
            "SELECT day, hours FROM special_day WHERE tenant_id = $1 AND store_id = $2", tenant_id, store_id
        )
        known = {_as_date(row["day"]): read_hours(as_json(row["hours"])) for row in rows}
        _special_days.put((tenant_id, store_id), known)
    return known


def forget_setup(tenant_id: UUID, store_id: UUID, service_id: UUID | None = None) -> None:
    """What was just changed in this process is read anew in this process."""
    _policies.drop((tenant_id, store_id))
    _special_days.drop((tenant_id, store_id))
    _offers.drop((tenant_id, store_id))
    _staff.drop((tenant_id, store_id))
    _resources.drop((tenant_id, store_id))
    if service_id is not None:
        _services.drop((tenant_id, service_id))


def read_service(row: Mapping[str, Any]) -> ServiceView:
    """A row of `service`."""
    return ServiceView(
        id=as_uuid(row["id"]),
        tenant_id=as_uuid(row["tenant_id"]),
        store_id=as_uuid(row["store_id"]),
        name=row["name"],
        kind=ServiceKind(row["kind"]),
        duration_minutes=row["duration_minutes"],
        buffer_before_minutes=row["buffer_before_minutes"],
        buffer_after_minutes=row["buffer_after_minutes"],
        required_skills=frozenset(as_json(row["required_skills"])),
        required_resource_kinds=tuple(as_json(row["required_resource_kinds"])),
        capacity=row["capacity"],
        price=row["price"],
        deposit=row["deposit"],
        minimum_spend=row["minimum_spend"],
        visits=row["visits"],
        lead_minutes=row["lead_minutes"],
        horizon_days=row["horizon_days"],
        change_minutes=row["change_minutes"],
        grace_minutes=row["grace_minutes"],
        limit_per_customer=row["limit_per_customer"],
        active=bool(row["active"]),
    )


def read_staff(row: Mapping[str, Any]) -> StaffView:
    """A row of `staff_member`."""
    return StaffView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        row["name"],
        frozenset(as_json(row["skills"])),
        bool(row["active"]),
    )


def read_resource(row: Mapping[str, Any]) -> ResourceView:
    """A row of `resource`."""
    return ResourceView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["store_id"]),
        row["name"],
        row["kind"],
        row["capacity"],
        bool(row["active"]),
    )


def read_policy(row: Mapping[str, Any]) -> Policy:
    """A row of `store_policy`."""
    reminders = as_json(row["reminder_minutes"])
    return Policy(
        hold_minutes=row["hold_minutes"],
        lead_minutes=row["lead_minutes"],
        horizon_days=row["horizon_days"],
        change_minutes=row["change_minutes"],
        grace_minutes=row["grace_minutes"],
        limit_per_customer=row["limit_per_customer"],
        keep_deposit=bool(row["keep_deposit"]),
        check_in_before_minutes=row["check_in_before_minutes"],
        check_in_after_minutes=row["check_in_after_minutes"],
        reminder_minutes=DEFAULT_REMINDERS if reminders is None else tuple(reminders),
        spread_load=bool(row["spread_load"]),
        points_per_yuan=row["points_per_yuan"],
        offer_minutes=row["offer_minutes"],
        waitlist_cutoff_minutes=row["waitlist_cutoff_minutes"],
        close_on_holidays=bool(row["close_on_holidays"]),
        weekly_hours=read_week(as_json(row["weekly_hours"])),
    )


def read_week(
    hours: Mapping[str, list[list[str]]] | None,
) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """The hours of each weekday, Monday first, in minutes of the day; "24:00" is 1440. None: at all hours."""
    if hours is None:
        return None
    return tuple(read_hours(hours.get(str(weekday), [])) for weekday in range(7))


def read_hours(hours: list[list[str]]) -> tuple[tuple[int, int], ...]:
    """[["10:00", "22:00"]] as minutes of the day."""
    return tuple((_read_minute(start), _read_minute(end)) for start, end in hours)


def _as_date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _read_minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


async def _list_active(table: str, tenant_id: UUID, store_id: UUID) -> list[dict[str, Any]]:
    return await fetch_rows(
        f"SELECT * FROM {table} WHERE tenant_id = $1 AND store_id = $2 AND active ORDER BY id",
        tenant_id,
        store_id,
    )
