"""Logging a customer in by a mini-program: ask the platform who it is, find the customer, hand out tokens.

Nobody has a token yet, so the channel account says which merchant it is. What the platform is told works once; of
what it tells, only ids and the phone are kept, and the session key is forgotten with the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from core.access.customers import CustomerService
from core.access.identities import IdentityService, Linked, Program
from core.access.login_tokens import LoginTokens, LoginTokenService
from core.access.privacy import normalise_phone
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.tokens import hash_token
from core.access.values import Actor, CustomerView
from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    ChannelFailure,
    ChannelSession,
    CredentialsRefused,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    Misconfigured,
    PhoneFound,
)
from core.db.statements import GuardFailed, fetch_row
from core.errors import ChannelDown
from core.messages import text
from core.runtime import Runtime

_CODE_LENGTH: Final = 512
# Some programs hand over an encrypted text in the place of a code.
_PHONE_CODE_LENGTH: Final = 4096
_TOKEN_LENGTH: Final = 128
_ATTEMPTS: Final = 3

_log = structlog.get_logger(__name__)
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class LoginResult:
    """Who is logged in. `tokens` and `customer` are None where nobody is; problems may stand beside them."""

    tokens: LoginTokens | None = None
    customer: CustomerView | None = None
    problems: tuple[UserProblem, ...] = field(default=())


async def log_in(runtime: Runtime, account_id: UUID, code: str, phone_code: str | None = None) -> LoginResult:
    """Logs in whoever got `code` from the account's mini-program, and links the phone behind `phone_code`.

    Where only the phone cannot be had, the login stands, with a problem at `phoneCode`. Raises RateLimited, and
    ChannelDown where the customer keeps changing under our hands.
    """
    await runtime.rates.check_login(account_id)
    problems = _check_input(code, phone_code)
    if problems:
        return LoginResult(problems=tuple(problems))
    account = await _find_account(runtime, account_id)
    if isinstance(account, UserProblem):
        return LoginResult(problems=(account,))
    desk = _Desk(runtime, account)
    person = await desk.identify(code.strip())
    if isinstance(person, UserProblem):
        return LoginResult(problems=(person,))
    phone = await desk.find_phone(phone_code.strip(), person) if phone_code else None
    return await _admit(runtime, account, person, phone)


async def renew_login(runtime: Runtime, refresh_token: str) -> LoginResult:
    """New tokens for a refresh token. One that is unknown, used, ended or too old is INVALID: log in again then.

    Raises RateLimited.
    """
    await runtime.rates.check_renewal(_name_session(refresh_token))
    tokens = await _open_tokens(runtime).renew(refresh_token.strip())
    if tokens is None:
        problem = UserProblem(ProblemCode.INVALID, ("refreshToken",), "problem.login_over")
        return LoginResult(problems=(problem,))
    return LoginResult(tokens, await _show_customer(runtime, tokens.actor))


async def log_out(runtime: Runtime, refresh_token: str) -> bool:
    """Ends the login of a refresh token with all its tokens: at once here, within five seconds in other processes.

    False where there was none to end. Raises RateLimited.
    """
    await runtime.rates.check_renewal(_name_session(refresh_token))
    return await _open_tokens(runtime).end(refresh_token.strip())


class _Desk:
    """Asking one account's platform about one person. Nothing is asked twice: codes are good once."""

    def __init__(self, runtime: Runtime, account: BoundAccount) -> None:
        self._runtime = runtime
        self._account = account

    async def identify(self, code: str) -> Identified | UserProblem:
        answer = await self._ask(self._identity.identify, code)
        return _explain_refusal(answer, "code") if isinstance(answer, LoginRefused) else answer

    async def find_phone(self, phone_code: str, person: Identified) -> str | UserProblem:
        """The phone in E.164."""
        answer = await self._ask(self._identity.find_phone, phone_code, person)
        if isinstance(answer, PhoneFound):
            return _read_phone(answer.phone)
        if isinstance(answer, LoginRefused):
            return _explain_refusal(answer, "phoneCode")
        return UserProblem(answer.code, ("phoneCode",), answer.message_key)

    @property
    def _identity(self) -> Identity:
        assert self._account.channel.identity is not None  # the account was found by it
        return self._account.channel.identity

    async def _ask(self, method: Callable[..., Awaitable[AnswerT]], *given: Any) -> AnswerT | UserProblem:
        """The channel's answer, or what its failure means to whoever logs in."""
        try:
            # An adapter may need a token first: two calls' time for one piece of work.
            async with asyncio.timeout(2 * self._runtime.settings.channel_timeout_seconds):
                session: ChannelSession[Any, Any] = await self._runtime.accounts.open_session(self._account)
                answer = await method(session, *given)
        except ChannelFailure as failure:
            self._runtime.accounts.note_failure(self._account, failure)
            return _explain_failure(failure)
        except TimeoutError:
            _log.warning("login.too_slow", account=str(self._account.account_id))
        except Exception as error:
            # The text of a foreign exception may hold the code or the phone.
            _log.error("login.failed", account=str(self._account.account_id), kind=type(error).__name__)
        else:
            self._runtime.accounts.note_success(self._account)
            return answer
        return UserProblem(ProblemCode.CHANNEL_UNAVAILABLE, ("accountId",), "problem.login_unavailable")


