"""What every bench has: a session with a hand on its wire, its faults, and an ear for what is said meanwhile."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

from pydantic import SecretStr

from core.channels.contract import (
    AccessTokens,
    Channel,
    ChannelFailure,
    ChannelModel,
    ChannelSession,
    ChannelUnavailable,
    Effect,
    FreshToken,
    TokenFetch,
)
from core.testing.platforms import Platform
from core.testing.transcript import Transcript
from core.testing.wire import Fault, Hang, Wire

LONGEST_CALL = 5.0
"""Seconds after which a call counts as hanging: simulators answer at once."""

ResultT = TypeVar("ResultT")
PlatformT = TypeVar("PlatformT", bound=Platform)


class TokenWatch:
    """Passes to the session's AccessTokens and remembers every token, so that none may show in a log.

    `fetched` counts how often the adapter had a token fetched.
    """

    def __init__(self, inner: AccessTokens) -> None:
        self._inner = inner
        self.seen: set[str] = set()
        self.fetched = 0
        self.asked_while_down = False
        self.fresh = False
        self.down = False

    async def get(self, name: str, fetch: TokenFetch) -> str:
        if self.down:
            self.asked_while_down = True
            raise ChannelUnavailable("no access token to be had")

        async def count() -> Any:
            self.fetched += 1
            return await fetch()

        token = (await count()).value if self.fresh else await self._inner.get(name, count)
        self.seen.add(token)
        return token

    async def drop(self, name: str, token: str) -> None:
        await self._inner.drop(name, token)

    async def replace(self, name: str, old: str, new: FreshToken) -> str:
        token = await self._inner.replace(name, old, new)
        self.seen |= {new.value, token}
        return token


class PlatformBench(ABC, Generic[PlatformT]):
    """One channel, one platform made for this test, and what was said aloud meanwhile."""

    def __init__(self, channel: Channel, platform: PlatformT, transcript: Transcript) -> None:
        session = platform.open_session()
        self.channel = channel
        self.platform = platform
        self.transcript = transcript
        self.wire = Wire(session.http)
        self.tokens = TokenWatch(session.tokens)
        self.session: ChannelSession[Any, Any] = replace(session, http=self.wire, tokens=self.tokens)
        self._credentials: list[ChannelModel] = [session.credentials]

    @property
    def offline(self) -> bool:
        """Whether the channel works without a platform of its own: then it may send nothing at all."""
        return not self.channel.needs_account

    @abstractmethod
    def platform_secrets(self) -> set[str]:
        """What the platform holds that must not be said aloud: codes, phones, keys."""

    def secrets(self) -> set[str]:
        """Every text that must not be said aloud, credentials and access tokens among them."""
        return self.tokens.seen | self.platform_secrets() | set(map_secrets(self._credentials))

    # ------------------------------------------------------------------------------------------------ calls
    async def call(self, work: Awaitable[ResultT]) -> ResultT:
        """Awaits one piece of the adapter's work, within the longest call, and keeps what it raises."""
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await work
        except Exception as failure:
            self.transcript.note_failure(failure)
            raise

    # ----------------------------------------------------------------------------------------------- faults
    async def fail(self, work: Awaitable[object], effect: Effect, fault: Fault) -> ChannelFailure:
        """Breaks the next request with this effect and expects `work` to raise a failure of the contract."""
        self.wire.break_next(effect, fault)
        answer, failure = None, None
        try:
            answer = await self.call(work)
        except ChannelFailure as raised:
            failure = raised
        assert not self.wire.disarm(), f"sent no {effect} request: {failure or answer!r}"
        assert failure is not None, f"answered {answer!r} although its request failed"
        return failure

    async def cancel_midway(self, work: Coroutine[Any, Any, object], effect: Effect) -> None:
        """Cancels `work` while its request hangs; swallowing the cancellation is an error."""
        hang = Hang()
        self.wire.break_next(effect, hang)
        task = asyncio.ensure_future(work)
        reached = asyncio.ensure_future(hang.reached.wait())
        waited = {task} if self.offline else {task, reached}
        await asyncio.wait(waited, timeout=0 if self.offline else LONGEST_CALL, return_when="FIRST_COMPLETED")
        reached.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert self.offline or task.cancelled(), "the cancellation was swallowed"
        self.wire.disarm()

    async def use_other_credentials(self) -> None:
        """From now on the session has credentials that the platform does not accept, and no token."""
        other = self.platform.other_credentials()
        self._credentials.append(other)
        self.session = replace(self.session, credentials=other)
        self.tokens.fresh = True


def map_secrets(models: Sequence[ChannelModel]) -> list[str]:
    """The values of all SecretStr fields."""
    values = (getattr(model, name) for model in models for name in type(model).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def expect_silence(bench: PlatformBench[Any]) -> None:
    """Nothing that was said carries a secret."""
    leaks = bench.transcript.find_leaks(bench.secrets())
    assert not leaks, f"a secret, token or code was said aloud: {leaks}"
