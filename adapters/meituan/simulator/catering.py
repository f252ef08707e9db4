"""The calls of catering (businessId 1): paths below /tuangou. They know no key for repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.meituan.simulator.general import format_time
from adapters.meituan.simulator.state import (
    REVERSAL_WINDOW,
    TOO_EARLY,
    TOO_FEW,
    UNKNOWN_CODE,
    UNUSED,
    Coupon,
    Order,
    PlatformError,
    Shop,
)
from core.testing.simulator import SimulatorClock

VALUE, PRICE, BOUGHT_AT = 10000, 8800, 8350  # fen, for one coupon
_UNKNOWN_PRICE = -1


class CateringDesk:
    """Answers the calls. Refusals of the older calls stand in `result` below a success."""

    def __init__(self, shop: Shop, clock: SimulatorClock) -> None:
        self._shop = shop
        self._clock = clock

    def prepare(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """What can be used with a code; the date of a coupon that cannot be used yet is shown too."""
        order, coupon = self._find(biz.get("code"))
        coupon.check_unused(self._clock.now())
        count = len(order.unused(coupon))
        return {
            **write_deal(order, coupon),
            "result": 0,
            "message": "",
            "shortAttrTitle": "代金券",
            "dealPrice": PRICE / 100,
            "couponBuyPrice": BOUGHT_AT / 100 if count == 1 else _UNKNOWN_PRICE,
            "count": count,
            "minConsume": 1,
            "couponEndTime": format_time(coupon.expires_at)[:10],
            "dealBeginTime": format_time(coupon.starts_at)[:10],
            "vourcher": True,
            "dealMenu": "[]",
            "thirdProductId": "",
        }

    def consume(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Uses a code, and `num` - 1 others of its order."""
        order, coupon = self._find(biz.get("code"))
        coupon.check_unused(self._clock.now())
        if self._clock.now() < coupon.starts_at:
            raise PlatformError(TOO_EARLY)
        num, usable = biz.get("num"), order.unused(coupon)
        if not isinstance(num, int) or num < 1:
            raise PlatformError("参数错误")
        if num > len(usable):
            raise PlatformError(TOO_FEW)
        for each in usable[:num]:
            self._shop.use(each, "msconsume", self._clock.now())
        deal = write_deal(order, coupon)
        del deal["couponCode"], deal["singleValue"], deal["volume"]
        return {**deal, "couponCodes": [each.code for each in usable[:num]], "receiptInfoDTOList": []}

    def cancel(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Takes the use of a code back."""
        _, coupon = self._find(biz.get("couponCode"))
        if biz.get("type") != 1 or not 1 <= len(str(biz.get("eId", ""))) <= 32 or not biz.get("eName"):
            raise PlatformError("参数错误", result=1)
        if not coupon.living():
            raise PlatformError(UNUSED, result=1)
        if not self._can_cancel(coupon):
            raise PlatformError("该券不可撤销", result=1)
        coupon.living()[-1].reversed_at = self._clock.now()
        return {"result": 0, "message": "撤销成功"}

    def query(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """The state of a used code."""
        order, coupon = self._find(biz.get("couponCode"))
        if not coupon.living():
            raise PlatformError(UNUSED)
        return self._write_used(order, coupon)

    def list_used(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """The uses of one day that stand."""
        day, offset, limit = str(biz.get("date", "")), biz.get("offset"), biz.get("limit")
        if not isinstance(offset, int) or not isinstance(limit, int):
            raise PlatformError("参数错误")
        rows = [
            self._write_used(order, coupon)
            for order in self._shop.orders
            for coupon in order.coupons
            if coupon.living() and format_time(coupon.living()[-1].used_at).startswith(day)
        ]
        return {"couponCodes": rows[offset : offset + limit], "total": len(rows)}

    def _find(self, code: object) -> tuple[Order, Coupon]:
        order, coupon = self._shop.find(code)
        if order.recipe.times > 1:
            raise PlatformError(UNKNOWN_CODE)
        return order, coupon

    def _can_cancel(self, coupon: Coupon) -> bool:
        # How long is not documented: taken to be as long as in general services.
        newest = coupon.living()[-1]
        return bool(newest.token) and self._clock.now() - newest.used_at <= REVERSAL_WINDOW

    def _write_used(self, order: Order, coupon: Coupon) -> dict[str, Any]:
        newest = coupon.living()[-1]
        return {
            **write_deal(order, coupon),
            "couponStatusDesc": "已使用",
            "couponCancelStatus": int(self._can_cancel(coupon)),
            "couponUseTime": format_time(newest.used_at),
            "couponBuyPrice": BOUGHT_AT / 100,
            "isVoucher": True,
            "verifyAcct": "店长",
            "verifyType": "第三方验证" if newest.token else "商家验证",
        }


def write_deal(order: Order, coupon: Coupon) -> dict[str, Any]:
    """What all answers about a coupon have."""
    return {
        "couponCode": coupon.code,
        "dealId": order.deal_id,
        "dealTitle": order.recipe.title,
        "rawTitle": order.recipe.title,
        "platformTitle": order.recipe.title,
        "dealValue": VALUE / 100,
        "singleValue": VALUE / 100,
        "volume": 0,
    }
