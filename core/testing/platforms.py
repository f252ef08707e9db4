"""What the conformance kit needs of a platform: coupons in named states and a count of their uses, logins, or messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from core.channels.contract import (
    BookingStatus,
    ChannelModel,
    ChannelSession,
    DeliveryRefusal,
    LoginRefusal,
    OrderStatus,
    OutgoingMessage,
    Refusal,
    WebhookDelivery,
)
from core.testing.simulator import LoginSample, SentMessage

STATE_REFUSALS: Mapping[str, Refusal] = {
    "used": Refusal.ALREADY_REDEEMED,
    "expired": Refusal.EXPIRED,
    "refunded": Refusal.REFUNDED,
    "not_yet_valid": Refusal.NOT_YET_VALID,
    "wrong_store": Refusal.WRONG_STORE,
    "cancelled": Refusal.CANCELLED,
    "locked": Refusal.LOCKED,
    "risk_blocked": Refusal.RISK_BLOCKED,
    "times_used_up": Refusal.TIMES_USED_UP,
    "wrong_item": Refusal.WRONG_ITEM,
}
"""The refusal that a coupon in each state meets, unless the platform says otherwise in `refusals`."""

USABLE_STATES = frozenset({"usable", "times_card", "two_coupons"})
"""States in which a look-up finds something to redeem."""

STANDARD_STATES = (
    "usable",
    "used",
    "expired",
    "refunded",
    "not_yet_valid",
    "wrong_store",
    "times_card",
    "two_coupons",
)
"""States that every platform holds, or says in `cannot_hold` why it has no such thing."""


class Uses(NamedTuple):
    """How often the coupons of one sample were used: `made` in all, `living` without those taken back."""

    made: int
    living: int


@dataclass(frozen=True, slots=True)
class CouponFacts:
    """What the platform knows of its usable sample, in fen and UTC; None where it does not tell."""

    face_value: int | None
    paid_amount: int | None
    valid_until: datetime | None = None


class Platform(ABC):
    """A platform under the kit's hands: the author's simulator, made anew for every test.

    cannot_hold  what the kit wants to try → why the platform has no such thing; printed in the report
    """

    cannot_hold: Mapping[str, str] = {}

    @abstractmethod
    def open_session(self) -> ChannelSession[Any, Any]:
        """A session with good credentials, at the store where samples may be used."""

    @abstractmethod
    def advance(self, by: timedelta) -> None:
        """Moves the platform's clock and that of its sessions."""

    def strange_answer(self, operation: str) -> bytes:
        """A well-formed answer to this operation with a code that no document lists. For the network."""
        raise NotImplementedError(
            f"strange_answer({operation!r}): give the body of an answer with an unlisted code"
        )

    def other_credentials(self) -> ChannelModel:
        """Credentials of the right form that the platform does not accept. For channels with any."""
        raise NotImplementedError("other_credentials: give credentials that the platform refuses")


class CouponPlatform(Platform):
    """A platform that sells coupons.

    samples          state → the text that is scanned; `times_card` has two or more uses left, `two_coupons`
                     is one code with at least two usable coupons
    cannot_hold      standard state → why the platform has no such coupons; printed in the report
    refusals         state → refusal, for states of the platform's own, and where the platform cannot tell a
                     standard state apart: then the answer must be marked `vague`
    unknown_code     a code of the channel's shape that the platform does not know
    facts            what the usable sample is worth
    delivery_window  how old a signed delivery may be; None where the platform signs no time
    delivered_kind   the kind of event that `make_delivery` tells of
    """

    samples: Mapping[str, str]
    refusals: Mapping[str, Refusal] = {}
    unknown_code: str
    facts: CouponFacts
    delivery_window: ClassVar[timedelta | None] = None
    delivered_kind: ClassVar[str] = "coupon.redeemed"

    @abstractmethod
    async def count_uses(self, state: str) -> Uses:
        """What the platform itself recorded for the coupons of this sample."""

    async def make_codes(self, count: int) -> list[str]:
        """New usable coupons, each with a code of its own. Needed where the channel lists uses."""
        raise NotImplementedError("make_codes: give the codes of new usable coupons")

    def open_other_session(self) -> ChannelSession[Any, Any] | None:
        """A session at another store, for channels that list uses; None where there is no such store."""
        return None

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        """A genuine delivery of a `delivered_kind` about `subject`. Needed where the channel declares WEBHOOKS."""
        raise NotImplementedError("make_delivery: give a signed delivery that tells of a redeemed coupon")


LOGIN_REFUSALS: Mapping[str, LoginRefusal] = {
    "unknown": LoginRefusal.CODE_INVALID,
    "used": LoginRefusal.CODE_INVALID,
    "expired": LoginRefusal.CODE_EXPIRED,
    "unknown_phone": LoginRefusal.CODE_INVALID,
    "used_phone": LoginRefusal.CODE_INVALID,
    "expired_phone": LoginRefusal.CODE_EXPIRED,
}
"""The refusal that a login code, or a phone code, in each state meets, unless the platform says otherwise."""


