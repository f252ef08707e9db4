"""Each yes of a person is good for one message, and only the person can give it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.access.problems import ProblemCode
from core.access.tokens import authenticate, create_token
from core.access.values import Role
from core.db.statements import GuardFailed, fetch_rows, write_together
from core.errors import Forbidden, Unauthenticated
from core.ids import new_id
from core.notifications.consents import (
    MOST_REMAINING,
    ConsentKey,
    add_grants,
    give_back,
    read_grants,
    record_consent,
    take_consent,
)
from core.notifications.values import ConsentView, Grant

OPENID = "openid-of-the-customer-7788"
YES, NO = Grant("T-1", True), Grant("T-1", False)


def key(shop: Any) -> ConsentKey:
    return ConsentKey(shop.tenant_id, shop.accounts["mini"], OPENID, "T-1")


async def test_each_yes_counts(shop: Any) -> None:
    account_id = await shop.connect("mini", login=True)
    grants = [YES, YES, Grant("T-2", True), Grant("T-3", False)]
    answer = await record_consent(shop.customer, account_id, grants)
    assert answer == (ConsentView("T-1", 2), ConsentView("T-2", 1), ConsentView("T-3", 0))
    assert await record_consent(shop.customer, account_id, [YES]) == (ConsentView("T-1", 3),)


async def test_no_takes_nothing_away(shop: Any) -> None:
    account_id = await shop.connect("mini", login=True)
    await record_consent(shop.customer, account_id, [YES])
    assert await record_consent(shop.customer, account_id, [NO]) == (ConsentView("T-1", 1),)


async def test_count_has_an_end(shop: Any) -> None:
    account_id = await shop.connect("mini", login=True)
    for _ in range(2):
        answer = await record_consent(shop.customer, account_id, [YES] * 15)
    assert answer == (ConsentView("T-1", MOST_REMAINING),)


async def test_two_spend_the_last_one_once(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree()
    spent = await asyncio.gather(
        *(write_together([take_consent(key(shop))]) for _ in range(5)), return_exceptions=True
    )
    assert [type(each) for each in spent].count(GuardFailed) == 4
    assert await shop.remaining() == 0


async def test_what_comes_back_stays_within_the_end(shop: Any) -> None:
    await shop.connect("mini", login=True)
    await shop.agree(times=MOST_REMAINING)
    await write_together([give_back(key(shop))])
    assert await shop.remaining() == MOST_REMAINING


async def test_yes_at_one_account_is_none_at_another(shop: Any) -> None:
    first = await shop.connect("mini", login=True)
    second = await shop.connect("keyed", login=True)
    await record_consent(shop.customer, first, [YES])
    assert await record_consent(shop.customer, second, [NO]) == (ConsentView("T-1", 0),)


async def test_who_never_logged_in_cannot_agree(shop: Any) -> None:
    account_id = await shop.connect("mini")
    [problem] = await record_consent(shop.customer, account_id, [YES])
    assert (problem.code, problem.field) == (ProblemCode.NOT_ALLOWED, ("accountId",))
    assert await fetch_rows("SELECT * FROM message_consent") == []


async def test_another_customers_login_is_not_mine(shop: Any) -> None:
    account_id = await shop.connect("mini", login=True)
    other = await authenticate(await create_token(shop.tenant_id, Role.CUSTOMER))
    [problem] = await record_consent(other, account_id, [YES])
    assert problem.code is ProblemCode.NOT_ALLOWED


async def test_another_merchants_customer_cannot_agree(shop: Any) -> None:
    account_id = await shop.connect("mini", login=True)
    stranger = replace(shop.customer, tenant_id=new_id())
    [problem] = await record_consent(stranger, account_id, [YES])
    assert problem.code is ProblemCode.NOT_ALLOWED


@pytest.mark.parametrize(
    ("grants", "code", "field"),
    [
        ([], ProblemCode.REQUIRED, ("grants",)),
        ([YES] * 21, ProblemCode.TOO_LARGE, ("grants",)),
        ([YES, Grant("", True)], ProblemCode.INVALID, ("grants", "1", "template")),
        ([Grant("t" * 129, True)], ProblemCode.INVALID, ("grants", "0", "template")),
    ],
)
async def test_wrong_input(shop: Any, grants: list[Grant], code: ProblemCode, field: tuple[str, ...]) -> None:
    account_id = await shop.connect("mini", login=True)
    [problem] = await record_consent(shop.customer, account_id, grants)
    assert (problem.code, problem.field) == (code, field)
    assert problem.message("en")
    assert await fetch_rows("SELECT * FROM message_consent") == []


async def test_only_customers_agree(shop: Any) -> None:
    with pytest.raises(Unauthenticated):
        await record_consent(None, new_id(), [YES])
    with pytest.raises(Forbidden):
        await record_consent(shop.owner, new_id(), [YES])


def test_grants_of_a_delivery() -> None:
    payload = {"grants": [{"template": "T-1", "accepted": True}, {"template": "T-2", "accepted": False}]}
    assert read_grants(payload) == (Grant("T-1", True), Grant("T-2", False))


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"grants": None},
        {"grants": "T-1"},
        {"grants": ["T-1", None, 7]},
        {"grants": [{"accepted": True}, {"template": 7}, {"template": ""}, {"template": "t" * 129}]},
    ],
)
def test_what_has_another_form_is_no_grant(payload: dict[str, Any]) -> None:
    assert read_grants(payload) == ()


@pytest.mark.parametrize("accepted", ["true", 1, "accept", None])
def test_only_true_is_a_yes(accepted: Any) -> None:
    assert read_grants({"grants": [{"template": "T-1", "accepted": accepted}]}) == (Grant("T-1", False),)


def test_no_grants_no_writes() -> None:
    assert add_grants(new_id(), new_id(), OPENID, [NO]) == []
