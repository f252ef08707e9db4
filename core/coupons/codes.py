"""Cleaning up what a person typed or a scanner read."""

from __future__ import annotations

import unicodedata

from core.channels.contract import Scanned, parse_link
from core.errors import BadInput
from core.messages import text

MAX_LENGTH = 2048
_DASHES = dict.fromkeys(map(ord, "-‐‑‒–—―−－﹣_·."), None)


def normalise_code(raw: str, field: tuple[str, ...] = ("code",)) -> Scanned:
    """`raw` as adapters see it: full-width digits, blanks and dashes tolerated. Raises BadInput for none or too much."""
    if len(raw) > MAX_LENGTH:
        raise BadInput(text("fault.code_too_long", most=MAX_LENGTH), field)
    shown = "".join(char for char in unicodedata.normalize("NFKC", raw) if _is_visible(char)).strip()
    code = "".join(shown.split()).translate(_DASHES).upper()
    if not code:
        raise BadInput(text("fault.code_empty"), field)
    return Scanned(text=shown, code=code, link=parse_link(shown))


def _is_visible(char: str) -> bool:
    """Scanners and chat programs add control and zero-width characters; blanks stay, they may separate words."""
    return char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs", "Cn"}
