"""The port for redeeming coupons, and the values that pass through it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from core.channels.contract.accounts import ChannelSession
from core.channels.contract.codes import Scanned
from core.channels.contract.values import CouponKind, CouponStatus, Refusal


@dataclass(frozen=True, slots=True)
class ChannelCoupon:
    """One coupon as a channel shows it.

    reference        the platform's certificate id: the same for ever; the code itself where the platform has none
    handle           what the platform wants to be sent for redeeming or asking about it (an encrypted code, say)
    kind, status     in our words; unknown ones UNRECOGNISED
    face_value       fen: what it takes off, or what the deal is listed at; None where unknown
    paid_amount      fen: what the customer paid, after the platform's own discounts; None where unknown
    times_total      1, or how often a times card may be used in all; times_remaining counts down to 0
    raw              the platform's own document, for disputes
    """

    reference: str = field(repr=False)
    handle: str = field(repr=False)
    kind: CouponKind
    title: str
    status: CouponStatus
    face_value: int | None = None
    paid_amount: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    times_total: int = 1
    times_remaining: int = 1
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Mine, and at least one coupon can be used here and now.

    coupons          the usable ones, in the platform's order; all of one platform order
    order_reference  the platform's order id, None where it has none
    redeem_token     what the platform's own prepare step gave; None where it has no such step
    """

    coupons: tuple[ChannelCoupon, ...]
    order_reference: str | None = field(default=None, repr=False)
    redeem_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """Mine, but refused. `vague` marks a refusal that covers several reasons at once, so that core looks closer.

    The platform's own code and words are kept beside ours; coupons are listed where the platform shows them.
    """

    reason: Refusal
    platform_code: str | None = None
    platform_message: str | None = None
    redeemed_at: datetime | None = None
    coupons: tuple[ChannelCoupon, ...] = ()
    vague: bool = False


@dataclass(frozen=True, slots=True)
class NotMine:
    """No coupon of this channel, or of this account."""


LookUp = Found | Refused | NotMine


@dataclass(frozen=True, slots=True)
class RedeemItem:
    """One coupon of a leg; `times` uses of it (1 except for times cards). `used` counts uses before this leg."""

    reference: str = field(repr=False)
    handle: str = field(repr=False)
    times: int = 1
    used: int = 0


@dataclass(frozen=True, slots=True)
class RedeemOrder:
    """One leg: the coupons of one platform order, redeemed by one platform call.

    token     stable across repeats: the platform's redeem_token where its prepare gave one, else our leg's id
    attempt   1 for the first sending; a repeat carries the identical rest
    code      what was scanned, for platforms that want it again
    at        when the leg was made (UTC): the time of the use for a platform that wants to be told one
    """

    token: str
    items: tuple[RedeemItem, ...]
    code: str
    order_reference: str | None = None
    attempt: int = 1
    at: datetime = field(kw_only=True)

    def __repr__(self) -> str:
        return f"RedeemOrder(items={len(self.items)}, attempt={self.attempt})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's proof of one use: its id as needed for the reversal, and the amounts of this use in fen."""

    reference: str = field(repr=False)
    redeemed_at: datetime | None = None
    face_value: int | None = None
    paid_amount: int | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """This coupon was used by this leg: one receipt per use. `reversible_until` as far as the platform says."""

    reference: str = field(repr=False)
    receipts: tuple[Receipt, ...]
    reversible_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RedeemRefused:
    """This coupon was certainly not used by this leg."""

    reference: str = field(repr=False)
    refusal: Refused


@dataclass(frozen=True, slots=True)
class PlatformUse:
    """One living (not reversed) use of a coupon as the platform records it; None where it does not say.

    receipt        the platform's id of the use; None where it shows none
    token          our leg's token, where the platform shows it
    by_merchant_api  whether it came in through the interface (not a person at the platform's own till)
    """

    receipt: str | None = field(repr=False)
    used_at: datetime | None = None
    token: str | None = None
    external_store_id: str | None = None
    by_merchant_api: bool | None = None


