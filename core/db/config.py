"""Where the database is, as Tortoise wants to be told."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.settings import Settings

APP = "hexiao"
CONNECTION = "default"
MODELS = (
    "core.access.models",
    "core.catalogue.models",
    "core.channels.models",
    "core.coupons.models",
    "core.events.models",
    "core.notifications.models",
    "core.orders.models",
    "core.orders.placing_models",
    "core.payments.models",
    "core.presale.models",
    "core.reservations.channel.models",
    "core.reservations.models",
)

_EXPECTED = "sqlite:///absolute/path, sqlite://relative/path or postgres://user@host:port/database"

# synchronous=FULL: what was promised before a platform was called must survive a power cut. That is one
# fsync a commit (0.24 ms instead of 0.01 ms on the SSD where it was measured). busy_timeout, in
# milliseconds, is how long a writer queues behind other processes; it comes first, so that the pragmas after
# it wait too.
_SQLITE_PRAGMAS = {
    "busy_timeout": 10_000,
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "journal_size_limit": 16 * 1024 * 1024,
}


class WrongDatabaseUrl(ValueError):  # reads as what it is
    """HEXIAO_DATABASE_URL cannot be read. The text says what was expected, and shows no password."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"HEXIAO_DATABASE_URL {reason}; expected {_EXPECTED}")


def tortoise_config(settings: Settings) -> dict[str, Any]:
    """The configuration for Tortoise. Raises WrongDatabaseUrl."""
    return {
        "connections": {CONNECTION: _connection_config(settings)},
        "apps": {
            APP: {
                "models": list(MODELS),
                "default_connection": CONNECTION,
                "migrations": "core.db.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def _connection_config(settings: Settings) -> dict[str, Any]:
    url = urlsplit(settings.database_url)
    if url.scheme == "sqlite":
        credentials = {"file_path": _sqlite_path(url), **_SQLITE_PRAGMAS}
        return {"engine": "core.db.sqlite", "credentials": credentials}
    if url.scheme in ("postgres", "postgresql"):
        return {"engine": "core.db.postgres", "credentials": _postgres_credentials(url, settings)}
    raise WrongDatabaseUrl(f"names no database that Hexiao knows ({url.scheme or 'no scheme'!r})")


def _sqlite_path(url: SplitResult) -> str:
    # Three slashes: absolute. Two: relative to the working directory.
    path = unquote(url.netloc + url.path)
    if not path.strip("/") or path.endswith("/") or ":memory:" in path:
        raise WrongDatabaseUrl("needs the path of a file")
    if url.query or url.fragment:
        raise WrongDatabaseUrl("takes no options after the path")
    return path


def _postgres_credentials(url: SplitResult, settings: Settings) -> dict[str, Any]:
    database = unquote(url.path.lstrip("/"))
    if not url.hostname or not database or "/" in database:
        raise WrongDatabaseUrl("needs a host and one database name")
    return {
        "host": url.hostname,
        "port": _port(url),
        "user": unquote(url.username) if url.username else None,
        "password": unquote(url.password) if url.password else None,
        "database": database,
        "minsize": 1,
        "maxsize": settings.database_pool_size,
        "application_name": "hexiao",
        "statement_cache_size": 256,
        **_postgres_options(url),
    }


def _port(url: SplitResult) -> int:
    try:
        return url.port or 5432
    except ValueError:
        raise WrongDatabaseUrl("has a port that is no number") from None


def _postgres_options(url: SplitResult) -> dict[str, Any]:
    """`?sslmode=…` as libpq has it, and nothing else."""
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    sslmode = options.pop("sslmode", None)
    if options or url.fragment:
        raise WrongDatabaseUrl("takes only the option sslmode")
    return {"ssl": sslmode} if sslmode else {}
