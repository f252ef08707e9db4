"""Two hundred bookers on one hot day: staff, rooms and a class, through GraphQL, over several servers on one database."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.access.merchants import create_merchant
from core.db.lifecycle import opened_database
from core.db.statements import fetch_rows
from core.ids import encode_global_id
from core.settings import Settings
from tests.crash.processes import Servers

pytestmark = [pytest.mark.crash, pytest.mark.slow]

BOOKERS, TRIES, SERVERS = 200, 3, 3
STAFF, ROOMS, SEATS = 10, 6, 12
CANCELLED = 0.2
REFUSALS = {"SLOT_TAKEN", "CLASS_FULL"}

CREATE_SERVICE = """mutation ($input: CreateServiceInput!) {
  createService(input: $input) { service { id } userErrors { code message field } }
}"""
CREATE_STAFF = """mutation ($input: CreateStaffMemberInput!) {
  createStaffMember(input: $input) { staffMember { id } userErrors { code message } }
}"""
CREATE_RESOURCE = """mutation ($input: CreateResourceInput!) {
  createResource(input: $input) { resource { id } userErrors { code message } }
}"""
SET_SHIFTS = """mutation ($input: SetShiftsInput!) {
  setShifts(input: $input) { staffMember { id } userErrors { code message } }
}"""
SCHEDULE_CLASS = """mutation ($input: ScheduleClassInput!) {
  scheduleClass(input: $input) { slot { token } userErrors { code message } }
}"""
AVAILABILITY = "query ($input: AvailabilityInput!) { availability(input: $input) { token start } }"
BOOK = """mutation ($input: BookReservationInput!) {
  bookReservation(input: $input) {
    reservation { id status } userErrors { code message suggestions { token start } }
  }
}"""
CANCEL = """mutation ($input: CancelReservationInput!) {
  cancelReservation(input: $input) { reservation { id status } userErrors { code message } }
}"""

OVERLAPS = """
    SELECT a.id FROM booking_allocation a JOIN booking_allocation b ON a.tenant_id = b.tenant_id
    AND a.resource_id = b.resource_id AND a.id < b.id AND a.start_at < b.end_at AND b.start_at < a.end_at
    WHERE a.state IN ('HELD', 'CONFIRMED') AND b.state IN ('HELD', 'CONFIRMED')
"""
# Whoever has time or a seat has a living reservation, and the other way round.
LOOSE_ENDS = """
    SELECT r.id FROM reservation r WHERE r.session_id IS NULL AND (r.status = 'CONFIRMED') <>
    EXISTS (SELECT 1 FROM booking_allocation a WHERE a.owner_id = r.id AND a.state = 'CONFIRMED')
"""
SEATS_SQL = """
    SELECT s.booked, s.capacity, (SELECT coalesce(sum(party_size), 0) FROM reservation r
    WHERE r.session_id = s.id AND r.status = 'CONFIRMED') AS seated FROM class_session s
