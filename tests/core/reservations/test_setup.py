"""Setting services, staff, resources, policies and special days up: what is kept, what is refused, and by whom."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.errors import BadInput, Forbidden, NotFound
from core.reservations.setup.policies import OpenHours, find_store_policy, list_open_hours, set_store_policy
from core.reservations.setup.resources import (
    ResourceDraft,
    create_resource,
    list_store_resources,
    load_resources,
    update_resource,
)
from core.reservations.setup.rows import find_service, list_resources, list_staff, load_policy
from core.reservations.setup.services import (
    ServiceDraft,
    create_service,
    list_services,
    load_services,
    update_service,
)
from core.reservations.setup.special_days import list_special_days, remove_special_day, set_special_day
from core.reservations.setup.staff import (
    StaffDraft,
    create_staff_member,
    list_staff_members,
    load_staff_members,
    update_staff_member,
)
from core.reservations.setup.wall_times import Weekday
from core.reservations.values import Policy, ServiceKind

CUT = ServiceDraft("Cut", ServiceKind.APPOINTMENT, 60)
DAY = date(2026, 12, 24)


def read_problems(answer):
    return [(problem.code.value, ".".join(problem.field)) for problem in answer]


def make_draft(**changes):
    return ServiceDraft(**{"name": "Cut", "kind": ServiceKind.APPOINTMENT, "duration_minutes": 60} | changes)


# ------------------------------------------------------------------------------------------------ services
async def test_service_is_kept(salon):
    draft = make_draft(
        name="  Massage ", required_skills=(" back ", "back"), price=8800, buffer_after_minutes=10
    )
    service = await create_service(salon.owner, salon.store_id, draft)
    assert (service.name, service.required_skills, service.price) == ("Massage", frozenset({"back"}), 8800)
    assert await find_service(salon.tenant_id, service.id) == service
    assert await list_services(salon.owner, salon.store_id) == (service,)
    assert await salon.count("audit_entry", "action = 'createService'") == 1


async def test_room_takes_a_room(salon):
    service = await create_service(salon.owner, salon.store_id, make_draft(kind=ServiceKind.ROOM))
    assert service.required_resource_kinds == ("room",)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": " "}, "REQUIRED", "name"),
        ({"name": "n" * 121}, "TOO_LONG", "name"),
        ({"duration_minutes": 0}, "TOO_SMALL", "durationMinutes"),
        ({"duration_minutes": 1441}, "TOO_LARGE", "durationMinutes"),
        ({"buffer_before_minutes": -1}, "TOO_SMALL", "bufferBeforeMinutes"),
        ({"buffer_after_minutes": 481}, "TOO_LARGE", "bufferAfterMinutes"),
        ({"capacity": 0}, "TOO_SMALL", "capacity"),
        ({"capacity": 501}, "TOO_LARGE", "capacity"),
        ({"price": -1}, "TOO_SMALL", "price"),
        ({"price": 2_000_000_001}, "TOO_LARGE", "price"),
        ({"minimum_spend": -1}, "TOO_SMALL", "minimumSpend"),
        ({"required_skills": ("ok", " ")}, "REQUIRED", "requiredSkills.1"),
        ({"required_resource_kinds": ("k" * 33,)}, "TOO_LONG", "requiredResourceKinds.0"),
        ({"required_skills": tuple(map(str, range(21)))}, "TOO_LONG", "requiredSkills"),
        ({"horizon_days": 366}, "TOO_LARGE", "horizonDays"),
    ],
)
async def test_wrong_service_is_named(salon, change, code, field):
    answer = await create_service(salon.owner, salon.store_id, make_draft(**change))
    assert read_problems(answer) == [(code, field)]
    assert answer[0].message("en") != answer[0].message("zh-CN")
    assert await salon.count("service") == await salon.count("audit_entry", "action = 'createService'") == 0


async def test_everything_wrong_at_once(salon):
    answer = await create_service(salon.owner, salon.store_id, make_draft(name="", capacity=0, price=-5))
    assert [field for _, field in read_problems(answer)] == ["name", "capacity", "price"]


async def test_update_changes_what_it_names(salon):
    before = await create_service(salon.owner, salon.store_id, make_draft(price=8800, deposit=1000))
    await find_service(salon.tenant_id, before.id)
    after = await update_service(salon.owner, before.id, {"price": None, "duration_minutes": 45})
    assert (after.price, after.duration_minutes, after.deposit, after.name) == (None, 45, 1000, "Cut")
    assert await find_service(salon.tenant_id, before.id) == after


async def test_wrong_update_changes_nothing(salon):
    before = await create_service(salon.owner, salon.store_id, CUT)
    answer = await update_service(salon.owner, before.id, {"name": "Colour", "duration_minutes": 0})
    assert read_problems(answer) == [("TOO_SMALL", "durationMinutes")]
    assert await list_services(salon.owner, salon.store_id) == (before,)
    assert await salon.count("audit_entry", "action = 'updateService'") == 0


async def test_two_updates_keep_both(salon):
    service = await create_service(salon.owner, salon.store_id, CUT)
    await asyncio.gather(
        update_service(salon.owner, service.id, {"name": "Colour"}),
        update_service(salon.owner, service.id, {"price": 5000}),
    )
    (after,) = await list_services(salon.owner, salon.store_id)
    assert (after.name, after.price) == ("Colour", 5000)


async def test_retired_service_is_listed_on_demand(salon):
    service = await create_service(salon.owner, salon.store_id, CUT)
    await update_service(salon.owner, service.id, {"active": False})
    assert await list_services(salon.owner, salon.store_id) == ()
    (retired,) = await list_services(salon.owner, salon.store_id, retired=True)
    assert (retired.id, retired.active) == (service.id, False)


# ------------------------------------------------------------------------------------------------ staff, resources
async def test_staff_member_is_kept(salon):
    await list_staff(salon.tenant_id, salon.store_id)
    member = await create_staff_member(salon.owner, salon.store_id, StaffDraft(" Bo ", ("back", " back")))
    assert (member.name, member.skills) == ("Bo", frozenset({"back"}))
    assert member in await list_staff(salon.tenant_id, salon.store_id)
    assert "Bo" not in str(await salon.list("audit_entry", "details"))


async def test_staff_member_who_leaves(salon):
    left = await update_staff_member(salon.owner, salon.anna, {"active": False})
    assert left.active is False
    assert await list_staff(salon.tenant_id, salon.store_id) == ()
    assert await list_staff_members(salon.owner, salon.store_id, retired=True) == (left,)


async def test_resource_is_kept(salon):
    await list_resources(salon.tenant_id, salon.store_id)
    room = await create_resource(salon.owner, salon.store_id, ResourceDraft(" Lotus ", " room ", 6))
    assert (room.name, room.kind, room.capacity) == ("Lotus", "room", 6)
    assert await list_resources(salon.tenant_id, salon.store_id) == (room,)
    larger = await update_resource(salon.owner, room.id, {"capacity": 8})
    assert (larger.capacity, larger.name) == (8, "Lotus")
    assert await list_store_resources(salon.owner, salon.store_id) == (larger,)


@pytest.mark.parametrize(
    ("draft", "code", "field"),
    [
        (ResourceDraft("", "room"), "REQUIRED", "name"),
        (ResourceDraft("Lotus", ""), "REQUIRED", "kind"),
        (ResourceDraft("Lotus", "k" * 33), "TOO_LONG", "kind"),
        (ResourceDraft("Lotus", "room", 0), "TOO_SMALL", "capacity"),
        (ResourceDraft("Lotus", "room", 501), "TOO_LARGE", "capacity"),
    ],
)
async def test_wrong_resource_is_named(salon, draft, code, field):
    answer = await create_resource(salon.owner, salon.store_id, draft)
    assert read_problems(answer) == [(code, field)]
    assert await salon.count("resource") == 0


async def test_wrong_staff_member_is_named(salon):
    answer = await create_staff_member(salon.owner, salon.store_id, StaffDraft("", ("", "s" * 33)))
    expected = [("REQUIRED", "name"), ("REQUIRED", "skills.0"), ("TOO_LONG", "skills.1")]
    assert read_problems(answer) == expected
    assert await salon.count("staff_member") == 1


# ------------------------------------------------------------------------------------------------ who may
@pytest.fixture
async def bound(salon):
    """Staff of another store of the merchant."""
    other = await create_store(salon.owner, "Second")
    return await authenticate(await create_token(salon.tenant_id, Role.STAFF, store_ids=[other.id]))


async def make_all(salon):
    service = await create_service(salon.owner, salon.store_id, CUT)
    room = await create_resource(salon.owner, salon.store_id, ResourceDraft("Lotus", "room"))
    return {load_services: service.id, load_staff_members: salon.anna, load_resources: room.id}


async def test_loaded_where_one_may_enter(salon, bound):
    for load, row_id in (await make_all(salon)).items():
        for actor in (salon.owner, salon.staff, salon.customer):
            assert row_id in await load(actor, [row_id])
        assert await load(bound, [row_id]) == {}


async def test_another_merchants_are_not_found(salon):
    rival = await authenticate((await create_merchant("Rival", "There")).token)
    made = await make_all(salon)
    for load, row_id in made.items():
        assert await load(rival, [row_id]) == {}
    for change, row_id in {
        update_service: made[load_services],
        update_staff_member: salon.anna,
        update_resource: made[load_resources],
    }.items():
        with pytest.raises(NotFound):
            await change(rival, row_id, {"name": "Mine"})
    with pytest.raises(NotFound):
        await create_service(rival, salon.store_id, CUT)
    assert (
        await salon.count("service", "name = 'Mine'")
        == await salon.count("staff_member", "name = 'Mine'")
        == 0
    )


async def test_manager_of_another_store(salon):
    """A manager's token may be bound to stores as well."""
    other = await create_store(salon.owner, "Second")
    token = await create_token(salon.tenant_id, Role.MANAGER, store_ids=[other.id])
    manager, made = await authenticate(token), await make_all(salon)
    changes = {
        update_service: made[load_services],
        update_staff_member: salon.anna,
        update_resource: made[load_resources],
    }
    for change, row_id in changes.items():
        with pytest.raises(NotFound):
            await change(manager, row_id, {"name": "Mine"})
    with pytest.raises(NotFound):
        await set_store_policy(manager, salon.store_id, {"hold_minutes": 1})
    assert await salon.count("service", "name = 'Mine'") == await salon.count("store_policy") == 0