async def _admit(
    runtime: Runtime, account: BoundAccount, person: Identified, phone: str | UserProblem | None
) -> LoginResult:
    assert account.account_id is not None  # a channel without accounts has no mini-program
    program = Program(account.tenant_id, account.account_id, account.channel.code)
    problems = [phone] if isinstance(phone, UserProblem) else []
    tokens, linked = await _begin(runtime, program, person, phone if isinstance(phone, str) else None)
    problems += [linked.problem] if linked.problem else []
    return LoginResult(tokens, await _show_customer(runtime, tokens.actor), tuple(problems))


async def _begin(
    runtime: Runtime, program: Program, person: Identified, phone: str | None
) -> tuple[LoginTokens, Linked]:
    identities = IdentityService(runtime.keys, runtime.clock)
    for _ in range(_ATTEMPTS):
        try:
            linked = await identities.link(program, person, phone)
            return await _open_tokens(runtime).begin(program, linked.customer_id), linked
        except GuardFailed:
            continue  # merged by another login at the same time
    raise ChannelDown(text("fault.login_contended"))


async def _find_account(runtime: Runtime, account_id: UUID) -> BoundAccount | UserProblem:
    row = await fetch_row("SELECT channel FROM channel_account WHERE id = $1", account_id)
    account = await runtime.accounts.find_delivery_account(row["channel"], account_id) if row else None
    if account is None:
        return UserProblem(ProblemCode.NOT_FOUND, ("accountId",), "problem.account_not_found")
    if account.channel.identity is None:
        return UserProblem(ProblemCode.NOT_ALLOWED, ("accountId",), "problem.login_not_offered")
    if account.status is AccountStatus.DISABLED:
        return UserProblem(ProblemCode.NOT_ALLOWED, ("accountId",), "problem.login_disabled")
    return account


async def _show_customer(runtime: Runtime, actor: Actor) -> CustomerView | None:
    found = await CustomerService(runtime.keys).load_customers(actor, [actor.actor_id])
    return found.get(actor.actor_id)


def _open_tokens(runtime: Runtime) -> LoginTokenService:
    return LoginTokenService(runtime.settings, runtime.keys, runtime.clock)


def _check_input(code: str, phone_code: str | None) -> list[UserProblem]:
    problems = check_text(code, ("code",), _CODE_LENGTH)
    if phone_code is not None:
        problems += check_text(phone_code, ("phoneCode",), _PHONE_CODE_LENGTH)
    return problems


def _name_session(refresh_token: str) -> UUID:
    """An id for counting the uses of a refresh token, whether it is one or not."""
    return UUID(hash_token(refresh_token.strip()[:_TOKEN_LENGTH])[:32])


def _read_phone(phone: str) -> str | UserProblem:
    try:
        return normalise_phone(phone)
    except ValueError:
        return UserProblem(ProblemCode.INVALID, ("phoneCode",), "problem.login_phone_unusable")


_REFUSALS: Final = {
    LoginRefusal.CODE_INVALID: (ProblemCode.INVALID, "problem.login_code_invalid"),
    LoginRefusal.CODE_EXPIRED: (ProblemCode.INVALID, "problem.login_code_expired"),
    LoginRefusal.RISK_BLOCKED: (ProblemCode.NOT_ALLOWED, "problem.login_blocked"),
    LoginRefusal.NOT_PERMITTED: (ProblemCode.NOT_ALLOWED, "problem.login_not_permitted"),
    LoginRefusal.REFUSED_BY_CHANNEL: (ProblemCode.NOT_ALLOWED, "problem.login_refused"),
}


def _explain_refusal(refused: LoginRefused, field_name: str) -> UserProblem:
    code, key = _REFUSALS[refused.reason]
    _log.info("login.refused", reason=refused.reason, field=field_name, platform_code=refused.platform_code)
    return UserProblem(code, (field_name,), key)


def _explain_failure(failure: ChannelFailure) -> UserProblem:
    """What a customer may know of it; what a person of the merchant must mend is shown at the account."""
    if isinstance(failure, CredentialsRefused):
        return UserProblem(ProblemCode.CREDENTIALS_REFUSED, ("accountId",), "problem.login_misconfigured")
    if isinstance(failure, Misconfigured):
        return UserProblem(ProblemCode.NOT_ALLOWED, ("accountId",), "problem.login_misconfigured")
    return UserProblem(ProblemCode.CHANNEL_UNAVAILABLE, ("accountId",), "problem.login_unavailable")
