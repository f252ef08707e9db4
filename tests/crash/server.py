"""The bodies of the processes that the tests start: the real server, and the platform that outlives it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from core.channels.transport.tokens import TokenStore
from core.coupons import recovery, settlement
from schema.app import create_app
from tests.crash.platform import CrashPlatform
from tests.crash.points import install_point

CRASH = "HEXIAO_TEST_CRASH"


def run_server(port: int, environment: dict[str, str], log: Path) -> None:
    """Serves as `hexiao serve` does, with these variables; kills itself where HEXIAO_TEST_CRASH says."""
    _write_to(log)
    os.environ.update(environment)
    _hurry()
    if CRASH in environment:
        install_point(environment[CRASH])
    uvloop.run(_serve(port))


def run_platform(port: int, log: Path) -> None:
    """Serves Douyin Life for all servers of a test run."""
    _write_to(log)
    uvloop.run(_listen(CrashPlatform(), port))


async def _serve(port: int) -> None:
    app = create_app()
    async with app.router.lifespan_context(app):
        await _listen(app, port)


async def _listen(app: object, port: int) -> None:
    server = Server(
        app, "127.0.0.1", port, interface=Interfaces.ASGINL, websockets=True, backlog=512, log_enabled=False
    )
    await server.serve()


def _hurry() -> None:
    """What has no setting, because nobody but a test would want it shorter."""
    settlement._PAUSES = (0.3, 0.5, 1)  # type: ignore[assignment]
    recovery._LOOK_AGAIN = recovery._LOOK_AGAIN / 60
    assert TokenStore.__init__.__kwdefaults__ is not None
    TokenStore.__init__.__kwdefaults__["lease_seconds"] = 1.5


def _write_to(log: Path) -> None:
    sys.stdout.flush()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
