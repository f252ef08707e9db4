"""The simulated platform's own promises, seen from the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.kuaishou.simulator import KuaishouSimulator
from adapters.kuaishou.simulator.state import APP_ID, APP_SECRET, POI_ID, RECIPES, REFRESH_TOKEN
from core.testing.faults import FaultKind

CERTIFICATE = "/goodlife/v1/fulfilment/certificate"
KEYS = {
    "app_id": APP_ID,
    "app_secret": APP_SECRET,
    "grant_type": "refresh_token",
    "refresh_token": REFRESH_TOKEN,
}


class Caller:
    """Calls the simulator with a token of its own."""

    def __init__(self, simulator: KuaishouSimulator) -> None:
        self.simulator = simulator
        transport = httpx.ASGITransport(simulator)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://simulator.test")
        self.token = ""

    async def refresh(self, **changes: Any) -> Any:
        return (await self.http.get("/oauth2/refresh_token", params={**KEYS, **changes})).json()

    async def sign_in(self) -> Any:
        pair = await self.refresh()
        self.token = pair["access_token"]
        return pair

    async def get(self, operation: str, **params: Any) -> Any:
        headers = {"access-token": self.token}
        return (await self.http.get(f"{CERTIFICATE}/{operation}", params=params, headers=headers)).json()[
            "data"
        ]

    async def post(self, operation: str, body: Any) -> Any:
        headers = {"access-token": self.token}
        return (await self.http.post(f"{CERTIFICATE}/{operation}", json=body, headers=headers)).json()["data"]

    async def prepare(self, state: str) -> Any:
        return await self.get("prepare", code=self.simulator.make(state).code)

    async def verify(self, prepared: Any, **changes: Any) -> Any:
        codes = [each["encrypted_code"] for each in prepared["certificates"]]
        kept = {key: prepared[key] for key in ("verify_token", "order_id")}
        return await self.post("verify", {**kept, "poi_id": POI_ID, "encrypted_codes": codes, **changes})


@pytest.fixture
async def caller(simulator: KuaishouSimulator) -> Caller:
    return Caller(simulator)


def count_uses(simulator: KuaishouSimulator) -> int:
    return sum(len(each.uses) for each in simulator.consumptions())


@pytest.mark.parametrize(
    "changes", [{"app_id": "x"}, {"app_secret": "x"}, {"refresh_token": "x"}, {"grant_type": "code"}]
)
async def test_refresh_needs_the_right_keys(caller: Caller, changes: Any) -> None:
    answer = await caller.refresh(**changes)
    assert answer["result"] != 1
    assert "access_token" not in answer
    assert (await caller.refresh())["result"] == 1


async def test_refresh_token_is_used_up(caller: Caller) -> None:
    pair = await caller.sign_in()
    assert (pair["expires_in"], pair["refresh_token_expires_in"]) == (172800, 15552000)
    assert (await caller.refresh())["error_msg"] == "invalid refresh_token"
    assert (await caller.refresh(refresh_token=pair["refresh_token"]))["result"] == 1


async def test_refresh_token_ages(caller: Caller, clock: Any) -> None:
    pair = await caller.sign_in()
    clock.advance(timedelta(days=180))
    assert (await caller.refresh(refresh_token=pair["refresh_token"]))["result"] != 1


async def test_access_token_is_checked(caller: Caller, clock: Any) -> None:
    assert (await caller.prepare("usable"))["error_code"] == 2190002
    await caller.sign_in()
    assert (await caller.prepare("usable"))["error_code"] == 0
    clock.advance(timedelta(hours=48))
    assert (await caller.prepare("usable"))["error_code"] == 2190008


@pytest.mark.parametrize("params", [{}, {"code": "1", "encrypted_data": "2"}])
async def test_prepare_takes_one_of_two(caller: Caller, params: Any) -> None:
    await caller.sign_in()
    assert (await caller.get("prepare", **params))["error_code"] == 2100005


@pytest.mark.parametrize(
    "changes",
    [
        {"verify_token": "x"},
        {"order_id": "x"},
        {"order_id": ""},
        {"poi_id": ""},
        {"encrypted_codes": []},
        {"encrypted_codes": "x"},
        {"encrypted_codes": ["x"]},
    ],
)
async def test_verify_needs_all(caller: Caller, changes: Any) -> None:
    await caller.sign_in()
    data = await caller.verify(await caller.prepare("usable"), **changes)
    assert data["error_code"] in {2100005, 1208}
    assert count_uses(caller.simulator) == 0


async def test_same_body_is_remembered(caller: Caller) -> None:
    await caller.sign_in()
    prepared = await caller.prepare("usable")
    first, second = await caller.verify(prepared), await caller.verify(prepared)
    assert first == second
    assert (first["verify_results"][0]["result"], count_uses(caller.simulator)) == (0, 1)


async def test_verify_token_is_forgotten(caller: Caller, clock: Any) -> None:
    await caller.sign_in()
    prepared = await caller.prepare("usable")
    clock.advance(timedelta(minutes=5))
    assert (await caller.verify(prepared))["error_code"] == 2100005


async def test_expired_meanwhile(caller: Caller, simulator: Any) -> None:
    await caller.sign_in()
    prepared = await caller.prepare("usable")
    simulator.orders[0].certificates[0].expires_at -= timedelta(days=40)
    (row,) = (await caller.verify(prepared))["verify_results"]
    assert (row["result"], row["msg"], row["verify_id"]) == (1, "券已过期", "")
    assert count_uses(simulator) == 0


@pytest.mark.parametrize("body", [[], {}, {"verify_id": "1", "certificate_id": "2"}])
async def test_cancel_of_nothing(caller: Caller, body: Any) -> None:
    await caller.sign_in()
    assert (await caller.post("cancel", body))["error_code"] == 2100005


def test_seed_has_every_state(simulator: KuaishouSimulator) -> None:
    samples = simulator.seed()
    assert list(samples) == list(RECIPES)
    assert len({sample.code for sample in samples.values()}) == len(samples)
    assert all(sample.code.startswith("8802604") and len(sample.code) == 12 for sample in samples.values())


async def test_rate_limit_in_the_platforms_words(caller: Caller) -> None:
    caller.simulator.faults.script("*", FaultKind.RATE_LIMIT, FaultKind.RATE_LIMIT)
    assert (await caller.refresh())["result"] == 2119003
    assert (await caller.get("prepare"))["error_code"] == 2119003
