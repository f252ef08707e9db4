"""What suites leave out, kept for the report while pytest runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.channels.contract import Capability

REPORT = "core.testing.report"
_NOTES = pytest.StashKey[dict[str, None]]()
_PROOFS = pytest.StashKey[dict[str, tuple[set[Capability], set[Capability]]]]()


def keep_note(config: pytest.Config, note: str) -> None:
    """Keeps one sentence for the report, once."""
    config.stash.setdefault(_NOTES, {})[note] = None


def read_notes(config: pytest.Config) -> list[str]:
    """All sentences, in the order of keeping."""
    notes = config.stash.setdefault(_NOTES, {})
    return list(notes)


def note_platform(config: pytest.Config, suite: str, cannot_hold: Mapping[str, str]) -> None:
    """Keeps which standard states a platform does not hold. Fails where the report is not loaded."""
    if not config.pluginmanager.has_plugin(REPORT):
        pytest.fail(f'load the report: pytest_plugins = ["{REPORT}"]')
    for state, reason in cannot_hold.items():
        keep_note(config, f"{suite} holds no {state!r}: {reason}")


def note_proof(
    config: pytest.Config, channel: str, declared: frozenset[Capability], proved: Capability
) -> None:
    """Keeps what a tried channel declares, and which of it is being tried."""
    everything, tried = config.stash.setdefault(_PROOFS, {}).setdefault(channel, (set(), set()))
    everything |= declared
    tried.add(proved)


def read_proofs(config: pytest.Config) -> Mapping[str, tuple[set[Capability], set[Capability]]]:
    """Channel → what it declares, and what was tried of it."""
    return config.stash.setdefault(_PROOFS, {})
