"""The floor: the least code that redeems, by hand, on the same server program and the same HTTP client.

    parse JSON, ask the platform (prepare), one transaction that inserts the intent, redeem at the platform
    (verify), one transaction that finishes the row and writes an event, answer

No access, no idempotency, no recovery, no GraphQL: what those cost is the distance of the product from here.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from core.db.postgres import PooledConnection

TABLES = """
CREATE TABLE IF NOT EXISTS floor_redemption (id uuid PRIMARY KEY, code text, status text, receipt text);
CREATE TABLE IF NOT EXISTS floor_event (id uuid PRIMARY KEY, redemption_id uuid, kind text)"""

_PREPARE = "/goodlife/v1/fulfilment/certificate/prepare/"
_VERIFY = "/goodlife/v1/fulfilment/certificate/verify/"


class Floor:
    """The ASGI application. FLOOR_DATABASE and FLOOR_PLATFORM say where things are."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/livez":
            await _send(send, b"ok")
            return
        wanted = orjson.loads((await receive())["body"])
        await _send(send, orjson.dumps(await self._redeem(wanted["code"])))

    async def _redeem(self, code: str) -> dict[str, Any]:
        found = await self._client.get(_PREPARE, params={"code": code})
        data = orjson.loads(found.content)["data"]
        id_ = uuid4()
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("INSERT INTO floor_redemption VALUES ($1, $2, 'SENT', NULL)", id_, code)
        codes = [each["encrypted_code"] for each in data["certificates"]]
        body = orjson.dumps({"verify_token": data["verify_token"], "encrypted_codes": codes})
        done = await self._client.post(_VERIFY, content=body, headers={"content-type": "application/json"})
        receipt = orjson.loads(done.content)["data"]["verify_results"][0]["verify_id"]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE floor_redemption SET status = 'SUCCEEDED', receipt = $2 WHERE id = $1", id_, receipt
            )
            await connection.execute("INSERT INTO floor_event VALUES ($1, $2, 'redeemed')", uuid4(), id_)
        return {"id": str(id_), "status": "SUCCEEDED"}

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        url = os.environ["FLOOR_DATABASE"]
        self._pool = await asyncpg.create_pool(
            url, min_size=1, max_size=10, connection_class=PooledConnection
        )
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(), base_url=os.environ["FLOOR_PLATFORM"], trust_env=False
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._client.aclose()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
