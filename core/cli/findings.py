"""What `hexiao doctor` looks at. Each finding says what is wrong and how to mend it; nothing is changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from tortoise.exceptions import BaseORMException

from core.channels.contract import Capability
from core.channels.health import read_attention
from core.channels.registry import ChannelRegistry, RegistryError, build_registry
from core.clock import utc_now
from core.db.lifecycle import opened_database
from core.db.migrate import find_outdated
from core.db.statements import as_uuid, fetch_rows
from core.ids import encode_global_id
from core.program import build_keys
from core.reservations.setup.holidays import last_known_year
from core.rotation import SEALED_COLUMNS
from core.settings import Settings

# Due work is looked for every second; what is still there after this long has nobody looking.
_OVERDUE = timedelta(minutes=5)
_FEWEST_DISTINCT = 10
# What a channel does for a merchant rather than for a store.
_WITHOUT_STORES = frozenset({Capability.NOTIFICATIONS, Capability.IDENTITY, Capability.WEBHOOKS})


@dataclass(frozen=True, slots=True)
class Finding:
    area: str
    problem: str
    mend: str


async def examine(settings: Settings) -> list[Finding]:
    """Everything that needs attention, in the order in which it should be mended."""
    return [*check_settings(settings), *await _examine_database(settings)]


def check_settings(settings: Settings) -> list[Finding]:
    """What is unsafe or missing although it can be read."""
    found = []
    if len(set(settings.secret_key.get_secret_value())) < _FEWEST_DISTINCT:
        found.append(
            _settings("HEXIAO_SECRET_KEY is easy to guess", "Take one from: openssl rand -base64 48")
        )
    if settings.environment == "production":
        if settings.allow_private_hosts:
            problem = "channels may call private addresses"
            found.append(_settings(problem, "Unset HEXIAO_ALLOW_PRIVATE_HOSTS in production."))
        if settings.public_url is None:
            problem = "the address that platforms reach is not known, so webhook addresses are wrong"
            found.append(_settings(problem, "Set HEXIAO_PUBLIC_URL, as in https://coupons.example.cn"))
    return found


def _settings(problem: str, mend: str) -> Finding:
    return Finding("settings", problem, mend)


async def _examine_database(settings: Settings) -> list[Finding]:
    try:
        async with opened_database(settings):
            missing = await find_outdated(settings)
            if missing:
                return [Finding("database", f"not up to date: {', '.join(missing)}", "Run: hexiao migrate")]
            return await _examine_content(settings)
    except (OSError, BaseORMException, asyncpg.PostgresError) as error:
        problem = f"it does not answer: {error or type(error).__name__}"
        return [Finding("database", problem, "Check HEXIAO_DATABASE_URL and that the database runs.")]


async def _examine_content(settings: Settings) -> list[Finding]:
    checks: list[Callable[[], Awaitable[list[Finding]]]] = [_check_work, _check_events, _check_holidays]
    found = [] if (registry := _load_registry()) is None else await _check_accounts(registry)
    if registry is None:
        found.append(Finding("channels", "a plugin stops the start", "Run: hexiao channel list"))
    found += await _check_seals(settings)
    for check in checks:
        found += await check()
    return found


def _load_registry() -> ChannelRegistry | None:
    try:
        return build_registry()
    except RegistryError:
        return None


async def _check_accounts(registry: ChannelRegistry) -> list[Finding]:
    installed = {channel.code for channel in registry.all()}
    rows = await fetch_rows(
        "SELECT a.id, a.channel, a.name, a.status, a.attention,"
        " (SELECT count(*) FROM channel_store s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id) AS stores"
        " FROM channel_account a WHERE a.status <> 'DISABLED' ORDER BY a.id"
    )
    storeless = {each.code for each in registry.all() if each.capabilities <= _WITHOUT_STORES}
    return [finding for row in rows for finding in _judge_account(row, installed, storeless)]


def _judge_account(row: Mapping[str, Any], installed: set[str], storeless: set[str]) -> list[Finding]:
    area = (
        f"account {row['name']} ({row['channel']}, {encode_global_id('ChannelAccount', as_uuid(row['id']))})"
    )
    found = []
    if row["channel"] not in installed:
        found.append(Finding(area, "its channel is not installed", "Install the package that brings it."))
    if row["status"] == "NEEDS_ATTENTION":
        attention = read_attention(row["attention"])
        problem = attention.message("en") if attention else "the platform refuses it"
        found.append(Finding(area, problem, "Connect it again with connectChannel."))
    if not row["stores"] and row["channel"] not in storeless:
        found.append(Finding(area, "it is bound to no store", "Bind it with bindChannelStore."))
    return found


async def _check_seals(settings: Settings) -> list[Finding]:
    key_id, old = build_keys(settings).key_id, 0
    for column in SEALED_COLUMNS:
        # The first four bytes of a sealed value name its key; see `core.keys.KeyRing`.
        sql = f"SELECT count(*) AS n FROM {column.table} WHERE substr({column.column}, 1, 4) <> $1"
        old += (await fetch_rows(sql, key_id))[0]["n"]
    if not old:
        return []
    problem = f"{old} values are sealed with an older key"
    return [
        Finding("keys", problem, "Run: hexiao keys rotate (the older key in HEXIAO_PREVIOUS_SECRET_KEYS)")
    ]


async def _check_work() -> list[Finding]:
    review = await fetch_rows("SELECT count(*) AS n FROM redemption WHERE status = 'NEEDS_ATTENTION'")
    late = await fetch_rows(
        "SELECT count(*) AS n FROM redemption_request"
        " WHERE status IN ('PROCESSING', 'COMPENSATING') AND next_attempt_at < $1",
        utc_now() - _OVERDUE,
    )
    found = []
    if review[0]["n"]:
        problem = f"{review[0]['n']} redemptions need a person, because the platform cannot say what happened"
        mend = (
            "List them with redemptions(filter: {status: [NEEDS_ATTENTION]}) and compare with the platform."
        )
        found.append(Finding("redemptions", problem, mend))
    if late[0]["n"]:
        problem = f"{late[0]['n']} requests have been due for more than five minutes"
        found.append(Finding("redemptions", problem, "Start a server (hexiao serve) and read its log."))
    return found


async def _check_events() -> list[Finding]:
    rows = await fetch_rows(
        "SELECT count(*) AS n FROM outbox_event WHERE seq IS NULL AND created_at < $1", utc_now() - _OVERDUE
    )
    if not rows[0]["n"]:
        return []
    problem = f"{rows[0]['n']} events have not reached subscribers"
    return [Finding("events", problem, "Start a server (hexiao serve) and read its log.")]


async def _check_holidays() -> list[Finding]:
    """Looks as far ahead as the store that takes reservations furthest ahead."""
    rows = await fetch_rows(
        "SELECT count(*) AS n, max(horizon_days) AS days FROM store_policy WHERE close_on_holidays"
    )
    year = last_known_year() + 1
    if not rows[0]["n"] or (utc_now() + timedelta(days=rows[0]["days"])).year < year:
        return []
    problem = f"{rows[0]['n']} stores close on holidays, but those of {year} are not known: they take bookings on them"
    mend = "Upgrade the package chinesecalendar once the year has been announced, or set special days."
    return [Finding("reservations", problem, mend)]
