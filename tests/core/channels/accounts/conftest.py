"""A merchant, a channel with credentials of its own, and the service that connects it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr, field_validator

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.channels.accounts import AccountService, ChannelAccountView
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    FreshToken,
    Recognition,
)
from core.channels.sessions import NetworkSessions
from core.channels.transport.network import Network
from core.channels.transport.tokens import TokenStore
from core.clock import SystemClock
from core.keys import KeyRing
from core.messages import use_language

SECRET = "s3cret-of-the-mall"
OLD_KEY, NEW_KEY = "the old secret key, 32 characters+", "the new secret key, 32 characters+"
GOOD = {"clientKey": "key-1", "clientSecret": SECRET}


class MallCredentials(ChannelModel):
    client_key: str
    client_secret: SecretStr
    business_id: int = 58

    @field_validator("client_secret")
    @classmethod
    def check_secret(cls, value: SecretStr) -> SecretStr:
        if " " in value.get_secret_value():
            raise ValueError(f"no blanks, please: {value.get_secret_value()}")
        return value


class MallSettings(ChannelModel):
    base_url: str = "https://api.mall.example"
    short_link_hosts: tuple[str, ...] = ()


class MallChannel(Channel):
    code = "mall"
    name = "Mall"
    capabilities = frozenset({Capability.COUPONS})
    credentials_model = MallCredentials
    settings_model = MallSettings

    def __init__(self) -> None:
        self.verdict: Exception | None = None
        self.sessions = []

    def recognise(self, scanned):
        return Recognition.NO

    async def check_account(self, session):
        self.sessions.append(session)
        await session.tokens.get("client", fetch_token)
        if self.verdict is not None:
            raise self.verdict


class OwnChannel(MallChannel):
    code = "own"
    name = "Own coupons"
    needs_account = False
    credentials_model = ChannelModel
    settings_model = ChannelModel


class PostChannel(MallChannel):
    code = "post"
    name = "Text messages"
    capabilities = frozenset({Capability.NOTIFICATIONS})


class Registry:
    def __init__(self, *channels: Channel) -> None:
        self.channels = channels

    def all(self):
        return self.channels


async def fetch_token() -> FreshToken:
    return FreshToken("token-1", timedelta(hours=1))


@pytest.fixture(autouse=True)
def _speak_english():
    with use_language("en"):
        yield


@pytest.fixture
def mall() -> MallChannel:
    return MallChannel()


@pytest.fixture
def make_service(database, mall, clock):
    def make(keys: KeyRing | None = None, **changes) -> AccountService:
        settings = database.model_copy(update=changes)
        ring = keys or KeyRing(OLD_KEY)
        sessions = NetworkSessions(Network(settings), TokenStore(ring, SystemClock()))
        return AccountService(settings, ring, Registry(mall, OwnChannel(), PostChannel()), sessions, clock)

    return make


@pytest.fixture
def service(make_service) -> AccountService:
    return make_service()


@pytest.fixture
async def merchant(database):
    return await create_merchant("Luckin Noodles", "Bund")


@pytest.fixture
async def owner(merchant):
    return await authenticate(merchant.token)


@pytest.fixture
async def account(service, owner) -> ChannelAccountView:
    account = await service.connect_channel(owner, "mall", "Our mall", GOOD)
    assert isinstance(account, ChannelAccountView)
    return account


@pytest.fixture
async def bound(service, owner, merchant, account):
    await service.bind_store(owner, account.id, merchant.store_id, "poi-1")
    return (await service.load_bindings(merchant.merchant_id, merchant.store_id))[1]
