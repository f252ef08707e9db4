"""Finding plugins: entry points of installed packages, and objects handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import pluggy

from core.channels.hookspec import ENTRY_POINT_GROUP
from core.channels.plugin_checks import RegistryError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from. Both are empty for one that was handed in."""

    distribution: str = ""
    version: str = ""


def load_plugins(
    manager: pluggy.PluginManager,
    *,
    load_entry_points: bool,
    plugins: Sequence[object],
    only: Sequence[str] | None,
) -> dict[str, Origin]:
    """Registers the plugins with the manager and answers their origins by name. Raises RegistryError."""
    origins: dict[str, Origin] = {}
    for plugin in plugins:
        origins[_register(manager, plugin, _name_of(plugin))] = Origin()
    if load_entry_points:
        for point in _select(_find_entry_points(), only):
            origins[_register(manager, _load(point), point.name)] = _origin(point)
    return origins


def _find_entry_points() -> list[EntryPoint]:
    """One per name, by name. pluggy would quietly take the first of two; here two are an error."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value or _origin(other) != _origin(point):
            raise RegistryError(
                f"{_describe(other)} and {_describe(point)} "
                f"both name a channel plugin {point.name!r}; uninstall one"
            )
    return [found[name] for name in sorted(found)]


def _select(points: list[EntryPoint], only: Sequence[str] | None) -> list[EntryPoint]:
    if only is None:
        return points
    names = {point.name for point in points}
    missing = sorted(set(only) - names)
    if missing:
        raise RegistryError(
            f"no installed package names a channel plugin {', '.join(missing)}; "
            f"there are: {', '.join(sorted(names)) or 'none'}"
        )
    return [point for point in points if point.name in only]


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise RegistryError(
            f"channel plugin {point.name!r} of {_describe(point)} cannot be imported from {point.value!r}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _register(manager: pluggy.PluginManager, plugin: object, name: str) -> str:
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError as error:
        raise RegistryError(
            f"plugin {name!r} has a hook with arguments that there are not: {error}"
        ) from error
    except ValueError as error:
        raise RegistryError(f"plugin {name!r} is loaded twice") from error
    return name


def _name_of(plugin: object) -> str:
    return plugin.__name__ if isinstance(plugin, (ModuleType, type)) else type(plugin).__name__


def _origin(point: EntryPoint) -> Origin:
    return Origin(point.dist.name, point.dist.version) if point.dist is not None else Origin()


def _describe(point: EntryPoint) -> str:
    origin = _origin(point)
    return (
        f"{origin.distribution} {origin.version}"
        if origin.distribution
        else f"the entry point {point.value!r}"
    )
