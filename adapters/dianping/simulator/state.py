"""What the simulated platform knows: sessions, orders, coupons, and the words of its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.testing.simulator import Use

APP_KEY = "1000069"
APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"  # noqa: S105  # made up, known to everybody
SESSION = "sess-0000000000000000000000000000000000"
REFRESH_TOKEN = "rfsh-0000000000000000000000000000000000"  # noqa: S105
SHOP = "0000000000000000000000000000ab01"
OTHER_SHOP = "0000000000000000000000000000ab02"
MERCHANT = "000000000000000000000000000bid01"

SESSION_LIFE = timedelta(days=30)
RENEWALS = 12
LIST_LIMIT = 100  # INFERRED
CLOCK_TOLERANCE = timedelta(minutes=10)  # INFERRED
REVERSAL_WINDOW = timedelta(minutes=10)


class PlatformError(Exception):
    """An answer with this code and these words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def refuse_parameter(name: str) -> PlatformError:
    """What a missing or wrong parameter meets."""
    return PlatformError(604, f"参数{name}错误")


# 608 is documented. All other codes are INFERRED, and so are all words: no public source lists them.
SESSION_REFUSED = PlatformError(608, "session已过期")
SIGNATURE_REFUSED = PlatformError(606, "签名校验失败")
APP_REFUSED = PlatformError(605, "app_key不存在")
CLOCK_REFUSED = PlatformError(607, "timestamp已超出有效范围")
RATE_LIMITED = PlatformError(611, "请求过于频繁")
STORE_REFUSED = PlatformError(612, "门店不存在或门店未授权")
RENEWAL_REFUSED = PlatformError(609, "refresh_token无效")

USED = PlatformError(801, "该券已使用")
EXPIRED = PlatformError(802, "该券已过期")
WRONG_SHOP = PlatformError(803, "该券不适用于当前门店")
UNKNOWN_CODE = PlatformError(804, "券码不存在")
TOO_LATE = PlatformError(805, "验券超过10分钟，不能撤销")
NOT_USED = PlatformError(806, "该券未验证")
REFUNDED = PlatformError(807, "该券已退款")
NOT_YET_VALID = PlatformError(808, "该券未到使用时间")
LOCKED = PlatformError(809, "该券已冻结")
TOO_MANY = PlatformError(810, "可验证的券数量不足")
OTHER_REQUEST = PlatformError(811, "requestid重复")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an order of a state is made: its deals with one coupon each. `blocked` is what every call answers."""

    description: str
    titles: tuple[str, ...] = ("双人下午茶",)
    biz_type: int = 0
    shop: str = SHOP
    used: bool = False
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    blocked: PlatformError | None = None


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("a set meal that can be used now"),
    "used": Recipe("used two hours ago, by hand in the merchant app", used=True),
    "expired": Recipe("expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("paid back to the customer", blocked=REFUNDED),
    "not_yet_valid": Recipe("valid from tomorrow on", starts_in=timedelta(days=1)),
    "wrong_store": Recipe("sold for another store of the chain", shop=OTHER_SHOP),
    "two_coupons": Recipe("one order of two deals, shown as one QR", ("双人下午茶", "100元代金券")),
    "locked": Recipe("frozen by the platform", blocked=LOCKED),
}


@dataclass(slots=True)
class Coupon:
    """One coupon. `uses` are all that ever were, taken back or not."""

    receipt_code: str
    deal_id: int
    title: str
    recipe: Recipe
    starts_at: datetime
    expires_at: datetime
    uses: list[Use] = field(default_factory=list)

    def living(self) -> Use | None:
        """The use that stands."""
        return next((use for use in self.uses if use.reversed_at is None), None)

    def check(self, shop: str, now: datetime) -> None:
        """Raises PlatformError where the coupon cannot be used at this shop now."""
        if self.recipe.blocked:
            raise self.recipe.blocked
        if self.living():
            raise USED
        if shop != self.recipe.shop:
            raise WRONG_SHOP
        if now > self.expires_at:
            raise EXPIRED
        if now < self.starts_at:
            raise NOT_YET_VALID


@dataclass(slots=True)
class Order:
    """One order, and the text of its QR."""

    order_id: str
    qr_code: str
    coupons: list[Coupon]


@dataclass(slots=True)
class Remembered:
    """The first request with a requestid, without what changes from call to call, and its answer."""

    business: Mapping[str, str]
    data: list[dict[str, Any]]


class SessionDesk:
    """Sessions and the refresh token, which each renewal replaces."""

    def __init__(self, now: datetime) -> None:
        self.refresh_token: str | None = REFRESH_TOKEN
        self.remaining = RENEWALS
        self._expiries = {SESSION: now + SESSION_LIFE}

    def check(self, session: str, now: datetime) -> None:
        """Raises PlatformError 608 for an unknown or expired session."""
        if self._expiries.get(session, now) <= now:
            raise SESSION_REFUSED

    def expire(self) -> None:
        """Voids every session given out so far."""
        self._expiries.clear()

    def renew(self, refresh_token: str, now: datetime) -> dict[str, Any]:
        """A new session, and a new refresh token as long as there are renewals left."""
        if refresh_token != self.refresh_token:
            raise RENEWAL_REFUSED
        self.remaining -= 1
        number = RENEWALS - self.remaining
        self.refresh_token = f"rfsh-{number:034d}" if self.remaining else None
        self._expiries[f"sess-{number:034d}"] = now + SESSION_LIFE
        answer = {
            "access_token": f"sess-{number:034d}",
            "expires_in": int(SESSION_LIFE.total_seconds()),
            "token_type": "bearer",
            "scope": "tuangou",
            "remain_refresh_count": self.remaining,
            "bid": MERCHANT,
        }
        return answer | ({"refresh_token": self.refresh_token} if self.refresh_token else {})
