"""Messages over GraphQL: setting templates, agreeing, and looking at what was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.access.customers import CustomerService
from core.access.tokens import create_token
from core.access.values import Role
from core.channels.registry import build_registry
from core.coupons import house
from core.db.inserts import insert_row
from core.db.statements import Json, write_together
from core.ids import encode_global_id, new_id
from core.notifications.planning import plan_notification
from core.notifications.sending import send_notifications
from core.notifications.values import NotificationKind
from core.program import open_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.memory_sms import MemorySms, MemorySmsPlugin

PHONE = "+8613800138000"
SET = (
    "mutation($input: SetNotificationTemplateInput!) { setNotificationTemplate(input: $input)"
    " { template { kind template page fields { field value text } } userErrors { code message field } } }"
)
TEMPLATES = "query($id: ID!) { notificationTemplates(accountId: $id) { kind template } }"
AGREE = (
    "mutation($input: RecordMessageConsentInput!) { recordMessageConsent(input: $input)"
    " { consents { template remaining } userErrors { code message field } } }"
)
LIST = (
    "query($first: Int, $after: String, $filter: NotificationFilter) {"
    " notifications(first: $first, after: $after, filter: $filter) { totalCount pageInfo { hasNextPage endCursor }"
    " edges { node { id kind status reason recipient attempts channelCode dueAt sentAt channel { code }"
    " account { id } store { name } customer { phone } } } } }"
)


@pytest.fixture
def sms() -> MemorySmsPlugin:
    return MemorySmsPlugin()


@pytest.fixture
async def runtime(database_url: str, settings: Settings, sms: MemorySmsPlugin) -> AsyncIterator[Runtime]:
    """Without a schedule: messages are sent when a test says so."""
    registry = build_registry(load_entry_points=False, plugins=[sms, house])
    async with open_runtime(settings, registry=registry, scheduled=False) as opened:
        yield opened


@pytest.fixture
async def account(shop: Any) -> str:
    connect = "mutation($input: ConnectChannelInput!) { connectChannel(input: $input) { account { id } } }"
    given = {"channel": "memory_sms", "name": "SMS", "credentials": {}}
    connected = await shop.client().fetch(connect, input=given)
    return str(connected["connectChannel"]["account"]["id"])


@pytest.fixture
async def customer_id(shop: Any) -> Any:
    return await CustomerService(shop.runtime.keys).ensure_customer(shop.tenant_id, PHONE)


def template(account: str, **changes: Any) -> dict[str, Any]:
    fields = [{"field": "store", "value": "store"}, {"field": "note", "text": "请准时"}]
    given = {"accountId": account, "kind": "RESERVATION_REMINDER", "template": "SMS_1", "fields": fields}
    return {**given, "page": None, **changes}


async def plan(shop: Any, customer_id: Any, key: str = "k") -> None:
    planned = plan_notification(
        shop.tenant_id,
        NotificationKind.RESERVATION_REMINDER,
        customer_id,
        store_id=shop.store_id,
        subject_type="visit",
        subject_id=new_id(),
        values={"store": "West Lake"},
        dedupe_key=key,
    )
    await write_together([planned])


async def test_template_is_set_corrected_and_taken_away(shop: Any, account: str) -> None:
    client = shop.client()
    answer = (await client.fetch(SET, input=template(account)))["setNotificationTemplate"]
    assert answer == {
        "template": {
            "kind": "RESERVATION_REMINDER",
            "template": "SMS_1",
            "page": None,
            "fields": [
                {"field": "note", "value": None, "text": "请准时"},
                {"field": "store", "value": "store", "text": None},
            ],
        },
        "userErrors": [],
    }
    await client.fetch(SET, input=template(account, template="SMS_2"))
    shown = {"notificationTemplates": [{"kind": "RESERVATION_REMINDER", "template": "SMS_2"}]}
    assert await client.fetch(TEMPLATES, id=account) == shown
    gone = await client.fetch(SET, input=template(account, template=None))
    assert gone == {"setNotificationTemplate": {"template": None, "userErrors": []}}
    assert await client.fetch(TEMPLATES, id=account) == {"notificationTemplates": []}


async def test_wrong_template_is_explained(shop: Any, account: str) -> None:
    wrong = template(account, fields=[{"field": "store"}])
    answer = (await shop.client().fetch(SET, input=wrong))["setNotificationTemplate"]
    message = "Each field of a template needs either “value” or “text”."
    assert answer["userErrors"] == [{"code": "INVALID", "message": message, "field": ["fields", "0"]}]


async def test_field_named_twice(shop: Any, account: str) -> None:
    twice = [{"field": "store", "value": "store"}, {"field": "store", "text": "x"}]
    answer = await shop.client().ask(SET, input=template(account, fields=twice))
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_message_is_listed_and_says_nothing(
    shop: Any, account: str, customer_id: Any, sms: MemorySmsPlugin
) -> None:
    await shop.client().fetch(SET, input=template(account))
    await plan(shop, customer_id)
    await send_notifications(shop.runtime)
    listed = (await shop.client(Role.STAFF).fetch(LIST))["notifications"]
    [edge] = listed["edges"]
    node = edge["node"]
    assert (node["kind"], node["status"], node["reason"]) == ("RESERVATION_REMINDER", "SENT", None)
    assert (node["recipient"], node["channel"], node["attempts"]) == (
        "138****8000",
        {"code": "memory_sms"},
        1,
    )
    assert (node["store"], node["customer"]) == ({"name": "First"}, {"phone": "138****8000"})
    assert node["sentAt"] is not None
    assert sms.channel.notifications.sent[0].recipient == PHONE
    whole = await shop.client(Role.OWNER).post(LIST)
    assert "13800138000" not in whole.text
    assert "West Lake" not in whole.text


async def test_pages_and_filters(shop: Any, account: str, customer_id: Any) -> None:
    for number in range(3):
        await plan(shop, customer_id, f"k{number}")
    client = shop.client()
    first = (await client.fetch(LIST, first=2))["notifications"]
    assert (first["totalCount"], len(first["edges"]), first["pageInfo"]["hasNextPage"]) == (3, 2, True)
    rest = (await client.fetch(LIST, first=2, after=first["pageInfo"]["endCursor"]))["notifications"]
    assert (len(rest["edges"]), rest["pageInfo"]["hasNextPage"]) == (1, False)
    for wanted, count in (
        ({"status": ["DUE"]}, 3),
        ({"status": ["SENT"]}, 0),
        ({"kind": ["ORDER_DELAYED"]}, 0),
        ({"storeId": shop.other_store}, 0),
        ({"customerId": encode_global_id("Customer", customer_id)}, 3),
        ({"since": "2100-01-01T00:00:00Z"}, 0),
    ):
        found = (await client.fetch(LIST, filter=wanted))["notifications"]
        assert found["totalCount"] == len(found["edges"]) == count, wanted


async def test_refusal_is_told_with_the_platforms_code(
    shop: Any, account: str, customer_id: Any, sms: MemorySmsPlugin
) -> None:
    from core.channels.contract import DeliveryRefusal, DeliveryRefused

    messages: MemorySms = sms.channel.notifications
    messages.refusal = DeliveryRefused(DeliveryRefusal.UNREACHABLE, "isv.MOBILE_NUMBER_ILLEGAL")
    await shop.client().fetch(SET, input=template(account))
    await plan(shop, customer_id)
    await send_notifications(shop.runtime)
    [edge] = (await shop.client().fetch(LIST))["notifications"]["edges"]
    node = edge["node"]
    told = (node["status"], node["reason"], node["channelCode"])
    assert told == ("UNDELIVERABLE", "UNREACHABLE", "isv.MOBILE_NUMBER_ILLEGAL")


NODE = "query($id: ID!) { node(id: $id) { id ... on Notification { status } } }"


async def test_node(shop: Any, rival: Any, customer_id: Any) -> None:
    await plan(shop, customer_id)
    [edge] = (await shop.client().fetch(LIST))["notifications"]["edges"]
    row_id = edge["node"]["id"]
    for role in (Role.OWNER, Role.MANAGER, Role.STAFF):
        assert (await shop.client(role).fetch(NODE, id=row_id))["node"] == {"id": row_id, "status": "DUE"}
    for client in (shop.client(Role.POS), shop.client(Role.CUSTOMER), rival.client()):
        answer = await client.ask(NODE, id=row_id)
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_customer_agrees(shop: Any, account: str, customer_id: Any) -> None:
    from core.ids import decode_id

    client = shop.client(Role.CUSTOMER)
    client.token = await create_token(shop.tenant_id, Role.CUSTOMER, customer_id=customer_id)
    grants = [{"template": "T-1", "accepted": True}, {"template": "T-2", "accepted": False}]
    given = {"accountId": account, "grants": grants}
    [error] = (await client.fetch(AGREE, input=given))["recordMessageConsent"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_ALLOWED", ["accountId"])
    identity = insert_row(
        "customer_identity",
        id=new_id(),
        tenant_id=shop.tenant_id,
        customer_id=customer_id,
        account_id=decode_id(account, "ChannelAccount"),
        channel="memory_sms",
        subject="openid-1",
    )
    await write_together([identity])
    answer = (await client.fetch(AGREE, input=given))["recordMessageConsent"]
    assert answer["consents"] == [{"template": "T-1", "remaining": 1}, {"template": "T-2", "remaining": 0}]
    assert answer["userErrors"] == []


async def test_account_without_messages(shop: Any) -> None:
    account_id = new_id()
    row = insert_row(
        "channel_account",
        id=account_id,
        tenant_id=shop.tenant_id,
        channel="gone",
        name="",
        status="ACTIVE",
        settings=Json({}),
    )
    await write_together([row])
    given = template(encode_global_id("ChannelAccount", account_id))
    [error] = (await shop.client().fetch(SET, input=given))["setNotificationTemplate"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_ALLOWED", ["accountId"])
