"""Opening a merchant: the chain, its first store and its owner's token, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from uuid import UUID

from core.access.audit import build_entry
from core.access.problems import UserProblem, check_text
from core.access.stores import build_store, check_store
from core.access.tokens import build_token
from core.access.values import Actor, Role, StoreView
from core.db.inserts import insert_row
from core.db.statements import as_uuid, fetch_rows, write_together
from core.errors import BadInput
from core.ids import new_id

_NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """What `hexiao init` prints. The token cannot be read again."""

    merchant_id: UUID
    store_id: UUID
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MerchantView:
    id: UUID
    name: str


async def create_merchant(name: str, store_name: str, time_zone: str = "Asia/Shanghai") -> NewMerchant:
    """A merchant with one store and an owner.

    Raises BadInput for an empty or long name or an unknown time zone.
    """
    _refuse_first([*check_text(name, ("merchant",), _NAME_LENGTH), *check_store(store_name, time_zone)])
    merchant_id = new_id()
    store = StoreView(new_id(), merchant_id, store_name.strip(), time_zone)
    owner, token = Actor(merchant_id, new_id(), new_id(), Role.OWNER), f"hx_{token_urlsafe(32)}"
    await write_together(
        [
            insert_row("merchant", id=merchant_id, name=name.strip()),
            build_store(store),
            build_entry(merchant_id, "createMerchant", "Merchant", merchant_id, {"name": name.strip()}),
            *build_token(owner, token, "owner", expires_at=None),
        ]
    )
    return NewMerchant(merchant_id, store.id, token)


async def list_merchants() -> tuple[MerchantView, ...]:
    """Every merchant of this database, oldest first. For the command line only: it crosses merchants."""
    rows = await fetch_rows("SELECT id, name FROM merchant ORDER BY id")
    return tuple(MerchantView(as_uuid(row["id"]), row["name"]) for row in rows)


def _refuse_first(problems: Sequence[UserProblem]) -> None:
    if problems:
        raise BadInput(problems[0].message(), problems[0].field)
