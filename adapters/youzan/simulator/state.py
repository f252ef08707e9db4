"""What the simulated platform knows: the shop's token, codes of three kinds, and the words of its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from adapters.youzan.tables import Kind
from core.testing.simulator import Use

CLIENT_ID = "simulated0client01"
CLIENT_SECRET = "6f1d2c3b4a5968778695a4b3c2d1e0f9"  # noqa: S105  # made up, known to everybody
GRANT_ID = "90010001"
OFFLINE_ID = "100001"
OTHER_OFFLINE_ID = "100002"

TOKEN_LIFE = timedelta(days=7)
CHINA = timezone(timedelta(hours=8))

WORDS: Mapping[int, str] = {
    1000: "应用密钥不合法",
    1103: "Client 不存在",
    4004: "请求体不是合法的JSON",
    4005: "非法的API",
    4007: "请求方式或Content-Type不正确",
    4101: "请求太频繁",
    4201: "非法的请求凭证",
    4202: "请求凭证过期",
    4203: "Token 不存在",
    4204: "没有权限",
    5001: "参数类型不正确",
}

MISSING_TICKETS = (
    80001,
    "服务请求失败,请重试!, 原因：{error_response:{code:80001, msg:PHP response code:404}}",
)
MISSING_CODE = (50000, "找不到虚拟商品的交易码")
MISSING_COUPON = (50000, "无该卡券核销码记录")
MISSING_ORDER = (101300000, "订单不存在")
ORDER_USED = (101600002, "订单已被核销,重复核销无效")
ORDER_CLOSED = (101600002, "订单已被关闭无法核销")
NO_TICKETS = (50000, "没有该订单的电子卡券信息")
NO_TICKET = (50000, "电子码券不存在")
# The words of these two are INFERRED: no document shows a ticket or a coupon that cannot be used.
TICKET_SPENT = (50000, "电子卡券不可核销")
COUPON_SPENT = (50000, "该卡券不可核销")


class GatewayError(Exception):
    """An answer in the form of the gateway."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class BusinessError(Exception):
    """An answer in the form of the business: its code and its words."""

    def __init__(self, said: tuple[int, str]) -> None:
        super().__init__(said[0])
        self.code, self.words = said


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made. `kind` None: each of the three in turn."""

    description: str
    kind: Kind | None = None
    tickets: int = 1
    used: bool = False
    online: bool = False
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    refunding: bool = False
    refund_state: str = "NO_REFUND"
    trade_status: str = "WAIT_BUYER_CONFIRM_GOODS"


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("can be used now"),
    "used": Recipe("used two hours ago, by hand in the shop's back office", used=True),
    "expired": Recipe("a ticket that expired yesterday", Kind.TICKET, expires_in=timedelta(days=-1)),
    "refunded": Recipe(
        "an order that was paid back", Kind.CODE, refund_state="FULL_REFUNDED", trade_status="TRADE_CLOSED"
    ),
    "not_yet_valid": Recipe("a coupon from tomorrow on", Kind.COUPON, starts_in=timedelta(days=1)),
    "two_coupons": Recipe("one QR of two tickets", Kind.TICKET, tickets=2),
    "locked": Recipe("a ticket whose refund is under way", Kind.TICKET, refunding=True),
    "cancelled": Recipe("an order that the shop closed", Kind.CODE, trade_status="TRADE_CLOSED_BY_USER"),
    "used_online": Recipe(
        "a coupon used in an order of the online shop", Kind.COUPON, used=True, online=True
    ),
}


@dataclass(slots=True)
class Piece:
    """One thing that can be used once: a ticket, a virtual code, a coupon."""

    reference: str
    number: str
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand: Youzan takes none back."""
        return [use for use in self.uses if use.reversed_at is None]


@dataclass(slots=True)
class Voucher:
    """One code, and the pieces that it stands for: several only for the QR of several tickets."""

    kind: Kind
    code: str
    tid: str
    recipe: Recipe
    made_at: datetime
    pieces: list[Piece]

    def starts_at(self) -> datetime:
        """From when it can be used."""
        return self.made_at + self.recipe.starts_in

    def expires_at(self) -> datetime:
        """Until when it can be used."""
        return self.made_at + self.recipe.expires_in

    def is_open(self, now: datetime) -> bool:
        """Whether its dates and its order let it be used, used up or not."""
        recipe = self.recipe
        kept = recipe.refund_state == "NO_REFUND" and not recipe.trade_status.startswith("TRADE_CLOSED")
        return kept and not recipe.refunding and self.starts_at() <= now <= self.expires_at()


class TokenDesk:
    """The one token of the shop: the same until it ends or is asked to be renewed, which ends the old one at once."""

    def __init__(self) -> None:
        self._expiries: dict[str, datetime] = {}
        self._current = ""
        self._number = 0

    def issue(self, now: datetime, *, refresh: bool) -> tuple[str, datetime]:
        """The living token or a new one, and when it ends."""
        ends = self._expiries.get(self._current, now)
        if ends <= now or refresh:
            self._expiries = {}
            self._number += 1
            self._current = f"{self._number:024d}simulated"
            ends = self._expiries[self._current] = now + TOKEN_LIFE
        return self._current, ends

    def check(self, token: str | None, now: datetime) -> None:
        """Raises GatewayError where there is none (4201), an unknown one (4203) or an old one (4202)."""
        if not token:
            raise GatewayError(4201)
        if token not in self._expiries:
            raise GatewayError(4203)
        if self._expiries[token] <= now:
            raise GatewayError(4202)

    def expire(self, now: datetime) -> None:
        """Ends the life of all tokens."""
        self._expiries = dict.fromkeys(self._expiries, now)


def write_time(instant: datetime) -> str:
    """As Youzan writes an instant."""
    return f"{instant.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
