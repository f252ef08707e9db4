"""Login, renewal and logout as a mini-program sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from core.clock import utc_now
from core.ids import encode_global_id, new_id
from core.settings import Settings
from core.testing.clock import ManualClock
from schema.app import create_app
from tests.core.access.programs import Chain, open_chain
from tests.schema.conftest import Client

LOGIN = """mutation($input: LoginWithMiniProgramInput!) { loginWithMiniProgram(input: $input) {
    token refreshToken expiresAt customer { id name phone } userErrors { code field message } } }"""
REFRESH = """mutation($input: RefreshLoginInput!) { refreshLogin(input: $input) {
    token refreshToken expiresAt customer { id } userErrors { code field message } } }"""
LOGOUT = "mutation($input: LogoutInput!) { logout(input: $input) { ended userErrors { code } } }"
WHO = "query($id: ID!) { node(id: $id) { ... on Customer { id phone } } }"


@dataclass(repr=False)
class Program:
    """A mini-program of a merchant, and a client of the server without a token."""

    chain: Chain
    account: Any
    client: Client

    async def log_in(self, *, phone: bool = False, **changes: Any) -> dict[str, Any]:
        sample = self.chain.open(self.account)
        given = {"accountId": encode_global_id("ChannelAccount", self.account), "code": sample.code}
        given |= {"phoneCode": sample.phone_code} if phone else {}
        answer = await self.client.fetch(LOGIN, input={**given, **changes})
        return dict(answer["loginWithMiniProgram"])

    async def refresh(self, refresh_token: str) -> dict[str, Any]:
        answer = await self.client.fetch(REFRESH, input={"refreshToken": refresh_token})
        return dict(answer["refreshLogin"])


@pytest.fixture
async def program(database: Settings) -> AsyncIterator[Program]:
    async with open_chain(database, ManualClock(utc_now())) as chain:
        app = create_app(runtime=chain.runtime)
        app.state.runtime = chain.runtime
        yield Program(chain, await chain.connect(), Client(app))


async def test_login_needs_no_token(program: Program) -> None:
    answer = await program.log_in(phone=True)
    assert answer["userErrors"] == []
    assert answer["customer"]["phone"] == "138****0001"
    assert datetime.fromisoformat(answer["expiresAt"]) > utc_now()


async def test_token_opens_what_is_the_customers(program: Program) -> None:
    answer = await program.log_in()
    program.client.token = answer["token"]
    own = await program.client.fetch(WHO, id=answer["customer"]["id"])
    assert own["node"]["id"] == answer["customer"]["id"]


async def test_a_stale_token_hinders_no_login(program: Program) -> None:
    """Clients send what they have, also when it is over."""
    program.client.token = "hx_" + "x" * 43
    assert (await program.log_in())["token"]


async def test_refused_code_names_its_field(program: Program) -> None:
    answer = await program.log_in(code="made up")
    assert answer["userErrors"] == [
        {
            "code": "INVALID",
            "field": ["code"],
            "message": "This login code is not valid or was used. Get a new one.",
        }
    ]
    assert [answer[name] for name in ("token", "refreshToken", "expiresAt", "customer")] == [None] * 4


async def test_refused_phone_stands_beside_the_token(program: Program) -> None:
    answer = await program.log_in(phoneCode="made up")
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [("INVALID", ["phoneCode"])]
    assert answer["token"]
    assert answer["customer"]["phone"] is None


async def test_messages_are_in_chinese(program: Program) -> None:
    program.client.headers = {"accept-language": "zh-CN"}
    answer = await program.log_in(code="made up")
    assert answer["userErrors"][0]["message"] == "登录凭证无效或已使用，请重新打开小程序登录。"


async def test_unknown_account_is_a_user_error(program: Program) -> None:
    answer = await program.log_in(accountId=encode_global_id("ChannelAccount", new_id()))
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [("NOT_FOUND", ["accountId"])]


async def test_malformed_id_is_bad_input(program: Program) -> None:
    answer = await program.client.ask(LOGIN, input={"accountId": "x", "code": "c"})
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": ["accountId"]}


async def test_renewal_and_logout(program: Program) -> None:
    first = await program.log_in()
    renewed = await program.refresh(first["refreshToken"])
    assert renewed["customer"] == {"id": first["customer"]["id"]}
    assert await program.refresh(first["refreshToken"]) == renewed
    for ended in (True, False):
        answer = await program.client.fetch(LOGOUT, input={"refreshToken": renewed["refreshToken"]})
        assert answer["logout"] == {"ended": ended, "userErrors": []}
    program.client.token = renewed["token"]
    refused = await program.client.ask(WHO, id=first["customer"]["id"])
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    over = await program.refresh(renewed["refreshToken"])
    assert [(each["code"], each["field"]) for each in over["userErrors"]] == [("INVALID", ["refreshToken"])]


async def test_too_many_logins_wait(program: Program) -> None:
    settings = program.chain.runtime.settings.model_copy(update={"login_rate": 0.01, "login_burst": 1})
    async with open_chain(settings, program.chain.clock) as chain:
        app = create_app(runtime=chain.runtime)
        app.state.runtime = chain.runtime
        busy = Program(chain, await chain.connect(), Client(app))
        await busy.log_in(code="made up")
        given = {"accountId": encode_global_id("ChannelAccount", busy.account), "code": "made up"}
        response = await busy.client.post(LOGIN, variables={"input": given})
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 100
    assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_logging_in_by_get_is_refused(program: Program) -> None:
    response = await program.client.send(
        "GET", params={"query": 'mutation { logout(input: {refreshToken: "x"}) { ended } }'}
    )
    assert response.status_code == 405
