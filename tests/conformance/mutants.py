"""Adapters that break one rule each. The modules `broken_*` register them, test_the_kit.py tries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.channels.contract import Channel, Coupons, Webhooks
from core.testing.paper import PaperChannel
from core.testing.paper_platform import PaperPlatform
from core.testing.platforms import CouponPlatform

Maker = type[Coupons] | type[Webhooks] | type[Channel] | type[CouponPlatform]


@dataclass(frozen=True)
class Mutant:
    """What is broken, the rule that must bite, and words of its complaint."""

    name: str
    rule: str
    complaint: str
    broken: Maker

    def make_channel(self) -> Channel:
        maker = (
            self.broken if issubclass(self.broken, Channel) else getattr(self.broken, "channel", PaperChannel)
        )
        channel = maker()
        if issubclass(self.broken, Coupons):
            channel.coupons = self.broken()
        if issubclass(self.broken, Webhooks):
            channel.webhooks = self.broken()
        return channel

    def make_platform(self) -> CouponPlatform:
        return self.broken() if issubclass(self.broken, CouponPlatform) else PaperPlatform()


MUTANTS: list[Mutant] = []


def breaks(rule: str, complaint: str = "") -> Callable[[Any], Any]:
    """Registers a broken class; decorated twice, it breaks two rules."""

    def register(broken: Any) -> Any:
        MUTANTS.append(Mutant(broken.__name__, rule, complaint, broken))
        return broken

    return register
