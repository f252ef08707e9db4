"""Whether a presale's texts tell buyers that they buy beforehand, and when it ships. Pure; the words are data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.access.problems import ProblemCode, UserProblem, check_text
from core.presale.values import Advice, Disclosures

_LENGTH: Final = 5000

# A text names something when it contains one of these, in whatever case.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "presale": ("预售", "预购", "预订", "预定", "presale", "pre-sale", "pre-order", "preorder"),
    "ship_time": ("发货", "出货", "寄出", "发出", "ship", "dispatch"),
}
# What each text must name. Law and platforms ask for it wherever goods are praised; a title that has no room for
# the day is only advised to have it.
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("presale",),
    "detail": ("presale", "ship_time"),
    "live_room": ("presale", "ship_time"),
}
_ADVISED: Final[Mapping[str, tuple[str, ...]]] = {"title": ("ship_time",)}
_SPELLING: Final = {"title": "title", "detail": "detail", "live_room": "liveRoom"}


def check_disclosures(disclosures: Disclosures) -> list[UserProblem]:
    """What the texts leave out: one problem for each thing that a text does not name."""
    problems = []
    for name, wanted in REQUIRED.items():
        path, content = ("disclosures", _SPELLING[name]), getattr(disclosures, name)
        wrong = check_text(content, path, _LENGTH)
        problems += wrong or [
            UserProblem(ProblemCode.REQUIRED, path, f"presale.missing.{thing}", {"words": _show(thing)})
            for thing in find_missing(content, wanted)
        ]
    return problems


def advise_disclosures(disclosures: Disclosures) -> list[Advice]:
    """What the texts had better name too."""
    return [
        Advice("advice.title_ship_time")
        for name, wanted in _ADVISED.items()
        if find_missing(getattr(disclosures, name), wanted)
    ]


def find_missing(content: str, wanted: tuple[str, ...]) -> list[str]:
    """Which of the wanted things a text does not name."""
    lowered = content.casefold()
    return [thing for thing in wanted if not any(word in lowered for word in WORDS[thing])]


def _show(thing: str) -> str:
    return " / ".join(WORDS[thing][:2])
