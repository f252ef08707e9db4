"""Logging in by a mini-program: who it is, what is kept, what a refusal says, and what a login gives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from core.access import login_tokens
from core.access.identities import IdentityService
from core.access.login_tokens import REPEATABLE_FOR, LoginTokenService
from core.access.logins import LoginResult, log_in, log_out, renew_login
from core.access.merging import merge_customer
from core.access.tokens import authenticate, hash_token
from core.access.values import Role
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Identified,
    LoginRefusal,
    LoginRefused,
    Misconfigured,
    OutcomeUnknown,
    PhoneFound,
    ProtocolFailure,
)
from core.db.statements import execute, fetch_rows
from core.errors import RateLimited, Unauthenticated
from core.ids import new_id
from core.keys import KeyRing
from core.testing.paper_identity import PaperIdentity
from tests.core.access.programs import Chain, count, customer_of, open_chain, open_merchant, problems_of

OUT_OF_ORDER = "problem.login_misconfigured"
DOWN = "problem.login_unavailable"


@pytest.fixture
async def chain(database, clock) -> AsyncIterator[Chain]:
    async with open_chain(database, clock) as opened:
        yield opened


@pytest.fixture
async def account(chain):
    return await chain.connect()


def break_identity(chain: Chain, monkeypatch, method: str, answer: object) -> None:
    """From now on the channel's own method raises or answers this."""

    async def broken(self, *given):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(PaperIdentity, method, broken)


# ------------------------------------------------------------------------------------------------------ who it is
async def test_first_login_makes_a_customer(chain, account):
    result = await chain.come(account)
    assert result.problems == ()
    assert (await count("customer"), await count("customer_identity")) == (1, 1)
    assert result.customer is not None
    assert (result.customer.name, result.customer.phone) == (None, None)


async def test_token_acts_for_the_customer(chain, account):
    result = await chain.come(account)
    actor = await authenticate(result.tokens.token, chain.clock)
    assert (actor.role, actor.tenant_id) == (Role.CUSTOMER, chain.owner.tenant_id)
    assert actor.customer_id == actor.actor_id == customer_of(result)
    assert (actor.store_ids, actor.scopes) == (None, frozenset())


async def test_person_comes_back_as_the_same_customer(chain, account):
    sample = chain.open(account)
    first = await chain.log_in(account, sample)
    again = await chain.come(account, sample.subject)
    stranger = await chain.come(account)
    assert customer_of(again) == customer_of(first) != customer_of(stranger)
    assert await count("customer") == 2


async def test_union_joins_the_programs_of_a_platform(chain, account):
    other = await chain.connect()
    first, second = await chain.come(account), await chain.come(other)  # number 1 of each: one person
    assert customer_of(first) == customer_of(second)
    assert (await count("customer"), await count("customer_identity")) == (1, 2)


async def test_union_joins_no_two_platforms(chain, account):
    other = await chain.connect("other_paper")
    assert customer_of(await chain.come(account)) != customer_of(await chain.come(other))


async def test_merchants_have_their_own_customers(chain, account):
    rival = replace(chain, owner=await open_merchant())
    theirs = await rival.connect()
    first, second = await chain.come(account, phone=True), await rival.come(theirs, phone=True)
    assert first.customer.phone == second.customer.phone
    assert customer_of(first) != customer_of(second)
    assert second.customer.tenant_id == rival.owner.tenant_id


async def test_phone_finds_the_customer(chain, account):
    """Somebody whom the till knows by phone, or another platform."""
    other = await chain.connect("other_paper")
    first, second = await chain.come(account, phone=True), await chain.come(other, phone=True)
    assert customer_of(first) == customer_of(second)
    assert (await count("customer"), await count("customer_identity")) == (1, 2)
    assert second.customer.phone == "138****0001"


async def test_phone_is_sealed(chain, account):
    await chain.come(account, phone=True)
    [row] = await fetch_rows("SELECT * FROM customer")
    assert b"13800000001" not in bytes(row["phone_sealed"])
    assert row["phone_tail"] == "0001"


async def test_phone_comes_later(chain, account):
    sample = chain.open(account)
    first = await chain.log_in(account, sample)
    second = await chain.come(account, sample.subject, phone=True)
    assert customer_of(second) == customer_of(first)
    assert second.customer.phone == "138****0001"
    assert await count("audit_entry", "action = 'setPhone'") == 1


