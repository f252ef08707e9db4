"""The simulator base: faults round a call, and the control interface."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from core.channels.contract import ChannelRequest, ChannelUnavailable, Effect, OutcomeUnknown
from core.testing.clock import ManualClock
from core.testing.faults import Fault, FaultKind
from core.testing.sessions import InProcessHttp
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    LoginSample,
    RunningClock,
    Sample,
    Simulator,
    Use,
    write_json,
)


class TurnstileSimulator(Simulator):
    """One coupon that every POST /use uses once more."""

    credentials: Mapping[str, str] = {"key": "k"}
    external_store_id = "s1"
    states = ("usable",)

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self.uses: list[Use] = []
        self.made = 0

    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint("POST", "/use", "use", "redeem", self._use),)

    def settings(self, address: str) -> Mapping[str, Any]:
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        self.made += 1
        return Sample(state, f"C{self.made}", "1", "a coupon", f"{self.address}/s/1/")

    def consumptions(self) -> Sequence[Consumption]:
        return [Consumption("1", "C1", 1, len(self.uses), self.uses)]

    def refuse_rate(self, call: Call) -> Response:
        return write_json({"error": "slow down"}, 429)

    def expire_tokens(self) -> None:
        self.made = -1

    def _use(self, call: Call) -> Response:
        self.uses.append(Use(str(len(self.uses)), "t", "s1", self.clock.now()))
        return write_json({"uses": len(self.uses)})


@pytest.fixture
def simulator() -> TurnstileSimulator:
    return TurnstileSimulator()


def make_request(effect: Effect = Effect.WRITE) -> ChannelRequest:
    return ChannelRequest("use", "POST", "http://simulator.test/use", effect)


@pytest.fixture
def control(simulator: TurnstileSimulator) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(simulator)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000/_control")


# ------------------------------------------------------------------------------------------------------------ faults
@pytest.mark.parametrize(
    ("kind", "status", "uses"),
    [
        (None, 200, 1),
        (FaultKind.ERROR_500, 500, 0),
        (FaultKind.ERROR_500_AFTER_APPLY, 500, 1),
        (FaultKind.GARBAGE, 200, 1),
        (FaultKind.RATE_LIMIT, 429, 0),
        (FaultKind.EXPIRE_TOKEN, 200, 1),
    ],
)
async def test_answered_faults(
    simulator: TurnstileSimulator, kind: FaultKind | None, status: int, uses: int
) -> None:
    simulator.faults.script("use", kind)
    answer = await InProcessHttp(simulator).send(make_request())
    assert (answer.status, len(simulator.uses)) == (status, uses)
    assert (simulator.made == -1) is (kind is FaultKind.EXPIRE_TOKEN)


@pytest.mark.parametrize(
    ("kind", "uses"),
    [(FaultKind.LOSE, 0), (FaultKind.DROP_AFTER_APPLY, 1), (FaultKind.SILENCE, 1), (FaultKind.APPLY_LATE, 0)],
)
@pytest.mark.parametrize(
    ("effect", "failure"), [(Effect.WRITE, OutcomeUnknown), (Effect.READ, ChannelUnavailable)]
)
async def test_unanswered_faults(
    simulator: TurnstileSimulator, kind: FaultKind, uses: int, effect: Effect, failure: type[Exception]
) -> None:
    simulator.faults.script("redeem", Fault(kind, 0.05))
    with pytest.raises(failure):
        await InProcessHttp(simulator).send(make_request(effect))
    assert len(simulator.uses) == uses
    simulator.settle()


async def test_late_call_lands_by_itself(simulator: TurnstileSimulator) -> None:
    simulator.faults.script("use", Fault(FaultKind.APPLY_LATE, 0.01))
    with pytest.raises(OutcomeUnknown):
        await InProcessHttp(simulator).send(make_request())
    assert len(simulator.uses) == 0
    await asyncio.sleep(0.05)
    assert len(simulator.uses) == 1
    assert simulator.settle() == 0


async def test_late_call_is_settled_once(simulator: TurnstileSimulator) -> None:
    simulator.faults.script("use", Fault(FaultKind.APPLY_LATE, 60))
    with pytest.raises(OutcomeUnknown):
        await InProcessHttp(simulator).send(make_request())
    assert (simulator.settle(), simulator.settle(), len(simulator.uses)) == (1, 0, 1)


async def test_slow_answer_meets_the_time_out(simulator: TurnstileSimulator) -> None:
    simulator.faults.script("use", Fault(FaultKind.DELAY, 5), Fault(FaultKind.DELAY, 0.01))
    http = InProcessHttp(simulator, timeout=0.05)
    with pytest.raises(OutcomeUnknown):
        await http.send(make_request())
    assert (await InProcessHttp(simulator).send(make_request())).status == 200
    assert len(simulator.uses) == 2


# ----------------------------------------------------------------------------------------------------------- control
async def test_state_tells_every_use(simulator: TurnstileSimulator, control: httpx.AsyncClient) -> None:
    await InProcessHttp(simulator).send(make_request())
    state = (await control.get("/state")).json()
    (consumption,) = state["consumptions"]
    assert (consumption["reference"], consumption["living"]) == ("1", 1)
    assert consumption["uses"] == [
        {"receipt": "0", "token": "t", "store": "s1", "used_at": state["now"], "reversed_at": None}
    ]
    assert (state["calls"], state["late"]) == ({"use": 1}, 0)


async def test_account_leads_here(control: httpx.AsyncClient) -> None:
    assert (await control.get("/account")).json() == {
        "credentials": {"key": "k"},
        "settings": {"baseUrl": "http://127.0.0.1:9000"},
        "externalStoreId": "s1",
    }


async def test_seed_makes_one_of_each(control: httpx.AsyncClient) -> None:
    (sample,) = (await control.post("/seed")).json()["usable"]
    assert (sample["code"], sample["link"]) == ("C1", "http://127.0.0.1:9000/s/1/")


async def test_seed_makes_as_many_as_wanted(control: httpx.AsyncClient) -> None:
    made = (await control.post("/seed", json={"usable": 3})).json()
    assert [sample["code"] for sample in made["usable"]] == ["C1", "C2", "C3"]


async def test_unknown_state_is_refused(control: httpx.AsyncClient, simulator: TurnstileSimulator) -> None:
    answer = await control.post("/seed", json={"usable": 1, "lost": 1})
    assert (answer.status_code, answer.json()) == (400, {"error": "no such state: lost"})
    assert simulator.made == 0


async def test_faults_are_planned_and_cleared(
    control: httpx.AsyncClient, simulator: TurnstileSimulator
) -> None:
    planned = (await control.post("/faults", json={"script": {"redeem": ["LOSE", None]}})).json()
    assert planned["script"] == {"redeem": ["LOSE", None]}
    assert (await control.post("/faults", json={})).json() == {"script": {}, "mix": {}}
    assert (await InProcessHttp(simulator).send(make_request())).status == 200


async def test_clock_goes_forward(control: httpx.AsyncClient, simulator: TurnstileSimulator) -> None:
    before = simulator.clock.now()
    await control.post("/clock", json={"seconds": 3600})
    assert simulator.clock.now() - before == timedelta(hours=1)


async def test_settle_over_the_wire(control: httpx.AsyncClient, simulator: TurnstileSimulator) -> None:
    simulator.faults.script("use", Fault(FaultKind.APPLY_LATE, 60))
    with pytest.raises(OutcomeUnknown):
        await InProcessHttp(simulator).send(make_request())
    assert (await control.get("/state")).json()["late"] == 1
    assert (await control.post("/settle")).json() == {"applied": 1}
    assert len(simulator.uses) == 1


async def test_login_over_the_wire() -> None:
    class WithPrograms(TurnstileSimulator):
        def make_login(self, subject: str | None = None) -> LoginSample:
            return LoginSample("code-1", subject or "somebody", phone_code="phone-1", phone="+8613800000000")

    transport = httpx.ASGITransport(app=WithPrograms())
    async with httpx.AsyncClient(transport=transport, base_url="http://turnstile.test/_control") as control:
        fresh = (await control.post("/login")).json()
        again = (await control.post("/login", json={"subject": "o-77"})).json()
    assert (fresh["code"], fresh["subject"], fresh["phone_code"]) == ("code-1", "somebody", "phone-1")
    assert again["subject"] == "o-77"


async def test_platform_without_programs_says_so(control: httpx.AsyncClient) -> None:
    assert (await control.post("/login")).status_code == 404


def test_login_sample_hides_what_is_secret() -> None:
    shown = repr(LoginSample("code-1", "somebody", "union", "phone-1", "+8613800000000"))
    assert not [each for each in ("code-1", "phone-1", "138") if each in shown]


def test_running_clock_can_be_put_forward() -> None:
    clock = RunningClock()
    before = clock.now()
    clock.advance(timedelta(days=1))
    assert timedelta(days=1) <= clock.now() - before < timedelta(days=1, seconds=5)
