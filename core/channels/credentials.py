"""Accounts' credentials at rest: each field sealed, and bound to its merchant, channel, account and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from pydantic import SecretBytes, SecretStr

from core.cache import ExpiringCache
from core.channels.bindings import BoundAccount
from core.channels.contract import ChannelModel, Misconfigured
from core.channels.transport.token_rows import TokenKey
from core.db.inserts import insert_row
from core.db.statements import Write, as_uuid, fetch_rows
from core.ids import new_id
from core.keys import KeyRing
from core.resealing import SealedColumn


class CredentialVault:
    """Seals credentials, opens them when they are used, and keeps them open for half a minute at most."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._open: ExpiringCache[UUID, ChannelModel] = ExpiringCache(lifetime=30, capacity=5_000)

    def seal(
        self, tenant_id: UUID, channel: str, account_id: UUID, credentials: ChannelModel
    ) -> Sequence[Write]:
        """The INSERTs of an account's credentials."""
        return [
            insert_row(
                "channel_credential",
                id=new_id(),
                tenant_id=tenant_id,
                account_id=account_id,
                field=name,
                sealed=self._keys.seal(orjson.dumps(value), *_bound_to(tenant_id, channel, account_id, name)),
            )
            for name, value in reveal(credentials).items()
        ]

    async def open(self, account: BoundAccount) -> ChannelModel:
        """The account's credentials.

        Raises Misconfigured where they cannot be opened, or are no longer what the channel asks for.
        """
        if account.account_id is None:
            return account.channel.credentials_model()
        known = self._open.get(account.account_id)
        if known is None:
            known = await self._read(account, account.account_id)
            self._open.put(account.account_id, known)
        return known

    async def _read(self, account: BoundAccount, account_id: UUID) -> ChannelModel:
        rows = await fetch_rows(
            "SELECT field, sealed FROM channel_credential WHERE tenant_id = $1 AND account_id = $2",
            account.tenant_id,
            account_id,
        )
        try:
            values = {row["field"]: self._unseal(account, account_id, row) for row in rows}
            return account.channel.credentials_model.model_validate(values)
        except ValueError:
            # Neither pydantic's text nor the cause may travel: both can hold the secrets.
            raise Misconfigured("the stored credentials cannot be read; connect the channel again") from None

    def _unseal(self, account: BoundAccount, account_id: UUID, row: Mapping[str, Any]) -> Any:
        names = _bound_to(account.tenant_id, account.channel.code, account_id, row["field"])
        return orjson.loads(self._keys.open(bytes(row["sealed"]), *names))


def reveal(model: ChannelModel) -> dict[str, Any]:
    """The fields that were given, under their outside names, with secrets in the clear."""
    given = model.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    return {name: _uncover(value) for name, value in given.items()}


def _uncover(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, SecretBytes):
        return value.get_secret_value().decode()
    if isinstance(value, Mapping):
        return {key: _uncover(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_uncover(inner) for inner in value]
    return value


def _bound_to(tenant_id: UUID, channel: str, account_id: UUID, field: str) -> tuple[str, ...]:
    return str(tenant_id), channel, str(account_id), field


CREDENTIALS = SealedColumn(
    table="channel_credential",
    column="sealed",
    source="SELECT c.id, c.sealed, c.tenant_id, a.channel, c.account_id, c.field"
    " FROM channel_credential c JOIN channel_account a ON a.tenant_id = c.tenant_id AND a.id = c.account_id",
    bound_to=lambda row: _bound_to(
        as_uuid(row["tenant_id"]), row["channel"], as_uuid(row["account_id"]), row["field"]
    ),
)

TOKENS = SealedColumn(
    table="channel_token",
    column="sealed",
    source="SELECT id, sealed, tenant_id, account_id, name FROM channel_token",
    bound_to=lambda row: TokenKey(
        as_uuid(row["tenant_id"]), as_uuid(row["account_id"]), row["name"]
    ).bound_to(),
)
