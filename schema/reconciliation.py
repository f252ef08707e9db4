"""Reconciled days: what our ledger and the platforms' records say of the same uses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.coupons.reconciliation.listing import (
    count_differences,
    count_runs,
    list_differences,
    list_runs,
    load_runs,
)
from core.coupons.reconciliation.service import request_reconciliation
from core.coupons.reconciliation.values import (
    DifferenceKind,
    DifferenceView,
    PayoutBasis,
    RunFilter,
    RunStatus,
    RunView,
    Totals,
)
from core.errors import NotFound
from core.messages import text
from schema import enums as enums
from schema.channels import Channel, ChannelAccount, find_channel, load_account
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.money import Money, show_optional_money
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.problems import UserError, show_problems
from schema.redemptions import Redemption, show_redemption
from schema.stores import Store, show_store

CURSOR = "reconciliations"
DIFFERENCE_CURSOR = "reconciliation differences"


@strawberry.type(description="One use on which our ledger and the platform's record disagree.")
class ReconciliationDifference:
    view: strawberry.Private[DifferenceView]
    id: strawberry.ID = strawberry.field(description="The same for every reading of the day.")
    kind: DifferenceKind = strawberry.field(description="On what they disagree.")
    receipt: str = strawberry.field(description="The platform's receipt id.")
    used_at: datetime | None = strawberry.field(
        description="When it was used: by the platform's record, or by ours where it shows none."
    )
    ours: Money | None = strawberry.field(description="The amount in our ledger, null where it has none.")
    theirs: Money | None = strawberry.field(
        description="The amount in the platform's record, null where it shows none."
    )
    message: str = strawberry.field(description="The kind for people, in the language of Accept-Language.")
    resolved_at: datetime | None = strawberry.field(
        description="When a later reading no longer met it; null while it is open."
    )

    @resolved(description="The redemption it is about, null where our ledger has none.")
    async def redemption(self, info: Info) -> Redemption | None:
        if self.view.redemption_id is None:
            return None
        view = await (await info.context.load()).redemptions.load(self.view.redemption_id)
        return show_redemption(view) if view else None


@strawberry.type(description="A difference in a list.")
class ReconciliationDifferenceEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: ReconciliationDifference = strawberry.field(description="The difference.")


@strawberry.type(description="A page of differences, in the order in which they were found.")
class ReconciliationDifferenceConnection:
    run: strawberry.Private[RunView]
    kinds: strawberry.Private[tuple[DifferenceKind, ...]]
    with_resolved: strawberry.Private[bool]
    edges: list[ReconciliationDifferenceEdge] = strawberry.field(description="The differences of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many there are in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_differences(self.run, self.kinds, with_resolved=self.with_resolved)


@strawberry.type(
    description="One local day of one store at one account. Counts and amounts are those of the last complete reading,"
    " and null before it."
)
class Reconciliation(Node):
    view: strawberry.Private[RunView]
    day: date = strawberry.field(description="The day, in the store's time zone.")
    since: datetime = strawberry.field(description="When the day begins.")
    until: datetime = strawberry.field(description="When it is over.")
    status: RunStatus = strawberry.field(description="How far its reading has come.")
    failure: str | None = strawberry.field(description="Why the last reading failed, for people.")
    completed_at: datetime | None = strawberry.field(description="When it was last read completely.")
    ours_count: int | None = strawberry.field(description="Uses that stand in our ledger.")
    theirs_count: int | None = strawberry.field(description="Uses that stand in the platform's record.")
    matched_count: int | None = strawberry.field(description="Uses that both have.")
    outside_count: int | None = strawberry.field(description="Uses made at the platform's own till.")
    difference_count: int | None = strawberry.field(
        description="How many differences the last reading met; OUTSIDE is none."
    )
    ours_amount: Money | None = strawberry.field(description="What was paid for the uses in our ledger.")
    theirs_amount: Money | None = strawberry.field(
        description="What was paid for the uses in the platform's record, as far as it shows amounts."
    )
    payout: Money | None = strawberry.field(description="What the platform is expected to pay out.")
    payout_basis: PayoutBasis | None = strawberry.field(description="What the expected payout was made of.")
    fee: Money | None = strawberry.field(description="What the platform keeps; null where it shows no fees.")

    @resolved(description="Where the coupons were sold.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(description="The account; null for a channel that needs none, such as own coupons.")
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)

    @resolved(description="The store.")
    async def store(self, info: Info) -> Store:
        store = await (await info.context.load()).stores.load(self.view.store_id)
        if store is None:
            raise NotFound(text("fault.store_not_found"))
        return show_store(store)

    @resolved(description="On what the two sides disagree.")
    async def differences(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        kind: Annotated[
            list[DifferenceKind] | None, strawberry.argument(description="Only of these kinds.")
        ] = None,
        include_resolved: Annotated[
            bool, strawberry.argument(description="Also those that a later reading no longer met.")
        ] = False,
    ) -> ReconciliationDifferenceConnection:
        cursors = info.context.cursors
        size, position = read_first(first), cursors.read_id(DIFFERENCE_CURSOR, after)
        kinds = tuple(kind or ())
        page = await list_differences(self.view, kinds, size, position, with_resolved=include_resolved)
        written = [cursors.write_id(DIFFERENCE_CURSOR, each.id) for each in page.differences]
        return ReconciliationDifferenceConnection(
            run=self.view,
            kinds=kinds,
            with_resolved=include_resolved,
            edges=[
                ReconciliationDifferenceEdge(cursor=cursor, node=show_difference(each))
                for cursor, each in zip(written, page.differences, strict=True)
            ],
            page_info=show_page_info(written, has_more=page.has_more, continued=after is not None),
        )


def show_difference(view: DifferenceView) -> ReconciliationDifference:
    return ReconciliationDifference(
        view=view,
        id=show_id("ReconciliationDifference", view.id),
        kind=view.kind,
        receipt=view.receipt,
        used_at=view.used_at,
        ours=show_optional_money(view.ours),
        theirs=show_optional_money(view.theirs),
        message=text(f"reconciliation.{view.kind}"),
        resolved_at=view.resolved_at,
    )


def show_run(view: RunView) -> Reconciliation:
    totals: Totals | None = view.totals
    return Reconciliation(
        id=show_id("Reconciliation", view.id),
        view=view,
        day=view.window.day,
        since=view.window.since,
        until=view.window.until,
        status=view.status,
        failure=text(view.failure) if view.failure else None,
        completed_at=view.completed_at,
        ours_count=totals.ours_count if totals else None,
        theirs_count=totals.theirs_count if totals else None,
        matched_count=totals.matched_count if totals else None,
        outside_count=totals.outside_count if totals else None,
        difference_count=view.differences,
        ours_amount=show_optional_money(totals.ours_amount if totals else None),
        theirs_amount=show_optional_money(totals.theirs_amount if totals else None),
        payout=show_optional_money(totals.payout if totals else None),
        payout_basis=totals.payout_basis if totals else None,
        fee=show_optional_money(totals.fee if totals else None),
    )


async def find_own_run(context: Context, run_id: UUID) -> Reconciliation | None:
    """A reconciled day that the token reaches."""
    view = (await load_runs(await context.sign_in(), [run_id])).get(run_id)
    return show_run(view) if view else None


@strawberry.input(description="Which reconciled days to list; what is given must all hold.")
class ReconciliationFilter:
    store_id: strawberry.ID | None = strawberry.field(default=None, description="Of this store.")
    account_id: strawberry.ID | None = strawberry.field(default=None, description="Of this account.")
    since: date | None = strawberry.field(default=None, description="This day or later.")
    until: date | None = strawberry.field(default=None, description="This day or earlier.")
    only_differences: bool | None = strawberry.field(
        default=False, description="Only days with differences that are open."
    )


@strawberry.type(description="A reconciled day in a list.")
class ReconciliationEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: Reconciliation = strawberry.field(description="The reconciled day.")


@strawberry.type(description="A page of reconciled days, the latest first.")
class ReconciliationConnection:
    filter: strawberry.Private[RunFilter]
    edges: list[ReconciliationEdge] = strawberry.field(description="The days of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many the filter meets in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_runs(await info.context.sign_in(), self.filter)


@strawberry.input(description="A day to reconcile now.")
class ReconcileChannelInput:
    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The account. Give either this or `channel`."
    )
    channel: str | None = strawberry.field(
        default=None, description="The code of a channel that needs no account, such as house."
    )
    store_id: strawberry.ID = strawberry.field(description="The store.")
    day: date = strawberry.field(description="A day that is over, in the store's time zone.")


@strawberry.type(description="The answer to reconcileChannel.")
class ReconcileChannelPayload:
    reconciliation: Reconciliation | None = strawberry.field(
        description="The day; RUNNING where reading it takes longer than an answer may, FAILED with the reason where the"
        " platform's record could not be read. Null if it was not tried."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not tried.")


@strawberry.type
class ReconciliationQueries:
    @resolved(
        description="Reconciled days, the latest first. Every bound store is reconciled each night."
        " May: owner, manager, staff with the scope reports (their stores)."
    )
    async def reconciliations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        given: Annotated[
            ReconciliationFilter | None, strawberry.argument(name="filter", description="Which ones.")
        ] = None,
    ) -> ReconciliationConnection:
        context = info.context
        size, position, wanted = read_first(first), _read_position(context, after), _read_filter(given)
        page = await list_runs(await context.sign_in(), wanted, size, position)
        cursors = [_write_position(context, view) for view in page.runs]
        return ReconciliationConnection(
            filter=wanted,
            edges=[
                ReconciliationEdge(cursor=cursor, node=show_run(view))
                for cursor, view in zip(cursors, page.runs, strict=True)
            ],
            page_info=show_page_info(cursors, has_more=page.has_more, continued=after is not None),
        )


@strawberry.type
class ReconciliationMutations:
    @mutation(
        description="Compares one day of one store with the platform's record now. Repeats double nothing."
        " May: owner, manager, staff with the scope reports (their stores)."
    )
    async def reconcile_channel(
        self,
        info: Info,
        given: Annotated[ReconcileChannelInput, strawberry.argument(name="input", description="The day.")],
    ) -> ReconcileChannelPayload:
        context = info.context
        answer = await request_reconciliation(
            context.runtime,
            await context.sign_in(),
            read_id(given.store_id, "Store", "storeId"),
            given.day,
            read_optional_id(given.account_id, "ChannelAccount", "accountId"),
            given.channel,
        )
        if isinstance(answer, RunView):
            return ReconcileChannelPayload(reconciliation=show_run(answer), user_errors=[])
        return ReconcileChannelPayload(reconciliation=None, user_errors=show_problems(answer))


def _read_filter(given: ReconciliationFilter | None) -> RunFilter:
    if given is None:
        return RunFilter()
    return RunFilter(
        store_id=read_optional_id(given.store_id, "Store", "filter", "storeId"),
        account_id=read_optional_id(given.account_id, "ChannelAccount", "filter", "accountId"),
        since=given.since,
        until=given.until,
        only_differences=bool(given.only_differences),
    )


def _write_position(context: Context, view: RunView) -> str:
    return context.cursors.write(CURSOR, view.window.day.isoformat().encode() + view.id.bytes)


def _read_position(context: Context, after: str | None) -> tuple[date, UUID] | None:
    if after is None:
        return None
    position = context.cursors.read(CURSOR, after)
    return date.fromisoformat(position[:10].decode()), UUID(bytes=position[10:])
