"""The waitlist and prepaid lessons of a gym, as clients ask for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.access.tokens import authenticate
from core.access.values import Role
from core.ids import encode_global_id
from core.reservations.waitlist.promotion import promote_waitlist

ERRORS = "userErrors { code field message suggestions { token } }"
ENTRY = """id status partySize position offerExpiresAt joinedAt
  classSession { id capacity booked service { name } } customer { id } reservation { id status }"""
JOIN = f"""mutation($input: JoinWaitlistInput!) {{ joinWaitlist(input: $input) {{
  waitlistEntry {{ {ENTRY} }} {ERRORS} }} }}"""
LEAVE = f"""mutation($input: LeaveWaitlistInput!) {{ leaveWaitlist(input: $input) {{
  waitlistEntry {{ {ENTRY} }} {ERRORS} }} }}"""
ACCEPT = f"""mutation($input: AcceptWaitlistOfferInput!) {{ acceptWaitlistOffer(input: $input) {{
  reservation {{ id status partySize package {{ id sessionsLeft }} }} {ERRORS} }} }}"""
WAITLIST = f"query($id: ID!) {{ waitlist(sessionId: $id) {{ {ENTRY} }} }}"
MINE = f"query {{ myWaitlist {{ {ENTRY} }} }}"
SERVICE = "mutation($input: CreateServiceInput!) { createService(input: $input) { service { id } } }"
SCHEDULE = """mutation($input: ScheduleClassInput!) { scheduleClass(input: $input) {
  slot { token } classSession { id } userErrors { code } } }"""
BOOK = f"""mutation($input: BookReservationInput!) {{ bookReservation(input: $input) {{
  reservation {{ id package {{ id }} }} {ERRORS} }} }}"""
CANCEL = f"""mutation($input: CancelReservationInput!) {{ cancelReservation(input: $input) {{
  reservation {{ id }} {ERRORS} }} }}"""
PACKAGE = """id name sessionsTotal sessionsLeft validFrom validUntil closed store { id } customer { id }
  services { id name } draws { status drawnAt reservation { id } }"""
SELL = f"""mutation($input: SellPackageInput!) {{ sellPackage(input: $input) {{
  customerPackage {{ {PACKAGE} }} userErrors {{ code field message }} }} }}"""
CLOSE = f"""mutation($input: ClosePackageInput!) {{ closePackage(input: $input) {{
  customerPackage {{ {PACKAGE} }} userErrors {{ code field }} }} }}"""
PACKAGES = f"query($id: ID!) {{ customerPackages(customerId: $id) {{ {PACKAGE} }} }}"
NODE = "query($id: ID!) { node(id: $id) { id } }"


@dataclass
class Gym:
    """A store with a class of one seat, which the till has booked, in five hours."""

    shop: Any
    service: str
    session: str
    booked: str
    me: str
    keys: list[int] = field(default_factory=lambda: [0])

    def key(self) -> str:
        self.keys[0] += 1
        return f"key-{self.keys[0]}"

    async def ask(self, query: str, role: Role = Role.CUSTOMER, **given: Any) -> dict[str, Any]:
        answer = await self.shop.client(role).fetch(query, input=given)
        (payload,) = answer.values()
        return dict(payload)

    async def join(self, **given: Any) -> dict[str, Any]:
        return await self.ask(JOIN, sessionId=self.session, idempotencyKey=self.key(), **given)

    async def free(self) -> None:
        """Whoever has the seat cancels."""
        await self.ask(CANCEL, Role.POS, reservationId=self.booked)
        await promote_waitlist(self.shop.runtime)


@pytest.fixture
async def gym(shop: Any) -> Gym:
    owner = shop.client()
    given = {"storeId": shop.store, "name": "Yoga", "kind": "GROUP_CLASS", "durationMinutes": 60}
    service = (await owner.fetch(SERVICE, input=given))["createService"]["service"]["id"]
    start = (datetime.now(UTC) + timedelta(hours=5)).replace(microsecond=0).isoformat()
    scheduled = await owner.fetch(SCHEDULE, input={"serviceId": service, "start": start, "capacity": 1})
    made = scheduled["scheduleClass"]
    wanted = {"slotToken": made["slot"]["token"], "idempotencyKey": "till"}
    wanted["contact"] = {"name": "Wu", "phone": "13900139000"}
    booked = (await shop.client(Role.POS).fetch(BOOK, input=wanted))["bookReservation"]["reservation"]["id"]
    session = made["classSession"]["id"]
    customer = (await authenticate(shop.tokens[Role.CUSTOMER])).customer_id
    assert customer
    return Gym(shop, service, session, booked, encode_global_id("Customer", customer))


# ----------------------------------------------------------------------------------------------------------- waitlist
async def test_from_waiting_to_a_seat(gym: Gym) -> None:
    joined = (await gym.join())["waitlistEntry"]
    assert (joined["status"], joined["position"], joined["offerExpiresAt"]) == ("WAITING", 1, None)
    assert joined["classSession"] == {
        "id": gym.session, "capacity": 1, "booked": 1, "service": {"name": "Yoga"},
    }  # fmt: skip
    assert joined["customer"] == {"id": gym.me}
    await gym.free()
    (offered,) = (await gym.shop.client(Role.CUSTOMER).fetch(MINE))["myWaitlist"]
    assert (offered["id"], offered["status"], offered["position"]) == (joined["id"], "OFFERED", None)
    assert offered["classSession"]["booked"] == 1
    ends = datetime.fromisoformat(offered["offerExpiresAt"])
    assert timedelta(minutes=29) < ends - datetime.now(UTC) <= timedelta(minutes=30)
    taken = await gym.ask(ACCEPT, entryId=joined["id"], idempotencyKey="a")
    assert taken["userErrors"] == []
    assert taken["reservation"]["status"] == "CONFIRMED"
    (done,) = (await gym.shop.client(Role.CUSTOMER).fetch(MINE))["myWaitlist"]
    assert (done["status"], done["reservation"]["id"]) == ("PROMOTED", taken["reservation"]["id"])


async def test_refusals_in_words(gym: Gym) -> None:
    entry = (await gym.join())["waitlistEntry"]
    (twice,) = (await gym.join())["userErrors"]
    assert (twice["code"], twice["field"]) == ("INVALID", ["sessionId"])
    assert twice["message"] == "You are on the waitlist of this class already."
    (early,) = (await gym.ask(ACCEPT, entryId=entry["id"], idempotencyKey="a"))["userErrors"]
    assert early["message"] == "No seat has come free yet. You will be told when one does."


async def test_class_with_seats_comes_as_suggestion(gym: Gym) -> None:
    await gym.free()
    (error,) = (await gym.join())["userErrors"]
    assert error["code"] == "INVALID"
    wanted = {"slotToken": error["suggestions"][0]["token"], "idempotencyKey": "b"}
    booked = (await gym.shop.client(Role.CUSTOMER).fetch(BOOK, input=wanted))["bookReservation"]
    assert booked["reservation"] is not None


async def test_leaving(gym: Gym) -> None:
    entry = (await gym.join())["waitlistEntry"]
    for _ in range(2):
        left = (await gym.ask(LEAVE, entryId=entry["id"]))["waitlistEntry"]
        assert (left["status"], left["position"]) == ("LEFT", None)
    assert (await gym.shop.client().fetch(WAITLIST, id=gym.session))["waitlist"] == []


async def test_staff_put_somebody_on_the_list(gym: Gym) -> None:
    contact = {"name": "Lin", "phone": "138 0013 8000"}
    joined = await gym.ask(
        JOIN, Role.STAFF, sessionId=gym.session, idempotencyKey="s", partySize=1, contact=contact
    )
    assert joined["userErrors"] == []
    listed = (await gym.shop.client(Role.STAFF).fetch(WAITLIST, id=gym.session))["waitlist"]
    assert [each["id"] for each in listed] == [joined["waitlistEntry"]["id"]]


async def test_lists_are_read_in_batches(gym: Gym, queries: list[str]) -> None:
    for number in range(3):
        contact = {"name": "Lin", "phone": f"1380013800{number}"}
        await gym.ask(JOIN, Role.STAFF, sessionId=gym.session, idempotencyKey=f"s{number}", contact=contact)
    queries.clear()
    listed = (await gym.shop.client(Role.STAFF).fetch(WAITLIST, id=gym.session))["waitlist"]
    assert [each["position"] for each in listed] == [1, 2, 3]
    read = Counter(sql.partition(" FROM ")[2].split()[0] for sql in queries)
    assert (read["class_session"], read["service"]) == (1, 1)


async def test_policy_of_the_store(gym: Gym) -> None:
    query = """mutation($input: SetStorePolicyInput!) { setStorePolicy(input: $input) {
      storePolicy { offerMinutes waitlistCutoffMinutes } userErrors { code field } } }"""
    given = {"storeId": gym.shop.store, "offerMinutes": 10, "waitlistCutoffMinutes": 360}
    set_policy = await gym.ask(query, Role.OWNER, **given)
    assert set_policy["storePolicy"] == {"offerMinutes": 10, "waitlistCutoffMinutes": 360}
    (error,) = (await gym.join())["userErrors"]
    assert error["message"] == "The waitlist of this class is closed."
    wrong = await gym.ask(query, Role.OWNER, storeId=gym.shop.store, offerMinutes=0)
    assert wrong["userErrors"] == [{"code": "TOO_SMALL", "field": ["offerMinutes"]}]


# ----------------------------------------------------------------------------------------------------------- packages
async def sell(gym: Gym, role: Role = Role.POS, **changes: Any) -> dict[str, Any]:
    given = {
        "customerId": gym.me, "storeId": gym.shop.store, "name": "Ten lessons", "serviceIds": [gym.service],
        "sessions": 10, "idempotencyKey": gym.key(), **changes,
    }  # fmt: skip
    return await gym.ask(SELL, role, **given)


async def test_package_from_sale_to_visit(gym: Gym) -> None:
    sold = (await sell(gym))["customerPackage"]
    assert (sold["sessionsTotal"], sold["sessionsLeft"], sold["closed"]) == (10, 10, False)
    assert (sold["services"], sold["store"]) == (
        [{"id": gym.service, "name": "Yoga"}],
        {"id": gym.shop.store},
    )
    entry = (await gym.join())["waitlistEntry"]
    await gym.free()
    taken = await gym.ask(ACCEPT, entryId=entry["id"], idempotencyKey="a", packageId=sold["id"])
    assert taken["reservation"]["package"] == {"id": sold["id"], "sessionsLeft": 9}
    (seen,) = (await gym.shop.client(Role.CUSTOMER).fetch(PACKAGES, id=gym.me))["customerPackages"]
    (draw,) = seen["draws"]
    assert (draw["status"], draw["reservation"]) == ("DRAWN", {"id": taken["reservation"]["id"]})


async def test_wrong_package(gym: Gym) -> None:
    answer = await sell(gym, sessions=None, name=" ")
    assert answer["customerPackage"] is None
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [
        ("REQUIRED", ["name"]),
        ("REQUIRED", ["sessions"]),
    ]


async def test_closing_a_package(gym: Gym) -> None:
    sold = (await sell(gym))["customerPackage"]
    closed = await gym.ask(CLOSE, Role.MANAGER, packageId=sold["id"], reason="refunded")
    assert closed["customerPackage"]["closed"] is True
    (refused,) = (await gym.ask(CLOSE, Role.MANAGER, packageId=sold["id"], reason=""))["userErrors"]
    assert refused == {"code": "REQUIRED", "field": ["reason"]}


async def test_nodes(gym: Gym, rival: Any) -> None:
    """Own things are found by their ids, other people's are not."""
    ids = [(await sell(gym))["customerPackage"]["id"], (await gym.join())["waitlistEntry"]["id"]]
    for wanted in ids:
        for role in (Role.OWNER, Role.STAFF, Role.CUSTOMER):
            assert (await gym.shop.client(role).fetch(NODE, id=wanted))["node"] == {"id": wanted}
        other = gym.shop.client(Role.CUSTOMER)
        other.token = await gym.shop.token(Role.CUSTOMER)
        for stranger in (other, rival.client(Role.OWNER)):
            answer = await stranger.ask(NODE, id=wanted)
            assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
