"""The coupons of an order as its input has them, and what is said of them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from core.coupons.values import CodeInput, CouponProblem
from core.errors import BadInput
from core.orders.values import OrderErrorCode, OrderProblem


@dataclass(frozen=True, slots=True)
class Codes:
    """The coupons of an order as they came: `short` typed codes (`couponCodes`), then the others (`coupons`)."""

    inputs: tuple[CodeInput, ...] = ()
    short: int = 0

    def find_path(self, field: Sequence[str]) -> tuple[str, ...]:
        """Where in the order's input lies what the coupon services call `codes`, and the index, and so on."""
        if len(field) < 2 or field[0] != "codes":
            return ("couponCodes",) if self.short else ("coupons",)
        index = int(field[1])
        if index < self.short:
            return ("couponCodes", str(index))
        return ("coupons", str(index - self.short), *field[2:])


NO_CODES: Final = Codes()


def refuse_coupon(codes: Codes, problem: CouponProblem) -> OrderProblem:
    """COUPON_REFUSED, at the place of the code in the order's input."""
    return OrderProblem(OrderErrorCode.COUPON_REFUSED, codes.find_path(problem.field), problem.code.value)


@contextmanager
def name_codes(codes: Codes) -> Iterator[None]:
    """A BadInput about a code names its place in the order's input."""
    try:
        yield
    except BadInput as fault:
        if fault.field[:1] == ("codes",):
            fault.field = codes.find_path(fault.field)
        raise
