"""A day on which everybody wants everything: nobody and nothing is booked twice, and nothing goes wrong."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import orjson
from salon import open_salon

from core.db.lifecycle import opened_database
from core.db.statements import fetch_rows
from core.reservations.values import ReservationErrorCode, ReservationView, ServiceKind

CODE = ReservationErrorCode
BOOKERS, TRIES = 200, 3
# What a booker may be told on such a day.
FORESEEN = {CODE.SLOT_TAKEN, CODE.CLASS_FULL, CODE.OUTSIDE_HOURS, CODE.OVERLAPS_OWN_RESERVATION}

# Pairs of one staff member's, room's or customer's times that overlap.
OVERLAPS = """SELECT one.id FROM booking_allocation one JOIN booking_allocation two
 ON two.tenant_id = one.tenant_id AND two.resource_id = one.resource_id AND two.id > one.id
 WHERE one.state IN ('HELD', 'CONFIRMED') AND two.state IN ('HELD', 'CONFIRMED')
 AND one.start_at < two.end_at AND two.start_at < one.end_at"""
# Reservations that are to come without a staff member's or a room's time, or with too much of it.
UNKEPT = """SELECT r.id FROM reservation r WHERE r.status = 'CONFIRMED' AND r.session_id IS NULL AND 2 <>
 (SELECT count(*) FROM booking_allocation a WHERE a.tenant_id = r.tenant_id AND a.owner_id = r.id
 AND a.state = 'CONFIRMED' AND a.taken_kind IN ('STAFF', 'RESOURCE'))"""
LEFT_OVER = """SELECT a.id FROM booking_allocation a JOIN reservation r ON r.tenant_id = a.tenant_id
 AND r.id = a.owner_id WHERE a.state = 'CONFIRMED' AND r.status <> 'CONFIRMED'"""


class Day:
    """Ten of the staff, eight rooms, services of four lengths; bookers who take what they get, cancel and move."""

    def __init__(self, salon):
        self.salon, self.random = salon, random.Random(20261123)
        self.answers, self.classes = [], []

    async def open(self):
        salon = self.salon
        self.staff = [salon.anna, *[await salon.add_member() for _ in range(9)]]
        self.rooms = [await salon.add_room() for _ in range(8)]
        self.services = [
            await salon.add_service(
                duration_minutes=minutes, buffer_after_minutes=5, required_resource_kinds=["room"]
            )
            for minutes in (30, 45, 60, 90)
        ]
        class_ = await salon.add_service(ServiceKind.GROUP_CLASS)
        self.classes = [await salon.add_class(class_, capacity=10, hour=hour) for hour in (2, 5, 8)]

    def pick(self):
        if self.classes and self.random.random() < 0.15:
            return self.random.choice(self.classes)
        service, quarter = self.random.choice(self.services), self.random.randrange(48)
        rooms = (self.random.choice(self.rooms),)
        return self.salon.slot(service, quarter / 4, self.random.choice(self.staff), rooms)

    async def book(self, actor):
        for _ in range(TRIES):
            answer = await self.salon.book(self.pick(), actor)
            self.answers.append(answer)
            if isinstance(answer, ReservationView):
                await self.change(answer, actor)
                return

    async def change(self, made, actor):
        chance = self.random.random()
        if chance < 0.2:
            self.answers.append(await self.salon.cancel(made.id, self.salon.staff))
        elif chance < 0.4 and made.session_id is None:
            service = next(each for each in self.services if each.id == made.service_id)
            slot = self.salon.slot(
                service, self.random.randrange(48) / 4, self.random.choice(self.staff), made.resource_ids
            )
            self.answers.append(await self.salon.move(made.id, slot, self.salon.staff))


async def test_hot_day(salon):
    day = Day(salon)
    await day.open()
    actors = [salon.staff if number % 2 else await salon.enlist() for number in range(BOOKERS)]
    await asyncio.gather(*(day.book(actor) for actor in actors))
    made = [each for each in day.answers if isinstance(each, ReservationView)]
    refused = {each.code for each in day.answers if not isinstance(each, ReservationView)}
    assert len(made) > 50
    assert refused <= FORESEEN, refused
    assert CODE.SLOT_TAKEN in refused
    for rule in (OVERLAPS, UNKEPT, LEFT_OVER):
        assert await fetch_rows(rule) == [], rule
    await check_seats()


async def test_hot_day_of_two_processes(database_url, settings):
    async with opened_database(settings), open_salon(settings) as salon:
        day = Day(salon)
        await day.open()
        given = await describe(day)
    processes = [await start({**given, "seed": seed}) for seed in (1, 2)]
    ended = await asyncio.gather(*(each.communicate() for each in processes))
    assert [each.returncode for each in processes] == [0, 0], ended
    async with opened_database(settings):
        for rule in (OVERLAPS, UNKEPT, LEFT_OVER):
            assert await fetch_rows(rule) == [], rule
    answers = [orjson.loads(out) for out, _ in ended]
    assert all(each["made"] > 10 and set(each["refused"]) <= FORESEEN for each in answers), answers


async def describe(day):
    """What another process needs to know of the shop."""
    from core.access.tokens import create_token
    from core.access.values import Role

    salon = day.salon
    return {
        "url": salon.runtime.settings.database_url,
        "secret": salon.runtime.settings.secret_key.get_secret_value(),
        "token": await create_token(salon.tenant_id, Role.OWNER),
        "store": str(salon.store_id),
        "staff": [str(each) for each in day.staff],
        "rooms": [str(each) for each in day.rooms],
        "services": [str(each.id) for each in day.services],
    }


async def start(given):
    return await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("hot_process.py")), orjson.dumps(given).decode(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def check_seats():
    """Every class has exactly the seats that its reservations have, and never more than it holds."""
    rows = await fetch_rows(
        "SELECT c.booked, c.capacity, COALESCE((SELECT sum(r.party_size) FROM reservation r"
        " WHERE r.tenant_id = c.tenant_id AND r.session_id = c.id AND r.status = 'CONFIRMED'), 0) AS seated"
        " FROM class_session c"
    )
    assert rows
    for row in rows:
        assert row["booked"] == row["seated"] <= row["capacity"]
