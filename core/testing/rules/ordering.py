"""Ordering: every changed order is listed, whole and to the fen, and what is told to the platform is told once."""

from __future__ import annotations

from datetime import timedelta

from core.channels.contract import (
    Capability,
    OrderBehaviour,
    Orders,
    OrderStatus,
    OrderTaken,
    RefundDecision,
)
from core.testing.order_bench import A_MOMENT, HOUR, OrderBench, make_parcel, name_orders
from core.testing.platform_bench import expect_silence

_MOST_ORDERS = 256


class OrderingRules:
    """What `Orders` promises while the platform works."""

    async def test_orders_are_as_declared(self, bench: OrderBench) -> None:
        assert Capability.ORDERS in bench.channel.capabilities, (
            "the suite is for channels that declare ORDERS"
        )
        behaviour, kind = bench.behaviour, type(bench.orders)
        assert isinstance(behaviour, OrderBehaviour)
        assert behaviour.longest_window > behaviour.overlap >= timedelta(0), "windows would never move on"
        assert behaviour.ships == (kind.ship is not Orders.ship), "`ships` and `ship` go together"
        decides = kind.decide_refund is not Orders.decide_refund
        assert behaviour.decides == decides, "`decides` and `decide_refund` go together"

    async def test_new_order_is_listed(self, bench: OrderBench) -> None:
        reference = bench.make()
        assert reference in await bench.read_all(), "an order that was just placed is not listed"

    async def test_order_money_is_that_of_the_platform(self, bench: OrderBench) -> None:
        reference = bench.make()
        order, facts = await bench.find_one(reference), bench.platform.read_order(reference)
        assert (order.total, order.paid) == (facts.total, facts.paid), "other money than the platform's"
        assert sum(line.quantity for line in order.lines) == facts.quantity, (
            "other quantities than the platform's"
        )

    async def test_listed_order_is_the_found_one(self, bench: OrderBench) -> None:
        reference = bench.make()
        listed = [
            each for each in (await bench.read_page(*bench.around())).orders if each.reference == reference
        ]
        assert not listed or listed[0] == await bench.find_one(reference), "the list shows it otherwise"

    async def test_unknown_order_is_missing(self, bench: OrderBench) -> None:
        reference = bench.make()
        found = await bench.find(bench.platform.unknown, reference)
        assert [order.reference for order in found] == [reference], "made something up, or lost the other one"

    async def test_order_times_are_the_platforms(self, bench: OrderBench) -> None:
        reference = bench.make()
        before = (await bench.find_one(reference)).updated_at
        assert abs(before - bench.session.clock.now()) < 5 * A_MOMENT, "updated_at is of another zone or unit"
        bench.platform.advance(A_MOMENT)
        bench.platform.change_order(reference)
        assert (await bench.find_one(reference)).updated_at > before, "a change does not move updated_at"

    async def test_every_status_is_read(self, bench: OrderBench) -> None:
        for status in OrderStatus:
            if status is not OrderStatus.UNRECOGNISED and bench.holds(status):
                found = await bench.find_one(bench.make(status))
                assert found.status is status, f"{status} is read as {found.status}"

    async def test_unknown_status_is_unrecognised(self, bench: OrderBench) -> None:
        if not bench.holds("unknown_status"):
            return
        reference = bench.make()
        bench.platform.confuse_order(reference)
        found = await bench.find_one(reference)
        assert found.status is OrderStatus.UNRECOGNISED, f"a status of no document is read as {found.status}"

    async def test_phone_is_the_buyers(self, bench: OrderBench) -> None:
        reference = bench.make()
        found = await bench.find_one(reference)
        assert found.phone == bench.platform.read_order(reference).phone, "another phone than the buyer's"

    async def test_hidden_phone_is_none(self, bench: OrderBench) -> None:
        if not bench.holds("hidden_phone"):
            return
        reference = bench.make()
        bench.platform.hide_phone(reference)
        assert (await bench.find_one(reference)).phone is None, "took a masked number for a phone"

    async def test_orders_keep_to_their_window(self, bench: OrderBench) -> None:
        """`since` is included, `until` is not."""
        first = bench.make()
        bench.platform.advance(HOUR / 2)
        second = bench.make()
        at = (await bench.find_one(first)).updated_at
        assert await bench.read_all() >= {first, second}
        within = await bench.read_all((at, at + A_MOMENT))
        assert first in within, "an order changed at `since` belongs to the window"
        assert second not in within, "an order of another time is listed"
        assert first not in await bench.read_all((at - HOUR, at)), "`until` belongs to the next window"

    async def test_every_page_of_orders(self, bench: OrderBench) -> None:
        made = await fill_pages(bench)
        missing = made - await bench.read_all()
        assert not missing, f"{len(missing)} of {len(made)} orders are left out"

    async def test_orders_survive_changes(self, bench: OrderBench) -> None:
        """Between two pages one order changes and another is placed; no other may be left out for that."""
        made, window = await fill_pages(bench), bench.around()
        page = await bench.read_page(*window)
        shown = name_orders(page)
        changed = next(iter(sorted(shown & made)))
        bench.platform.advance(2 * A_MOMENT)
        bench.platform.change_order(changed)
        bench.make()
        if page.next_cursor is not None:
            shown |= await bench.read_all(window, page.next_cursor)
        missing = made - {changed} - shown
        assert not missing, f"{len(missing)} orders were skipped while the list moved"

    async def test_reading_orders_changes_nothing(self, bench: OrderBench) -> None:
        reference = bench.make()
        before = bench.platform.read_order(reference)
        assert await bench.read_all() == await bench.read_all(), "two readings disagree"
        assert bench.platform.read_order(reference) == before, "reading changed what was read"

    async def test_shipping_again_is_harmless(self, bench: OrderBench) -> None:
        if not bench.behaviour.ships:
            return
        reference = bench.make()
        parcel = make_parcel(reference)
        assert isinstance(await bench.ship(parcel), OrderTaken), "a good parcel is refused"
        assert isinstance(await bench.ship(parcel), OrderTaken), "the repeat of a parcel is refused"
        told = bench.platform.list_parcels(reference)
        assert list(told) == [parcel.tracking_number], f"the platform knows of {len(told)} parcels"

    async def test_unknown_order_is_not_shipped(self, bench: OrderBench) -> None:
        if bench.behaviour.ships:
            answer = await bench.ship(make_parcel(bench.platform.unknown))
            assert not isinstance(answer, OrderTaken), "a parcel of no order was taken"

    async def test_deciding_again_is_harmless(self, bench: OrderBench) -> None:
        if not bench.behaviour.decides:
            return
        for approve in (True, False):
            reference = bench.make()
            refund = bench.platform.request_refund(reference)
            decision = RefundDecision(f"paper-{approve}", reference, refund, approve, "as agreed")
            assert isinstance(await bench.decide(decision), OrderTaken), "a good decision is refused"
            assert isinstance(await bench.decide(decision), OrderTaken), "the repeat of a decision is refused"
            assert list(bench.platform.list_decisions(reference)) == [approve], "another decision was told"

    async def test_good_orders_say_nothing(self, bench: OrderBench) -> None:
        reference = bench.make()
        await bench.read_all()
        found = await bench.find_one(reference)
        assert not [secret for secret in bench.secrets() if secret in repr(found)], "repr tells a phone"
        expect_silence(bench)


async def fill_pages(bench: OrderBench) -> set[str]:
    """Places orders until the list has two pages, or all of a few hundred are on one."""
    made: set[str] = set()
    portion = 4
    while len(made) < _MOST_ORDERS:
        made |= {bench.make() for _ in range(portion)}
        if (await bench.read_page(*bench.around())).next_cursor is not None:
            break
        portion = len(made)
    return made
