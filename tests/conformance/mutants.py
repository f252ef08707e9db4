"""Adapters that break one rule each. The modules `broken_*` register them, test_the_kit.py tries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.channels.contract import Channel, Coupons, Identity, Notifications, Orders, Reservations, Webhooks
from core.testing.coupons import CouponChannelSuite
from core.testing.identity import IdentityChannelSuite
from core.testing.notifications import NotificationChannelSuite
from core.testing.orders import OrderChannelSuite
from core.testing.paper import PaperChannel
from core.testing.paper_bookings import PaperBookings
from core.testing.paper_identity import PaperLoginChannel
from core.testing.paper_logins import PaperLogins
from core.testing.paper_market import PaperMarket
from core.testing.paper_messages import PaperMessages
from core.testing.paper_notifications import PaperMessageChannel
from core.testing.paper_orders import PaperOrderChannel
from core.testing.paper_platform import PaperPlatform
from core.testing.paper_reservations import PaperBookingChannel
from core.testing.platforms import Platform
from core.testing.reservations import ReservationChannelSuite
from core.testing.suites import ChannelSuite, list_tests

Maker = (
    type[Coupons]
    | type[Webhooks]
    | type[Identity]
    | type[Notifications]
    | type[Reservations]
    | type[Orders]
    | type[Channel]
    | type[Platform]
)
# suite → its sound channel and platform.
SOUND: dict[type[ChannelSuite], tuple[type[Channel], type[Platform]]] = {
    CouponChannelSuite: (PaperChannel, PaperPlatform),
    IdentityChannelSuite: (PaperLoginChannel, PaperLogins),
    NotificationChannelSuite: (PaperMessageChannel, PaperMessages),
    ReservationChannelSuite: (PaperBookingChannel, PaperBookings),
    OrderChannelSuite: (PaperOrderChannel, PaperMarket),
}


@dataclass(frozen=True)
class Mutant:
    """What is broken, the rule that must bite, and words of its complaint."""

    name: str
    rule: str
    complaint: str
    broken: Maker

    @property
    def suite(self) -> type[ChannelSuite]:
        return next(suite for suite in SOUND if self.rule in list_tests(suite))

    def make_channel(self) -> Channel:
        sound = getattr(self.broken, "channel", SOUND[self.suite][0])
        channel: Channel = self.broken() if issubclass(self.broken, Channel) else sound()
        if issubclass(self.broken, Coupons):
            channel.coupons = self.broken()
        if issubclass(self.broken, Webhooks):
            channel.webhooks = self.broken()
        if issubclass(self.broken, Identity):
            channel.identity = self.broken()
        if issubclass(self.broken, Notifications):
            channel.notifications = self.broken()
        if issubclass(self.broken, Reservations):
            channel.reservations = self.broken()
        if issubclass(self.broken, Orders):
            channel.orders = self.broken()
        return channel

    def make_platform(self) -> Platform:
        return self.broken() if issubclass(self.broken, Platform) else SOUND[self.suite][1]()


MUTANTS: list[Mutant] = []


def breaks(rule: str, complaint: str = "") -> Callable[[Any], Any]:
    """Registers a broken class; decorated twice, it breaks two rules."""

    def register(broken: Any) -> Any:
        MUTANTS.append(Mutant(broken.__name__, rule, complaint, broken))
        return broken

    return register
