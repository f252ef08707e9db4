"""How a store's presales stand, the orders behind each rule, and the guard that pauses presales."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final
from uuid import UUID

import strawberry

from core.errors import NotFound
from core.messages import text
from core.presale.figures import Window
from core.presale.guard import GuardActionView, count_actions, list_actions
from core.presale.guard_rules import WHOLE, GuardRule, list_rules, set_rule
from core.presale.health import PresaleHealthView, count_behind, list_behind, read_health
from core.presale.rules import Verdict
from core.presale.values import Figure, GuardAct, HealthLevel
from schema import presale_enums as presale_enums
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import read_id
from schema.orders import OrderConnection, read_order_position, show_orders
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.presale import PresaleCampaign, show_campaign
from schema.problems import UserError, show_problems
from schema.stores import Store, show_store

CURSOR: Final = "presale health"
ACTION_CURSOR: Final = "presale guard actions"
_PLACES: Final = Decimal("0.0001")


@strawberry.type(description="By how much a score of 0 to 5 is expected to change.")
class ScoreRange:
    low: Decimal = strawberry.field(description="At worst.")
    high: Decimal = strawberry.field(description="At best.")


@strawberry.type(description="What one rule says of a store's presales.")
class HealthRuleResult:
    window: strawberry.Private[Window]
    figure: strawberry.Private[Figure]
    code: str = strawberry.field(
        description="What was measured: share, onTime, late, fulfilment, badReviews or refundRate. More may come."
    )
    value: Decimal | None = strawberry.field(
        description="A share of 1, as in 0.0500 for 5 %; null where no channel reports it, or nothing was there to"
        " measure."
    )
    threshold: Decimal = strawberry.field(
        description="The limit that was passed, or the first that would be; a share of 1."
    )
    level: HealthLevel = strawberry.field(description="How the store stands by this rule.")
    reported: bool = strawberry.field(description="Whether there is a value.")
    advice: str = strawberry.field(description="What to do, for people, in the language of Accept-Language.")

    @resolved(
        description="The orders behind the figure: for a share the presales, else those that went wrong."
    )
    async def orders(self, info: Info, first: First = 20, after: After = None) -> OrderConnection:
        context, kind = info.context, f"{CURSOR} {self.figure}"
        position = read_order_position(context, after, kind)
        page = await list_behind(self.window, self.figure, read_first(first), position)

        async def count() -> int:
            return await count_behind(self.window, self.figure)

        return show_orders(context, page, count, continued=after is not None, kind=kind)


@strawberry.type(description="How a store's presales stand, counted by order line.")
class PresaleHealth:
    store: Store = strawberry.field(description="The store.")
    since: datetime = strawberry.field(description="When the counting begins.")
    until: datetime = strawberry.field(description="When it ends: now.")
    level: HealthLevel = strawberry.field(description="The worst of the rules.")
    rules: list[HealthRuleResult] = strawberry.field(description="What each rule says.")
    estimated_score_change: ScoreRange | None = strawberry.field(
        description="What it will do to the store's score, by published guidance; null where nothing is expected."
    )
    late_orders_still_affordable: int = strawberry.field(
        description="How many more lines may come due and be late until more than 5 % are late."
    )


@strawberry.type(description="What the guard does at a store when a figure passes a threshold.")
class PresaleGuardRule:
    figure: Figure = strawberry.field(description="The figure, over the last 30 days.")
    act: GuardAct = strawberry.field(description="What it does.")
    threshold: Decimal = strawberry.field(
        description="A share of 1: above it, or below it for ON_TIME and FULFILMENT."
    )
    dry_run: bool = strawberry.field(description="It only writes down what it would have done.")
    active: bool = strawberry.field(description="Whether it is asked at all.")


@strawberry.input(description="What the guard is to do about one figure; replaces what it did before.")
class SetPresaleGuardRuleInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    figure: Figure = strawberry.field(description="The figure.")
    act: GuardAct = strawberry.field(description="What it does.")
    threshold: Decimal = strawberry.field(description="A share of 1 with four decimals at most: 0.02 is 2 %.")
    dry_run: bool | None = strawberry.field(
        default=True, description="Only write down what would be done. Watch that first."
    )
    active: bool | None = strawberry.field(default=True, description="Whether it is asked at all.")


@strawberry.type(description="The answer to setPresaleGuardRule.")
class SetPresaleGuardRulePayload:
    rule: PresaleGuardRule | None = strawberry.field(description="The rule, null if it was not set.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not set.")


@strawberry.type(description="What the guard did to one presale, or would have done.")
class PresaleGuardAction:
    view: strawberry.Private[GuardActionView]
    at: datetime = strawberry.field(description="When.")
    figure: Figure = strawberry.field(description="Why.")
    act: GuardAct = strawberry.field(description="What.")
    dry_run: bool = strawberry.field(description="It was only written down.")
    value: Decimal = strawberry.field(description="The figure then, as a share of 1.")
    threshold: Decimal = strawberry.field(description="The rule's threshold then.")

    @resolved(description="The presale.")
    async def campaign(self, info: Info) -> PresaleCampaign:
        view = await (await info.context.load()).campaigns.load(self.view.campaign_id)
        if view is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return show_campaign(view)


@strawberry.type(description="An action of the guard in a list.")
class PresaleGuardActionEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: PresaleGuardAction = strawberry.field(description="The action.")


@strawberry.type(description="A page of actions of the guard, the latest first.")
class PresaleGuardActionConnection:
    store_id: strawberry.Private[UUID]
    edges: list[PresaleGuardActionEdge] = strawberry.field(description="The actions of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many there are in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_actions(await info.context.sign_in(), self.store_id)


StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store.")]


@strawberry.type
class PresaleHealthQueries:
    @resolved(
        description="How a store's presales stand. May: owner, manager, staff with the scope reports (their stores)."
    )
    async def presale_health(
        self,
        info: Info,
        store_id: StoreId,
        days: Annotated[
            int | None, strawberry.argument(description="How many days back from now, 1 to 180.")
        ] = 30,
    ) -> PresaleHealth:
        context = info.context
        view = await read_health(
            await context.sign_in(),
            read_id(store_id, "Store", "storeId"),
            30 if days is None else days,
            context.runtime.clock.now(),
        )
        return show_health(view)

    @resolved(
        description="What the guard watches at a store. May: owner, manager, staff with the scope reports (their"
        " stores)."
    )
    async def presale_guard_rules(self, info: Info, store_id: StoreId) -> list[PresaleGuardRule]:
        rules = await list_rules(await info.context.sign_in(), read_id(store_id, "Store", "storeId"))
        return [show_rule(rule) for rule in rules]

    @resolved(
        description="What the guard did at a store, the latest first. May: owner, manager, staff with the scope reports"
        " (their stores)."
    )
    async def presale_guard_actions(
        self, info: Info, store_id: StoreId, first: First = None, after: After = None
    ) -> PresaleGuardActionConnection:
        cursors, store = info.context.cursors, read_id(store_id, "Store", "storeId")
        actor, size = await info.context.sign_in(), read_first(first)
        page = await list_actions(actor, store, size, cursors.read_id(ACTION_CURSOR, after))
        edges = [
            PresaleGuardActionEdge(cursor=cursors.write_id(ACTION_CURSOR, view.id), node=show_action(view))
            for view in page.actions
        ]
        written = [edge.cursor for edge in edges]
        return PresaleGuardActionConnection(
            store_id=store,
            edges=edges,
            page_info=show_page_info(written, has_more=page.has_more, continued=after is not None),
        )


@strawberry.type
class PresaleHealthMutations:
    @mutation(description="Sets what the guard does about one figure at a store. May: owner, manager.")
    async def set_presale_guard_rule(
        self,
        info: Info,
        given: Annotated[
            SetPresaleGuardRuleInput, strawberry.argument(name="input", description="The rule.")
        ],
    ) -> SetPresaleGuardRulePayload:
        store_id = read_id(given.store_id, "Store", "storeId")
        answer = await set_rule(await info.context.sign_in(), store_id, _read_rule(given))
        if isinstance(answer, GuardRule):
            return SetPresaleGuardRulePayload(rule=show_rule(answer), user_errors=[])
        return SetPresaleGuardRulePayload(rule=None, user_errors=show_problems(answer))


def show_health(view: PresaleHealthView) -> PresaleHealth:
    change = view.score_change
    return PresaleHealth(
        store=show_store(view.store),
        since=view.window.since,
        until=view.window.until,
        level=view.level,
        rules=[_show_verdict(view.window, verdict) for verdict in view.verdicts],
        estimated_score_change=ScoreRange(low=change.low, high=change.high) if change else None,
        late_orders_still_affordable=view.affordable,
    )


def show_rule(rule: GuardRule) -> PresaleGuardRule:
    return PresaleGuardRule(
        figure=rule.figure,
        act=rule.act,
        threshold=_show_parts(rule.threshold),
        dry_run=rule.dry_run,
        active=rule.active,
    )


def show_action(view: GuardActionView) -> PresaleGuardAction:
    return PresaleGuardAction(
        view=view,
        at=view.at,
        figure=view.figure,
        act=view.act,
        dry_run=view.dry_run,
        value=_show_parts(view.value),
        threshold=_show_parts(view.threshold),
    )


def _show_verdict(window: Window, verdict: Verdict) -> HealthRuleResult:
    return HealthRuleResult(
        window=window,
        figure=verdict.figure,
        code=verdict.figure.value,
        value=None if verdict.value is None else _show_share(verdict.value),
        threshold=_show_share(verdict.threshold),
        level=verdict.level,
        reported=verdict.reported,
        advice=text(verdict.advice),
    )


def _show_share(share: Fraction) -> Decimal:
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(_PLACES)


def _show_parts(parts: int) -> Decimal:
    return _show_share(Fraction(parts, WHOLE))


def _read_rule(given: SetPresaleGuardRuleInput) -> GuardRule:
    return GuardRule(
        figure=given.figure,
        act=given.act,
        threshold=round(given.threshold * WHOLE),
        dry_run=given.dry_run is not False,
        active=given.active is not False,
    )
