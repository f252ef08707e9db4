"""Setting a calendar up by GraphQL: the fixed names, what is left out and what is null, and what it leads to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.access.values import Role
from core.ids import encode_global_id

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

ERRORS = "userErrors { code message field }"
SERVICE = (
    "service { id name kind durationMinutes price { amount } active store { id } requiredResourceKinds }"
)
CREATE_SERVICE = (
    f"mutation($input: CreateServiceInput!) {{ createService(input: $input) {{ {SERVICE} {ERRORS} }} }}"
)
UPDATE_SERVICE = (
    f"mutation($input: UpdateServiceInput!) {{ updateService(input: $input) {{ {SERVICE} {ERRORS} }} }}"
)
CREATE_STAFF = f"""mutation($input: CreateStaffMemberInput!) {{ createStaffMember(input: $input) {{
  staffMember {{ id name skills active }} {ERRORS} }} }}"""
UPDATE_STAFF = f"""mutation($input: UpdateStaffMemberInput!) {{ updateStaffMember(input: $input) {{
  staffMember {{ id name skills active }} {ERRORS} }} }}"""
CREATE_RESOURCE = f"""mutation($input: CreateResourceInput!) {{ createResource(input: $input) {{
  resource {{ id name kind capacity }} {ERRORS} }} }}"""
UPDATE_RESOURCE = f"""mutation($input: UpdateResourceInput!) {{ updateResource(input: $input) {{
  resource {{ name capacity active }} {ERRORS} }} }}"""
SET_SHIFTS = f"""mutation($input: SetShiftsInput!) {{ setShifts(input: $input) {{
  staffMember {{ id }} shifts {{ start end staff {{ id }} }} {ERRORS} }} }}"""
SET_WEEK = f"""mutation($input: SetStoreWeekInput!) {{ setStoreWeek(input: $input) {{
  storeWeek {{ weekStart shifts {{ start end }} }} {ERRORS} }} }}"""
COPY_WEEK = f"""mutation($input: CopyStoreWeekInput!) {{ copyStoreWeek(input: $input) {{
  storeWeeks {{ weekStart shifts {{ start end }} }} {ERRORS} }} }}"""
POLICY = "holdMinutes graceMinutes reminderMinutes weeklyHours { weekday start end }"
SET_POLICY = f"""mutation($input: SetStorePolicyInput!) {{ setStorePolicy(input: $input) {{
  storePolicy {{ {POLICY} }} {ERRORS} }} }}"""
SET_DAY = f"""mutation($input: SetSpecialDayInput!) {{ setSpecialDay(input: $input) {{
  specialDay {{ day hours {{ start end }} note }} {ERRORS} }} }}"""
REMOVE_DAY = f"""mutation($input: RemoveSpecialDayInput!) {{ removeSpecialDay(input: $input) {{
  day {ERRORS} }} }}"""
SCHEDULE = f"""mutation($input: ScheduleClassInput!) {{ scheduleClass(input: $input) {{
  slot {{ token start end seatsRemaining staff {{ id }} resources {{ id }} score reasons }}
  classSession {{ id capacity booked cancelled }} {ERRORS} }} }}"""
CANCEL_CLASS = f"""mutation($input: CancelClassInput!) {{ cancelClass(input: $input) {{
  classSession {{ cancelled cancelReason service {{ id }} slot {{ start }} }} {ERRORS} }} }}"""
BLOCK = """mutation($input: BlockTimeInput!) { blockTime(input: $input) {
  timeBlock { id reason active staff { id } resource { id } } reservations { id } userErrors { code field } } }"""
UNBLOCK = "mutation($input: UnblockTimeInput!) { unblockTime(input: $input) { timeBlock { active } } }"
CREATE_PRODUCT = f"""mutation($input: CreateProductInput!) {{ createProduct(input: $input) {{
  product {{ id title skus {{ id name price {{ amount }} stock }} }} {ERRORS} }} }}"""
BOOK = """mutation($input: BookReservationInput!) { bookReservation(input: $input) {
  reservation { id status } userErrors { code } } }"""
CONTACT = {"name": "Lin", "phone": "13800138000"}

TOMORROW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def at(hour: float) -> str:
    """`hour` hours after tomorrow's midnight (UTC)."""
    return (TOMORROW + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")


async def run(client: Any, query: str, **given: Any) -> dict[str, Any]:
    """The payload of the one mutation."""
    (payload,) = (await client.fetch(query, input=given)).values()
    return dict(payload)


async def make_service(shop: Any, **changes: Any) -> str:
    given = {"storeId": shop.store, "name": "Cut", "kind": "APPOINTMENT", "durationMinutes": 60} | changes
    payload = await run(shop.client(), CREATE_SERVICE, **given)
    assert payload["userErrors"] == []
    return str(payload["service"]["id"])


async def make_staff(shop: Any, **changes: Any) -> str:
    given = {"storeId": shop.store, "name": "Anna"} | changes
    payload = await run(shop.client(), CREATE_STAFF, **given)
    return str(payload["staffMember"]["id"])


async def make_resource(shop: Any, **changes: Any) -> str:
    given = {"storeId": shop.store, "name": "Lotus", "kind": "room"} | changes
    payload = await run(shop.client(), CREATE_RESOURCE, **given)
    return str(payload["resource"]["id"])


def read_fields(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_service_is_created_and_found(shop: Any) -> None:
    service = await make_service(shop, kind="ROOM", price="88.5")
    query = "query($id: ID!) { node(id: $id) { ... on Service { name price { amount } store { id } } } }"
    found = await shop.client(Role.CUSTOMER).fetch(query, id=service)
    assert found["node"] == {"name": "Cut", "price": {"amount": "88.50"}, "store": {"id": shop.store}}
    listed = "query($id: ID!) { services(storeId: $id) { id kind requiredResourceKinds } }"
    services = (await shop.client(Role.POS).fetch(listed, id=shop.store))["services"]
    assert services == [{"id": service, "kind": "ROOM", "requiredResourceKinds": ["room"]}]


async def test_left_out_stays_and_null_clears(shop: Any) -> None:
    service = await make_service(shop, price="88")
    left = await run(shop.client(), UPDATE_SERVICE, serviceId=service, name="Colour", durationMinutes=None)
    assert (left["service"]["name"], left["service"]["durationMinutes"]) == ("Colour", 60)
    assert left["service"]["price"] == {"amount": "88.00"}
    cleared = await run(shop.client(), UPDATE_SERVICE, serviceId=service, price=None, active=False)
    assert (cleared["service"]["price"], cleared["service"]["active"]) == (None, False)
    listed = "query($id: ID!, $all: Boolean) { services(storeId: $id, retired: $all) { id } }"
    counts = [
        len((await shop.client().fetch(listed, id=shop.store, all=each))["services"])
        for each in (False, None, True)
    ]
    assert counts == [0, 0, 1]


async def test_own_rules_of_a_service(shop: Any) -> None:
    service = await make_service(shop, leadMinutes=30, limitPerCustomer=2)
    await run(shop.client(), UPDATE_SERVICE, serviceId=service, leadMinutes=None, horizonDays=7)
    query = """query($id: ID!) { node(id: $id) { ... on Service {
      leadMinutes horizonDays changeMinutes limitPerCustomer } } }"""
    found = (await shop.client(Role.CUSTOMER).fetch(query, id=service))["node"]
    assert found == {"leadMinutes": None, "horizonDays": 7, "changeMinutes": None, "limitPerCustomer": 2}


async def test_wrong_values_are_named(shop: Any) -> None:
    given = {"storeId": shop.store, "name": "", "kind": "ROOM", "durationMinutes": 0, "price": "-1"}
    payload = await run(shop.client(), CREATE_SERVICE, **given)
    assert payload["service"] is None
    assert read_fields(payload) == [
        ("REQUIRED", ["name"]),
        ("TOO_SMALL", ["durationMinutes"]),
        ("TOO_SMALL", ["price"]),
    ]
    assert payload["userErrors"][2]["message"] == "“price” may not be less than 0.00."


async def test_finer_than_a_fen(shop: Any) -> None:
    given = {"storeId": shop.store, "name": "Cut", "kind": "ROOM", "durationMinutes": 60, "price": "8.001"}
    answer = await shop.client().ask(CREATE_SERVICE, input=given)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["price"]}


async def test_staff_and_resources_change(shop: Any) -> None:
    anna, room = await make_staff(shop, skills=[" cut "]), await make_resource(shop, capacity=4)
    renamed = await run(shop.client(), UPDATE_STAFF, staffId=anna, name="Anne")
    assert renamed["staffMember"] == {"id": anna, "name": "Anne", "skills": ["cut"], "active": True}
    retired = await run(shop.client(), UPDATE_RESOURCE, resourceId=room, active=False)
    assert retired["resource"] == {"name": "Lotus", "capacity": 4, "active": False}
    query = "query($id: ID!) { staffMembers(storeId: $id) { name } resources(storeId: $id) { name } }"
    listed = await shop.client(Role.CUSTOMER).fetch(query, id=shop.store)
    assert listed == {"staffMembers": [{"name": "Anne"}], "resources": []}


async def test_from_shifts_to_a_booking(shop: Any) -> None:
    service, anna = await make_service(shop), await make_staff(shop)
    shifts = [{"start": at(10), "end": at(12)}]
    payload = await run(
        shop.client(), SET_SHIFTS, **{"staffId": anna, "from": at(0), "to": at(24), "shifts": shifts}
    )
    assert payload["staffMember"] == {"id": anna}
    assert payload["shifts"] == [{**shifts[0], "staff": {"id": anna}}]
    query = """query($input: AvailabilityInput!) { availability(input: $input) {
      token start staff { id name } resources { id } seatsRemaining } }"""
    wanted = {"storeId": shop.store, "serviceId": service, "from": at(0), "to": at(24)}
    slots = (await shop.client(Role.CUSTOMER).fetch(query, input=wanted))["availability"]
    assert [slot["start"] for slot in slots] == [at(10 + quarter / 4) for quarter in range(5)]
    assert {(slot["staff"]["id"], slot["staff"]["name"]) for slot in slots} == {(anna, "Anna")}
    booking = {"slotToken": slots[0]["token"], "contact": CONTACT, "idempotencyKey": "k"}
    booked = await run(shop.client(Role.STAFF), BOOK, **booking)
    assert booked["reservation"]["status"] == "CONFIRMED"
    blocked = await run(
        shop.client(), BLOCK, storeId=shop.store, staffId=anna, start=at(10), end=at(12), reason="Ill"
    )
    assert blocked["timeBlock"] is None
    assert [each["id"] for each in blocked["reservations"]] == [booked["reservation"]["id"]]
    assert read_fields(blocked) == [("SLOT_TAKEN", None)]


async def test_wrong_shift_is_named(shop: Any) -> None:
    anna = await make_staff(shop)
    shifts = [{"start": at(10), "end": at(12)}, {"start": at(11), "end": at(13)}]
    payload = await run(
        shop.client(), SET_SHIFTS, **{"staffId": anna, "from": at(0), "to": at(24), "shifts": shifts}
    )
    assert payload["staffMember"] is None
    assert payload["shifts"] == []
    assert read_fields(payload) == [("CONFLICT", ["shifts", "1"])]


async def test_week_is_set_and_copied(shop: Any) -> None:
    anna = await make_staff(shop)
    line = {"staffId": anna, "weekday": "SUNDAY", "start": "22:00", "end": "02:00"}
    week = {"storeId": shop.store, "weekStart": "2027-03-01", "shifts": [line]}
    payload = await run(shop.client(), SET_WEEK, **week)
    night = {"start": "2027-03-07T14:00:00Z", "end": "2027-03-07T18:00:00Z"}
    assert payload["storeWeek"] == {"weekStart": "2027-03-01", "shifts": [night]}
    copied = await run(shop.client(), COPY_WEEK, storeId=shop.store, fromWeek="2027-03-01", weeks=2)
    assert [each["weekStart"] for each in copied["storeWeeks"]] == ["2027-03-08", "2027-03-15"]
    assert copied["storeWeeks"][1]["shifts"][0]["start"] == "2027-03-21T14:00:00Z"
    named = await run(
        shop.client(), COPY_WEEK, storeId=shop.store, fromWeek="2027-03-01", toWeeks=["2027-03-29"]
    )
    assert len(named["storeWeeks"]) == 1
    query = """query($id: ID!) { shifts(storeId: $id, from: "2027-03-01T00:00:00+08:00",
      to: "2027-05-01T00:00:00+08:00") { start staff { id } } }"""
    listed = (await shop.client(Role.CUSTOMER).fetch(query, id=shop.store))["shifts"]
    assert len(listed) == 4
    assert {shift["staff"]["id"] for shift in listed} == {anna}


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "INVALID", ["weeks"]),
        ({"weeks": 1, "toWeeks": ["2027-03-08"]}, "INVALID", ["weeks"]),
        ({"weeks": 0}, "TOO_SMALL", ["weeks"]),
        ({"weeks": 27}, "TOO_LARGE", ["weeks"]),
        ({"toWeeks": []}, "REQUIRED", ["toWeeks"]),
        ({"toWeeks": ["2027-03-09"]}, "INVALID", ["toWeeks", "0"]),
    ],
)
async def test_wrong_copy_is_named(shop: Any, given: dict[str, Any], code: str, field: list[str]) -> None:
    payload = await run(shop.client(), COPY_WEEK, storeId=shop.store, fromWeek="2027-03-01", **given)
    assert payload["storeWeeks"] == []
    assert read_fields(payload) == [(code, field)]