async def test_customer_without_phone_becomes_the_one_with_it(chain, account):
    other = await chain.connect("other_paper")
    known = await chain.come(other, phone=True)
    sample = chain.open(account)
    unknown = await chain.log_in(account, sample)
    assert customer_of(unknown) != customer_of(known)
    merged = await chain.come(account, sample.subject, phone=True)
    assert customer_of(merged) == customer_of(known)
    assert merged.problems == ()
    assert customer_of(await chain.come(account, sample.subject)) == customer_of(known)
    assert await count("audit_entry", "action = 'mergeCustomers'") == 1


async def test_merged_customer_stays_logged_in(chain, account):
    other = await chain.connect("other_paper")
    known = await chain.come(other, phone=True)
    sample = chain.open(account)
    before = await chain.log_in(account, sample)
    await chain.come(account, sample.subject, phone=True)
    assert (await authenticate(before.tokens.token, chain.clock)).actor_id == customer_of(known)
    renewed = await renew_login(chain.runtime, before.tokens.refresh_token)
    assert customer_of(renewed) == customer_of(known)


async def test_two_phones_are_two_customers(chain, account):
    """The platform now tells a number that is another customer's: whoever logs in keeps what they have."""
    sample, other = chain.open(account), chain.open(account)
    mine = await chain.log_in(account, sample, phone=True)
    theirs = await chain.log_in(account, other, phone=True)
    program = chain.sessions.programs[account]
    program.phones[sample.subject] = other.phone or ""
    result = await chain.come(account, sample.subject, phone=True)
    assert problems_of(result) == [("CONFLICT", ("phoneCode",), "problem.login_phone_taken")]
    assert customer_of(result) == customer_of(mine) != customer_of(theirs)
    assert result.customer.phone == "138****0001"
    assert await count("customer", "merged_into IS NOT NULL") == 0


async def test_new_number_replaces_the_old(chain, account):
    sample = chain.open(account)
    first = await chain.log_in(account, sample, phone=True)
    chain.sessions.programs[account].phones[sample.subject] = "+8613912345678"
    result = await chain.come(account, sample.subject, phone=True)
    assert customer_of(result) == customer_of(first)
    assert (result.problems, result.customer.phone) == ((), "139****5678")


async def test_union_told_later_joins_customers(chain, account, monkeypatch):
    """A merchant binds the programs to one open platform after people have logged in to both."""
    other = await chain.connect()
    mine, theirs = chain.open(account), chain.open(other)
    for program in chain.sessions.programs.values():
        monkeypatch.setattr(program, "union_of", lambda subject: None)
    first, second = await chain.log_in(account, mine), await chain.log_in(other, theirs)
    assert customer_of(first) != customer_of(second)
    monkeypatch.undo()
    for account_id, sample in ((account, mine), (other, theirs), (account, mine)):
        result = await chain.come(account_id, sample.subject)
    assert customer_of(result) == customer_of(await chain.come(other, theirs.subject))
    assert await count("customer", "merged_into IS NULL") == 1


@pytest.mark.parametrize("phone", [False, True])
async def test_simultaneous_first_logins_make_one_customer(chain, account, phone):
    other = await chain.connect()
    first = chain.open(account)
    samples = [(account, first), *((account, chain.open(account, first.subject)) for _ in range(4))]
    samples.append((other, chain.open(other)))
    results = await asyncio.gather(*(chain.log_in(each, sample, phone=phone) for each, sample in samples))
    assert len({customer_of(result) for result in results}) == 1
    assert (await count("customer"), await count("customer_identity")) == (1, 2)


async def test_simultaneous_merges_end_in_one_customer(chain, account):
    other = await chain.connect("other_paper")
    known = await chain.come(other, phone=True)
    sample = chain.open(account)
    await chain.log_in(account, sample)
    again = [chain.open(account, sample.subject) for _ in range(5)]
    results = await asyncio.gather(*(chain.log_in(account, each, phone=True) for each in again))
    assert {customer_of(result) for result in results} == {customer_of(known)}
    assert await count("audit_entry", "action = 'mergeCustomers'") == 1


