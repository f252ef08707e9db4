"""How commands get at settings, the event loop and the database."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from core.cli.sentences import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from core.settings import Settings

ResultT = TypeVar("ResultT")


def read_settings() -> Settings:
    """The settings of this process. Raises CommandFailed where HEXIAO_CONFIG names no file."""
    from core.settings import load_settings

    path = os.environ.get("HEXIAO_CONFIG")
    if path and not Path(path).is_file():
        raise CommandFailed(f"HEXIAO_CONFIG names {path}, which is no file", WRONG_USE)
    return load_settings()


def run_async(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Runs a coroutine in an event loop of its own."""
    import asyncio

    return asyncio.run(work)


def read_id(global_id: str, type_name: str, option: str) -> UUID:
    """The row id of a global id given on the command line. Raises CommandFailed naming the option."""
    from core.ids import decode_id

    try:
        return decode_id(global_id, type_name)
    except ValueError as error:
        raise CommandFailed(f"{option}: {error}", WRONG_USE) from None
