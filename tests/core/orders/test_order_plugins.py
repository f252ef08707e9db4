"""Channels whose orders cannot be are refused at start, with a sentence that says what to mend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bazaar import Bazaar, BazaarChannel

from core.channels.contract import OrderBehaviour
from core.channels.hookspec import hookimpl
from core.channels.registry import RegistryError, build_registry

HOUR = timedelta(hours=1)


class Plugin:
    def __init__(self, orders: Any) -> None:
        self.orders = orders

    @hookimpl
    def register_channels(self, register: Any) -> None:
        register(BazaarChannel(self.orders))


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (None, "no `behaviour`"),
        (OrderBehaviour(HOUR, HOUR), "an overlap that is negative, or as long"),
        (OrderBehaviour(HOUR, -HOUR), "an overlap that is negative, or as long"),
        (OrderBehaviour(ships=True), "`ships` in the behaviour of its orders and `ship` go together"),
        (OrderBehaviour(decides=True), "`decides` in the behaviour of its orders and `decide_refund`"),
    ],
    ids=str,
)
def test_impossible_orders_are_refused(behaviour, sentence):
    orders = type("Changed", (Bazaar,), {"behaviour": behaviour})()
    with pytest.raises(RegistryError, match=sentence):
        build_registry(only=["house"], plugins=[Plugin(orders)])


def test_sound_orders_are_taken():
    assert "bazaar" in [
        each.code for each in build_registry(only=["house"], plugins=[Plugin(Bazaar())]).all()
    ]
