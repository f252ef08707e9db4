"""Channel accounts: connecting them, binding them to stores, opening sessions, and knowing how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.stores import find_store
from core.access.values import Actor
from core.cache import ExpiringCache
from core.channels.account_checks import check_addresses, explain_failure, read_model
from core.channels.bindings import AccountStatus, BindingReader, BoundAccount, write_binding
from core.channels.contract import (
    AccessTokens,
    Capability,
    Channel,
    ChannelFailure,
    ChannelModel,
    ChannelSession,
    ChannelUnavailable,
    Misconfigured,
)
from core.channels.credentials import CredentialVault
from core.channels.health import AccountHealth, Attention, read_attention
from core.channels.sessions import SessionFactory, TrialTokens
from core.clock import Clock
from core.db.inserts import insert_row
from core.db.statements import (
    Json,
    as_optional_instant,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.errors import NotFound
from core.ids import encode_global_id, new_id
from core.keys import KeyRing
from core.messages import text
from core.settings import Settings

__all__ = ["AccountService", "AccountStatus", "BoundAccount", "ChannelAccountView", "build_webhook_url"]

# Signing in and one harmless call; whoever connects an account waits for it.
_CHECK_SECONDS = 15.0
_NAME_LENGTH = 120
_EXTERNAL_ID_LENGTH = 128


@dataclass(frozen=True, slots=True)
class ChannelAccountView:
    """An account for a reader: no credentials, no settings. `attention` says what a person must mend."""

    id: UUID
    tenant_id: UUID
    channel: str
    name: str
    status: AccountStatus
    attention: Attention | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None


Problems = tuple[UserProblem, ...]


class ChannelSource(Protocol):
    """What the service asks of the registry."""

    def all(self) -> Iterable[Channel]: ...


class AccountService:
    """The accounts of all merchants."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        registry: ChannelSource,
        sessions: SessionFactory,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._clock = clock
        self._allow_private = settings.allow_private_hosts
        self._channels = {channel.code: channel for channel in registry.all()}
        self._bindings = BindingReader(self._channels)
        self._vault = CredentialVault(keys)
        self._health = AccountHealth(clock)
        self._settings: ExpiringCache[tuple[UUID, str], ChannelModel] = ExpiringCache(5, 10_000)

    # ------------------------------------------------------------------------------------------------ set-up
    async def connect_channel(
        self,
        actor: Actor,
        channel: str,
        name: str,
        credentials: object,
        settings: object = None,
    ) -> ChannelAccountView | Problems:
        """Connects an account, once the platform has accepted its credentials.

        `credentials` and `settings` are JSON objects in the channel's own spelling. Answers what is wrong
        with them, and then nothing is stored: REQUIRED or INVALID per key, CREDENTIALS_REFUSED,
        CHANNEL_UNAVAILABLE.
        """
        require(actor, Action.CONNECT_CHANNEL)
        found = self._find_channel(channel)
        if isinstance(found, UserProblem):
            return (found,)
        keys = read_model(found.credentials_model, credentials, "credentials")
        options = read_model(found.settings_model, {} if settings is None else settings, "settings")
        problems = [
            *check_text(name, ("name",), _NAME_LENGTH),
            *_only_problems(keys),
            *_only_problems(options),
        ]
        if isinstance(options, ChannelModel):
            problems += check_addresses(options, self._allow_private)
        if problems or isinstance(keys, tuple) or isinstance(options, tuple):
            return tuple(problems)
        account = _new_account(actor, found, name.strip(), options)
        tokens = TrialTokens(self._clock)
        failure = await self._try_account(account, keys, options, tokens)
        if failure is not None:
            return (explain_failure(failure, keys, options),)
        return await self._store_account(actor, account, keys, tokens)

    async def bind_store(
        self, actor: Actor, account_id: UUID, store_id: UUID, external_store_id: str
    ) -> ChannelAccountView | Problems:
        """Says which of the platform's stores a store is; saying otherwise later corrects it.

        Answers NOT_FOUND for what is not the actor's, ALREADY_EXISTS where the platform's store is another
        store's, CONFLICT where somebody else corrects it at the same time.
        """
        require(actor, Action.BIND_CHANNEL_STORE)
        external_id = external_store_id.strip()
        problems = check_text(external_id, ("externalStoreId",), _EXTERNAL_ID_LENGTH)
        account = await self._select_account(actor.tenant_id, account_id)
        if account is None:
            problems.append(UserProblem(ProblemCode.NOT_FOUND, ("accountId",), "problem.account_not_found"))
        if not await _can_find_store(actor, store_id):
            problems.append(UserProblem(ProblemCode.NOT_FOUND, ("storeId",), "problem.store_not_found"))
        if problems or account is None:
            return tuple(problems)
        problem = await write_binding(actor, account_id, store_id, external_id)
        self._bindings.forget(actor.tenant_id)
        return (problem,) if problem else account

    # ------------------------------------------------------------------------------------------------ reading
    async def list_accounts(self, actor: Actor) -> tuple[ChannelAccountView, ...]:
        """Every account of the actor's merchant, oldest first."""
        require(actor, Action.LIST_ACCOUNTS)
        rows = await fetch_rows(f"{_SELECT} ORDER BY id", actor.tenant_id)
        return tuple(_read_view(row) for row in rows)

    async def find_account(self, actor: Actor, account_id: UUID) -> ChannelAccountView:
        """One account of the actor's merchant. Raises NotFound."""
        require(actor, Action.LIST_ACCOUNTS)
        account = await self._select_account(actor.tenant_id, account_id)
        if account is None:
            raise NotFound(text("fault.account_not_found"))
        return account

    async def load_accounts(
        self, actor: Actor, account_ids: Iterable[UUID]
    ) -> Mapping[UUID, ChannelAccountView]:
        """The accounts of the actor's merchant among these ids, for showing where a coupon is from."""
        wanted = list(account_ids)
        if not wanted:
            return {}
        places = ", ".join(f"${number}" for number in range(2, len(wanted) + 2))
        rows = await fetch_rows(f"{_SELECT} AND id IN ({places})", actor.tenant_id, *wanted)
        return {view.id: view for view in map(_read_view, rows)}

    # ------------------------------------------------------------------------------------------------ using
    async def load_bindings(self, tenant_id: UUID, store_id: UUID) -> tuple[BoundAccount, ...]:
        """The merchant's accounts that have coupons, bound to this store or not; may be five seconds old.

        Channels that need no account are among them, with `account_id` None, bound to every store.
        """
        accounts = await self._bindings.load(tenant_id, store_id)
        return tuple(each for each in accounts if Capability.COUPONS in each.channel.capabilities)

    async def find_delivery_account(self, channel: str, account_id: UUID) -> BoundAccount | None:
        """The account that a platform's delivery is for; None where this channel has no such account.

        It is bound to no store.
        """
        account = await self._bindings.find_anywhere(account_id)
        return account if account is not None and account.channel.code == channel else None

    async def open_credentials(self, account: BoundAccount) -> ChannelModel:
        """The account's credentials, for checking the signature of a delivery. Raises Misconfigured."""
        return await self._vault.open(account)

    async def open_session(self, account: BoundAccount) -> ChannelSession[Any, Any]:
        """Everything the channel needs to work for this account and store. Raises Misconfigured.

        For a channel without accounts the merchant's id stands in for the account's.
        """
        credentials = await self._vault.open(account)
        return self._build_session(account, credentials, self._read_settings(account))

    def note_success(self, account: BoundAccount) -> None:
        """The platform answered: an account that needed attention is fine again."""
        self._health.note_success(account)

    def note_failure(self, account: BoundAccount, failure: ChannelFailure) -> None:
        """A call failed; refused credentials and wrong settings make the account need attention."""
        self._health.note_failure(account, failure)

    async def flush_health(self, *, everything: bool = False) -> None:
        """Writes down what was noted.

        To be called every second or so, outside any transaction, and at the end with `everything`.
        """
        for tenant_id in await self._health.flush(everything=everything):
            self._bindings.forget(tenant_id)

    # ------------------------------------------------------------------------------------------------ inside
    def _find_channel(self, code: str) -> Channel | UserProblem:
        channel = self._channels.get(code)
        if channel is None:
            known = ", ".join(sorted(each.code for each in self._channels.values() if each.needs_account))
            values = {"code": code[:32], "known": known}
            return UserProblem(ProblemCode.NOT_FOUND, ("channel",), "problem.unknown_channel", values)
        if not channel.needs_account:
            key = "problem.channel_needs_no_account"
            return UserProblem(ProblemCode.NOT_ALLOWED, ("channel",), key, {"code": code})
        return channel

    async def _try_account(
        self, account: BoundAccount, credentials: ChannelModel, settings: ChannelModel, tokens: TrialTokens
    ) -> ChannelFailure | None:
        """What the platform has against the credentials."""
        session = self._build_session(account, credentials, settings, tokens)
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await account.channel.check_account(session)
        except TimeoutError:
            return ChannelUnavailable("the platform did not answer in time")
        except ChannelFailure as failure:
            return failure
        return None

    async def _store_account(
        self, actor: Actor, account: BoundAccount, credentials: ChannelModel, tokens: TrialTokens
    ) -> ChannelAccountView:
        """The account with its credentials, and the tokens of the trial: they may not come a second time."""
        account_id, code = account.account_id or new_id(), account.channel.code
        row = insert_row(
            "channel_account",
            id=account_id,
            tenant_id=actor.tenant_id,
            channel=code,
            name=account.name,
            status=account.status.value,
            settings=Json(dict(account.settings)),
        )
        details = {"channel": code, "name": account.name}
        entry = build_entry(actor, "connectChannel", "ChannelAccount", account_id, details)
        sealed = self._vault.seal(actor.tenant_id, code, account_id, credentials)
        kept = tokens.insert_all(self._keys, actor.tenant_id, account_id)
        await write_together([row, *sealed, *kept, entry])
        self._bindings.forget(actor.tenant_id)
        return ChannelAccountView(account_id, actor.tenant_id, code, account.name, account.status)

    def _build_session(
        self,
        account: BoundAccount,
        credentials: ChannelModel,
        settings: ChannelModel,
        tokens: AccessTokens | None = None,
    ) -> ChannelSession[Any, Any]:
        account_id = account.account_id or account.tenant_id
        return ChannelSession(
            tenant_id=account.tenant_id,
            account_id=account_id,
            credentials=credentials,
            settings=settings,
            http=self._sessions.open_http(account.channel, account_id, account.short_link_hosts),
            tokens=tokens or self._sessions.open_tokens(account.tenant_id, account_id),
            clock=self._clock,
            external_store_id=account.external_store_id,
        )

    def _read_settings(self, account: BoundAccount) -> ChannelModel:
        """The settings in the channel's own form; remembered, because every call of a redemption needs them."""
        key = (account.account_id or account.tenant_id, account.channel.code)
        known = self._settings.get(key)
        if known is None:
            known = _parse_settings(account)
            self._settings.put(key, known)
        return known

    async def _select_account(self, tenant_id: UUID, account_id: UUID) -> ChannelAccountView | None:
        row = await fetch_row(f"{_SELECT} AND id = $2", tenant_id, account_id)
        return _read_view(row) if row else None


