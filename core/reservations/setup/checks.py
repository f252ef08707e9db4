"""What is wrong with the values of set-up input, each with the path of its field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from core.access.problems import ProblemCode, UserProblem, check_text
from core.money import format_yuan
from core.reservations.setup.wall_times import DAY_MINUTES, read_minutes

NAME_LENGTH: Final = 120
MAX_WORDS: Final = 20
WORD_LENGTH: Final = 32
# A column holds 2³¹ - 1 fen.
MAX_AMOUNT: Final = 2_000_000_000


def check_range(path: tuple[str, ...], value: int, lowest: int, highest: int) -> list[UserProblem]:
    """Whether a number lies within its limits, which are included."""
    if value < lowest:
        return [UserProblem(ProblemCode.TOO_SMALL, path, values={"limit": lowest})]
    if value > highest:
        return [UserProblem(ProblemCode.TOO_LARGE, path, values={"limit": highest})]
    return []


def check_ranges(
    values: Mapping[str, int | None], limits: Mapping[str, tuple[int, int]]
) -> list[UserProblem]:
    """The same for several, by their names in Python. None is within every limit."""
    return [
        problem
        for name, (lowest, highest) in limits.items()
        if (value := values[name]) is not None
        for problem in check_range((spell(name),), value, lowest, highest)
    ]


def check_amount(path: tuple[str, ...], fen: int | None) -> list[UserProblem]:
    """Whether an amount in fen is none below zero, and fits its column."""
    if fen is not None and fen < 0:
        return [UserProblem(ProblemCode.TOO_SMALL, path, values={"limit": format_yuan(0)})]
    if fen is not None and fen > MAX_AMOUNT:
        return [UserProblem(ProblemCode.TOO_LARGE, path, values={"limit": format_yuan(MAX_AMOUNT)})]
    return []


def check_words(path: str, words: Iterable[str]) -> list[UserProblem]:
    """The problems of a list of skills or kinds, tidied before."""
    listed = list(words)
    if len(listed) > MAX_WORDS:
        return [UserProblem(ProblemCode.TOO_LONG, (path,), "set_up.too_many", {"limit": MAX_WORDS})]
    return [
        problem
        for index, word in enumerate(listed)
        for problem in check_text(word, (path, str(index)), WORD_LENGTH)
    ]


def check_times(start: str, end: str, path: tuple[str, ...]) -> list[UserProblem]:
    """The problems of two times of day; the second is on the next day where it is the earlier one."""
    begins, ends = read_minutes(start), read_minutes(end)
    problems = []
    if begins is None or begins == DAY_MINUTES:
        problems.append(UserProblem(ProblemCode.INVALID, (*path, "start"), "set_up.time_of_day"))
    if ends is None or ends == begins:
        problems.append(UserProblem(ProblemCode.INVALID, (*path, "end"), "set_up.time_of_day"))
    return problems


def tidy_words(words: Iterable[str]) -> tuple[str, ...]:
    """Without blanks around them, each once, in their order."""
    return tuple(dict.fromkeys(word.strip() for word in words))


def spell(name: str) -> str:
    """A Python name as the schema spells it: buffer_after_minutes → bufferAfterMinutes."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
