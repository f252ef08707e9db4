"""Which accounts a store may use, and the platforms' ids of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog

from core.access.audit import build_entry
from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor
from core.cache import ExpiringCache
from core.channels.contract import Channel
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Write,
    as_json,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id

_log = structlog.get_logger(__name__)


class AccountStatus(StrEnum):
    """NEEDS_ATTENTION: a person must mend something. DISABLED: not to be used."""

    ACTIVE = "ACTIVE"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class BoundAccount:
    """An account as one store sees it.

    account_id         None for a channel that needs no account, such as the chain's own coupons
    external_store_id  the platform's id of the store; None: not bound to it. A channel without accounts is
    bound to
                       every store by our own id of it
    settings           as stored: the channel's own keys
    """

    tenant_id: UUID
    account_id: UUID | None
    channel: Channel
    name: str
    status: AccountStatus
    external_store_id: str | None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_bound(self) -> bool:
        return self.external_store_id is not None

    @property
    def is_usable(self) -> bool:
        """Bound to the store and not disabled."""
        return self.is_bound and self.status is not AccountStatus.DISABLED

    @property
    def short_link_hosts(self) -> tuple[str, ...]:
        """The hosts of short links that the account's owner lists beside the channel's own, in lower case."""
        hosts = self.settings.get("shortLinkHosts")
        return tuple(str(host).lower() for host in hosts) if isinstance(hosts, list) else ()


class BindingReader:
    """Reads bindings, and remembers them: every redemption asks. They may be five seconds old."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._cache: ExpiringCache[tuple[UUID, UUID], tuple[BoundAccount, ...]] = ExpiringCache(5, 10_000)

    async def load(self, tenant_id: UUID, store_id: UUID) -> tuple[BoundAccount, ...]:
        """Every account of the merchant, oldest first, and before them the channels that need none."""
        known = self._cache.get((tenant_id, store_id))
        if known is None:
            rows = await fetch_rows(_ACCOUNTS_OF_STORE, tenant_id, store_id)
            known = (*self._without_account(tenant_id, store_id), *self._read_rows(tenant_id, rows))
            self._cache.put((tenant_id, store_id), known)
        return known

    async def find_anywhere(self, account_id: UUID) -> BoundAccount | None:
        """An account by its id alone, bound to no store: platforms' deliveries name no merchant."""
        row = await fetch_row(_ACCOUNT_BY_ID, account_id)
        return next(iter(self._read_rows(as_uuid(row["tenant_id"]), [row])), None) if row else None

    def forget(self, tenant_id: UUID) -> None:
        """Drops what is remembered of a merchant."""
        self._cache.drop_where(lambda key: key[0] == tenant_id)

    def _without_account(self, tenant_id: UUID, store_id: UUID) -> list[BoundAccount]:
        return [
            BoundAccount(tenant_id, None, channel, channel.name, AccountStatus.ACTIVE, str(store_id))
            for channel in self._channels.values()
            if not channel.needs_account
        ]

    def _read_rows(self, tenant_id: UUID, rows: list[dict[str, Any]]) -> list[BoundAccount]:
        found: list[BoundAccount] = []
        for row in rows:
            channel = self._channels.get(row["channel"])
            if channel is None:
                _log.warning("account.channel_missing", channel=row["channel"], account_id=str(row["id"]))
                continue
            found.append(_read_account(tenant_id, channel, row))
        return found


_ACCOUNTS_OF_STORE = """
SELECT a.id, a.channel, a.name, a.status, a.settings, s.external_store_id
FROM channel_account a
LEFT JOIN channel_store s ON s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.store_id = $2
WHERE a.tenant_id = $1 ORDER BY a.id"""

_ACCOUNT_BY_ID = """
SELECT id, tenant_id, channel, name, status, settings, NULL AS external_store_id
FROM channel_account WHERE id = $1"""


def _read_account(tenant_id: UUID, channel: Channel, row: Mapping[str, Any]) -> BoundAccount:
    return BoundAccount(
        tenant_id,
        as_uuid(row["id"]),
        channel,
        row["name"],
        AccountStatus(row["status"]),
        row["external_store_id"],
        as_json(row["settings"]),
    )


async def write_binding(
    actor: Actor, account_id: UUID, store_id: UUID, external_id: str
) -> UserProblem | None:
    """Binds a store, or corrects its binding; None where that is done, or was so already."""
    bound = await fetch_row(
        "SELECT external_store_id FROM channel_store"
        " WHERE tenant_id = $1 AND account_id = $2 AND store_id = $3",
        actor.tenant_id,
        account_id,
        store_id,
    )
    before = bound["external_store_id"] if bound else None
    if before == external_id:
        return None
    details = {"storeId": str(store_id), "externalStoreId": external_id, "before": before}
    entry = build_entry(actor, "bindChannelStore", "ChannelAccount", account_id, details)
    try:
        await write_together(
            [_build_binding(actor.tenant_id, account_id, store_id, external_id, before), entry]
        )
    except GuardFailed:
        return UserProblem(ProblemCode.CONFLICT, ("storeId",))
    except Conflict:
        return await _explain_conflict(actor.tenant_id, account_id, store_id, external_id)
    return None


def _build_binding(
    tenant_id: UUID, account_id: UUID, store_id: UUID, external_id: str, before: str | None
) -> Write:
    if before is None:
        return insert_row(
            "channel_store",
            id=new_id(),
            tenant_id=tenant_id,
            account_id=account_id,
            store_id=store_id,
            external_store_id=external_id,
        )
    return Write(
        "UPDATE channel_store SET external_store_id = $1"
        " WHERE tenant_id = $2 AND account_id = $3 AND store_id = $4 AND external_store_id = $5",
        (external_id, tenant_id, account_id, store_id, before),
        expects=1,
    )


async def _explain_conflict(
    tenant_id: UUID, account_id: UUID, store_id: UUID, external_id: str
) -> UserProblem | None:
    """Which key was taken: the platform's store, or this one by somebody who bound it a moment ago."""
    taken = await fetch_row(
        "SELECT store_id FROM channel_store"
        " WHERE tenant_id = $1 AND account_id = $2 AND external_store_id = $3",
        tenant_id,
        account_id,
        external_id,
    )
    if taken is None:
        return UserProblem(ProblemCode.CONFLICT, ("storeId",))
    if as_uuid(taken["store_id"]) == store_id:
        return None
    key, values = "problem.external_store_taken", {"value": external_id}
    return UserProblem(ProblemCode.ALREADY_EXISTS, ("externalStoreId",), key, values)
