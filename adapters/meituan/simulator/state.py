"""What the simulated platform knows: orders, coupons, and why it refuses them.

No document lists the words of refusals: those here are made up after the examples (INFERRED).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.testing.simulator import Use

DEVELOPER_ID = "100058"
SIGN_KEY = "9d8c7b6a5f4e3d2c1b0a"
SHOP_ID = "5800000000000000001"
GENERAL, CATERING, RESERVATIONS = "58", "1", "7"
TOKENS: Mapping[str, str] = {
    GENERAL: "tok-simulated-general-0001",
    CATERING: "tok-simulated-catering-0001",
    RESERVATIONS: "tok-simulated-reservations-0001",
}

CLOCK_TOLERANCE = timedelta(minutes=10)  # INFERRED
REVERSAL_WINDOW = timedelta(minutes=10)

UNKNOWN_CODE = "券码不存在"
USED = "该券已使用"
UNUSED = "该券未使用"
TOO_EARLY = "该券未到使用时间"
TOO_LATE = "核销超过10分钟，不可撤销"
TOO_FEW = "可用数量不足"


class PlatformError(Exception):
    """An answer with this code; `sub_code` is data.code, `result` stands below a success in catering."""

    def __init__(
        self,
        message: str,
        code: str = "OP_BIZ_ERROR",
        *,
        sub_code: int | None = None,
        result: int | None = None,
    ) -> None:
        super().__init__(code)
        self.message = message
        self.code = code
        self.sub_code = sub_code
        self.result = result


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made. `refusal` is what every call answers for it while it is unused."""

    description: str
    title: str = "双人下午茶"
    biz_type: int = 0
    coupons: int = 1
    times: int = 1
    used: int = 0
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    refusal: str | None = None


RECIPES: Mapping[str, Recipe] = {
    "usable": Recipe("a deal that can be used now"),
    "used": Recipe("used two hours ago, by hand in the merchant app", used=1),
    "expired": Recipe("expired the day before yesterday", expires_in=timedelta(days=-2)),
    "refunded": Recipe("paid back to the customer", refusal="该券已退款"),
    "not_yet_valid": Recipe("valid from the day after tomorrow on", starts_in=timedelta(days=2)),
    "wrong_store": Recipe("sold for another shop of the chain", refusal="该券不适用于当前门店"),
    "times_card": Recipe("a card for 10 uses, 3 of them gone", "护理10次卡", 205, times=10, used=3),
    "two_coupons": Recipe("one order of two coupons, each with a code of its own", coupons=2),
    "locked": Recipe("the customer has asked for the money back", refusal="该券退款中"),
    "risk_blocked": Recipe("frozen by risk control", refusal="该券已冻结"),
}


@dataclass(slots=True)
class Coupon:
    """One code. `uses` are all that ever were, taken back or not; their receipts are flow ids."""

    code: str
    recipe: Recipe
    starts_at: datetime
    expires_at: datetime
    uses: list[Use] = field(default_factory=list)

    def living(self) -> list[Use]:
        """The uses that stand."""
        return [use for use in self.uses if use.reversed_at is None]

    def left(self) -> int:
        """How many uses are left."""
        return self.recipe.times - len(self.living())

    def check_unused(self, now: datetime) -> None:
        """Raises PlatformError unless the coupon can be looked up for use."""
        if self.recipe.refusal:
            raise PlatformError(self.recipe.refusal)
        if not self.left():
            raise PlatformError(USED)
        if now > self.expires_at:
            raise PlatformError("该券已过期")


@dataclass(slots=True)
class Order:
    """One order and its coupons."""

    order_id: str
    deal_id: int
    recipe: Recipe
    coupons: list[Coupon]

    def unused(self, first: Coupon) -> list[Coupon]:
        """The coupons with uses left, `first` before the others."""
        others = [each for each in self.coupons if each is not first and each.left()]
        return [first, *others] if first.left() else others


class Shop:
    """The orders of one shop, and a number that never repeats."""

    def __init__(self, code_prefix: str, code_length: int) -> None:
        self.orders: list[Order] = []
        self._prefix = code_prefix
        self._length = code_length
        self._number = 0

    def next_number(self) -> int:
        """The next number."""
        self._number += 1
        return self._number

    def sell(self, state: str, now: datetime) -> Order:
        """A new order in one of the states of `RECIPES`."""
        recipe = RECIPES[state]
        coupons = [self._make_coupon(recipe, now) for _ in range(recipe.coupons)]
        order = Order(f"4937{self.next_number():015d}", 993_500_000 + self._number, recipe, coupons)
        self.orders.append(order)
        return order

    def find(self, code: object) -> tuple[Order, Coupon]:
        """The coupon with this code. Raises PlatformError where there is none."""
        for order in self.orders:
            for coupon in order.coupons:
                if coupon.code == code:
                    return order, coupon
        raise PlatformError(UNKNOWN_CODE)

    def use(self, coupon: Coupon, token: str, now: datetime) -> Use:
        """Books one more use of a coupon."""
        use = Use(f"8800{self.next_number():06d}", token, SHOP_ID, now)
        coupon.uses.append(use)
        return use

    def _make_coupon(self, recipe: Recipe, now: datetime) -> Coupon:
        code = self._prefix + str(self.next_number()).zfill(self._length - len(self._prefix))
        coupon = Coupon(code, recipe, now + recipe.starts_in, now + recipe.expires_in)
        for _ in range(recipe.used):
            self.use(coupon, "", now - timedelta(hours=2))
        return coupon
