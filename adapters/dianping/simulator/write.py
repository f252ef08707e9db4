"""State → the platform's documents. Money is yuan, as JSON numbers."""

from __future__ import annotations

from typing import Any

from adapters.dianping.simulator.state import Coupon, Order
from core.channels.wire import CHINA
from core.testing.simulator import Use

MARKET_FEN = 16850
_MARKET, _PRICE = 168.5, 88.05
_PAID, _CUT = 78.05, 10.0
_IN_APP, _INSTANT_CUT = 10, 6
_THIRD_PARTY, _MERCHANT_APP = "15", "1"


def write_base(coupon: Coupon) -> dict[str, Any]:
    """What all calls show of a coupon."""
    return {
        "receipt_code": coupon.receipt_code,
        "deal_id": coupon.deal_id,
        "dealgroup_id": 794400001,
        "deal_title": coupon.title,
        "deal_price": _PRICE,
        "deal_marketprice": _MARKET,
        "biz_type": coupon.recipe.biz_type,
        "mobile": "138****0000",
    }


def write_prepared(coupon: Coupon, order: Order, count: int) -> dict[str, Any]:
    """The answer of prepare. The payments are those of the whole order."""
    end = int(coupon.expires_at.timestamp() * 1000)
    return {
        **write_base(coupon),
        "count": count,
        "receiptEndDate": end,
        "payment_detail": _write_payments(len(order.coupons)),
    }


def write_scanned(coupon: Coupon, count: int) -> dict[str, Any]:
    """One row of scanprepare, which tells less."""
    left_out = {"deal_marketprice", "mobile"}
    base = {key: value for key, value in write_base(coupon).items() if key not in left_out}
    return {"available_count": count, **base}


def write_detail(coupon: Coupon, order: Order, shop: str) -> dict[str, Any]:
    """One use, as consume and batchconsume answer it."""
    return {
        **write_base(coupon),
        "open_shop_uuid": shop,
        "order_id": order.order_id,
        "receipt_end_date": coupon.expires_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
        "payment_detail": _write_payments(len(order.coupons)),
        "disclose_mobile_no": 0,
    }


def write_reversed(coupon: Coupon, shop: str) -> dict[str, Any]:
    """One row of reverseconsume."""
    return {**write_base(coupon), "open_shop_uuid": shop}


def write_consumed(coupon: Coupon, use: Use) -> dict[str, Any]:
    """The answer of getconsumed. A use by hand shows the merchant's own account."""
    return {
        **write_base(coupon),
        "order_shoppromo_amount": _CUT,
        "order_shop_promo_details": [{"promo_amount": _CUT, "promo_type": 2, "desc": "立减"}],
        "verify_account": use.token or "boss",
        "verify_channel": _THIRD_PARTY if use.token else _MERCHANT_APP,
        "verify_time": use.used_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
    }


def _write_payments(coupons: int) -> list[dict[str, Any]]:
    amounts = ((1, _PAID * coupons, _IN_APP), (2, _CUT * coupons, _INSTANT_CUT))
    return [
        {"payment_detail_id": f"49269627685{number:08d}NWL", "amount": round(amount, 2), "amount_type": kind}
        for number, amount, kind in amounts
    ]
