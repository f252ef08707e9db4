"""Runs every check that needs Node against a real server on a free port. Called by `make test-clients`."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
HEXIAO = Path(sys.executable).with_name("hexiao")
CHECKS = ["audits.mjs"]
START_SECONDS = 30.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="hexiao-clients-") as folder:
        log = Path(folder, "server.log")
        with serve(folder, log) as address:
            worst = max(run_check(check, address) for check in CHECKS)
        if worst:
            print(log.read_text(errors="replace")[-5_000:], file=sys.stderr)
    return worst


def run_check(check: str, address: str) -> int:
    print(f"== {check}", flush=True)
    command = ["node", str(HERE / check), f"{address}/graphql"]
    return subprocess.run(command, timeout=300, check=False).returncode  # noqa: S603


@contextmanager
def serve(folder: str, log: Path) -> Iterator[str]:
    """A server with an empty database in the folder; its address."""
    environment = {
        **os.environ,
        "HEXIAO_DATABASE_URL": f"sqlite:///{folder}/clients.sqlite3",
        "HEXIAO_SECRET_KEY": secrets.token_urlsafe(48),
    }
    subprocess.run([HEXIAO, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    port = find_port()
    with log.open("wb") as output:
        command = [HEXIAO, "serve", "--port", str(port)]
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_live(server, address, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def find_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_live(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the server ended:\n{log.read_text(errors='replace')}")
        try:
            urllib.request.urlopen(f"{address}/livez", timeout=1).close()  # noqa: S310
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not answer in time")


if __name__ == "__main__":
    raise SystemExit(main())
