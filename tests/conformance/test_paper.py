"""The smallest complete channel keeps every rule."""

from __future__ import annotations

import pytest

from core.channels.contract import Channel
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
from core.testing.platforms import (
    BookingPlatform,
    CouponPlatform,
    LoginPlatform,
    MessagePlatform,
    OrderPlatform,
)
from core.testing.reservations import ReservationChannelSuite

pytest_plugins = ["core.testing.report"]


class TestPaper(CouponChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperChannel()

    @pytest.fixture
    def platform(self) -> CouponPlatform:
        return PaperPlatform()


class TestPaperLogins(IdentityChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperLoginChannel()

    @pytest.fixture
    def platform(self) -> LoginPlatform:
        return PaperLogins()


class TestPaperMessages(NotificationChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperMessageChannel()

    @pytest.fixture
    def platform(self) -> MessagePlatform:
        return PaperMessages()


class TestPaperBookings(ReservationChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperBookingChannel()

    @pytest.fixture
    def platform(self) -> BookingPlatform:
        return PaperBookings()


class TestPaperOrders(OrderChannelSuite):
    @pytest.fixture
    def channel(self) -> Channel:
        return PaperOrderChannel()

    @pytest.fixture
    def platform(self) -> OrderPlatform:
        return PaperMarket()
