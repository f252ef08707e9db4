"""Where orders of platforms come from: the accounts whose channels have orders, and the calls made there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    Capability,
    ChannelFailure,
    ChannelOrder,
    ChannelSession,
    ChannelUnavailable,
    Orders,
    ProtocolFailure,
)
from core.db.statements import fetch_row
from core.runtime import Runtime

log = structlog.get_logger(__name__)

PORTION: Final = 20
_LONGEST_CALL: Final = 30.0

Answer = TypeVar("Answer")
OrderCall = Callable[[Orders, ChannelSession[Any, Any]], Awaitable[Answer]]


def list_order_channels(runtime: Runtime) -> list[str]:
    """The channels of this process that have orders."""
    return [each.code for each in runtime.registry.with_capability(Capability.ORDERS)]


async def find_order_account(runtime: Runtime, tenant_id: UUID, account_id: UUID) -> BoundAccount | None:
    """The merchant's account, if it is in use and its channel has orders."""
    row = await fetch_row(
        "SELECT channel FROM channel_account WHERE tenant_id = $1 AND id = $2", tenant_id, account_id
    )
    account = await runtime.accounts.find_delivery_account(row["channel"], account_id) if row else None
    usable = account is not None and account.status is not AccountStatus.DISABLED
    return account if usable and account and account.channel.orders else None


async def read_orders(runtime: Runtime, account: BoundAccount, call: OrderCall[Answer]) -> Answer:
    """What the platform answers to a call without effect. Raises ChannelFailure, whatever breaks in the adapter."""
    port = account.channel.orders
    if port is None:
        raise ProtocolFailure("the channel has no orders", operation="orders")
    try:
        session = await runtime.accounts.open_session(account)
        async with asyncio.timeout(_LONGEST_CALL):
            answer = await call(port, session)
    except ChannelFailure as failure:
        runtime.accounts.note_failure(account, failure)
        raise
    except TimeoutError:
        raise ChannelUnavailable("no answer in time", operation="orders") from None
    except Exception as error:
        log.exception("a channel broke over orders", channel=account.channel.code)
        raise ProtocolFailure("the channel broke", operation="orders") from error
    runtime.accounts.note_success(account)
    return answer


async def ask_for_orders(
    runtime: Runtime, account: BoundAccount, references: Sequence[str]
) -> Sequence[ChannelOrder]:
    """These orders as they stand now, `PORTION` at most. Raises ChannelFailure."""

    async def find(port: Orders, session: ChannelSession[Any, Any]) -> Sequence[ChannelOrder]:
        return await port.find_orders(session, references)

    return await read_orders(runtime, account, find)
