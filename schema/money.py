"""Money as clients see it: yuan with two decimals. Inside it is fen."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from core.money import CURRENCY


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="In yuan, always with two decimals.")
    currency_code: str = strawberry.field(description="ISO 4217; always CNY so far.")


def show_money(fen: int) -> Money:
    """Fen as Money."""
    return Money(amount=Decimal(fen).scaleb(-2), currency_code=CURRENCY)


def show_optional_money(fen: int | None) -> Money | None:
    return None if fen is None else show_money(fen)
