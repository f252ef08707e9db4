"""Platforms that show little of a use, or behave otherwise towards one account: nothing is judged by what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from scripted import BLIND, CODE_ONLY, TOKENS, Fault

from core.channels.contract import CouponState, StatusBy
from core.coupons.requests import load_rows, read_request
from core.coupons.reversal import reverse_redemption
from core.coupons.sealed import bind_row
from core.coupons.values import RedeemOutcome, RedemptionStatus
from core.db.statements import as_uuid, execute, fetch_rows

SUCCEEDED, UNKNOWN = RedemptionStatus.SUCCEEDED, RedemptionStatus.UNKNOWN
NEEDS_ATTENTION, REVERSED = RedemptionStatus.NEEDS_ATTENTION, RedemptionStatus.REVERSED
UNUSED_ONLY = replace(CODE_ONLY, status_by=StatusBy.UNUSED_ONLY)


@pytest.fixture(autouse=True)
def _hurry(shop):
    shop.hurry()


@pytest.fixture
def coupons(shop):
    """Those of the platform `plain`, which from now on shows whether a coupon is unused, and no uses."""
    found = shop.runtime.registry.get("plain").coupons
    found.behaviour = UNUSED_ONLY
    show = shop.plain.show
    shop.plain.show = lambda query: replace(show(query), uses=())
    return found


async def reverse(shop, result):
    redemption_id = result.redemptions[0].id
    return await reverse_redemption(shop.runtime, shop.owner, redemption_id, "mistake", shop.key())


# -------------------------------------------------------------------------------------------------- whether it is unused
async def test_not_unused_is_not_taken_for_ours(shop, coupons):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    assert (await shop.redeem("Q1")).outcome is RedeemOutcome.UNKNOWN
    await shop.settle(seconds=5)
    assert await shop.ledger() == [UNKNOWN]
    await shop.settle(seconds=31)
    assert (await shop.ledger(), await shop.claims()) == ([NEEDS_ATTENTION], 1)
    assert (len(ticket.uses), shop.plain.calls.count("redeem")) == (1, 1)


async def test_not_unused_is_not_taken_for_another_s(shop, coupons):
    """A person is asked, and nothing is declined: the use may be ours."""
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LATE)
    await shop.redeem("Q1")
    shop.plain.land()
    await shop.settle(seconds=31)
    assert (await shop.ledger(), len(ticket.living)) == ([NEEDS_ATTENTION], 1)


async def test_unused_is_sent_again(shop, coupons):
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LOST)
    await shop.redeem("Q1")
    await shop.settle(seconds=31)
    assert (await shop.ledger(), len(ticket.uses)) == ([SUCCEEDED], 1)


async def test_repeat_settles_where_the_token_is_known(shop, coupons):
    coupons.behaviour = replace(TOKENS, status_by=StatusBy.UNUSED_ONLY)
    shop.plain.remembers_tokens = True
    ticket = shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    assert (await shop.redeem("Q1")).outcome is RedeemOutcome.REDEEMED
    assert len(ticket.uses) == 1


async def test_word_of_the_platform_ends_a_reversal(shop, coupons):
    """It says that there is nothing to take back; the use that it does not show may be a newer one."""
    ticket = shop.plain.add("Q1", times=1)
    result = await shop.redeem("Q1")
    ticket.uses[0].living = False
    ticket.uses.append(replace(ticket.uses[0], receipt="newer", living=True))
    await reverse(shop, result)
    assert await shop.ledger() == [REVERSED]
    assert [use.receipt for use in ticket.living] == ["newer"]


async def test_lost_reversal_is_found(shop, coupons):
    ticket = shop.plain.add("Q1")
    result = await shop.redeem("Q1")
    shop.plain.faults["reverse"].append(Fault.ANSWER_LOST)
    await reverse(shop, result)
    await shop.settle(seconds=5)
    assert (await shop.ledger(), ticket.living) == ([REVERSED], [])


# ---------------------------------------------------------------------------------------------------- uses without numbers
async def test_use_without_number_and_time_needs_a_person(shop):
    show = shop.plain.show
    shop.plain.show = lambda query: _blank(show(query), used_at=None)
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    await shop.redeem("Q1")
    await shop.settle(seconds=31)
    assert await shop.ledger() == [NEEDS_ATTENTION]


async def test_use_without_number_is_not_taken_for_ours(shop):
    show = shop.plain.show
    shop.plain.show = lambda query: _blank(show(query))
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.ANSWER_LOST)
    await shop.redeem("Q1")
    await shop.settle(seconds=31)
    assert await shop.ledger() == [UNKNOWN]


async def test_token_proves_a_use_without_number(shop):
    """The token then stands for the receipt, and for its reversal."""
    shop.runtime.registry.get("paper").coupons.behaviour = replace(TOKENS, token_lifetime=timedelta(0))
    show = shop.paper.show
    shop.paper.show = lambda query: _blank(show(query))
    ticket = shop.paper.add("P1")
    shop.paper.faults["redeem"].append(Fault.ANSWER_LOST)
    result = await shop.redeem("P1")
    assert result.outcome is RedeemOutcome.REDEEMED
    assert result.redemptions[0].channel_reference == ticket.uses[0].token


def _blank(state: CouponState, **changes: object) -> CouponState:
    return replace(state, uses=tuple(replace(use, receipt=None, **changes) for use in state.uses))


# ------------------------------------------------------------------------------------------------------------ what is sent
@pytest.fixture
def sent(shop):
    """Every order that reached `plain`, redemptions and reversals."""
    coupons, orders = shop.runtime.registry.get("plain").coupons, []
    for name in ("redeem", "reverse"):
        _record(coupons, name, orders)
    return orders


def _record(coupons, name, orders):
    inner = getattr(coupons, name)

    async def record(session, order):
        orders.append(order)
        return await inner(session, order)

    setattr(coupons, name, record)


async def test_repeat_carries_the_same_instant(shop, sent):
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LOST)
    before = shop.clock.now()
    await shop.redeem("Q1")
    after = shop.clock.now()
    await shop.settle(seconds=31)
    first, second = sent
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.at == second.at
    assert before <= first.at <= after


async def test_order_of_an_earlier_version_is_of_the_time_of_its_leg(shop):
    shop.plain.add("Q1")
    await shop.redeem("Q1")
    (leg,) = await fetch_rows("SELECT id, tenant_id, request_id, order_sealed FROM redemption_leg")
    tenant_id, leg_id = as_uuid(leg["tenant_id"]), as_uuid(leg["id"])
    names, keys = bind_row(tenant_id, "redemption_leg", leg_id), shop.runtime.keys
    plain = orjson.loads(keys.open(bytes(leg["order_sealed"]), *names))
    del plain["at"]
    sealed = keys.seal(orjson.dumps(plain), *names)
    await execute("UPDATE redemption_leg SET order_sealed=$1 WHERE id=$2", sealed, leg_id)
    saga = await load_rows(await read_request(tenant_id, as_uuid(leg["request_id"])), keys)
    assert saga.legs[0].order.at == saga.created_at


async def test_reversal_names_the_leg(shop, sent):
    shop.plain.add("Q1")
    result = await shop.redeem("Q1")
    await reverse(shop, result)
    redeemed, reversed_ = sent
    assert reversed_.redeem_token == redeemed.token


# -------------------------------------------------------------------------------------------- behaviour towards an account
async def test_account_may_behave_better_than_all(shop):
    """The platform as a whole tells nothing; this account's product shows its uses."""
    coupons = shop.runtime.registry.get("blind").coupons
    coupons.behave = lambda session: replace(CODE_ONLY, reversal=BLIND.reversal)
    shop.blind.add("B1")
    shop.blind.faults["redeem"].append(Fault.ANSWER_LOST)
    assert (await shop.redeem("B1")).outcome is RedeemOutcome.REDEEMED
    assert await shop.ledger() == [SUCCEEDED]


