"""The simulated platform: what it checks, what it remembers, what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import SecretStr

from adapters.dianping.client import sign_request
from adapters.dianping.simulator import DianpingSimulator
from adapters.dianping.simulator.state import (
    APP_KEY,
    APP_SECRET,
    MERCHANT,
    OTHER_SHOP,
    RECIPES,
    REFRESH_TOKEN,
    SESSION,
    SHOP,
)
from core.channels.wire import CHINA
from core.testing.faults import FaultKind

RECEIPT = "/router/tuangou/receipt"
WHO = {"app_shop_account": "pos01", "app_shop_accountname": "收银台一号"}


@dataclass
class Caller:
    """Somebody else's client of the platform, who signs by the documents."""

    simulator: DianpingSimulator
    http: httpx.AsyncClient

    def sign(self, business: Any, **common: str) -> dict[str, str]:
        now = self.simulator.clock.now().astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        params = {"app_key": APP_KEY, "timestamp": now, "session": SESSION, "format": "json", "v": "1"}
        params |= {"sign_method": "MD5", "open_shop_uuid": SHOP, **business, **common}
        return {"sign": sign_request(params, SecretStr(APP_SECRET)), **params}

    async def post(self, call: str, _common: Any = None, **business: str) -> Any:
        return await self.send(f"{RECEIPT}/{call}", self.sign(business, **(_common or {})))

    async def send(self, path: str, params: Any) -> Any:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return (await self.http.post(path, content=urlencode(params), headers=headers)).json()

    async def get(self, path: str, **business: str) -> Any:
        return (await self.http.get(path, params=self.sign(business))).json()

    async def consume(self, code: str, requestid: str = "r-1", count: str = "1", **more: str) -> Any:
        business = {"requestid": requestid, "receipt_code": code, "count": count, **WHO, **more}
        return await self.post("consume", **business)


@pytest.fixture
def caller(simulator: DianpingSimulator) -> Caller:
    transport = httpx.ASGITransport(simulator)
    client = httpx.AsyncClient(transport=transport, base_url="http://simulator.test", trust_env=False)
    return Caller(simulator, client)


def count_uses(simulator: DianpingSimulator) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


# -------------------------------------------------------------------------------------------------------- the door
@pytest.mark.parametrize(
    ("common", "code"),
    [
        ({"app_key": "1"}, 605),
        ({"sign_method": "HMAC"}, 606),
        ({"timestamp": "2026-03-02 11:49:59"}, 607),
        ({"timestamp": "2026-03-02 12:10:01"}, 607),
        ({"timestamp": "20260302120000"}, 607),
        ({"session": "sess-nobody"}, 608),
        ({"open_shop_uuid": "nowhere"}, 612),
        ({"open_shop_uuid": ""}, 604),
    ],
)
async def test_common_parameters_are_checked(caller: Caller, common: Any, code: int) -> None:
    sample = caller.simulator.make("usable")
    answer = await caller.post("prepare", common, receipt_code=sample.code)
    assert (answer["code"], "data" in answer) == (code, False)


@pytest.mark.parametrize("changed", ["receipt_code", "session", "timestamp", "sign"])
async def test_every_parameter_is_signed(caller: Caller, changed: str) -> None:
    params = caller.sign({"receipt_code": caller.simulator.make("usable").code})
    good = await caller.send(f"{RECEIPT}/prepare", params)
    bad = await caller.send(f"{RECEIPT}/prepare", {**params, changed: params[changed] + "0"})
    assert (good["code"], bad["code"]) == (200, 606)


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_ten_minutes_of_skew_are_borne(caller: Caller, clock: Any, minutes: int) -> None:
    params = caller.sign({"receipt_code": caller.simulator.make("usable").code})
    clock.advance(timedelta(minutes=minutes))
    assert (await caller.send(f"{RECEIPT}/prepare", params))["code"] == 200