@dataclass(frozen=True, slots=True)
class CouponState:
    """What the platform says of a coupon now: its status and its living uses, oldest first.

    Where `status_by` is UNUSED_ONLY there are no uses, and of the statuses only AVAILABLE proves anything.
    """

    reference: str = field(repr=False)
    status: CouponStatus
    uses: tuple[PlatformUse, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Asks about one coupon; `token` is that of the leg in doubt, for platforms that can be asked by it."""

    reference: str
    handle: str = field(repr=False)
    code: str
    order_reference: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return f"StatusQuery(…{self.reference[-4:]})"


@dataclass(frozen=True, slots=True)
class ReversalOrder:
    """Takes back the uses named by `receipts`, all of one coupon. `token` is stable across repeats.

    redeem_token  the token of the leg that made the uses, for platforms that know them by it
    """

    token: str
    reference: str = field(repr=False)
    handle: str = field(repr=False)
    receipts: tuple[str, ...] = field(repr=False)
    order_reference: str | None = field(default=None, repr=False)
    attempt: int = 1
    redeem_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reversed:
    """All uses of the order are taken back."""


@dataclass(frozen=True, slots=True)
class ReversalRefused:
    """Not taken back. ALREADY_REVERSED where the platform says that there is nothing to take back."""

    refusal: Refused


ReversalAnswer = Reversed | ReversalRefused


@dataclass(frozen=True, slots=True)
class UseQuery:
    """Which uses to list: those from `since` until before `until`, a page at a time.

    cursor  None for the first page, then what the page before gave
    """

    since: datetime
    until: datetime
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """One use of a coupon as the platform's own books have it. Amounts in fen, of this one use; None where not shown.

    receipt             the platform's id of the use, as in `Receipt.reference`; the certificate id where it has none
    reference           the platform's certificate id
    paid_amount         what the customer paid
    payout              what the merchant is to receive
    fee                 what the platform keeps
    reversed            whether the use was taken back since
    by_merchant_api     whether it came in through the interface (not a person at the platform's own till)
    """

    receipt: str = field(repr=False)
    used_at: datetime
    reference: str | None = field(default=None, repr=False)
    external_store_id: str | None = None
    face_value: int | None = None
    paid_amount: int | None = None
    payout: int | None = None
    fee: int | None = None
    reversed: bool = False
    by_merchant_api: bool | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UsePage:
    """A page of uses, in any order. `next_cursor` is None on the last one."""

    uses: tuple[RecordedUse, ...]
    next_cursor: str | None = None


class Idempotency(StrEnum):
    """What the platform does with a repeated redeem call."""

    TOKEN = "TOKEN"  # noqa: S105  # a word, not a secret: it remembers the leg's token and repeats its first effect
    NATURAL_SINGLE_USE = "NATURAL_SINGLE_USE"
    NONE = "NONE"


class StatusBy(StrEnum):
    """How a coupon's state can be asked for afterwards, and whether the answer shows that a use was ours.

    UNUSED_ONLY: the platform tells whether the coupon is unused, and of a used one neither when nor by whom.
    """

    TOKEN = "TOKEN"  # noqa: S105
    CODE_WITH_REFERENCE = "CODE_WITH_REFERENCE"
    CODE_ONLY = "CODE_ONLY"
    UNUSED_ONLY = "UNUSED_ONLY"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Reversibility:
    """Whether a use can be taken back, and for how long after it (None: as long as the coupon lives)."""

    possible: bool
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CouponBehaviour:
    """How the platform behaves. Core picks its policy for lost answers from this, so declare what was proved.

    in_flight       the longest time after our time-out in which a lost call may still take effect
    token_lifetime  how long a repeat with the same token is recognised
    batch_atomic    whether the coupons of one call are redeemed all or none
    lists_uses      whether the platform's own record of uses can be read, for reconciliation
    list_delay      how long after a use that record has it at the latest
    """

    idempotency: Idempotency
    status_by: StatusBy
    reversal: Reversibility
    in_flight: timedelta = timedelta(seconds=30)
    token_lifetime: timedelta = timedelta(minutes=10)
    batch_atomic: bool = False
    lists_uses: bool = False
    list_delay: timedelta = timedelta(minutes=10)


class Coupons(ABC):
    """Redeeming coupons. Each method is one piece of work at the platform and may raise any ChannelFailure.

    `behaviour` is what every account keeps. Where accounts differ, such as by the platform's product that they are set
    up for, `behave` says more of one of them.
    """

    behaviour: ClassVar[CouponBehaviour]

    def behave(self, session: ChannelSession[Any, Any]) -> CouponBehaviour:
        """How the platform behaves towards this account. Pure; never less than `behaviour`.

        `lists_uses` and `list_delay` are the same for all accounts.
        """
        return self.behaviour

    @abstractmethod
    async def look_up(self, session: ChannelSession[Any, Any], scanned: Scanned) -> LookUp:
        """Asks the platform about a code without using it up.

        Answers NotMine for a code that the platform does not know; `Found` with the usable coupons; `Refused` where
        the code is known and nothing of it can be used. Must be safe to repeat and to cancel.
        """

    @abstractmethod
    async def redeem(
        self, session: ChannelSession[Any, Any], order: RedeemOrder
    ) -> Sequence[Redeemed | RedeemRefused]:
        """Uses the coupons of one leg, in one call; one answer per item, in any order.

        A repeat (`order.attempt > 1`) sends the identical body. Where the platform then says "already used" in a way
        that proves our own first call, answer `Redeemed`; where it does not prove it, answer `RedeemRefused` with
        ALREADY_REDEEMED: core then asks for the state. Raises OutcomeUnknown where the answer leaves it open.
        """

    @abstractmethod
    async def status(self, session: ChannelSession[Any, Any], query: StatusQuery) -> CouponState:
        """What the platform records about one coupon now. Only called where `behaviour.status_by` is not NONE."""

    @abstractmethod
    async def reverse(self, session: ChannelSession[Any, Any], order: ReversalOrder) -> ReversalAnswer:
        """Takes uses back. Only called where `behaviour.reversal.possible`. Repeats must be harmless."""

    async def list_uses(self, session: ChannelSession[Any, Any], query: UseQuery) -> UsePage:
        """The uses at the session's store, reversed ones included where the platform shows them.

        Only called where `behaviour.lists_uses`. A use that moves between pages while they are read may come twice;
        none may be left out.
        """
        raise NotImplementedError("this channel lists no uses")
