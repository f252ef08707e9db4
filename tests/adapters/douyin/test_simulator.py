"""The simulated platform's own promises, seen from the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.douyin.simulator import DouyinSimulator
from adapters.douyin.simulator.state import (
    ACCOUNT_ID,
    CLIENT_KEY,
    CLIENT_SECRET,
    OTHER_POI_ID,
    POI_ID,
    RECIPES,
)
from core.testing.faults import FaultKind

CERTIFICATE = "/goodlife/v1/fulfilment/certificate"
NOON = 1772424000  # of the day of these tests, in Shanghai
KEYS = {"client_key": CLIENT_KEY, "client_secret": CLIENT_SECRET, "grant_type": "client_credential"}


class Caller:
    """Calls the simulator with a token of its own."""

    def __init__(self, simulator: DouyinSimulator) -> None:
        self.simulator = simulator
        transport = httpx.ASGITransport(simulator)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://simulator.test")
        self.token = simulator.tokens.issue(simulator.clock.now())

    async def fetch(self, path: str = "/oauth/client_token/", **changes: Any) -> Any:
        return (await self.http.post(path, json={**KEYS, **changes})).json()["data"]

    async def get(self, path: str, **params: Any) -> Any:
        return (await self.http.get(path, params=params, headers={"access-token": self.token})).json()

    async def post(self, path: str, body: Any) -> Any:
        return (await self.http.post(path, json=body, headers={"access-token": self.token})).json()

    async def prepare(self, state: str) -> Any:
        sample = self.simulator.make(state)
        return (await self.get(f"{CERTIFICATE}/prepare/", code=sample.code, poi_id=POI_ID))["data"]

    async def verify(self, prepared: Any, times: int = 1, **changes: Any) -> Any:
        codes = [each["encrypted_code"] for each in prepared["certificates"] for _ in range(times)]
        token = prepared["verify_token"]
        body = {"verify_token": token, "poi_id": POI_ID, "encrypted_codes": codes, **changes}
        return (await self.post(f"{CERTIFICATE}/verify/", body))["data"]


@pytest.fixture
def caller(simulator: DouyinSimulator) -> Caller:
    return Caller(simulator)


def count_uses(simulator: DouyinSimulator) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


# ------------------------------------------------------------------------------------------------------------ tokens
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_key": ""}, 10002),
        ({"grant_type": ""}, 10002),
        ({"client_key": "x"}, 10003),
        ({"client_secret": "x"}, 10013),
    ],
)
async def test_token_needs_the_right_keys(caller: Caller, changes: Any, code: int) -> None:
    data = await caller.fetch(**changes)
    assert data["error_code"] == code
    assert "access_token" not in data


async def test_new_token_leaves_five_minutes(caller: Caller, clock: Any) -> None:
    await caller.fetch()
    clock.advance(timedelta(seconds=299))
    assert (await caller.get("/goodlife/v1/shop/poi/query/", account_id="72"))["data"]["error_code"] == 0
    clock.advance(timedelta(seconds=1))
    assert (await caller.get("/goodlife/v1/shop/poi/query/", account_id="72"))["data"][
        "error_code"
    ] == 2190008


async def test_only_two_newest_tokens_are_known(caller: Caller) -> None:
    await caller.fetch()
    await caller.fetch()
    assert (await caller.get("/goodlife/v1/shop/poi/query/", account_id="72"))["data"][
        "error_code"
    ] == 2190002


async def test_stable_token_stays(caller: Caller, clock: Any) -> None:
    first = await caller.fetch("/oauth/stable_client_token/")
    clock.advance(timedelta(hours=1))
    second = await caller.fetch("/oauth/stable_client_token/")
    assert second["access_token"] == first["access_token"]
    assert (first["expires_in"], second["expires_in"]) == (7200, 3600)


async def test_five_hundred_fetches_in_five_minutes(caller: Caller, clock: Any) -> None:
    codes = [(await caller.fetch())["error_code"] for _ in range(500)]
    assert (codes[:499].count(0), codes[499]) == (499, 10020)
    clock.advance(timedelta(minutes=6))
    assert (await caller.fetch())["error_code"] == 0


# ----------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        (f"{CERTIFICATE}/prepare/", {}, 1502),
        (f"{CERTIFICATE}/prepare/", {"code": "1", "encrypted_data": "2"}, 1502),
        (f"{CERTIFICATE}/prepare/", {"code": "999999999999"}, 1250),
        (f"{CERTIFICATE}/prepare/", {"encrypted_data": "x"}, 1221),
        (f"{CERTIFICATE}/get/", {}, 4000001),
        (f"{CERTIFICATE}/query/", {}, 4000001),
        (f"{CERTIFICATE}/query/", {"order_id": "1", "encrypted_code": "2"}, 4000001),
        (f"{CERTIFICATE}/query/", {"order_id": "1"}, 1250),
        (f"{CERTIFICATE}/verify_record/query/", {}, 2119001),
        (f"{CERTIFICATE}/verify_record/query/", {"account_id": "7", "cursor": "0", "size": "21"}, 2119001),
        ("/goodlife/v1/shop/poi/query/", {}, 2119001),
    ],
)
async def test_missing_parameters(caller: Caller, path: str, params: Any, code: int) -> None:
    body = await caller.get(path, **params)
    assert (body["data"]["error_code"], body["extra"]["error_code"]) == (code, code)


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("verify", {}, 2119001),
        ("verify", {"verify_token": "x", "poi_id": POI_ID, "encrypted_codes": ["x"]}, 2100005),
        ("verify", [], 200002),
        ("cancel", {}, 2119001),
        ("cancel", {"verify_id": "1", "certificate_id": "2"}, 2100005),
    ],
)
async def test_bodies_that_are_wrong(caller: Caller, call: str, body: Any, code: int) -> None:
    assert (await caller.post(f"{CERTIFICATE}/{call}/", body))["data"]["error_code"] == code
    assert count_uses(caller.simulator) == 0


# ------------------------------------------------------------------------------------------------------------- verify
async def test_same_body_is_remembered(caller: Caller) -> None:
    prepared = await caller.prepare("usable")
    (first,) = (await caller.verify(prepared))["verify_results"]
    (second,) = (await caller.verify(prepared))["verify_results"]
    assert (first["result"], second["result"]) == (0, 1208)
    assert second["verify_id"] == first["verify_id"]
    assert count_uses(caller.simulator) == 1


async def test_other_body_is_not(caller: Caller) -> None:
    prepared = await caller.prepare("usable")
    await caller.verify(prepared)
    (result,) = (await caller.verify(prepared, order_id="1"))["verify_results"]
    assert (result["result"], result["verify_id"]) == (1208, "")
    assert count_uses(caller.simulator) == 1


async def test_verify_token_is_forgotten(caller: Caller, clock: Any) -> None:
    prepared = await caller.prepare("usable")
    await caller.verify(prepared)
    clock.advance(timedelta(minutes=5))
    assert (await caller.verify(prepared))["error_code"] == 2100005


async def test_card_counts_down(caller: Caller) -> None:
    prepared = await caller.prepare("times_card")
    results = (await caller.verify(prepared, times=7))["verify_results"]
    amounts = [each["verify_amount_info"]["times_card_serial_amount"] for each in results]
    assert [amount["serial_numb"] for amount in amounts] == [4, 5, 6, 7, 8, 9, 10]
    assert caller.simulator.consumptions()[0].living == 10


async def test_expired_coupon_fails_at_verify(caller: Caller) -> None:
    (result,) = (await caller.verify(await caller.prepare("expired")))["verify_results"]
    assert (result["result"], result["verify_id"]) == (1212, "")
    assert count_uses(caller.simulator) == 0


async def test_history_goes_by_cursor(caller: Caller) -> None:
    await caller.verify(await caller.prepare("times_card"), times=2)
    ask = {"account_id": ACCOUNT_ID, "size": "3"}
    first = (await caller.get(f"{CERTIFICATE}/verify_record/query/", cursor="0", **ask))["data"]
    cursor = first["records"][-1]["cursor"]
    rest = (await caller.get(f"{CERTIFICATE}/verify_record/query/", cursor=cursor, **ask))["data"]
    seen = [record["verify_id"] for record in first["records"] + rest["records"]]
    assert (first["total"], len(seen), len(set(seen))) == (5, 5, 5)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2),
        ({"poi_ids": POI_ID}, 2),
        ({"poi_ids": OTHER_POI_ID}, 0),
        ({"start_time": NOON}, 1),
        ({"end_time": NOON - 1}, 1),
        ({"start_time": NOON - 7200, "end_time": NOON}, 2),
        ({"start_time": NOON + 1, "end_time": NOON + 9}, 0),
    ],
)
async def test_history_has_a_span_and_a_store(caller: Caller, changes: Any, count: int) -> None:
    caller.simulator.make("used")
    await caller.verify(await caller.prepare("usable"))
    ask = {"account_id": ACCOUNT_ID, "size": "20", "cursor": "0", **changes}
    data = (await caller.get(f"{CERTIFICATE}/verify_record/query/", **ask))["data"]
    assert (data["total"], len(data["records"])) == (count, count)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account_id": "72"}, 2119005),
        ({"start_time": "x"}, 2119001),
        ({"start_time": "9", "end_time": "8"}, 2119001),
    ],
)
async def test_history_refuses(caller: Caller, changes: Any, code: int) -> None:
    ask = {"account_id": ACCOUNT_ID, "size": "20", "cursor": "0", **changes}
    assert (await caller.get(f"{CERTIFICATE}/verify_record/query/", **ask))["data"]["error_code"] == code


async def test_code_shows_after_the_window(caller: Caller, clock: Any) -> None:
    prepared = await caller.prepare("usable")
    await caller.verify(prepared)
    handle = prepared["certificates"][0]["encrypted_code"]
    before = (await caller.get(f"{CERTIFICATE}/get/", encrypted_code=handle))["data"]["certificate"]
    clock.advance(timedelta(minutes=61))
    caller.token = caller.simulator.tokens.issue(clock.now())
    after = (await caller.get(f"{CERTIFICATE}/get/", encrypted_code=handle))["data"]["certificate"]
    assert ("code" in before, after["code"]) == (False, caller.simulator.consumptions()[0].code)
    assert (before["verify"]["can_cancel"], after["verify"]["can_cancel"]) == (True, False)


# -------------------------------------------------------------------------------------------------------------- seeds
def test_seed_has_every_state(simulator: DouyinSimulator) -> None:
    samples = simulator.seed()
    assert list(samples) == list(RECIPES)
    assert all(12 <= len(sample.code) <= 15 and sample.code.isdigit() for sample in samples.values())
    assert len({sample.code for sample in samples.values()}) == len(samples)


async def test_link_redirects_on_its_own_host(caller: Caller) -> None:
    link = caller.simulator.make("usable").link
    answer = await caller.http.get(str(link))
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("http://simulator.test/share/commerce/coupon/")
    assert (await caller.http.get("/s/nothing/")).status_code == 404


@pytest.mark.parametrize(
    ("path", "code"), [("/oauth/client_token/", 10020), (f"{CERTIFICATE}/verify/", 2119003)]
)
async def test_rate_limit_in_the_platforms_words(caller: Caller, path: str, code: int) -> None:
    caller.simulator.faults.script("*", FaultKind.RATE_LIMIT)
    assert (await caller.post(path, {}))["data"]["error_code"] == code