"""


class Client:
    """A terminal of one server."""

    def __init__(self, address: str, token: str) -> None:
        limits = httpx.Limits(max_connections=None)
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        self._http = httpx.AsyncClient(
            base_url=address, headers=headers, trust_env=False, timeout=30, limits=limits
        )

    async def ask(self, query: str, **given: Any) -> dict[str, Any]:
        """The payload of an operation, which must have no fault."""
        answer = (
            await self._http.post("/graphql", json={"query": query, "variables": {"input": given}})
        ).json()
        assert "errors" not in answer, answer["errors"]
        [payload] = answer["data"].values()
        return payload  # type: ignore[no-any-return]

    async def make(self, query: str, **given: Any) -> str:
        """The id of what a set-up mutation made."""
        payload = await self.ask(query, **given)
        assert not payload["userErrors"], payload
        made = next(value for name, value in payload.items() if name != "userErrors")
        return str(made.get("id") or made["token"])

    async def close(self) -> None:
        await self._http.aclose()


@dataclass
class HotDay:
    """The shop, its terminals, and what is offered: the same for everybody, as it was when the day was opened."""

    settings: Settings
    clients: list[Client]
    offers: dict[str, list[str]]
    outcomes: Counter[str] = field(default_factory=Counter)


@pytest.fixture
async def hot_day(database_url: str, settings: Settings, servers: Servers) -> AsyncIterator[HotDay]:
    async with opened_database(settings):
        merchant = await create_merchant("Camellia", "First")
    addresses = [servers.start().address for _ in range(SERVERS)]
    clients = [Client(address, merchant.token) for address in addresses]
    offers = await open_day(clients[0], encode_global_id("Store", merchant.store_id))
    yield HotDay(settings, clients, offers)
    for client in clients:
        await client.close()


async def open_day(client: Client, store: str) -> dict[str, list[str]]:
    """Sets the shop up for tomorrow and answers the slot tokens of each service."""
    start = (datetime.now(UTC) + timedelta(days=1)).replace(hour=2, minute=0, second=0, microsecond=0)
    end = start + timedelta(hours=12)
    span = {"from": start.isoformat(), "to": end.isoformat()}
    for number in range(ROOMS):
        await client.make(CREATE_RESOURCE, storeId=store, name=f"Room {number}", kind="room")
    for number in range(STAFF):
        person = await client.make(CREATE_STAFF, storeId=store, name=f"Staff {number}", skills=["care"])
        shift = {"start": start.isoformat(), "end": end.isoformat()}
        await client.make(SET_SHIFTS, staffId=person, shifts=[shift], **span)
    services = {}
    for minutes, kinds in ((30, []), (45, ["room"]), (60, []), (90, ["room"])):
        services[f"{minutes} min"] = await client.make(
            CREATE_SERVICE, storeId=store, name=f"Care {minutes}", kind="APPOINTMENT", durationMinutes=minutes,
            bufferAfterMinutes=5, requiredSkills=["care"], requiredResourceKinds=kinds,
        )  # fmt: skip
    services["class"] = await client.make(
        CREATE_SERVICE, storeId=store, name="Yoga", kind="GROUP_CLASS", durationMinutes=60, capacity=SEATS
    )
    coach = await client.make(CREATE_STAFF, storeId=store, name="Coach")
    shift = {"start": start.isoformat(), "end": end.isoformat()}
    await client.make(SET_SHIFTS, staffId=coach, shifts=[shift], **span)
    for hour in (3, 6):
        begin = (start + timedelta(hours=hour)).isoformat()
        await client.make(SCHEDULE_CLASS, serviceId=services["class"], staffId=coach, start=begin)
    offers = {}
    for name, service in services.items():
        slots = await client.ask(AVAILABILITY, storeId=store, serviceId=service, **span)
        offers[name] = [slot["token"] for slot in slots]  # type: ignore[index]
        assert offers[name], name
    return offers


async def book_somehow(day: HotDay, number: int) -> None:
    """One booker: tries some slots, at times the suggested ones, at times thinks better of it."""
    dice = random.Random(number)
    client = day.clients[number % len(day.clients)]
    tokens = day.offers[dice.choice(sorted(day.offers))]
    token = dice.choice(tokens)
    for attempt in range(TRIES):
        payload = await client.ask(
            BOOK, slotToken=token, idempotencyKey=f"{number}-{attempt}",
            contact={"name": f"Guest {number}", "phone": f"138{number:08d}"},
        )  # fmt: skip
        if payload["reservation"]:
            day.outcomes["BOOKED"] += 1
            await cancel_perhaps(day, client, payload["reservation"]["id"], dice)
            return
        [error] = payload["userErrors"]
        day.outcomes[error["code"]] += 1
        token = dice.choice([slot["token"] for slot in error["suggestions"]] or tokens)


async def cancel_perhaps(day: HotDay, client: Client, reservation: str, dice: random.Random) -> None:
    if dice.random() < CANCELLED:
        payload = await client.ask(CANCEL, reservationId=reservation, reason="ill")
        assert payload["reservation"]["status"] == "CANCELLED_BY_STORE", payload
        day.outcomes["CANCELLED"] += 1


async def test_nobody_is_booked_twice(hot_day: HotDay) -> None:
    began = time.perf_counter()
    await asyncio.gather(*(book_somehow(hot_day, number) for number in range(BOOKERS)))
    seconds = time.perf_counter() - began
    outcomes = hot_day.outcomes
    print(f"\n{outcomes['BOOKED'] / seconds:.0f} bookings/s over {SERVERS} servers: {dict(outcomes)}")
    assert set(outcomes) <= {"BOOKED", "CANCELLED"} | REFUSALS
    assert outcomes["BOOKED"] > BOOKERS // 3
    async with opened_database(hot_day.settings):
        assert await fetch_rows(OVERLAPS) == []
        assert await fetch_rows(LOOSE_ENDS) == []
        for session in await fetch_rows(SEATS_SQL):
            assert session["booked"] == session["seated"] <= session["capacity"]
        [count] = await fetch_rows("SELECT count(*) AS number FROM reservation")
        assert count["number"] == outcomes["BOOKED"]
