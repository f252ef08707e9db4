"""What the simulated platform knows: tokens, orders, certificates, and the words of its error codes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.testing.simulator import Use

CLIENT_KEY = "aw1234567890abcd"
CLIENT_SECRET = "5e0c1f2a3b4d5e6f708192a3b4c5d6e7"  # noqa: S105  # made up, known to everybody
ACCOUNT_ID = "7200000000000000001"
POI_ID = "7100000000000000009"
OTHER_POI_ID = "7100000000000000010"

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_GRACE = timedelta(minutes=5)
FETCHES_IN_FIVE_MINUTES = 500
VERIFY_TOKEN_LIFE = timedelta(minutes=5)  # INFERRED: "kept a short time"
REVERSAL_WINDOW = timedelta(hours=1)
WINDOW_CLOSED = 2034000910

WORDS: Mapping[int, str] = {
    0: "success",
    1208: "券已核销",
    1212: "该订单下没有可用的券",
    1221: "解密失败",
    1241: "次卡剩余次数不足",
    1250: "券码无效",
    1502: "code和encrypted_data不能同时为空",
    10002: "参数缺失",
    10003: "配置无效",
    10013: "client_key或client_secret错误",
    10020: "请求过于频繁",
    200002: "body解析失败",
    2100005: "参数不合法",
    2119001: "参数错误",
    2119003: "请求过于频繁",
    2119005: "商家未授权该应用",
    2119006: "券码赠送中",
    2119008: "券码被平台冻结",
    2190002: "access_token无效",
    2190008: "access_token过期",
    3000001: "业务处理失败",
    3000002: "核销门店不在商品适用门店内",
    4000001: "encrypted_code和order_id必须二选一",
    45005117: "动态二维码已过期",
    WINDOW_CLOSED: "已超过可撤销时限,无法撤销核销",
}


class PlatformError(Exception):
    """An answer with this error code."""

    def __init__(self, code: int, sub_code: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.sub_code = sub_code


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made. `blocked` is the code that prepare and verify answer for it."""

    description: str
    title: str = "双人下午茶套餐"
    groupon_type: int = 1
    coupons: int = 1
    times: int = 1
    used: int = 0
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    poi_id: str = POI_ID
    status: int | None = None
    blocked: int | None = None


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("a set meal that can be used now"),
    "used": Recipe("used two hours ago, by hand in the merchant app", used=1),
    "expired": Recipe("expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("paid back to the customer", status=4),
    "not_yet_valid": Recipe("valid from tomorrow on", starts_in=timedelta(days=1)),
    "wrong_store": Recipe("sold for another store of the chain", poi_id=OTHER_POI_ID),
    "times_card": Recipe("a card for 10 uses, 3 of them gone", "下午茶10次卡", 3, times=10, used=3),
    "two_coupons": Recipe("one order of two cash vouchers, under one code", "100元代金券", 2, coupons=2),
    "locked": Recipe("being given to a friend", blocked=2119006),
    "risk_blocked": Recipe("frozen by risk control", blocked=2119008),
}


@dataclass(slots=True)
class Certificate:
    """One coupon. `uses` are all that ever were, taken back or not."""

    certificate_id: int
    encrypted_code: str
    code: str
    recipe: Recipe
    starts_at: datetime
    expires_at: datetime
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand."""
        return [use for use in self.uses if use.reversed_at is None]

    def names(self, use: Use) -> tuple[str, str]:
        """What a cancel must name to take this use back."""
        return str(self.certificate_id), use.receipt

    def status(self) -> int:
        """1 unused, 2 used up, or what the recipe says."""
        used_up = len(self.living()) >= self.recipe.times
        return self.recipe.status or (2 if used_up else 1)


@dataclass(slots=True)
class Order:
    """One order: its coupons, and the ids that its dynamic QR has shown, the valid one last."""

    order_id: str
    short_id: str
    recipe: Recipe
    certificates: list[Certificate]
    object_ids: list[str]

    @property
    def object_id(self) -> str:
        """What the QR shows now."""
        return self.object_ids[-1]

    def show(self, object_id: str) -> None:
        """The QR shows something new from now on."""
        self.object_ids.append(object_id)

    def find(self, encrypted_code: str) -> Certificate | None:
        """The certificate with this encrypted code."""
        return next((each for each in self.certificates if each.encrypted_code == encrypted_code), None)


@dataclass(slots=True)
class Preparation:
    """What a verify_token stands for, and the first answer given to it."""

    order: Order
    expires_at: datetime
    body: bytes | None = None
    results: list[dict[str, Any]] = field(default_factory=list)


class TokenDesk:
    """Access tokens: a fetch leaves the one before 5 more minutes, and only the two newest are known."""

    def __init__(self) -> None:
        self._expiries: dict[str, datetime] = {}
        self._fetches: deque[datetime] = deque()
        self._number = 0

    def issue(self, now: datetime) -> str:
        """A new token. Raises PlatformError 10020 after 500 in 5 minutes."""
        while self._fetches and now - self._fetches[0] > timedelta(minutes=5):
            self._fetches.popleft()
        if len(self._fetches) >= FETCHES_IN_FIVE_MINUTES:
            raise PlatformError(10020)
        self._fetches.append(now)
        self._number += 1
        token = f"clt.{self._number:032d}simulated"
        newest = list(self._expiries.items())[-1:]
        self._expiries = {old: min(expiry, now + TOKEN_GRACE) for old, expiry in newest}
        self._expiries[token] = now + TOKEN_LIFE
        return token

    def renew(self, now: datetime) -> tuple[str, datetime]:
        """The newest token while it lives, else a new one, and when it expires."""
        newest = list(self._expiries.items())[-1:]
        if newest and newest[0][1] > now:
            return newest[0]
        token = self.issue(now)
        return token, self._expiries[token]

    def check(self, token: str, now: datetime) -> None:
        """Raises PlatformError for an unknown (2190002) or expired (2190008) token."""
        if token not in self._expiries:
            raise PlatformError(2190002)
        if self._expiries[token] <= now:
            raise PlatformError(2190008)

    def expire(self, now: datetime) -> None:
        """Ends the life of all tokens."""
        self._expiries = dict.fromkeys(self._expiries, now)