async def test_session_lives_thirty_days(caller: Caller, clock: Any) -> None:
    code = caller.simulator.make("usable").code
    clock.advance(timedelta(days=30, seconds=-1))
    assert (await caller.post("prepare", receipt_code=code))["code"] == 200
    clock.advance(timedelta(seconds=1))
    assert (await caller.post("prepare", receipt_code=code))["code"] == 608


async def test_shops_of_a_merchant(caller: Caller) -> None:
    shops = await caller.get("/router/oauth/session/scope", bid=MERCHANT)
    assert [row["open_shop_uuid"] for row in shops["data"]] == [SHOP, OTHER_SHOP]
    assert (await caller.get("/router/oauth/session/scope"))["code"] == 604


# --------------------------------------------------------------------------------------------------------- renewals
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_key": "1"}, 605),
        ({"app_secret": "1"}, 603),
        ({"grant_type": "password"}, 604),
        ({"refresh_token": "1"}, 609),
    ],
)
async def test_renewals_are_checked(caller: Caller, changes: Any, code: int) -> None:
    form = {"app_key": APP_KEY, "app_secret": APP_SECRET, "grant_type": "refresh_token"}
    answer = await caller.send("/router/oauth/token", {**form, "refresh_token": REFRESH_TOKEN, **changes})
    assert (answer["code"], caller.simulator.sessions.remaining) == (code, 12)


async def test_refresh_token_works_once(caller: Caller) -> None:
    form = {"app_key": APP_KEY, "app_secret": APP_SECRET, "grant_type": "refresh_token"}
    first = await caller.send("/router/oauth/token", {**form, "refresh_token": REFRESH_TOKEN})
    again = await caller.send("/router/oauth/token", {**form, "refresh_token": REFRESH_TOKEN})
    third = await caller.send("/router/oauth/token", {**form, "refresh_token": first["refresh_token"]})
    assert (first["code"], again["code"], third["code"]) == (200, 609, 200)
    assert (first["remain_refresh_count"], third["remain_refresh_count"]) == (11, 10)


# ---------------------------------------------------------------------------------------------------------- parameters
@pytest.mark.parametrize(
    ("call", "business", "code"),
    [
        ("prepare", {}, 604),
        ("prepare", {"receipt_code": "0746199999"}, 804),
        ("scanprepare", {}, 604),
        ("scanprepare", {"qr_code": "0746199999"}, 804),
        ("consume", {}, 604),
        ("consume", {"requestid": "r", "receipt_code": "0746199999", "count": "1"}, 604),
        ("consume", {"requestid": "r", "receipt_code": "0746199999", "count": "1", **WHO}, 804),
        ("batchconsume", {"requestid": "r", "receipt_code_infos": "[", **WHO}, 604),
        ("batchconsume", {"requestid": "r", "receipt_code_infos": "{}", **WHO}, 604),
        ("batchconsume", {"requestid": "r", "receipt_code_infos": "[{}]", **WHO}, 604),
        ("reverseconsume", {"receipt_code": "0746199999", **WHO}, 604),
        ("reverseconsume", {"app_deal_id": "1", "receipt_code": "0746199999", **WHO}, 804),
    ],
)
async def test_business_parameters_are_checked(caller: Caller, call: str, business: Any, code: int) -> None:
    assert (await caller.post(call, **business))["code"] == code
    assert count_uses(caller.simulator) == 0


# ------------------------------------------------------------------------------------------------------------- redeem
async def test_same_request_gets_the_same_answer(caller: Caller) -> None:
    code = caller.simulator.make("usable").code
    first, second = await caller.consume(code), await caller.consume(code)
    assert (first["code"], second) == (200, first)
    assert count_uses(caller.simulator) == 1


async def test_requestid_is_for_one_request(caller: Caller) -> None:
    codes = [caller.simulator.make("usable").code for _ in range(2)]
    await caller.consume(codes[0])
    assert (await caller.consume(codes[1]))["code"] == 811
    assert (await caller.consume(codes[0], requestid="r-2"))["code"] == 801
    assert count_uses(caller.simulator) == 1


