"""GraphQL over WebSocket, protocol graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

The handler is Strawberry's, mended: frames that are no objects or lack a payload close the socket as the protocol says,
a wrong document ends its own operation only, and a token that has ended closes with 4401 (clients retry 4403 for ever).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import orjson
from graphql import OperationType
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)

from core.errors import BadInput, Fault, RateLimited, Unauthenticated
from core.messages import choose_language, use_language
from schema.context import Context, read_bearer
from schema.errors import Answer, describe_fault, mask_error
from schema.execution import Engine, Prepared, Result
from schema.requests import read_json, read_parameters
from schema.texts import say

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_OPERATIONS: Final = 20
INIT_SECONDS: Final = 10.0
UNAUTHORISED: Final = 4401
_UNSUITABLE_PROTOCOL: Final = 4406
_FAILED: Final = 4500


class WebSocketEndpoint:
    """The ASGI application for WebSockets at /graphql. `app.state.runtime` must be there."""

    def __init__(
        self,
        engine: Engine,
        *,
        allowed_origins: Sequence[str],
        max_frame_bytes: int,
        init_seconds: float = INIT_SECONDS,
    ) -> None:
        self._engine = engine
        self._allowed_origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._max_frame_bytes = max_frame_bytes
        self._init_timeout = timedelta(seconds=init_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not is_origin_allowed(websocket.headers, self._allowed_origins):
            await websocket.close()
            return
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(_UNSUITABLE_PROTOCOL, "Subprotocol not acceptable")
            return
        await websocket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL)
        runtime: Runtime = scope["app"].state.runtime
        language = choose_language(websocket.headers.get("accept-language"))
        token = read_bearer(websocket.headers.get("authorization"))
        context = Context(runtime, language, token, _find_base_url(runtime, websocket))
        frames = Frames(websocket, self._max_frame_bytes)
        await Handler(self._engine, frames, context, self._init_timeout).handle()


def is_origin_allowed(headers: Mapping[str, str], allowed: frozenset[str]) -> bool:
    """Whether a page of this origin may connect: our own host, or a listed one. What is no browser names none."""
    origin = headers.get("origin")
    if origin is None:
        return True
    return origin.lower() in allowed or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _find_base_url(runtime: Runtime, websocket: WebSocket) -> str:
    """Where the same server is reached over HTTP."""
    scheme = "https" if websocket.scope["scheme"] == "wss" else "http"
    return runtime.settings.public_url or f"{scheme}://{websocket.headers.get('host', '')}"


class Frames:
    """The socket as the handler wants it: JSON in, JSON out."""

    def __init__(self, websocket: WebSocket, max_bytes: int) -> None:
        self._websocket = websocket
        self._max_bytes = max_bytes

    async def iter_json(self) -> AsyncGenerator[object, None]:
        """Every frame until the socket closes. Raises what the handler closes with 4400."""
        with suppress(WebSocketDisconnect):
            while self._websocket.application_state is WebSocketState.CONNECTED:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                yield self._read(message.get("text"))

    def _read(self, text: str | None) -> object:
        if text is None:
            raise NonTextMessageReceived
        if len(text) > self._max_bytes:
            raise NonJsonMessageReceived
        try:
            return read_json(text)
        except BadInput:
            raise NonJsonMessageReceived from None

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self._websocket.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError):
            raise WebSocketDisconnected from None

    async def close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(code, reason)


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection."""

    def __init__(self, engine: Engine, frames: Frames, context: Context, init_timeout: timedelta) -> None:
        super().__init__(
            view=cast("Any", None),
            websocket=cast("Any", frames),
            context=context,
            root_value=None,
            schema=cast("Any", None),
            connection_init_wait_timeout=init_timeout,
        )
        self._engine = engine

    async def handle_message(self, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("A message must be an object with a type")
        elif message["type"] in ("subscribe", "complete") and not _is_id(message.get("id")):
            await self.handle_invalid_message("The message needs an id")
        elif message["type"] == "subscribe" and not isinstance(message.get("payload"), dict):
            await self.handle_invalid_message("The payload must be an object")
        else:
            if message["type"] == "subscribe":
                message["payload"].setdefault("query", None)
            await super().handle_message(cast("Any", message))

    async def handle_connection_init(self, message: Any) -> None:
        if self.connection_timed_out:
            return
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            await self.handle_invalid_message("The payload must be an object")
            return
        if self.connection_init_received:
            await self.websocket.close(code=4429, reason="Too many initialisation requests")
            return
        self.connection_init_received = True
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        if await self._sign_in(payload or {}):
            await self.send_message({"type": "connection_ack"})
            self.connection_acknowledged = True

    async def handle_subscribe(self, message: Any) -> None:
        if self.connection_acknowledged and len(self.operations) >= MAX_OPERATIONS:
            with use_language(self.context.language):
                fault = RateLimited(say("subscription_limit", limit=MAX_OPERATIONS), 1)
            await self._send_errors(message["id"], [describe_fault(fault)])
            return
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """The task of one operation: everything that goes wrong in it is its own, except for the token."""
        context = self.context.renew()
        with use_language(context.language), suppress(WebSocketDisconnected):
            try:
                await self._answer(operation, context)
            except Unauthenticated as fault:
                await self._end_unauthenticated(operation, fault)
            except Fault as fault:
                await self._end(operation, [describe_fault(fault)])
            except WebSocketDisconnected:
                raise
            except Exception as error:
                await self._end(operation, [mask_error(error)])

    async def _answer(self, operation: Operation[Context, None], context: Context) -> None:
        request = read_parameters(
            {
                "query": operation.query,
                "variables": operation.variables,
                "operationName": operation.operation_name,
            }
        )
        prepared = self._engine.prepare(request)
        if isinstance(prepared, Result):
            await self._end(operation, prepared.errors)
            return
        async with aclosing(self._run(prepared, context)) as results:
            async for result in results:
                if not result.executed:
                    await self._end(operation, result.errors)
                    return
                await self._send_next(operation, result)
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _run(self, prepared: Prepared, context: Context) -> AsyncGenerator[Result, None]:
        if prepared.kind is not OperationType.SUBSCRIPTION:
            yield await self._engine.execute(prepared, context)
            return
        async with aclosing(self._engine.subscribe(prepared, context)) as results:
            async for result in results:
                yield result

    async def _sign_in(self, payload: Mapping[str, Any]) -> bool:
        """Takes the token of connection_init, else of the handshake. Closes the socket if it does not fit."""
        header = payload.get("Authorization", payload.get("authorization"))
        if header is not None:
            self.context.token = read_bearer(header) if isinstance(header, str) else ""
        if self.context.token is None:
            return True
        try:
            await self.context.check_again()
        except Unauthenticated:
            await self.websocket.close(code=UNAUTHORISED, reason="Unauthorized")
            return False
        except Exception as error:
            mask_error(error)
            await self.websocket.close(code=_FAILED, reason="Internal server error")
            return False
        return True

    async def _end_unauthenticated(self, operation: Operation[Context, None], fault: Unauthenticated) -> None:
        """Without a token only the operation ends; a token that has ended takes the connection with it."""
        if self.context.token is None:
            await self._end(operation, [describe_fault(fault)])
            return
        self.operations.pop(operation.id, None)
        await self.websocket.close(code=UNAUTHORISED, reason="Unauthorized")

    async def _send_next(self, operation: Operation[Context, None], result: Result) -> None:
        message = {"id": operation.id, "type": "next", "payload": result.to_answer()}
        await operation.send_operation_message(cast("Any", message))

    async def _end(self, operation: Operation[Context, None], errors: list[Answer]) -> None:
        message = {"id": operation.id, "type": "error", "payload": errors}
        await operation.send_operation_message(cast("Any", message))

    async def _send_errors(self, operation_id: str, errors: list[Answer]) -> None:
        await self.send_message(cast("Any", {"id": operation_id, "type": "error", "payload": errors}))


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255
