"""Money. Inside it is an integer number of fen (1/100 yuan); yuan exist only at the edges."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

CURRENCY = "CNY"
_FEN = Decimal(100)


def format_yuan(fen: int) -> str:
    """Fen as a yuan string with two decimals: 8800 → "88.00"."""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}{yuan}.{rest:02d}"


def parse_yuan(yuan: str | int | Decimal) -> int:
    """Yuan as fen. Raises ValueError for what is no finite amount or is finer than one fen."""
    try:
        fen = Decimal(str(yuan)) * _FEN
    except InvalidOperation:
        raise ValueError(f"{yuan!r} is not an amount in yuan") from None
    if not fen.is_finite():
        raise ValueError(f"{yuan!r} is not an amount in yuan")
    if fen != fen.to_integral_value():
        raise ValueError(f"{yuan} yuan is finer than one fen")
    return int(fen)
