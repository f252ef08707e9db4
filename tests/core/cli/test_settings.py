"""Promises about settings: a wrong one is named in a sentence, never shown, and the page about them is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.settings_page import write_page
from core.settings import Settings

ROOT = Path(__file__).parents[3]

WRONG = [
    ("HEXIAO_SECRET_KEY", "short-secret", "HEXIAO_SECRET_KEY must have 32 characters or more"),
    ("HEXIAO_DATABASE_POOL_SIZE", "many", "HEXIAO_DATABASE_POOL_SIZE must be a whole number"),
    ("HEXIAO_DATABASE_POOL_SIZE", "0", "HEXIAO_DATABASE_POOL_SIZE must be 1 or more"),
    ("HEXIAO_ANSWER_SECONDS", "0", "HEXIAO_ANSWER_SECONDS must be more than 0"),
    ("HEXIAO_ANSWER_SECONDS", "soon", "HEXIAO_ANSWER_SECONDS must be a number"),
    ("HEXIAO_ALLOW_PRIVATE_HOSTS", "perhaps", "HEXIAO_ALLOW_PRIVATE_HOSTS must be true or false"),
    ("HEXIAO_ENVIRONMENT", "moon", "HEXIAO_ENVIRONMENT must be 'production', 'development' or 'demo'"),
    ("HEXIAO_ALLOWED_ORIGINS", "https://a.cn", "HEXIAO_ALLOWED_ORIGINS must be JSON"),
    ("HEXIAO_DATABASE_URL", "mysql://db/x", "HEXIAO_DATABASE_URL names no database that Hexiao knows"),
    ("HEXIAO_CONFIG", "nowhere.toml", "HEXIAO_CONFIG names nowhere.toml, which is no file"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG, ids=[f"{n}={v}" for n, v, _ in WRONG])
def test_wrong_setting_is_named(hexiao, monkeypatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)
    ended = hexiao("migrate")
    assert ended.exit_code == 2
    assert ended.errors.startswith(sentence)
    assert "Traceback" not in ended.errors
    assert value not in ended.errors or name != "HEXIAO_SECRET_KEY"


def test_missing_key_is_explained(hexiao, monkeypatch) -> None:
    monkeypatch.delenv("HEXIAO_SECRET_KEY")
    ended = hexiao("migrate")
    assert ended.exit_code == 2
    assert ended.errors.startswith("HEXIAO_SECRET_KEY is not set (32 characters or more")


def test_every_wrong_setting_is_told(hexiao, monkeypatch) -> None:
    monkeypatch.setenv("HEXIAO_SECRET_KEY", "short")
    monkeypatch.setenv("HEXIAO_MAX_DEPTH", "0")
    ended = hexiao("migrate")
    assert len(ended.errors.splitlines()) == 2


def test_file_that_is_no_toml(hexiao, monkeypatch, tmp_path: Path) -> None:
    path = tmp_path / "hexiao.toml"
    path.write_text("secret_key =")
    monkeypatch.setenv("HEXIAO_CONFIG", str(path))
    ended = hexiao("migrate")
    assert ended.exit_code == 2
    assert "not TOML" in ended.errors


def test_file_fills_what_the_environment_lacks(
    hexiao, environment: Path, monkeypatch, tmp_path: Path
) -> None:
    path = tmp_path / "hexiao.toml"
    path.write_text(f'secret_key = "{"k" * 40}"\ndatabase_url = "sqlite:///{tmp_path}/other.sqlite3"\n')
    monkeypatch.setenv("HEXIAO_CONFIG", str(path))
    monkeypatch.delenv("HEXIAO_SECRET_KEY")
    assert hexiao("migrate").exit_code == 0
    assert environment.exists(), "the environment wins over the file"
    assert not (tmp_path / "other.sqlite3").exists()


def test_unreachable_database_is_told(hexiao, monkeypatch) -> None:
    monkeypatch.setenv("HEXIAO_DATABASE_URL", "postgres://nobody:hush@127.0.0.1:1/none")
    ended = hexiao("migrate")
    assert ended.exit_code == 1
    assert "HEXIAO_DATABASE_URL" in ended.errors
    assert "hush" not in ended.errors


def test_settings_page_is_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == write_page(), "run: make settings-page"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
