"""What the simulated platform knows: its app and merchant, tokens, vouchers and merchant coupons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from core.testing.simulator import Use

APP_ID = "wx5a1b2c3d4e5f6071"
APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105  # made up, known to everybody
PUSH_TOKEN = "pushtoken0001"  # noqa: S105
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MCH_ID = "1900000777"
API_V3_KEY = "0123456789abcdef0123456789abcdef"
STORE_ID = "WXS001"
OTHER_STORE_ID = "WXS002"
SKU_ID = 20000002
OPENID = "oSiMuLaTeD_openid-0000000001"
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_RENEWAL = timedelta(minutes=5)
FORCED_A_DAY, FORCED_PAUSE = 20, timedelta(seconds=30)
PRICE, WORTH, DISCOUNT = 9900, 19900, 1000  # fen
MOST_CYCLES = 10
CHINA = timezone(timedelta(hours=8))


class PlatformError(Exception):
    """An answer of api.weixin.qq.com with this errcode."""

    def __init__(self, errcode: int, words: str, failed: list[dict[str, Any]] | None = None) -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.words = words
        self.failed = failed or []


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made. `status` is a voucher's number, or a merchant coupon's word."""

    description: str
    vouchers: int = 1
    used: bool = False
    status: int | str | None = None
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)


VOUCHERS: Mapping[str, Recipe] = {
    "usable": Recipe("a voucher that can be used now"),
    "used": Recipe("used two hours ago at another till", used=True),
    "expired": Recipe("expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("paid back to the customer", status=3),
    "not_yet_valid": Recipe("valid from tomorrow on", starts_in=timedelta(days=1)),
    "two_coupons": Recipe("one order of two vouchers, under one QR", vouchers=2),
}
COUPONS: Mapping[str, Recipe] = {
    "merchant_coupon": Recipe("a merchant coupon that can be used now"),
    "merchant_coupon_used": Recipe("a merchant coupon used two hours ago", used=True),
    "merchant_coupon_expired": Recipe("a merchant coupon of yesterday", expires_in=timedelta(days=-1)),
    "merchant_coupon_early": Recipe("a merchant coupon of tomorrow", starts_in=timedelta(days=1)),
    "merchant_coupon_off": Recipe("a merchant coupon taken out of use", status="DEACTIVATED"),
}


@dataclass(slots=True)
class Item:
    """A voucher or a merchant coupon. `uses` are all that ever were, taken back or not."""

    code: str
    recipe: Recipe
    starts_at: datetime
    expires_at: datetime
    order_id: str = ""
    encrypted_code: str = ""
    stock_id: str = ""
    last_return: str = ""
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand."""
        return [use for use in self.uses if use.reversed_at is None]

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired."""
        return now > self.expires_at


def write_voucher(item: Item, now: datetime) -> dict[str, Any]:
    """A voucher as the platform shows it."""
    wire: dict[str, Any] = {
        "code": item.code,
        "status": read_status(item, now),
        "send_time": int(item.starts_at.timestamp()),
        "update_time": int(now.timestamp()),
        "start_time": int(item.starts_at.timestamp()),
        "end_time": int(item.expires_at.timestamp()),
        "product_id": 10000000000002,
        "sku_id": SKU_ID,
        "voucher_type": 1,
        "voucher_buy_amount": PRICE,
        "voucher_actual_amount": WORTH,
        "code_type": 1,
        "order_id": item.order_id,
        "openid": OPENID,
        "telphone_no": "13800000000",
    }
    if item.last_return:
        wire["last_withdraw_consume_no"] = item.last_return
    if item.uses:
        wire["last_consume_no"] = item.uses[-1].token
    if living := item.living():
        wire["consume_time"] = int(living[-1].used_at.timestamp())
        wire["out_store_id"] = living[-1].store
    return wire


def read_status(item: Item, now: datetime) -> int:
    """1 valid, 2 used, 3 refunded, 4 expired."""
    if isinstance(item.recipe.status, int):
        return item.recipe.status
    if item.living():
        return 2
    return 4 if item.is_over(now) else 1


def write_coupon(item: Item, now: datetime) -> dict[str, Any]:
    """A merchant coupon as the platform shows it."""
    wire: dict[str, Any] = {
        "belong_merchant": MCH_ID,
        "stock_name": "满50减10",
        "stock_type": "NORMAL",
        "coupon_state": read_state(item, now),
        "coupon_use_rule": {
            "fixed_normal_coupon": {"discount_amount": DISCOUNT, "transaction_minimum": 5000},
            "use_method": "OFF_LINE",
        },
        "coupon_code": item.code,
        "stock_id": item.stock_id,
        "available_start_time": write_time(item.starts_at),
        "expire_time": write_time(item.expires_at),
        "receive_time": write_time(item.starts_at),
    }
    if living := item.living():
        wire["use_request_no"] = living[-1].token
        wire["use_time"] = write_time(living[-1].used_at)
    return wire


def read_state(item: Item, now: datetime) -> str:
    """SENDED, USED, EXPIRED, or what the recipe says."""
    if isinstance(item.recipe.status, str):
        return item.recipe.status
    if item.living():
        return "USED"
    return "EXPIRED" if item.is_over(now) else "SENDED"


def write_time(instant: datetime) -> str:
    """Beijing time, RFC 3339."""
    return instant.astimezone(CHINA).isoformat(timespec="seconds")


class TokenDesk:
    """The stable access token: the same one until five minutes before its end, when the next one comes beside it.

    A forced one ends the one before at once; that may be done 20 times a day, with half a minute between.
    """

    def __init__(self) -> None:
        self._expiries: dict[str, datetime] = {}
        self._forced: list[datetime] = []
        self._number = 0

    def give(self, now: datetime) -> tuple[str, int]:
        """The token and the seconds that it has left."""
        newest = list(self._expiries.items())[-1:]
        if not newest or newest[0][1] - now <= TOKEN_RENEWAL:
            newest = [self._issue(now)]
        token, expires_at = newest[0]
        return token, int((expires_at - now).total_seconds())

    def force(self, now: datetime) -> tuple[str, int]:
        """A new token in place of the others. Raises PlatformError where it is done too often."""
        if self._forced and now - self._forced[-1] < FORCED_PAUSE:
            raise PlatformError(45011, "api minute-quota reach limit")
        if sum(now - each < timedelta(days=1) for each in self._forced) >= FORCED_A_DAY:
            raise PlatformError(45009, "reach max api daily quota limit")
        self._forced.append(now)
        self._expiries.clear()
        token, expires_at = self._issue(now)
        return token, int((expires_at - now).total_seconds())

    def check(self, token: str, now: datetime) -> None:
        """Raises PlatformError for a token that is none of the latest (40001) or has expired (42001)."""
        if token not in self._expiries:
            raise PlatformError(40001, "invalid credential, access_token is invalid or not latest")
        if self._expiries[token] <= now:
            raise PlatformError(42001, "access_token expired")

    def expire(self, now: datetime) -> None:
        """Ends the life of all tokens."""
        self._expiries = dict.fromkeys(self._expiries, now)

    def _issue(self, now: datetime) -> tuple[str, datetime]:
        self._number += 1
        token, expires_at = f"SIM_STABLE_TOKEN_{self._number:06d}", now + TOKEN_LIFE
        self._expiries = {**dict(list(self._expiries.items())[-1:]), token: expires_at}
        return token, expires_at