def build_webhook_url(public_url: str, channel: str, account_id: UUID) -> str:
    """What to enter at the platform so that its deliveries reach this account."""
    return f"{public_url.rstrip('/')}/webhooks/{channel}/{encode_global_id('ChannelAccount', account_id)}"


_SELECT = (
    "SELECT id, tenant_id, channel, name, status, attention, last_success_at, last_failure_at"
    " FROM channel_account WHERE tenant_id = $1"
)


def _read_view(row: Mapping[str, Any]) -> ChannelAccountView:
    return ChannelAccountView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        row["channel"],
        row["name"],
        AccountStatus(row["status"]),
        read_attention(row["attention"]),
        as_optional_instant(row["last_success_at"]),
        as_optional_instant(row["last_failure_at"]),
    )


def _new_account(actor: Actor, channel: Channel, name: str, settings: ChannelModel) -> BoundAccount:
    given = settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return BoundAccount(actor.tenant_id, new_id(), channel, name, AccountStatus.ACTIVE, None, given)


def _only_problems(found: ChannelModel | Problems) -> Problems:
    return found if isinstance(found, tuple) else ()


def _parse_settings(account: BoundAccount) -> ChannelModel:
    try:
        return account.channel.settings_model.model_validate(dict(account.settings))
    except ValueError:
        raise Misconfigured("the stored settings are not what the channel asks for") from None


async def _can_find_store(actor: Actor, store_id: UUID) -> bool:
    try:
        await find_store(actor, store_id)
    except NotFound:
        return False
    return True
