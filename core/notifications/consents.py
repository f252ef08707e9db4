"""What people agreed to be sent. A platform lets one message through for each yes; here they are counted.

The count is an upper bound: a yes may be told twice, by the mini-program and by the platform, and a lost answer be told
again. The platform's refusal (`DeliveryRefusal.NO_CONSENT`) sets it right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import Write, fetch_row, fetch_rows, write_together
from core.ids import new_id
from core.notifications.values import ConsentView, Grant

MOST_REMAINING: Final = 20
"""More than this is not counted, as the database holds too: nobody is sent so many, and it may be a mistake."""
_MOST_GRANTS = 20
_LONGEST_TEMPLATE = 128


@dataclass(frozen=True, slots=True)
class ConsentKey:
    """Whose yes to what: a person by the platform's id at one account, and a template of the platform."""

    tenant_id: UUID
    account_id: UUID
    subject: str
    template: str

    @property
    def values(self) -> tuple[UUID, UUID, str, str]:
        return self.tenant_id, self.account_id, self.subject, self.template


_WHERE = "WHERE tenant_id = $1 AND account_id = $2 AND subject = $3 AND template = $4"


def add_grants(tenant_id: UUID, account_id: UUID, subject: str, grants: Iterable[Grant]) -> list[Write]:
    """The writes that count each yes. A no takes nothing away: it is about the message that was asked for."""
    counted = Counter(grant.template for grant in grants if grant.accepted)
    return [
        Write(
            "INSERT INTO message_consent (id, tenant_id, created_at, account_id, subject, template, remaining)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, account_id, subject, template)"
            " DO UPDATE SET remaining = CASE WHEN message_consent.remaining + excluded.remaining"
            f" > {MOST_REMAINING} THEN {MOST_REMAINING} ELSE message_consent.remaining + excluded.remaining END",
            (new_id(), tenant_id, utc_now(), account_id, subject, template, min(count, MOST_REMAINING)),
        )
        for template, count in counted.items()
    ]


def take_consent(key: ConsentKey) -> Write:
    """The UPDATE that spends one yes. A guard: it fails the commit where there is none left."""
    return Write(
        f"UPDATE message_consent SET remaining = remaining - 1 {_WHERE} AND remaining > 0",
        key.values,
        expects=1,
    )


def give_back(key: ConsentKey) -> Write:
    """The UPDATE that returns what was spent on a message that was certainly not sent."""
    return Write(
        f"UPDATE message_consent SET remaining = remaining + 1 {_WHERE} AND remaining < {MOST_REMAINING}",
        key.values,
    )


def void_consent(key: ConsentKey) -> Write:
    """The UPDATE after the platform said that there is none."""
    return Write(f"UPDATE message_consent SET remaining = 0 {_WHERE}", key.values)


async def record_consent(
    actor: Actor | None, account_id: UUID, grants: Sequence[Grant]
) -> tuple[ConsentView, ...] | list[UserProblem]:
    """Counts what the customer answered in the account's mini-program, and says what they have agreed to so far.

    Answers NOT_ALLOWED where the customer has not logged in by this account. Raises Unauthenticated and Forbidden.
    """
    actor = require(actor, Action.RECORD_MESSAGE_CONSENT)
    problems = _check_grants(grants)
    subject = await _find_subject(actor, account_id)
    if subject is None:
        key = "problem.no_identity"
        problems.append(UserProblem(ProblemCode.NOT_ALLOWED, ("accountId",), key))
    if problems or subject is None:
        return problems
    await write_together(add_grants(actor.tenant_id, account_id, subject, grants))
    templates = list(dict.fromkeys(grant.template for grant in grants))
    return await _read_consents(actor.tenant_id, account_id, subject, templates)


def read_grants(payload: Mapping[str, Any]) -> tuple[Grant, ...]:
    """The grants in the document of an event "message.consent": {"grants": [{"template": …, "accepted": …}]}.

    What has another form is no grant.
    """
    listed = payload.get("grants")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return tuple(
        Grant(each["template"], each.get("accepted") is True)
        for each in found[:_MOST_GRANTS]
        if isinstance(each.get("template"), str) and 0 < len(each["template"]) <= _LONGEST_TEMPLATE
    )


def _check_grants(grants: Sequence[Grant]) -> list[UserProblem]:
    if not grants:
        return [UserProblem(ProblemCode.REQUIRED, ("grants",))]
    if len(grants) > _MOST_GRANTS:
        return [UserProblem(ProblemCode.TOO_LARGE, ("grants",), values={"limit": _MOST_GRANTS})]
    return [
        UserProblem(ProblemCode.INVALID, ("grants", str(index), "template"))
        for index, grant in enumerate(grants)
        if not 0 < len(grant.template) <= _LONGEST_TEMPLATE
    ]


async def _find_subject(actor: Actor, account_id: UUID) -> str | None:
    row = await fetch_row(
        "SELECT subject FROM customer_identity WHERE tenant_id = $1 AND account_id = $2 AND customer_id = $3"
        " ORDER BY id DESC LIMIT 1",
        actor.tenant_id,
        account_id,
        actor.customer_id,
    )
    return str(row["subject"]) if row else None


async def _read_consents(
    tenant_id: UUID, account_id: UUID, subject: str, templates: Sequence[str]
) -> tuple[ConsentView, ...]:
    rows = await fetch_rows(
        "SELECT template, remaining FROM message_consent"
        " WHERE tenant_id = $1 AND account_id = $2 AND subject = $3",
        tenant_id,
        account_id,
        subject,
    )
    counts = {row["template"]: int(row["remaining"]) for row in rows}
    return tuple(ConsentView(template, counts.get(template, 0)) for template in templates)
