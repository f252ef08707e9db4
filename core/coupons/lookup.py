"""What is this code? Asks the channels and uses nothing up."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.access.permissions import Action, require
from core.access.stores import find_store
from core.access.values import Actor
from core.channels.contract import Found, Refusal, Refused, Scanned
from core.coupons.answers import show_problem
from core.coupons.codes import normalise_code
from core.coupons.coupon_rows import upsert_coupon, view_presented
from core.coupons.guessing import admit_codes
from core.coupons.probing import Asked, Hint, ask_channels, decide_refusal
from core.coupons.refusals import describe_asked
from core.coupons.values import CouponProblem, CouponView, LookUpResult
from core.db.statements import write_together
from core.runtime import Runtime


async def look_up_code(runtime: Runtime, actor: Actor | None, store_id: UUID, code: str) -> LookUpResult:
    """What the connected channels say about `code` at this store.

    Raises Unauthenticated, Forbidden, NotFound for a store that is not the actor's, BadInput for an empty code.
    """
    actor = require(actor, Action.LOOK_UP_COUPON)
    await find_store(actor, store_id)
    scanned = normalise_code(code)
    admission = await admit_codes(runtime, actor, store_id, 1)
    if isinstance(admission, int):
        return LookUpResult(
            problems=(CouponProblem(Refusal.TOO_MANY_ATTEMPTS, ("code",), retry_after=admission),)
        )
    asked = await ask_channels(runtime, actor.tenant_id, store_id, scanned, Hint())
    problems: tuple[CouponProblem, ...] = ()
    if sum(isinstance(each.answer, Found) for each in asked) != 1:
        reason = decide_refusal(asked)
        problems = (await describe_asked(runtime, actor.tenant_id, scanned, ("code",), asked, reason),)
    await admission.close(problems)
    return LookUpResult(
        coupons=await _remember(runtime, actor.tenant_id, asked, scanned),
        probes=() if actor.is_customer else tuple(each.probe for each in asked),
        problems=tuple(show_problem(actor, problem) for problem in problems),
    )


async def _remember(
    runtime: Runtime, tenant_id: UUID, asked: Sequence[Asked], scanned: Scanned
) -> tuple[CouponView, ...]:
    """The coupons that were shown, kept so that their ids can be asked for. Usable ones hide the refused."""
    shown = [each for each in asked if isinstance(each.answer, Found)] or asked
    views, writes = [], {}
    for candidate, answer in ((each.candidate, each.answer) for each in shown):
        if not isinstance(answer, Found | Refused):
            continue
        account_id = candidate.bound.account_id if candidate.bound else None
        for coupon in answer.coupons:
            owner = (tenant_id, account_id, candidate.channel.code)
            view = view_presented(*owner, coupon, scanned)
            views.append(view)
            writes[view.id] = upsert_coupon(runtime.keys, *owner, coupon, scanned, runtime.clock.now())
    if writes:
        await write_together(list(writes.values()))
    return tuple(views)
