"""Everything that stands around a measured server: a database, a shop in it, and the platform."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.channels.accounts import ChannelAccountView
from core.db.migrate import migrate
from core.ids import encode_global_id
from core.program import open_runtime
from core.settings import Settings
from tests.benchmarks.floor import TABLES
from tests.benchmarks.load import Target
from tests.benchmarks.platform import CREDENTIALS, POI_ID
from tests.benchmarks.processes import Measured, pick_cores, start_server

POSTGRES = os.environ.get("HEXIAO_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")
SECRET_KEY = "a secret key for benchmarks, 32 characters or more"
REDEEM = """mutation ($input: RedeemCouponsInput!) {
  redeemCoupons(input: $input) { outcome redemptions { id status } userErrors { code field } }
}"""


@dataclass(frozen=True)
class Arena:
    """`database_url` holds the shop; `platform` is its Douyin."""

    folder: Path
    database_url: str
    platform: Measured
    store: str
    token: str

    def start(self, application: str, profile: str = "") -> Measured:
        """A server of this arena, on the core that is kept for it."""
        return start_server(application, self._environment(), pick_cores()[0], self._new_log(), profile)

    def set_latency(self, seconds: float) -> None:
        """How long the platform takes for each call from now on."""
        address = f"http://127.0.0.1:{self.platform.port}/latency?seconds={seconds}"
        urllib.request.urlopen(address, timeout=10).read()

    async def analyse(self) -> None:
        """Lets PostgreSQL see what is in the tables, as autovacuum does within a minute of a shop's first day.

        Before that it may keep plans which read all rows of a merchant for each statement.
        """
        await _execute(self.database_url, "ANALYZE")

    def aim_at_graphql(self, server: Measured) -> Target:
        def make_body(number: int) -> bytes:
            code = {"code": f"{number:015d}"}
            given = {"storeId": self.store, "codes": [code], "idempotencyKey": f"bench {number}"}
            return orjson.dumps({"query": REDEEM, "variables": {"input": given}})

        return Target(server.port, "/graphql", self._headers, make_body, b'"outcome":"REDEEMED"')

    def aim_at_plain(self, server: Measured) -> Target:
        def make_body(number: int) -> bytes:
            key = f"bench {number}"
            return orjson.dumps({"storeId": self.store, "code": f"{number:015d}", "idempotencyKey": key})

        return Target(server.port, "/plain", self._headers, make_body, b'"outcome":"REDEEMED"')

    def aim_at_floor(self, server: Measured) -> Target:
        def make_body(number: int) -> bytes:
            return orjson.dumps({"code": f"{number:015d}"})

        return Target(server.port, "/redeem", self._headers, make_body, b'"SUCCEEDED"')

    @property
    def _headers(self) -> str:
        return f"authorization: Bearer {self.token}\r\ncontent-type: application/json\r\naccept: application/json\r\n"

    def _new_log(self) -> Path:
        return self.folder / f"server-{uuid4().hex[:8]}.log"

    def _environment(self) -> dict[str, str]:
        return {
            "HEXIAO_DATABASE_URL": self.database_url,
            "HEXIAO_SECRET_KEY": SECRET_KEY,
            "HEXIAO_ALLOW_PRIVATE_HOSTS": "1",
            "HEXIAO_STAFF_RATE": "1000000",
            "HEXIAO_STAFF_BURST": "1000000",
            "HEXIAO_LOG_LEVEL": "warning",
            "HEXIAO_BENCH_PROFILE": str(self.folder / "profile.out"),
            "FLOOR_DATABASE": self.database_url,
            "FLOOR_PLATFORM": f"http://127.0.0.1:{self.platform.port}",
        }


@asynccontextmanager
async def open_arena(folder: Path) -> AsyncIterator[Arena]:
    """A fresh database, which is dropped in the end."""
    name = f"hexiao_bench_{uuid4().hex[:8]}"
    await _execute(f"{POSTGRES}/postgres", f"CREATE DATABASE {name}")
    platform = start_server(
        "tests.benchmarks.platform:Platform", {}, pick_cores()[1], folder / "platform.log"
    )
    try:
        # The disk is the same for all; how fast it is, is not what is measured.
        await _execute(f"{POSTGRES}/postgres", f"ALTER DATABASE {name} SET synchronous_commit = off")
        await _execute(f"{POSTGRES}/{name}", TABLES)
        yield await _open_shop(folder, f"{POSTGRES}/{name}", platform)
    finally:
        platform.stop()
        await _execute(f"{POSTGRES}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


async def _open_shop(folder: Path, database_url: str, platform: Measured) -> Arena:
    settings = Settings.model_validate(
        {"database_url": database_url, "secret_key": SECRET_KEY, "allow_private_hosts": True}
    )
    await migrate(settings)
    async with open_runtime(settings, scheduled=False) as runtime:
        new = await create_merchant("Camellia", "First")
        owner = await authenticate(new.token)
        options = {"baseUrl": f"http://127.0.0.1:{platform.port}"}
        account = await runtime.accounts.connect_channel(owner, "douyin", "Douyin", CREDENTIALS, options)
        if not isinstance(account, ChannelAccountView):
            raise RuntimeError(f"the account was not connected: {account}")
        await runtime.accounts.bind_store(owner, account.id, new.store_id, POI_ID)
    return Arena(folder, database_url, platform, encode_global_id("Store", new.store_id), new.token)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
