"""What the conformance kit needs of a platform: coupons in named states, and a count of their uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from core.channels.contract import ChannelModel, ChannelSession, Refusal, WebhookDelivery

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


class CouponPlatform(ABC):
    """A platform under the kit's hands: the author's simulator, made anew for every test.

    samples          state → the text that is scanned; `times_card` has two or more uses left, `two_coupons`
                     is one code with at least two usable coupons
    cannot_hold      standard state → why the platform has no such coupons; printed in the report
    refusals         state → refusal, for states of the platform's own, and where the platform cannot tell a
                     standard state apart: then the answer must be marked `vague`
    unknown_code     a code of the channel's shape that the platform does not know
    facts            what the usable sample is worth
    delivery_window  how old a signed delivery may be; None where the platform signs no time
    """

    samples: Mapping[str, str]
    cannot_hold: Mapping[str, str] = {}
    refusals: Mapping[str, Refusal] = {}
    unknown_code: str
    facts: CouponFacts
    delivery_window: ClassVar[timedelta | None] = None

    @abstractmethod
    def open_session(self) -> ChannelSession[Any, Any]:
        """A session with good credentials at the store where the samples may be used."""

    @abstractmethod
    async def count_uses(self, state: str) -> Uses:
        """What the platform itself recorded for the coupons of this sample."""

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

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        """A genuine delivery about a used coupon. Needed where the channel declares WEBHOOKS."""
        raise NotImplementedError("make_delivery: give a signed delivery that tells of a redeemed coupon")
