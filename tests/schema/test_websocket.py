from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from schema.execution import Engine
from schema.roots import build_schema
from schema.websocket import MAX_OPERATIONS, WebSocketEndpoint

ACK = {"type": "connection_ack"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "https://shop.test"}, {"origin": "http://shop.test"}],
    ids=["no browser", "own page", "own page, plain"],
)
async def test_own_origins_connect(bare_app: Any, connect: Any, headers: dict[str, str]) -> None:
    async with connect(bare_app, headers) as socket:
        assert (await socket.receive())["subprotocol"] == "graphql-transport-ws"
        assert await socket.init() == ACK


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "https://shop.test.evil.test", "https://shop.test:99"]
)
async def test_foreign_origins_refused(bare_app: Any, connect: Any, origin: str) -> None:
    async with connect(bare_app, {"origin": origin}) as socket:
        assert "close" in await socket.receive()


@pytest.mark.parametrize("protocols", [[], ["graphql-ws"]])
async def test_other_protocols_refused(bare_app: Any, connect: Any, protocols: list[str]) -> None:
    async with connect(bare_app, protocols=protocols) as socket:
        await socket.receive()
        assert await socket.receive() == {"close": 4406}


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "null",
        "1",
        "[]",
        '"x"',
        "{}",
        '{"type": 1}',
        '{"type": "start"}',
        '{"type": "connection_init", "payload": 1}',
        "[" * 5_000,
    ],
)
async def test_wrong_frame_closes(bare_app: Any, connect: Any, frame: str) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        await socket.send(frame)
        assert await socket.receive() == {"close": 4400}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe", "id": "1", "payload": None},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "payload": {"query": "{ __typename }"}},
        {"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}},
        {"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}},
        {"type": "complete"},
    ],
)
async def test_wrong_message_closes(bare_app: Any, connect: Any, message: dict[str, Any]) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        assert await socket.init() == ACK
        await socket.send(message)
        assert await socket.receive() == {"close": 4400}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": 1}, "BAD_USER_INPUT"),
        ({}, "BAD_USER_INPUT"),
        ({"query": "{ __typename }", "variables": []}, "BAD_USER_INPUT"),
        ({"query": "query($a: ID!) { node(id: $a) { id } }"}, "BAD_USER_INPUT"),
        ({"query": 'subscription { redemptionChanged(storeId: "x") { id } }'}, "UNAUTHENTICATED"),
    ],
)
async def test_wrong_operation_ends_alone(
    bare_app: Any, connect: Any, payload: dict[str, Any], code: str
) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        assert await socket.init() == ACK
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        answer = await socket.receive()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert answer["payload"][0]["extensions"]["code"] == code
        await socket.subscribe("{ __typename }")
        assert (await socket.receive())["payload"]["data"] == {"__typename": "Query"}
        assert await socket.receive() == {"id": "1", "type": "complete"}


@pytest.mark.parametrize("payload", [None, {}])
async def test_init_without_payload(bare_app: Any, connect: Any, payload: Any) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        assert await socket.init(payload) == ACK
        assert await socket.init(payload) == {"close": 4429}


@pytest.mark.parametrize("given", ["Bearer nobody", "nobody", "", 1, {}])
async def test_wrong_token_closes(
    bare_app: Any, connect: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.access.tokens._select_grant", find_nobody)
    async with connect(bare_app) as socket:
        await socket.receive()
        expected = ACK if given == "" else {"close": 4401}
        assert await socket.init({"Authorization": given}) == expected


async def test_subscribe_before_init(bare_app: Any, connect: Any) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        await socket.subscribe("{ __typename }")
        assert await socket.receive() == {"close": 4401}


async def test_silence_is_cut_off(bare_app: Any, bare_settings: Any, connect: Any) -> None:
    engine = Engine(build_schema(), bare_settings)
    endpoint = WebSocketEndpoint(engine, allowed_origins=[], max_frame_bytes=1_000, init_seconds=0.05)
    app = Starlette(routes=[WebSocketRoute("/graphql", endpoint)])
    app.state.runtime = bare_app.state.runtime
    async with connect(app) as socket:
        await socket.receive()
        assert await socket.receive() == {"close": 4408}


async def test_ping_is_answered(bare_app: Any, connect: Any) -> None:
    async with connect(bare_app) as socket:
        await socket.receive()
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


async def test_binary_and_long_frames_close(bare_app: Any, connect: Any) -> None:
    for message in ({"bytes": b"{}"}, {"text": " " * 300_000}):
        async with connect(bare_app) as socket:
            await socket.receive()
            await socket.to_server.put({"type": "websocket.receive", **message})
            assert await socket.receive() == {"close": 4400}


async def test_operations_are_limited(bare_app: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asyncio.Event()

    async def wait(*_: Any) -> None:
        await waiting.wait()

    monkeypatch.setattr("schema.context.Context.sign_in", wait)
    async with connect(bare_app) as socket:
        await socket.receive()
        assert await socket.init() == ACK
        for number in range(MAX_OPERATIONS + 1):
            await socket.subscribe('subscription { redemptionChanged(storeId: "x") { id } }', str(number))
        answer = await socket.receive()
        assert (answer["type"], answer["id"]) == ("error", str(MAX_OPERATIONS))
        assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await socket.send({"type": "complete", "id": "0"})
        await socket.subscribe("{ __typename }", "again")
        assert (await socket.receive())["type"] == "next"


async def find_nobody(token_hash: str) -> None:
    return None
