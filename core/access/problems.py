"""What set-up services answer instead of the thing they were to make."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from core.messages import Language, text


class ProblemCode(StrEnum):
    """What is wrong with a value of the input: the closed set that clients see."""

    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    TOO_SMALL = "TOO_SMALL"
    TOO_LARGE = "TOO_LARGE"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    NOT_ALLOWED = "NOT_ALLOWED"
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    CONFLICT = "CONFLICT"


@dataclasses.dataclass(frozen=True, slots=True)
class UserProblem:
    """One thing that the caller can mend. `field` is the path inside the input, in the input's spelling.

    `message_key` names a text of `core.messages` where the plain one of the code says too little; `values`
    fill it in.
    """

    code: ProblemCode
    field: tuple[str, ...] = ()
    message_key: str | None = None
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def message(self, language: Language | None = None) -> str:
        """The sentence in `language`, or in that of whoever is being answered."""
        name = self.field[-1] if self.field else ""
        return text(self.message_key or f"problem.{self.code}", language, **{"name": name, **self.values})


def check_text(value: str, path: tuple[str, ...], limit: int) -> list[UserProblem]:
    """The problems of a text that must be there and have `limit` characters at most."""
    if not value.strip():
        return [UserProblem(ProblemCode.REQUIRED, path)]
    if len(value.strip()) > limit:
        return [UserProblem(ProblemCode.TOO_LONG, path, values={"limit": limit})]
    return []
