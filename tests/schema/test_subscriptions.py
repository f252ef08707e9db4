from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.access.tokens import authenticate, revoke_token
from core.access.values import Role

WATCH = """subscription($store: ID!, $after: String) {
  redemptionChanged(storeId: $store, after: $after) { id status store { name } coupon { title } }
}"""
ACK = {"type": "connection_ack"}


async def open_watch(socket: Any, shop: Any, role: Role = Role.POS, **variables: Any) -> None:
    await socket.receive()
    assert await socket.init({"Authorization": f"Bearer {shop.tokens[role]}"}) == ACK
    await socket.subscribe(WATCH, **{"store": shop.store, **variables})
    await wait_until(lambda: count_readers(shop) == 1)


async def redeem(shop: Any, role: Role = Role.POS, store: str | None = None) -> str:
    (code,) = await shop.issue()
    query = (
        """mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input) { redemptions { id } } }"""
    )
    basket = {"storeId": store or shop.store, "codes": [{"code": code}], "idempotencyKey": code}
    done = await shop.client(role).fetch(query, input=basket)
    return str(done["redeemCoupons"]["redemptions"][0]["id"])


async def read_until(socket: Any, redemption: str, status: str = "SUCCEEDED") -> dict[str, Any]:
    """The message that shows this redemption in this status."""
    while True:
        message = await socket.receive()
        assert message["type"] == "next", message
        shown = message["payload"]["data"]["redemptionChanged"]
        if (shown["id"], shown["status"]) == (redemption, status):
            return dict(message["payload"])


async def test_every_terminal_sees_it(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop)
        payload = await read_until(socket, await redeem(shop))
    assert payload["data"]["redemptionChanged"]["store"] == {"name": "First"}
    assert payload["data"]["redemptionChanged"]["coupon"] == {"title": "Ten off"}
    assert payload["extensions"]["cursor"]


async def test_token_in_the_handshake(shop: Any, connect: Any) -> None:
    headers = {"authorization": f"Bearer {shop.tokens[Role.STAFF]}"}
    async with connect(shop.app, headers) as socket:
        await socket.receive()
        assert await socket.init() == ACK
        await socket.subscribe(WATCH, store=shop.store)
        await wait_until(lambda: count_readers(shop) == 1)
        await read_until(socket, await redeem(shop))


async def test_after_resumes(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop)
        cursor = (await read_until(socket, await redeem(shop)))["extensions"]["cursor"]
    missed = await redeem(shop)
    async with connect(shop.app) as socket:
        await open_watch(socket, shop, after=cursor)
        await read_until(socket, missed)
        await read_until(socket, await redeem(shop))


async def test_other_store_is_silent(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop)
        await redeem(shop, Role.OWNER, shop.other_store)
        await read_until(socket, await redeem(shop))


async def test_customers_see_their_own(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop, Role.CUSTOMER)
        await redeem(shop, Role.POS)
        own = await redeem(shop, Role.CUSTOMER)
        first = await socket.receive()
        assert first["payload"]["data"]["redemptionChanged"]["id"] == own


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"store": "x"}, "BAD_USER_INPUT"),
        ({"after": "x"}, "BAD_USER_INPUT"),
        ({"store": None}, "BAD_USER_INPUT"),
    ],
)
async def test_wrong_subscription_ends_alone(
    shop: Any, connect: Any, variables: dict[str, Any], code: str
) -> None:
    async with connect(shop.app) as socket:
        await socket.receive()
        await socket.init({"Authorization": f"Bearer {shop.tokens[Role.POS]}"})
        await socket.subscribe(WATCH, **{"store": shop.store, **variables})
        answer = await socket.receive()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", code)
        await socket.subscribe("{ __typename }")
        assert (await socket.receive())["type"] == "next"


async def test_watching_needs_the_store(shop: Any, rival: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await socket.receive()
        await socket.init({"Authorization": f"Bearer {shop.tokens[Role.STAFF]}"})
        for store in (shop.other_store, rival.store):
            await socket.subscribe(WATCH, store=store)
            answer = await socket.receive()
            assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")
    assert count_readers(shop) == 0


async def test_complete_frees_it(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop)
        await socket.send({"type": "complete", "id": "1"})
        await wait_until(lambda: count_readers(shop) == 0)


async def test_leaving_frees_it(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop)
    assert count_readers(shop) == 0


async def test_revoked_token_closes(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await open_watch(socket, shop, Role.STAFF)
        actor = await authenticate(shop.tokens[Role.STAFF])
        await revoke_token(shop.tenant_id, actor.token_id)
        await redeem(shop)
        assert await socket.receive() == {"close": 4401}
    assert count_readers(shop) == 0


async def test_mutations_over_the_socket(shop: Any, connect: Any) -> None:
    async with connect(shop.app) as socket:
        await socket.receive()
        await socket.init({"Authorization": f"Bearer {shop.tokens[Role.OWNER]}"})
        await socket.subscribe('mutation { createStore(input: {name: "Third"}) { store { name } } }')
        assert (await socket.receive())["payload"]["data"] == {"createStore": {"store": {"name": "Third"}}}
        assert (await socket.receive())["type"] == "complete"


def count_readers(shop: Any) -> int:
    return sum(len(feed.readers) for feed in shop.runtime.events._feeds.values())


async def wait_until(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)
