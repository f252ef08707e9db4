"""The simulated platform's own promises, seen from the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.eleme.client import sign_parameters
from adapters.eleme.simulator import ElemeSimulator
from adapters.eleme.simulator.state import APP_KEY, APP_SECRET, RECIPES, SESSION, SHOP_ID
from adapters.eleme.wire import CONSULT, RESERVE, ROOT_BY_METHOD, USE
from core.channels.wire import (
    write_china_time,
)
from core.testing.faults import FaultKind

NAMES = {CONSULT: "consult_request", USE: "use_request", RESERVE: "ticket_reverse_top_request"}


class Caller:
    """Calls the simulator as the gateway's documents say."""

    def __init__(self, simulator: ElemeSimulator, base: str = "http://simulator.test") -> None:
        self.simulator = simulator
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(simulator), base_url=base)

    async def send(self, method: str, request: Any, **changes: str) -> Any:
        """The whole answer; `changes` replace parameters before signing, "" leaves one out, `sign` after it."""
        sign = changes.pop("sign", None)
        whole = {
            "method": method, "app_key": APP_KEY, "session": SESSION, "v": "2.0", "format": "json",
            "sign_method": "md5", "timestamp": write_china_time(self.simulator.clock.now()),
            NAMES[method]: request if isinstance(request, str) else orjson.dumps(request).decode(),
        } | changes  # fmt: skip
        form = {name: value for name, value in whole.items() if value}
        form["sign"] = sign_parameters(form, APP_SECRET) if sign is None else sign
        query = {"method": form.pop("method")}
        return (await self.http.post("/router/rest", params=query, data=form)).json()

    async def call(self, method: str, **request: Any) -> Any:
        return (await self.send(method, request))[ROOT_BY_METHOD[method]]

    async def consult(self, code: str) -> Any:
        return (await self.call(CONSULT, request_id="q", shop_id=SHOP_ID, ticket_code=code))["result"]

    async def use(self, code: str, request_id: str = "u1", **more: Any) -> Any:
        request = {"ticket_request_id": request_id, "shop_id": SHOP_ID, "ticket_code": code, **more}
        return await self.send(USE, request)


@pytest.fixture
def caller(simulator: ElemeSimulator) -> Caller:
    return Caller(simulator)


def count_uses(simulator: ElemeSimulator) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


# ---------------------------------------------------------------------------------------------------------- gateway
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_key": ""}, 28),
        ({"app_key": "1"}, 29),
        ({"session": ""}, 26),
        ({"session": "x"}, 27),
        ({"sign": ""}, 24),
        ({"sign": "0" * 32}, 25),
        ({"sign_method": "hmac"}, 25),
        ({"timestamp": ""}, 30),
        ({"timestamp": "2020-01-01 00:00:00"}, 31),
        ({"timestamp": "now"}, 31),
        ({"v": ""}, 32),
        ({"v": "3.0"}, 34),
        ({"format": "xml"}, 23),
        ({"consult_request": ""}, 40),
        ({"consult_request": "{"}, 41),
        ({"consult_request": "[]"}, 41),
        ({"consult_request": '{"shop_id":"1"}'}, 40),
    ],
)
async def test_gateway_checks_the_call(caller: Caller, changes: Any, code: int) -> None:
    answer = await caller.send(CONSULT, "{}", **changes)
    assert answer["error_response"]["code"] == code
    assert answer.keys() == {"error_response"}


async def test_unknown_method(caller: Caller) -> None:
    answers = [
        (await caller.http.post("/router/rest", params=query)).json() for query in ({}, {"method": "x"})
    ]
    assert [answer["error_response"]["code"] for answer in answers] == [21, 22]


@pytest.mark.parametrize(("minutes", "taken"), [(-11, False), (-9, True), (9, True), (11, False)])
async def test_time_has_ten_minutes(caller: Caller, clock: Any, minutes: int, taken: bool) -> None:
    sent_at = write_china_time(clock.now() + timedelta(minutes=minutes))
    request = {"request_id": "q", "shop_id": SHOP_ID, "ticket_code": "1"}
    answer = await caller.send(CONSULT, request, timestamp=sent_at)
    assert ("error_response" in answer) is not taken


async def test_rate_limit_in_the_platforms_words(caller: Caller, simulator: ElemeSimulator) -> None:
    simulator.faults.script("look_up", FaultKind.RATE_LIMIT)
    answer = await caller.send(CONSULT, "{}")
    assert answer["error_response"]["code"] == 7