async def test_renewals_and_logouts_go_on_while_customers_merge(chain, account):
    """None of them waits for another for ever, and whoever is still logged in is the joined customer."""
    other = await chain.connect("other_paper")
    for _ in range(5):
        sample = chain.open(account)
        alone = [await chain.come(account, sample.subject) for _ in range(4)]
        number = chain.sessions.programs[other]
        known = number.make_login()
        number.phones[known.subject] = sample.phone or ""
        owner = await chain.log_in(other, known, phone=True)
        tokens = [each.tokens.refresh_token for each in alone]
        renewed, *_ = await asyncio.gather(
            renew_login(chain.runtime, tokens[0]),
            chain.come(account, sample.subject, phone=True),
            renew_login(chain.runtime, tokens[1]),
            log_out(chain.runtime, tokens[2]),
            log_out(chain.runtime, tokens[3]),
        )
        actor = await authenticate(renewed.tokens.token, chain.clock)
        [row] = await fetch_rows("SELECT actor_id FROM access_token WHERE id = $1", actor.token_id)
        assert str(row["actor_id"]) == str(customer_of(owner))
    assert await count("customer", "merged_into IS NOT NULL") == 5


# ------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("reason", "code", "key"),
    [
        (LoginRefusal.CODE_INVALID, "INVALID", "problem.login_code_invalid"),
        (LoginRefusal.CODE_EXPIRED, "INVALID", "problem.login_code_expired"),
        (LoginRefusal.RISK_BLOCKED, "NOT_ALLOWED", "problem.login_blocked"),
        (LoginRefusal.NOT_PERMITTED, "NOT_ALLOWED", "problem.login_not_permitted"),
        (LoginRefusal.REFUSED_BY_CHANNEL, "NOT_ALLOWED", "problem.login_refused"),
    ],
)
async def test_refusals_say_why(chain, account, monkeypatch, reason, code, key):
    sample = chain.open(account)
    break_identity(chain, monkeypatch, "find_phone", LoginRefused(reason))
    beside = await chain.log_in(account, sample, phone=True)
    break_identity(chain, monkeypatch, "identify", LoginRefused(reason))
    refused = await chain.log_in(account, chain.open(account))
    assert problems_of(refused) == [(code, ("code",), key)]
    assert (refused.tokens, refused.customer) == (None, None)
    assert problems_of(beside) == [(code, ("phoneCode",), key)]
    assert beside.tokens is not None
    assert await count("customer") == 1


FAILURES = [
    (ChannelUnavailable("down"), "CHANNEL_UNAVAILABLE", DOWN),
    (OutcomeUnknown("lost"), "CHANNEL_UNAVAILABLE", DOWN),
    (ProtocolFailure("html"), "CHANNEL_UNAVAILABLE", DOWN),
    (TimeoutError(), "CHANNEL_UNAVAILABLE", DOWN),
    (RuntimeError("a fault of the adapter"), "CHANNEL_UNAVAILABLE", DOWN),
    (CredentialsRefused("no"), "CREDENTIALS_REFUSED", OUT_OF_ORDER),
    (Misconfigured("no"), "NOT_ALLOWED", OUT_OF_ORDER),
]


@pytest.mark.parametrize(("failure", "code", "key"), FAILURES, ids=lambda each: type(each).__name__)
async def test_failures_are_no_login(chain, account, monkeypatch, failure, code, key):
    break_identity(chain, monkeypatch, "identify", failure)
    result = await chain.log_in(account, chain.open(account))
    assert problems_of(result) == [(code, ("accountId",), key)]
    assert await count("customer") == await count("access_token", "role = 'CUSTOMER'") == 0


@pytest.mark.parametrize(("failure", "code", "key"), FAILURES, ids=lambda each: type(each).__name__)
async def test_login_stands_without_the_phone(chain, account, monkeypatch, failure, code, key):
    break_identity(chain, monkeypatch, "find_phone", failure)
    result = await chain.log_in(account, chain.open(account), phone=True)
    assert problems_of(result) == [(code, ("phoneCode",), key)]
    assert result.tokens is not None
    assert result.customer.phone is None


async def test_unusable_phone_is_a_problem(chain, account, monkeypatch):
    break_identity(chain, monkeypatch, "find_phone", PhoneFound("12345"))
    result = await chain.log_in(account, chain.open(account), phone=True)
    assert problems_of(result) == [("INVALID", ("phoneCode",), "problem.login_phone_unusable")]
    assert result.tokens is not None