async def test_staff_and_customers_set_nothing_up(salon):
    for actor in (salon.staff, salon.customer):
        with pytest.raises(Forbidden):
            await create_service(actor, salon.store_id, CUT)
        with pytest.raises(Forbidden):
            await update_staff_member(actor, salon.anna, {"name": "Me"})
        with pytest.raises(Forbidden):
            await set_store_policy(actor, salon.store_id, {"hold_minutes": 1})
    assert await salon.count("service") == await salon.count("store_policy") == 0


# ------------------------------------------------------------------------------------------------ policies
async def test_policy_begins_with_defaults(salon):
    assert await find_store_policy(salon.customer, salon.store_id) == Policy()


async def test_policy_changes_what_it_names(salon):
    await load_policy(salon.tenant_id, salon.store_id)
    await set_store_policy(salon.owner, salon.store_id, {"hold_minutes": 3, "grace_minutes": None})
    policy = await set_store_policy(salon.owner, salon.store_id, {"reminder_minutes": (60, 1440, 60)})
    assert policy == Policy(hold_minutes=3, grace_minutes=None, reminder_minutes=(1440, 60))
    assert await load_policy(salon.tenant_id, salon.store_id) == policy
    assert await salon.count("store_policy") == 1
    assert await salon.count("audit_entry", "action = 'setStorePolicy'") == 2


