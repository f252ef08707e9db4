"""What the simulated platform knows: orders, their coupons, what was called, and the words of its error codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.testing.simulator import Use

APP_ID = "2014072300007148"
APP_AUTH_TOKEN = "201510BBsimulated0123456789abcdef"  # noqa: S105  # made up, known to everybody
SHOP_ID = "2017071200077000000039734370"
OTHER_SHOP_ID = "2017071200077000000039734371"
OPEN_ID = "074a1simulatedopenidofacustomer"
AES_KEY = "c2ltdWxhdGVkIGFlcyBrZQ=="

WORDS: Mapping[str, str] = {
    "isv.invalid-app-id": "无效的AppID参数",
    "isv.invalid-signature": "验签出错",
    "isv.invalid-timestamp": "非法的时间戳参数",
    "isv.invalid-parameter": "参数无效",
    "isv.invalid-method": "不存在的方法名",
    "isv.app-call-limited": "应用调用次数超限",
    "aop.invalid-app-auth-token": "无效的应用授权令牌",
    "isv.grant-type-invalid": "grant_type参数不正确",
    "isv.code-invalid": "授权码code无效",
    "INVALID_PARAMETER": "参数有误，请检查参数",
    "TICKET_CODE_INVALID": "券码无效",
    "TICKET_ALREADY_USED": "该券已被核销",
    "TICKET_EXPIRED": "该券已过期",
    "TICKET_SHOP_NOT_MATCH": "该券不能在当前门店核销",
    "CERTIFICATE_NOT_EXIST": "凭证不存在或未发放",
    "CERTIFICATE_IS_USED": "凭证已核销",
    "CERTIFICATE_IS_INVALID": "凭证已作废",
}
MESSAGES: Mapping[str, str] = {
    "10000": "Success",
    "20001": "Insufficient Token Permissions",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40005": "Call Limited",
}

Fields = dict[str, Any]


class PlatformError(Exception):
    """An answer with this business code, or with this code of the gateway."""

    def __init__(self, sub_code: str, code: str = "40004") -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a coupon of a state is made: a ticket or a certificate. `status` is what it is besides used or unused."""

    description: str
    title: str = "双人下午茶套餐"
    certificate: bool = False
    coupons: int = 1
    times: int = 1
    used: int = 0
    starts_in: timedelta = timedelta(days=-10)
    expires_in: timedelta = timedelta(days=30)
    shop_id: str = SHOP_ID
    status: str | None = None


TICKETS: Mapping[str, Recipe] = {
    "usable": Recipe("a ticket that can be used now"),
    "used": Recipe("a ticket used two hours ago", used=1),
    "expired": Recipe("a ticket that expired yesterday", expires_in=timedelta(days=-1)),
    "refunded": Recipe("a ticket paid back to the customer", status="REFUNDED"),
    "not_yet_valid": Recipe("a ticket valid from tomorrow on", starts_in=timedelta(days=1)),
    "wrong_store": Recipe("a ticket sold for another store of the chain", shop_id=OTHER_SHOP_ID),
    "locked": Recipe("a ticket whose refund is under way", status="REFUNDING"),
    "times_card": Recipe("a ticket for 10 uses, 3 of them gone", "下午茶10次卡", times=10, used=3),
}
CERTIFICATES: Mapping[str, Recipe] = {
    "usable": Recipe("a certificate that can be used now", certificate=True),
    "used": Recipe("a certificate used two hours ago", certificate=True, used=1),
    "expired": Recipe(
        "a certificate that expired yesterday", certificate=True, expires_in=timedelta(days=-1)
    ),
    "refunded": Recipe("a certificate paid back to the customer", certificate=True, status="INVALID"),
    "not_yet_valid": Recipe(
        "a certificate valid from tomorrow on", certificate=True, starts_in=timedelta(days=1)
    ),
    "times_card": Recipe(
        "a certificate for 10 uses, 3 of them gone", "下午茶10次卡", certificate=True, times=10, used=3
    ),
    "two_coupons": Recipe(
        "one order of two certificates, under one QR", "100元代金券", certificate=True, coupons=2
    ),
}


@dataclass(slots=True)
class Coupon:
    """One ticket or certificate. `uses` are all that ever were, taken back or not."""

    reference: str
    code: str
    encrypted_code: str
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

    def is_current(self, now: datetime) -> bool:
        """Whether `now` is within its dates."""
        return self.starts_at <= now <= self.expires_at


@dataclass(slots=True)
class Order:
    """One order: its coupons, and what its QR carries."""

    order_no: str
    encrypted_data: str
    recipe: Recipe
    coupons: list[Coupon]


class Memory:
    """The first answer to every business number: the same number with the same content gets it again."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[Fields, Fields]] = {}

    def recall(self, number: str, body: Fields) -> Fields | None:
        """The first answer, None where there is none. Raises PlatformError for a number with other content."""
        known = self._answers.get(number)
        if known is None:
            return None
        if known[0] != body:
            raise PlatformError("INVALID_PARAMETER")
        return known[1]

    def keep(self, number: str, body: Fields, work: Callable[[], Fields]) -> Fields:
        """Does the work and remembers its answer, unless it raises."""
        answer = work()
        self._answers[number] = (body, answer)
        return answer


def require(body: Fields, *names: str) -> None:
    """Raises PlatformError where a parameter is missing."""
    if not all(body.get(name) for name in names):
        raise PlatformError("isv.invalid-parameter", "40002")
