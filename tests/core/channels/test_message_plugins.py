"""A channel that only sends messages is a channel like any other; one whose declaration cannot be is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.channels.contract import Address, Capability, NotificationBehaviour
from core.channels.plugin_checks import RegistryError, needs_person
from core.channels.registry import ChannelRegistry, build_registry
from core.coupons import house
from core.testing.memory_sms import MemorySms, MemorySmsPlugin


def build(behaviour: object) -> ChannelRegistry:
    plugin = MemorySmsPlugin()
    changed: Any = type("Changed", (MemorySms,), {"behaviour": behaviour})()
    plugin.channel.notifications = changed
    return build_registry(load_entry_points=False, plugins=[plugin])


def test_messages_alone_are_enough() -> None:
    plugin = MemorySmsPlugin()
    registry = build_registry(load_entry_points=False, plugins=[plugin, house])
    assert registry.get("memory_sms") is plugin.channel
    assert registry.with_capability(Capability.NOTIFICATIONS) == (plugin.channel,)
    assert [each.code for each in registry.with_capability(Capability.COUPONS)] == ["house"]
    row = next(each for each in registry.plugins() if each.code == "memory_sms")
    assert (row.capabilities, row.simulator, row.needs_person) == ((Capability.NOTIFICATIONS,), None, False)
    assert not needs_person(plugin.channel)


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (None, "no `behaviour`"),
        ("PHONE", "no `behaviour`"),
        (NotificationBehaviour(Address.PHONE, needs_consent=True), "counted by the person's id"),
        (NotificationBehaviour(Address.SUBJECT, repeat_window=timedelta(0)), "for no time"),
    ],
)
def test_impossible_declaration_is_refused(behaviour: object, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        build(behaviour)


@pytest.mark.parametrize(
    "behaviour",
    [
        NotificationBehaviour(Address.PHONE),
        NotificationBehaviour(Address.SUBJECT, needs_consent=True),
        NotificationBehaviour(Address.SUBJECT, repeat_window=timedelta(seconds=1)),
    ],
)
def test_possible_declarations(behaviour: NotificationBehaviour) -> None:
    assert build(behaviour).all()