async def test_first_settings_at_once_keep_both(salon):
    await asyncio.gather(
        set_store_policy(salon.owner, salon.store_id, {"hold_minutes": 3}),
        set_store_policy(salon.owner, salon.store_id, {"horizon_days": 30}),
    )
    assert await find_store_policy(salon.owner, salon.store_id) == Policy(hold_minutes=3, horizon_days=30)


async def test_weekly_hours_come_back(salon):
    hours = (
        OpenHours(Weekday.MONDAY, "14:00", "22:00"),
        OpenHours(Weekday.MONDAY, "10:00", "12:30"),
        OpenHours(Weekday.SUNDAY, "18:00", "02:00"),
    )
    policy = await set_store_policy(salon.owner, salon.store_id, {"weekly_hours": hours})
    assert policy.weekly_hours[0] == ((600, 750), (840, 1320))
    assert list_open_hours(policy) == (hours[1], hours[0], hours[2])
    cleared = await set_store_policy(salon.owner, salon.store_id, {"weekly_hours": None})
    assert list_open_hours(cleared) is None


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"hold_minutes": 0}, "TOO_SMALL", "holdMinutes"),
        ({"hold_minutes": 11}, "TOO_LARGE", "holdMinutes"),
        ({"horizon_days": 366}, "TOO_LARGE", "horizonDays"),
        ({"change_minutes": -1}, "TOO_SMALL", "changeMinutes"),
        ({"limit_per_customer": 0}, "TOO_SMALL", "limitPerCustomer"),
        ({"reminder_minutes": (60, 4)}, "TOO_SMALL", "reminderMinutes.1"),
        ({"reminder_minutes": (60,) * 6}, "TOO_LONG", "reminderMinutes"),
        ({"weekly_hours": (OpenHours(Weekday.MONDAY, "9:00", "12:00"),)}, "INVALID", "weeklyHours.0.start"),
        ({"weekly_hours": (OpenHours(Weekday.MONDAY, "09:00", "24:30"),)}, "INVALID", "weeklyHours.0.end"),
        ({"weekly_hours": (OpenHours(Weekday.MONDAY, "09:00", "09:00"),)}, "INVALID", "weeklyHours.0.end"),
    ],
)
async def test_wrong_policy_is_named(salon, change, code, field):
    answer = await set_store_policy(salon.owner, salon.store_id, {"lead_minutes": 5, **change})
    assert read_problems(answer) == [(code, field)]
    assert await salon.count("store_policy") == 0


