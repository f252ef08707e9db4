"""Reading the ledger: filters, pages, and nobody sees another's rows."""

from __future__ import annotations

import pytest

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.coupons.ledger import count_redemptions, list_redemptions, load_coupons, load_redemptions
from core.coupons.values import RedemptionFilter, RedemptionStatus
from core.errors import NotFound, Unauthenticated

ALL = RedemptionFilter()


async def _redeem_many(shop, count, actor=None):
    ids = []
    for n in range(count):
        shop.paper.add(f"P{n}")
        ids.append((await shop.redeem(f"P{n}", actor=actor)).redemptions[0].id)
    return ids


async def test_pages_run_newest_first(shop):
    ids = await _redeem_many(shop, 5)
    first = await list_redemptions(shop.owner, ALL, 2, None)
    rest = await list_redemptions(shop.owner, ALL, 10, first.redemptions[-1].id)
    assert [each.id for each in (*first.redemptions, *rest.redemptions)] == ids[::-1]
    assert (first.has_more, rest.has_more) == (True, False)
    assert await count_redemptions(shop.owner, ALL) == 5


async def test_filter_takes_status_channel_and_time(shop):
    from core.channels.contract import Refusal

    await _redeem_many(shop, 2)
    shop.paper.add("PX", refusal=Refusal.EXPIRED)
    await shop.redeem("PX")
    declined = RedemptionFilter(statuses=(RedemptionStatus.DECLINED,))
    assert await count_redemptions(shop.owner, declined) == 1
    assert await count_redemptions(shop.owner, RedemptionFilter(channel="plain")) == 0
    now = shop.clock.now()
    assert await count_redemptions(shop.owner, RedemptionFilter(since=now)) == 0
    assert await count_redemptions(shop.owner, RedemptionFilter(until=now)) == 3


async def test_customer_sees_own_only(shop):
    [own] = await _redeem_many(shop, 1, shop.customer)
    shop.paper.add("PZ")
    other = (await shop.redeem("PZ")).redemptions[0]
    page = await list_redemptions(shop.customer, ALL, 10, None)
    assert [each.id for each in page.redemptions] == [own]
    assert set(await load_redemptions(shop.customer, [own, other.id])) == {own}
    assert set(await load_coupons(shop.customer, [page.redemptions[0].coupon_id, other.coupon_id])) == {
        page.redemptions[0].coupon_id
    }


async def test_staff_sees_own_stores_only(shop):
    [id_] = await _redeem_many(shop, 1)
    lane = await create_store(shop.owner, "Lane 2", "Asia/Shanghai")
    stranger = await authenticate(await create_token(shop.owner.tenant_id, Role.STAFF, store_ids=[lane.id]))
    assert (await list_redemptions(stranger, ALL, 10, None)).redemptions == ()
    assert await load_redemptions(stranger, [id_]) == {}
    with pytest.raises(NotFound):
        await list_redemptions(stranger, RedemptionFilter(store_id=shop.store_id), 10, None)


async def test_other_merchant_sees_nothing(shop):
    [id_] = await _redeem_many(shop, 1)
    stranger = await authenticate((await create_merchant("Other", "Shop")).token)
    assert await count_redemptions(stranger, ALL) == 0
    assert await load_redemptions(stranger, [id_]) == {}


async def test_nobody_reads_without_token(shop):
    with pytest.raises(Unauthenticated):
        await list_redemptions(None, ALL, 10, None)


async def test_later_readers_see_four_characters(shop):
    shop.paper.add("P12345678")
    redemption = (await shop.redeem("P12345678")).redemptions[0]
    [coupon] = (await load_coupons(shop.owner, [redemption.coupon_id])).values()
    assert coupon.code == "5678"


async def test_coupon_follows_its_redemptions(shop):
    from core.channels.contract import CouponStatus
    from core.coupons.reversal import reverse_redemption

    async def state():
        [view] = (await load_coupons(shop.owner, [first.coupon_id])).values()
        return view.status, view.times_remaining

    shop.paper.add("P1", times=3)
    first = (await shop.redeem("P1")).redemptions[0]
    assert await state() == (CouponStatus.PARTLY_REDEEMED, 2)
    await shop.redeem("P1", count=2)
    assert await state() == (CouponStatus.REDEEMED, 0)
    await reverse_redemption(shop.runtime, shop.owner, first.id, "wrong table", "r")
    assert await state() == (CouponStatus.PARTLY_REDEEMED, 1)
