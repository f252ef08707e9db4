"""Who acts, and what of stores and customers others may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a token may be. STAFF and POS act in named stores only, CUSTOMER only on what is their own."""

    OWNER = "OWNER"
    MANAGER = "MANAGER"
    STAFF = "STAFF"
    POS = "POS"
    CUSTOMER = "CUSTOMER"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever sent a request, as its access token says.

    actor_id     the person, terminal or customer; several tokens may be one actor's
    store_ids    the stores it may act in; None: every store of the merchant
    scopes       extra rights: "reverse", "reports", "phones"
    customer_id  set for customers only, and then equal to actor_id
    """

    tenant_id: UUID
    actor_id: UUID
    token_id: UUID
    role: Role
    store_ids: frozenset[UUID] | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    customer_id: UUID | None = None

    @property
    def is_customer(self) -> bool:
        return self.role is Role.CUSTOMER


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store. `time_zone` is an IANA name, as in "Asia/Shanghai"."""

    id: UUID
    tenant_id: UUID
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer. `phone` is masked (138****1234) unless the reader has the scope "phones"."""

    id: UUID
    tenant_id: UUID
    name: str | None
    phone: str | None = field(default=None, repr=False)