async def test_behaviour_is_asked_for_again_after_a_crash(shop):
    coupons = shop.runtime.registry.get("blind").coupons
    coupons.behave = lambda session: CODE_ONLY
    shop.blind.add("B1")
    shop.blind.faults["redeem"].append(Fault.LATE)
    shop.blind.faults["status"].append(Fault.LOST)
    assert (await shop.redeem("B1")).outcome is RedeemOutcome.UNKNOWN
    shop.blind.land()
    await shop.settle(seconds=31)
    assert await shop.ledger() == [SUCCEEDED]


async def test_reversibility_of_the_account_orders_a_basket(shop):
    """Of two final coupons only one may be in a basket; this account's can be taken back."""
    coupons = shop.runtime.registry.get("blind").coupons
    shop.blind.add("B1"), shop.final.add("F1")
    refused = await shop.redeem("B1", "F1")
    assert refused.outcome is RedeemOutcome.DECLINED
    coupons.behave = lambda session: CODE_ONLY
    assert (await shop.redeem("B1", "F1")).outcome is RedeemOutcome.REDEEMED


async def test_broken_behave_does_not_stop_recovery(shop, monkeypatch):
    shop.plain.add("Q1")
    shop.plain.faults["redeem"].append(Fault.LATE)
    await shop.redeem("Q1")
    shop.plain.land()

    def break_down(session):
        raise ZeroDivisionError

    monkeypatch.setattr(shop.runtime.registry.get("plain").coupons, "behave", break_down, raising=False)
    await shop.settle(seconds=31)
    assert await shop.ledger() == [SUCCEEDED]
