"""What the simulated platform knows: its keys, its orders, and the words of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.testing.simulator import Use

APP_KEY = "34567890"
APP_SECRET = "e1c0d2b3a4958677e1c0d2b3a4958677"  # noqa: S105  # made up, known to everybody
SESSION = "61028140simulated0session0key000000000000000000000000000"
SHOP_ID, OTHER_SHOP_ID = "2026050100077000000088246101", "2026050100077000000088246102"
CLOCK_TOLERANCE = timedelta(minutes=10)
ORIGINAL, TOTAL, REAL = 12800, 9900, 9100  # fen, for one use

# TOP's own words for its codes.
WORDS: Mapping[str, str] = {
    "7": "App Call Limited",
    "21": "Missing Method",
    "22": "Invalid Method",
    "23": "Invalid Format",
    "24": "Missing Signature",
    "25": "Invalid signature",
    "26": "Missing session",
    "27": "Invalid session",
    "28": "Missing app key",
    "29": "Invalid app Key",
    "30": "Missing timestamp",
    "31": "Invalid timestamp",
    "32": "Missing version",
    "34": "Unsupported version",
    "40": "Missing required arguments",
    "41": "Invalid arguments",
}

# The services' codes. Only the first two are documented; the others are INFERRED.
REASONS: Mapping[str, str] = {
    "TICKET_CODE_INVALID": "券码无效",
    "TICKET_ALREADY_USED": "该券已核销",
    "TICKET_EXPIRED": "该券已过期",
    "TICKET_REFUNDED": "该券已退款",
    "TICKET_NOT_EFFECTIVE": "该券未到使用时间",
    "TICKET_FROZEN": "该券已被冻结",
    "SHOP_NOT_MATCH": "当前门店不可核销该券",
    "QUANTITY_NOT_ENOUGH": "可核销份数不足",
    "REQUEST_ID_REPEATED": "外部请求号重复",
    "TRANS_NOT_EXIST": "核销流水不存在",
    "TRANS_ALREADY_REVERSED": "该核销流水已冲正",
}


class GatewayError(Exception):
    """An `error_response` with one of TOP's codes."""

    def __init__(self, code: str, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(code)
        self.code, self.sub_code, self.sub_msg = code, sub_code, sub_msg


class ServiceError(Exception):
    """A refusal by the voucher service, with one of the REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a voucher of a state is made. `blocked` is the reason why nothing of it can be used."""

    description: str
    title: str = "双人下午茶套餐"
    vouchers: int = 1
    times: int = 1
    used: int = 0
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    shop_id: str = SHOP_ID
    blocked: str | None = None


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("a set meal that can be used now"),
    "used": Recipe("used two hours ago, at the shop's own till", used=1),
    "expired": Recipe("expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("paid back to the customer", blocked="TICKET_REFUNDED"),
    "not_yet_valid": Recipe("valid from tomorrow on", starts_in=timedelta(days=1)),
    "wrong_store": Recipe("sold for another store of the chain", shop_id=OTHER_SHOP_ID),
    "times_card": Recipe("a card for 10 uses, 3 of them gone", "洗剪吹10次卡", times=10, used=3),
    "two_coupons": Recipe("one order of two vouchers", "100元代金券", vouchers=2),
    "locked": Recipe("frozen by the platform", blocked="TICKET_FROZEN"),
}


@dataclass(slots=True)
class Voucher:
    """One voucher. `uses` are all that ever were, taken back or not."""

    ticket_id: str
    code: str
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand."""
        return [use for use in self.uses if use.reversed_at is None]


@dataclass(slots=True)
class Order:
    """One order, of one or more vouchers for the same thing."""

    order_no: str
    recipe: Recipe
    vouchers: list[Voucher]
    starts_at: datetime
    expires_at: datetime

    def left(self, voucher: Voucher) -> int:
        """How often the voucher can still be used."""
        return self.recipe.times - len(voucher.living())

    def usable(self, code: str) -> list[Voucher]:
        """The vouchers that can be used, that with `code` first."""
        usable = [each for each in self.vouchers if self.left(each) > 0]
        return sorted(usable, key=lambda each: each.code != code)
