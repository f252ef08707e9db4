"""Reservations as clients ask for them: three steps to a booking, and what each role may."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.access.values import Role

SETUP = """mutation($service: CreateServiceInput!, $staff: CreateStaffMemberInput!) {
  createService(input: $service) { service { id } userErrors { code field } }
  createStaffMember(input: $staff) { staffMember { id } userErrors { code field } }
}"""
SHIFTS = (
    "mutation($input: SetShiftsInput!) { setShifts(input: $input) { userErrors { code field message } } }"
)
SLOT = "token start end staff { id name } resources { id } seatsRemaining score reasons"
AVAILABILITY = f"query($input: AvailabilityInput!) {{ availability(input: $input) {{ {SLOT} }} }}"
RECOMMENDED = (
    "query($store: ID!, $service: ID!) { recommendedSlots(storeId: $store, serviceId: $service)"
    f" {{ {SLOT} }} }}"
)
RESERVATION = (
    "id code checkInPayload status start end partySize calendarUrl note contactName phoneTail walkIn"
    " store { id } service { name } customer { id phone } staff { name } resources { id } source { code }"
)
ERRORS = "userErrors { code message field suggestions { token start } }"
BOOK = f"""mutation($input: BookReservationInput!) {{ bookReservation(input: $input) {{
  reservation {{ {RESERVATION} }} {ERRORS} }} }}"""
HOLD = f"""mutation($input: HoldSlotInput!) {{ holdSlot(input: $input) {{
  hold {{ id expiresAt secondsLeft extendable slot {{ start }} }} {ERRORS} }} }}"""
EXTEND = f"""mutation($input: ExtendHoldInput!) {{ extendHold(input: $input) {{
  hold {{ secondsLeft extendable }} {ERRORS} }} }}"""
RELEASE = f"mutation($input: ReleaseHoldInput!) {{ releaseHold(input: $input) {{ released {ERRORS} }} }}"
MOVE = f"""mutation($input: RescheduleReservationInput!) {{ rescheduleReservation(input: $input) {{
  reservation {{ id code start calendarUrl }} {ERRORS} }} }}"""
CANCEL = f"""mutation($input: CancelReservationInput!) {{ cancelReservation(input: $input) {{
  reservation {{ id status cancelReason }} {ERRORS} }} }}"""
WALK_IN = f"""mutation($input: BookWalkInInput!) {{ bookWalkIn(input: $input) {{
  reservation {{ id status walkIn staff {{ name }} }} {ERRORS} }} }}"""
LIST = """query($first: Int, $after: String, $filter: ReservationFilter) {
  reservations(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id start } } totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
} }"""
# What reservations are shown with; stores are remembered.
SHOWN = {"reservation", "service", "staff_member", "resource", "customer"}
WATCH = """subscription($store: ID!, $after: String) { reservationChanged(storeId: $store, after: $after) {
  id status } }"""


@dataclass
class Salon:
    """A store with one service of an hour and one staff member, who works for two days from the next full hour on."""

    shop: Any
    service: str
    staff: str
    opens: datetime

    async def slots(self, role: Role = Role.CUSTOMER, **changes: Any) -> list[dict[str, Any]]:
        window = {"from": self.at(-4), "to": self.at(24)}
        wanted = {"storeId": self.shop.store, "serviceId": self.service, **window, **changes}
        found = await self.shop.client(role).fetch(AVAILABILITY, input=wanted)
        return list(found["availability"])

    async def token(self, hour: float) -> str:
        wanted = self.opens + timedelta(hours=hour)
        return next(
            str(each["token"]) for each in await self.slots(Role.OWNER)
            if datetime.fromisoformat(each["start"]) == wanted
        )  # fmt: skip

    async def book(self, hour: float, role: Role = Role.CUSTOMER, **changes: Any) -> dict[str, Any]:
        wanted = {"slotToken": await self.token(hour), "idempotencyKey": f"{hour}", **changes}
        return dict((await self.shop.client(role).fetch(BOOK, input=wanted))["bookReservation"])

    def at(self, hour: float) -> str:
        return (self.opens + timedelta(hours=hour)).isoformat()


@pytest.fixture
async def salon(shop: Any) -> Salon:
    return await open_salon(shop)


async def open_salon(shop: Any) -> Salon:
    client = shop.client()
    service = {"storeId": shop.store, "name": "Cut", "kind": "APPOINTMENT", "durationMinutes": 60}
    staff = {"storeId": shop.store, "name": "Anna"}
    made = await client.fetch(SETUP, service=service, staff=staff)
    opens = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
    salon = Salon(
        shop, made["createService"]["service"]["id"], made["createStaffMember"]["staffMember"]["id"], opens
    )
    shifts = [{"start": salon.at(-4), "end": salon.at(48)}]
    wanted = {"staffId": salon.staff, "from": salon.at(-5), "to": salon.at(49), "shifts": shifts}
    assert (await client.fetch(SHIFTS, input=wanted))["setShifts"]["userErrors"] == []
    return salon


async def test_three_steps(salon: Salon) -> None:
    """One query gives the times, one mutation books; a new customer needs no other call."""
    client = salon.shop.client(Role.CUSTOMER)
    offered = (await client.fetch(RECOMMENDED, store=salon.shop.store, service=salon.service))[
        "recommendedSlots"
    ]
    assert len(offered) == 3
    assert offered[0]["staff"]["name"] == "Anna"
    wanted = {
        "slotToken": offered[0]["token"], "idempotencyKey": "k", "note": " By the window ",
        "contact": {"name": "Lin", "phone": "138 0013 8000"},
    }  # fmt: skip
    booked = (await client.fetch(BOOK, input=wanted))["bookReservation"]
    assert booked["userErrors"] == []
    made = booked["reservation"]
    assert (made["status"], made["start"], made["partySize"]) == ("CONFIRMED", offered[0]["start"], 1)
    assert (made["note"], made["contactName"], made["phoneTail"]) == ("By the window", "Lin", "8000")
    assert (made["service"], made["staff"], made["source"]) == (
        {"name": "Cut"},
        {"name": "Anna"},
        {"code": "house"},
    )
    assert made["calendarUrl"].startswith("http://shop.test/calendar/")
    assert len(made["code"]) == 6


async def test_taken_time_comes_with_others(salon: Salon) -> None:
    token = await salon.token(3)
    await salon.book(3)
    other = salon.shop.client(Role.STAFF)
    answer = (await other.fetch(BOOK, input={"slotToken": token, "idempotencyKey": "k"}))["bookReservation"]
    (error,) = answer["userErrors"]
    assert (answer["reservation"], error["code"], error["field"]) == (None, "SLOT_TAKEN", ["slotToken"])
    assert error["message"].isascii()
    again = {"slotToken": error["suggestions"][0]["token"], "idempotencyKey": "l"}
    assert (await other.fetch(BOOK, input=again))["bookReservation"]["reservation"] is not None


async def test_hold_extend_and_book(salon: Salon) -> None:
    client = salon.shop.client(Role.CUSTOMER)
    wanted = {"slotToken": await salon.token(3), "idempotencyKey": "h"}
    hold = (await client.fetch(HOLD, input=wanted))["holdSlot"]["hold"]
    assert 290 <= hold["secondsLeft"] <= 300
    assert hold["extendable"] is True
    assert salon.at(3) not in [each["start"] for each in await salon.slots()]
    longer = (await client.fetch(EXTEND, input={"holdId": hold["id"]}))["extendHold"]["hold"]
    assert 590 <= longer["secondsLeft"] <= 600
    twice = (await client.fetch(EXTEND, input={"holdId": hold["id"]}))["extendHold"]
    assert (twice["hold"], twice["userErrors"][0]["code"]) == (None, "INVALID")
    booked = await client.fetch(BOOK, input={"holdId": hold["id"], "idempotencyKey": "b"})
    assert booked["bookReservation"]["reservation"]["start"] == hold["slot"]["start"]


async def test_hold_of_somebody_else(salon: Salon) -> None:
    wanted = {"slotToken": await salon.token(3), "idempotencyKey": "h"}
    hold = (await salon.shop.client(Role.CUSTOMER).fetch(HOLD, input=wanted))["holdSlot"]["hold"]
    other = salon.shop.client(Role.OWNER)
    for query, name, more in (
        (BOOK, "bookReservation", {"idempotencyKey": "b"}),
        (RELEASE, "releaseHold", {}),
    ):
        answer = (await other.fetch(query, input={"holdId": hold["id"], **more}))[name]
        assert answer["userErrors"][0]["code"] == "HOLD_EXPIRED"


async def test_released_hold_frees_the_time(salon: Salon) -> None:
    client = salon.shop.client(Role.CUSTOMER)
    wanted = {"slotToken": await salon.token(3), "idempotencyKey": "h"}
    hold = (await client.fetch(HOLD, input=wanted))["holdSlot"]["hold"]
    for _ in range(2):
        released = (await client.fetch(RELEASE, input={"holdId": hold["id"]}))["releaseHold"]
        assert released == {"released": True, "userErrors": []}
    assert await salon.token(3)


async def test_moving_keeps_what_names_it(salon: Salon) -> None:
    made = (await salon.book(20))["reservation"]
    client = salon.shop.client(Role.CUSTOMER)
    wanted = {"reservationId": made["id"], "slotToken": await salon.token(10), "idempotencyKey": "m"}
    moved = (await client.fetch(MOVE, input=wanted))["rescheduleReservation"]["reservation"]
    assert {name: moved[name] for name in ("id", "code", "calendarUrl")} == {
        name: made[name] for name in ("id", "code", "calendarUrl")
    }
    assert datetime.fromisoformat(moved["start"]) == salon.opens + timedelta(hours=10)
    assert await salon.token(20)


async def test_change_window_binds_customers_only(salon: Salon) -> None:
    made = (await salon.book(-1.5))["reservation"]
    wanted = {"reservationId": made["id"]}
    answer = await salon.shop.client(Role.CUSTOMER).fetch(CANCEL, input=wanted)
    assert answer["cancelReservation"]["userErrors"][0]["code"] == "OUTSIDE_CHANGE_WINDOW"
    answer = await salon.shop.client(Role.STAFF).fetch(CANCEL, input={**wanted, "reason": "burst pipe"})
    cancelled = answer["cancelReservation"]["reservation"]
    assert (cancelled["status"], cancelled["cancelReason"]) == ("CANCELLED_BY_STORE", "burst pipe")


async def test_cancelling_again(salon: Salon) -> None:
    made = (await salon.book(10))["reservation"]
    client = salon.shop.client(Role.CUSTOMER)
    wanted = {"reservationId": made["id"], "idempotencyKey": "c"}
    for _ in range(2):
        done = (await client.fetch(CANCEL, input=wanted))["cancelReservation"]
        assert (done["reservation"]["status"], done["userErrors"]) == ("CANCELLED_BY_CUSTOMER", [])
    other = (await client.fetch(CANCEL, input={**wanted, "idempotencyKey": "d"}))["cancelReservation"]
    assert (other["reservation"], other["userErrors"][0]["code"]) == (None, "ALREADY_CANCELLED")


async def test_walk_in_is_there_at_once(salon: Salon) -> None:
    wanted = {"storeId": salon.shop.store, "serviceId": salon.service, "idempotencyKey": "w"}
    made = (await salon.shop.client(Role.POS).fetch(WALK_IN, input=wanted))["bookWalkIn"]
    assert made["userErrors"] == []
    assert (made["reservation"]["status"], made["reservation"]["walkIn"]) == ("CHECKED_IN", True)
    second = await salon.shop.client(Role.POS).fetch(WALK_IN, input={**wanted, "idempotencyKey": "v"})
    assert second["bookWalkIn"]["userErrors"][0]["code"] == "SLOT_TAKEN"


async def test_pages_by_start(salon: Salon) -> None:
    for hour in (9, 5, 7):
        await salon.book(hour)
    client = salon.shop.client(Role.STAFF)
    first = (await client.fetch(LIST, first=2))["reservations"]
    await salon.book(3, Role.OWNER)
    rest = (await client.fetch(LIST, first=2, after=first["pageInfo"]["endCursor"]))["reservations"]
    starts = [datetime.fromisoformat(edge["node"]["start"]) for edge in (*first["edges"], *rest["edges"])]
    assert starts == [salon.opens + timedelta(hours=hour) for hour in (5, 7, 9)]
    assert (first["totalCount"], rest["totalCount"]) == (3, 4)
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_filters(salon: Salon) -> None:
    contact = {"name": "Lin", "phone": "13800138000"}
    await salon.book(5, contact=contact)
    await salon.book(9)
    client = salon.shop.client()
    for wanted, count in (
        ({"phoneTail": "8000"}, 1),
        ({"phoneTail": "8001"}, 0),
        ({"from": salon.at(6)}, 1),
        ({"to": salon.at(9)}, 1),
        ({"staffId": salon.staff, "serviceId": salon.service, "storeId": salon.shop.store}, 2),
        ({"storeId": salon.shop.other_store}, 0),
        ({"status": ["CONFIRMED"]}, 2),
        ({"status": ["NO_SHOW"]}, 0),
    ):
        found = (await client.fetch(LIST, filter=wanted))["reservations"]
        assert (found["totalCount"], len(found["edges"])) == (count, count), wanted


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"filter": {"phoneTail": "12"}}, ["filter", "phoneTail"]),
        ({"filter": {"storeId": "x"}}, ["filter", "storeId"]),
        ({"after": "x"}, ["after"]),
        ({"first": 101}, ["first"]),
    ],
)
async def test_wrong_list_refused(shop: Any, variables: dict[str, Any], field: list[str]) -> None:
    answer = await shop.client().ask(LIST, **variables)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}


async def test_total_only_when_asked(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []

    async def count(*asked: Any) -> int:
        counted.append(asked)
        return 7

    monkeypatch.setattr("schema.reservations.count_reservations", count)
    await shop.client().fetch("{ reservations { edges { cursor } } }")
    assert counted == []
    assert (await shop.client().fetch("{ reservations { totalCount } }"))["reservations"] == {"totalCount": 7}


async def test_lists_load_in_batches(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in (3, 5, 7, 9):
        await salon.book(hour)
    sent = watch_statements(monkeypatch)
    found = await salon.shop.client().fetch(f"{{ reservations {{ edges {{ node {{ {RESERVATION} }} }} }} }}")
    assert len(found["reservations"]["edges"]) == 4
    # The background sends messages meanwhile, and reads one row at a time for it.
    batches = [each for each in sent if " IN (" in each or "LIMIT 21" in each]
    read = [each for each in re.findall(r"FROM (\w+)", " ".join(batches)) if each in SHOWN]
    assert sorted(read) == sorted(set(read)), read
    assert "reservation" in read


async def test_nobody_sees_anothers(salon: Salon, rival: Any) -> None:
    own = (await salon.book(5))["reservation"]["id"]
    others = (await salon.book(9, Role.OWNER))["reservation"]["id"]
    node = "query($id: ID!) { node(id: $id) { id } }"
    seen = {Role.OWNER: {own, others}, Role.STAFF: {own, others}, Role.CUSTOMER: {own}}
    for role, visible in seen.items():
        client = salon.shop.client(role)
        listed = await client.fetch(LIST)
        assert {edge["node"]["id"] for edge in listed["reservations"]["edges"]} == visible
        for each in (own, others):
            assert ("errors" in await client.ask(node, id=each)) == (each not in visible)
    stranger = rival.client(Role.OWNER)
    assert (await stranger.fetch(LIST))["reservations"]["totalCount"] == 0
    assert "errors" in await stranger.ask(node, id=own)


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS])
async def test_nothing_in_other_stores(salon: Salon, role: Role) -> None:
    token, client = await salon.token(5), salon.shop.client(role)
    client.token = await salon.shop.token(role, store_ids=[salon.shop.other_store_id])
    place = {"storeId": salon.shop.store, "serviceId": salon.service}
    for query, variables in (
        (AVAILABILITY, {"input": {**place, "from": salon.at(0), "to": salon.at(1)}}),
        (RECOMMENDED, {"store": salon.shop.store, "service": salon.service}),
        (HOLD, {"input": {"slotToken": token, "idempotencyKey": "k"}}),
        (BOOK, {"input": {"slotToken": token, "idempotencyKey": "k"}}),
        (WALK_IN, {"input": {**place, "idempotencyKey": "k"}}),
    ):
        answer = await client.ask(query, **variables)
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND", query
    assert (await salon.shop.client().fetch(LIST))["reservations"]["totalCount"] == 0


@pytest.mark.parametrize("query", [MOVE, CANCEL])
async def test_nobody_changes_anothers(salon: Salon, rival: Any, query: str) -> None:
    others = (await salon.book(9, Role.OWNER))["reservation"]["id"]
    token = await salon.token(12)
    wanted: dict[str, Any] = {"reservationId": others, "idempotencyKey": "k"}
    if query is MOVE:
        wanted["slotToken"] = token
    for client in (salon.shop.client(Role.CUSTOMER), rival.client(Role.OWNER)):
        (answer,) = (await client.fetch(query, input=wanted)).values()
        assert answer["userErrors"][0]["code"] == "UNKNOWN_RESERVATION"


async def test_token_of_another_merchant(salon: Salon, rival: Any) -> None:
    wanted = {"slotToken": await salon.token(5), "idempotencyKey": "k"}
    answer = (await rival.client(Role.OWNER).fetch(BOOK, input=wanted))["bookReservation"]
    assert (answer["userErrors"][0]["code"], answer["userErrors"][0]["field"]) == ("INVALID", ["slotToken"])


async def test_changes_are_seen_and_resumed(salon: Salon, connect: Any) -> None:
    shop = salon.shop
    token = {"authorization": f"Bearer {shop.tokens[Role.STAFF]}"}
    async with connect(shop.app) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        await socket.init(token)
        await socket.subscribe(WATCH, store=shop.store)
        await asyncio.sleep(0.1)
        made = (await salon.book(10))["reservation"]["id"]
        message = await socket.receive()
        assert message["payload"]["data"]["reservationChanged"] == {"id": made, "status": "CONFIRMED"}
        cursor = message["payload"]["extensions"]["cursor"]
    await shop.client().fetch(CANCEL, input={"reservationId": made})
    async with connect(shop.app) as socket:
        await socket.receive()
        await socket.init(token)
        await socket.subscribe(WATCH, store=shop.store, after=cursor)
        message = await socket.receive()
        assert message["payload"]["data"]["reservationChanged"]["status"] == "CANCELLED_BY_STORE"


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
async def test_watching_elsewhere(salon: Salon, connect: Any, rival: Any, role: Role) -> None:
    shop = salon.shop
    async with connect(shop.app) as socket:
        await socket.receive()
        await socket.init({"authorization": f"Bearer {shop.tokens[role]}"})
        store = rival.store if role is Role.CUSTOMER else shop.other_store
        await socket.subscribe(WATCH, store=store)
        message = await socket.receive()
        assert message["type"] in ("error", "next")
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "NOT_FOUND"


def watch_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are sent from now on."""
    from core.db.statements import current_connection

    sent: list[str] = []
    kind = type(current_connection())
    fetch = kind.execute_query_dict

    async def watch(self: Any, query: str, values: Any = None) -> Any:
        sent.append(query)
        return await fetch(self, query, values)

    monkeypatch.setattr(kind, "execute_query_dict", watch)
    return sent
