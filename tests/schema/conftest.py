"""A running server in process, its clients, and a small chain with a token per role."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from strawberry import Schema

from core.access.merchants import create_merchant
from core.access.rates import ActorRates
from core.access.stores import create_store
from core.access.tokens import authenticate, create_token
from core.access.values import Role, StoreView
from core.channels.registry import build_registry
from core.db.statements import current_connection
from core.ids import encode_global_id
from core.keys import KeyRing
from core.program import open_runtime
from core.runtime import Runtime
from core.settings import Settings
from schema.app import create_app
from schema.roots import build_schema

SECRET_KEY = "a secret key for tests, 32 characters or more"
PROTOCOL = "graphql-transport-ws"


@dataclass
class Client:
    """Sends GraphQL requests to an application in this process, in English unless told otherwise."""

    app: Starlette
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, content: bytes = b"", **options: Any) -> httpx.Response:
        headers = {"accept-language": "en", "content-type": "application/json", **self.headers}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        headers.update(options.pop("headers", {}))
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            return await client.request(method, "/graphql", content=content, headers=headers, **options)

    async def post(self, query: str, **parameters: Any) -> httpx.Response:
        return await self.send("POST", orjson.dumps({"query": query, **parameters}))

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to an operation."""
        response = await self.post(query, variables=variables)
        answer: dict[str, Any] = response.json()
        return answer

    async def fetch(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must succeed."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


class Socket:
    """The client's end of a WebSocket of an application in this process."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.to_client: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, message: Any) -> None:
        text = message if isinstance(message, str) else orjson.dumps(message).decode()
        await self.to_server.put({"type": "websocket.receive", "text": text})

    async def receive(self) -> dict[str, Any]:
        """The next message; `{"close": code}` where the server closes."""
        async with asyncio.timeout(5):
            message = await self.to_client.get()
        if message["type"] == "websocket.close":
            return {"close": message.get("code", 1000)}
        if message["type"] == "websocket.send":
            return dict(orjson.loads(message["text"]))
        return message

    async def init(self, payload: Any = None) -> dict[str, Any]:
        await self.send({"type": "connection_init", "payload": payload})
        return await self.receive()

    async def subscribe(self, query: str, operation_id: str = "1", **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": operation_id, "payload": payload})

    async def finish(self) -> None:
        await self.to_server.put({"type": "websocket.disconnect", "code": 1000})


@asynccontextmanager
async def open_socket(
    app: Starlette, headers: dict[str, str] | None = None, protocols: list[str] | None = None
) -> AsyncIterator[Socket]:
    """A WebSocket after the handshake's answer, which `receive` gives first if it is no acceptance."""
    socket = Socket()
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (name.encode(), value.encode())
            for name, value in {"host": "shop.test", **(headers or {})}.items()
        ],
        "subprotocols": [PROTOCOL] if protocols is None else protocols,
        "state": {},
    }
    await socket.to_server.put({"type": "websocket.connect"})
    serving = asyncio.create_task(app(scope, socket.to_server.get, socket.to_client.put))
    try:
        yield socket
    finally:
        await socket.finish()
        async with asyncio.timeout(5):
            await serving


@pytest.fixture
def connect() -> Callable[..., AbstractAsyncContextManager[Socket]]:
    """Opens a WebSocket: `async with connect(app) as socket`."""
    return open_socket


@pytest.fixture(scope="session")
def _built_schema() -> Schema:
    return build_schema()


