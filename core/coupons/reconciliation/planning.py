"""What there is to reconcile, for whoever asks for several stores, accounts and days at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from core.access.values import StoreView
from core.channels.bindings import BoundAccount
from core.coupons.reconciliation.days import find_day, find_window, is_listed
from core.coupons.reconciliation.listing import list_differences
from core.coupons.reconciliation.service import lists_uses
from core.coupons.reconciliation.values import DifferenceView, RunView
from core.db.statements import as_uuid, fetch_rows
from core.runtime import Runtime

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Pair:
    """A store and an account that it is bound to, whose channel lists uses."""

    store: StoreView
    account: BoundAccount

    @property
    def delay(self) -> timedelta:
        """How long after a use the platform's record has it."""
        coupons = self.account.channel.coupons
        return coupons.behaviour.list_delay if coupons else timedelta()

    def find_latest(self, now: datetime) -> date:
        """The last day whose record is complete."""
        return find_day(self.store.time_zone, now - self.delay) - timedelta(days=1)

    def is_listed(self, day: date, now: datetime) -> bool:
        """Whether the record of this day is complete."""
        return is_listed(find_window(self.store.time_zone, day), self.delay, now)


async def list_pairs(
    runtime: Runtime, store_id: UUID | None = None, account_id: UUID | None = None
) -> Sequence[Pair]:
    """Every store of every merchant with each of its accounts whose uses can be listed; only those named, if any."""
    rows = await fetch_rows("SELECT id, tenant_id, name, time_zone FROM store ORDER BY tenant_id, id")
    stores = [
        StoreView(as_uuid(row["id"]), as_uuid(row["tenant_id"]), row["name"], row["time_zone"])
        for row in rows
    ]
    return [
        Pair(store, account)
        for store in stores
        if store_id in (None, store.id)
        for account in await runtime.accounts.load_bindings(store.tenant_id, store.id)
        if account_id in (None, account.account_id) and account.is_usable and lists_uses(account)
    ]


def list_days(since: date, until: date) -> Iterator[date]:
    """The days from `since` to `until`, both included."""
    for number in range((until - since).days + 1):
        yield since + timedelta(days=number)


async def load_all_differences(run: RunView) -> list[DifferenceView]:
    """Every open difference of a day."""
    found: list[DifferenceView] = []
    while True:
        page = await list_differences(run, (), _PAGE, found[-1].id if found else None)
        found += page.differences
        if not page.has_more:
            return found
