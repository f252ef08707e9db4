"""What holds for all channels that the distribution brings: each is tried, and none claims another's codes."""

from __future__ import annotations

import tomllib
from importlib import import_module
from itertools import permutations
from pathlib import Path

import pytest

from core.channels.contract import Channel, Recognition
from core.channels.registry import build_registry
from core.coupons.codes import normalise_code
from core.testing.suites import PROOFS

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
MODULES: dict[str, str] = PROJECT["entry-points"]["hexiao.channels"]


@pytest.fixture(scope="module")
def channels() -> list[Channel]:
    plugins = [import_module(module) for module in MODULES.values()]
    return list(build_registry(load_entry_points=False, plugins=plugins).all())


def test_every_declared_capability_is_tried(channels: list[Channel]) -> None:
    assert {each.code for each in channels} == MODULES.keys()
    untried = [
        f"{each.code}: {suite}"
        for each in channels
        for capability, suite in PROOFS.items()
        if capability in each.capabilities
        and f"({suite})" not in (HERE / f"test_{each.code}.py").read_text("utf-8")
    ]
    assert untried == []


def test_no_channel_claims_foreign_samples(channels: list[Channel]) -> None:
    for claimant, owner in permutations(channels, 2):
        guesses = {text: claimant.recognise(normalise_code(text)) for text in owner.samples}
        claimed = [text for text, guess in guesses.items() if guess is Recognition.LIKELY]
        assert claimed == [], f"{claimant.code} claims samples of {owner.code}"
