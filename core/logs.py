"""Logging: one event a line, as JSON or for people, with secrets masked whoever wrote it."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from core.channels.transport.redaction import Redactor
from core.settings import Settings

redactor = Redactor()
"""Masks every event of this process; tell it of secrets that look like none."""


def configure_logging(settings: Settings) -> None:
    """Sends the events of structlog and of the standard library to standard error in the form of
    `log_format`.

    May be called again; the last call holds.
    """
    redactor.remember(*_known_secrets(settings))
    renderer = _make_renderer(settings)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # Not by way of the standard library: that costs a quarter of a millisecond per event.
    structlog.configure(
        processors=[*_shared_processors(), renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_make_formatter(renderer))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # It tells of every run of every task, several a second.
    logging.getLogger("taskiq").setLevel(logging.WARNING)


def _shared_processors() -> list[Processor]:
    """The redactor comes last: it must see the text that tracebacks became."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        redactor,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _make_renderer(settings: Settings) -> Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_to_json)
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _make_formatter(renderer: Processor) -> logging.Formatter:
    """For the events of the standard library's loggers."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared_processors()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _to_json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def _known_secrets(settings: Settings) -> list[str]:
    return [secret.get_secret_value() for secret in (settings.secret_key, *settings.previous_secret_keys)]
