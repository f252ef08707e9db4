"""Bookings of platforms over GraphQL: linking, reading now, and what a person must look at."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "core" / "reservations"))

from hall import Booked, S, open_hall
from salon import MORNING

from core.access.tokens import create_token
from core.access.values import Role
from core.channels.contract import ChannelUnavailable
from core.ids import encode_global_id
from core.settings import Settings
from schema.app import create_app
from tests.schema.conftest import Client

TEN = MORNING + timedelta(hours=1)


class Desk:
    """The hall's salon with GraphQL clients of its people."""

    def __init__(self, booked: Booked, clients: dict[Role, Client]) -> None:
        self.booked, self.clients = booked, clients
        self.account = encode_global_id("ChannelAccount", booked.account.account_id or booked.salon.store_id)
        self.store = encode_global_id("Store", booked.salon.store_id)

    async def do(self, query: str, role: Role = Role.OWNER, **given: Any) -> Any:
        data = await self.clients[role].fetch(query, **given)
        return next(iter(data.values()))


@pytest.fixture
async def desk(database: Settings) -> AsyncIterator[Desk]:
    async with open_hall(database) as booked:
        app = create_app(runtime=booked.salon.runtime)
        app.state.runtime = booked.salon.runtime
        tenant, stores = booked.salon.tenant_id, [booked.salon.store_id]
        clients = {
            Role.OWNER: Client(app, await create_token(tenant, Role.OWNER)),
            Role.STAFF: Client(app, await create_token(tenant, Role.STAFF, store_ids=stores)),
        }
        yield Desk(booked, clients)


LINK = (
    "mutation($input: LinkBookingServiceInput!) { linkBookingService(input: $input)"
    " { link { id reference service { name } staff { name } store { id } account { id } }"
    " userErrors { code field } } }"
)
SYNC = (
    "mutation($input: SyncChannelInput!) { syncChannel(input: $input)"
    " { account { id } finished created updated unchanged userErrors { code field message } } }"
)
CONFLICTS = (
    "query($store: ID!) { bookingConflicts(storeId: $store) { id reference reason status start partySize"
    " serviceReference contactName phoneTail resolved channel { code } reservation { id } } }"
)
RESOLVE = (
    "mutation($input: ResolveBookingConflictInput!) { resolveBookingConflict(input: $input)"
    " { conflict { id resolved resolution } userErrors { code } } }"
)


async def test_sync_reads_now(desk: Desk) -> None:
    desk.booked.hall.put("b1", S.CONFIRMED, TEN)
    first = await desk.do(SYNC, input={"accountId": desk.account})
    assert (first["finished"], first["created"], first["unchanged"], first["userErrors"]) == (True, 1, 0, [])
    again = await desk.do(SYNC, input={"accountId": desk.account})
    assert (again["account"], again["created"], again["unchanged"]) == ({"id": desk.account}, 0, 1)
    assert await desk.booked.visits() == [("CONFIRMED", 1.0)]


async def test_sync_tells_that_the_platform_is_down(desk: Desk) -> None:
    desk.booked.hall.break_next(ChannelUnavailable("down"))
    answer = await desk.do(SYNC, input={"accountId": desk.account})
    assert answer["finished"] is False
    assert [error["code"] for error in answer["userErrors"]] == ["CHANNEL_UNAVAILABLE"]


async def test_link_and_its_conflict(desk: Desk) -> None:
    desk.booked.hall.put("b1", S.CONFIRMED, TEN, service_reference="nails", customer_name="Lin")
    await desk.do(SYNC, input={"accountId": desk.account})
    [conflict] = await desk.do(CONFLICTS, Role.STAFF, store=desk.store)
    assert (conflict["reason"], conflict["status"], conflict["serviceReference"], conflict["reservation"]) == (
        "UNMAPPED", "CONFIRMED", "nails", None,
    )  # fmt: skip
    wanted = {"accountId": desk.account, "storeId": desk.store, "reference": "nails"}
    service = encode_global_id("Service", desk.booked.service.id)
    answer = await desk.do(LINK, input={**wanted, "serviceId": service})
    assert (answer["userErrors"], answer["link"]["service"]) == ([], {"name": "Cut"})
    await desk.do(SYNC, input={"accountId": desk.account})
    assert await desk.do(CONFLICTS, Role.STAFF, store=desk.store) == []
    links = await desk.do(
        "query($account: ID!) { bookingLinks(accountId: $account) { id reference } }", account=desk.account
    )
    assert [link["reference"] for link in links] == ["cut", "nails"]
    node = await desk.do("query($id: ID!) { node(id: $id) { id } }", id=answer["link"]["id"])
    assert node == {"id": answer["link"]["id"]}


async def test_link_needs_one_target_of_the_store(desk: Desk) -> None:
    wanted = {"accountId": desk.account, "storeId": desk.store, "reference": " "}
    nothing = await desk.do(LINK, input=wanted)
    assert [(each["code"], each["field"]) for each in nothing["userErrors"]] == [
        ("REQUIRED", ["reference"]),
        ("INVALID", ["serviceId"]),
    ]
    foreign = encode_global_id("Service", desk.booked.salon.store_id)
    answer = await desk.do(LINK, input={**wanted, "reference": "x", "serviceId": foreign})
    assert [each["code"] for each in answer["userErrors"]] == ["NOT_FOUND"]


async def test_conflict_is_resolved(desk: Desk) -> None:
    salon = desk.booked.salon
    await salon.book(salon.slot(desk.booked.service, 1))
    desk.booked.hall.put("b1", S.CONFIRMED, TEN)
    await desk.do(SYNC, input={"accountId": desk.account})
    [conflict] = await desk.do(CONFLICTS, Role.STAFF, store=desk.store)
    assert (conflict["reason"], conflict["channel"]) == ("SLOT_TAKEN", {"code": "hall"})
    done = await desk.do(RESOLVE, Role.STAFF, input={"conflictId": conflict["id"], "note": "called"})
    assert done["conflict"]["id"] == conflict["id"]
    assert (done["conflict"]["resolved"], done["conflict"]["resolution"]) == (True, "called")
    assert await desk.do(CONFLICTS, Role.STAFF, store=desk.store) == []
