"""Own coupons as a channel: every use once, every refusal by its name, everything given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from core.access.values import Actor, Role
from core.channels.contract import (
    ChannelSession,
    CouponKind,
    CouponStatus,
    Found,
    Misconfigured,
    NoCredentials,
    NoSettings,
    NotMine,
    Recognition,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Scanned,
    StatusQuery,
)
from core.channels.registry import build_registry
from core.coupons import house
from core.coupons.batches import BatchView, create_batch, issue_coupons
from core.coupons.house import HouseChannel, HouseCoupons
from core.coupons.house_codes import CODE_LENGTH, encode_code, group_code, make_code, read_code
from core.db.statements import execute, fetch_row
from core.ids import new_id
from core.keys import KeyRing
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import START, ManualClock

KEYS = KeyRing("a secret key for tests, 32 characters or more")
STORE = new_id()
Session = ChannelSession[Any, Any]


@pytest.fixture
def coupons() -> HouseCoupons:
    channel = HouseChannel()
    channel.attach(KEYS)
    return channel.coupons


@pytest.fixture
def session(tenant_id: UUID, clock: ManualClock, database: Settings) -> Session:
    """What the house channel gets for the store STORE; it has no use for a network."""
    return ChannelSession(
        tenant_id=tenant_id,
        account_id=tenant_id,
        credentials=NoCredentials(),
        settings=NoSettings(),
        http=cast("Any", None),
        tokens=cast("Any", None),
        clock=clock,
        external_store_id=str(STORE),
    )


@pytest.fixture
def issue(tenant_id: UUID, clock: ManualClock) -> Callable[..., Any]:
    """Creates a batch and issues one code of it; answers the code as a scanner reads it."""
    actor = Actor(tenant_id, new_id(), new_id(), Role.OWNER)
    runtime = cast("Runtime", SimpleNamespace(clock=clock, keys=KEYS))

    async def make(**changes: Any) -> str:
        stores = changes.pop("only_in", None)
        wanted: dict[str, Any] = {
            "name": "满减券",
            "kind": CouponKind.CASH_VOUCHER,
            "face_value": 1000,
            "quantity": 100,
        }
        batch = await create_batch(runtime, actor, **{**wanted, **changes})
        assert isinstance(batch, BatchView)
        if stores:
            await execute("UPDATE coupon_batch SET store_ids = $1 WHERE id = $2", f'["{stores}"]', batch.id)
        codes = await issue_coupons(runtime, actor, batch.id, 1, str(new_id()))
        assert isinstance(codes, tuple)
        return codes[0].replace("-", "")

    return make


def scan(code: str) -> Scanned:
    return Scanned(text=code, code=code)


def order_of(found: object, token: str, times: int = 1) -> RedeemOrder:
    assert isinstance(found, Found)
    coupon = found.coupons[0]
    used = coupon.times_total - coupon.times_remaining
    return RedeemOrder(token, (RedeemItem(coupon.reference, coupon.handle, times, used),), "", at=START)


async def count_uses(tenant_id: UUID) -> int:
    sql = "SELECT count(*) AS n FROM house_use WHERE tenant_id = $1 AND reversed_at IS NULL"
    row = await fetch_row(sql, tenant_id)
    return int(row["n"]) if row else -1


# ------------------------------------------------------------------------------------------------- codes
def test_codes_are_recognised() -> None:
    channel = HouseChannel()
    for _ in range(50):
        code = make_code()
        assert len(code) == CODE_LENGTH
        assert channel.recognise(scan(code)) is Recognition.LIKELY
    assert len(channel.samples) == 3
    assert all(channel.recognise(scan(sample)) is Recognition.LIKELY for sample in channel.samples)
    assert group_code("ABCDEFGHJKMNPQ") == "ABCD-EFGH-JKMN-PQ"


def test_every_typing_error_is_seen() -> None:
    code = encode_code(0x0F1E2D3C4B5A697)
    wrong = {code[:at] + char + code[at + 1 :] for at in range(CODE_LENGTH) for char in "0123456789ABCDEF"}
    swapped = {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(CODE_LENGTH - 1)}
    assert [each for each in (wrong | swapped) - {code} if read_code(each)] == []


def test_look_alikes_are_understood() -> None:
    code = encode_code(0x0108421084210A1)
    assert "0" in code
    assert "1" in code
    assert read_code(code.replace("0", "O").replace("1", "L")) == code
    assert read_code(code.replace("1", "I")) == code


@pytest.mark.parametrize(
    "text", ["", "123456789012", "12345678901234", "ABCD", "U" * 14, "码" * 14, "A" * 15]
)
def test_foreign_codes_are_not_claimed(text: str) -> None:
    assert HouseChannel().recognise(scan(text)) is Recognition.NO


def test_each_registry_has_its_own() -> None:
    first, second = (build_registry(load_entry_points=False, plugins=[house]).get("house") for _ in range(2))
    first.attach(KEYS)
    assert first is not second
    assert isinstance(second, HouseChannel)
    assert second.coupons.keys is None


async def test_without_keys_nothing_is_answered(session: Session) -> None:
    with pytest.raises(Misconfigured):
        await HouseChannel().coupons.look_up(session, scan(make_code()))


# ------------------------------------------------------------------------------------------------ looking up
async def test_look_up_shows_the_coupon(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    code = await issue()
    found = await coupons.look_up(session, scan(code))
    assert isinstance(found, Found)
    (coupon,) = found.coupons
    assert (coupon.status, coupon.kind) == (CouponStatus.AVAILABLE, CouponKind.CASH_VOUCHER)
    assert (coupon.title, coupon.face_value, coupon.times_remaining) == ("满减券", 1000, 1)
    assert code not in repr(found)
    assert await count_uses(session.tenant_id) == 0


async def test_unknown_and_foreign_codes_are_not_mine(
    coupons: HouseCoupons, session: Session, issue: Any
) -> None:
    code = await issue()
    assert await coupons.look_up(session, scan(make_code())) == NotMine()
    assert await coupons.look_up(replace(session, tenant_id=new_id()), scan(code)) == NotMine()


async def test_time_limits(coupons: HouseCoupons, session: Session, issue: Any, clock: ManualClock) -> None:
    now = clock.now()
    code = await issue(valid_from=now + timedelta(hours=1), valid_until=now + timedelta(hours=2))
    early = await coupons.look_up(session, scan(code))
    assert isinstance(early, Refused)
    assert early.reason is Refusal.NOT_YET_VALID
    clock.advance(timedelta(hours=1))
    assert isinstance(await coupons.look_up(session, scan(code)), Found)
    clock.advance(timedelta(hours=1))
    late = await coupons.look_up(session, scan(code))
    assert isinstance(late, Refused)
    assert (late.reason, late.coupons[0].status) == (Refusal.EXPIRED, CouponStatus.EXPIRED)


async def test_other_stores_are_refused(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    code = await issue(only_in=STORE)
    found = await coupons.look_up(session, scan(code))
    elsewhere = replace(session, external_store_id=str(new_id()))
    refused = await coupons.look_up(elsewhere, scan(code))
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.WRONG_STORE
    (answer,) = await coupons.redeem(elsewhere, order_of(found, "leg"))
    assert isinstance(answer, RedeemRefused)
    assert answer.refusal.reason is Refusal.WRONG_STORE
    assert await count_uses(session.tenant_id) == 0


async def test_cancelled_coupons_are_refused(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    code = await issue()
    found = await coupons.look_up(session, scan(code))
    await execute("UPDATE house_coupon SET status = 'CANCELLED' WHERE tenant_id = $1", session.tenant_id)
    refused = await coupons.look_up(session, scan(code))
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.CANCELLED
    (answer,) = await coupons.redeem(session, order_of(found, "leg"))
    assert isinstance(answer, RedeemRefused)
    assert answer.refusal.reason is Refusal.CANCELLED
    assert await count_uses(session.tenant_id) == 0


# ------------------------------------------------------------------------------------------------- redeeming
async def test_redeem_uses_it_once(
    coupons: HouseCoupons, session: Session, issue: Any, clock: ManualClock
) -> None:
    code = await issue()
    order = order_of(await coupons.look_up(session, scan(code)), "leg")
    (answer,) = await coupons.redeem(session, order)
    assert isinstance(answer, Redeemed)
    (receipt,) = answer.receipts
    assert (receipt.face_value, receipt.redeemed_at) == (1000, clock.now())
    refused = await coupons.look_up(session, scan(code))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.redeemed_at) == (Refusal.ALREADY_REDEEMED, clock.now())
    (second,) = await coupons.redeem(session, replace(order, token="other leg"))
    assert isinstance(second, RedeemRefused)
    assert second.refusal.reason is Refusal.ALREADY_REDEEMED
    assert await count_uses(session.tenant_id) == 1


async def test_a_repeat_gets_the_same_receipts(
    coupons: HouseCoupons, session: Session, issue: Any, clock: ManualClock
) -> None:
    order = order_of(await coupons.look_up(session, scan(await issue(times_each=3))), "leg", times=2)
    first = await coupons.redeem(session, order)
    clock.advance(60)
    assert await coupons.redeem(session, replace(order, attempt=2)) == first
    assert await count_uses(session.tenant_id) == 2


@pytest.mark.parametrize("times", [1, 9])
async def test_concurrent_repeats_use_it_once(
    coupons: HouseCoupons, session: Session, issue: Any, times: int
) -> None:
    order = order_of(await coupons.look_up(session, scan(await issue(times_each=times))), "leg")
    answers = await asyncio.gather(*(coupons.redeem(session, order) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert await count_uses(session.tenant_id) == 1


async def test_fifty_want_the_last_use(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    found = await coupons.look_up(session, scan(await issue()))
    orders = [order_of(found, f"leg {number}") for number in range(50)]
    answers = [
        answer for (answer,) in await asyncio.gather(*(coupons.redeem(session, each) for each in orders))
    ]
    refused = [answer.refusal.reason for answer in answers if isinstance(answer, RedeemRefused)]
    assert len([answer for answer in answers if isinstance(answer, Redeemed)]) == 1
    assert refused == [Refusal.ALREADY_REDEEMED] * 49
    assert await count_uses(session.tenant_id) == 1


async def test_a_card_counts_down(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    code = await issue(kind=CouponKind.TIMES_CARD, face_value=1000, times_each=3)
    amounts = []
    for number in range(3):
        found = await coupons.look_up(session, scan(code))
        assert isinstance(found, Found)
        assert found.coupons[0].times_remaining == 3 - number
        (answer,) = await coupons.redeem(session, order_of(found, f"leg {number}"))
        assert isinstance(answer, Redeemed)
        amounts.append(answer.receipts[0].face_value)
    assert sorted(cast("list[int]", amounts)) == [333, 333, 334]
    refused = await coupons.look_up(session, scan(code))
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.TIMES_USED_UP


async def test_more_uses_than_left_use_none(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    found = await coupons.look_up(session, scan(await issue(times_each=2)))
    (answer,) = await coupons.redeem(session, order_of(found, "leg", times=3))
    assert isinstance(answer, RedeemRefused)
    assert answer.refusal.reason is Refusal.TIMES_USED_UP
    assert await count_uses(session.tenant_id) == 0


async def test_an_order_is_all_or_nothing(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    good = order_of(await coupons.look_up(session, scan(await issue())), "leg")
    missing = RedeemItem(str(new_id()), "", 1)
    answers = await coupons.redeem(session, replace(good, items=(*good.items, missing)))
    reasons = [answer.refusal.reason for answer in answers if isinstance(answer, RedeemRefused)]
    assert reasons == [Refusal.REFUSED_BY_CHANNEL, Refusal.UNKNOWN_CODE]
    assert await count_uses(session.tenant_id) == 0


async def test_the_budget_is_never_passed(
    coupons: HouseCoupons, session: Session, tenant_id: UUID, clock: ManualClock
) -> None:
    actor = Actor(tenant_id, new_id(), new_id(), Role.OWNER)
    runtime = cast("Runtime", SimpleNamespace(clock=clock, keys=KEYS))
    batch = await create_batch(
        runtime, actor, name="券", kind=CouponKind.CASH_VOUCHER, face_value=1000, quantity=10, budget=3500
    )
    assert isinstance(batch, BatchView)
    codes = await issue_coupons(runtime, actor, batch.id, 10, "key")
    found = [await coupons.look_up(session, scan(code.replace("-", ""))) for code in codes]  # type: ignore[union-attr]
    orders = [order_of(each, f"leg {number}") for number, each in enumerate(found)]
    answers = [
        answer for (answer,) in await asyncio.gather(*(coupons.redeem(session, each) for each in orders))
    ]
    refusals = [answer.refusal for answer in answers if isinstance(answer, RedeemRefused)]
    assert [(each.reason, each.platform_code) for each in refusals] == [
        (Refusal.REFUSED_BY_CHANNEL, "BUDGET_EXHAUSTED")
    ] * 7
    row = await fetch_row("SELECT spent FROM coupon_batch WHERE id = $1", batch.id)
    assert row == {"spent": 3000}


# ------------------------------------------------------------------------------------------- asking, reversing
async def test_status_shows_uses_by_token(
    coupons: HouseCoupons, session: Session, issue: Any, clock: ManualClock
) -> None:
    order = order_of(await coupons.look_up(session, scan(await issue(times_each=2))), "leg")
    query = StatusQuery(order.items[0].reference, order.items[0].handle, "", token="leg")
    before = await coupons.status(session, query)
    assert (before.status, before.uses) == (CouponStatus.AVAILABLE, ())
    (answer,) = await coupons.redeem(session, order)
    after = await coupons.status(session, query)
    assert isinstance(answer, Redeemed)
    assert after.status is CouponStatus.PARTLY_REDEEMED
    (use,) = after.uses
    assert (use.receipt, use.token) == (answer.receipts[0].reference, "leg")
    assert (use.used_at, use.external_store_id, use.by_merchant_api) == (clock.now(), str(STORE), True)


async def test_status_of_nothing(coupons: HouseCoupons, session: Session) -> None:
    for reference in (str(new_id()), "no id"):
        state = await coupons.status(session, StatusQuery(reference, "", ""))
        assert (state.status, state.uses) == (CouponStatus.UNRECOGNISED, ())


async def test_reversal_gives_everything_back(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    code = await issue(budget=1000)
    order = order_of(await coupons.look_up(session, scan(code)), "leg")
    (answer,) = await coupons.redeem(session, order)
    assert isinstance(answer, Redeemed)
    reversal = ReversalOrder("r", answer.reference, "", tuple(each.reference for each in answer.receipts))
    assert await asyncio.gather(*(coupons.reverse(session, reversal) for _ in range(5))) == [Reversed()] * 5
    assert await coupons.reverse(session, replace(reversal, attempt=2)) == Reversed()
    assert isinstance(await coupons.look_up(session, scan(code)), Found)
    row = await fetch_row("SELECT spent FROM coupon_batch WHERE tenant_id = $1", session.tenant_id)
    assert row == {"spent": 0}
    (again,) = await coupons.redeem(session, replace(order, token="other leg"))
    assert isinstance(again, Redeemed)
    assert await count_uses(session.tenant_id) == 1


async def test_strange_receipts_are_refused(coupons: HouseCoupons, session: Session, issue: Any) -> None:
    mine = order_of(await coupons.look_up(session, scan(await issue())), "leg")
    other = order_of(await coupons.look_up(session, scan(await issue())), "other leg")
    (answer,) = await coupons.redeem(session, mine)
    assert isinstance(answer, Redeemed)
    receipt = answer.receipts[0].reference
    for reference, receipts in [
        (other.items[0].reference, (receipt,)),
        (answer.reference, (receipt, str(new_id()))),
        (answer.reference, ("no id",)),
        (answer.reference, ()),
    ]:
        refused = await coupons.reverse(session, ReversalOrder("r", reference, "", receipts))
        assert isinstance(refused, ReversalRefused)
        assert refused.refusal.reason is Refusal.NOT_REVERSIBLE
    assert await count_uses(session.tenant_id) == 1


async def test_concurrent_reversals_give_one_use_back(
    coupons: HouseCoupons, session: Session, issue: Any
) -> None:
    code = await issue(times_each=3)
    (answer,) = await coupons.redeem(
        session, order_of(await coupons.look_up(session, scan(code)), "leg", times=3)
    )
    assert isinstance(answer, Redeemed)
    reversal = ReversalOrder("r", answer.reference, "", (answer.receipts[1].reference,))
    assert await asyncio.gather(*(coupons.reverse(session, reversal) for _ in range(8))) == [Reversed()] * 8
    found = await coupons.look_up(session, scan(code))
    assert isinstance(found, Found)
    assert found.coupons[0].times_remaining == 1
    assert await count_uses(session.tenant_id) == 2
