"""A merchant says once per account and kind which template tells it, and may correct it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.access.problems import ProblemCode
from core.access.values import Role
from core.db.statements import Write, as_json, fetch_rows, write_together
from core.errors import Forbidden, NotFound, Unauthenticated
from core.ids import new_id
from core.notifications.templates import fill_template, list_templates, set_template
from core.notifications.values import NotificationKind, TemplateField, TemplateView

KIND = NotificationKind.RESERVATION_CONFIRMED
REMINDER = NotificationKind.RESERVATION_REMINDER
FIELDS = {"thing1": TemplateField(value="store"), "note": TemplateField(text="请准时")}


async def put(shop: Any, account_id: Any, kind: NotificationKind = KIND, **changes: Any) -> Any:
    given = {"template": "T-9", "fields": FIELDS, "page": None, "actor": shop.owner, **changes}
    return await set_template(
        shop.runtime, given["actor"], account_id, kind, given["template"], given["fields"], given["page"]
    )


async def listed(shop: Any, account_id: Any) -> list[tuple[NotificationKind, str]]:
    return [(each.kind, each.template) for each in await list_templates(shop.runtime, shop.owner, account_id)]


async def test_template_is_kept(shop: Any) -> None:
    account_id = await shop.connect("mini", None)
    view = await put(shop, account_id, page="pages/mine")
    assert (view.kind, view.template, view.fields, view.page) == (KIND, "T-9", FIELDS, "pages/mine")
    assert await list_templates(shop.runtime, shop.owner, account_id) == (view,)


async def test_second_time_corrects(shop: Any) -> None:
    account_id = await shop.connect("mini", None)
    first = await put(shop, account_id, page="pages/mine")
    second = await put(shop, account_id, template="T-10", fields={})
    assert (second.id, second.fields, second.page) == (first.id, {}, None)
    assert await listed(shop, account_id) == [(KIND, "T-10")]


async def test_kinds_and_accounts_are_apart(shop: Any) -> None:
    mini, sms = await shop.connect("mini", None), await shop.connect("sms", None)
    await put(shop, mini, REMINDER, template="T-2")
    await put(shop, mini, KIND, template="T-1")
    await put(shop, sms, KIND, template="SMS_1")
    assert await listed(shop, mini) == [(KIND, "T-1"), (REMINDER, "T-2")]
    assert await listed(shop, sms) == [(KIND, "SMS_1")]


async def test_template_is_taken_away(shop: Any) -> None:
    account_id = await shop.connect("mini", "T-1")
    assert await put(shop, account_id, template=None) is None
    assert await listed(shop, account_id) == []


async def test_every_change_is_in_the_audit_trail(shop: Any) -> None:
    account_id = await shop.connect("mini", None)
    await put(shop, account_id)
    await put(shop, account_id, template=None)
    rows = await fetch_rows(
        "SELECT subject_id, details FROM audit_entry WHERE action = 'setNotificationTemplate' ORDER BY id"
    )
    details = [as_json(row["details"]) for row in rows]
    assert details == [{"kind": KIND.value, "template": "T-9"}, {"kind": KIND.value, "template": None}]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"template": " "}, ProblemCode.REQUIRED, ("template",)),
        ({"template": "t" * 129}, ProblemCode.TOO_LONG, ("template",)),
        ({"page": "p" * 513}, ProblemCode.TOO_LONG, ("page",)),
        ({"fields": {"": TemplateField(value="store")}}, ProblemCode.REQUIRED, ("fields", "0", "field")),
        ({"fields": {"a": TemplateField()}}, ProblemCode.INVALID, ("fields", "0")),
        ({"fields": {"a": TemplateField("store", "x")}}, ProblemCode.INVALID, ("fields", "0")),
        ({"fields": {"a": TemplateField(value="Store!")}}, ProblemCode.INVALID, ("fields", "0", "value")),
        ({"fields": {"a": TemplateField(text=" ")}}, ProblemCode.REQUIRED, ("fields", "0", "text")),
        (
            {"fields": {f"f{n}": TemplateField(value="store") for n in range(21)}},
            ProblemCode.TOO_LARGE,
            ("fields",),
        ),
    ],
)
async def test_wrong_input(shop: Any, changes: Any, code: ProblemCode, field: tuple[str, ...]) -> None:
    account_id = await shop.connect("mini", None)
    [problem] = await put(shop, account_id, **changes)
    assert (problem.code, problem.field) == (code, field)
    assert problem.message("zh-CN")
    assert await listed(shop, account_id) == []


@pytest.mark.parametrize("template", ["T-1", None])
async def test_account_of_nobody(shop: Any, template: str | None) -> None:
    [problem] = await put(shop, new_id(), template=template)
    assert (problem.code, problem.field) == (ProblemCode.NOT_FOUND, ("accountId",))


async def test_account_of_another_merchant(shop: Any) -> None:
    account_id = await shop.connect("mini")
    await write_together([Write("UPDATE channel_account SET tenant_id = $1", (new_id(),))])
    [problem] = await put(shop, account_id)
    assert problem.code is ProblemCode.NOT_FOUND
    with pytest.raises(NotFound):
        await list_templates(shop.runtime, shop.owner, account_id)


async def test_channel_that_sends_nothing(shop: Any) -> None:
    account_id = await shop.connect("mini", None)
    await write_together([Write("UPDATE channel_account SET channel = 'gone'", ())])
    [problem] = await put(shop, account_id)
    assert (problem.code, problem.message("en")) == (
        ProblemCode.NOT_ALLOWED,
        "This channel sends no messages.",
    )


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
async def test_management_only(shop: Any, role: Role) -> None:
    account_id = await shop.connect("mini", None)
    actor = replace(shop.owner, role=role)
    with pytest.raises(Forbidden):
        await put(shop, account_id, actor=actor)
    with pytest.raises(Forbidden):
        await list_templates(shop.runtime, actor, account_id)
    with pytest.raises(Unauthenticated):
        await put(shop, account_id, actor=None)


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        ({"store": "城西店"}, {"thing1": "城西店", "note": "请准时"}),
        ({"store": ""}, {"thing1": "-", "note": "请准时"}),
        ({}, {"thing1": "-", "note": "请准时"}),
        ({"other": "x"}, {"thing1": "-", "note": "请准时"}),
    ],
)
def test_filling(values: dict[str, str], filled: dict[str, str]) -> None:
    view = TemplateView(new_id(), new_id(), new_id(), KIND, "T-1", FIELDS)
    assert fill_template(view, values) == filled
