"""`syncChannel` reads orders too, and says how far it got."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "core" / "orders"))

from bazaar import PHONE, open_stall

from core.access.tokens import create_token
from core.access.values import Role
from core.channels.contract import ChannelUnavailable, CredentialsRefused
from core.ids import encode_global_id
from core.settings import Settings
from schema.app import create_app
from tests.schema.conftest import Client

SYNC = (
    "mutation($input: SyncChannelInput!) { syncChannel(input: $input)"
    " { account { id } finished created updated unchanged userErrors { code field } } }"
)
ORDERS = "query { orders { edges { node { number total { amount } customer { phone } } } } }"


async def sync(stall: Any) -> dict[str, Any]:
    stall.clock.advance(1)
    account = encode_global_id("ChannelAccount", stall.account.account_id)
    answer = await (await make_client(stall)).fetch(SYNC, input={"accountId": account})
    assert answer["syncChannel"]["account"] == {"id": account}
    return dict(answer["syncChannel"])


async def make_client(stall: Any) -> Client:
    app = create_app(runtime=stall.runtime)
    app.state.runtime = stall.runtime
    return Client(app, await create_token(stall.tenant_id, Role.OWNER))


async def test_sync_brings_orders_once(database: Settings) -> None:
    async with open_stall(database) as stall:
        stall.bazaar.sell("o1", phone=PHONE, buyer_name="Lin")
        stall.bazaar.sell("o2")
        first = await sync(stall)
        assert (first["finished"], first["created"], first["userErrors"]) == (True, 2, [])
        stall.bazaar.change("o2", note="more")
        again = await sync(stall)
        assert (again["created"], again["updated"], again["unchanged"]) == (0, 1, 1)
        shown = (await (await make_client(stall)).fetch(ORDERS))["orders"]["edges"]
        nodes = sorted((edge["node"] for edge in shown), key=lambda node: node["number"])
        assert nodes[0] == {
            "number": "o1",
            "total": {"amount": "90.00"},
            "customer": {"phone": "138****8000"},
        }
        assert len(nodes) == 2


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ChannelUnavailable("down"), "CHANNEL_UNAVAILABLE"),
        (CredentialsRefused("no"), "CREDENTIALS_REFUSED"),
    ],
    ids=str,
)
async def test_sync_says_why_it_did_not_finish(database: Settings, failure: Exception, code: str) -> None:
    async with open_stall(database) as stall:
        stall.bazaar.troubles.append(failure)
        answer = await sync(stall)
        assert (answer["finished"], answer["created"]) == (False, 0)
        assert [error["code"] for error in answer["userErrors"]] == [code]
