"""A made-up platform that takes bookings, in memory, and its channel. It does as told, or breaks as told."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from salon import MORNING, Salon, open_salon

from core.channels.bindings import BoundAccount
from core.channels.contract import (
    BookingAnswer,
    BookingOrder,
    BookingPage,
    BookingQuery,
    BookingRefused,
    BookingStatus,
    BookingTaken,
    Capability,
    Channel,
    ChannelBooking,
    Recognition,
    ReservationBehaviour,
    Reservations,
    Scanned,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.statements import as_instant
from core.events.relay import relay_events
from core.ids import new_id
from core.program import build_runtime
from core.reservations.channel.bookings import import_booking
from core.reservations.channel.sending import send_booking_messages
from core.reservations.channel.sync import sync_bookings
from core.reservations.channel.watch import watch_reservations
from core.reservations.values import ServiceView
from core.settings import Settings

S = BookingStatus
STORE = "hall-store-1"


class Hall(Reservations):
    """`troubles`: what the next calls raise, before or (`after`) behind doing their work."""

    behaviour: ClassVar[ReservationBehaviour] = ReservationBehaviour(
        awaits_decision=True,
        reports=frozenset({S.ARRIVED, S.COMPLETED, S.NO_SHOW, S.CANCELLED}),
        takes_ours=True,
    )

    def __init__(self) -> None:
        self.bookings: dict[str, ChannelBooking] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.troubles: deque[tuple[Exception, bool]] = deque()
        self.clock: Any = None
        self.hidden: set[str] = set()

    # ------------------------------------------------------------------------------------------------ what people do
    def put(self, reference: str, status: BookingStatus, start: Any, **changes: Any) -> ChannelBooking:
        """A customer books, or changes what was booked."""
        values = {
            "service_reference": "cut",
            "updated_at": self.clock.now(),
            "external_store_id": STORE,
        } | changes
        booking = ChannelBooking(reference, status, start, **values)
        self.bookings[reference] = booking
        return booking

    def change(self, reference: str, **changes: Any) -> ChannelBooking:
        self.clock.advance(timedelta(seconds=1))
        old = self.bookings[reference]
        self.bookings[reference] = replace(old, **{"updated_at": self.clock.now()} | changes)
        return self.bookings[reference]

    def break_next(self, error: Exception, *, after: bool = False) -> None:
        self.troubles.append((error, after))

    # ---------------------------------------------------------------------------------------------------- the channel
    async def list_bookings(self, session: Any, query: BookingQuery) -> BookingPage:
        self.calls.append(("list",))
        found = sorted(
            (each for each in self.bookings.values() if query.since <= each.start < query.until),
            key=lambda each: each.reference,
        )
        found = [each for each in found if each.reference not in self.hidden]
        at = int(query.cursor or 0)
        page = tuple(found[at : at + 2])
        return await self._do(lambda: BookingPage(page, str(at + 2) if at + 2 < len(found) else None))

    async def find_booking(self, session: Any, reference: str) -> ChannelBooking | None:
        self.calls.append(("find", reference))
        return await self._do(lambda: self.bookings.get(reference))

    async def decide(self, session: Any, reference: str, *, accept: bool, reason: str = "") -> BookingAnswer:
        self.calls.append(("decide", reference, accept))
        wanted = S.CONFIRMED if accept else S.REJECTED
        return await self._do(lambda: self._set(reference, wanted, {S.REQUESTED}))

    async def report(
        self, session: Any, reference: str, status: BookingStatus, reason: str = ""
    ) -> BookingAnswer:
        self.calls.append(("report", reference, status))
        return await self._do(lambda: self._set(reference, status, {S.REQUESTED, S.CONFIRMED, S.ARRIVED}))

    async def place(self, session: Any, order: BookingOrder) -> BookingAnswer:
        self.calls.append(("place", order.token))
        return await self._do(lambda: self._place(order))

    async def move(self, session: Any, reference: str, order: BookingOrder) -> BookingAnswer:
        self.calls.append(("move", reference, order.start))

        def work() -> BookingAnswer:
            self.change(reference, start=order.start)
            return BookingTaken(reference)

        return await self._do(work)

    def _place(self, order: BookingOrder) -> BookingAnswer:
        for each in self.bookings.values():
            if each.token == order.token:
                return BookingTaken(each.reference)
        reference = f"H{len(self.bookings) + 1:04d}"
        self.put(
            reference, S.CONFIRMED, order.start, token=order.token, service_reference=order.service_reference,
            staff_reference=order.staff_reference, party_size=order.party_size,
        )  # fmt: skip
        return BookingTaken(reference)

    def _set(self, reference: str, wanted: BookingStatus, allowed: set[BookingStatus]) -> BookingAnswer:
        booking = self.bookings.get(reference)
        if booking is None:
            return BookingRefused("unknown")
        if booking.status is wanted:
            return BookingRefused("already so", settled=True)
        if booking.status not in allowed:
            return BookingRefused("another state", "409")
        self.change(reference, status=wanted)
        return BookingTaken(reference)

    async def _do(self, work: Callable[[], Any]) -> Any:
        error, after = self.troubles.popleft() if self.troubles else (None, False)
        if error and not after:
            raise error
        answer = work()
        if error:
            raise error
        return answer


class HallChannel(Channel):
    code = "hall"
    name = "Hall"
    capabilities = frozenset({Capability.RESERVATIONS})

    def __init__(self, hall: Hall) -> None:
        self.reservations = hall

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


class Booked:
    """The salon with an account at the hall, whose "cut" is linked to `service`."""

    def __init__(self, salon: Salon, hall: Hall, account: BoundAccount, service: ServiceView) -> None:
        self.salon, self.hall, self.account, self.service = salon, hall, account, service

    async def take(self, booking: ChannelBooking) -> Any:
        """A state of a booking comes in."""
        return await import_booking(self.salon.runtime, self.account, booking)

    async def work(self) -> None:
        """All background work, until there is none left."""
        runtime = self.salon.runtime
        for _ in range(4):
            await relay_events()
            await watch_reservations(runtime)
            await send_booking_messages(runtime)

    async def sync(self) -> int:
        self.salon.clock.advance(timedelta(minutes=10))
        return await sync_bookings(self.salon.runtime)

    async def link(self, reference: str, target: Any, kind: str = "SERVICE") -> None:
        await self.salon.add(
            "booking_link", account_id=self.account.account_id, store_id=self.salon.store_id, target_kind=kind,
            target_id=target, reference=reference,
        )  # fmt: skip

    async def visits(self) -> Any:
        """(status, start as hours after 09:00) of all reservations."""
        rows = await self.salon.list("reservation", "status", "start_at")
        return sorted(
            (status, (as_instant(start) - MORNING).total_seconds() / 3600) for status, start in rows
        )

    async def outcome(self, reference: str) -> Any:
        """(outcome, conflict) of a booking."""
        [found] = await self.salon.list(
            "channel_booking", "outcome", "conflict", where=f"external_id = '{reference}'"
        )
        return found

    async def told(self) -> Any:
        """(kind, state) of all messages."""
        return await self.salon.list("booking_message", "kind", "state")


async def open_account(salon: Salon, code: str = "hall") -> BoundAccount:
    account_id = await salon.add(
        "channel_account", channel=code, name="Hall", status="ACTIVE", settings={}, id=new_id()
    )
    await salon.add("channel_store", account_id=account_id, store_id=salon.store_id, external_store_id=STORE)
    account = await salon.runtime.accounts.find_delivery_account(code, account_id)
    assert account is not None
    return account


@asynccontextmanager
async def open_hall(settings: Settings) -> AsyncIterator[Booked]:
    """A salon that takes the hall's bookings, with the service "cut" of 60 minutes."""
    hall = Hall()

    class Plugin:
        @hookimpl
        def register_channels(self, register: Any) -> None:
            register(HallChannel(hall))

    async with open_salon(settings) as salon, Network(settings) as network:
        registry = build_registry(only=["house"], plugins=[Plugin()])
        salon.runtime = build_runtime(settings, network, registry=registry, clock=salon.clock)
        hall.clock = salon.clock
        service = await salon.add_service()
        booked = Booked(salon, hall, await open_account(salon), service)
        await booked.link("cut", service.id)
        yield booked
