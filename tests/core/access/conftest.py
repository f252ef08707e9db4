"""A merchant with a store, and actors of every role."""

from __future__ import annotations

import pytest

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor, Role
from core.ids import new_id
from core.keys import KeyRing
from core.messages import use_language


@pytest.fixture(autouse=True)
def _speak_english():
    with use_language("en"):
        yield


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("a secret key for tests, 32 characters or more")


@pytest.fixture
async def merchant(database):
    return await create_merchant("Luckin Noodles", "Bund", "Asia/Shanghai")


@pytest.fixture
async def owner(merchant) -> Actor:
    return await authenticate(merchant.token)


@pytest.fixture
def make_actor():
    def make(role: Role = Role.OWNER, **changes) -> Actor:
        actor_id = changes.pop("actor_id", new_id())
        if role is Role.CUSTOMER:
            changes.setdefault("customer_id", actor_id)
        return Actor(changes.pop("tenant_id", new_id()), actor_id, new_id(), role, **changes)

    return make