async def test_works_below_a_path(simulator: ElemeSimulator) -> None:
    demo = Starlette(routes=[Mount("/simulators/eleme", app=simulator)])
    simulator.address = "http://demo.test/simulators/eleme"
    code = simulator.make("usable").code
    caller = Caller(simulator, "http://demo.test/simulators/eleme")
    caller.http = httpx.AsyncClient(transport=httpx.ASGITransport(demo), base_url=caller.http.base_url)
    assert (await caller.consult(code))["success"] is True
    assert simulator.settings(simulator.address) == {"topBaseUrl": f"{simulator.address}/router/rest"}


# --------------------------------------------------------------------------------------------------------- vouchers
def test_every_state_can_be_made(simulator: ElemeSimulator) -> None:
    seeded = simulator.seed()
    assert seeded.keys() == RECIPES.keys()
    assert len({sample.code for sample in seeded.values()}) == len(RECIPES)
    assert {(len(sample.code), sample.code[:7]) for sample in seeded.values()} == {(12, "8824610")}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("used", "TICKET_ALREADY_USED"),
        ("expired", "TICKET_EXPIRED"),
        ("refunded", "TICKET_REFUNDED"),
        ("not_yet_valid", "TICKET_NOT_EFFECTIVE"),
        ("wrong_store", "SHOP_NOT_MATCH"),
        ("locked", "TICKET_FROZEN"),
    ],
)
async def test_consult_and_use_agree(
    caller: Caller, simulator: ElemeSimulator, state: str, code: str
) -> None:
    sample = simulator.make(state)
    before = count_uses(simulator)
    assert (await caller.consult(sample.code))["error_code"] == code
    assert (await caller.use(sample.code))["error_response"]["sub_code"] == f"isv.{code}"
    assert count_uses(simulator) == before


async def test_code_stands_at_its_voucher_only(caller: Caller, simulator: ElemeSimulator) -> None:
    sample = simulator.make("two_coupons")
    value = (await caller.consult(sample.code))["value"]
    assert value["available_quantity"] == 2
    assert [each.get("ticket_code") for each in value["ticket_info_list"]["ticket_info"]] == [
        sample.code,
        None,
    ]


async def test_repeat_gets_the_first_answer(caller: Caller, simulator: ElemeSimulator) -> None:
    code = simulator.make("usable").code
    first = (await caller.use(code))[ROOT_BY_METHOD[USE]]
    again = (await caller.use(code))[ROOT_BY_METHOD[USE]]
    assert again.pop("biz_code") == "TICKET_ALREADY_USED"
    assert {**again, "request_id": ""} == {**first, "request_id": ""}
    assert count_uses(simulator) == 1


async def test_number_is_for_one_request(caller: Caller, simulator: ElemeSimulator) -> None:
    await caller.use(simulator.make("usable").code)
    answer = await caller.use(simulator.make("usable").code)
    assert answer["error_response"]["sub_code"] == "isv.REQUEST_ID_REPEATED"
    assert count_uses(simulator) == 1


@pytest.mark.parametrize(
    ("more", "sub_code"),
    [
        ({"quantity": "0"}, "isv.invalid-parameter:quantity"),
        ({"quantity": "x"}, "isv.invalid-parameter:quantity"),
        ({"quantity": "2"}, "isv.QUANTITY_NOT_ENOUGH"),
        ({"ticket_id": "1"}, "isv.TICKET_ALREADY_USED"),
        ({"request_id": "with-dash"}, "isv.invalid-parameter:ticket_request_id"),
    ],
)
async def test_use_checks_the_request(
    caller: Caller, simulator: ElemeSimulator, more: Any, sub_code: str
) -> None:
    answer = await caller.use(simulator.make("usable").code, **more)
    assert answer["error_response"]["sub_code"] == sub_code
    assert count_uses(simulator) == 0


async def test_reversal_names_one_use(caller: Caller, simulator: ElemeSimulator) -> None:
    sample = simulator.make("times_card")
    body = (await caller.use(sample.code, quantity="2"))[ROOT_BY_METHOD[USE]]
    rows = body["ticket_use_details"]["merchant_ticket_use_detail"]
    named = {
        "request_id": "r",
        "ticket_id": sample.reference,
        "ticket_use_trans_id": rows[0]["ticket_trans_id"],
    }
    assert (await caller.call(RESERVE, **named))["result"] == {"success": True}
    assert (await caller.call(RESERVE, **named))["result"]["error_code"] == "TRANS_ALREADY_REVERSED"
    assert simulator.consumptions()[0].living == 3 + 1


async def test_reversal_without_a_number(caller: Caller, simulator: ElemeSimulator) -> None:
    sample = simulator.make("usable")
    await caller.use(sample.code)
    answer = await caller.call(RESERVE, request_id="r", ticket_id=sample.reference)
    assert answer["result"] == {"success": True}
    assert simulator.consumptions()[0].living == 0
