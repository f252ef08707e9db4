"""The redemption ledger: redeeming, reversing, listing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.channels.contract import Refusal
from core.coupons.ledger import count_redemptions, list_redemptions
from core.coupons.redemption import redeem_coupons
from core.coupons.resolving import Finding, resolve_redemption
from core.coupons.reversal import reverse_redemption
from core.coupons.values import CodeInput, RedeemOutcome, RedemptionStatus, RedemptionView
from core.coupons.values import RedemptionFilter as CoreFilter
from core.errors import NotFound
from core.messages import text
from schema import enums as enums
from schema.channels import Channel, find_channel
from schema.context import Info
from schema.coupons import Coupon, CouponUserError, show_coupon, show_coupon_problems
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_ids, read_optional_id, show_id
from schema.money import Money, show_money
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.problems import UserError, show_problems
from schema.stores import Store, show_store

if TYPE_CHECKING:
    from schema.orders import Order

CURSOR = "redemptions"
_ORDER = strawberry.lazy("schema.orders")


@strawberry.type(description="One coupon redeemed, or tried.")
class Redemption(Node):
    view: strawberry.Private[RedemptionView]
    presented: strawberry.Private[str | None]
    status: RedemptionStatus = strawberry.field(description="How far it has come.")
    times: int = strawberry.field(description="How many uses of the coupon it took.")
    discount: Money = strawberry.field(description="What it takes off.")
    redeemed_at: datetime | None = strawberry.field(description="When the platform used the coupon.")
    reversed_at: datetime | None = strawberry.field(description="When it was taken back.")
    reversible_until: datetime | None = strawberry.field(
        description="Until when it can be taken back; null where the channel sets no end, or has no reversal."
    )
    decline_code: Refusal | None = strawberry.field(description="Why it was declined.")
    channel_reference: str | None = strawberry.field(
        description="The platform's receipt id, as needed for its reversal."
    )

    @resolved(description="The coupon.")
    async def coupon(self, info: Info) -> Coupon:
        view = await (await info.context.load()).coupons.load(self.view.coupon_id)
        if view is None:
            raise NotFound(text("fault.NOT_FOUND"))
        return show_coupon(view if self.presented is None else replace(view, code=self.presented))

    @resolved(description="Where the coupon was sold.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(description="Where it was redeemed.")
    async def store(self, info: Info) -> Store:
        store = await (await info.context.load()).stores.load(self.view.store_id)
        if store is None:
            raise NotFound(text("fault.store_not_found"))
        return show_store(store)

    @resolved(
        description="The order it is used for; null where it is for none, or out of the reader's sight."
    )
    async def order(self, info: Info) -> Annotated[Order, _ORDER] | None:
        from schema.orders import show_order

        if self.view.order_id is None:
            return None
        view = await (await info.context.load()).orders.load(self.view.order_id)
        return show_order(view) if view else None


def show_redemption(view: RedemptionView, presented: str | None = None) -> Redemption:
    """`presented`: the coupon's whole code, for whoever has just presented it."""
    return Redemption(
        id=show_id("Redemption", view.id),
        view=view,
        presented=presented,
        status=view.status,
        times=view.times,
        discount=show_money(view.discount),
        redeemed_at=view.redeemed_at,
        reversed_at=view.reversed_at,
        reversible_until=view.reversible_until,
        decline_code=view.decline_code,
        channel_reference=view.channel_reference,
    )


