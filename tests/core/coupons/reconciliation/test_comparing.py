"""What a reconciled day promises about each use: matched, different in one way, or none of our business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.coupons.reconciliation.values import PayoutBasis, RunStatus
from core.ids import new_id

DAY_BEFORE, DAY_AFTER = timedelta(days=-1), timedelta(days=1)
SINCE, UNTIL = datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


async def test_both_sides_agree(books: Any) -> None:
    for number in range(3):
        await books.redeem(f"r{number}")
        books.use(f"r{number}", payout=3800, fee=200)
    run = await books.reconcile()
    assert run.status is RunStatus.DONE
    totals = run.totals
    assert (totals.ours_count, totals.theirs_count, totals.matched_count) == (3, 3, 3)
    assert (totals.ours_amount, totals.theirs_amount) == (12000, 12000)
    assert (totals.payout, totals.fee, totals.payout_basis) == (11400, 600, PayoutBasis.PLATFORM)
    assert (run.differences, await books.kinds(run)) == (0, [])


async def test_empty_day(books: Any) -> None:
    run = await books.reconcile()
    assert (run.status, run.differences, run.totals.payout, run.totals.fee) == (RunStatus.DONE, 0, 0, None)


async def test_unknown_here(books: Any) -> None:
    books.use("r1")
    run = await books.reconcile()
    [found] = await books.differences(run)
    assert (found.kind, found.receipt, found.redemption_id) == ("MISSING_LOCAL", "r1", None)
    assert (found.used_at, found.ours, found.theirs) == (NOON, None, 4000)
    assert (run.totals.ours_count, run.totals.theirs_count, run.totals.matched_count) == (0, 1, 0)


async def test_unknown_there(books: Any) -> None:
    redemption_id = await books.redeem("r1")
    run = await books.reconcile()
    [found] = await books.differences(run)
    assert (found.kind, found.receipt, found.redemption_id) == ("MISSING_REMOTE", "r1", redemption_id)
    assert (found.used_at, found.ours, found.theirs) == (NOON, 4000, None)
    assert (run.totals.ours_count, run.totals.theirs_count, run.totals.payout) == (1, 0, 0)


async def test_other_amount(books: Any) -> None:
    redemption_id = await books.redeem("r1")
    books.use("r1", paid_amount=3900)
    run = await books.reconcile()
    [found] = await books.differences(run)
    assert (found.kind, found.redemption_id, found.ours, found.theirs) == (
        "AMOUNT_DIFF",
        redemption_id,
        4000,
        3900,
    )
    assert run.totals.matched_count == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"paid_amount": None, "face_value": None}),
        ({"paid_amount": None, "discount": 0}, {}),
        ({"paid_amount": None}, {"paid_amount": 1, "face_value": None}),
    ],
)
async def test_amounts_not_shown_are_no_difference(books: Any, ours: Any, theirs: Any) -> None:
    await books.redeem("r1", **ours)
    books.use("r1", **theirs)
    assert await books.kinds(await books.reconcile()) == []


async def test_face_values_where_nothing_else_is_shown(books: Any) -> None:
    await books.redeem("r1")
    books.use("r1", paid_amount=None, face_value=4900)
    [found] = await books.differences(await books.reconcile())
    assert (found.kind, found.ours, found.theirs) == ("AMOUNT_DIFF", 5000, 4900)


async def test_card_is_compared_as_a_whole(books: Any) -> None:
    """1000 fen for three uses: the platform rounds each its own way."""
    await books.redeem(["u1", "u2", "u3"], paid_amount=1000)
    for receipt, paid in (("u1", 334), ("u2", 333), ("u3", 333)):
        books.use(receipt, paid_amount=paid, reference="certificate of u1")
    run = await books.reconcile()
    assert (await books.kinds(run), run.totals.matched_count, run.totals.ours_amount) == ([], 3, 1000)


async def test_part_of_a_card_is_not_compared(books: Any) -> None:
    await books.redeem(["u1", "u2"], paid_amount=1000)
    books.use("u1", paid_amount=700, reference="certificate of u1")
    assert await books.kinds(await books.reconcile()) == [("MISSING_REMOTE", "u2")]


@pytest.mark.parametrize("status", ["DECLINED", "UNKNOWN", "NEEDS_ATTENTION"])
async def test_late_landing(books: Any, status: str) -> None:
    redemption_id = await books.redeem([], status=status, reference="c1")
    books.use("r1", NOON + timedelta(seconds=20), reference="c1")
    run = await books.reconcile()
    [found] = await books.differences(run)
    assert (found.kind, found.redemption_id) == ("LATE_LANDING", redemption_id)
    assert run.totals.ours_count == 0


async def test_decline_after_a_use_is_no_landing(books: Any) -> None:
    """Somebody tried a coupon that was used an hour before."""
    await books.redeem([], status="DECLINED", reference="c1", at=NOON + timedelta(hours=1))
    books.use("r1", reference="c1")
    assert await books.kinds(await books.reconcile()) == [("MISSING_LOCAL", "r1")]


async def test_taken_back_there(books: Any) -> None:
    redemption_id = await books.redeem("r1")
    books.use("r1", reversed=True)
    run = await books.reconcile()
    [found] = await books.differences(run)
    assert (found.kind, found.redemption_id) == ("REVERSED_REMOTELY", redemption_id)
    assert (run.totals.ours_count, run.totals.theirs_count, run.totals.payout) == (1, 0, 0)


async def test_taken_back_here(books: Any) -> None:
    await books.redeem("r1", status="REVERSED")
    books.use("r1")
    run = await books.reconcile()
    assert await books.kinds(run) == [("REVERSED_LOCALLY", "r1")]
    assert (run.totals.ours_count, run.totals.theirs_count) == (0, 1)


@pytest.mark.parametrize("shown", [True, False])
async def test_taken_back_on_both_sides(books: Any, shown: bool) -> None:
    await books.redeem("r1", status="REVERSED")
    if shown:
        books.use("r1", reversed=True)
    run = await books.reconcile()
    assert await books.kinds(run) == []
    assert (run.totals.ours_count, run.totals.theirs_count) == (0, 0)


async def test_used_again_with_the_same_receipt(books: Any) -> None:
    """Where the certificate is the receipt, it is the same before and after a reversal."""
    later = NOON + timedelta(hours=1)
    await books.redeem("c1", status="REVERSED", reference="c1")
    await books.redeem("c1", later, reference="c1")
    books.use("c1", reversed=True, reference=None)
    books.use("c1", later, reference=None)
    run = await books.reconcile()
    assert (await books.kinds(run), run.totals.matched_count) == ([], 1)


async def test_two_uses_with_one_receipt(books: Any) -> None:
    """One of them is ours; the other is a use that nobody here knows of."""
    await books.redeem("c1", reference="c1")
    books.use("c1", reference="c1")
    books.use("c1", NOON + timedelta(hours=2), reference="c1")
    run = await books.reconcile()
    assert await books.kinds(run) == [("MISSING_LOCAL", "c1")]
    assert (run.totals.ours_count, run.totals.theirs_count) == (1, 2)


async def test_ours_in_another_store(books: Any) -> None:
    await books.redeem("r1", store_id=new_id())
    books.use("r1")
    run = await books.reconcile()
    assert await books.kinds(run) == [("OTHER_STORE", "r1")]
    assert (run.totals.ours_count, run.totals.theirs_count) == (0, 1)


async def test_platforms_own_till_counts_for_the_payout(books: Any) -> None:
    await books.redeem("r1")
    books.use("r1", payout=3800)
    books.use("r2", payout=3800, by_merchant_api=False)
    run = await books.reconcile()
    assert await books.kinds(run) == [("OUTSIDE", "r2")]
    assert (run.differences, run.totals.outside_count, run.totals.payout) == (0, 1, 7600)


async def test_own_till_does_not_explain_a_decline(books: Any) -> None:
    await books.redeem([], status="DECLINED", reference="c1")
    books.use("r1", NOON + timedelta(minutes=1), reference="c1", by_merchant_api=False)
    assert await books.kinds(await books.reconcile()) == [("OUTSIDE", "r1")]


async def test_records_without_certificates(books: Any) -> None:
    await books.redeem("r1", reference="c1")
    books.use("r1", reference=None)
    run = await books.reconcile()
    assert (await books.kinds(run), run.totals.matched_count) == ([], 1)


async def test_reversal_under_way_is_no_difference(books: Any) -> None:
    await books.redeem("r1", status="REVERSING")
    books.use("r1")
    assert await books.kinds(await books.reconcile()) == []


# ----------------------------------------------------------------------------------------------------------- payout
async def test_payout_from_the_ledger(books: Any) -> None:
    await books.redeem("r1")
    books.use("r1", paid_amount=None, face_value=None)
    totals = (await books.reconcile()).totals
    assert (totals.payout, totals.payout_basis, totals.fee) == (4000, PayoutBasis.LEDGER, None)
    assert totals.theirs_amount is None


async def test_payout_of_both(books: Any) -> None:
    for receipt in ("r1", "r2"):
        await books.redeem(receipt)
    books.use("r1", payout=3700, fee=300)
    books.use("r2", fee=300)
    totals = (await books.reconcile()).totals
    assert (totals.payout, totals.payout_basis, totals.fee) == (7400, PayoutBasis.MIXED, 600)


async def test_payout_that_nobody_knows(books: Any) -> None:
    books.use("r1", payout=3800)
    books.use("r2", paid_amount=None)
    totals = (await books.reconcile()).totals
    assert (totals.payout, totals.payout_basis) == (3800, PayoutBasis.INCOMPLETE)


# ----------------------------------------------------------------------------------------------------------- edges
@pytest.mark.parametrize("skew", [timedelta(seconds=-3), timedelta(seconds=3)])
async def test_clocks_that_differ_at_midnight(books: Any, skew: timedelta) -> None:
    """A use belongs to the platform's day, and to that one alone."""
    books.clock.advance(timedelta(days=1))
    at = UNTIL - skew / 2
    await books.redeem("r1", at)
    books.use("r1", at + skew)
    first, second = await books.reconcile(), await books.reconcile(books_day(1))
    assert [await books.kinds(run) for run in (first, second)] == [[], []]
    here, there = (1, 0) if skew < timedelta(0) else (0, 1)
    assert [run.totals.matched_count for run in (first, second)] == [here, there]
    assert [run.totals.ours_count for run in (first, second)] == [here, there]


