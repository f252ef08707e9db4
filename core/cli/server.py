"""`hexiao serve` and `hexiao demo`."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.running import read_settings, run_async
from core.cli.sentences import CommandFailed

if TYPE_CHECKING:
    from core.settings import Settings

# By import string: core knows nothing of the room above it.
APPLICATION = "schema.app:create_app"

Host = Annotated[str, typer.Option(help="The address to listen on.")]


def serve(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes answer.")] = 1,
) -> None:
    """Serve /graphql, /webhooks, /livez and /readyz until told to stop.

    Refuses a database that is not up to date. SIGTERM and Ctrl-C stop it gracefully: running redemptions end first.
    """
    settings = read_settings()
    run_async(_check_start(settings))
    port = pick_port(host, port)
    # Workers are new processes and read the environment.
    os.environ.setdefault("HEXIAO_PUBLIC_URL", f"http://{host}:{port}")
    typer.echo(f"Listening on http://{host}:{port}/graphql", err=True)
    _run_workers(host, port, workers)


async def _check_start(settings: Settings) -> None:
    """What would stop every worker is said once, here, before there are any."""
    from core.channels.registry import RegistryError, build_registry
    from core.db.lifecycle import opened_database
    from core.db.migrate import check_schema

    async with opened_database(settings):
        await check_schema(settings)
    try:
        build_registry()
    except RegistryError as error:
        raise CommandFailed(str(error)) from error


def _run_workers(host: str, port: int, workers: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=workers,
        loop=Loops.uvloop,
        websockets=True,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_level=LogLevels.warning,
    ).serve()


def pick_port(host: str, port: int) -> int:
    """`port` if nobody listens there, a free one for 0. Raises CommandFailed where it is taken."""
    if port and not is_free(host, port):
        raise CommandFailed(
            f"port {port} of {host} is taken; choose another with --port (0 takes a free one)"
        )
    return port or free_port(host)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with _new_socket(host) as probe:
        # Without this, connections that ended a moment ago would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CommandFailed(f"port {port} needs more rights; choose one above 1023") from None
        except OSError:
            return False
        return True


def free_port(host: str) -> int:
    """A port of this host that nobody listens on. Raises CommandFailed where the host is not ours."""
    with _new_socket(host) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise CommandFailed(f"cannot listen on {host}: {error.strerror}") from None
        return int(probe.getsockname()[1])


def _new_socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)


def demo(
    host: Host = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="8000, or a free one if that is taken. 0 takes a free one."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder with the database behind.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address, tokens and codes as one JSON line.")
    ] = False,
) -> None:
    """Run a seeded shop with every built-in channel connected to its simulator, all in this process.

    Prints the address, a token per role and codes in every state. Ctrl-C leaves nothing behind.
    """
    from core.demo.server import DemoOptions, run_demo

    if port is None:
        port = 8000 if is_free(host, 8000) else 0
    run_async(run_demo(DemoOptions(APPLICATION, host, pick_port(host, port), keep, as_json)))
