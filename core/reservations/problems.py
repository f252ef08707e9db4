"""The sentences for refused reservations."""

from __future__ import annotations

from core.messages import Language, text
from core.messages.texts import TEXTS, placeholders
from core.reservations.values import ReservationErrorCode, ReservationProblem


def describe_problem(problem: ReservationProblem, language: Language | None = None) -> str:
    """The sentence for a refusal, in `language` or that of whoever is being answered.

    A `reason` among its values, as in {"reason": "sku"}, picks the text `reservation.<code>.<reason>`. There are
    `.detailed` texts for problems that bring the values they name.
    """
    plain = f"reservation.{problem.code}"
    values = {"name": problem.field[-1] if problem.field else "", **problem.values}
    for key in (f"{plain}.{problem.values.get('reason')}", f"{plain}.detailed"):
        if key in TEXTS and placeholders(TEXTS[key][0]) <= values.keys():
            return text(key, language, **values)
    return text(plain, language, **values)


def refuse_input(reason: str, *field: str, **values: object) -> ReservationProblem:
    """INVALID at `field`, with the text `reservation.INVALID.<reason>`."""
    return ReservationProblem(ReservationErrorCode.INVALID, field, values={"reason": reason, **values})
