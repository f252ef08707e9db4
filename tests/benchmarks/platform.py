"""A fast stand-in for Douyin Life: prepare and verify for any code, after a latency of choice.

So fast that it is never what a benchmark measures. GET /latency?seconds=0.05 sets the latency.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

import orjson

CREDENTIALS = {"clientKey": "bench", "clientSecret": "bench-secret", "accountId": "7200000000000000001"}
POI_ID = "7100000000000000009"

_OK = {"error_code": 0, "description": "success"}
_TOKEN = orjson.dumps(
    {"data": {**_OK, "access_token": "clt.bench", "expires_in": 7200}, "message": "success"}
)


class Platform:
    """The ASGI application."""

    def __init__(self) -> None:
        self._latency = 0.0
        self._answers = {
            "/oauth/client_token/": lambda scope, body: _TOKEN,
            "/goodlife/v1/fulfilment/certificate/prepare/": lambda scope, body: _prepare(_read_query(scope)),
            "/goodlife/v1/fulfilment/certificate/verify/": lambda scope, body: _verify(orjson.loads(body)),
            "/latency": self._set_latency,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"] if scope["method"] == "POST" else b""
        answer = self._answers[scope["path"]](scope, body)
        if self._latency:
            await asyncio.sleep(self._latency)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _set_latency(self, scope: Any, body: bytes) -> bytes:
        self._latency = float(_read_query(scope)["seconds"])
        return b"{}"


def _read_query(scope: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


def _prepare(query: dict[str, str]) -> bytes:
    code, now = query["code"], int(time.time())
    certificate = {
        "encrypted_code": f"bench{code}",
        "certificate_id": int(code),
        "status": 1,
        "start_time": now - 864_000,
        "expire_time": now + 864_000,
        "sku": {"sku_id": "1800000000000001", "title": "双人下午茶套餐", "groupon_type": 1},
        "amount": {"original_amount": 9900, "pay_amount": 8800, "coupon_pay_amount": 9100},
    }
    found = {"verify_token": f"vt{code}", "order_id": f"1093{code}", "certificates": [certificate]}
    return _wrap(found)


def _verify(body: dict[str, Any]) -> bytes:
    results = [
        {"result": 0, "msg": "", "code": code, "verify_id": f"use{code}", "certificate_id": code[5:]}
        for code in body["encrypted_codes"]
    ]
    return _wrap({"verify_results": results})


def _wrap(data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {"data": {**_OK, **data}, "extra": {**_OK, "logid": "bench", "now": int(time.time())}}
    )
