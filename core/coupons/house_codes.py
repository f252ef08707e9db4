"""The codes of own coupons: 60 random bits and two check characters, in letters that nobody mixes up.

The alphabet is Crockford's base32 (https://www.crockford.com/base32.html): no I, L, O and U. What people
read for another, O for 0 and I or L for 1, is understood when a code is typed in.
"""

from __future__ import annotations

import secrets
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}
_LOOK_ALIKES: Final = str.maketrans("OIL", "011")
_RANDOM_BITS: Final = 60
_BODY_LENGTH: Final = 12
# The largest prime that two characters hold: every wrong character and every swap of neighbours shows.
_MODULUS: Final = 1021

CODE_LENGTH: Final = _BODY_LENGTH + 2


def make_code() -> str:
    """A new code, without dashes."""
    while (code := encode_code(secrets.randbits(_RANDOM_BITS))).isdigit():
        pass
    return code


def encode_code(number: int) -> str:
    """The code of a number of 60 bits."""
    return _to_base32(number, _BODY_LENGTH) + _to_base32(number % _MODULUS, CODE_LENGTH - _BODY_LENGTH)


def read_code(text: str) -> str | None:
    """The code that `text` (upper case, without blanks and dashes) means; None where it is none of ours.

    Digits alone are never one: other channels' codes look like that.
    """
    code = text.translate(_LOOK_ALIKES)
    if len(code) != CODE_LENGTH or text.isdigit() or any(char not in _VALUES for char in code):
        return None
    return code if encode_code(_from_base32(code[:_BODY_LENGTH])) == code else None


def group_code(code: str) -> str:
    """The code as it is printed: XXXX-XXXX-XXXX-XX."""
    return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def _to_base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def _from_base32(code: str) -> int:
    number = 0
    for char in code:
        number = number << 5 | _VALUES[char]
    return number
