"""Setting a shop up: stores, channel accounts, own coupons."""

from __future__ import annotations

from typing import Any

import pytest

from core.access.values import Role
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelUnavailable,
    CredentialsRefused,
    Recognition,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.program import open_runtime

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

CONNECT = """mutation($input: ConnectChannelInput!) { connectChannel(input: $input) {
  account { id name status webhookUrl channel { code name capabilities } } userErrors { code message field }
} }"""
BIND = """mutation($input: BindChannelStoreInput!) { bindChannelStore(input: $input) {
  account { id } userErrors { code field }
} }"""
CREATE_STORE = """mutation($input: CreateStoreInput!) { createStore(input: $input) {
  store { id name timeZone } userErrors { code message field }
} }"""
CREATE_BATCH = """mutation($input: CreateCouponBatchInput!) { createCouponBatch(input: $input) {
  batch { id name kind quantity issued } userErrors { code field }
} }"""
ISSUE = """mutation($input: IssueCouponsInput!) { issueCoupons(input: $input) {
  codes userErrors { code field }
} }"""


class PaperKeys(ChannelModel):
    app_key: str
    secret: str


class PaperChannel(Channel):
    """A platform that takes the secret "right" and is down for the secret "down"."""

    code, name = "paper", "Paper"
    capabilities: Any = frozenset()
    credentials_model = PaperKeys

    def recognise(self, scanned: Any) -> Recognition:
        return Recognition.NO

    async def check_account(self, session: Any) -> None:
        if session.credentials.secret == "down":
            raise ChannelUnavailable("no answer")
        if session.credentials.secret != "right":
            raise CredentialsRefused("no", setting="secret")


class PaperPlugin:
    @hookimpl
    def register_channels(self, register: Any) -> None:
        register(PaperChannel())


@pytest.fixture
async def runtime(database_url: str, settings: Any) -> Any:
    registry = build_registry(only=["house"], plugins=[PaperPlugin()])
    async with open_runtime(settings, registry=registry) as opened:
        yield opened


def paper(**changes: Any) -> dict[str, Any]:
    return {"channel": "paper", "name": "Ours", "credentials": {"appKey": "k", "secret": "right"}, **changes}


async def test_channels_are_listed(shop: Any) -> None:
    listed = await shop.client(Role.CUSTOMER).fetch("{ channels { code name capabilities } }")
    assert {"code": "paper", "name": "Paper", "capabilities": []} in listed["channels"]
    house = next(channel for channel in listed["channels"] if channel["code"] == "house")
    assert house["capabilities"] == [Capability.COUPONS]


async def test_connecting_and_binding(shop: Any) -> None:
    client = shop.client(Role.MANAGER)
    account = (await client.fetch(CONNECT, input=paper()))["connectChannel"]["account"]
    assert (account["name"], account["status"], account["webhookUrl"]) == ("Ours", "ACTIVE", None)
    wanted = {"accountId": account["id"], "storeId": shop.store, "externalStoreId": "poi 1"}
    for _ in range(2):
        bound = (await client.fetch(BIND, input=wanted))["bindChannelStore"]
        assert bound == {"account": {"id": account["id"]}, "userErrors": []}
    listed = await client.fetch("{ channelAccounts { id } }")
    assert listed["channelAccounts"] == [{"id": account["id"]}]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"channel": "nowhere"}, "NOT_FOUND", ["channel"]),
        ({"name": " "}, "REQUIRED", ["name"]),
        ({"credentials": {"appKey": "k"}}, "REQUIRED", ["credentials", "secret"]),
        ({"credentials": {"appKey": "k", "secret": "right", "x": 1}}, "INVALID", ["credentials", "x"]),
        ({"credentials": "k"}, "INVALID", ["credentials"]),
        (
            {"credentials": {"appKey": "k", "secret": "wrong"}},
            "CREDENTIALS_REFUSED",
            ["credentials", "secret"],
        ),
    ],
)
async def test_wrong_account_named(shop: Any, changes: dict[str, Any], code: str, field: list[str]) -> None:
    answer = (await shop.client().fetch(CONNECT, input=paper(**changes)))["connectChannel"]
    assert answer["account"] is None
    assert (code, field) in [(error["code"], error["field"]) for error in answer["userErrors"]]
    assert "wrong" not in str(answer)
    assert (await shop.client().fetch("{ channelAccounts { id } }"))["channelAccounts"] == []


