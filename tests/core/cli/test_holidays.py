"""`hexiao doctor` says in time that next year's holidays are missing."""

from __future__ import annotations

from core.cli import findings
from core.db.lifecycle import opened_database
from tests.core.reservations.diary import Diary


async def examine(settings, monkeypatch, last_known):
    monkeypatch.setattr(findings, "last_known_year", lambda: last_known)
    return [found.problem for found in await findings.examine(settings) if found.area == "reservations"]


async def test_store_that_closes_on_holidays_needs_to_know_them(
    settings, database_url, tenant_id, clock, monkeypatch
):
    assert await examine(settings, monkeypatch, 2025) == []
    async with opened_database(settings):
        await Diary(tenant_id, clock).policy(close_on_holidays=False)
    assert await examine(settings, monkeypatch, 2025) == []
    async with opened_database(settings):
        await Diary(tenant_id, clock).policy(close_on_holidays=True, horizon_days=60)
    (problem,) = await examine(settings, monkeypatch, 2025)
    assert problem.startswith("1 stores close on holidays, but those of 2026 are not known")
    assert await examine(settings, monkeypatch, 2999) == []