@strawberry.input(description="Which redemptions to list; what is given must all hold.")
class RedemptionFilter:
    store_id: strawberry.ID | None = strawberry.field(default=None, description="In this store.")
    status: list[RedemptionStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    channel: str | None = strawberry.field(default=None, description="Of this channel's code.")
    since: datetime | None = strawberry.field(default=None, description="Asked for at this instant or later.")
    until: datetime | None = strawberry.field(default=None, description="Asked for before this instant.")


@strawberry.type(description="A redemption in a list.")
class RedemptionEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: Redemption = strawberry.field(description="The redemption.")


@strawberry.type(description="A page of redemptions, newest first.")
class RedemptionConnection:
    filter: strawberry.Private[CoreFilter]
    edges: list[RedemptionEdge] = strawberry.field(description="The redemptions of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many the filter meets in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_redemptions(await info.context.sign_in(), self.filter)


@strawberry.input(
    description="One code. `count` takes the first usable coupons of it in the platform's order (uses of a card"
    " alike), unless `couponIds` says which. `channel` or `accountId` decides an ambiguous code."
)
class CouponCodeInput:
    code: str = strawberry.field(description="As it was typed or scanned.")
    count: int | None = strawberry.field(default=1, description="How many coupons or uses of it.")
    coupon_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Which coupons of it."
    )
    channel: str | None = strawberry.field(default=None, description="The channel's code.")
    account_id: strawberry.ID | None = strawberry.field(default=None, description="The account.")


@strawberry.input(description="A basket of codes, redeemed all or none.")
class RedeemCouponsInput:
    store_id: strawberry.ID = strawberry.field(description="The store they are redeemed in.")
    codes: list[CouponCodeInput] = strawberry.field(description="The codes, of any channels.")
    order_id: strawberry.ID | None = strawberry.field(
        default=None, description="The order they are used for."
    )
    idempotency_key: str = strawberry.field(
        description="Chosen by the client, the same for every repeat. Kept 24 hours."
    )


@strawberry.type(description="The answer to redeemCoupons.")
class RedeemCouponsPayload:
    outcome: RedeemOutcome = strawberry.field(description="How the whole basket ended.")
    redemptions: list[Redemption] = strawberry.field(description="One per coupon.")
    user_errors: list[CouponUserError] = strawberry.field(description="What was refused, and why.")


@strawberry.input(description="A redemption to take back.")
class ReverseRedemptionInput:
    redemption_id: strawberry.ID = strawberry.field(description="The redemption.")
    reason: str = strawberry.field(description="Why, for the books.")
    idempotency_key: str = strawberry.field(
        description="Chosen by the client, the same for every repeat. Kept 24 hours."
    )


@strawberry.type(description="The answer to reverseRedemption.")
class ReverseRedemptionPayload:
    redemption: Redemption | None = strawberry.field(
        description="The redemption as it is now, null if refused."
    )
    user_errors: list[CouponUserError] = strawberry.field(description="Why it was not taken back.")


@strawberry.input(description="What a person found out about a redemption in NEEDS_ATTENTION.")
class ResolveRedemptionInput:
    redemption_id: strawberry.ID = strawberry.field(description="The redemption.")
    finding: Finding = strawberry.field(description="What the platform's own records say.")
    note: str = strawberry.field(description="Where it was looked up, for the audit trail.")


@strawberry.type(description="The answer to resolveRedemption.")
class ResolveRedemptionPayload:
    redemption: Redemption | None = strawberry.field(
        description="The redemption as it is now, null if nothing was done."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was done.")


@strawberry.type
class RedemptionQueries:
    @resolved(
        description="Redemptions, newest first. May: owner, manager, staff, pos (their stores), customer (their own)."
    )
    async def redemptions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        given: Annotated[
            RedemptionFilter | None, strawberry.argument(name="filter", description="Which ones.")
        ] = None,
    ) -> RedemptionConnection:
        context = info.context
        size, position = read_first(first), context.cursors.read_id(CURSOR, after)
        wanted = _read_filter(given)
        page = await list_redemptions(await context.sign_in(), wanted, size, position)
        cursors = [context.cursors.write_id(CURSOR, view.id) for view in page.redemptions]
        return RedemptionConnection(
            filter=wanted,
            edges=[
                RedemptionEdge(cursor=cursor, node=show_redemption(view))
                for cursor, view in zip(cursors, page.redemptions, strict=True)
            ],
            page_info=show_page_info(cursors, has_more=page.has_more, continued=after is not None),
        )


@strawberry.type
class RedemptionMutations:
    @mutation(
        description="Redeems a basket of codes, all or none, exactly once per idempotency key. Answers within 8 s;"
        " what is not settled by then is UNKNOWN and settles by itself. May: everybody; staff and pos in their stores."
    )
    async def redeem_coupons(
        self,
        info: Info,
        given: Annotated[RedeemCouponsInput, strawberry.argument(name="input", description="The basket.")],
    ) -> RedeemCouponsPayload:
        context = info.context
        result = await redeem_coupons(
            context.runtime,
            await context.sign_in(),
            read_id(given.store_id, "Store", "storeId"),
            [read_code(code, "codes", str(index)) for index, code in enumerate(given.codes)],
            given.idempotency_key,
            read_optional_id(given.order_id, "Order", "orderId"),
        )
        return RedeemCouponsPayload(
            outcome=result.outcome,
            redemptions=[
                show_redemption(view, result.codes.get(view.coupon_id)) for view in result.redemptions
            ],
            user_errors=await show_coupon_problems(context, result.problems),
        )

    @mutation(
        description="Takes a redemption back at its platform. May: owner, manager, staff with the scope reverse."
    )
    async def reverse_redemption(
        self,
        info: Info,
        given: Annotated[
            ReverseRedemptionInput, strawberry.argument(name="input", description="The redemption.")
        ],
    ) -> ReverseRedemptionPayload:
        context = info.context
        result = await reverse_redemption(
            context.runtime,
            await context.sign_in(),
            read_id(given.redemption_id, "Redemption", "redemptionId"),
            given.reason,
            given.idempotency_key,
        )
        refused = any(problem.code is not Refusal.OUTCOME_UNKNOWN for problem in result.problems)
        return ReverseRedemptionPayload(
            redemption=show_redemption(result.redemption) if result.redemption and not refused else None,
            user_errors=await show_coupon_problems(context, result.problems),
        )

    @mutation(
        description="Closes a redemption in NEEDS_ATTENTION by what a person saw at the platform: USED makes it SUCCEEDED,"
        " NOT_USED frees the coupon. Nothing is sent. May: owner, manager, staff with the scope reverse."
    )
    async def resolve_redemption(
        self,
        info: Info,
        given: Annotated[
            ResolveRedemptionInput, strawberry.argument(name="input", description="The finding.")
        ],
    ) -> ResolveRedemptionPayload:
        context = info.context
        answer = await resolve_redemption(
            context.runtime,
            await context.sign_in(),
            read_id(given.redemption_id, "Redemption", "redemptionId"),
            given.finding,
            given.note,
        )
        if isinstance(answer, RedemptionView):
            return ResolveRedemptionPayload(redemption=show_redemption(answer), user_errors=[])
        return ResolveRedemptionPayload(redemption=None, user_errors=show_problems(answer))


def read_code(code: CouponCodeInput, *path: str) -> CodeInput:
    """One code, at `path` of the input. Raises BadInput naming the wrong id."""
    return CodeInput(
        code=code.code,
        count=1 if code.count is None else code.count,
        coupon_ids=read_ids(code.coupon_ids, "Coupon", *path, "couponIds"),
        channel=code.channel,
        account_id=read_optional_id(code.account_id, "ChannelAccount", *path, "accountId"),
    )


def _read_filter(given: RedemptionFilter | None) -> CoreFilter:
    if given is None:
        return CoreFilter()
    return CoreFilter(
        store_id=read_optional_id(given.store_id, "Store", "filter", "storeId"),
        statuses=tuple(given.status or ()),
        channel=given.channel,
        since=given.since,
        until=given.until,
    )
