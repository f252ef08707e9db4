"""What a store may use, and what a channel is handed to work with."""

from __future__ import annotations

import pytest

from core.channels.accounts import build_webhook_url
from core.channels.contract import (
    Misconfigured,
)
from core.db.statements import execute
from core.ids import decode_id, new_id

SECRET = "s3cret-of-the-mall"
GOOD = {"clientKey": "key-1", "clientSecret": SECRET}


async def test_bindings_list_all(service, owner, merchant, account):
    await service.connect_channel(owner, "post", "Messages", GOOD)
    own, unbound = await service.load_bindings(merchant.merchant_id, merchant.store_id)
    assert (own.channel.code, own.account_id, own.external_store_id) == ("own", None, str(merchant.store_id))
    assert (unbound.account_id, unbound.is_bound, unbound.is_usable) == (account.id, False, False)
    await service.bind_store(owner, account.id, merchant.store_id, "poi-1")
    _, bound = await service.load_bindings(merchant.merchant_id, merchant.store_id)
    assert (bound.external_store_id, bound.is_usable) == ("poi-1", True)


async def test_bindings_are_remembered(service, merchant, account):
    before = await service.load_bindings(merchant.merchant_id, merchant.store_id)
    await execute("DELETE FROM channel_account")
    assert await service.load_bindings(merchant.merchant_id, merchant.store_id) is not None
    assert await service.load_bindings(merchant.merchant_id, merchant.store_id) == before


async def test_unknown_channel_is_skipped(service, merchant, account, make_service):
    await execute("UPDATE channel_account SET channel = 'gone'")
    bindings = await make_service().load_bindings(merchant.merchant_id, merchant.store_id)
    assert [each.channel.code for each in bindings] == ["own"]


async def test_session_holds_credentials(make_service, owner, merchant):
    service = make_service()
    hosts = {"shortLinkHosts": ["v.mall.example:8443"]}
    account = await service.connect_channel(owner, "mall", "Our mall", {**GOOD, "businessId": 1}, hosts)
    await service.bind_store(owner, account.id, merchant.store_id, "poi-1")
    fresh = make_service()
    _, bound = await fresh.load_bindings(merchant.merchant_id, merchant.store_id)
    session = await fresh.open_session(bound)
    assert session.credentials.client_secret.get_secret_value() == SECRET
    assert (session.credentials.client_key, session.credentials.business_id) == ("key-1", 1)
    assert session.settings.short_link_hosts == ("v.mall.example:8443",)
    assert (session.account_id, session.external_store_id) == (account.id, "poi-1")
    assert SECRET not in repr(session)


async def test_moved_secret_stays_shut(make_service, owner, merchant, account):
    await execute("UPDATE channel_credential SET account_id = $1", stranger := new_id())
    await execute("UPDATE channel_account SET id = $1", stranger)
    fresh = make_service()
    _, bound = await fresh.load_bindings(merchant.merchant_id, merchant.store_id)
    with pytest.raises(Misconfigured, match="connect the channel again") as refused:
        await fresh.open_session(bound)
    assert refused.value.__cause__ is None


async def test_own_channel_opens(service, merchant):
    [own] = await service.load_bindings(merchant.merchant_id, merchant.store_id)
    session = await service.open_session(own)
    assert (session.account_id, session.external_store_id) == (merchant.merchant_id, str(merchant.store_id))


async def test_delivery_finds_account(service, merchant, account):
    found = await service.find_delivery_account("mall", account.id)
    assert (found.tenant_id, found.account_id, found.is_bound) == (merchant.merchant_id, account.id, False)
    assert (await service.open_credentials(found)).client_key == "key-1"
    assert await service.find_delivery_account("post", account.id) is None
    assert await service.find_delivery_account("mall", new_id()) is None


def test_webhook_url_names_account():
    account_id = new_id()
    url = build_webhook_url("https://shop.example/", "mall", account_id)
    prefix, _, last = url.rpartition("/")
    assert prefix == "https://shop.example/webhooks/mall"
    assert decode_id(last, "ChannelAccount") == account_id