async def test_refused_credentials_show_at_the_account(chain, account, monkeypatch):
    break_identity(chain, monkeypatch, "identify", CredentialsRefused("no", setting="appSecret"))
    await chain.log_in(account, chain.open(account))
    await chain.runtime.accounts.flush_health(everything=True)
    view = await chain.runtime.accounts.find_account(chain.owner, account)
    assert (view.status, view.attention.setting) == ("NEEDS_ATTENTION", "appSecret")


async def test_unknown_account_is_not_found(chain):
    result = await log_in(chain.runtime, new_id(), "code")
    assert problems_of(result) == [("NOT_FOUND", ("accountId",), "problem.account_not_found")]


async def test_channel_without_programs_logs_nobody_in(chain):
    result = await log_in(chain.runtime, await chain.connect("plain_paper"), "code")
    assert problems_of(result) == [("NOT_ALLOWED", ("accountId",), "problem.login_not_offered")]


async def test_disabled_account_logs_nobody_in(chain, account):
    await execute("UPDATE channel_account SET status = 'DISABLED' WHERE id = $1", account)
    result = await chain.log_in(account, chain.open(account))
    assert problems_of(result) == [("NOT_ALLOWED", ("accountId",), "problem.login_disabled")]
    assert chain.sessions.programs[account].logins, "the code was not used up"


@pytest.mark.parametrize(
    ("code", "phone_code", "problem"),
    [
        (" ", None, ("REQUIRED", ("code",))),
        ("x" * 513, None, ("TOO_LONG", ("code",))),
        ("x", "", ("REQUIRED", ("phoneCode",))),
        ("x", "x" * 4097, ("TOO_LONG", ("phoneCode",))),
    ],
)
async def test_input_is_checked_first(chain, account, code, phone_code, problem):
    result = await log_in(chain.runtime, account, code, phone_code)
    assert [each[:2] for each in problems_of(result)] == [problem]


async def test_code_is_good_once(chain, account):
    sample = chain.open(account)
    await chain.log_in(account, sample)
    result = await chain.log_in(account, sample)
    assert problems_of(result) == [("INVALID", ("code",), "problem.login_code_invalid")]
    assert await count("refresh_token") == 1


async def test_rate_is_per_account(database, clock):
    settings = database.model_copy(update={"login_rate": 0.01, "login_burst": 2})
    async with open_chain(settings, clock) as chain:
        account, other = await chain.connect(), await chain.connect()
        for _ in range(2):
            await log_in(chain.runtime, account, "made up")
        with pytest.raises(RateLimited) as refused:
            await chain.come(account)
        assert 1 <= refused.value.retry_after <= 100
        await chain.come(other)


async def test_bad_codes_lock_nobody_out(chain, account):
    for _ in range(50):
        await log_in(chain.runtime, account, "made up")
    await chain.come(account)
    assert await count("failure_count") == 0


