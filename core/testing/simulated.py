"""The kit's platform over a simulator: most authors subclass this and say only what is their platform's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from core.channels.contract import Channel, ChannelModel, ChannelSession
from core.testing.platforms import CouponFacts, CouponPlatform, Uses
from core.testing.sessions import make_session
from core.testing.simulator import Sample, Simulator


class SimulatedPlatform(CouponPlatform):
    """A simulator with one new coupon in each of its states.

    wrong_credentials  keys as in `connectChannel` → values that the platform refuses, replacing the good ones
    link_states        states whose sample is scanned as a QR; the others are typed as codes
    """

    wrong_credentials: ClassVar[Mapping[str, Any]]
    link_states: ClassVar[frozenset[str]] = frozenset({"two_coupons"})

    def __init__(self, channel: Channel, simulator: Simulator, facts: CouponFacts, unknown_code: str) -> None:
        self.channel = channel
        self.simulator = simulator
        self.facts = facts
        self.unknown_code = unknown_code
        self._references: dict[str, set[str]] = {}
        self.samples = {state: self._place(state) for state in simulator.states}

    def open_session(self) -> ChannelSession[Any, Any]:
        """See `CouponPlatform.open_session`."""
        return make_session(self.channel, self.simulator)

    async def count_uses(self, state: str) -> Uses:
        """See `CouponPlatform.count_uses`."""
        own = [each for each in self.simulator.consumptions() if each.reference in self._references[state]]
        return Uses(sum(len(each.uses) for each in own), sum(each.living for each in own))

    def advance(self, by: timedelta) -> None:
        """See `CouponPlatform.advance`."""
        self.simulator.clock.advance(by)

    def other_credentials(self) -> ChannelModel:
        """See `CouponPlatform.other_credentials`."""
        wrong = {**self.simulator.credentials, **self.wrong_credentials}
        return self.channel.credentials_model.model_validate(wrong)

    def _place(self, state: str) -> str:
        before = {each.reference for each in self.simulator.consumptions()}
        sample = self.simulator.make(state)
        self._references[state] = {each.reference for each in self.simulator.consumptions()} - before
        return self._scan(sample)

    def _scan(self, sample: Sample) -> str:
        return sample.link if sample.link and sample.state in self.link_states else sample.code
