from __future__ import annotations

import pytest

from core.db.config import WrongDatabaseUrl, tortoise_config
from core.settings import Settings


def read_connection(url, **changes):
    settings = Settings(database_url=url, secret_key="-" * 32, **changes)
    return tortoise_config(settings)["connections"]["default"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/hexiao.sqlite3", "/var/lib/hexiao.sqlite3"),
        ("sqlite:///with%20space/x.db", "/with space/x.db"),
        ("sqlite://Relative.sqlite3", "Relative.sqlite3"),
        ("sqlite://data/x.db", "data/x.db"),
    ],
)
def test_sqlite_path_read(url, path):
    connection = read_connection(url)
    assert connection["engine"] == "core.db.sqlite"
    assert connection["credentials"]["file_path"] == path


def test_postgres_url_read():
    connection = read_connection("postgres://shop:p%40ss@db.internal:6432/hexiao", database_pool_size=7)
    credentials = connection["credentials"]
    assert connection["engine"] == "core.db.postgres"
    assert (credentials["user"], credentials["password"]) == ("shop", "p@ss")
    assert (credentials["host"], credentials["port"], credentials["database"]) == (
        "db.internal",
        6432,
        "hexiao",
    )
    assert credentials["maxsize"] == 7


def test_postgres_port_and_tls():
    credentials = read_connection("postgresql://shop@db/hexiao?sslmode=require")["credentials"]
    assert (credentials["port"], credentials["ssl"], credentials["password"]) == (5432, "require", None)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://root:secret@db/hexiao", "names no database that Hexiao knows"),
        ("hexiao.sqlite3", "names no database that Hexiao knows"),
        ("sqlite://", "needs the path of a file"),
        ("sqlite:///", "needs the path of a file"),
        ("sqlite://:memory:", "needs the path of a file"),
        ("sqlite:///x.db?mode=ro", "takes no options"),
        ("postgres://u:secret@db", "needs a host and one database name"),
        ("postgres://u:secret@/hexiao", "needs a host and one database name"),
        ("postgres://u:secret@db/a/b", "needs a host and one database name"),
        ("postgres://u:secret@db:port/hexiao", "has a port that is no number"),
        ("postgres://u:secret@db/hexiao?pool=3", "takes only the option sslmode"),
    ],
)
def test_wrong_url_explained(url, reason):
    with pytest.raises(WrongDatabaseUrl, match=reason) as refusal:
        read_connection(url)
    assert "expected sqlite:///" in str(refusal.value)
    assert "secret" not in str(refusal.value)
