"""Money as clients see it: yuan with two decimals. Inside it is fen."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from core.errors import BadInput
from core.money import CURRENCY, parse_yuan
from schema.texts import say


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="In yuan, always with two decimals.")
    currency_code: str = strawberry.field(description="ISO 4217; always CNY so far.")


def show_money(fen: int) -> Money:
    """Fen as Money."""
    return Money(amount=Decimal(fen).scaleb(-2), currency_code=CURRENCY)


def show_optional_money(fen: int | None) -> Money | None:
    return None if fen is None else show_money(fen)


def read_yuan(yuan: Decimal | None, *field: str) -> int | None:
    """Yuan as fen. Raises BadInput naming `field` for more than two decimals."""
    try:
        return None if yuan is None else parse_yuan(yuan)
    except ValueError:
        raise BadInput(say("decimal"), field) from None
