"""The platform that the adapter is tried against refuses what WeChat would refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from core.channels.contract import Redeemed
from core.testing.sessions import InProcessHttp, make_session

TOKEN = {"grant_type": "client_credential", "appid": "wx5a1b2c3d4e5f6071"}
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def ask(simulator: Any) -> Any:
    """Posts to the platform as its interface wants it, with a good token."""

    async def post(path: str, body: dict[str, Any], token: str | None = None) -> Any:
        transport = httpx.ASGITransport(simulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator.test") as client:
            if token is None:
                given = await client.post("/cgi-bin/stable_token", json={**TOKEN, "secret": SECRET})
                token = given.json()["access_token"]
            return (await client.post(path, params={"access_token": token}, json=body)).json()

    return post


async def test_token_stays_the_same(simulator: Any, ask: Any, clock: Any) -> None:
    path, body = "/cgi-bin/stable_token", {**TOKEN, "secret": SECRET}
    first = await ask(path, body, "")
    clock.advance(timedelta(minutes=114))
    again = await ask(path, body, "")
    clock.advance(timedelta(minutes=2))
    renewed = await ask(path, body, "")
    assert (first["expires_in"], again["expires_in"], renewed["expires_in"]) == (7200, 360, 7200)
    assert first["access_token"] == again["access_token"] != renewed["access_token"]


async def test_renewed_token_leaves_the_old_one_its_life(simulator: Any, ask: Any, clock: Any) -> None:
    path, body = "/cgi-bin/stable_token", {**TOKEN, "secret": SECRET}
    first = (await ask(path, body, ""))["access_token"]
    clock.advance(timedelta(minutes=116))
    second = (await ask(path, body, ""))["access_token"]
    sent = [await ask("/channels/ec/voucher/get", {}, token) for token in (first, second)]
    clock.advance(timedelta(minutes=4))
    sent += [await ask("/channels/ec/voucher/get", {}, token) for token in (first, second)]
    assert [answer["errcode"] for answer in sent] == [47003, 47003, 42001, 47003]


async def test_forced_token_ends_the_old_one(simulator: Any, ask: Any, clock: Any) -> None:
    path, body = "/cgi-bin/stable_token", {**TOKEN, "secret": SECRET}
    first = (await ask(path, body, ""))["access_token"]
    forced = await ask(path, {**body, "force_refresh": True}, "")
    assert (forced["expires_in"], forced["access_token"] != first) == (7200, True)
    assert (await ask("/channels/ec/voucher/get", {}, first))["errcode"] == 40001
    assert (await ask(path, {**body, "force_refresh": True}, ""))["errcode"] == 45011
    assert (await ask(path, body, ""))["access_token"] == forced["access_token"]


async def test_twenty_forced_tokens_a_day(simulator: Any, ask: Any, clock: Any) -> None:
    path, body = "/cgi-bin/stable_token", {**TOKEN, "secret": SECRET, "force_refresh": True}
    answers = []
    for _ in range(21):
        answers.append(await ask(path, body, ""))
        clock.advance(timedelta(seconds=30))
    assert ["errcode" in answer for answer in answers] == [False] * 20 + [True]
    assert answers[-1]["errcode"] == 45009
    clock.advance(timedelta(days=1))
    assert "access_token" in await ask(path, body, "")


@pytest.mark.parametrize(("given", "errcode"), [("", 40001), ("SIM_STABLE_TOKEN_000009", 40001)])
async def test_wrong_token(ask: Any, given: str, errcode: int) -> None:
    assert (await ask("/channels/ec/voucher/get", {}, given))["errcode"] == errcode


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"consume_request_no": "A", "codes": []},
        {"codes": ["x"]},
        {"consume_request_no": "A", "codes": ["x"] * 11},
    ],
)
async def test_bad_consume(ask: Any, body: dict[str, Any]) -> None:
    assert (await ask("/channels/ec/voucher/consume", body))["errcode"] == 47003


async def test_other_body_is_no_repeat(simulator: Any, ask: Any) -> None:
    codes = [simulator.make("usable").reference for _ in range(2)]
    body = {"consume_request_no": "A", "codes": codes[:1], "sku_id": "20000002"}
    assert (await ask("/channels/ec/voucher/consume", body))["errcode"] == 0
    other = await ask("/channels/ec/voucher/consume", {**body, "codes": codes})
    assert [row["code"] for row in other["fail_voucher_list"]] == codes[:1]
    assert [each.living for each in simulator.consumptions()] == [1, 0]


async def test_ten_uses_and_no_more(simulator: Any, ask: Any) -> None:
    name = {"code": simulator.make("usable").reference, "sku_id": "20000002"}
    for number in range(11):
        used = {"consume_request_no": f"use{number}", "codes": [name["code"]], "sku_id": name["sku_id"]}
        answer = await ask("/channels/ec/voucher/consume", used)
        back = {"revoke_request_no": f"back{number}", "reovke_vouchers": [name]}
        await ask("/channels/ec/voucher/revoke", back)
    assert answer["fail_voucher_list"][0]["ret_code"] == "10020004"
    assert [len(each.uses) for each in simulator.consumptions()] == [10]


async def test_expired_after_revoke(simulator: Any, ask: Any, clock: Any) -> None:
    name = {"code": simulator.make("usable").reference, "sku_id": "20000002"}
    used = {"consume_request_no": "A", "codes": [name["code"]], "sku_id": name["sku_id"]}
    await ask("/channels/ec/voucher/consume", used)
    clock.advance(timedelta(days=31))
    back = await ask("/channels/ec/voucher/revoke", {"revoke_request_no": "B", "reovke_vouchers": [name]})
    assert back["voucher_list"][0]["status"] == 4


@pytest.mark.parametrize("state", ["usable", "merchant_coupon"])
async def test_serves_below_a_path(
    channel: Any, simulator: Any, scan: Any, order_of: Any, state: str
) -> None:
    simulator.address = "http://demo.test/simulators/wechat"
    session = make_session(channel, simulator)
    mounted = Starlette(routes=[Mount("/simulators/wechat", app=simulator)])
    session = replace(session, http=InProcessHttp(mounted))
    found = await channel.coupons.look_up(session, scan(simulator.make(state).code))
    (outcome,) = await channel.coupons.redeem(session, order_of(found))
    assert isinstance(outcome, Redeemed)
    assert [each.living for each in simulator.consumptions()] == [1]


def test_every_state_can_be_made(simulator: Any) -> None:
    samples = simulator.seed()
    assert samples.keys() == set(simulator.states)
    assert len({sample.reference for sample in samples.values()}) == len(samples)
