from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tortoise.exceptions import IntegrityError, TransactionManagementError

from core.access.models import AccessToken, Merchant, Store
from core.coupons.models import CouponBatch, HouseUse
from core.db.statements import (
    Conflict,
    GuardFailed,
    Json,
    Write,
    as_instant,
    as_json,
    as_optional_instant,
    as_optional_uuid,
    as_uuid,
    execute,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.db.transactions import transaction
from core.ids import new_id

SHANGHAI = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=SHANGHAI)

INSERT_MERCHANT = "INSERT INTO merchant (id, created_at, name) VALUES ($1, $2, $3)"
SPEND = "UPDATE coupon_batch SET spent = spent + $1 WHERE tenant_id = $2 AND id = $3 AND spent + $1 <= budget"


def insert_merchant(name, row_id=None):
    return Write(INSERT_MERCHANT, [row_id or new_id(), NOON, name], expects=1)


async def names():
    return [row["name"] for row in await fetch_rows("SELECT name FROM merchant ORDER BY name")]


async def test_values_round_trip(database, tenant_id):
    token = await AccessToken.create(
        tenant_id=tenant_id, token_hash="a" * 64, role="staff", actor_id=new_id(), expires_at=NOON
    )
    sql = "UPDATE access_token SET store_ids = $1, expires_at = $2, actor_id = $3, revoked_at = $4 WHERE id = $5"
    actor_id = new_id()
    assert await execute(sql, Json(["s1", "店"]), NOON, actor_id, None, token.id) == 1

    row = await fetch_row("SELECT * FROM access_token WHERE id = $1", token.id)
    assert (as_uuid(row["id"]), as_optional_uuid(row["actor_id"])) == (token.id, actor_id)
    assert as_json(row["store_ids"]) == ["s1", "店"]
    assert as_instant(row["expires_at"]) == NOON
    assert as_optional_instant(row["revoked_at"]) is None

    loaded = await AccessToken.get(id=token.id)
    assert (loaded.store_ids, loaded.expires_at, loaded.actor_id) == (["s1", "店"], NOON, actor_id)


