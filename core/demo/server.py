"""Running the demo: one process that serves the shop and the platforms that its channels call over loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from core.channels.registry import ChannelRegistry, build_registry, load_simulator
from core.db.migrate import migrate
from core.demo.guide import DemoGuide, DemoProgram
from core.demo.printing import print_guide
from core.demo.shop import open_shop
from core.logs import configure_logging
from core.settings import Settings
from core.testing.simulator import Simulator

if TYPE_CHECKING:
    from starlette.applications import Starlette


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`application` is the import string of the ASGI factory; `keep` leaves the folder with the database behind."""

    application: str
    host: str
    port: int
    keep: bool = False
    as_json: bool = False

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the demo."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"


async def run_demo(options: DemoOptions) -> None:
    """Serves the demo until SIGINT or SIGTERM, then removes whatever it made."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with temporary_folder(options) as folder:
        settings = demo_settings(options, folder)
        _quiet_logs(settings)
        await migrate(settings)
        async with _served(options, settings) as guide:
            _announce(options, guide, folder)
            await stopped.wait()


def demo_settings(options: DemoOptions, folder: Path) -> Settings:
    """Settings for an afternoon: a database in the folder and a secret key that nobody keeps."""
    return Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder}/demo.sqlite3",
            "secret_key": secrets.token_urlsafe(48),
            "previous_secret_keys": [],
            "environment": "demo",
            "public_url": options.address,
            "allow_private_hosts": True,
            "log_format": "console",
        }
    )


class _Shown:
    """What the demo's own routes answer; the guide is there once the shop is open."""

    guide: DemoGuide | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/demo.json", self._show_json),
            Route("/demo.env", self._show_shell),
            Route("/demo.login", self._show_login),
        ]

    async def _show_json(self, request: Request) -> Response:
        if self.guide is None:
            return JSONResponse({"error": "the shop is not open yet"}, 503)
        return JSONResponse(self.guide.to_json(), headers={"Cache-Control": "no-store"})

    async def _show_shell(self, request: Request) -> Response:
        if self.guide is None:
            return PlainTextResponse("echo 'the shop is not open yet'\n", 503)
        return PlainTextResponse(self.guide.to_shell(), headers={"Cache-Control": "no-store"})

    async def _show_login(self, request: Request) -> Response:
        """A request for /graphql that logs a new customer in."""
        program = _find_program(self.guide, request.query_params.get("channel"))
        if program is None:
            return JSONResponse({"error": "there is no such mini-program here"}, 404)
        return JSONResponse(program.write_login(), headers={"Cache-Control": "no-store"})


def _find_program(guide: DemoGuide | None, channel: str | None) -> DemoProgram | None:
    return guide.program(channel) if guide is not None else None


def start_simulators(registry: ChannelRegistry, address: str) -> dict[str, Simulator]:
    """A platform for every installed channel that has a simulator, by channel code. They know where they stand."""
    simulators = {}
    for channel in registry.all():
        if channel.simulator is not None:
            simulator: Simulator = load_simulator(channel)()
            simulator.address = f"{address}/simulators/{channel.code}"
            simulators[channel.code] = simulator
    return simulators


@asynccontextmanager
async def _served(options: DemoOptions, settings: Settings) -> AsyncIterator[DemoGuide]:
    shown, registry = _Shown(), build_registry()
    simulators = start_simulators(registry, options.address)
    mounts = [Mount(f"/simulators/{code}", app=each) for code, each in simulators.items()]
    app = _create_app(options.application, settings, registry, [*shown.routes(), *mounts])
    async with app.router.lifespan_context(app), _listening(options, app):
        # Connecting a channel calls its platform, so the simulators must answer by now.
        shown.guide = await open_shop(app.state.runtime, simulators, options.address)
        yield shown.guide


def _create_app(
    application: str, settings: Settings, registry: ChannelRegistry, mounts: list[BaseRoute]
) -> Starlette:
    from importlib import import_module

    module_name, _, name = application.partition(":")
    app: Starlette = getattr(import_module(module_name), name)(settings, registry=registry, mounts=mounts)
    return app


@asynccontextmanager
async def _listening(options: DemoOptions, app: Starlette) -> AsyncIterator[None]:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    # The lifespan runs here, not in the server, which would hide why a start failed.
    server = Server(
        app, options.host, options.port, interface=Interfaces.ASGINL, websockets=True, log_enabled=False
    )
    serving = asyncio.create_task(server.serve())
    try:
        await _wait_until_open(options, serving)
        yield
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await serving


async def _wait_until_open(options: DemoOptions, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(10):
        while not serving.done():
            try:
                _, writer = await asyncio.open_connection(_loopback(options.host), options.port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
    await serving
    raise RuntimeError("the server ended before it listened")


def _loopback(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


@asynccontextmanager
async def temporary_folder(options: DemoOptions) -> AsyncIterator[Path]:
    """A new folder, removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="hexiao-demo-"))
    try:
        yield folder
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _quiet_logs(settings: Settings) -> None:
    """The terminal belongs to the guide; what goes wrong is still told."""
    configure_logging(settings)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    logging.getLogger().setLevel(logging.WARNING)


def _announce(options: DemoOptions, guide: DemoGuide, folder: Path) -> None:
    if options.as_json:
        document: Mapping[str, Any] = {**guide.to_json(), "folder": str(folder)}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        print_guide(guide, folder if options.keep else None)
