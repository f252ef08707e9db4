"""Meituan's answers → core's values, as far as both products agree. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.meituan.tables import REFUSAL_BY_STATUS, REFUSAL_BY_WORDS, REFUSED, SUCCESS
from adapters.meituan.wire import Envelope
from core.channels.contract import (
    ChannelCoupon,
    CouponState,
    CouponStatus,
    Found,
    LookUp,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
)
from core.channels.wire import (
    clean_message,
)

RESULT = "result="  # what the codes of refusals by `data.result` begin with
_USABLE = frozenset({CouponStatus.AVAILABLE, CouponStatus.PARTLY_REDEEMED})


# ---------------------------------------------------------------------------------------------------- handles
@dataclass(frozen=True, slots=True)
class Handle:
    """What is kept of a coupon between calls: the scanned code, its deal, and which of how many coupons it is.

    Meituan counts the unused coupons of the code's order and names none but the scanned one: the others get
    places from 2 on. A card is one coupon.
    """

    code: str = field(repr=False)
    deal_id: str
    place: int = 1
    count: int = 1

    def pack(self) -> str:
        """As text, for `ChannelCoupon.handle`."""
        return f"{self.code}:{self.deal_id}:{self.place}:{self.count}"

    @classmethod
    def unpack(cls, text: str) -> Handle:
        """Of a packed text. Raises ProtocolFailure for any other."""
        parts = text.split(":")
        if len(parts) != 4 or not (parts[0] and parts[2].isdecimal() and parts[3].isdecimal()):
            raise ProtocolFailure("not a handle of a Meituan coupon", path="handle")
        return cls(parts[0], parts[1], int(parts[2]), int(parts[3]))

    @property
    def reference(self) -> str:
        """The coupon's name. Meituan has no certificate id, so it is the code."""
        return self.code if self.place == 1 else f"{self.code}#{self.place}"


# ---------------------------------------------------------------------------------------------------- answers
def parse_envelope(document: object, operation: str) -> Envelope:
    """An answer with a code. Raises ProtocolFailure naming the place."""
    code = document.get("code") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(code, str) or not code:
        raise ProtocolFailure("the answer has no code", path="code", operation=operation)
    data, message = document.get("data"), document.get("msg")
    if code == SUCCESS and not isinstance(data, dict):
        raise ProtocolFailure("a success without data", path="data", operation=operation)
    return {
        "code": code,
        "msg": message if isinstance(message, str) else "",
        "data": data if isinstance(data, dict) else {},
    }


def find_refusal(
    envelope: Envelope, words: Mapping[str, Refusal] = REFUSAL_BY_WORDS, attempt: int = 1
) -> Refused | None:
    """Why the call was refused; None where it was done.

    On a repeat, a refusal that no table lists may be the effect of our own first call: raises ProtocolFailure.
    """
    code, message = envelope["code"], envelope["msg"]
    if code == SUCCESS:
        return None
    said = message if code == REFUSED or code.startswith(RESULT) else ""
    reason = next((reason for word, reason in words.items() if word in said), None)
    if reason is None and attempt > 1:
        raise ProtocolFailure("an unlisted refusal of a repeat", path="msg", platform_code=code)
    return Refused(reason or Refusal.REFUSED_BY_CHANNEL, code, clean_message(message))


def says_unused(refused: Refused, words: Iterable[str]) -> bool:
    """Whether this refusal of a question about uses says for sure that there is none."""
    return any(word in (refused.platform_message or "") for word in words)


def expect_told(refused: Refused | None) -> None:
    """Raises ProtocolFailure for a refusal that leaves a coupon's state open."""
    if refused is not None:
        code, words = refused.platform_code, refused.platform_message
        raise ProtocolFailure("Meituan tells no state", platform_code=code, platform_message=words)


def list_usable(coupons: Sequence[ChannelCoupon], order_reference: str | None) -> LookUp:
    """The usable ones of an order's coupons, or why there are none."""
    usable = tuple(coupon for coupon in coupons if coupon.status in _USABLE)
    if usable:
        return Found(usable, order_reference)
    if not coupons:
        return Refused(Refusal.ALREADY_REDEEMED, vague=True)
    reason = REFUSAL_BY_STATUS.get(coupons[0].status, Refusal.REFUSED_BY_CHANNEL)
    return Refused(reason, coupons=tuple(coupons))


def pick_unused(coupons: Sequence[ChannelCoupon], handle: Handle) -> CouponState:
    """The state of a coupon that Meituan names no code of, while the order is as it was looked up.

    Raises ProtocolFailure otherwise: nobody can tell which of the order's coupons are gone.
    """
    if handle.place > handle.count or len(coupons) != handle.count:
        raise ProtocolFailure(
            "Meituan does not tell which of the order's coupons are used", path="data.count"
        )
    coupon = coupons[handle.place - 1]
    return CouponState(handle.reference, coupon.status, (), coupon.raw)


# ---------------------------------------------------------------------------------------------------- outcomes
def share_receipts(
    receipts: Sequence[str], order: RedeemOrder, answered_at: datetime, reversible_until: datetime | None
) -> list[Redeemed | RedeemRefused]:
    """The receipts of one call, dealt out to the items by their places."""
    wanted = sum(item.times for item in order.items)
    if len(set(receipts)) != wanted or len(receipts) != wanted:
        raise ProtocolFailure(f"{len(receipts)} receipts for {wanted} uses", path="data")
    redeemed_at = answered_at if order.attempt == 1 else None
    rest = [Receipt(receipt, redeemed_at) for receipt in receipts]
    outcomes: list[Redeemed | RedeemRefused] = []
    for item in sorted(order.items, key=lambda item: Handle.unpack(item.handle).place):
        own, rest = tuple(rest[: item.times]), rest[item.times :]
        outcomes.append(Redeemed(item.reference, own, reversible_until))
    return outcomes
