"""The simulated platform's own promises, seen from the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.youzan.simulator import YouzanSimulator, app
from adapters.youzan.simulator.state import CLIENT_ID, CLIENT_SECRET, GRANT_ID, RECIPES
from adapters.youzan.tables import GET_API, USE_ALL_TICKETS, USE_CODE, USE_COUPON, USE_TICKET, Kind

KEYS = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "authorize_type": "silent",
    "grant_id": GRANT_ID,
    "refresh": False,
}


class Caller:
    """Calls the simulator with a token of its own."""

    def __init__(self, simulator: YouzanSimulator) -> None:
        self.simulator = simulator
        transport = httpx.ASGITransport(simulator)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://simulator.test")
        self.token = simulator.tokens.issue(simulator.clock.now(), refresh=False)[0]

    async def fetch(self, **changes: Any) -> Any:
        return (await self.http.post("/auth/token", json={**KEYS, **changes})).json()

    async def call(self, api: str, version: str = "3.0.0", token: str | None = "", **body: Any) -> Any:
        params = {} if token is None else {"access_token": token or self.token}
        answer = await self.http.post(f"/api/{api}/{version}", params=params, json=body)
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
def caller(simulator: YouzanSimulator) -> Caller:
    return Caller(simulator)


def count_uses(simulator: YouzanSimulator) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


def read_error(document: Any) -> int:
    error = document.get("gw_err_resp") or document["error_response"]
    return int(error.get("err_code") or error.get("code"))


# ------------------------------------------------------------------------------------------------------------ tokens
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "x"}, 1103),
        ({"grant_id": "x"}, 1103),
        ({"client_secret": "x"}, 1000),
        ({"authorize_type": "certificate"}, 1000),
    ],
)
async def test_token_needs_the_right_keys(caller: Caller, changes: Any, code: int) -> None:
    document = await caller.fetch(**changes)
    assert (document["success"], document["code"], document["data"]) == (False, code, None)


async def test_token_stays_until_refreshed(caller: Caller, clock: Any) -> None:
    first = (await caller.fetch())["data"]
    clock.advance(timedelta(days=1))
    again = (await caller.fetch())["data"]
    fresh = (await caller.fetch(refresh=True))["data"]
    assert (again["access_token"], again["expires"]) == (first["access_token"], first["expires"])
    assert fresh["access_token"] != first["access_token"]
    answer = await caller.call(GET_API[Kind.CODE], token=first["access_token"], code="E1")
    assert read_error(answer) == 4203


async def test_token_lives_seven_days(caller: Caller, clock: Any) -> None:
    clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert read_error(await caller.call(GET_API[Kind.CODE], code="E1")) == 50000
    clock.advance(1)
    assert read_error(await caller.call(GET_API[Kind.CODE], code="E1")) == 4202


@pytest.mark.parametrize(("token", "code"), [(None, 4201), ("x", 4203)])
async def test_calls_need_the_token(caller: Caller, token: Any, code: int) -> None:
    assert read_error(await caller.call(GET_API[Kind.CODE], token=token, code="E1")) == code


async def test_other_interfaces_are_unknown(caller: Caller) -> None:
    assert read_error(await caller.call("youzan.trade.get", code="E1")) == 4005
    assert read_error(await caller.call(GET_API[Kind.CODE], "9.9.9", code="E1")) == 4005


async def test_calls_must_be_json(caller: Caller) -> None:
    url, params = f"/api/{GET_API[Kind.CODE]}/3.0.0", {"access_token": caller.token}
    form = await caller.http.post(url, params=params, data={"code": "E1"})
    headers = {"content-type": "application/json"}
    broken = await caller.http.post(url, params=params, content=b"{", headers=headers)
    assert (read_error(form.json()), read_error(broken.json())) == (4007, 4004)
    assert read_error(await caller.call(GET_API[Kind.CODE], code=5)) == 5001


# ------------------------------------------------------------------------------------------------------------- codes
@pytest.mark.parametrize(
    ("api", "code"),
    [
        (GET_API[Kind.TICKET], 80001),
        (GET_API[Kind.CODE], 50000),
        (GET_API[Kind.COUPON], 50000),
        (USE_ALL_TICKETS, 50000),
        (USE_TICKET, 50000),
        (USE_CODE, 101300000),
        (USE_COUPON, 50000),
    ],
)
async def test_unknown_codes(caller: Caller, api: str, code: int) -> None:
    assert read_error(await caller.call(api, code="1", ticket_code="1")) == code


@pytest.mark.parametrize(
    ("kind", "api", "code"),
    [("ticket", USE_ALL_TICKETS, 50000), ("code", USE_CODE, 101600002), ("coupon", USE_COUPON, 50000)],
)
async def test_codes_are_used_once(
    caller: Caller, simulator: Any, make_kind: Any, kind: str, api: str, code: int
) -> None:
    sample = make_kind(kind)
    assert "response" in await caller.call(api, code=sample.code)
    assert read_error(await caller.call(api, code=sample.code)) == code
    assert count_uses(simulator) == 1


@pytest.mark.parametrize("state", ["used", "expired", "refunded", "not_yet_valid", "locked", "cancelled"])
async def test_other_states_are_not_used(caller: Caller, simulator: Any, state: str) -> None:
    sample = simulator.make(state)
    before = count_uses(simulator)
    for api in (USE_ALL_TICKETS, USE_CODE, USE_COUPON):
        assert "error_response" in await caller.call(api, code=sample.code)
    assert count_uses(simulator) == before


async def test_qr_with_a_used_ticket_is_refused_whole(caller: Caller, simulator: Any) -> None:
    sample = simulator.make("two_coupons")
    shown = (await caller.call(GET_API[Kind.TICKET], code=sample.code))["response"]
    await caller.call(USE_TICKET, ticket_code=shown["tickets"][0]["ticket_code"])
    assert read_error(await caller.call(USE_ALL_TICKETS, code=sample.code)) == 50000
    assert count_uses(simulator) == 1


def test_states_and_turns() -> None:
    simulator = app()
    kinds = []
    for _ in range(6):
        simulator.make("usable")
        kinds.append(simulator.vouchers[-1].kind)
    assert kinds == [*Kind, *Kind]
    assert set(simulator.seed()) == set(RECIPES)


def test_codes_are_all_different() -> None:
    simulator = app()
    codes = [simulator.make(state).code for state in RECIPES for _ in range(3)]
    assert len(set(codes)) == len(codes)
    references = [each.reference for each in simulator.consumptions()]
    assert len(set(references)) == len(references)
