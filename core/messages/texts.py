"""Finds the text of a key in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from string import Formatter
from typing import Any, Final, Literal

from core.channels.contract import Refusal
from core.messages.faults import FAULTS
from core.messages.orders import ORDERS
from core.messages.presale import PRESALE
from core.messages.problems import PROBLEMS
from core.messages.reconciliation import RECONCILIATION
from core.messages.refusals import REFUSALS
from core.messages.reservations import RESERVATIONS
from core.messages.set_up import SET_UP

Language = Literal["zh-CN", "en"]
Audience = Literal["customer", "staff"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh-CN", "en")

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    **REFUSALS,
    **PROBLEMS,
    **FAULTS,
    **PRESALE,
    **RECONCILIATION,
    **RESERVATIONS,
    **ORDERS,
    **SET_UP,
}

_language: ContextVar[Language] = ContextVar("hexiao_language", default="zh-CN")


def current_language() -> Language:
    """The language of whoever is being answered; zh-CN unless `use_language` says otherwise."""
    return _language.get()


def set_language(language: Language) -> None:
    """From here on texts are in `language`, in this context."""
    _language.set(language)


@contextmanager
def use_language(language: Language) -> Iterator[None]:
    """Within the block, in this task and those it starts, texts are in `language`."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def text(key: str, language: Language | None = None, **values: Any) -> str:
    """The text of `key`, filled in. Raises KeyError for an unknown key or a missing value."""
    return TEXTS[key][LANGUAGES.index(language or _language.get())].format(**values)


def refusal_text(reason: Refusal, audience: Audience, language: Language | None = None, **values: Any) -> str:
    """The sentence for a refusal, in the most telling form that the values allow; None is not given.

    Every refusal has a plain form. Richer ones take: `minutes` (TOO_MANY_ATTEMPTS), `when` and `store`
    (ALREADY_REDEEMED, staff), `channels` (names, joined; CHANNEL_NOT_CONNECTED, CHANNEL_UNAVAILABLE and
    AMBIGUOUS_CODE, staff), `channel_message` (REFUSED_BY_CHANNEL, staff), `until` (EXPIRED) and `since`
    (NOT_YET_VALID).
    """
    given = {name: value for name, value in values.items() if value not in (None, "")}
    plain = f"refusal.{reason}.{audience}"
    for key in (f"{plain}.detailed", f"{plain}.brief"):
        if key in TEXTS and placeholders(TEXTS[key][0]) <= given.keys():
            return text(key, language, **given)
    return text(plain, language)


@lru_cache(maxsize=512)
def placeholders(template: str) -> frozenset[str]:
    """The names that a text wants filled in."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


@lru_cache(maxsize=256)
def choose_language(accept_language: str | None) -> Language:
    """What an Accept-Language header prefers of zh-CN and en; zh-CN where it says nothing of use."""
    ranked = sorted(_read_ranges(accept_language or ""), key=lambda entry: -entry[1])
    for tag, weight in ranked:
        primary = tag.partition("-")[0]
        if weight > 0 and primary in ("zh", "*"):
            return "zh-CN"
        if weight > 0 and primary == "en":
            return "en"
    return "zh-CN"


def _read_ranges(header: str) -> Iterator[tuple[str, float]]:
    """The language ranges and weights of RFC 9110 §12.5.4; what cannot be read is passed over."""
    for part in header.lower().split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            yield tag.strip(), float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            continue
