"""What a booking takes, in one form: the writes that take it, and the reason where they were refused.

A booking is one atomic write of all its claims. The database refuses what is taken; only then are the claims asked,
in their order, which of them it was. Nothing is judged from a look before the write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.db.transactions import run_again
from core.reservations.values import ReservationProblem

Explain = Callable[[], Awaitable[ReservationProblem | None]]

# A claim that is refused and then explained by none was in the way of something that has gone meanwhile.
_ATTEMPTS = 3


class Contended(Exception):  # reads as what it is
    """The claims were refused again and again, and each time nothing was in their way any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing a booking takes. `explain` answers why its writes were refused, or None if they need not have been."""

    writes: Sequence[Write]
    explain: Explain


async def take_claims(claims: Sequence[Claim], writes: Sequence[Write] = ()) -> ReservationProblem | None:
    """Takes all claims and does all `writes`, or nothing. Answers the first claim's reason if it was refused.

    No two of the writes may touch the same row. Raises Conflict for a key taken by another table than the claims',
    and Contended.
    """
    everything = [*(write for claim in claims for write in claim.writes), *writes]
    for _ in range(_ATTEMPTS):
        try:
            await run_again(lambda: write_together(everything))
        except (GuardFailed, Conflict) as refusal:
            problem = await _explain(claims)
            if problem is not None:
                return problem
            if isinstance(refusal, Conflict):
                raise
        else:
            return None
    raise Contended("the booking was refused, and nothing is in its way")


async def _explain(claims: Sequence[Claim]) -> ReservationProblem | None:
    for claim in claims:
        problem = await claim.explain()
        if problem is not None:
            return problem
    return None
