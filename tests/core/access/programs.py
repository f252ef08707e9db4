"""A merchant with mini-programs on the paper platform, in memory: for tests that log customers in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from uuid import UUID

from core.access.logins import LoginResult, log_in
from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.access.values import Actor
from core.channels.accounts import AccountService, ChannelAccountView
from core.channels.contract import AccessTokens, Channel, ChannelHttp
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.statements import fetch_rows
from core.ids import new_id
from core.keys import KeyRing
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock
from core.testing.paper import PaperChannel
from core.testing.paper_identity import PaperLoginChannel
from core.testing.paper_logins import PaperLogins
from core.testing.paper_platform import SECRET
from core.testing.sessions import MemoryTokens
from core.testing.simulator import LoginSample


class OtherPaper(PaperLoginChannel):
    """Another platform, on which people have other ids, if the same numbers in them."""

    code: ClassVar[str] = "other_paper"


class PlainPaper(PaperChannel):
    """A channel without mini-programs."""

    code: ClassVar[str] = "plain_paper"


class Plugin:
    @hookimpl
    def register_channels(self, register: Any) -> None:
        for channel in (PaperLoginChannel(), OtherPaper(), PlainPaper()):
            register(channel)


class Sessions:
    """Where sessions get their network from: every account has a mini-program of its own."""

    def __init__(self, clock: ManualClock) -> None:
        self.programs: dict[UUID, PaperLogins] = defaultdict(lambda: PaperLogins(f"p{new_id().hex}", clock))

    def open_http(self, channel: Channel, account_id: UUID, owner_link_hosts: Sequence[str]) -> ChannelHttp:
        return self.programs[account_id]

    def open_tokens(self, tenant_id: UUID, account_id: UUID) -> AccessTokens:
        return MemoryTokens()


@dataclass(repr=False)
class Chain:
    """A merchant. `programs` are the platforms of the accounts that `connect` made."""

    runtime: Runtime
    owner: Actor
    clock: ManualClock
    sessions: Sessions

    async def connect(self, channel: str = "paper") -> UUID:
        """A new account, and with it a new mini-program."""
        keys = {"appKey": "paper-key", "appSecret": SECRET}
        account = await self.runtime.accounts.connect_channel(self.owner, channel, "Program", keys)
        assert isinstance(account, ChannelAccountView), account
        return account.id

    def open(self, account_id: UUID, subject: str | None = None) -> LoginSample:
        """Somebody opens the mini-program of the account."""
        return self.sessions.programs[account_id].make_login(subject)

    async def log_in(self, account_id: UUID, sample: LoginSample, *, phone: bool = False) -> LoginResult:
        return await log_in(self.runtime, account_id, sample.code, sample.phone_code if phone else None)

    async def come(self, account_id: UUID, subject: str | None = None, *, phone: bool = False) -> LoginResult:
        """Somebody opens the mini-program and logs in."""
        result = await self.log_in(account_id, self.open(account_id, subject), phone=phone)
        assert result.tokens is not None, result.problems
        return result


@asynccontextmanager
async def open_chain(settings: Settings, clock: ManualClock) -> AsyncIterator[Chain]:
    registry = build_registry(load_entry_points=False, plugins=[Plugin()], clock=clock)
    async with Network(settings) as network:
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        sessions = Sessions(clock)
        keys: KeyRing = runtime.keys
        runtime = replace(runtime, accounts=AccountService(settings, keys, registry, sessions, clock))
        yield Chain(runtime, await open_merchant(), clock, sessions)


async def open_merchant() -> Actor:
    return await authenticate((await create_merchant("Tea House", "Lane 1")).token)


def customer_of(result: LoginResult) -> UUID:
    assert result.customer is not None
    return result.customer.id


def problems_of(result: LoginResult) -> list[tuple[str, tuple[str, ...], str | None]]:
    return [(problem.code.value, problem.field, problem.message_key) for problem in result.problems]


async def count(table: str, condition: str = "1 = 1") -> int:
    [row] = await fetch_rows(f"SELECT count(*) AS number FROM {table} WHERE {condition}")
    return int(row["number"])
