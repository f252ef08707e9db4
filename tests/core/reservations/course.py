"""A full class, and people who wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from salon import GUEST, Salon

from core.reservations.values import ReservationProblem, ReservationView, ServiceKind, ServiceView, Slot
from core.reservations.waitlist.joining import JoinInput, join_waitlist, leave_waitlist
from core.reservations.waitlist.offers import AcceptInput, accept_offer
from core.reservations.waitlist.promotion import promote_waitlist
from core.reservations.waitlist.rows import EntryView, WaitlistStatus, find_entry


@dataclass
class Course:
    """A class of three seats at 14:00 in which all are taken; the clock stands at 09:00."""

    salon: Salon
    service: ServiceView
    slot: Slot
    guests: list[Any]
    booked: list[ReservationView]

    async def newcomer(self) -> Any:
        return await self.salon.enlist()

    async def join(self, actor: Any, party_size: int = 1, key: str | None = None, **changes: Any) -> Any:
        assert self.slot.session_id
        wanted = JoinInput(self.slot.session_id, party_size, key or self.salon.key(), **changes)
        return await join_waitlist(self.salon.runtime, actor, wanted)

    async def accept(self, actor: Any, entry: EntryView, key: str | None = None, **changes: Any) -> Any:
        wanted = AcceptInput(entry.id, key or self.salon.key(), **changes)
        return await accept_offer(self.salon.runtime, actor, wanted)

    async def leave(self, actor: Any, entry: EntryView) -> Any:
        return await leave_waitlist(self.salon.runtime, actor, entry.id)

    async def free(self, number: int = 1) -> None:
        """So many guests cancel. The clock is moved by nobody, and nobody promotes yet."""
        for _ in range(number):
            reservation = self.booked.pop()
            await self.salon.cancel(reservation.id, self.guests.pop())

    async def promote(self) -> int:
        return await promote_waitlist(self.salon.runtime)

    async def status(self, entry: EntryView) -> WaitlistStatus:
        found = await find_entry(self.salon.owner, entry.id)
        assert found is not None
        return found.status

    async def seats(self) -> int:
        return await self.salon.seats(self.slot)

    async def offer(self, party_size: int = 1) -> tuple[Any, EntryView]:
        """Somebody new who is offered seats."""
        guest = await self.newcomer()
        entry = await self.join(guest, party_size)
        await self.free(party_size)
        await self.promote()
        assert await self.status(entry) is WaitlistStatus.OFFERED
        return guest, entry


async def open_course(salon: Salon) -> Course:
    service = await salon.add_service(ServiceKind.GROUP_CLASS, capacity=3)
    slot = await salon.add_class(service, capacity=3, hour=5)
    guests = [await salon.enlist() for _ in range(3)]
    booked = [await salon.book(slot, guest, contact=GUEST) for guest in guests]
    assert all(isinstance(each, ReservationView) for each in booked)
    return Course(salon, service, slot, guests, booked)


def code(answer: Any) -> tuple[str, Any]:
    assert isinstance(answer, ReservationProblem), answer
    return answer.code, answer.values.get("reason")
