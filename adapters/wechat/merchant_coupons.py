"""WeChat Pay's merchant coupons (商家券): asked for by customer and code, used and returned by request numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, cast

from adapters.wechat.client import PayClient
from adapters.wechat.codes import CouponKey, Presented
from adapters.wechat.parse import (
    parse_coupon,
    parse_coupon_state,
    parse_pay_error,
    parse_pay_refusal,
    parse_use,
    read_rfc3339,
    refuse_by_status,
)
from adapters.wechat.wire import MerchantCoupon, ReturnBody, UseBody
from core.channels.contract import (
    ChannelFailure,
    CouponState,
    CouponStatus,
    Found,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)

if TYPE_CHECKING:
    from adapters.wechat.channel import PayCredentials, Session

_CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991


class MerchantCoupons:
    """The merchant coupons of one account, for one piece of work."""

    def __init__(self, session: Session, pay: PayCredentials) -> None:
        self._session = session
        self._client = PayClient(session, pay)

    async def look_up(self, presented: Presented) -> LookUp:
        """See `Coupons.look_up`."""
        openid = presented.openid or ""
        status, document = await self._client.get_coupon(openid, presented.code or "")
        if status >= 400:
            refused = parse_pay_refusal(*parse_pay_error(document, "coupon_get"))
            return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused
        wire = cast(MerchantCoupon, document)
        coupon = parse_coupon(wire, openid, self._session.clock.now())
        reason = refuse_by_status(coupon.status)
        if reason is None:
            return Found((coupon,))
        redeemed_at = read_rfc3339(wire.get("use_time"), "use_time")
        return Refused(reason, redeemed_at=redeemed_at, coupons=(coupon,))

    async def redeem(self, key: CouponKey, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. The leg's token is the use_request_no."""
        if len(order.items) != 1 or order.items[0].times != 1:
            raise Misconfigured("one call uses one merchant coupon", operation="coupon_use")
        status, document = await self._client.use(self._write_use(key, order))
        try:
            if status < 400:
                return [parse_use(document, order.token, key)]
            refused = parse_pay_refusal(*parse_pay_error(document, "coupon_use"))
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="coupon_use") from failure
        return [await self._explain(key, order, refused)]

    def _write_use(self, key: CouponKey, order: RedeemOrder) -> UseBody:
        return {
            "coupon_code": key.coupon_code,
            "stock_id": key.stock_id,
            "appid": self._session.credentials.app_id,
            "use_time": order.at.astimezone(_CHINA).isoformat(timespec="seconds"),
            "use_request_no": order.token,
            "openid": key.openid,
        }

    async def _explain(
        self, key: CouponKey, order: RedeemOrder, refused: Refused
    ) -> Redeemed | RedeemRefused:
        """What a refusal comes to: the general codes cover several states, and a repeat may meet our own use."""
        try:
            state = await self.status(key)
        except ChannelFailure as failure:
            message = "refused, and the coupon's state cannot be asked"
            raise OutcomeUnknown(message, operation="coupon_use") from failure
        own = [use for use in state.uses if use.token == order.token]
        if own and order.attempt == 1:
            raise OutcomeUnknown("refused, and yet used under our number", operation="coupon_use")
        if own:
            return Redeemed(key.reference, (Receipt(order.token, own[0].used_at),))
        reason = refuse_by_status(state.status) or refused.reason
        return RedeemRefused(key.reference, replace(refused, reason=reason))

    async def status(self, key: CouponKey) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where WeChat Pay refuses to tell."""
        status, document = await self._client.get_coupon(key.openid, key.coupon_code)
        if status >= 400:
            code, _ = parse_pay_error(document, "coupon_get")
            raise ProtocolFailure("WeChat Pay tells no state", operation="status", platform_code=code)
        return parse_coupon_state(cast(MerchantCoupon, document), key, self._session.clock.now())

    async def reverse(self, key: CouponKey, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. A receipt is the use_request_no of the use.

        WeChat Pay returns the coupon whoever used it, so it is looked at first: a use that is not ours is not touched.
        """
        if await self._is_gone(key, order):
            return Reversed() if order.attempt > 1 else ReversalRefused(Refused(Refusal.ALREADY_REVERSED))
        body: ReturnBody = {
            "coupon_code": key.coupon_code,
            "stock_id": key.stock_id,
            "return_request_no": order.token,
        }
        status, document = await self._client.give_back(body)
        try:
            if status >= 400:
                return await self._explain_return(key, order, document)
            if read_rfc3339(document.get("wechatpay_return_time"), "wechatpay_return_time"):
                return Reversed()
            raise ProtocolFailure("a return without a time")
        except ChannelFailure as failure:
            raise OutcomeUnknown(failure.message, operation="coupon_return") from failure

    async def _explain_return(
        self, key: CouponKey, order: ReversalOrder, document: Mapping[str, object]
    ) -> ReversalAnswer:
        """What a refused return comes to: there may be nothing to take back any more."""
        refused = parse_pay_refusal(*parse_pay_error(document, "coupon_return"))
        return Reversed() if await self._is_gone(key, order) else ReversalRefused(refused)

    async def _is_gone(self, key: CouponKey, order: ReversalOrder) -> bool:
        try:
            state = await self.status(key)
        except ChannelFailure as failure:
            if order.attempt == 1:
                raise
            message = "the coupon's state cannot be asked"
            raise OutcomeUnknown(message, operation="coupon_return") from failure
        if state.status is CouponStatus.UNRECOGNISED:
            raise ProtocolFailure("the coupon's state is unknown", operation="coupon_return")
        return order.receipts[0] not in {use.receipt for use in state.uses}