async def test_instants_keep_order(database):
    """SQLite compares them as text, whatever zone they came in and however fine they are."""
    instants = [
        NOON,
        NOON.astimezone(UTC) + timedelta(microseconds=1),
        NOON + timedelta(milliseconds=500),
        NOON.astimezone(UTC) + timedelta(seconds=1),
        NOON + timedelta(hours=5),
    ]
    for number, instant in enumerate(instants):
        await execute(INSERT_MERCHANT, new_id(), instant, str(number))
    rows = await fetch_rows("SELECT name, created_at FROM merchant ORDER BY created_at")
    assert [row["name"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [as_instant(row["created_at"]) for row in rows] == instants
    later = await fetch_rows("SELECT name FROM merchant WHERE created_at > $1", NOON.astimezone(UTC))
    assert len(later) == 4


async def test_naive_instant_refused(database):
    with pytest.raises(ValueError, match="naive"):
        await execute(INSERT_MERCHANT, new_id(), datetime(2026, 3, 2), "x")  # noqa: DTZ001
    assert await names() == []


async def test_placeholder_used_twice(database):
    row = await fetch_row(
        "SELECT CAST($2 AS INTEGER) - CAST($1 AS INTEGER) + CAST($2 AS INTEGER) AS n", 1, 10
    )
    assert row == {"n": 19}


async def test_execute_counts_rows(database):
    for name in ("a", "b", "c"):
        assert await execute(INSERT_MERCHANT, new_id(), NOON, name) == 1
    assert await execute("UPDATE merchant SET name = name WHERE name <> $1", "a") == 2
    assert await execute("UPDATE merchant SET name = 'x' WHERE name = $1", "z") == 0
    assert await execute("DELETE FROM merchant") == 3


async def test_ignored_insert_counts_none(database):
    row_id = new_id()
    ignoring = f"{INSERT_MERCHANT} ON CONFLICT DO NOTHING"
    assert await execute(ignoring, row_id, NOON, "a") == 1
    assert await execute(ignoring, row_id, NOON, "b") == 0
    assert await names() == ["a"]


async def test_returned_rows_fetched(database):
    rows = await fetch_rows(f"{INSERT_MERCHANT} RETURNING name", new_id(), NOON, "a")
    assert rows == [{"name": "a"}]
    assert await names() == ["a"]


async def test_no_row_is_none(database):
    assert await fetch_row("SELECT * FROM merchant WHERE id = $1", new_id()) is None


async def test_conflict_names_table(database):
    row_id = new_id()
    await execute(INSERT_MERCHANT, row_id, NOON, "a")
    for run in (execute, fetch_rows):
        with pytest.raises(Conflict) as conflict:
            await run(f"{INSERT_MERCHANT} RETURNING id", row_id, NOON, "b")
        assert conflict.value.table == "merchant"
    assert await names() == ["a"]


async def test_other_constraints_no_conflict(database):
    with pytest.raises(IntegrityError):
        await execute(INSERT_MERCHANT, new_id(), NOON, None)
    assert await names() == []


async def test_writes_all_or_none(database):
    row_id = new_id()
    await write_together([insert_merchant("a", row_id), insert_merchant("b")])
    with pytest.raises(Conflict) as conflict:
        await write_together([insert_merchant("c"), insert_merchant("d", row_id)])
    assert conflict.value.table == "merchant"
    assert await names() == ["a", "b"]


async def test_conflict_names_the_table_hit(database, insert_row, tenant_id):
    use = await insert_row(HouseUse, tenant_id=tenant_id)
    again = Write("INSERT INTO house_use SELECT * FROM house_use WHERE id = $1", [use["id"]])
    with pytest.raises(Conflict) as conflict:
        await write_together([insert_merchant("a"), again])
    assert conflict.value.table == "house_use"
    assert await names() == []


@pytest.mark.parametrize("budget", [99, 100])
async def test_guard_undoes_all(database, insert_row, tenant_id, budget):
    batch = await insert_row(CouponBatch, tenant_id=tenant_id, budget=budget, spent=0)
    writes = [insert_merchant("a"), Write(SPEND, [100, tenant_id, batch["id"]], expects=1)]
    if budget < 100:
        with pytest.raises(GuardFailed):
            await write_together(writes)
    else:
        await write_together(writes)
    spent = (await CouponBatch.get(id=batch["id"])).spent
    assert (spent, await names()) == ((100, ["a"]) if budget == 100 else (0, []))


async def test_guard_counts_exactly(database):
    await write_together([insert_merchant("a"), insert_merchant("b")])
    rename = "UPDATE merchant SET name = $1"
    with pytest.raises(GuardFailed):
        await write_together([Write(rename, ["x"], expects=1)])
    await write_together([Write(rename, ["x"], expects=2), Write("DELETE FROM store", [], expects=0)])
    assert await names() == ["x", "x"]


async def test_no_expectation_any_count(database):
    await write_together([Write("DELETE FROM merchant", []), insert_merchant("a")])
    await write_together([])
    assert await names() == ["a"]


async def test_guard_leaks_no_values(database):
    with pytest.raises(GuardFailed) as failure:
        await write_together([Write("UPDATE merchant SET name = $1", ["secret"], expects=1)])
    assert "secret" not in str(failure.value)


async def test_refused_writes_spare_outer(database):
    """The transaction around them goes on and commits."""
    row_id = new_id()
    async with transaction():
        await write_together([insert_merchant("outer", row_id)])
        with pytest.raises(Conflict):
            await write_together([insert_merchant("lost"), insert_merchant("again", row_id)])
        with pytest.raises(GuardFailed):
            await write_together([Write("DELETE FROM merchant", [], expects=7)])
        await write_together([insert_merchant("last")])
    assert await names() == ["last", "outer"]


async def test_writes_end_with_outer(database):
    async def fail_after_writes():
        async with transaction():
            await write_together([insert_merchant("a")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_writes()
    assert await names() == []


async def test_orm_sees_uncommitted_writes(database):
    async with transaction():
        row_id = new_id()
        await write_together([insert_merchant("a", row_id)])
        await Store.create(tenant_id=row_id, name="s")
        assert await Merchant.filter(id=row_id).count() == 1
    assert (await names(), await Store.all().count()) == (["a"], 1)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_swallowed_failure_cannot_commit(database):
    """PostgreSQL would answer COMMIT with a silent rollback."""
    row_id = new_id()

    async def swallow_conflict():
        async with transaction():
            await execute(INSERT_MERCHANT, row_id, NOON, "a")
            with suppress(Conflict):
                await execute(INSERT_MERCHANT, row_id, NOON, "b")

    with pytest.raises(TransactionManagementError, match="rolled back"):
        await swallow_conflict()
    assert await names() == []
