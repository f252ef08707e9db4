"""Starting server processes quickly, and killing them.

They are forked from a process that has imported everything and runs nothing, so that a start costs what the
program does and not what its imports cost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import Popen

import httpx

from core.settings import Settings
from tests.crash.server import CRASH, run_platform, run_server

START_SECONDS = 20.0
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.crash.server"])


@dataclass
class Server:
    """One server process."""

    address: str
    process: BaseProcess
    log: Path

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """Holds it still, as a machine does that has run out of memory or is moved."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def is_killed(self, within: float = 10.0) -> bool:
        """Whether it has ended by SIGKILL."""
        self.process.join(within)
        return self.process.exitcode == -signal.SIGKILL

    @property
    def _pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid


@dataclass
class Servers:
    """Server processes on one database. `folder` takes their logs."""

    settings: Settings
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Server] = field(default_factory=list)

    def start(self, crash: str | None = None) -> Server:
        """A server that answers."""
        port, log = free_port(), self.folder / f"server-{len(self.started)}.log"
        environment = {**self.variables(), **({CRASH: crash} if crash else {})}
        process = _context.Process(target=run_server, args=(port, environment, log), daemon=True)
        process.start()
        server = Server(f"http://127.0.0.1:{port}", process, log)
        self.started.append(server)
        wait_until_open(server.address + "/livez", process, log)
        return server

    def kill_all(self) -> None:
        for server in self.started:
            server.kill()

    def variables(self) -> dict[str, str]:
        """The settings of a server: short times, no limits of rates."""
        return {
            "HEXIAO_DATABASE_URL": self.settings.database_url,
            "HEXIAO_SECRET_KEY": self.settings.secret_key.get_secret_value(),
            "HEXIAO_ALLOW_PRIVATE_HOSTS": "1",
            "HEXIAO_LEASE_SECONDS": "1",
            "HEXIAO_SETTLE_SECONDS": "1.5",
            "HEXIAO_CHANNEL_TIMEOUT_SECONDS": "0.6",
            "HEXIAO_ANSWER_SECONDS": "3",
            "HEXIAO_STAFF_RATE": "10000",
            "HEXIAO_STAFF_BURST": "10000",
            "HEXIAO_STAFF_FAILURES": "100000",
            **self.environment,
        }


def start_platform(folder: Path) -> Server:
    """The platform's process."""
    port, log = free_port(), folder / "platform.log"
    process = _context.Process(target=run_platform, args=(port, log), daemon=True)
    process.start()
    server = Server(f"http://127.0.0.1:{port}", process, log)
    wait_until_open(server.address + "/_control/account", process, log)
    return server


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(url: str, process: BaseProcess | Popen[bytes], log: Path) -> None:
    """Returns once a GET of `url` answers 200. Fails with the process's log where it ends instead."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and _is_alive(process):
        try:
            if httpx.get(url, trust_env=False, verify=False, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(f"no answer from {url}:\n{log.read_text()[-4000:]}")


def _is_alive(process: BaseProcess | Popen[bytes]) -> bool:
    return process.poll() is None if isinstance(process, Popen) else process.is_alive()
