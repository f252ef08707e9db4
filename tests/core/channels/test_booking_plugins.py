"""A channel that takes bookings declares what can be; one whose declaration cannot be is refused."""

from __future__ import annotations

from typing import Any

import pytest

from core.channels.contract import BookingStatus, Channel, ReservationBehaviour
from core.channels.hookspec import hookimpl
from core.channels.plugin_checks import RegistryError
from core.channels.registry import ChannelRegistry, build_registry
from core.testing.paper_reservations import PaperBookingChannel, PaperReservations

SOUND = PaperReservations.behaviour


def build(behaviour: object) -> ChannelRegistry:
    channel: Channel = PaperBookingChannel()
    changed: Any = type("Changed", (PaperReservations,), {"behaviour": behaviour})()
    channel.reservations = changed

    class Plugin:
        @hookimpl
        def register_channels(self, register: Any) -> None:
            register(channel)

    return build_registry(load_entry_points=False, plugins=[Plugin()])


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (None, "no `behaviour`"),
        (
            ReservationBehaviour(reports=frozenset({BookingStatus.REQUESTED}), takes_ours=True),
            "told of REQUESTED",
        ),
        (ReservationBehaviour(takes_ours=False), "contradict each other"),
    ],
)
def test_impossible_declaration_is_refused(behaviour: object, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        build(behaviour)


def test_sound_declaration_is_taken() -> None:
    assert [each.code for each in build(SOUND).all()] == ["paper"]
