"""Where bookings of platforms come from: an account, one of its stores, and the calls that may be made there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import structlog

from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    Capability,
    ChannelFailure,
    ChannelSession,
    OutcomeUnknown,
    Reservations,
)
from core.db.statements import as_uuid, fetch_row, fetch_rows

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

_LONGEST_CALL: Final = 30.0
_BOUND = (
    "SELECT a.id, a.tenant_id, a.channel, s.store_id, s.external_store_id FROM channel_account a"
    " JOIN channel_store s ON s.tenant_id = a.tenant_id AND s.account_id = a.id WHERE a.status <> 'DISABLED'"
)

Answer = TypeVar("Answer")
Call = Callable[[Reservations, ChannelSession[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Desk:
    """One store of one account whose channel takes bookings."""

    account: BoundAccount
    account_id: UUID
    store_id: UUID
    port: Reservations

    @property
    def tenant_id(self) -> UUID:
        return self.account.tenant_id

    @property
    def channel(self) -> str:
        return self.account.channel.code


def list_codes(runtime: Runtime) -> list[str]:
    """The channels of this process that take bookings."""
    return [each.code for each in runtime.registry.with_capability(Capability.RESERVATIONS)]


async def list_desks(runtime: Runtime, account: BoundAccount) -> list[Desk]:
    """The desks of an account, one for each store that it is bound to."""
    rows = await fetch_rows(
        f"{_BOUND} AND a.tenant_id = $1 AND a.id = $2", account.tenant_id, account.account_id
    )
    return [desk for row in rows if (desk := _build_desk(account, row))]


async def find_desk(runtime: Runtime, tenant_id: UUID, account_id: UUID, store_id: UUID) -> Desk | None:
    """The desk of a store; None where it is no longer bound, or its account disabled or gone."""
    row = await fetch_row(
        f"{_BOUND} AND a.tenant_id = $1 AND a.id = $2 AND s.store_id = $3", tenant_id, account_id, store_id
    )
    account = await runtime.accounts.find_delivery_account(row["channel"], account_id) if row else None
    return _build_desk(account, row) if account and row else None


async def find_account(runtime: Runtime, tenant_id: UUID, account_id: UUID) -> BoundAccount | None:
    """The merchant's account, if it is in use and its channel takes bookings."""
    row = await fetch_row(
        "SELECT channel FROM channel_account WHERE tenant_id = $1 AND id = $2", tenant_id, account_id
    )
    account = await runtime.accounts.find_delivery_account(row["channel"], account_id) if row else None
    usable = account is not None and account.status is not AccountStatus.DISABLED
    return account if usable and account and account.channel.reservations else None


def pick_desk(desks: Sequence[Desk], external_store_id: str | None) -> Desk | None:
    """The desk of the platform's store; where a booking names none, the only one there is."""
    if external_store_id is None:
        return desks[0] if len(desks) == 1 else None
    return next((desk for desk in desks if desk.account.external_store_id == external_store_id), None)


async def call_desk(runtime: Runtime, desk: Desk, call: Call[Answer]) -> Answer:
    """What the platform answers. Raises ChannelFailure; whatever else goes wrong is OutcomeUnknown."""
    try:
        session = await runtime.accounts.open_session(desk.account)
        async with asyncio.timeout(_LONGEST_CALL):
            answer = await call(desk.port, session)
    except ChannelFailure as failure:
        runtime.accounts.note_failure(desk.account, failure)
        raise
    except TimeoutError:
        raise OutcomeUnknown("no answer in time") from None
    except Exception as error:
        log.exception("a channel broke over a booking", channel=desk.channel)
        raise OutcomeUnknown("the channel broke") from error
    runtime.accounts.note_success(desk.account)
    return answer


def _build_desk(account: BoundAccount, row: Mapping[str, Any]) -> Desk | None:
    port = account.channel.reservations
    if port is None or account.account_id is None:
        return None
    bound = replace(account, external_store_id=row["external_store_id"])
    return Desk(bound, account.account_id, as_uuid(row["store_id"]), port)
