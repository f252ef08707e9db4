"""The simulated platform of these tests, and the tests' hand on it."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from adapters.douyin.simulator import DouyinSimulator
from core.testing.simulator import Call, Sample, Use

ELSEWHERE = "7100000000000000099"


class CrashPlatform(DouyinSimulator):
    """Douyin Life, with one more state of a coupon.

    `snatched`: between prepare and verify somebody uses it by hand in the merchant app, in another shop. So
    the coupon looks fine, and its redemption is refused.
    """

    states: ClassVar[tuple[str, ...]] = (*DouyinSimulator.states, "snatched")

    def __init__(self) -> None:
        super().__init__()
        self._snatched: set[str] = set()

    def make(self, state: str) -> Sample:
        """See `Simulator.make`."""
        if state != "snatched":
            return super().make(state)
        sample = super().make("usable")
        self._snatched.add(sample.code)
        return sample

    def _prepare(self, call: Call) -> dict[str, Any]:
        answer = super()._prepare(call)
        if call.params.get("code") in self._snatched:
            order = self._find_order(call.params["code"], None)
            use = Use(f"7551{self._next():015d}", "", ELSEWHERE, self.clock.now())
            order.certificates[0].uses.append(use)
        return answer


class PlatformControl:
    """The control API of the platform at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(base_url=f"{address}/_control", trust_env=False, verify=False, timeout=10)

    def connection(self) -> dict[str, Any]:
        """What an account is connected with."""
        return dict(self._client.get("/account").raise_for_status().json())

    def seed(self, **wanted: int) -> dict[str, list[dict[str, Any]]]:
        """New coupons: so many of each state."""
        return dict(self._client.post("/seed", json=wanted).raise_for_status().json())

    def plan(self, faults: dict[str, Any]) -> None:
        """Forgets the old plan of faults and takes this one."""
        self._client.post("/faults", json={}).raise_for_status()
        if faults:
            self._client.post("/faults", json=faults).raise_for_status()

    def settle(self) -> None:
        """Applies what is still to be applied late."""
        self._client.post("/settle").raise_for_status()

    def uses(self) -> dict[str, list[dict[str, Any]]]:
        """Every use ever applied, taken back or not, by the coupon's reference."""
        state = self._client.get("/state").raise_for_status().json()
        return {each["reference"]: each["uses"] for each in state["consumptions"]}

    def close(self) -> None:
        self._client.close()
