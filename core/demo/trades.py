"""The demo's shops that take reservations: a restaurant, a hair salon and a gym, with staff, rooms, shifts and classes.

All of it is set up through the services that serve everybody else, for this week and the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from core.access.values import Actor
from core.catalogue.products import SkuDraft, create_product, list_products, load_product_skus
from core.demo.guide import DemoService, DemoSku
from core.demo.own_coupons import require_result
from core.ids import encode_global_id
from core.reservations.setup.classes import schedule_class
from core.reservations.setup.policies import OpenHours, set_store_policy
from core.reservations.setup.resources import ResourceDraft, create_resource
from core.reservations.setup.services import ServiceDraft, create_service
from core.reservations.setup.staff import StaffDraft, create_staff_member
from core.reservations.setup.store_weeks import WeekLine, copy_store_week, list_following, set_store_week
from core.reservations.setup.wall_times import Weekday
from core.reservations.values import ServiceKind
from core.runtime import Runtime

ZONE: Final = ZoneInfo("Asia/Shanghai")
_CLASS_DAYS: Final = 7
# Of the first of the staff: Monday. The second has Tuesday off, and so on.
_FIRST_DAY_OFF: Final = 0


@dataclass(frozen=True, slots=True)
class _Trade:
    """One shop: who works there from when to when, what there is, and what can be booked. Money in fen."""

    staff: Sequence[StaffDraft]
    hours: tuple[str, str]
    resources: Sequence[ResourceDraft]
    services: Sequence[ServiceDraft]
    dishes: Sequence[tuple[str, Sequence[SkuDraft]]] = ()


RESTAURANT: Final = _Trade(
    staff=(),
    hours=("11:00", "21:30"),
    resources=(
        ResourceDraft("听雨轩", "room", 8),
        ResourceDraft("观山阁", "room", 12),
        ResourceDraft("小满间", "room", 4),
    ),
    services=(
        ServiceDraft("包间用餐", ServiceKind.ROOM, 120, buffer_after_minutes=15, minimum_spend=80_000),
        ServiceDraft("到店自提", ServiceKind.PICKUP, 15, capacity=4),
    ),
    dishes=(
        ("清蒸东星斑", (SkuDraft("一条", 28_800, 6),)),
        ("龙井虾仁", (SkuDraft("例份", 9_800, 20), SkuDraft("大份", 16_800, 10))),
    ),
)
SALON: Final = _Trade(
    staff=(
        StaffDraft("阿杰", ("剪发", "染烫")),
        StaffDraft("小美", ("剪发", "护理")),
        StaffDraft("Tony", ("剪发", "染烫", "护理")),
    ),
    hours=("10:00", "21:00"),
    resources=(ResourceDraft("护理床 1", "bed"), ResourceDraft("护理床 2", "bed")),
    services=(
        ServiceDraft("精剪", ServiceKind.APPOINTMENT, 45, 0, 10, ("剪发",), price=12_800),
        ServiceDraft("染发", ServiceKind.APPOINTMENT, 120, 0, 15, ("染烫",), price=48_800, deposit=5_000),
        ServiceDraft(
            "头皮护理疗程", ServiceKind.COURSE, 60, 5, 10, ("护理",), ("bed",), price=26_800, visits=6
        ),
    ),
)
GYM: Final = _Trade(
    staff=(StaffDraft("陈教练", ("瑜伽",)), StaffDraft("老王", ("私教",))),
    hours=("07:00", "22:00"),
    resources=(ResourceDraft("团课教室", "studio", 30),),
    services=(
        ServiceDraft(
            "流瑜伽", ServiceKind.GROUP_CLASS, 60, 0, 15, ("瑜伽",), ("studio",), capacity=8, price=8_800
        ),
        ServiceDraft("一对一私教", ServiceKind.APPOINTMENT, 60, 0, 10, ("私教",), price=38_000),
    ),
)


async def list_dishes(owner: Actor, restaurant: UUID) -> list[DemoSku]:
    """What can be ordered at the restaurant."""
    page = await list_products(owner, restaurant, 20, None)
    titles = {product.id: product.title for product in page.products}
    found = await load_product_skus(owner, titles)
    store_id = encode_global_id("Store", restaurant)
    return [
        DemoSku(store_id, encode_global_id("Sku", sku.id), f"{titles[product_id]} {sku.name}")
        for product_id, skus in found.items()
        for sku in skus
    ]


async def open_trades(
    runtime: Runtime, owner: Actor, restaurant: UUID, salon: UUID, gym: UUID
) -> list[DemoService]:
    """Sets the three shops up and answers what can be booked at each."""
    today = runtime.clock.now().astimezone(ZONE).date()
    services = []
    for store_id, trade in ((restaurant, RESTAURANT), (salon, SALON), (gym, GYM)):
        services += await _open_trade(runtime, owner, store_id, trade, today)
    hours = [OpenHours(weekday, *RESTAURANT.hours) for weekday in Weekday]
    require_result(await set_store_policy(owner, restaurant, {"weekly_hours": hours}))
    return services


async def _open_trade(
    runtime: Runtime, owner: Actor, store_id: UUID, trade: _Trade, today: date
) -> list[DemoService]:
    for resource in trade.resources:
        require_result(await create_resource(owner, store_id, resource))
    members = [require_result(await create_staff_member(owner, store_id, each)) for each in trade.staff]
    await _set_weeks(owner, store_id, [member.id for member in members], trade.hours, today)
    for title, skus in trade.dishes:
        require_result(await create_product(owner, store_id, title, skus))
    shown = []
    for draft in trade.services:
        service = require_result(await create_service(owner, store_id, draft))
        if service.kind is ServiceKind.GROUP_CLASS:
            await _schedule_classes(runtime, owner, service.id, members[0].id, today)
        ids = (encode_global_id("Store", store_id), encode_global_id("Service", service.id))
        shown.append(DemoService(*ids, service.name, service.kind.value))
    return shown


async def _set_weeks(
    owner: Actor, store_id: UUID, staff_ids: Sequence[UUID], hours: tuple[str, str], today: date
) -> None:
    """Everybody works every day but one, each another one, with an hour's break."""
    monday = today - timedelta(days=today.weekday())
    lines = [
        line
        for index, staff_id in enumerate(staff_ids)
        for weekday in Weekday
        if weekday.number != index + _FIRST_DAY_OFF
        for line in (
            WeekLine(staff_id, weekday, hours[0], "13:00"),
            WeekLine(staff_id, weekday, "14:00", hours[1]),
        )
    ]
    if lines:
        require_result(await set_store_week(owner, store_id, monday, lines))
        require_result(await copy_store_week(owner, store_id, monday, list_following(monday, 1)))


async def _schedule_classes(
    runtime: Runtime, owner: Actor, service_id: UUID, staff_id: UUID, today: date
) -> None:
    """A class at seven on every evening of the coach, from tomorrow on."""
    for day in (today + timedelta(days=ahead) for ahead in range(1, _CLASS_DAYS + 1)):
        if day.weekday() != _FIRST_DAY_OFF:
            start = datetime.combine(day, time(19), ZONE)
            require_result(await schedule_class(runtime, owner, service_id, start, staff_id))
