"""The simulated gateway keeps what the documents say, so that tests against it mean something."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.koubei.client import sign_text, write_signed_text
from adapters.koubei.simulator import app
from adapters.koubei.simulator.keys import make_key
from adapters.koubei.simulator.state import APP_AUTH_TOKEN, APP_ID, OPEN_ID, OTHER_SHOP_ID, SHOP_ID
from adapters.koubei.wire import (
    CERTIFICATE_PREPARE,
    CERTIFICATE_REFUND,
    CERTIFICATE_USE,
    TICKET_CANCEL,
    TICKET_QUERY,
    TICKET_USE,
)
from core.channels.wire import (
    write_china_time,
)

Fields = dict[str, Any]


class Caller:
    """A till that speaks to the gateway itself; `changes` replace parameters after signing."""

    def __init__(self, simulator: Any, prefix: str = "") -> None:
        self.simulator = simulator
        served = Starlette(routes=[Mount(prefix, simulator)]) if prefix else simulator
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://shop.test")
        self.path = f"{prefix}/gateway.do"

    async def __call__(self, method: str, body: Fields, **changes: str) -> Fields:
        content = orjson.dumps(body).decode()
        params = {
            "app_id": APP_ID,
            "method": method,
            "sign_type": "RSA2",
            "timestamp": write_china_time(self.simulator.clock.now()),
            "app_auth_token": APP_AUTH_TOKEN,
        }
        params["sign"] = sign_text(write_signed_text({**params, "biz_content": content}), make_key("app"))
        form = urlencode({"biz_content": content}).encode()
        answer = await self.http.post(self.path, params={**params, **changes}, content=form)
        document = answer.json()
        return dict(next(document[key] for key in document if key != "sign"))


@pytest.fixture
def call(simulator: Any) -> Caller:
    return Caller(simulator)


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"app_id": "2014000000000000"}, "isv.invalid-app-id"),
        ({"sign": "AAAA"}, "isv.invalid-signature"),
        ({"sign_type": "RSA"}, "isv.invalid-signature"),
        ({"version": "2.0"}, "isv.invalid-signature"),
        ({"timestamp": "1700000000"}, "isv.invalid-timestamp"),
        ({"app_auth_token": "another"}, "isv.invalid-signature"),
    ],
)
async def test_every_parameter_is_checked(call: Caller, changes: dict[str, str], sub_code: str) -> None:
    ticket = call.simulator.make("usable")
    body = {"ticket_code": ticket.code, "shop_id": SHOP_ID}
    assert (await call(TICKET_QUERY, body))["code"] == "10000"
    assert (await call(TICKET_QUERY, body, **changes))["sub_code"] == sub_code


async def test_unknown_method_is_refused(call: Caller) -> None:
    assert (await call("koubei.trade.nothing", {}))["sub_code"] == "isv.invalid-method"


async def test_it_works_below_a_path(simulator: Any) -> None:
    ticket = simulator.make("usable")
    call = Caller(simulator, "/simulators/koubei")
    fields = await call(TICKET_QUERY, {"ticket_code": ticket.code, "shop_id": SHOP_ID})
    assert fields["ticket_status"] == "EFFECTIVE"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("usable", "EFFECTIVE"),
        ("used", "USED"),
        ("expired", "UN_EFFECTIVE"),
        ("refunded", "REFUNDED"),
        ("not_yet_valid", "UN_EFFECTIVE"),
        ("wrong_store", "UN_EFFECTIVE"),
        ("locked", "REFUNDING"),
        ("times_card", "EFFECTIVE"),
    ],
)
async def test_ticket_shows_its_status(call: Caller, state: str, status: str) -> None:
    body = {"ticket_code": call.simulator.make(state).code, "shop_id": SHOP_ID}
    assert (await call(TICKET_QUERY, body))["ticket_status"] == status


@pytest.mark.parametrize(
    ("state", "sub_code"),
    [
        ("used", "TICKET_ALREADY_USED"),
        ("expired", "TICKET_EXPIRED"),
        ("wrong_store", "TICKET_SHOP_NOT_MATCH"),
        ("refunded", "TICKET_CODE_INVALID"),
    ],
)
async def test_unusable_ticket_is_not_used(call: Caller, state: str, sub_code: str) -> None:
    ticket = call.simulator.make(state)
    before = call.simulator.consumptions()[0].living
    body = {"request_id": "r1", "ticket_code": ticket.code, "shop_id": SHOP_ID}
    assert (await call(TICKET_USE, body))["sub_code"] == sub_code
    assert call.simulator.consumptions()[0].living == before


async def test_request_number_works_once(call: Caller) -> None:
    first, other = call.simulator.make("usable"), call.simulator.make("usable")
    body = {"request_id": "r1", "ticket_code": first.code, "shop_id": SHOP_ID, "quantity": "1"}
    used, again = await call(TICKET_USE, body), await call(TICKET_USE, body)
    assert again == {**used, "biz_code": "BIZ_ALREADY_SUCCESS"}
    changed = await call(TICKET_USE, {**body, "ticket_code": other.code})
    assert changed["sub_code"] == "INVALID_PARAMETER"
    assert [each.living for each in call.simulator.consumptions()] == [1, 0]


async def test_request_number_is_letters_and_digits(call: Caller) -> None:
    code = call.simulator.make("usable").code
    for number in ("a-b", "x" * 33, ""):
        body = {"request_id": number, "ticket_code": code, "shop_id": SHOP_ID}
        assert (await call(TICKET_USE, body))["sub_code"] == "isv.invalid-parameter"


async def test_cancel_names_the_use(call: Caller) -> None:
    code = call.simulator.make("times_card").code
    await call(TICKET_USE, {"request_id": "r1", "ticket_code": code, "shop_id": SHOP_ID, "quantity": "2"})
    body = {"request_id": "r1", "request_biz_no": "r1", "ticket_code": code, "quantity": "1"}
    assert (await call(TICKET_CANCEL, body))["sub_code"] == "INVALID_PARAMETER"
    assert (await call(TICKET_CANCEL, {**body, "request_id": "r2"}))["sub_code"] == "INVALID_PARAMETER"
    assert (await call(TICKET_CANCEL, {**body, "quantity": "2"}))["code"] == "10000"
    assert (await call(TICKET_CANCEL, {**body, "quantity": "2"}))["biz_code"] == "BIZ_ALREADY_SUCCESS"
    assert call.simulator.consumptions()[0].living == 3


async def make_use(call: Caller, number: str = "b1", **changes: Any) -> Fields:
    order = call.simulator.orders[0]
    infos = [{"encrypted_code": each.encrypted_code} for each in order.coupons]
    body = {
        "out_biz_no": number,
        "order_id": order.order_no,
        "shop_id": SHOP_ID,
        "biz_dt": "2026-03-02 12:00:00",
        "open_id": OPEN_ID,
        "certificate_use_info_list": infos,
    }
    return await call(CERTIFICATE_USE, {**body, **changes})


async def test_business_number_repeats_its_answer(call: Caller) -> None:
    call.simulator.make("certificate_two_coupons")
    first, again = await make_use(call), await make_use(call)
    assert first == again
    assert (await make_use(call, biz_dt="2026-03-02 12:00:01"))["sub_code"] == "INVALID_PARAMETER"
    assert (await make_use(call, "b2"))["sub_code"] == "CERTIFICATE_IS_USED"
    assert [each.living for each in call.simulator.consumptions()] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"shop_id": OTHER_SHOP_ID}, "INVALID_PARAMETER"),
        ({"open_id": "somebody"}, "CERTIFICATE_NOT_EXIST"),
        ({"order_id": "1"}, "CERTIFICATE_NOT_EXIST"),
        ({"biz_dt": "now"}, "INVALID_PARAMETER"),
        ({"certificate_use_info_list": [{"encrypted_code": "x"}]}, "CERTIFICATE_NOT_EXIST"),
    ],
)
async def test_wrong_use_is_refused(call: Caller, changes: Fields, sub_code: str) -> None:
    call.simulator.make("certificate_usable")
    assert (await make_use(call, **changes))["sub_code"] == sub_code
    assert call.simulator.consumptions()[0].living == 0


async def test_refund_names_the_certificate(call: Caller) -> None:
    call.simulator.make("certificate_usable")
    (row,) = (await make_use(call))["certificate_use_result_list"]
    info = {"certificate_id": row["certificate_id"], "use_order_no": row["use_order_no"]}
    body = {"out_biz_no": "c1", "open_id": OPEN_ID, "certificate_reverse_info_list": [info]}
    wrong = {**body, "out_biz_no": "c2", "certificate_reverse_info_list": [{**info, "certificate_id": "1"}]}
    assert (await call(CERTIFICATE_REFUND, wrong))["sub_code"] == "INVALID_PARAMETER"
    assert (await call(CERTIFICATE_REFUND, body))["code"] == "10000"
    assert (await call(CERTIFICATE_REFUND, body))["code"] == "10000"
    assert (await call(CERTIFICATE_REFUND, {**body, "out_biz_no": "c3"}))["sub_code"] == "INVALID_PARAMETER"
    assert call.simulator.consumptions()[0].living == 0


async def test_prepare_takes_one_of_two(call: Caller) -> None:
    sample = call.simulator.make("certificate_usable")
    both = {"code": sample.code, "encrypted_data": sample.link}
    assert (await call(CERTIFICATE_PREPARE, both))["sub_code"] == "INVALID_PARAMETER"
    assert (await call(CERTIFICATE_PREPARE, {}))["sub_code"] == "INVALID_PARAMETER"
    for query in ({"code": sample.code}, {"encrypted_data": sample.link}):
        assert (await call(CERTIFICATE_PREPARE, query))["code"] == "10000"


def test_demo_holds_both_interfaces() -> None:
    simulator = app()
    samples = simulator.seed()
    assert samples.keys() == set(simulator.states)
    assert [state for state, sample in samples.items() if sample.link] == ["times_card", "two_coupons"]
    assert len({sample.code for sample in samples.values()}) == len(samples)
