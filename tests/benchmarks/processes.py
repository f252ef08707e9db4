"""Server processes under measurement: started as `hexiao serve` does, pinned, and their CPU time counted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START = "import sys; from tests.benchmarks.processes import serve; serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])"


def serve(application: str, port: int, profile: str) -> None:
    """The body of a server process: one worker, set up as `hexiao serve` sets up its own."""
    from core.cli import server

    server.APPLICATION = f"tests.benchmarks.profiling:{profile}" if profile else application
    server._run_workers("127.0.0.1", port, 1)


@dataclass(frozen=True)
class Measured:
    """A running server program with its worker processes."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> list[int]:
        """The processes that answer: the children of the one that was started."""
        return [pid for pid in _list_processes() if _read_stat(pid)[1] == str(self.process.pid)]

    def cpu_seconds(self) -> float:
        """What the workers have used so far, system time included."""
        return sum(sum(map(int, _read_stat(pid)[11:13])) for pid in self.workers()) / _TICKS

    def memory_bytes(self) -> int:
        """The resident memory of the largest worker."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.workers()]
        return max(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """Ends it gracefully."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()
        self.process.wait()


def start_server(
    application: str, environment: Mapping[str, str], core: int | None, log: Path, profile: str = ""
) -> Measured:
    """A server that answers /livez, or whose port is open."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, application, str(port), profile],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            preexec_fn=lambda: pin(core),
        )
    server = Measured(port, process, log)
    _wait_until_open(server)
    return server


def pin(core: int | None) -> None:
    """Binds this process to a core, where there are several."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def pick_cores() -> tuple[int | None, int | None]:
    """A core for the server and one for everything else; none where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(server: Measured) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1) as connection:
            connection.settimeout(5)
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
            if connection.recv(64):
                return
        time.sleep(0.005)
    raise RuntimeError(f"the server does not answer:\n{server.log.read_text()[-3000:]}")


def _list_processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def _read_stat(pid: int) -> list[str]:
    """The fields after the name: [0] the state, [1] the parent, [11] user and [12] system time in ticks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [""] * 20
