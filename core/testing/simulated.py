"""The kit's platform over a simulator: most authors subclass this and say only what is their platform's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, runtime_checkable

from core.channels.contract import BookingStatus, Channel, ChannelModel, ChannelSession, OutgoingMessage
from core.testing.faults import FaultKind
from core.testing.platforms import (
    BookingFacts,
    BookingPlatform,
    CouponFacts,
    CouponPlatform,
    LoginPlatform,
    MessagePlatform,
    Uses,
)
from core.testing.sessions import make_session
from core.testing.simulator import (
    LoginSample,
    LoginSimulator,
    MessageSimulator,
    Sample,
    SentMessage,
    Simulator,
)


class SimulatedPlatform(CouponPlatform):
    """A simulator with one new coupon in each of its states.

    wrong_credentials  keys as in `connectChannel` → values that the platform refuses, replacing the good ones
    link_states        states whose sample is scanned as a QR; the others are typed as codes
    """

    wrong_credentials: ClassVar[Mapping[str, Any]]
    link_states: ClassVar[frozenset[str]] = frozenset({"two_coupons"})

    def __init__(self, channel: Channel, simulator: Simulator, facts: CouponFacts, unknown_code: str) -> None:
        self.channel = channel
        self.simulator = simulator
        self.facts = facts
        self.unknown_code = unknown_code
        self._references: dict[str, set[str]] = {}
        self.samples = {state: self._place(state) for state in simulator.states}

    def open_session(self) -> ChannelSession[Any, Any]:
        """See `CouponPlatform.open_session`."""
        return make_session(self.channel, self.simulator)

    async def count_uses(self, state: str) -> Uses:
        """See `CouponPlatform.count_uses`."""
        own = [each for each in self.simulator.consumptions() if each.reference in self._references[state]]
        return Uses(sum(len(each.uses) for each in own), sum(each.living for each in own))

    async def make_codes(self, count: int) -> list[str]:
        """See `CouponPlatform.make_codes`."""
        return [self._scan(self.simulator.make("usable")) for _ in range(count)]

    def open_other_session(self) -> ChannelSession[Any, Any] | None:
        """See `CouponPlatform.open_other_session`. None, too, for a platform whose credentials name the store."""
        if self.simulator.other_store_id is None:
            return None
        return make_session(self.channel, self.simulator, external_store_id=self.simulator.other_store_id)

    def advance(self, by: timedelta) -> None:
        """See `CouponPlatform.advance`."""
        self.simulator.clock.advance(by)

    def other_credentials(self) -> ChannelModel:
        """See `CouponPlatform.other_credentials`."""
        wrong = {**self.simulator.credentials, **self.wrong_credentials}
        return self.channel.credentials_model.model_validate(wrong)

    def _place(self, state: str) -> str:
        before = {each.reference for each in self.simulator.consumptions()}
        sample = self.simulator.make(state)
        self._references[state] = {each.reference for each in self.simulator.consumptions()} - before
        return self._scan(sample)

    def _scan(self, sample: Sample) -> str:
        return sample.link if sample.link and sample.state in self.link_states else sample.code


class SimulatedLogins(LoginPlatform):
    """A simulator that is a `LoginSimulator`, as the kit wants it. `wrong_credentials` as above."""

    wrong_credentials: ClassVar[Mapping[str, Any]]

    def __init__(self, channel: Channel, simulator: Simulator, unknown_code: str) -> None:
        self.channel = channel
        self.simulator = simulator
        self.unknown_code = unknown_code

    def open_session(self) -> ChannelSession[Any, Any]:
        """See `Platform.open_session`."""
        return make_session(self.channel, self.simulator)

    def advance(self, by: timedelta) -> None:
        """See `Platform.advance`."""
        self.simulator.clock.advance(by)

    def other_credentials(self) -> ChannelModel:
        """See `Platform.other_credentials`."""
        wrong = {**self.simulator.credentials, **self.wrong_credentials}
        return self.channel.credentials_model.model_validate(wrong)

    def make_login(self, subject: str | None = None) -> LoginSample:
        """See `LoginPlatform.make_login`."""
        assert isinstance(self.simulator, LoginSimulator), "give the simulator a method make_login"
        return self.simulator.make_login(subject)

    def expire_tokens(self) -> None:
        """See `LoginPlatform.expire_tokens`."""
        self.simulator.expire_tokens()


class SimulatedMessages(MessagePlatform):
    """A simulator that is a `MessageSimulator`, as the kit wants it. `wrong_credentials` as above.

    piece  what the call that sends is to core, as its `Endpoint` says
    """

    wrong_credentials: ClassVar[Mapping[str, Any]]
    piece: ClassVar[str] = "send"

    def __init__(
        self, channel: Channel, simulator: Simulator, messages: Mapping[str, OutgoingMessage]
    ) -> None:
        self.channel = channel
        self.simulator = simulator
        self.messages = messages

    def open_session(self) -> ChannelSession[Any, Any]:
        """See `Platform.open_session`."""
        return make_session(self.channel, self.simulator)

    def advance(self, by: timedelta) -> None:
        """See `Platform.advance`."""
        self.simulator.clock.advance(by)

    def other_credentials(self) -> ChannelModel:
        """See `Platform.other_credentials`."""
        wrong = {**self.simulator.credentials, **self.wrong_credentials}
        return self.channel.credentials_model.model_validate(wrong)

    def list_messages(self) -> Sequence[SentMessage]:
        """See `MessagePlatform.list_messages`."""
        assert isinstance(self.simulator, MessageSimulator), "give the simulator a method list_messages"
        return self.simulator.list_messages()

    def limit_rate(self) -> None:
        """See `MessagePlatform.limit_rate`."""
        self.simulator.faults.script(self.piece, FaultKind.RATE_LIMIT)

    def expire_tokens(self) -> None:
        """See `MessagePlatform.expire_tokens`."""
        self.simulator.expire_tokens()


@runtime_checkable
class BookingSimulator(Protocol):
    """A simulator whose platform takes bookings. As `BookingPlatform` has them."""

    def make_booking(self, status: BookingStatus, start: datetime) -> str: ...

    def cancel_booking(self, reference: str) -> None: ...

    def read_booking(self, reference: str) -> BookingFacts: ...

    def count_bookings(self) -> int: ...


class SimulatedBookings(BookingPlatform):
    """A simulator that is a `BookingSimulator`, as the kit wants it. `wrong_credentials` as above."""

    wrong_credentials: ClassVar[Mapping[str, Any]]

    def __init__(self, channel: Channel, simulator: Simulator, service: str, unknown: str) -> None:
        assert isinstance(simulator, BookingSimulator), "give the simulator the methods of BookingSimulator"
        self.channel = channel
        self.simulator = simulator
        self.bookings: BookingSimulator = simulator
        self.service = service
        self.unknown = unknown

    def open_session(self) -> ChannelSession[Any, Any]:
        """See `Platform.open_session`."""
        return make_session(self.channel, self.simulator)

    def open_other_session(self) -> ChannelSession[Any, Any]:
        """See `BookingPlatform.open_other_session`."""
        return make_session(self.channel, self.simulator, external_store_id=self.simulator.other_store_id)

    def advance(self, by: timedelta) -> None:
        """See `Platform.advance`."""
        self.simulator.clock.advance(by)

    def other_credentials(self) -> ChannelModel:
        """See `Platform.other_credentials`."""
        wrong = {**self.simulator.credentials, **self.wrong_credentials}
        return self.channel.credentials_model.model_validate(wrong)

    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        """See `BookingPlatform.make_booking`."""
        return self.bookings.make_booking(status, start)

    def cancel_booking(self, reference: str) -> None:
        """See `BookingPlatform.cancel_booking`."""
        self.bookings.cancel_booking(reference)

    def read_booking(self, reference: str) -> BookingFacts:
        """See `BookingPlatform.read_booking`."""
        return self.bookings.read_booking(reference)

    def count_bookings(self) -> int:
        """See `BookingPlatform.count_bookings`."""
        return self.bookings.count_bookings()
