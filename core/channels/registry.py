"""The channels of this process: found, checked, and asked for by code.

A plugin that cannot be used stops the start with a sentence that says what to mend. One that raises later, in
an observer hook, is fenced off and remembered.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pluggy
import structlog

from core.channels import hookspec
from core.channels.contract import Capability, Channel
from core.channels.hookspec import PROJECT_NAME
from core.channels.plugin_checks import RegistryError, check_channel, check_plugin, needs_person
from core.channels.plugin_loading import Origin, load_plugins
from core.channels.transport.redaction import mask_secrets
from core.clock import Clock, SystemClock

__all__ = [
    "ChannelRegistry",
    "PluginFault",
    "PluginRow",
    "RegistryError",
    "UnknownChannel",
    "build_registry",
    "load_simulator",
]

log: structlog.stdlib.BoundLogger = structlog.get_logger("hexiao.plugins")


class UnknownChannel(LookupError):
    """No channel of this code is installed. `known` lists those that are."""

    def __init__(self, code: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no channel {code!r}; installed are: {', '.join(known) or 'none'}")
        self.code = code
        self.known = tuple(known)


@dataclass(slots=True)
class PluginFault:
    """An observer hook that raised: how often, the last time (UTC), and what it said then."""

    plugin: str
    hook: str
    message: str
    last_at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class PluginRow:
    """One channel, for `hexiao channel list`. `needs_person`: only a person can settle a lost answer."""

    code: str
    name: str
    plugin: str
    distribution: str
    version: str
    capabilities: tuple[Capability, ...]
    simulator: str | None
    needs_person: bool


class ChannelRegistry:
    """Every channel that plugins registered. Made by `build_registry`; does not change afterwards."""

    def __init__(self, manager: pluggy.PluginManager, origins: Mapping[str, Origin], clock: Clock) -> None:
        self._manager = manager
        self._origins = origins
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._plugin_of: dict[str, str] = {}
        self._faults: dict[tuple[str, str], PluginFault] = {}

    @property
    def faults(self) -> tuple[PluginFault, ...]:
        """The observer hooks that raised since the start."""
        return tuple(self._faults.values())

    def get(self, code: str) -> Channel:
        """The channel of this code. Raises UnknownChannel."""
        channel = self._channels.get(code)
        if channel is None:
            raise UnknownChannel(code, sorted(self._channels))
        return channel

    def all(self) -> tuple[Channel, ...]:
        """Every channel, by code."""
        return tuple(self._channels[code] for code in sorted(self._channels))

    def with_capability(self, capability: Capability) -> tuple[Channel, ...]:
        """The channels that can do this, by code."""
        return tuple(channel for channel in self.all() if capability in channel.capabilities)

    def plugins(self) -> tuple[PluginRow, ...]:
        """A row for each channel, by code."""
        return tuple(self._describe(channel) for channel in self.all())

    def notify(self, hook_name: str, event: object) -> None:
        """Calls an observer hook of every plugin, after commit. Never raises because of a plugin."""
        for hook in getattr(self._manager.hook, hook_name).get_hookimpls():
            try:
                hook.function(*([event] if hook.argnames else []))
            except Exception as error:
                self._remember_fault(hook.plugin_name, hook_name, error)

    def _register(self, plugin: str, channel: object) -> None:
        checked = check_channel(plugin, channel)
        owner = self._plugin_of.get(checked.code)
        if owner is not None:
            raise RegistryError(
                f"plugin {plugin!r} registers channel {checked.code!r}, "
                f"which {owner!r} has registered already; remove one of the two"
            )
        self._channels[checked.code] = checked
        self._plugin_of[checked.code] = plugin

    def _collect(self) -> None:
        """Asks every plugin for its channels, in the order in which they were loaded."""
        for hook in self._manager.hook.register_channels.get_hookimpls():
            try:
                hook.function(*([_bind(self._register, hook.plugin_name)] if hook.argnames else []))
            except RegistryError:
                raise
            except Exception as error:
                raise RegistryError(
                    f"plugin {hook.plugin_name!r} raised in register_channels: {_describe_error(error)}"
                ) from error

    def _describe(self, channel: Channel) -> PluginRow:
        plugin = self._plugin_of[channel.code]
        origin = self._origins[plugin]
        return PluginRow(
            code=channel.code,
            name=channel.name,
            plugin=plugin,
            distribution=origin.distribution,
            version=origin.version,
            capabilities=tuple(sorted(channel.capabilities)),
            simulator=channel.simulator,
            needs_person=needs_person(channel),
        )

    def _remember_fault(self, plugin: str, hook: str, error: Exception) -> None:
        message = _describe_error(error)
        log.error("plugin fault", plugin=plugin, hook=hook, fault=message)
        fault = self._faults.get((plugin, hook))
        if fault is None:
            self._faults[plugin, hook] = PluginFault(plugin, hook, message, self._clock.now())
        else:
            fault.count, fault.message, fault.last_at = fault.count + 1, message, self._clock.now()


def build_registry(
    *,
    load_entry_points: bool = True,
    plugins: Sequence[object] = (),
    only: Sequence[str] | None = None,
    clock: Clock | None = None,
) -> ChannelRegistry:
    """Loads the plugins and checks what they register.

    load_entry_points  whether to load what installed packages name in the group `hexiao.channels`
    plugins            modules or objects to load beside them
    only               the names of the entry points to load; the others are not even imported

    Raises RegistryError with a sentence that says what to mend.
    """
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspec)
    origins = load_plugins(manager, load_entry_points=load_entry_points, plugins=plugins, only=only)
    for name in origins:
        check_plugin(manager, name)
    registry = ChannelRegistry(manager, origins, clock or SystemClock())
    registry._collect()
    return registry


def load_simulator(channel: Channel) -> Callable[..., Any]:
    """The ASGI factory that the channel names as its simulator. Raises RegistryError where there is none."""
    if channel.simulator is None:
        raise RegistryError(f"channel {channel.code!r} has no simulator")
    module_name, _, attribute = channel.simulator.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise RegistryError(
            f"the simulator of channel {channel.code!r}, {channel.simulator!r}, "
            f"cannot be loaded: {_describe_error(error)}"
        ) from error
    if not callable(found):
        raise RegistryError(
            f"the simulator of channel {channel.code!r}, {channel.simulator!r}, is not callable"
        )
    factory: Callable[..., Any] = found
    return factory


def _bind(register: Callable[[str, object], None], plugin: str) -> Callable[[object], None]:
    return lambda channel: register(plugin, channel)


def _describe_error(error: Exception) -> str:
    return mask_secrets(f"{type(error).__name__}: {error}")[:300]
