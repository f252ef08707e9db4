"""The tokens of a trial, before there is an account to keep them for."""

from __future__ import annotations

from datetime import timedelta

from core.channels.contract import FreshToken
from core.channels.sessions import TrialTokens
from core.channels.transport.tokens import TokenStore
from core.db.statements import write_together
from core.ids import new_id
from core.keys import KeyRing

KEYS = KeyRing("a secret key for tests, 32 characters or more")


def fresh(value: str) -> FreshToken:
    return FreshToken(value, timedelta(hours=1))


async def refuse() -> FreshToken:
    raise AssertionError("fetched although it was kept")


async def test_trial_shares_its_tokens(clock):
    tokens = TrialTokens(clock)

    async def fetch() -> FreshToken:
        return fresh("T1")

    assert [await tokens.get("a", fetch), await tokens.get("a", refuse)] == ["T1", "T1"]
    await tokens.drop("a", "another")
    assert await tokens.get("a", refuse) == "T1"


async def test_trial_replaces_as_the_store_does(clock):
    tokens = TrialTokens(clock)
    assert await tokens.replace("a", "nothing", fresh("T1")) == "T1"
    assert await tokens.replace("a", "T1", fresh("T2")) == "T2"
    assert await tokens.replace("a", "T1", fresh("T3")) == "T2"
    await tokens.drop("a", "T2")
    assert await tokens.replace("a", "T2", fresh("T4")) == "T4"


async def test_last_tokens_are_handed_over(clock, database):
    tokens, tenant_id, account_id = TrialTokens(clock), new_id(), new_id()
    await tokens.replace("a", "", fresh("A1"))
    await tokens.replace("a", "A1", fresh("A2"))
    await tokens.replace("b", "", fresh("B1"))
    await tokens.drop("b", "B1")
    await tokens.replace("c", "", fresh("C1"))
    await write_together(tokens.insert_all(KEYS, tenant_id, account_id))
    kept = TokenStore(KEYS, clock).open_account(tenant_id, account_id)
    assert [await kept.get(name, refuse) for name in ("a", "c")] == ["A2", "C1"]
    assert await kept.replace("b", "B1", fresh("B2")) == "B2"
