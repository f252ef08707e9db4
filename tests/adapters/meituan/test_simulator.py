"""The simulated platform's own promises, seen from the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from adapters.meituan.client import sign_form
from adapters.meituan.simulator.state import DEVELOPER_ID, RECIPES, SIGN_KEY, TOKENS
from core.testing.faults import FaultKind

RECEIPT = "/ddzh/tuangou/receipt"


class Caller:
    """Calls the simulator with signatures of its own."""

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator
        transport = httpx.ASGITransport(simulator)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://simulator.test")

    async def call(self, path: str, biz: Any, key: str = SIGN_KEY, **changes: str) -> Any:
        product = "58" if path.startswith("/ddzh") else "1"
        form = {
            "developerId": DEVELOPER_ID,
            "businessId": product,
            "appAuthToken": TOKENS[product],
            "charset": "UTF-8",
            "timestamp": str(int(self.simulator.clock.now().timestamp())),
            "version": "2",
            "biz": biz if isinstance(biz, str) else orjson.dumps(biz).decode(),
            **changes,
        }
        return (await self.http.post(path, data={**form, "sign": sign_form(key, form)})).json()


@pytest.fixture
def caller(general: Any) -> Caller:
    return Caller(general)


def consume(code: str, **changes: Any) -> dict[str, Any]:
    person = {"appShopAccount": "a", "appShopAccountName": "b"}
    return {"receiptCode": code, "count": 1, "requestId": "r1", **person, **changes}


def count_uses(caller: Caller) -> int:
    return sum(len(each.uses) for each in caller.simulator.consumptions())


@pytest.mark.parametrize(
    ("changes", "code", "sub_code"),
    [
        ({"key": "another"}, "OP_UNIAUTH_FAILED", 3),
        ({"appAuthToken": "x"}, "OP_UNIAUTH_FAILED", 5),
        ({"businessId": "1"}, "OP_UNIAUTH_FAILED", 5),
        ({"developerId": "1"}, "OP_SYSTEM_PARAM_ERROR", None),
        ({"version": "1"}, "OP_SYSTEM_PARAM_ERROR", None),
        ({"timestamp": "1700000000"}, "OP_SYSTEM_PARAM_ERROR", None),
        ({"timestamp": "now"}, "OP_SYSTEM_PARAM_ERROR", None),
        ({"timestamp": ""}, "OP_HTTP_SYSTEM_PARAM_ERROR", None),
        ({"biz": "[]"}, "OP_SYSTEM_PARAM_ERROR", None),
        ({"biz": "{"}, "OP_SYSTEM_PARAM_ERROR", None),
    ],
)
async def test_gateway_refuses(caller: Caller, changes: Any, code: str, sub_code: int | None) -> None:
    answer = await caller.call(
        f"{RECEIPT}/consume", **{"biz": consume(caller.simulator.make("usable").code), **changes}
    )
    assert (answer["code"], (answer["data"] or {}).get("code")) == (code, sub_code)
    assert count_uses(caller) == 0


async def test_clock_may_differ_by_ten_minutes(caller: Caller, clock: Any) -> None:
    now = int(clock.now().timestamp())
    codes = [
        (await caller.call(f"{RECEIPT}/prepare", {"receiptCode": "1"}, timestamp=str(now + shift)))["code"]
        for shift in (-601, -600, 600, 601)
    ]
    assert codes == ["OP_SYSTEM_PARAM_ERROR", "OP_BIZ_ERROR", "OP_BIZ_ERROR", "OP_SYSTEM_PARAM_ERROR"]


async def test_json_is_not_taken(caller: Caller) -> None:
    answer = (await caller.http.post(f"{RECEIPT}/prepare", json={})).json()
    assert answer["code"] == "OP_HTTP_UNSUPPORTED_CONTENT_TYPE"


async def test_same_request_is_remembered(caller: Caller) -> None:
    code = caller.simulator.make("times_card").code
    first = await caller.call(f"{RECEIPT}/consume", consume(code))
    assert await caller.call(f"{RECEIPT}/consume", consume(code)) == first
    other = await caller.call(f"{RECEIPT}/consume", consume(code, count=2))
    assert (other["code"], other["msg"]) == ("OP_BIZ_ERROR", "requestId重复")
    assert count_uses(caller) == 3 + 1


@pytest.mark.parametrize(
    ("call", "biz"),
    [
        ("prepare", {}),
        ("consume", {"requestId": ""}),
        ("consume", {"appShopAccount": ""}),
        ("consume", {"count": 0}),
        ("consume", {"count": 101}),
        ("consume", {"count": "1"}),
        ("reverseconsume", {"dealId": "1"}),
        ("getconsumed", {"receiptCode": "0"}),
        ("querylistbydate", {"date": "2026-03-02", "bizType": 0, "offset": 0, "limit": 301}),
    ],
)
async def test_bodies_that_are_wrong(caller: Caller, call: str, biz: Any) -> None:
    code = caller.simulator.make("usable").code
    body = {} if not biz else {**consume(code), **biz}
    assert (await caller.call(f"{RECEIPT}/{call}", body))["code"] == "OP_BIZ_ERROR"
    assert count_uses(caller) == 0


async def test_list_goes_by_day_and_kind(caller: Caller, clock: Any) -> None:
    caller.simulator.make("times_card")
    caller.simulator.make("used")
    ask = {"date": "2026-03-02", "bizType": 201, "offset": 1, "type": 0, "limit": 300}
    cards = (await caller.call(f"{RECEIPT}/querylistbydate", ask))["data"]
    others = (await caller.call(f"{RECEIPT}/querylistbydate", {**ask, "bizType": 0, "offset": 0}))["data"]
    assert (cards["totalCount"], len(cards["records"]), others["totalCount"]) == (3, 2, 1)
    grouped = await caller.call(f"{RECEIPT}/querylistbydate", {**ask, "bizType": 203, "offset": 0})
    assert grouped["data"]["records"] == []
    empty = await caller.call(f"{RECEIPT}/querylistbydate", {**ask, "date": "2026-03-01"})
    assert empty["data"]["totalCount"] == 0


async def test_both_products_are_there(caller: Caller) -> None:
    code = caller.simulator.make("usable").code
    answer = await caller.call("/tuangou/ng/coupon/msprepare", {"code": code})
    assert (answer["code"], answer["data"]["couponCode"], answer["data"]["couponBuyPrice"]) == (
        "OP_SUCCESS",
        code,
        83.5,
    )


async def test_catering_sells_no_cards(caller: Caller) -> None:
    code = caller.simulator.make("times_card").code
    answer = await caller.call("/tuangou/ng/coupon/msconsume", {"code": code, "num": 1})
    assert answer["msg"] == "券码不存在"


async def test_cancel_wants_all_its_keys(caller: Caller) -> None:
    code = caller.simulator.make("usable").code
    await caller.call("/tuangou/ng/coupon/msconsume", {"code": code, "num": 1})
    for body in ({"type": 2}, {"eId": "x" * 33}, {"eName": ""}):
        wanted = {"couponCode": code, "type": 1, "eId": "a", "eName": "b", **body}
        answer = await caller.call("/tuangou/coupon/cancel", wanted)
        assert (answer["code"], answer["data"]["result"]) == ("OP_SUCCESS", 1)
    assert caller.simulator.consumptions()[0].living == 1


async def test_cancel_ends_after_ten_minutes(caller: Caller, clock: Any) -> None:
    code = caller.simulator.make("usable").code
    await caller.call("/tuangou/ng/coupon/msconsume", {"code": code, "num": 1})
    query = "/tuangou/coupon/queryById"
    before = (await caller.call(query, {"couponCode": code}))["data"]["couponCancelStatus"]
    clock.advance(timedelta(minutes=11))
    assert (before, (await caller.call(query, {"couponCode": code}))["data"]["couponCancelStatus"]) == (1, 0)


def test_seed_has_every_state(general: Any, catering: Any) -> None:
    services, meals = general.seed(), catering.seed()
    assert list(services) == list(RECIPES)
    assert services.keys() - meals.keys() == {"times_card"}
    assert {len(sample.code) for sample in services.values()} == {10}
    assert {len(sample.code) for sample in meals.values()} == {12}
    with pytest.raises(KeyError):
        catering.make("times_card")


async def test_rate_limit_in_the_platforms_words(caller: Caller) -> None:
    caller.simulator.faults.script("*", FaultKind.RATE_LIMIT)
    assert (await caller.call(f"{RECEIPT}/prepare", {}))["code"] == "OP_LIMITATION_REJECT"
