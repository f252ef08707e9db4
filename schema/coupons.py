"""Coupons, and looking them up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from core.channels.contract import CouponKind, CouponStatus, Refusal
from core.coupons.lookup import look_up_code
from core.coupons.values import CouponProblem, CouponView, Probe, ProbeOutcome
from core.messages import refusal_text
from schema import enums as enums
from schema.channels import Channel, ChannelAccount, find_channel, load_account
from schema.context import Context, Info
from schema.fields import resolved
from schema.ids import Node, read_id, show_id
from schema.money import Money, show_optional_money
from schema.stores import Store, show_store


@strawberry.type(description="A coupon, whichever channel sold it.")
class Coupon(Node):
    view: strawberry.Private[CouponView]
    code: str = strawberry.field(
        description="Whole for whoever just presented it, else the last four characters."
    )
    kind: CouponKind = strawberry.field(description="What it is.")
    title: str = strawberry.field(description="As the channel names the deal.")
    status: CouponStatus = strawberry.field(description="What can be done with it.")
    face_value: Money | None = strawberry.field(
        description="What it takes off, or what the deal is listed at."
    )
    paid_amount: Money | None = strawberry.field(
        description="What the customer paid on the channel, after the platform's own discounts."
    )
    valid_from: datetime | None = strawberry.field(description="When it begins to be valid.")
    valid_until: datetime | None = strawberry.field(description="When it ceases to be valid.")
    times_total: int = strawberry.field(description="How often it can be used in all.")
    times_remaining: int = strawberry.field(description="How often it can still be used.")
    channel_reference: str | None = strawberry.field(description="The platform's certificate id.")

    @resolved(description="Where it was sold.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(
        description="The merchant's account there; null for customers and for channels without accounts."
    )
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)


@strawberry.type(
    description="One account that was asked about a code: every one whose channel may have such codes. UNAVAILABLE:"
    " it was down, or (reason CHANNEL_NOT_CONNECTED) is not connected or not bound to this store."
)
class ChannelProbe:
    view: strawberry.Private[Probe]
    outcome: ProbeOutcome = strawberry.field(description="What it said.")
    reason: Refusal | None = strawberry.field(
        description="Why nothing can be used, or why it could not be asked."
    )

    @resolved(description="The channel that was asked.")
    def channel(self, info: Info) -> Channel:
        return find_channel(info.context, self.view.channel)

    @resolved(description="The account that was asked; null where the channel is not connected.")
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)


@strawberry.type(description="Why a code cannot be used, or a redemption not reversed.")
class CouponUserError:
    problem: strawberry.Private[CouponProblem]
    code: Refusal = strawberry.field(description="The reason; never changes with the language.")
    message: str = strawberry.field(description="For the customer, in the language of Accept-Language.")
    staff_message: str | None = strawberry.field(
        description="For staff, pos, manager and owner; null for customers."
    )
    field: list[str] | None = strawberry.field(
        description='The path inside the input, as in `["codes", "1"]`.'
    )
    channel_code: str | None = strawberry.field(description="The platform's own code, as it came.")
    redeemed_at: datetime | None = strawberry.field(
        description="With ALREADY_REDEEMED: when, as far as known."
    )
    retry_after_seconds: int | None = strawberry.field(
        description="With TOO_MANY_ATTEMPTS: how long to wait."
    )

    @resolved(description="The channel that refused.")
    def channel(self, info: Info) -> Channel | None:
        code = self.problem.channel
        return None if code is None else find_channel(info.context, code)

    @resolved(description="With ALREADY_REDEEMED: where, as far as known and allowed.")
    async def store(self, info: Info) -> Store | None:
        if self.problem.store_id is None:
            return None
        store = await (await info.context.load()).stores.load(self.problem.store_id)
        return show_store(store) if store is not None else None


@strawberry.type(
    description="What a code is. Exactly one account that found it wins over everything; several are AMBIGUOUS_CODE."
)
class CouponLookup:
    coupons: list[Coupon] = strawberry.field(description="The coupons of the code, usable ones first.")
    probes: list[ChannelProbe] = strawberry.field(description="Who was asked; empty for customers.")
    user_errors: list[CouponUserError] = strawberry.field(description="Why the code cannot be used.")


def show_coupon(view: CouponView) -> Coupon:
    return Coupon(
        id=show_id("Coupon", view.id),
        view=view,
        code=view.code,
        kind=view.kind,
        title=view.title,
        status=view.status,
        face_value=show_optional_money(view.face_value),
        paid_amount=show_optional_money(view.paid_amount),
        valid_from=view.valid_from,
        valid_until=view.valid_until,
        times_total=view.times_total,
        times_remaining=view.times_remaining,
        channel_reference=view.reference or None,
    )


async def show_coupon_problems(context: Context, problems: Iterable[CouponProblem]) -> list[CouponUserError]:
    """The problems with their texts; only those who work in the store get the one for staff."""
    actor = await context.sign_in()
    return [
        _show_problem(context, problem, await _name_store(context, problem), for_staff=not actor.is_customer)
        for problem in problems
    ]


async def _name_store(context: Context, problem: CouponProblem) -> str | None:
    if problem.store_id is None:
        return None
    store = await (await context.load()).stores.load(problem.store_id)
    return store.name if store is not None else None


def _show_problem(
    context: Context, problem: CouponProblem, store: str | None, *, for_staff: bool
) -> CouponUserError:
    minutes = None if problem.retry_after is None else max(1, -(-problem.retry_after // 60))
    channel = find_channel(context, problem.channel).name if problem.channel else None
    when = problem.redeemed_at.strftime("%Y-%m-%d %H:%M UTC") if problem.redeemed_at else None
    values: dict[str, Any] = {"minutes": minutes, "when": when, "store": store, "channels": channel}
    return CouponUserError(
        problem=problem,
        code=problem.code,
        message=refusal_text(problem.code, "customer", minutes=minutes),
        staff_message=refusal_text(problem.code, "staff", **values) if for_staff else None,
        field=list(problem.field) or None,
        channel_code=problem.channel_code,
        redeemed_at=problem.redeemed_at,
        retry_after_seconds=problem.retry_after,
    )


@strawberry.type
class CouponQueries:
    @resolved(
        description="What a code is, without using it up: typed, the text of a QR code, or a short link. The channels"
        " are found and asked by themselves. May: everybody; staff and pos in their stores."
    )
    async def coupon_lookup(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store it is presented in.")],
        code: Annotated[str, strawberry.argument(description="As it was typed or scanned.")],
    ) -> CouponLookup:
        context = info.context
        actor = await context.sign_in()
        found = await look_up_code(context.runtime, actor, read_id(store_id, "Store", "storeId"), code)
        return CouponLookup(
            coupons=[show_coupon(view) for view in found.coupons],
            probes=[
                ChannelProbe(view=probe, outcome=probe.outcome, reason=probe.reason) for probe in found.probes
            ],
            user_errors=await show_coupon_problems(context, found.problems),
        )