async def test_nothing_secret_is_said_or_kept(chain, account, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    sample = chain.open(account)
    with capture_logs() as events:
        result = await chain.log_in(account, sample, phone=True)
        await chain.log_in(account, sample, phone=True)
        break_identity(chain, monkeypatch, "identify", RuntimeError(sample.code))
        await chain.log_in(account, sample)
        renewed = await renew_login(chain.runtime, result.tokens.refresh_token)
    rows = [row for table in ("customer_identity", "refresh_token", "audit_entry", "access_token")
            for row in await fetch_rows(f"SELECT * FROM {table}")]  # fmt: skip
    said = f"{events!r} {caplog.text} {result!r} {renewed!r} {rows!r}"
    secrets = [sample.code, sample.phone_code, sample.phone[3:], "session-key-", result.tokens.token,
               result.tokens.refresh_token, renewed.tokens.token, renewed.tokens.refresh_token]  # fmt: skip
    assert [secret for secret in secrets if secret in said] == []


async def test_login_is_in_the_trail(chain, account):
    result = await chain.come(account)
    [row] = await fetch_rows("SELECT * FROM audit_entry WHERE action = 'loginWithMiniProgram'")
    assert str(row["actor_id"]) == str(row["subject_id"]) == str(customer_of(result))
    assert row["role"] == "CUSTOMER"


# --------------------------------------------------------------------------------------------------------- tokens
async def test_access_token_is_short(chain, account):
    result = await chain.come(account)
    assert result.tokens.expires_at == chain.clock.now() + timedelta(hours=2)
    chain.clock.advance(timedelta(hours=2))
    with pytest.raises(Unauthenticated):
        await authenticate(result.tokens.token, chain.clock)


async def test_renewal_gives_new_tokens(chain, account):
    first = await chain.come(account)
    chain.clock.advance(timedelta(hours=3))
    renewed = await renew_login(chain.runtime, first.tokens.refresh_token)
    assert renewed.problems == ()
    assert customer_of(renewed) == customer_of(first)
    assert renewed.tokens.expires_at == chain.clock.now() + timedelta(hours=2)
    assert (await authenticate(renewed.tokens.token, chain.clock)).customer_id == customer_of(first)
    assert renewed.tokens.refresh_token != first.tokens.refresh_token


async def test_logins_can_be_renewed_on_and_on(chain, account):
    tokens = (await chain.come(account)).tokens
    for _ in range(4):
        chain.clock.advance(timedelta(days=29))
        tokens = (await renew_login(chain.runtime, tokens.refresh_token)).tokens
    assert tokens is not None


async def test_renewal_after_30_days_is_refused(chain, account):
    first = await chain.come(account)
    chain.clock.advance(timedelta(days=30))
    await expect_over(chain, first)


async def test_only_hashes_are_stored(chain, account):
    first = await chain.come(account)
    [row] = await fetch_rows("SELECT token_hash FROM refresh_token")
    assert row["token_hash"] == hash_token(first.tokens.refresh_token)


async def test_lost_renewal_gets_the_same_answer(chain, account):
    first = await chain.come(account)
    renewed = await renew_login(chain.runtime, first.tokens.refresh_token)
    chain.clock.advance(REPEATABLE_FOR)
    again = await renew_login(chain.runtime, first.tokens.refresh_token)
    assert again.tokens == renewed.tokens
    assert await count("refresh_token") == 2
    assert (await renew_login(chain.runtime, again.tokens.refresh_token)).tokens is not None


async def test_simultaneous_renewals_get_one_answer(chain, account):
    first = await chain.come(account)
    renewals = [renew_login(chain.runtime, first.tokens.refresh_token) for _ in range(5)]
    answers = await asyncio.gather(*renewals)
    assert len({answer.tokens.refresh_token for answer in answers}) == 1
    assert len({answer.tokens.token for answer in answers}) == 1
    assert await count("refresh_token") == 2


async def test_stale_repeat_within_the_grace_ends_nothing(chain, account):
    first = await chain.come(account)
    second = await renew_login(chain.runtime, first.tokens.refresh_token)
    third = await renew_login(chain.runtime, second.tokens.refresh_token)
    await expect_over(chain, first)
    assert (await renew_login(chain.runtime, third.tokens.refresh_token)).tokens is not None


async def test_reuse_ends_the_whole_login(chain, account):
    first = await chain.come(account)
    other = await chain.come(account)
    renewed = await renew_login(chain.runtime, first.tokens.refresh_token)
    chain.clock.advance(REPEATABLE_FOR + timedelta(seconds=1))
    with capture_logs() as events:
        await expect_over(chain, first)
    assert [event["event"] for event in events] == ["login.refresh_token_reused"]
    await expect_over(chain, renewed)
    for ended in (first, renewed):
        with pytest.raises(Unauthenticated):
            await authenticate(ended.tokens.token, chain.clock)
    assert await count("audit_entry", "action = 'refreshTokenReused'") == 1
    assert (await renew_login(chain.runtime, other.tokens.refresh_token)).tokens is not None


async def test_tokens_of_another_secret_key_cannot_be_told(chain, account):
    """Whoever has a used refresh token cannot work out what followed it."""
    first = await chain.come(account)
    renewed = await renew_login(chain.runtime, first.tokens.refresh_token)
    guessed = LoginTokenService(
        chain.runtime.settings, KeyRing("another secret key of 32 characters"), chain.clock
    )
    assert guessed._derive("refresh", first.tokens.refresh_token) not in renewed.tokens.refresh_token


@pytest.mark.parametrize("token", ["", "hxr_", "hxr_" + "x" * 43, "x" * 10_000, "hx_" + "a" * 43])
async def test_made_up_refresh_tokens_are_refused(chain, account, token):
    result = await renew_login(chain.runtime, token)
    assert problems_of(result) == [("INVALID", ("refreshToken",), "problem.login_over")]
    assert await log_out(chain.runtime, token) is False


async def test_access_token_renews_nothing(chain, account):
    first = await chain.come(account)
    assert (await renew_login(chain.runtime, first.tokens.token)).tokens is None
    with pytest.raises(Unauthenticated):
        await authenticate(first.tokens.refresh_token, chain.clock)


async def test_renewals_are_limited_per_login(chain, account):
    other = await chain.come(account)
    for _ in range(10):
        await renew_login(chain.runtime, "hxr_" + "x" * 43)
    with pytest.raises(RateLimited):
        await renew_login(chain.runtime, "hxr_" + "x" * 43)
    assert (await renew_login(chain.runtime, other.tokens.refresh_token)).tokens is not None


async def test_logout_ends_tokens(chain, account):
    first, other = await chain.come(account), await chain.come(account)
    renewed = await renew_login(chain.runtime, first.tokens.refresh_token)
    assert await log_out(chain.runtime, renewed.tokens.refresh_token) is True
    for ended in (first, renewed):
        with pytest.raises(Unauthenticated):
            await authenticate(ended.tokens.token, chain.clock)
        await expect_over(chain, ended)
    assert await log_out(chain.runtime, renewed.tokens.refresh_token) is False
    assert (await authenticate(other.tokens.token, chain.clock)).customer_id == customer_of(other)


async def test_renewal_that_meets_a_logout_gives_nothing(chain, account, monkeypatch):
    """The token was read, then the login ended, then the renewal was to be written."""
    first = await chain.come(account)
    read = login_tokens._find_row

    async def read_late(refresh_token):
        row = await read(refresh_token)
        monkeypatch.setattr(login_tokens, "_find_row", read)
        await log_out(chain.runtime, refresh_token)
        return row

    monkeypatch.setattr(login_tokens, "_find_row", read_late)
    await expect_over(chain, first)
    assert await count("refresh_token") == 1


async def test_login_that_meets_a_merge_is_of_the_merged_customer(chain, account, monkeypatch):
    """The customer was found, then became another one, then the tokens were to be written."""
    known = await chain.come(await chain.connect("other_paper"), phone=True)
    sample = chain.open(account)
    alone = await chain.log_in(account, sample)
    link = IdentityService.link

    async def link_early(self, program, person, phone=None):
        linked = await link(self, program, person, phone)
        monkeypatch.setattr(IdentityService, "link", link)
        await merge_customer(chain.owner.tenant_id, customer_of(alone), customer_of(known), chain.clock.now())
        return linked

    monkeypatch.setattr(IdentityService, "link", link_early)
    result = await chain.come(account, sample.subject)
    assert customer_of(result) == customer_of(known)
    assert await count("access_token", "role = 'CUSTOMER'") == 3


async def test_old_logins_are_pruned(chain, account):
    kept = (await chain.come(account)).tokens
    for _ in range(3):
        chain.clock.advance(timedelta(days=6))
        kept = (await renew_login(chain.runtime, kept.refresh_token)).tokens
    service = LoginTokenService(chain.runtime.settings, chain.runtime.keys, chain.clock)
    assert (
        await service.prune(chain.clock.now()) == 1
    )  # used 12 days ago; the others 6 days ago, or not at all
    assert (await count("refresh_token"), await count("access_token", "role = 'CUSTOMER'")) == (3, 3)
    assert (await renew_login(chain.runtime, kept.refresh_token)).tokens is not None
    chain.clock.advance(timedelta(days=31))
    assert await service.prune(chain.clock.now()) == 4
    assert (await count("refresh_token"), await count("access_token", "role = 'CUSTOMER'")) == (0, 0)


async def test_identified_person_is_forgotten_with_the_call(chain, account):
    """The contract's values hide what is secret of them."""
    person = Identified("subject", "union", "the-session-key")
    assert "the-session-key" not in repr(person)


async def expect_over(chain: Chain, result: LoginResult) -> None:
    answer = await renew_login(chain.runtime, result.tokens.refresh_token)
    assert problems_of(answer) == [("INVALID", ("refreshToken",), "problem.login_over")]
    assert (answer.tokens, answer.customer) == (None, None)
