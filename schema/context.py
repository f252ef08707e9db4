"""What the resolvers of one request share: who asks, in which language, and what was loaded already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import strawberry

from core.access.permissions import RIGHTS, Action
from core.access.tokens import authenticate
from core.access.values import Actor
from core.errors import Fault, Unauthenticated
from core.messages import Language, text
from schema.loaders import Loaders
from schema.pagination import Cursors

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(slots=True)
class Context:
    """One request, or one operation of a WebSocket.

    token     the bearer token, unchecked until a field needs somebody
    base_url  where this server is reached, as in "https://example.com"
    cursor    subscriptions: where the event that is being answered lies, for `extensions.cursor`
    """

    runtime: Runtime
    language: Language
    token: str | None = field(default=None, repr=False)
    base_url: str = ""
    cursor: str | None = None
    _actor: Actor | None = None
    _fault: Fault | None = None
    _loaders: Loaders | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def cursors(self) -> Cursors:
        return Cursors(self.runtime.keys)

    async def sign_in(self) -> Actor:
        """Who asks. Checked once per request, with their rate. Raises Unauthenticated and RateLimited."""
        if self._actor is not None:
            return self._actor
        async with self._lock:
            if self._fault is not None:
                raise self._fault
            if self._actor is None:
                self._actor = await self._check_token()
        return self._actor

    async def check_again(self) -> Actor:
        """Who asks, as of now, for something that lasts. Raises Unauthenticated once the token has ended."""
        self._actor = await authenticate(self._require_token())
        self._loaders = None
        return self._actor

    async def load(self) -> Loaders:
        """The loaders of whoever asks."""
        if self._loaders is None:
            self._loaders = Loaders(self.runtime, await self.sign_in())
        return self._loaders

    def renew(self) -> Context:
        """The same caller for another operation of the same connection."""
        return Context(self.runtime, self.language, self.token, self.base_url)

    async def _check_token(self) -> Actor:
        try:
            actor = await authenticate(self._require_token())
            await self.runtime.rates.check(actor)
        except Fault as fault:
            self._fault = fault
            raise
        return actor

    def _require_token(self) -> str:
        if self.token is None:
            raise Unauthenticated(text("fault.UNAUTHENTICATED"))
        return self.token


Info: TypeAlias = strawberry.Info[Context, None]


def may(actor: Actor, action: Action) -> bool:
    """Whether the actor's role may do this, for fields that are null otherwise."""
    return actor.role in RIGHTS[action].roles


def read_bearer(header: str | None) -> str | None:
    """The token of an Authorization header, None where there is none. An empty string is a token that fits nobody."""
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