async def test_no_date(shop: Any) -> None:
    given = {"storeId": shop.store, "weekStart": "next week", "shifts": []}
    answer = await shop.client().ask(SET_WEEK, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "next week" not in answer["errors"][0]["message"]


async def test_policy_is_set_in_parts(shop: Any) -> None:
    hours = [{"weekday": "MONDAY", "start": "10:00", "end": "22:00"}]
    await run(shop.client(), SET_POLICY, storeId=shop.store, holdMinutes=3, weeklyHours=hours)
    payload = await run(
        shop.client(), SET_POLICY, storeId=shop.store, graceMinutes=None, reminderMinutes=[60]
    )
    expected = {"holdMinutes": 3, "graceMinutes": None, "reminderMinutes": [60], "weeklyHours": hours}
    assert payload["storePolicy"] == expected
    query = f"query($id: ID!) {{ storePolicy(storeId: $id) {{ {POLICY} }} }}"
    assert (await shop.client(Role.CUSTOMER).fetch(query, id=shop.store))["storePolicy"] == expected
    wrong = await run(shop.client(), SET_POLICY, storeId=shop.store, holdMinutes=11)
    assert (wrong["storePolicy"], read_fields(wrong)) == (None, [("TOO_LARGE", ["holdMinutes"])])


async def test_special_day_comes_and_goes(shop: Any) -> None:
    hours = [{"start": "10:00", "end": "14:00"}]
    day = {"storeId": shop.store, "day": "2026-12-24"}
    payload = await run(shop.client(), SET_DAY, **day, hours=hours, note="Eve")
    assert payload["specialDay"] == {"day": "2026-12-24", "hours": hours, "note": "Eve"}
    query = 'query($id: ID!) { specialDays(storeId: $id, from: "2026-12-01", to: "2027-01-01") { day } }'
    listed = await shop.client(Role.CUSTOMER).fetch(query, id=shop.store)
    assert listed["specialDays"] == [{"day": "2026-12-24"}]
    assert (await run(shop.client(), REMOVE_DAY, **day)) == {"day": "2026-12-24", "userErrors": []}
    assert read_fields(await run(shop.client(), REMOVE_DAY, **day)) == [("NOT_FOUND", ["day"])]


async def test_class_is_scheduled_booked_and_cancelled(shop: Any) -> None:
    room, anna = await make_resource(shop), await make_staff(shop)
    service = await make_service(shop, kind="GROUP_CLASS", capacity=5, requiredResourceKinds=["room"])
    payload = await run(shop.client(), SCHEDULE, serviceId=service, staffId=anna, start=at(10))
    slot, session = payload["slot"], payload["classSession"]
    assert (slot["start"], slot["end"], slot["seatsRemaining"]) == (at(10), at(11), 5)
    assert (slot["staff"], slot["resources"]) == ({"id": anna}, [{"id": room}])
    booking = {"slotToken": slot["token"], "contact": CONTACT, "idempotencyKey": "k"}
    booked = await run(shop.client(Role.CUSTOMER), BOOK, **booking)
    assert booked["userErrors"] == []
    query = """query($id: ID!, $from: DateTime!, $to: DateTime!) { classSessions(storeId: $id, from: $from, to: $to) {
      id booked slot { seatsRemaining staff { name } } service { name } } }"""
    span = {"from": at(0), "to": at(24)}
    (listed,) = (await shop.client(Role.CUSTOMER).fetch(query, id=shop.store, **span))["classSessions"]
    assert (listed["id"], listed["booked"], listed["slot"]["seatsRemaining"]) == (session["id"], 1, 4)
    twice = await run(shop.client(), SCHEDULE, serviceId=service, staffId=anna, start=at(10))
    assert (twice["slot"], read_fields(twice)) == (None, [("CONFLICT", None)])
    cancelled = await run(shop.client(), CANCEL_CLASS, sessionId=session["id"], reason="Ill")
    assert cancelled["classSession"] == {
        "cancelled": True,
        "cancelReason": "Ill",
        "service": {"id": service},
        "slot": {"start": at(10)},
    }
    node = "query($id: ID!) { node(id: $id) { ... on Reservation { status } } }"
    found = await shop.client(Role.CUSTOMER).fetch(node, id=booked["reservation"]["id"])
    assert found["node"] == {"status": "CANCELLED_BY_STORE"}


async def test_lists_read_each_kind_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten classes with staff, resources and services cost as many statements as two."""
    from core.reservations.setup import access as setup_access

    room, anna = await make_resource(shop), await make_staff(shop)
    service = await make_service(shop, kind="GROUP_CLASS", requiredResourceKinds=["room"])
    for hour in range(10):
        payload = await run(shop.client(), SCHEDULE, serviceId=service, staffId=anna, start=at(hour))
        assert payload["userErrors"] == []
    read, statements = setup_access.fetch_rows, []

    async def count(sql: str, *values: Any) -> Any:
        statements.append(sql)
        return await read(sql, *values)

    monkeypatch.setattr(setup_access, "fetch_rows", count)
    query = """query($id: ID!, $from: DateTime!, $to: DateTime!) { classSessions(storeId: $id, from: $from, to: $to) {
      slot { token staff { name } resources { id name } } service { name } } }"""
    span = {"id": shop.store, "from": at(0), "to": at(24)}
    listed = (await shop.client().fetch(query, **span))["classSessions"]
    assert {each["slot"]["resources"][0]["id"] for each in listed} == {room}
    assert len(listed) == 10
    assert sorted(sql.split()[3] for sql in statements) == ["resource", "service", "staff_member"]


async def test_block_is_made_and_ended(shop: Any) -> None:
    room = await make_resource(shop)
    span = {"storeId": shop.store, "start": at(10), "end": at(12)}
    payload = await run(shop.client(), BLOCK, **span, resourceId=room, reason="Paint")
    block = payload["timeBlock"]
    assert (block["reason"], block["staff"], block["resource"]) == ("Paint", None, {"id": room})
    query = """query($id: ID!, $from: DateTime!, $to: DateTime!) {
      timeBlocks(storeId: $id, from: $from, to: $to) { id } }"""
    asked = {"id": shop.store, "from": at(0), "to": at(24)}
    assert (await shop.client(Role.POS).fetch(query, **asked))["timeBlocks"] == [{"id": block["id"]}]
    assert (await run(shop.client(), UNBLOCK, blockId=block["id"]))["timeBlock"] == {"active": False}
    assert (await shop.client(Role.POS).fetch(query, **asked))["timeBlocks"] == []


@pytest.mark.parametrize("both", [True, False])
async def test_block_is_of_one_thing(shop: Any, both: bool) -> None:
    target = {"staffId": await make_staff(shop), "resourceId": await make_resource(shop)} if both else {}
    payload = await run(shop.client(), BLOCK, storeId=shop.store, start=at(10), end=at(12), **target)
    assert (payload["timeBlock"], read_fields(payload)) == (None, [("INVALID", ["staffId"])])


async def test_product_with_its_variants(shop: Any) -> None:
    skus = [{"name": "Small", "price": "12", "stock": 5}, {"name": "Large", "price": "18.00"}]
    payload = await run(shop.client(), CREATE_PRODUCT, storeId=shop.store, title="Cake", skus=skus)
    product = payload["product"]
    assert [(sku["name"], sku["price"]["amount"], sku["stock"]) for sku in product["skus"]] == [
        ("Small", "12.00", 5),
        ("Large", "18.00", None),
    ]
    query = """query($id: ID!) { products(storeId: $id, first: 1) {
      totalCount pageInfo { hasNextPage } edges { node { id title skus { id } } } } }"""
    listed = (await shop.client(Role.CUSTOMER).fetch(query, id=shop.store))["products"]
    assert (listed["totalCount"], listed["pageInfo"]["hasNextPage"]) == (1, False)
    assert listed["edges"][0]["node"]["skus"] == [{"id": sku["id"]} for sku in product["skus"]]
    node = "query($id: ID!) { node(id: $id) { ... on Sku { name } ... on Product { title } } }"
    ids = (product["id"], product["skus"][0]["id"])
    found = [(await shop.client(Role.CUSTOMER).fetch(node, id=each))["node"] for each in ids]
    assert found == [{"title": "Cake"}, {"name": "Small"}]


async def test_price_of_a_variant_is_named(shop: Any) -> None:
    given = {"storeId": shop.store, "title": "Cake", "skus": [{"name": "Small", "price": "1.005"}]}
    answer = await shop.client().ask(CREATE_PRODUCT, input=given)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["skus", "0", "price"]}


async def test_ids_of_another_kind(shop: Any) -> None:
    given = {"storeId": encode_global_id("Service", shop.store_id), "name": "Anna"}
    answer = await shop.client().ask(CREATE_STAFF, input=given)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["storeId"]}
