"""What runs in the background, and how often. Each task looks for work that is due and may find none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events.relay import relay_events
from core.notifications.sending import send_notifications
from core.settings import Settings
from core.work.inbox import handle_inbox
from core.work.pruning import prune_rows

if TYPE_CHECKING:
    from core.runtime import Runtime

RELAY_SECONDS = 5
FLUSH_SECONDS = 5
PRUNE_SECONDS = 600
BOOKING_SECONDS = 10
ORDER_SECONDS = 10
RECONCILE_SECONDS = 600
NO_SHOW_SECONDS = 30
ATTACHED_SECONDS = 15
RISK_SECONDS = 60
GUARD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of background work. `every`: whole seconds between runs, None for one that is only kicked."""

    name: str
    run: Callable[..., Awaitable[object]]
    every: int | None = None


def list_tasks(settings: Settings) -> tuple[Task, ...]:
    """Every task of the program."""
    return (
        Task("sweep_redemptions", _sweep_redemptions, settings.sweep_seconds),
        Task("settle_orders", _settle_orders, settings.sweep_seconds),
        Task("handle_inbox", handle_inbox, settings.sweep_seconds),
        Task("send_notifications", send_notifications, settings.sweep_seconds),
        Task("cancel_class_bookings", _cancel_class_bookings, settings.sweep_seconds),
        Task("sweep_holds", _sweep_holds, settings.sweep_seconds),
        Task("promote_waitlist", _promote_waitlist, settings.sweep_seconds),
        Task("mark_no_shows", _mark_no_shows, NO_SHOW_SECONDS),
        Task("redeem_attached", _redeem_attached, ATTACHED_SECONDS),
        Task("watch_reservations", _watch_reservations, settings.sweep_seconds),
        Task("send_booking_messages", _send_booking_messages, settings.sweep_seconds),
        Task("sync_bookings", _sync_bookings, BOOKING_SECONDS),
        Task("poll_orders", _poll_orders, ORDER_SECONDS),
        Task("refresh_risk", _refresh_risk, RISK_SECONDS),
        Task("guard_presales", _guard_presales, GUARD_SECONDS),
        Task("relay_events", _relay_events, RELAY_SECONDS),
        Task("flush_health", _flush_health, FLUSH_SECONDS),
        Task("prune_rows", prune_rows, PRUNE_SECONDS),
        Task("reconcile_days", _reconcile_days, RECONCILE_SECONDS),
    )


async def _sweep_redemptions(runtime: Runtime) -> int:
    # Imported late: the saga itself kicks tasks.
    from core.coupons.recovery import sweep_redemptions

    return await sweep_redemptions(runtime)


async def _settle_orders(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.orders.order_sweep import settle_orders

    return await settle_orders(runtime)


async def _reconcile_days(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.coupons.reconciliation.nightly import reconcile_days

    return await reconcile_days(runtime)


async def _cancel_class_bookings(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.setup.classes import cancel_class_bookings

    return await cancel_class_bookings(runtime)


async def _sweep_holds(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.holds import sweep_holds

    return await sweep_holds(runtime)


async def _promote_waitlist(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.waitlist.promotion import promote_waitlist

    return await promote_waitlist(runtime)


async def _mark_no_shows(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.visits.no_shows import mark_no_shows

    return await mark_no_shows(runtime)


async def _redeem_attached(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.visits.coupon_settling import sweep_attached

    return await sweep_attached(runtime)


async def _watch_reservations(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.channel.watch import watch_reservations

    return await watch_reservations(runtime)


async def _send_booking_messages(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.channel.sending import send_booking_messages

    return await send_booking_messages(runtime)


async def _sync_bookings(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.reservations.channel.sync import sync_bookings

    return await sync_bookings(runtime)


async def _poll_orders(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.orders.polling import poll_orders

    return await poll_orders(runtime)


async def _refresh_risk(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.presale.risk_refresh import refresh_risk

    return await refresh_risk(runtime)


async def _guard_presales(runtime: Runtime) -> int:
    # Imported late, as above.
    from core.presale.guard import guard_presales

    return await guard_presales(runtime)


async def _relay_events(runtime: Runtime) -> int:
    """The bus numbers events at every poll; this is for processes that have no bus running."""
    return await relay_events()


async def _flush_health(runtime: Runtime) -> None:
    """What calls have shown about channel accounts is noted in memory and written down here."""
    await runtime.accounts.flush_health()
