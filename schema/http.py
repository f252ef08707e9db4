"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): POST with JSON, GET for queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from graphql import OperationType
from starlette.types import Message, Receive, Scope, Send

from core.errors import BadInput, RateLimited
from core.messages import choose_language, use_language
from schema.context import Context, read_bearer
from schema.errors import Answer, describe_fault, mask_error
from schema.execution import Engine, Result
from schema.graphiql import GRAPHIQL_PAGE
from schema.negotiation import GRAPHQL_RESPONSE, HTML, choose_media_type, is_json
from schema.requests import GraphQLRequest, read_body, read_query_string
from schema.texts import say

if TYPE_CHECKING:
    from core.runtime import Runtime

_READ_HEADERS = frozenset(
    {b"accept", b"accept-language", b"authorization", b"content-length", b"content-type", b"host"}
)
Headers = Mapping[bytes, str]


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class RequestRefused(Exception):
    """A request that is no GraphQL request of ours, with its HTTP status."""

    def __init__(self, status: int, message: str, allow: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.fault = BadInput(message)
        self.allow = allow


class GraphQLEndpoint:
    """The ASGI application at /graphql. `app.state.runtime` must be there before the first request.

    It does not watch for a client that leaves: what was begun is brought to its end.
    """

    def __init__(self, engine: Engine, *, max_body_bytes: int, graphiql: bool) -> None:
        self._engine = engine
        self._max_body_bytes = max_body_bytes
        self._graphiql = graphiql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        language = choose_language(headers.get(b"accept-language"))
        wants_page = self._graphiql and scope["method"] == "GET" and not scope["query_string"]
        media_type = choose_media_type(headers.get(b"accept"), html=wants_page)
        if media_type == HTML:
            await send_bytes(send, 200, "text/html; charset=utf-8", GRAPHIQL_PAGE)
            return
        runtime: Runtime = scope["app"].state.runtime
        base_url = runtime.settings.public_url or f"{scope['scheme']}://{headers.get(b'host', '')}"
        context = Context(runtime, language, read_bearer(headers.get(b"authorization")), base_url)
        with use_language(language):
            try:
                result = await self._answer(scope, receive, headers, context)
            except ClientGone:
                return
            except RequestRefused as refused:
                await self._refuse(send, media_type, refused)
                return
            except Exception as error:
                await send_answer(send, 500, media_type, {"errors": [mask_error(error)]})
                return
        await send_result(send, media_type, result)

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers, context: Context) -> Result:
        try:
            request = await self._read_request(scope, receive, headers)
        except BadInput as fault:
            raise RequestRefused(400, fault.message) from None
        prepared = self._engine.prepare(request)
        if isinstance(prepared, Result):
            return prepared
        if prepared.kind is OperationType.SUBSCRIPTION:
            raise RequestRefused(405, say("subscription_by_http"), allow="GET, POST")
        if prepared.kind is OperationType.MUTATION and scope["method"] != "POST":
            raise RequestRefused(405, say("mutation_by_get"), allow="POST")
        return await self._engine.execute(prepared, context)

    async def _read_request(self, scope: Scope, receive: Receive, headers: Headers) -> GraphQLRequest:
        if scope["method"] in ("GET", "HEAD"):
            return read_query_string(scope["query_string"])
        if scope["method"] != "POST":
            raise RequestRefused(405, say("method"), allow="GET, POST")
        if not is_json(headers.get(b"content-type")):
            raise RequestRefused(415, say("content_type"))
        declared = headers.get(b"content-length", "")
        return read_body(await receive_body(receive, self._max_body_bytes, declared))

    async def _refuse(self, send: Send, media_type: str, refused: RequestRefused) -> None:
        extra = [(b"allow", refused.allow.encode())] if refused.allow else []
        await send_answer(
            send, refused.status, media_type, {"errors": [describe_fault(refused.fault)]}, extra
        )


def read_headers(scope: Scope) -> Headers:
    """The headers that matter here, the last of each name."""
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in _READ_HEADERS}


async def receive_body(receive: Receive, limit: int, declared: str = "") -> bytes:
    """The whole body. Raises BadInput over `limit` bytes, however they arrive, and ClientGone."""
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > limit):
        raise BadInput(say("body_too_large", limit=limit))
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BadInput(say("body_too_large", limit=limit))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def send_result(send: Send, media_type: str, result: Result) -> None:
    """The answer to a request that was understood, with the status that its media type asks for."""
    wait = max((read_wait(error) for error in result.errors), default=0)
    if wait:
        await send_answer(send, 429, media_type, result.to_answer(), [(b"retry-after", str(wait).encode())])
        return
    refused = not result.executed and media_type == GRAPHQL_RESPONSE
    await send_answer(send, 400 if refused else 200, media_type, result.to_answer())


def read_wait(error: Answer) -> int:
    """The seconds to wait that a RATE_LIMITED error tells, 0 for any other error."""
    extensions: dict[str, Any] = error.get("extensions", {})
    return int(extensions["retryAfterSeconds"]) if extensions.get("code") == RateLimited.code else 0


async def send_answer(
    send: Send, status: int, media_type: str, answer: Answer, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    await send_bytes(send, status, f"{media_type}; charset=utf-8", orjson.dumps(answer), extra)


async def send_bytes(
    send: Send, status: int, content_type: str, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"accept, accept-language"),
        *(extra or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
