"""How a merchant's accounts tell each kind of message: by which template of the platform, with which of our values.

The words of a message are the platform's: a merchant has templates approved there, and says here which one tells what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem, check_text
from core.access.values import Actor
from core.channels.contract import Capability
from core.channels.registry import UnknownChannel
from core.clock import utc_now
from core.db.statements import Json, Write, as_json, as_uuid, fetch_row, fetch_rows, write_together
from core.errors import NotFound
from core.ids import new_id
from core.messages import text
from core.notifications.values import NotificationKind, TemplateField, TemplateView

if TYPE_CHECKING:
    from core.runtime import Runtime

MISSING_VALUE: Final = "-"
"""What a field shows whose value a message does not have; platforms refuse empty ones."""

_TEMPLATE_LENGTH = 128
_FIELD_LENGTH = 64
_TEXT_LENGTH = 200
_PAGE_LENGTH = 512
_MOST_FIELDS = 20
_VALUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


async def set_template(
    runtime: Runtime,
    actor: Actor | None,
    account_id: UUID,
    kind: NotificationKind,
    template: str | None,
    fields: Mapping[str, TemplateField],
    page: str | None = None,
) -> TemplateView | list[UserProblem] | None:
    """Says how an account tells a kind of message; again corrects it, and `template` None takes it away.

    Answers what is wrong instead: NOT_FOUND for an account that is not the merchant's, NOT_ALLOWED for one whose
    channel sends no messages. Raises Unauthenticated and Forbidden.
    """
    actor = require(actor, Action.SET_NOTIFICATION_TEMPLATE)
    problems = await _check_account(runtime, actor, account_id)
    if template is None:
        if problems:
            return problems
        await _remove_template(actor, account_id, kind)
        return None
    problems += check_text(template, ("template",), _TEMPLATE_LENGTH)
    problems += _check_fields(fields)
    if page is not None:
        problems += check_text(page, ("page",), _PAGE_LENGTH)
    if problems:
        return problems
    return await _store_template(actor, account_id, kind, template.strip(), fields, page)


async def list_templates(runtime: Runtime, actor: Actor | None, account_id: UUID) -> tuple[TemplateView, ...]:
    """An account's templates, in the order of the kinds. Raises NotFound for an account that is not the merchant's."""
    actor = require(actor, Action.LIST_NOTIFICATION_TEMPLATES)
    if not await runtime.accounts.load_accounts(actor, [account_id]):
        raise NotFound(text("fault.account_not_found"))
    rows = await fetch_rows(
        "SELECT * FROM notification_template WHERE tenant_id = $1 AND account_id = $2",
        actor.tenant_id,
        account_id,
    )
    order = list(NotificationKind)
    return tuple(sorted(map(read_template, rows), key=lambda view: order.index(view.kind)))


async def load_templates(tenant_id: UUID, kind: NotificationKind) -> dict[UUID, TemplateView]:
    """How each account of the merchant tells this kind, by account."""
    rows = await fetch_rows(
        "SELECT * FROM notification_template WHERE tenant_id = $1 AND kind = $2", tenant_id, kind.value
    )
    return {view.account_id: view for view in map(read_template, rows)}


def fill_template(template: TemplateView, values: Mapping[str, str]) -> dict[str, str]:
    """The fields of the template with their texts."""
    return {
        name: field.text if field.text is not None else values.get(field.value or "") or MISSING_VALUE
        for name, field in template.fields.items()
    }


def read_template(row: Mapping[str, Any]) -> TemplateView:
    mapping: Mapping[str, Mapping[str, str]] = as_json(row["mapping"])
    return TemplateView(
        as_uuid(row["id"]),
        as_uuid(row["tenant_id"]),
        as_uuid(row["account_id"]),
        NotificationKind(row["kind"]),
        row["template"],
        # By name, because PostgreSQL keeps no order of its own.
        {name: TemplateField(each.get("value"), each.get("text")) for name, each in sorted(mapping.items())},
        row["page"],
    )


async def _check_account(runtime: Runtime, actor: Actor, account_id: UUID) -> list[UserProblem]:
    account = (await runtime.accounts.load_accounts(actor, [account_id])).get(account_id)
    if account is None:
        return [UserProblem(ProblemCode.NOT_FOUND, ("accountId",), "problem.account_not_found")]
    try:
        sends = Capability.NOTIFICATIONS in runtime.registry.get(account.channel).capabilities
    except UnknownChannel:
        sends = False
    return (
        [] if sends else [UserProblem(ProblemCode.NOT_ALLOWED, ("accountId",), "problem.sends_no_messages")]
    )


def _check_fields(fields: Mapping[str, TemplateField]) -> list[UserProblem]:
    if len(fields) > _MOST_FIELDS:
        return [UserProblem(ProblemCode.TOO_LARGE, ("fields",), values={"limit": _MOST_FIELDS})]
    numbered = enumerate(fields.items())
    return [problem for index, (name, field) in numbered for problem in _check_field(index, name, field)]


def _check_field(index: int, name: str, field: TemplateField) -> Sequence[UserProblem]:
    path = ("fields", str(index))
    if problems := check_text(name, (*path, "field"), _FIELD_LENGTH):
        return problems
    if (field.value is None) == (field.text is None):
        return [UserProblem(ProblemCode.INVALID, path, "problem.value_or_text")]
    if field.text is not None:
        return check_text(field.text, (*path, "text"), _TEXT_LENGTH)
    known = _VALUE_NAME.fullmatch(field.value or "")
    return [] if known else [UserProblem(ProblemCode.INVALID, (*path, "value"))]


async def _store_template(
    actor: Actor,
    account_id: UUID,
    kind: NotificationKind,
    template: str,
    fields: Mapping[str, TemplateField],
    page: str | None,
) -> TemplateView:
    mapping = {name: _write_field(field) for name, field in fields.items()}
    row = Write(
        "INSERT INTO notification_template (id, tenant_id, created_at, account_id, kind, template, mapping, page)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, account_id, kind)"
        " DO UPDATE SET template = excluded.template, mapping = excluded.mapping, page = excluded.page",
        (new_id(), actor.tenant_id, utc_now(), account_id, kind.value, template, Json(mapping), page),
        expects=1,
    )
    await write_together([row, _build_audit(actor, account_id, kind, template)])
    stored = await fetch_row(
        "SELECT * FROM notification_template WHERE tenant_id = $1 AND account_id = $2 AND kind = $3",
        actor.tenant_id,
        account_id,
        kind.value,
    )
    if stored is None:
        raise NotFound(text("fault.NOT_FOUND"))
    return read_template(stored)


async def _remove_template(actor: Actor, account_id: UUID, kind: NotificationKind) -> None:
    gone = Write(
        "DELETE FROM notification_template WHERE tenant_id = $1 AND account_id = $2 AND kind = $3",
        (actor.tenant_id, account_id, kind.value),
    )
    await write_together([gone, _build_audit(actor, account_id, kind, None)])


def _write_field(field: TemplateField) -> dict[str, str]:
    return {"value": field.value} if field.value is not None else {"text": field.text or ""}


def _build_audit(actor: Actor, account_id: UUID, kind: NotificationKind, template: str | None) -> Write:
    details = {"kind": kind.value, "template": template}
    return build_entry(actor, "setNotificationTemplate", "ChannelAccount", account_id, details)
