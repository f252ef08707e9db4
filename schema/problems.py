"""What is wrong with the input of a set-up mutation."""

from __future__ import annotations

from collections.abc import Iterable

import strawberry

from core.access.problems import ProblemCode, UserProblem
from schema import enums as enums


@strawberry.type(description="Something about the input that the caller can mend.")
class UserError:
    code: ProblemCode = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(description="For people, in the language of Accept-Language.")
    field: list[str] | None = strawberry.field(
        description='The path inside the input, as in `["credentials", "appKey"]`.'
    )


def show_problems(problems: Iterable[UserProblem]) -> list[UserError]:
    return [
        UserError(code=problem.code, message=problem.message(), field=list(problem.field) or None)
        for problem in problems
    ]