@pytest.mark.parametrize(("at", "days"), [(SINCE, [0, 1, 0]), (UNTIL - timedelta(microseconds=1), [0, 1, 0])])
async def test_first_and_last_moment(books: Any, at: datetime, days: list[int]) -> None:
    books.clock.advance(timedelta(days=1))
    await books.redeem("r1", at)
    books.use("r1", at)
    runs = [await books.reconcile(books_day(shift)) for shift in (-1, 0, 1)]
    assert [run.totals.matched_count for run in runs] == days
    assert [run.differences for run in runs] == [0, 0, 0]


async def test_settled_after_midnight(books: Any) -> None:
    """Used ten minutes before midnight by the platform, known to us three hours later, and dated so."""
    books.clock.advance(timedelta(days=1))
    asked_at = UNTIL - timedelta(minutes=30)
    await books.redeem("r1", UNTIL + timedelta(hours=3), asked_at=asked_at)
    books.use("r1", asked_at)
    first, second = await books.reconcile(), await books.reconcile(books_day(1))
    assert [await books.kinds(run) for run in (first, second)] == [[], []]
    assert [run.totals.matched_count for run in (first, second)] == [1, 0]


async def test_other_accounts_and_merchants_do_not_count(books: Any) -> None:
    await books.redeem("r1", account_id=new_id())
    await books.redeem("r2", tenant_id=new_id())
    await books.redeem("r3", channel="house")
    run = await books.reconcile()
    assert (run.totals.ours_count, await books.kinds(run)) == (0, [])


def books_day(shift: int) -> Any:
    return (NOON + timedelta(days=shift)).date()