class LoginPlatform(Platform):
    """A platform with mini-programs. `cannot_hold` may name the states of LOGIN_REFUSALS, "phone" and "tokens".

    unknown_code, unknown_phone_code  of the platform's shape, and given to nobody
    code_lifetime, phone_lifetime     after which a code is over
    refusals                          state → refusal, where the platform cannot tell a state apart
    """

    unknown_code: str
    unknown_phone_code: str = "no-such-phone-code"
    code_lifetime: timedelta = timedelta(minutes=5)
    phone_lifetime: timedelta = timedelta(minutes=5)
    refusals: Mapping[str, LoginRefusal] = {}

    @abstractmethod
    def make_login(self, subject: str | None = None) -> LoginSample:
        """A new person opens the mini-program, or again the one of an earlier sample."""

    @abstractmethod
    def expire_tokens(self) -> None:
        """Voids every access token given out so far, where the platform has any."""


MESSAGE_REFUSALS: Mapping[str, DeliveryRefusal] = {
    "unreachable": DeliveryRefusal.UNREACHABLE,
    "unknown_template": DeliveryRefusal.TEMPLATE_UNKNOWN,
    "bad_content": DeliveryRefusal.CONTENT_REFUSED,
    "too_many": DeliveryRefusal.TOO_MANY,
    "no_consent": DeliveryRefusal.NO_CONSENT,
}
"""The refusal that a message in each state meets, unless the platform says otherwise."""


class MessagePlatform(Platform):
    """A platform that sends messages. `cannot_hold` may name states of `messages`, "rate" and "tokens".

    messages  state → a message: "good" is taken, "long" has values that must be cut, the states of MESSAGE_REFUSALS
              are refused; where consent is needed, the kit gives it before each but "no_consent"
    refusals  state → refusal, where the platform cannot tell a state apart
    """

    messages: Mapping[str, OutgoingMessage]
    refusals: Mapping[str, DeliveryRefusal] = {}

    @abstractmethod
    def list_messages(self) -> Sequence[SentMessage]:
        """What the platform has sent to people, oldest first."""

    def give_consent(self, message: OutgoingMessage) -> None:
        """The person agrees to one message of this template. For channels that need consent."""
        raise NotImplementedError("give_consent: let the recipient agree to one message of the template")

    def limit_rate(self) -> None:
        """The platform refuses the next call because there were too many."""
        raise NotImplementedError('limit_rate: refuse the next call, or say in cannot_hold["rate"] why not')

    def expire_tokens(self) -> None:
        """Voids every access token given out so far."""
        raise NotImplementedError('expire_tokens: void the tokens, or say in cannot_hold["tokens"] why not')


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """What a platform's own books say of a booking; None where it does not tell us. `token` as in ChannelBooking."""

    status: BookingStatus
    start: datetime
    party_size: int = 1
    service_reference: str | None = None
    phone: str | None = None
    customer_name: str | None = None
    token: str | None = None


class BookingPlatform(Platform):
    """A platform that takes bookings. `cannot_hold` may name states of BookingStatus and "other_store".

    service  the platform's id of something that can be booked in the session's store
    unknown  a reference of the platform's shape that no booking has
    """

    service: str
    unknown: str

    @abstractmethod
    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        """Somebody books at the session's store; the booking's reference, once it has come to `status`."""

    @abstractmethod
    def cancel_booking(self, reference: str) -> None:
        """Whoever booked calls it off."""

    @abstractmethod
    def read_booking(self, reference: str) -> BookingFacts:
        """What the platform itself has on its books."""

    @abstractmethod
    def count_bookings(self) -> int:
        """How many bookings the platform has, in whatever state."""

    def open_other_session(self) -> ChannelSession[Any, Any]:
        """A session at another store."""
        raise NotImplementedError(
            'open_other_session: give one, or say in cannot_hold["other_store"] why not'
        )


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What a platform's own books say of an order, in fen; `phone` in E.164, None where the platform hides it."""

    status: OrderStatus
    total: int
    paid: int
    quantity: int
    phone: str | None = None


class OrderPlatform(Platform):
    """A platform that sells things. `cannot_hold` may name states of OrderStatus, "hidden_phone" and "unknown_status".

    unknown  a reference of the platform's shape that no order has
    """

    unknown: str

    @abstractmethod
    def make_order(self, status: OrderStatus) -> str:
        """Somebody buys something of two lines at least, and shows a phone; the order's reference, once it is so far."""

    @abstractmethod
    def change_order(self, reference: str) -> None:
        """Something about the order changes, such as a note of the shop, and with it its time of change."""

    @abstractmethod
    def read_order(self, reference: str) -> OrderFacts:
        """What the platform itself has on its books."""

    def hide_phone(self, reference: str) -> None:
        """From now on the platform shows a masked or a relay number."""
        raise NotImplementedError('hide_phone: mask it, or say in cannot_hold["hidden_phone"] why not')

    def confuse_order(self, reference: str) -> None:
        """The order comes into a state that no document lists."""
        raise NotImplementedError('confuse_order: do, or say in cannot_hold["unknown_status"] why not')

    def list_parcels(self, reference: str) -> Sequence[str]:
        """The tracking numbers that the platform was told of. Needed where the channel takes shipments."""
        raise NotImplementedError("list_parcels: give the tracking numbers of the order")

    def request_refund(self, reference: str) -> str:
        """The buyer wants money back; the request's reference. Needed where the channel takes decisions."""
        raise NotImplementedError("request_refund: let the buyer ask for money back")

    def list_decisions(self, reference: str) -> Sequence[bool]:
        """What was decided about the refunds of an order, oldest first. Needed where the channel takes decisions."""
        raise NotImplementedError("list_decisions: give each yes and no that the platform was told")
