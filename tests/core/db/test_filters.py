"""Filters of the ORM on instants: SQLite compares text, so every value must be in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tortoise.exceptions import DoesNotExist

from core.access.models import Merchant

SHANGHAI = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=SHANGHAI)
BEFORE, AFTER = NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)


@pytest.fixture
async def merchant(database):
    return await Merchant.create(name="Ruhe Tea", created_at=NOON)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"created_at": NOON}, True),
        ({"created_at__lt": AFTER}, True),
        ({"created_at__lt": NOON}, False),
        ({"created_at__lt": BEFORE}, False),
        ({"created_at__gt": BEFORE}, True),
        ({"created_at__gte": NOON}, True),
        ({"created_at__gte": AFTER}, False),
        ({"created_at__range": (BEFORE, AFTER)}, True),
        ({"created_at__range": (AFTER, AFTER)}, False),
        ({"created_at__in": [NOON]}, True),
        ({"created_at__not": NOON}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("zone", [UTC, SHANGHAI], ids=["utc", "shanghai"])
async def test_filter_compares_instants(merchant, condition, found, zone):
    moved = {name: move(value, zone) for name, value in condition.items()}
    assert await Merchant.filter(**moved).exists() is found


async def test_get_finds_by_local_instant(merchant):
    assert (await Merchant.get(created_at=NOON)).id == merchant.id
    with pytest.raises(DoesNotExist):
        await Merchant.get(created_at=NOON.replace(tzinfo=UTC))


async def test_update_writes_utc(merchant):
    """Six digits of microseconds and none sort together."""
    await Merchant.filter(id=merchant.id).update(created_at=AFTER)
    loaded = await Merchant.get(id=merchant.id)
    assert loaded.created_at == AFTER
    assert loaded.created_at.utcoffset() == timedelta(0)
    assert not await Merchant.filter(created_at__gt=AFTER.astimezone(UTC)).exists()


def move(value, zone):
    if isinstance(value, (list, tuple)):
        return type(value)(move(each, zone) for each in value)
    return value.astimezone(zone)