async def test_platform_down_stores_nothing(shop: Any) -> None:
    given = paper(credentials={"appKey": "k", "secret": "down"})
    answer = (await shop.client().fetch(CONNECT, input=given))["connectChannel"]
    assert [error["code"] for error in answer["userErrors"]] == ["CHANNEL_UNAVAILABLE"]
    assert (await shop.client().fetch("{ channelAccounts { id } }"))["channelAccounts"] == []


async def test_binding_what_is_not_ours(shop: Any, rival: Any) -> None:
    theirs = (await rival.client().fetch(CONNECT, input=paper()))["connectChannel"]["account"]["id"]
    wanted = {"accountId": theirs, "storeId": rival.store, "externalStoreId": "poi 1"}
    answer = (await shop.client().fetch(BIND, input=wanted))["bindChannelStore"]
    assert answer["account"] is None
    assert {(error["code"], tuple(error["field"])) for error in answer["userErrors"]} == {
        ("NOT_FOUND", ("accountId",)),
        ("NOT_FOUND", ("storeId",)),
    }


async def test_opening_a_store(shop: Any) -> None:
    opened = await shop.client().fetch(CREATE_STORE, input={"name": "Third"})
    assert opened["createStore"]["store"]["timeZone"] == "Asia/Shanghai"
    assert len((await shop.client().fetch("{ stores { id } }"))["stores"]) == 3


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": " "}, "REQUIRED", ["name"]),
        ({"name": "n" * 121}, "TOO_LONG", ["name"]),
        ({"name": "n", "timeZone": "Asia/Shangri-La"}, "INVALID", ["timeZone"]),
    ],
)
async def test_wrong_store_named(shop: Any, given: dict[str, Any], code: str, field: list[str]) -> None:
    answer = (await shop.client().fetch(CREATE_STORE, input=given))["createStore"]
    (error,) = answer["userErrors"]
    assert (answer["store"], error["code"], error["field"]) == (None, code, field)
    assert len((await shop.client().fetch("{ stores { id } }"))["stores"]) == 2


async def test_issuing_repeats_its_codes(shop: Any) -> None:
    client = shop.client()
    given = {"name": "Ten off", "kind": "CASH_VOUCHER", "faceValue": "10", "quantity": 5}
    batch = (await client.fetch(CREATE_BATCH, input=given))["createCouponBatch"]["batch"]
    wanted = {"batchId": batch["id"], "quantity": 3, "idempotencyKey": "k"}
    first, again = [(await client.fetch(ISSUE, input=wanted))["issueCoupons"]["codes"] for _ in range(2)]
    assert len(set(first)) == 3
    assert first == again
    shown = await client.fetch(
        "query($id: ID!) { node(id: $id) { ... on CouponBatch { issued } } }", id=batch["id"]
    )
    assert shown["node"] == {"issued": 3}


async def test_issuing_too_many(shop: Any) -> None:
    given = {"name": "Ten off", "kind": "CASH_VOUCHER", "faceValue": "10", "quantity": 2}
    batch = (await shop.client().fetch(CREATE_BATCH, input=given))["createCouponBatch"]["batch"]
    wanted = {"batchId": batch["id"], "quantity": 3, "idempotencyKey": "k"}
    issued = (await shop.client().fetch(ISSUE, input=wanted))["issueCoupons"]
    assert issued == {"codes": [], "userErrors": [{"code": "TOO_LARGE", "field": ["quantity"]}]}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"quantity": 0}, "TOO_SMALL", ["quantity"]),
        ({"faceValue": None}, "REQUIRED", ["faceValue"]),
        (
            {"validFrom": "2030-01-02T00:00:00Z", "validUntil": "2030-01-01T00:00:00Z"},
            "TOO_SMALL",
            ["validUntil"],
        ),
    ],
)
async def test_wrong_batch_named(shop: Any, changes: dict[str, Any], code: str, field: list[str]) -> None:
    given = {"name": "Ten off", "kind": "CASH_VOUCHER", "faceValue": "10", "quantity": 5, **changes}
    answer = (await shop.client().fetch(CREATE_BATCH, input=given))["createCouponBatch"]
    assert answer["batch"] is None
    assert [error["field"] for error in answer["userErrors"]] == [field]
    assert answer["userErrors"][0]["code"] == code


async def test_finer_than_a_fen(shop: Any) -> None:
    given = {"name": "n", "kind": "CASH_VOUCHER", "faceValue": "10.001", "quantity": 5}
    answer = await shop.client().ask(CREATE_BATCH, input=given)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["faceValue"]}
