"""How accounts are: what needs a person, what heals, and how seldom it is written."""

from __future__ import annotations

from core.channels.accounts import AccountStatus
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Misconfigured,
)
from core.db.statements import execute


async def test_refused_keys_need_person(service, owner, merchant, bound):
    service.note_failure(bound, CredentialsRefused("no", setting="clientSecret"))
    await service.flush_health()
    view = await service.find_account(owner, bound.account_id)
    assert view.status is AccountStatus.NEEDS_ATTENTION
    assert "“clientSecret”" in view.attention.message("en")
    assert "“clientSecret”" in view.attention.message("zh-CN")
    assert view.last_failure_at is not None
    _, seen = await service.load_bindings(merchant.merchant_id, merchant.store_id)
    assert (seen.status, seen.is_usable) == (AccountStatus.NEEDS_ATTENTION, True)


async def test_success_heals(service, owner, bound):
    service.note_failure(bound, Misconfigured("no"))
    await service.flush_health()
    service.note_success(bound)
    await service.flush_health()
    view = await service.find_account(owner, bound.account_id)
    assert (view.status, view.attention) == (AccountStatus.ACTIVE, None)
    assert view.last_success_at is not None


async def test_outage_needs_nobody(service, owner, bound):
    service.note_failure(bound, ChannelUnavailable("down"))
    await service.flush_health()
    view = await service.find_account(owner, bound.account_id)
    assert (view.status, view.attention) == (AccountStatus.ACTIVE, None)
    assert view.last_failure_at is not None


async def test_disabled_stays_disabled(service, owner, bound):
    await execute("UPDATE channel_account SET status = 'DISABLED'")
    service.note_success(bound)
    await service.flush_health()
    assert (await service.find_account(owner, bound.account_id)).status is AccountStatus.DISABLED


async def test_writes_are_seldom(service, owner, bound, clock):
    service.note_success(bound)
    await service.flush_health()
    first = (await service.find_account(owner, bound.account_id)).last_success_at
    clock.advance(4)
    service.note_success(bound)
    await service.flush_health()
    assert (await service.find_account(owner, bound.account_id)).last_success_at == first
    clock.advance(1)
    await service.flush_health()
    assert (await service.find_account(owner, bound.account_id)).last_success_at > first
