"""Access tokens: fetched once by one, seen by all, dropped only by who saw the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.channels.contract import CredentialsRefused, FreshToken
from core.channels.transport.token_rows import StoredToken
from core.channels.transport.tokens import AccountTokens, TokenStore
from core.db.statements import fetch_row, fetch_rows
from core.ids import new_id
from core.keys import KeyRing
from core.settings import Settings
from core.testing.clock import ManualClock

TENANT, ACCOUNT = new_id(), new_id()
KEYS = KeyRing("a secret key for tests, 32 characters or more")
pytestmark = pytest.mark.usefixtures("database")


class Issuer:
    """A platform that gives out tokens T1, T2, …, each only after `gate` is open."""

    def __init__(self, lifetime: float = 1000) -> None:
        self.lifetime = lifetime
        self.fetches = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> FreshToken:
        self.fetches += 1
        number = self.fetches
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return FreshToken(f"T{number}", timedelta(seconds=self.lifetime))


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def start_process(clock: ManualClock, keys: KeyRing = KEYS, **options: float) -> AccountTokens:
    """A process of its own: it shares nothing with another but the database."""
    return TokenStore(keys, clock, **options).open_account(TENANT, ACCOUNT)


async def test_token_is_fetched_once(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    assert [await tokens.get("client", issuer) for _ in range(3)] == ["T1"] * 3
    assert issuer.fetches == 1


async def test_concurrent_callers_share_a_fetch(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    assert await asyncio.gather(*(tokens.get("client", issuer) for _ in range(50))) == ["T1"] * 50
    assert issuer.fetches == 1


async def test_names_and_accounts_are_apart(clock: ManualClock, issuer: Issuer) -> None:
    store = TokenStore(KEYS, clock)
    assert await store.open_account(TENANT, ACCOUNT).get("client", issuer) == "T1"
    assert await store.open_account(TENANT, ACCOUNT).get("shop", issuer) == "T2"
    assert await store.open_account(TENANT, new_id()).get("client", issuer) == "T3"
    assert await store.open_account(new_id(), ACCOUNT).get("client", issuer) == "T4"


async def test_processes_share_a_fetch(clock: ManualClock, issuer: Issuer) -> None:
    processes = [start_process(clock) for _ in range(4)]
    calls = [process.get("client", issuer) for process in processes for _ in range(5)]
    assert await asyncio.gather(*calls) == ["T1"] * 20
    assert issuer.fetches == 1


async def test_other_process_waits_for_the_holder(clock: ManualClock, issuer: Issuer) -> None:
    issuer.gate.clear()
    first = asyncio.create_task(start_process(clock).get("client", issuer))
    await until(lambda: issuer.fetches == 1)
    second = asyncio.create_task(start_process(clock).get("client", issuer))
    await asyncio.sleep(0.1)
    assert not second.done()
    issuer.gate.set()
    assert (await first, await second, issuer.fetches) == ("T1", "T1", 1)


async def test_cancelled_caller_leaves_the_fetch(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    issuer.gate.clear()
    leaver, stayer = (asyncio.create_task(tokens.get("client", issuer)) for _ in range(2))
    await until(lambda: issuer.fetches == 1)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    issuer.gate.set()
    assert (await stayer, issuer.fetches) == ("T1", 1)
    assert leaver.cancelled()


async def test_abandoned_fetch_is_kept(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    issuer.gate.clear()
    caller = asyncio.create_task(tokens.get("client", issuer))
    await until(lambda: issuer.fetches == 1)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    issuer.gate.set()
    assert (await tokens.get("client", issuer), issuer.fetches) == ("T1", 1)


async def test_failure_reaches_all_and_is_not_kept(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    issuer.failure = CredentialsRefused("the key is wrong")
    results = await asyncio.gather(*(tokens.get("client", issuer) for _ in range(5)), return_exceptions=True)
    assert results == [issuer.failure] * 5
    assert issuer.fetches == 1
    issuer.failure = None
    assert await tokens.get("client", issuer) == "T2"
    assert await start_process(clock).get("client", issuer) == "T2"


async def test_token_is_replaced_at_four_fifths(clock: ManualClock, issuer: Issuer) -> None:
    tokens, other = start_process(clock), start_process(clock)
    await tokens.get("client", issuer)
    await other.get("client", issuer)
    clock.advance(799)
    assert (await tokens.get("client", issuer), issuer.fetches) == ("T1", 1)
    clock.advance(1)
    assert await tokens.get("client", issuer) == "T2"
    assert (await other.get("client", issuer), issuer.fetches) == ("T2", 2)


async def test_failed_refresh_keeps_the_living_token(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    await tokens.get("client", issuer)
    clock.advance(900)
    issuer.failure = CredentialsRefused("not now")
    assert await tokens.get("client", issuer) == "T1"
    assert (await tokens.get("client", issuer), issuer.fetches) == ("T1", 2), "not tried by every call"
    clock.advance(100)
    with pytest.raises(CredentialsRefused):
        await tokens.get("client", issuer)


async def test_others_use_the_living_token_meanwhile(clock: ManualClock, issuer: Issuer) -> None:
    await start_process(clock).get("client", issuer)
    clock.advance(900)
    issuer.gate.clear()
    refresh = asyncio.create_task(start_process(clock).get("client", issuer))
    await until(lambda: issuer.fetches == 2)
    assert await start_process(clock).get("client", issuer) == "T1"
    issuer.gate.set()
    assert (await refresh, issuer.fetches) == ("T2", 2)


async def test_lease_of_a_dead_process_runs_out(clock: ManualClock, issuer: Issuer) -> None:
    dead = Issuer()
    dead.gate.clear()
    task = asyncio.create_task(start_process(clock, lease_seconds=20).get("client", dead))
    await until(lambda: dead.fetches == 1)
    clock.advance(21)
    assert await start_process(clock).get("client", issuer) == "T1"
    task.cancel()
    dead.gate.set()


async def test_zombie_does_not_overwrite(clock: ManualClock, issuer: Issuer) -> None:
    """A process that comes back after its lease ran out gets the newer token, and stores nothing."""
    zombie = Issuer()
    zombie.gate.clear()
    late = asyncio.create_task(start_process(clock, lease_seconds=20).get("client", zombie))
    await until(lambda: zombie.fetches == 1)
    clock.advance(21)
    issuer.fetches = 8
    assert await start_process(clock).get("client", issuer) == "T9"
    before = await read_row()
    zombie.gate.set()
    assert await late == "T9"
    assert await read_row() == before


async def test_dropped_token_is_fetched_anew(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    await tokens.drop("client", await tokens.get("client", issuer))
    assert (await read_row())["sealed"] is None
    assert await tokens.get("client", issuer) == "T2"


async def test_drop_of_an_older_token_does_nothing(clock: ManualClock, issuer: Issuer) -> None:
    slow, quick = start_process(clock), start_process(clock)
    await slow.get("client", issuer)
    await quick.drop("client", await quick.get("client", issuer))
    assert await quick.get("client", issuer) == "T2"
    before = await read_row()
    await slow.drop("client", "T1")
    assert await read_row() == before
    assert (await slow.get("client", issuer), issuer.fetches) == ("T2", 2)


async def test_drop_without_a_token_does_nothing(clock: ManualClock) -> None:
    await start_process(clock).drop("client", "T1")
    assert await fetch_rows("SELECT id FROM channel_token") == []


async def test_token_is_stored_sealed(clock: ManualClock, database: Settings) -> None:
    async def fetch() -> FreshToken:
        return FreshToken("hush-hush-hush", timedelta(hours=2))

    await start_process(clock).get("client", fetch)
    row = await read_row()
    assert b"hush" not in bytes(row["sealed"])
    assert row["lease_until"] is None
    assert "hush" not in repr(StoredToken("hush-hush", clock.now(), clock.now()))


async def test_token_of_a_lost_key_is_none(clock: ManualClock, issuer: Issuer) -> None:
    await start_process(clock).get("client", issuer)
    stranger = start_process(clock, KeyRing("another secret key, 32 characters or more"))
    assert await stranger.get("client", issuer) == "T2"


# -------------------------------------------------------------------------------------------------------------- replacing
def fresh(value: str, seconds: float = 1000) -> FreshToken:
    return FreshToken(value, timedelta(seconds=seconds))


async def test_replaced_token_is_seen_by_all(clock: ManualClock, issuer: Issuer) -> None:
    one, other = start_process(clock), start_process(clock)
    assert await one.get("refresh", issuer) == "T1"
    assert await one.replace("refresh", "T1", fresh("R2")) == "R2"
    assert [await each.get("refresh", issuer) for each in (one, other)] == ["R2", "R2"]
    assert issuer.fetches == 1


async def test_only_one_replaces(clock: ManualClock, issuer: Issuer) -> None:
    processes = [start_process(clock) for _ in range(5)]
    assert {await each.get("refresh", issuer) for each in processes} == {"T1"}
    values = [f"R{number}" for number in range(5)]
    kept = await asyncio.gather(
        *(each.replace("refresh", "T1", fresh(value)) for each, value in zip(processes, values, strict=True))
    )
    assert len(set(kept)) == 1
    assert await start_process(clock).get("refresh", issuer) == kept[0] in values


async def test_replacement_of_an_older_token_answers_the_kept_one(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    await tokens.get("refresh", issuer)
    await tokens.replace("refresh", "T1", fresh("R2"))
    assert await start_process(clock).replace("refresh", "T1", fresh("R3")) == "R2"
    assert await start_process(clock).get("refresh", issuer) == "R2"


async def test_stale_memory_is_mended(clock: ManualClock, issuer: Issuer) -> None:
    """Replacing a token by itself reads what is kept: another process may have replaced it."""
    one, other = start_process(clock), start_process(clock)
    assert [await each.get("refresh", issuer) for each in (one, other)] == ["T1", "T1"]
    await one.replace("refresh", "T1", fresh("R2"))
    assert await other.get("refresh", issuer) == "T1"
    assert await other.replace("refresh", "T1", fresh("T1")) == "R2"
    assert await other.get("refresh", issuer) == "R2"


async def test_replacement_is_kept_where_nothing_is(clock: ManualClock, issuer: Issuer) -> None:
    tokens = start_process(clock)
    assert await tokens.replace("refresh", "never kept", fresh("R1")) == "R1"
    await tokens.drop("refresh", "R1")
    assert await tokens.replace("refresh", "R1", fresh("R2")) == "R2"
    assert await start_process(clock).get("refresh", issuer) == "R2"
    assert issuer.fetches == 0


async def test_first_replacements_at_once_agree(clock: ManualClock) -> None:
    processes = [start_process(clock) for _ in range(5)]
    kept = await asyncio.gather(
        *(each.replace("refresh", "old", fresh(f"R{number}")) for number, each in enumerate(processes))
    )
    assert len(set(kept)) == 1


async def test_replacement_outlasts_a_fetch_under_way(clock: ManualClock, issuer: Issuer) -> None:
    """Whoever fetches meanwhile does so with what is replaced: its token is not kept."""
    issuer.gate.clear()
    slow = asyncio.create_task(start_process(clock).get("refresh", issuer))
    await until(lambda: issuer.fetches)
    assert await start_process(clock).replace("refresh", "old", fresh("R2")) == "R2"
    issuer.gate.set()
    assert await slow == "R2"
    assert await start_process(clock).get("refresh", issuer) == "R2"


async def until(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def read_row() -> dict[str, object]:
    row = await fetch_row("SELECT sealed, expires_at, lease_until FROM channel_token")
    assert row is not None
    return row