@pytest.fixture(autouse=True)
def _shared_schema(_built_schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building it takes longer than most tests, and nothing changes it."""
    monkeypatch.setattr("schema.app.build_schema", lambda: _built_schema)


@pytest.fixture
def bare_settings() -> Settings:
    return Settings(database_url="sqlite:////nowhere", secret_key=SECRET_KEY)


@pytest.fixture
def bare_app(bare_settings: Settings) -> Starlette:
    """The application without a database: whatever fails before a field asks for somebody."""
    runtime: Any = SimpleNamespace(
        settings=bare_settings, keys=KeyRing(SECRET_KEY), rates=ActorRates(bare_settings)
    )
    app = create_app(runtime=runtime)
    app.state.runtime = runtime
    return app


@pytest.fixture
def bare(bare_app: Starlette) -> Client:
    return Client(bare_app)


@dataclass
class Shop:
    """A merchant with two stores, and tokens of every role; staff, pos and the customer belong to the first."""

    runtime: Runtime
    app: Starlette
    tenant_id: UUID
    store_id: UUID
    other_store_id: UUID
    tokens: dict[Role, str]

    def client(self, role: Role | None = Role.OWNER, **headers: str) -> Client:
        return Client(self.app, self.tokens[role] if role else None, headers)

    @property
    def store(self) -> str:
        return encode_global_id("Store", self.store_id)

    @property
    def other_store(self) -> str:
        return encode_global_id("Store", self.other_store_id)

    async def token(self, role: Role, **options: Any) -> str:
        if role in (Role.STAFF, Role.POS):
            options.setdefault("store_ids", [self.store_id])
        return await create_token(self.tenant_id, role, **options)

    async def issue(self, quantity: int = 1, **batch: Any) -> list[str]:
        """Codes of the chain's own coupons, worth 10 yuan each."""
        given = {"name": "Ten off", "kind": "CASH_VOUCHER", "faceValue": "10.00", "quantity": 100, **batch}
        created = await self.client().fetch(CREATE_BATCH, input=given)
        batch_id = created["createCouponBatch"]["batch"]["id"]
        wanted = {"batchId": batch_id, "quantity": quantity, "idempotencyKey": batch_id}
        issued = await self.client().fetch(ISSUE, input=wanted)
        return list(issued["issueCoupons"]["codes"])


CREATE_BATCH = (
    "mutation($input: CreateCouponBatchInput!) { createCouponBatch(input: $input) { batch { id } } }"
)
ISSUE = "mutation($input: IssueCouponsInput!) { issueCoupons(input: $input) { codes } }"


@pytest.fixture
async def runtime(database_url: str, settings: Settings) -> AsyncIterator[Runtime]:
    """A running program on a fresh database, with its own coupons as the only channel."""
    registry = build_registry(only=["house"])
    async with open_runtime(settings, registry=registry) as opened:
        yield opened


@pytest.fixture
def app(runtime: Runtime) -> Starlette:
    application = create_app(runtime=runtime)
    application.state.runtime = runtime
    return application


@pytest.fixture
async def shop(runtime: Runtime, app: Starlette) -> Shop:
    return await open_shop(runtime, app)


@pytest.fixture
async def rival(runtime: Runtime, app: Starlette) -> Shop:
    """Another merchant on the same server."""
    return await open_shop(runtime, app)


async def open_shop(runtime: Runtime, app: Starlette) -> Shop:
    new = await create_merchant("Camellia", "First", "Asia/Shanghai")
    other = await create_store(await authenticate(new.token), "Second")
    assert isinstance(other, StoreView)
    shop = Shop(runtime, app, new.merchant_id, new.store_id, other.id, {Role.OWNER: new.token})
    for role in (Role.MANAGER, Role.STAFF, Role.POS, Role.CUSTOMER):
        shop.tokens[role] = await shop.token(role)
    return shop


@pytest.fixture
def queries(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of what is read for one merchant from here on, sweeps left out; clear it to begin anew."""
    sent: list[str] = []
    kind: Any = type(current_connection())
    fetch = kind.execute_query_dict

    async def watch(self: Any, sql: str, *values: Any) -> Any:
        if re.search(r"WHERE tenant_id=[$?]1", sql):
            sent.append(sql)
        return await fetch(self, sql, *values)

    monkeypatch.setattr(kind, "execute_query_dict", watch)
    return sent
