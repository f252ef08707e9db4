"""What every change shares: it holds for the reservation as it was read, and for no other."""

from __future__ import annotations

import pytest

from core.db.statements import GuardFailed, write_together
from core.reservations.changing import update_reservation
from core.reservations.values import ReservationStatus, ReservationView
from core.reservations.visits.check_in import CheckInInput, check_in_reservation
from core.reservations.visits.settling import SettleInput, settle_reservation


async def test_changed_meanwhile_is_not_changed_again(salon):
    """Also where it still has the status that it had when it was read: it was moved, say."""
    service = await salon.add_service()
    read = await salon.book(salon.slot(service, 3))
    moved = await salon.move(read.id, salon.slot(service, 6))
    assert (moved.status, moved.version) == (read.status, 2)
    with pytest.raises(GuardFailed):
        await write_together([update_reservation(read, note="stale")])
    assert await salon.list("reservation", "version", "note") == [(2, None)]
    await write_together([update_reservation(moved, note="fresh")])
    assert await salon.list("reservation", "version", "note") == [(3, "fresh")]


async def test_visit_that_was_made_has_spent_its_session(salon):
    service = await salon.add_service()
    package = await salon.add(
        "customer_package", customer_id=salon.customer.customer_id, name="Ten", service_ids=[str(service.id)],
        sessions_total=10, sessions_left=10, active=True,
    )  # fmt: skip
    made = await salon.book(salon.slot(service), package_id=package)
    assert isinstance(made, ReservationView)
    arrived = CheckInInput(salon.store_id, salon.key(), code=made.code)
    await check_in_reservation(salon.runtime, salon.staff, arrived)
    assert await salon.list("package_draw", "status") == ["DRAWN"]
    settled = await settle_reservation(salon.runtime, salon.staff, SettleInput(made.id, salon.key()))
    assert settled.status is ReservationStatus.COMPLETED
    assert await salon.list("package_draw", "status") == ["SPENT"]
    assert await salon.list("customer_package", "sessions_left") == [9]
