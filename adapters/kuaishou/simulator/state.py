"""What the simulated platform knows: tokens, orders, certificates, and its documents. All errors are INFERRED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.testing.simulator import Use

APP_ID = "ks700000000000000001"
APP_SECRET = "Yk3dWq8LrT5vNz1XbC6mHg"  # noqa: S105  # made up, known to everybody
SIGN_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105
REFRESH_TOKEN = "simulated-refresh-token-000000"  # noqa: S105
POI_ID = "3000000000000000001"
OTHER_POI_ID = "3000000000000000002"

ACCESS_LIFE = timedelta(seconds=172800)
REFRESH_LIFE = timedelta(seconds=15552000)
VERIFY_TOKEN_LIFE = timedelta(minutes=5)  # INFERRED: "a short time"
ORIGINAL, PAID, COST = 19900, 9600, 9900  # fen, for one use

Answer = dict[str, Any]


class PlatformError(Exception):
    """An answer with this error code and these words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


BAD_REQUEST = 2100005, "参数不合法"
UNKNOWN = 1208, "券码不存在"
WRONG_STORE = 3000002, "核销门店不在商品适用门店内"
NOT_ENOUGH = 1241, "次卡剩余次数不足"
REVERSED_ALREADY = 3000001, "该核销记录已撤销"
TOO_FAST = 2119003, "请求过于频繁"
TOKEN_UNKNOWN = 2190002, "access_token无效"
TOKEN_EXPIRED = 2190008, "access_token过期"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made. `blocked` is what prepare and verify answer for it."""

    description: str
    title: str = "双人火锅套餐"
    groupon_type: int = 1
    coupons: int = 1
    times: int = 1
    used: int = 0
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    poi_id: str = POI_ID
    refunded: bool = False
    blocked: tuple[int, str] | None = None


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("a set meal that can be used now"),
    "used": Recipe("used two hours ago, by hand in the merchant app", used=1),
    "expired": Recipe("expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("paid back to the customer", refunded=True),
    "not_yet_valid": Recipe("valid from tomorrow on", starts_in=timedelta(days=1)),
    "wrong_store": Recipe("sold for another store of the chain", poi_id=OTHER_POI_ID),
    "times_card": Recipe("a punch card for 5 uses, 1 of them gone", "火锅5次卡", 3, times=5, used=1),
    "two_coupons": Recipe("one order of two cash vouchers, under one code", "100元代金券", 2, coupons=2),
    "locked": Recipe("being given to a friend", blocked=(2119006, "券码赠送中")),
    "risk_blocked": Recipe("frozen by risk control", blocked=(2119008, "券码被平台冻结")),
}


@dataclass(slots=True)
class Certificate:
    """One coupon. `uses` are all that ever were, taken back or not."""

    certificate_id: str
    encrypted_code: str
    code: str
    recipe: Recipe
    starts_at: datetime
    expires_at: datetime
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand."""
        return [use for use in self.uses if use.reversed_at is None]

    def find_obstacle(self, now: datetime) -> str | None:
        """Why it cannot be used, in the platform's words."""
        if self.recipe.refunded:
            return "券已退款"
        if len(self.living()) >= self.recipe.times:
            return "券已核销"
        if now > self.expires_at:
            return "券已过期"
        return "未到使用时间" if now < self.starts_at else None

    def is_listed(self, now: datetime) -> bool:
        """Whether prepare shows it: what can be used, or will be one day."""
        return self.find_obstacle(now) in {None, "未到使用时间"}


@dataclass(slots=True)
class Order:
    """One order, under the first coupon's code and one link."""

    order_id: str
    link: str
    recipe: Recipe
    certificates: list[Certificate]

    def find(self, encrypted_code: object) -> Certificate | None:
        """The certificate with this encrypted code."""
        return next((each for each in self.certificates if each.encrypted_code == encrypted_code), None)


@dataclass(slots=True)
class Preparation:
    """What a verify_token stands for, and the first answer given to it."""

    order: Order
    expires_at: datetime
    body: bytes | None = None
    results: list[Answer] = field(default_factory=list)


class TokenDesk:
    """Access and refresh tokens. A refresh brings a new pair, and its refresh token is void from then on."""

    def __init__(self) -> None:
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, datetime | None] = {REFRESH_TOKEN: None}
        self._number = 0

    def refresh(self, refresh_token: str, now: datetime) -> Answer | None:
        """The answer with a new pair; None for a refresh token that is not in force."""
        if refresh_token not in self._refresh:
            return None
        expires_at = self._refresh.pop(refresh_token)
        if expires_at is not None and expires_at <= now:
            return None
        self._number += 1
        access, fresh = f"simks-access-{self._number:06d}", f"simks-refresh-{self._number:06d}"
        self._access[access] = now + ACCESS_LIFE
        self._refresh[fresh] = now + REFRESH_LIFE
        return {
            "result": 1,
            "access_token": access,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "refresh_token": fresh,
            "refresh_token_expires_in": int(REFRESH_LIFE.total_seconds()),
            "scopes": ["merchant_verify"],
        }

    def check(self, token: str, now: datetime) -> None:
        """Raises PlatformError for an unknown or expired access token."""
        if token not in self._access:
            raise PlatformError(*TOKEN_UNKNOWN)
        if self._access[token] <= now:
            raise PlatformError(*TOKEN_EXPIRED)

    def expire(self, now: datetime) -> None:
        """Ends the life of all access tokens."""
        self._access = dict.fromkeys(self._access, now)


def write_certificate(certificate: Certificate) -> Answer:
    """A certificate as prepare shows it."""
    recipe = certificate.recipe
    wire: Answer = {
        "certificate_id": int(certificate.certificate_id),
        "encrypted_code": certificate.encrypted_code,
        "start_time": int(certificate.starts_at.timestamp()),
        "expire_time": int(certificate.expires_at.timestamp()),
        "sku": {"sku_id": "600000001", "title": recipe.title, "groupon_type": recipe.groupon_type},
        "amount": {
            "original_amount": ORIGINAL * recipe.times,
            "pay_amount": PAID * recipe.times,
            "coupon_pay_amount": COST * recipe.times,
        },
    }
    if recipe.times > 1:
        wire["time_card"] = {"times_count": recipe.times, "times_used": len(certificate.living())}
    return wire
