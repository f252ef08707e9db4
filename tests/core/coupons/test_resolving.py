"""Closing by hand what nobody but a person can know."""

from __future__ import annotations

import asyncio

import pytest
from scripted import Fault

from core.access.problems import ProblemCode
from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.channels.contract import Refusal, Refused, ReversalRefused
from core.coupons.resolving import Finding, resolve_redemption
from core.coupons.values import RedeemOutcome, RedemptionStatus
from core.db.statements import as_uuid, fetch_rows
from core.errors import Forbidden, NotFound


@pytest.fixture(autouse=True)
def _hurry(shop):
    shop.hurry()


@pytest.fixture
async def doubtful(shop):
    """A redemption whose answer was lost, at a platform that tells nothing."""
    shop.blind.add("B1")
    shop.blind.faults["redeem"].append(Fault.LOST)
    await shop.redeem("B1")
    await shop.settle(seconds=31)
    return as_uuid((await fetch_rows("SELECT id FROM redemption"))[0]["id"])


async def _resolve(shop, redemption_id, finding, actor=None, note="looked up at the till"):
    return await resolve_redemption(shop.runtime, actor or shop.owner, redemption_id, finding, note)


async def test_used_is_a_success(shop, doubtful):
    redemption = await _resolve(shop, doubtful, Finding.USED)
    assert redemption.status is RedemptionStatus.SUCCEEDED
    assert redemption.redeemed_at is not None
    assert (await shop.claims(), shop.blind.calls.count("redeem")) == (1, 1)


async def test_not_used_frees_the_coupon(shop, doubtful):
    redemption = await _resolve(shop, doubtful, Finding.NOT_USED)
    assert (redemption.status, redemption.decline_code) == (
        RedemptionStatus.DECLINED,
        Refusal.REFUSED_BY_CHANNEL,
    )
    assert (redemption.redeemed_at, await shop.claims()) == (None, 0)
    assert (await shop.redeem("B1")).outcome is RedeemOutcome.REDEEMED


async def test_failed_reversal_found_reversed(shop):
    shop.paper.add("P1")
    shop.paper.add("P2", refusal=Refusal.EXPIRED)
    shop.paper.take_back = lambda order: ReversalRefused(Refused(Refusal.REVERSAL_WINDOW_CLOSED))
    await shop.redeem("P1", "P2")
    kept = as_uuid((await fetch_rows("SELECT id FROM redemption WHERE status = 'NEEDS_ATTENTION'"))[0]["id"])
    redemption = await _resolve(shop, kept, Finding.NOT_USED)
    assert redemption.status is RedemptionStatus.REVERSED
    assert (redemption.reversed_at is not None, await shop.claims()) == (True, 0)


async def test_told_to_everybody_and_audited(shop, doubtful):
    before = await shop.events()
    await _resolve(shop, doubtful, Finding.USED)
    assert await shop.events() == before + 1
    entries = await fetch_rows("SELECT action FROM audit_entry WHERE action = 'resolveRedemption'")
    assert len(entries) == 1


async def test_same_finding_again_changes_nothing(shop, doubtful):
    first = await _resolve(shop, doubtful, Finding.USED)
    events = await shop.events()
    assert await _resolve(shop, doubtful, Finding.USED) == first
    assert await shop.events() == events


async def test_two_people_two_findings_one_wins(shop, doubtful):
    answers = await asyncio.gather(*(_resolve(shop, doubtful, finding) for finding in Finding))
    refused = [answer for answer in answers if isinstance(answer, tuple)]
    assert [problem.code for [problem] in refused] == [ProblemCode.NOT_ALLOWED]


async def test_settled_one_stays(shop):
    shop.paper.add("P1")
    redemption = (await shop.redeem("P1")).redemptions[0]
    [problem] = await _resolve(shop, redemption.id, Finding.NOT_USED)
    assert problem.code is ProblemCode.NOT_ALLOWED
    assert await shop.ledger() == [RedemptionStatus.SUCCEEDED]


async def test_note_is_required(shop, doubtful):
    [problem] = await _resolve(shop, doubtful, Finding.USED, note=" ")
    assert (problem.code, problem.field) == (ProblemCode.REQUIRED, ("note",))
    assert await shop.ledger() == [RedemptionStatus.NEEDS_ATTENTION]


async def test_staff_need_the_scope(shop, doubtful):
    with pytest.raises(Forbidden):
        await _resolve(shop, doubtful, Finding.USED, actor=shop.staff)
    assert await shop.ledger() == [RedemptionStatus.NEEDS_ATTENTION]


async def test_other_merchants_are_unknown(shop, doubtful):
    from core.access.merchants import create_merchant

    rival = await authenticate((await create_merchant("Other", "Lane 2")).token)
    with pytest.raises(NotFound):
        await _resolve(shop, doubtful, Finding.USED, actor=rival)


async def test_staff_of_another_store_see_nothing(shop, doubtful):
    from core.access.stores import create_store

    elsewhere = await create_store(shop.owner, "Lane 3")
    token = await create_token(shop.owner.tenant_id, Role.STAFF, store_ids=[elsewhere.id], scopes=["reverse"])
    with pytest.raises(NotFound):
        await _resolve(shop, doubtful, Finding.USED, actor=await authenticate(token))
