"""Which customer somebody is who logs in by a platform's mini-program.

The first that applies: the customer of this identity; the customer of an identity of the same person, by the
platform's own word, in another of the merchant's programs there; the customer with the phone that the platform has
verified; a new customer. The keys of `customer_identity` and `customer` decide between two who come at the same time:
the second finds them taken, and looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.customers import build_customer, build_phone
from core.access.merging import hold_customer, merge_customer
from core.access.privacy import fingerprint_phone
from core.access.problems import ProblemCode, UserProblem
from core.channels.contract import Identified
from core.clock import Clock
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Write,
    as_optional_uuid,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.ids import new_id
from core.keys import KeyRing

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Program:
    """A channel account whose mini-program somebody has opened."""

    tenant_id: UUID
    account_id: UUID
    channel: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Whom an identity belongs to. `problem`: why the phone that was given is not the customer's."""

    customer_id: UUID
    problem: UserProblem | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored identity and its customer's phone. `is_own`: of this program, not of another one of the same person."""

    row_id: UUID
    customer_id: UUID
    is_own: bool
    union_subject: str | None
    fingerprint: str | None


class IdentityService:
    """Identities of all merchants."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def link(self, program: Program, person: Identified, phone: str | None = None) -> Linked:
        """The customer who logs in, made known, linked and merged as need be. `phone` is in E.164, or None.

        Raises GuardFailed where others keep changing the same customers.
        """
        for _ in range(_ATTEMPTS):
            try:
                linked = await self._try_link(program, person, phone)
            except (Conflict, GuardFailed):
                continue
            if linked is not None:
                return linked
        raise GuardFailed("the customer changes all the time")

    async def _try_link(self, program: Program, person: Identified, phone: str | None) -> Linked | None:
        """One round; None where it has changed who is who."""
        found = await _find_known(program, person)
        if await self._join_twins(program, found):
            return None
        known = next((each for each in found if each.is_own), found[0] if found else None)
        owner = await self._find_owner(program.tenant_id, phone) if phone else None
        if known is None:
            return await self._welcome(program, person, phone, owner)
        if not known.is_own:
            await self._add_identity(program, person, known.customer_id, union=False)
        elif person.union_subject and known.union_subject is None and len(found) == 1:
            await _learn_union(program, known, person.union_subject)
        return await self._settle_phone(program, known, phone, owner)

    async def _join_twins(self, program: Program, found: list[_Known]) -> bool:
        """Merges two customers whom the platform now says to be one person, unless both have phones of their own."""
        if len({each.customer_id for each in found}) < 2:
            return False
        first, second = found
        if first.fingerprint is not None and second.fingerprint is not None:
            return False
        old, into = (second, first) if first.fingerprint is not None else (first, second)
        await merge_customer(program.tenant_id, old.customer_id, into.customer_id, self._clock.now())
        return True

    async def _welcome(
        self, program: Program, person: Identified, phone: str | None, owner: UUID | None
    ) -> Linked:
        """Somebody whom no program knows: the customer with the phone, or a new one."""
        if owner is not None:
            await self._add_identity(program, person, owner, union=True)
            return Linked(owner)
        customer_id = new_id()
        columns = build_phone(self._keys, program.tenant_id, customer_id, phone) if phone else {}
        customer = build_customer(program.tenant_id, customer_id, **columns)
        await write_together([customer, _build_identity(program, person, customer_id, union=True)])
        return Linked(customer_id)

    async def _add_identity(
        self, program: Program, person: Identified, customer_id: UUID, *, union: bool
    ) -> None:
        identity = _build_identity(program, person, customer_id, union=union)
        await write_together([hold_customer(program.tenant_id, customer_id), identity])

    async def _settle_phone(
        self, program: Program, known: _Known, phone: str | None, owner: UUID | None
    ) -> Linked:
        if phone is None or owner == known.customer_id:
            return Linked(known.customer_id)
        if owner is None:
            await self._set_phone(program.tenant_id, known, phone)
            return Linked(known.customer_id)
        if known.fingerprint is not None:
            problem = UserProblem(ProblemCode.CONFLICT, ("phoneCode",), "problem.login_phone_taken")
            return Linked(known.customer_id, problem)
        await merge_customer(program.tenant_id, known.customer_id, owner, self._clock.now())
        return Linked(owner)

    async def _set_phone(self, tenant_id: UUID, known: _Known, phone: str) -> None:
        """The customer's first phone, or a new one in the place of the old."""
        columns = build_phone(self._keys, tenant_id, known.customer_id, phone)
        change = Write(
            _SET_PHONE, (*columns.values(), tenant_id, known.customer_id, known.fingerprint or ""), 1
        )
        await write_together([change, build_entry(tenant_id, "setPhone", "Customer", known.customer_id)])

    async def _find_owner(self, tenant_id: UUID, phone: str) -> UUID | None:
        row = await fetch_row(
            "SELECT id FROM customer WHERE tenant_id = $1 AND phone_fingerprint = $2",
            tenant_id,
            fingerprint_phone(self._keys, tenant_id, phone),
        )
        return as_optional_uuid(row["id"]) if row else None


_SET_PHONE = """
UPDATE customer SET phone_sealed = $1, phone_fingerprint = $2, phone_tail = $3
WHERE tenant_id = $4 AND id = $5 AND merged_into IS NULL AND COALESCE(phone_fingerprint, '') = $6"""

_FIND_KNOWN = """
SELECT i.id, i.account_id, i.subject, i.union_subject, i.customer_id, c.phone_fingerprint
FROM customer_identity i JOIN customer c ON c.tenant_id = i.tenant_id AND c.id = i.customer_id
WHERE i.tenant_id = $1 AND ((i.account_id = $2 AND i.subject = $3) OR (i.channel = $4 AND i.union_subject = $5))
ORDER BY i.id"""


async def _find_known(program: Program, person: Identified) -> list[_Known]:
    """This identity, and the one that holds the person's union: two rows at most."""
    rows = await fetch_rows(
        _FIND_KNOWN,
        program.tenant_id,
        program.account_id,
        person.subject,
        program.channel,
        person.union_subject,
    )
    return [_read_known(program, person, row) for row in rows]


def _read_known(program: Program, person: Identified, row: Mapping[str, Any]) -> _Known:
    is_own = (as_uuid(row["account_id"]), row["subject"]) == (program.account_id, person.subject)
    return _Known(
        as_uuid(row["id"]),
        as_uuid(row["customer_id"]),
        is_own,
        row["union_subject"],
        row["phone_fingerprint"],
    )


def _build_identity(program: Program, person: Identified, customer_id: UUID, *, union: bool) -> Write:
    """The INSERT of an identity; `union`: whether it is the first of the person."""
    return insert_row(
        "customer_identity",
        id=new_id(),
        tenant_id=program.tenant_id,
        customer_id=customer_id,
        account_id=program.account_id,
        channel=program.channel,
        subject=person.subject,
        union_subject=person.union_subject if union else None,
    )


async def _learn_union(program: Program, known: _Known, union_subject: str) -> None:
    """The platform has begun to tell who the person is elsewhere."""
    sql = (
        "UPDATE customer_identity SET union_subject = $1"
        " WHERE tenant_id = $2 AND id = $3 AND union_subject IS NULL"
    )
    await write_together([Write(sql, (union_subject, program.tenant_id, known.row_id), expects=1)])
