"""The calls of general services (businessId 58): paths below /ddzh/tuangou/receipt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.meituan.simulator.state import (
    REVERSAL_WINDOW,
    TOO_EARLY,
    TOO_FEW,
    TOO_LATE,
    UNUSED,
    Coupon,
    Order,
    PlatformError,
    Shop,
)
from core.channels.wire import CHINA
from core.testing.simulator import SimulatorClock, Use

MARKET, PRICE, PAID, SUBSIDY = 16800, 8800, 7800, 500  # fen, for one coupon
BY_API, BY_HAND = "15", "1"
_CARD, _LISTED_CARD = 205, 201


class GeneralDesk:
    """Answers the calls; the keys of requests are checked here, their signatures at the gateway."""

    def __init__(self, shop: Shop, clock: SimulatorClock) -> None:
        self._shop = shop
        self._clock = clock
        self._requests: dict[str, tuple[Mapping[str, Any], dict[str, Any]]] = {}

    def prepare(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """What can be used with a code."""
        order, coupon = self._shop.find(_need(biz, "receiptCode"))
        self._check(coupon)
        data = write_receipt(order, coupon)
        data["count"] = coupon.left() if order.recipe.biz_type == _CARD else len(order.unused(coupon))
        data["receiptEndDate"] = int(coupon.expires_at.timestamp() * 1000)
        return data

    def consume(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Uses a code, and others of its order; the same requestId brings the first answer again."""
        for key in ("receiptCode", "requestId", "appShopAccount", "appShopAccountName"):
            _need(biz, key)
        request_id = str(biz["requestId"])
        if request_id in self._requests:
            known, answer = self._requests[request_id]
            if known != biz:
                raise PlatformError("requestId重复")
            return answer
        order, coupon = self._shop.find(biz["receiptCode"])
        self._check(coupon)
        uses = [
            (each, self._shop.use(each, request_id, self._clock.now()))
            for each in _choose(order, coupon, biz)
        ]
        answer = {"result": [_write_consumed(order, each, use) for each, use in uses]}
        self._requests[request_id] = (dict(biz), answer)
        return answer

    def reverse(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Takes the newest use of a code back (INFERRED for cards)."""
        _need(biz, "appShopAccount")
        order, coupon = self._shop.find(_need(biz, "receiptCode"))
        if biz.get("dealId") != str(order.deal_id):
            raise PlatformError("项目不匹配")
        living = coupon.living()
        if not living:
            raise PlatformError(UNUSED)
        if not living[-1].token:
            raise PlatformError("非本账号验证，不可撤销")
        if self._clock.now() - living[-1].used_at > REVERSAL_WINDOW:
            raise PlatformError(TOO_LATE)
        living[-1].reversed_at = self._clock.now()
        return {"result": [write_receipt(order, coupon)]}

    def get_consumed(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """The newest use of a code."""
        order, coupon = self._shop.find(_need(biz, "receiptCode"))
        if not coupon.living():
            raise PlatformError(UNUSED)
        record = write_record(order, coupon, coupon.living()[-1])
        return {key: value for key, value in record.items() if key not in {"flowId", "refundStatus"}}

    def list_consumed(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """The uses of one day that stand."""
        day, offset, limit = str(_need(biz, "date")), biz.get("offset"), biz.get("limit")
        if not isinstance(offset, int) or not isinstance(limit, int) or not 1 <= limit <= 300:
            raise PlatformError("参数错误")
        kind = biz.get("bizType", 0)
        records = [
            write_record(order, coupon, use)
            for order in self._shop.orders
            for coupon in order.coupons
            for use in coupon.living()
            if format_time(use.used_at).startswith(day) and _list_under(order) == kind
        ]
        return {"totalCount": len(records), "records": records[offset : offset + limit]}

    def _check(self, coupon: Coupon) -> None:
        coupon.check_unused(self._clock.now())
        if self._clock.now() < coupon.starts_at:
            raise PlatformError(TOO_EARLY)


def _list_under(order: Order) -> int:
    """The `bizType` of the list that an order's uses are in: that of cards is another there."""
    return _LISTED_CARD if order.recipe.biz_type == _CARD else order.recipe.biz_type


def _choose(order: Order, coupon: Coupon, biz: Mapping[str, Any]) -> list[Coupon]:
    count = biz.get("count")
    if not isinstance(count, int) or not 1 <= count <= 100:
        raise PlatformError("参数错误")
    usable = [coupon] * coupon.left() if order.recipe.biz_type == _CARD else order.unused(coupon)
    if count > len(usable):
        raise PlatformError(TOO_FEW)
    return usable[:count]


def _need(biz: Mapping[str, Any], key: str) -> object:
    if not biz.get(key):
        raise PlatformError(f"参数{key}不能为空")
    return biz[key]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def write_receipt(order: Order, coupon: Coupon) -> dict[str, Any]:
    """A receipt, with the payments of its whole order."""
    wire: dict[str, Any] = {
        "receiptCode": coupon.code,
        "orderId": order.order_id,
        "dealId": order.deal_id,
        "dealGroupId": 794_400_000,
        "dealTitle": order.recipe.title,
        "dealPrice": PRICE / 100,
        "dealMarketPrice": MARKET / 100,
        "mobile": "138****0000",
        "bizType": order.recipe.biz_type,
        "paymentDetail": [
            {
                "paymentDetailId": f"49{order.deal_id}",
                "amount": _yuan(PAID * len(order.coupons)),
                "amountType": 10,
            }
        ],
        "tgTimesCardFlag": order.recipe.biz_type == _CARD,
        "platformAmount": _yuan(SUBSIDY * len(order.coupons)),
        "merchantAmount": _yuan(SUBSIDY * len(order.coupons)),
    }
    if order.recipe.biz_type == _CARD:
        wire["purchaseToConsumeRatio"] = str(order.recipe.times)
        wire["timesCardUnitPrice"] = _yuan(PRICE // order.recipe.times)
    return wire


def _write_consumed(order: Order, coupon: Coupon, use: Use) -> dict[str, Any]:
    # consume spells dealgroupId with a small g, and the end of validity as text.
    wire = write_receipt(order, coupon)
    wire["dealgroupId"] = wire.pop("dealGroupId")
    return {**wire, "flowId": use.receipt, "receiptEndDate": format_time(coupon.expires_at)}


def write_record(order: Order, coupon: Coupon, use: Use) -> dict[str, Any]:
    """One use, as lists show it."""
    return {
        "receiptCode": coupon.code,
        "dealId": order.deal_id,
        "dealGroupId": 794_400_000,
        "dealTitle": order.recipe.title,
        "dealPrice": PRICE / 100,
        "dealMarketPrice": MARKET / 100,
        "bizType": order.recipe.biz_type,
        "verifyAccount": "hexiao" if use.token else "店长",
        "verifyChannel": BY_API if use.token else BY_HAND,
        "verifyTime": format_time(use.used_at),
        "flowId": use.receipt,
        "refundStatus": 1,
    }


def format_time(instant: datetime) -> str:
    """Beijing time as Meituan writes it."""
    return instant.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
