"""What an adapter registers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from core.channels.contract.accounts import ChannelModel, ChannelSession, NoCredentials, NoSettings
from core.channels.contract.codes import Scanned
from core.channels.contract.coupons import Coupons
from core.channels.contract.identity import Identity
from core.channels.contract.notifications import Notifications
from core.channels.contract.orders import Orders
from core.channels.contract.reservations import Reservations
from core.channels.contract.values import Capability, Recognition
from core.channels.contract.webhooks import Webhooks
from core.keys import KeyRing


@dataclass(frozen=True, slots=True)
class RequestRate:
    """How fast one account may call: `per_second` on average, `burst` at once."""

    per_second: float = 20
    burst: int = 40


class Channel(ABC):
    """What an adapter registers: who it is, how it is set up, what it can do.

    code            stable and lower case, as in `connectChannel(channel: "douyin")`
    name            for people
    capabilities    what it can do; for each there must be an implementation (checked at start)
    simulator       import string of an ASGI factory that plays the platform, such as "adapters.douyin.simulator:app"
    link_hosts      hosts whose short links the channel's QR codes carry; "*.example.com" covers subdomains
    samples         codes of this channel's own shape, made up, for other channels' tests
    """

    code: ClassVar[str]
    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    credentials_model: ClassVar[type[ChannelModel]] = NoCredentials
    settings_model: ClassVar[type[ChannelModel]] = NoSettings
    simulator: ClassVar[str | None] = None
    link_hosts: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[tuple[str, ...]] = ()
    request_rate: ClassVar[RequestRate] = RequestRate()
    needs_account: ClassVar[bool] = True

    coupons: Coupons | None = None
    webhooks: Webhooks | None = None
    identity: Identity | None = None
    notifications: Notifications | None = None
    reservations: Reservations | None = None
    orders: Orders | None = None

    @abstractmethod
    def recognise(self, scanned: Scanned) -> Recognition:
        """Whether this may be one of the channel's codes, by its looks. Pure and offline."""

    def attach(self, keys: KeyRing) -> None:
        """Called once, when the program is put together, with its keys. Only a channel that lives on our own tables
        needs them."""
        return

    async def check_account(self, session: ChannelSession[Any, Any]) -> None:
        """Asks the platform whether the credentials work, when an account is connected.

        Raises CredentialsRefused (naming the setting where known), Misconfigured or ChannelUnavailable.
        """
        return


CAPABILITY_ATTRIBUTES: Mapping[Capability, str] = {
    Capability.COUPONS: "coupons",
    Capability.WEBHOOKS: "webhooks",
    Capability.IDENTITY: "identity",
    Capability.NOTIFICATIONS: "notifications",
    Capability.RESERVATIONS: "reservations",
    Capability.ORDERS: "orders",
}


@runtime_checkable
class RegisterChannel(Protocol):
    """What `register_channels` is handed: call it with each Channel object."""

    def __call__(self, channel: Channel) -> None: ...