async def test_refused_request_may_be_tried_again(caller: Caller) -> None:
    code = caller.simulator.make("usable").code
    assert (await caller.consume(code, open_shop_uuid=OTHER_SHOP))["code"] == 803
    assert (await caller.consume(code))["code"] == 200


async def test_code_has_one_use(caller: Caller) -> None:
    assert (await caller.consume(caller.simulator.make("usable").code, count="2"))["code"] == 810
    assert count_uses(caller.simulator) == 0


async def test_record_shows_the_account(caller: Caller) -> None:
    code = caller.simulator.make("usable").code
    await caller.consume(code)
    record = (await caller.get(f"{RECEIPT}/getconsumed", receipt_code=code))["data"]
    assert (record["verify_account"], record["verify_channel"]) == ("pos01", "15")
    assert record["verify_time"] == "2026-03-02 12:00:00"


# ------------------------------------------------------------------------------------------------------------ reverse
async def test_only_ones_own_use_is_taken_back(caller: Caller) -> None:
    by_hand = caller.simulator.make("used")
    deal_id = str(caller.simulator.orders[0].coupons[0].deal_id)
    body = {"app_deal_id": deal_id, "receipt_code": by_hand.code, **WHO}
    assert (await caller.post("reverseconsume", **body))["code"] == 806
    assert caller.simulator.consumptions()[0].living == 1


@pytest.mark.parametrize(
    ("changes", "code"), [({"app_deal_id": "1"}, 604), ({"open_shop_uuid": OTHER_SHOP}, 806)]
)
async def test_reversal_names_deal_and_shop(caller: Caller, changes: Any, code: int) -> None:
    sample = caller.simulator.make("usable")
    deal_id = str((await caller.consume(sample.code))["data"][0]["deal_id"])
    body = {"app_deal_id": deal_id, "receipt_code": sample.code, **WHO}
    assert (await caller.post("reverseconsume", **{**body, **changes}))["code"] == code
    assert (await caller.post("reverseconsume", **body))["code"] == 200
    assert (await caller.post("reverseconsume", **body))["code"] == 806


# -------------------------------------------------------------------------------------------------------------- seeds
def test_seed_has_every_state(simulator: DianpingSimulator) -> None:
    samples = simulator.seed()
    assert list(samples) == list(RECIPES)
    assert all(len(sample.code) == 10 and sample.code.isdigit() for sample in samples.values())
    assert len({each.reference for each in simulator.consumptions()}) == len(samples) + 1


@pytest.mark.parametrize("path", ["/router/oauth/token", f"{RECEIPT}/consume"])
async def test_rate_limit_in_the_platforms_words(caller: Caller, path: str) -> None:
    caller.simulator.faults.script("*", FaultKind.RATE_LIMIT)
    assert await caller.send(path, {}) == {"code": 611, "msg": "请求过于频繁"}


# ------------------------------------------------------------------------------------------------------------- the list
DAY = {"date": "2026-03-02", "offset": "0", "limit": "100"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, 3),
        ({"biz_type": "0", "type": "0"}, 3),
        ({"offset": "1", "limit": "1"}, 1),
        ({"offset": "3"}, 0),
        ({"date": "2026-03-01"}, 0),
        ({"biz_type": "201"}, 0),
        ({"type": "1"}, 0),
        ({"open_shop_uuid": OTHER_SHOP}, 0),
    ],
)
async def test_list_goes_by_day_shop_and_kind(caller: Caller, changes: Any, codes: int) -> None:
    for _ in range(3):
        caller.simulator.make("used")
    data = (await caller.get(f"{RECEIPT}/querylistbydate", **{**DAY, **changes}))["data"]
    assert len(data["records"]) == codes
    assert data["total_count"] == ("3" if codes or "offset" in changes else "0")


@pytest.mark.parametrize(
    "changes", [{"date": "20260302"}, {"date": ""}, {"offset": "-1"}, {"limit": "0"}, {"limit": "101"}]
)
async def test_list_wants_its_parameters(caller: Caller, changes: Any) -> None:
    assert (await caller.get(f"{RECEIPT}/querylistbydate", **{**DAY, **changes}))["code"] == 604
