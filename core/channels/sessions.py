"""What a channel session is made of beside the account: the way out, and the platform's access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from core.channels.contract import AccessTokens, Channel, ChannelHttp, TokenFetch
from core.channels.transport.network import Network
from core.channels.transport.tokens import TokenStore


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
    """Access tokens of an account that is not connected yet: kept in memory, stored nowhere."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    async def get(self, name: str, fetch: TokenFetch) -> str:
        if name not in self._tokens:
            self._tokens[name] = (await fetch()).value
        return self._tokens[name]

    async def drop(self, name: str, token: str) -> None:
        if self._tokens.get(name) == token:
            del self._tokens[name]
