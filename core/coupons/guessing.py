"""Letting codes be tried, and counting the unknown ones: customers strictly before, staff after."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.access.failures import Locked, Reservation
from core.access.values import Actor
from core.channels.contract import Refusal
from core.coupons.values import CouponProblem
from core.runtime import Runtime

# For customers a code of no connected channel looks unknown, so it counts as unknown too.
_COUNTED_FOR_CUSTOMERS = frozenset({Refusal.UNKNOWN_CODE, Refusal.CHANNEL_NOT_CONNECTED})


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to try `count` codes. To be closed once, with the problems they met."""

    runtime: Runtime
    actor: Actor
    store_id: UUID
    count: int
    reservation: Reservation | None

    async def close(self, problems: tuple[CouponProblem, ...]) -> None:
        """Counts the unknown codes and gives the rest back."""
        if self.reservation is not None:
            failed = sum(problem.code in _COUNTED_FOR_CUSTOMERS for problem in problems)
            await self.runtime.failures.release(self.reservation, self.count - failed, self.store_id)
        elif failed := sum(problem.code is Refusal.UNKNOWN_CODE for problem in problems):
            await self.runtime.failures.count(self.actor, self.store_id, failed)


async def admit_codes(runtime: Runtime, actor: Actor, store_id: UUID, count: int) -> Admission | int:
    """Leave to try `count` codes, or in how many seconds to come back."""
    if actor.is_customer:
        reservation = await runtime.failures.reserve(actor, count)
        if isinstance(reservation, Locked):
            return reservation.retry_after
        return Admission(runtime, actor, store_id, count, reservation)
    retry_after = await runtime.failures.check(actor)
    return retry_after if retry_after is not None else Admission(runtime, actor, store_id, count, None)
