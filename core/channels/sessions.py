"""What a channel session is made of beside the account: the way out, and the platform's access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from core.channels.contract import AccessTokens, Channel, ChannelHttp, FreshToken, TokenFetch
from core.channels.transport.network import Network
from core.channels.transport.token_rows import StoredToken, TokenKey, insert_token
from core.channels.transport.tokens import TokenStore
from core.clock import Clock
from core.db.statements import Write
from core.keys import KeyRing


class SessionFactory(Protocol):
    """Where sessions get their network and tokens from. Both are cheap: made for each piece of work."""

    def open_http(self, channel: Channel, account_id: UUID, owner_link_hosts: Sequence[str]) -> ChannelHttp:
        """The account's way out. `owner_link_hosts` are its own `shortLinkHosts`."""
        ...

    def open_tokens(self, tenant_id: UUID, account_id: UUID) -> AccessTokens:
        """The account's access tokens."""
        ...


class NetworkSessions:
    """The real ones: the process's network, and the tokens that all processes share."""

    def __init__(self, network: Network, tokens: TokenStore) -> None:
        self._network = network
        self._tokens = tokens

    def open_http(self, channel: Channel, account_id: UUID, owner_link_hosts: Sequence[str]) -> ChannelHttp:
        return self._network.open_client(
            channel=channel.code,
            account_id=account_id,
            rate=channel.request_rate,
            link_hosts=channel.link_hosts,
            owner_link_hosts=owner_link_hosts,
        )

    def open_tokens(self, tenant_id: UUID, account_id: UUID) -> AccessTokens:
        return self._tokens.open_account(tenant_id, account_id)


class TrialTokens:
    """Access tokens of an account that is not connected yet: kept in memory, until `insert_all` hands them over.

    Made for one trial of some seconds; a token that is over meanwhile is not noticed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, StoredToken] = {}

    async def get(self, name: str, fetch: TokenFetch) -> str:
        """See contract.AccessTokens."""
        if name not in self._tokens:
            self._keep(name, await fetch())
        return self._tokens[name].value

    async def drop(self, name: str, token: str) -> None:
        """See contract.AccessTokens."""
        if name in self._tokens and self._tokens[name].value == token:
            del self._tokens[name]

    async def replace(self, name: str, old: str, new: FreshToken) -> str:
        """See contract.AccessTokens."""
        kept = self._tokens.get(name)
        if kept is None or kept.value == old:
            self._keep(name, new)
        return self._tokens[name].value

    def insert_all(self, keys: KeyRing, tenant_id: UUID, account_id: UUID) -> list[Write]:
        """The INSERTs that keep every token of the trial for the account, which must be new."""
        now = self._clock.now()
        return [
            insert_token(keys, TokenKey(tenant_id, account_id, name), token, now)
            for name, token in self._tokens.items()
        ]

    def _keep(self, name: str, token: FreshToken) -> None:
        self._tokens[name] = StoredToken.from_fresh(token, self._clock.now())
