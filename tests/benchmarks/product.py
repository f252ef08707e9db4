"""What is measured: the product, and the same service under a plain handler instead of GraphQL."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.douyin.channel import DouyinChannel
from core.access.tokens import authenticate
from core.channels.contract import RequestRate
from core.coupons.redemption import redeem_coupons
from core.coupons.values import CodeInput
from core.ids import decode_id
from schema.app import create_app
from schema.context import read_bearer
from schema.http import read_headers, send_bytes


def create_product() -> Starlette:
    """The whole server, but for the platform's request rate, which would be all that one measures."""
    DouyinChannel.request_rate = RequestRate(per_second=1e6, burst=1_000_000)
    return create_app()


def create_plain() -> Starlette:
    """The product with one more route, /plain, that does without GraphQL."""
    app = create_product()
    app.router.routes.insert(0, Route("/plain", _PlainHandler()))
    return app


class _PlainHandler:
    """Takes and answers the same JSON values as the measured mutation, and signs in the same way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        runtime = scope["app"].state.runtime
        actor = await authenticate(read_bearer(read_headers(scope).get(b"authorization")) or "")
        await runtime.rates.check(actor)
        given: dict[str, Any] = orjson.loads((await receive())["body"])
        store_id = decode_id(given["storeId"], "Store")
        codes = [CodeInput(given["code"])]
        result = await redeem_coupons(runtime, actor, store_id, codes, given["idempotencyKey"])
        answer = {
            "outcome": result.outcome,
            "redemptions": [{"id": str(each.id), "status": each.status} for each in result.redemptions],
            "userErrors": [{"code": each.code} for each in result.problems],
        }
        await send_bytes(send, 200, "application/json", orjson.dumps(answer))
