"""What is deleted after its time, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.db.inserts import insert_row
from core.db.statements import Json, fetch_rows, write_together
from core.ids import new_id
from core.program import build_keys
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock
from core.work import pruning
from core.work.pruning import oldest_id, prune_rows


def aged_id(instant: datetime) -> UUID:
    """An id as it would have been made then."""
    return UUID(int=oldest_id(instant).int | (new_id().int & ((1 << 80) - 1)))


async def add_event(tenant_id: UUID, instant: datetime, seq: int | None) -> UUID:
    row_id = aged_id(instant)
    row = insert_row(
        "outbox_event",
        id=row_id,
        tenant_id=tenant_id,
        kind="thing.changed",
        subject_id=new_id(),
        payload=Json({}),
        seq=seq,
    )
    await write_together([row])
    return row_id


async def add_issue(tenant_id: UUID, instant: datetime) -> UUID:
    row_id = aged_id(instant)
    row = insert_row(
        "coupon_issue",
        id=row_id,
        tenant_id=tenant_id,
        batch_id=new_id(),
        actor_id=new_id(),
        idempotency_key="key",
        input_hash="hash",
        quantity=1,
        codes_sealed=b"sealed",
    )
    await write_together([row])
    return row_id


async def add_request(tenant_id: UUID, instant: datetime, table: str = "reservation_request") -> UUID:
    row_id = aged_id(instant)
    row = insert_row(
        table,
        id=row_id,
        tenant_id=tenant_id,
        actor_id=new_id(),
        operation="holdSlot",
        idempotency_key="key",
        input_hash="hash",
        answer=Json({}),
    )
    await write_together([row])
    return row_id


def make_runtime(settings: Settings, clock: ManualClock) -> Runtime:
    return cast("Runtime", SimpleNamespace(clock=clock, settings=settings, keys=build_keys(settings)))


async def read_ids(table: str) -> set[str]:
    return {str(row["id"]) for row in await fetch_rows(f"SELECT id FROM {table}")}


async def test_old_rows_go(database: Settings, tenant_id: UUID, clock: ManualClock) -> None:
    now, minute = clock.now(), timedelta(minutes=1)
    await add_event(tenant_id, now - timedelta(hours=72) - minute, 1)
    kept = {
        str(await add_event(tenant_id, now - timedelta(hours=72) + minute, 2)),
        str(await add_event(tenant_id, now - timedelta(hours=80), None)),
    }
    await add_issue(tenant_id, now - timedelta(hours=24) - minute)
    issue = str(await add_issue(tenant_id, now - timedelta(hours=24) + minute))
    await add_request(tenant_id, now - timedelta(hours=24) - minute)
    request = str(await add_request(tenant_id, now - timedelta(hours=24) + minute))
    await add_request(tenant_id, now - timedelta(hours=24) - minute, "order_request")
    order = str(await add_request(tenant_id, now - timedelta(hours=24) + minute, "order_request"))
    assert await prune_rows(make_runtime(database, clock)) == 4
    assert await read_ids("outbox_event") == kept
    assert await read_ids("coupon_issue") == {issue}
    assert await read_ids("reservation_request") == {request}
    assert await read_ids("order_request") == {order}


async def test_many_rows_go_in_portions(
    database: Settings, tenant_id: UUID, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_PORTION", 3)
    for seq in range(1, 8):
        await add_event(tenant_id, clock.now() - timedelta(hours=100), seq)
    assert await prune_rows(make_runtime(database, clock)) == 7
    assert await read_ids("outbox_event") == set()


def test_the_oldest_id_of_an_instant() -> None:
    now = SystemClock().now()
    assert oldest_id(now - timedelta(seconds=1)) < new_id() < oldest_id(now + timedelta(seconds=1))
