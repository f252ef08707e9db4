"""What a plugin and its channels must be like. Every refusal is a sentence that says what to mend."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import timedelta

import pluggy

from core.channels.contract import (
    CAPABILITY_ATTRIBUTES,
    Address,
    BookingStatus,
    Capability,
    Channel,
    ChannelModel,
    CouponBehaviour,
    Coupons,
    Idempotency,
    Identity,
    NotificationBehaviour,
    Notifications,
    OrderBehaviour,
    Orders,
    ReservationBehaviour,
    Reservations,
    StatusBy,
    Webhooks,
)

# The code is a column of 32 characters, part of a URL and of the command line.
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_IMPORT_STRING = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_LINK_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+")
_PORTS: Mapping[Capability, type] = {
    Capability.COUPONS: Coupons,
    Capability.WEBHOOKS: Webhooks,
    Capability.IDENTITY: Identity,
    Capability.NOTIFICATIONS: Notifications,
    Capability.RESERVATIONS: Reservations,
    Capability.ORDERS: Orders,
}
_NOTHING = timedelta(0)
_REPORTABLE = frozenset(
    {BookingStatus.ARRIVED, BookingStatus.COMPLETED, BookingStatus.NO_SHOW, BookingStatus.CANCELLED}
)


class RegistryError(Exception):
    """A plugin that cannot be used. The message is for whoever starts the program."""


def check_plugin(manager: pluggy.PluginManager, name: str) -> None:
    """Refuses hooks that there are not, that nobody would await, and a plugin without any."""
    plugin = manager.get_plugin(name)
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise RegistryError(
            f"plugin {name!r} has no hook; mark one with @hookimpl from core.channels.hookspec"
        )
    for caller in callers:
        if not caller.has_spec():
            raise RegistryError(
                f"plugin {name!r} has a hook {caller.name!r}, which does not exist; is the name misspelt?"
            )
        for hook in caller.get_hookimpls():
            if hook.plugin_name == name:
                _check_hook(name, hook)


def _check_hook(plugin: str, hook: pluggy.HookImpl) -> None:
    if inspect.iscoroutinefunction(hook.function):
        raise RegistryError(
            f"hook {hook.function.__name__!r} of plugin {plugin!r} is async; "
            f"nobody would await it, make it a plain def"
        )
    if hook.wrapper or hook.hookwrapper:
        raise RegistryError(
            f"hook {hook.function.__name__!r} of plugin {plugin!r} is a wrapper; make it a plain function"
        )


def check_channel(plugin: str, channel: object) -> Channel:
    """The channel, if everything about it can be used. Raises RegistryError."""
    if isinstance(channel, type):
        raise RegistryError(
            f"plugin {plugin!r} registers the class {channel.__name__}; "
            f"register an instance: register({channel.__name__}())"
        )
    if not isinstance(channel, Channel):
        raise RegistryError(
            f"plugin {plugin!r} registers a {type(channel).__name__}, "
            f"which is no core.channels.contract.Channel"
        )
    _check_identity(plugin, channel)
    _check_capabilities(channel)
    _check_details(channel)
    if channel.coupons is not None:
        _check_behaviour(channel, channel.coupons)
    if channel.notifications is not None:
        _check_messages(channel, channel.notifications)
    if channel.reservations is not None:
        _check_bookings(channel, channel.reservations)
    if channel.orders is not None:
        _check_orders(channel, channel.orders)
    return channel


def needs_person(channel: Channel) -> bool:
    """Whether the platform offers no way to learn what a lost call did: no safe repeat, no status query."""
    if channel.coupons is None:
        return False
    behaviour = channel.coupons.behaviour
    return behaviour.idempotency is Idempotency.NONE and behaviour.status_by is StatusBy.NONE


def _check_identity(plugin: str, channel: Channel) -> None:
    owner = f"{type(channel).__name__} of plugin {plugin!r}"
    for attribute in ("code", "name", "capabilities"):
        if not hasattr(channel, attribute):
            raise RegistryError(f"{owner} has no {attribute!r}; set it on the class")
    if not _CODE.fullmatch(str(channel.code)):
        raise RegistryError(
            f"{owner} has the code {channel.code!r}; "
            "use a lower-case letter, then up to 31 letters, digits or _"
        )
    if not str(channel.name).strip():
        raise RegistryError(f"{owner} has no name for people; set `name`")


def _check_capabilities(channel: Channel) -> None:
    declared = channel.capabilities
    if type(declared) is not frozenset or {type(item) for item in declared} - {Capability}:
        raise _refuse(channel, "`capabilities` must be a frozenset of core.channels.contract.Capability")
    for capability in sorted(declared):
        if capability not in CAPABILITY_ATTRIBUTES:
            raise _refuse(
                channel,
                f"it declares {capability}, for which this version of Hexiao has no port; leave it out",
            )
    for capability, attribute in CAPABILITY_ATTRIBUTES.items():
        _check_port(channel, capability, attribute)


def _check_port(channel: Channel, capability: Capability, attribute: str) -> None:
    implementation = getattr(channel, attribute, None)
    if implementation is None:
        if capability in channel.capabilities:
            raise _refuse(
                channel, f"it declares {capability} but has no `{attribute}`; implement it or leave it out"
            )
        return
    if capability not in channel.capabilities:
        raise _refuse(
            channel, f"it has `{attribute}` but does not declare {capability}; add it to `capabilities`"
        )
    port = _PORTS[capability]
    if not isinstance(implementation, port):
        raise _refuse(channel, f"its `{attribute}` is no instance of core.channels.contract.{port.__name__}")


def _check_details(channel: Channel) -> None:
    for attribute in ("credentials_model", "settings_model"):
        model = getattr(channel, attribute)
        if not (isinstance(model, type) and issubclass(model, ChannelModel)):
            raise _refuse(channel, f"its `{attribute}` is no subclass of core.channels.contract.ChannelModel")
    if channel.simulator is not None and not _IMPORT_STRING.fullmatch(channel.simulator):
        raise _refuse(
            channel, f"its simulator {channel.simulator!r} is no import string like 'package.module:app'"
        )
    for host in channel.link_hosts:
        if not _LINK_HOST.fullmatch(host):
            raise _refuse(
                channel, f"its link host {host!r} is neither like 'v.example.com' nor like '*.example.com'"
            )
    if channel.request_rate.per_second <= 0 or channel.request_rate.burst < 1:
        raise _refuse(channel, "its request rate lets no call through")


def _check_behaviour(channel: Channel, coupons: Coupons) -> None:
    behaviour = getattr(coupons, "behaviour", None)
    if not isinstance(behaviour, CouponBehaviour):
        raise _refuse(
            channel,
            "its coupons have no `behaviour`; declare a CouponBehaviour: core picks its policy from it",
        )
    problem = find_contradiction(behaviour)
    if problem:
        raise _refuse(channel, f"the behaviour of its coupons cannot be: {problem}")
    _check_listing(channel, coupons, behaviour)


def _check_listing(channel: Channel, coupons: Coupons, behaviour: CouponBehaviour) -> None:
    implemented = type(coupons).list_uses is not Coupons.list_uses
    if behaviour.lists_uses and not implemented:
        raise _refuse(
            channel, "its coupons declare `lists_uses` but have no `list_uses`; implement it or leave it out"
        )
    if implemented and not behaviour.lists_uses:
        raise _refuse(
            channel, "its coupons have `list_uses` but do not declare it; set `lists_uses` in `behaviour`"
        )


def _check_bookings(channel: Channel, reservations: Reservations) -> None:
    behaviour = getattr(reservations, "behaviour", None)
    if not isinstance(behaviour, ReservationBehaviour):
        raise _refuse(channel, "its reservations have no `behaviour`; declare a ReservationBehaviour")
    strange = sorted(behaviour.reports - _REPORTABLE)
    if strange:
        raise _refuse(channel, f"it wants to be told of {strange[0]}, which no shop can report")
    for name in ("place", "move"):
        implemented = getattr(type(reservations), name) is not getattr(Reservations, name)
        if implemented is not behaviour.takes_ours:
            wanted = "implement it" if behaviour.takes_ours else "declare takes_ours"
            raise _refuse(channel, f"`takes_ours` and its `{name}` contradict each other; {wanted}")


def _check_orders(channel: Channel, orders: Orders) -> None:
    behaviour = getattr(orders, "behaviour", None)
    if not isinstance(behaviour, OrderBehaviour):
        raise _refuse(
            channel,
            "its orders have no `behaviour`; declare an OrderBehaviour: core picks its policy from it",
        )
    if not _NOTHING <= behaviour.overlap < behaviour.longest_window:
        problem = "an overlap that is negative, or as long as the longest window"
        raise _refuse(channel, f"the behaviour of its orders cannot be: {problem}")
    for flag, method in (("ships", "ship"), ("decides", "decide_refund")):
        if getattr(behaviour, flag) != (getattr(type(orders), method) is not getattr(Orders, method)):
            raise _refuse(channel, f"`{flag}` in the behaviour of its orders and `{method}` go together")


def _check_messages(channel: Channel, notifications: Notifications) -> None:
    behaviour = getattr(notifications, "behaviour", None)
    if not isinstance(behaviour, NotificationBehaviour):
        raise _refuse(
            channel,
            "its notifications have no `behaviour`; declare a NotificationBehaviour: core picks its policy from it",
        )
    if behaviour.needs_consent and behaviour.address is not Address.SUBJECT:
        problem = "consent to messages that go to phones; it is counted by the person's id at the platform"
        raise _refuse(channel, f"the behaviour of its notifications cannot be: {problem}")
    if behaviour.repeat_window is not None and behaviour.repeat_window <= _NOTHING:
        problem = "repeats that are recognised for no time; declare None"
        raise _refuse(channel, f"the behaviour of its notifications cannot be: {problem}")


def find_contradiction(behaviour: CouponBehaviour) -> str | None:
    """What of a behaviour cannot be; None where it can."""
    reversal = behaviour.reversal
    if reversal.window is not None and not reversal.possible:
        return "a reversal window where reversal is not possible"
    if reversal.window is not None and reversal.window <= _NOTHING:
        return "a reversal window that is over before it begins"
    if behaviour.in_flight < _NOTHING:
        return "`in_flight` is negative"
    if behaviour.list_delay < _NOTHING:
        return "`list_delay` is negative"
    if behaviour.idempotency is Idempotency.TOKEN and behaviour.token_lifetime <= _NOTHING:
        return "tokens that are recognised for no time; declare idempotency NONE"
    return None


def _refuse(channel: Channel, problem: str) -> RegistryError:
    return RegistryError(f"channel {channel.code!r} cannot be used: {problem}")