@pytest.mark.parametrize(
    "second",
    [
        OpenHours(Weekday.MONDAY, "21:00", "23:00"),
        OpenHours(Weekday.SUNDAY, "20:00", "11:00"),  # into Monday
    ],
)
async def test_overlapping_hours_are_refused(salon, second):
    hours = (OpenHours(Weekday.MONDAY, "10:00", "22:00"), second)
    answer = await set_store_policy(salon.owner, salon.store_id, {"weekly_hours": hours})
    assert read_problems(answer) == [("CONFLICT", "weeklyHours")]


# ------------------------------------------------------------------------------------------------ special days
async def test_special_day_is_set_anew_and_removed(salon):
    await set_special_day(salon.owner, salon.store_id, DAY, [("10:00", "14:00")], " Eve ")
    closed = await set_special_day(salon.owner, salon.store_id, DAY, [])
    listed = await list_special_days(salon.customer, salon.store_id, DAY, date(2026, 12, 25))
    assert listed == (closed,)
    assert (closed.hours, closed.note, closed.day) == ((), None, DAY)
    assert await remove_special_day(salon.owner, salon.store_id, DAY) == []
    assert await list_special_days(salon.owner, salon.store_id, DAY, date(2026, 12, 25)) == ()
    again = await remove_special_day(salon.owner, salon.store_id, DAY)
    assert read_problems(again) == [("NOT_FOUND", "day")]
    assert await salon.count("audit_entry", "action = 'removeSpecialDay'") == 1


async def test_special_hours_are_in_order(salon):
    view = await set_special_day(
        salon.owner, salon.store_id, DAY, [("18:00", "02:00"), ("10:00", "14:00")], "Eve"
    )
    assert (view.hours, view.note) == ((("10:00", "14:00"), ("18:00", "02:00")), "Eve")
    assert await list_special_days(salon.owner, salon.store_id, DAY, date(2026, 12, 25)) == (view,)


@pytest.mark.parametrize(
    ("hours", "note", "code", "field"),
    [
        ([("10", "14:00")], None, "INVALID", "hours.0.start"),
        ([("10:00", "12:00"), ("11:00", "14:00")], None, "CONFLICT", "hours"),
        ([("10:00", "12:00")] * 11, None, "TOO_LONG", "hours"),
        ([], "n" * 121, "TOO_LONG", "note"),
    ],
)
async def test_wrong_special_day_is_named(salon, hours, note, code, field):
    answer = await set_special_day(salon.owner, salon.store_id, DAY, hours, note)
    assert read_problems(answer) == [(code, field)]
    assert await salon.count("special_day") == 0


async def test_list_of_days_has_an_end(salon):
    for until in (DAY, date(2027, 12, 26)):
        with pytest.raises(BadInput):
            await list_special_days(salon.owner, salon.store_id, DAY, until)
