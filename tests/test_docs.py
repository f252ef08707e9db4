"""What the documents promise about themselves: decisions are short and listed, tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.cli.app import app
from core.settings import Settings

ROOT = Path(__file__).parent.parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_decision_is_one_rule(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.match(rf"# {page.stem[:4]} [A-Z].*\n\n## Rule\n", text)
    assert text.count("## ") == 2
    assert 110 <= len(text.split()) <= 250


def test_decisions_are_numbered_and_listed() -> None:
    assert [page.stem[:4] for page in DECISIONS] == [f"{n:04d}" for n in range(1, len(DECISIONS) + 1)]
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    assert [page.name for page in DECISIONS if f"decisions/{page.name}" not in index] == []


def test_documents_name_real_settings() -> None:
    known = {f"HEXIAO_{name.upper()}" for name in Settings.model_fields} | {
        "HEXIAO_CONFIG",
        "HEXIAO_TEST_POSTGRES",
    }
    named = {name for page in PAGES for name in re.findall(r"HEXIAO_[A-Z_]+[A-Z]", page.read_text("utf-8"))}
    assert named - known == set()


def test_documents_name_real_commands() -> None:
    known = {each.name for each in app.registered_commands} | {each.name for each in app.registered_groups}
    named = {
        command
        for page in PAGES
        for command in re.findall(r"(?:bin/|`|^)hexiao ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert named
    assert named - known == set()


def test_documents_name_real_targets() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = [*PAGES, ROOT / ".ci" / "run"]
    named = {
        name
        for page in pages
        for name in re.findall(r"(?:`|^|&& )make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert named
    assert named - known == set()


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 200_000] == []
