from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from core.channels.contract import WebhookReply
from core.channels.registry import build_registry
from core.errors import BadInput, NotFound, Unauthenticated
from core.ids import encode_global_id, new_id
from core.settings import Settings
from schema.app import create_app

ACCOUNT = new_id()
ADDRESS = f"/webhooks/paper/{encode_global_id('ChannelAccount', ACCOUNT)}"


def reach(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.test")


async def test_lifespan_opens_everything(database_url: str, settings: Settings) -> None:
    mounted = Route("/extra", lambda _: PlainTextResponse("here"))
    app = create_app(settings, registry=build_registry(only=["house"]), mounts=[mounted])
    async with app.router.lifespan_context(app), reach(app) as client:
        assert (await client.get("/readyz")).text == "ok"
        assert (await client.get("/extra")).text == "here"
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
        assert answer.json()["data"] == {"__typename": "Query"}


async def test_health(app: Starlette, runtime: Any) -> None:
    async with reach(app) as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.status_code, ready.status_code) == (200, 200)


async def test_missing_invariant_is_not_ready(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find() -> list[str]:
        return ["redemption_claim_key"]

    monkeypatch.setattr("schema.health.verify_invariants", find)
    async with reach(app) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.text) == (503, "the database lacks: redemption_claim_key")


async def test_dead_database_is_not_ready(bare_app: Starlette) -> None:
    async with reach(bare_app) as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.status_code, ready.status_code) == (200, 503)


@pytest.mark.parametrize("environment", ["development", "demo"])
async def test_graphiql_outside_production(environment: Any) -> None:
    settings = Settings(database_url="sqlite:////nowhere", secret_key="s" * 32, environment=environment)
    app = create_app(settings)
    async with reach(app) as client:
        page = await client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "GraphiQL" in page.text


@pytest.mark.parametrize(
    ("environment", "status"), [("production", 404), ("development", 404), ("demo", 200)]
)
async def test_landing_page_in_the_demo(environment: Any, status: int) -> None:
    settings = Settings(database_url="sqlite:////nowhere", secret_key="s" * 32, environment=environment)
    async with reach(create_app(settings)) as client:
        assert (await client.get("/")).status_code == status


async def test_only_listed_pages_may_call() -> None:
    origins = ["https://till.example"]
    settings = Settings(database_url="sqlite:////nowhere", secret_key="s" * 32, allowed_origins=origins)
    headers = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with reach(create_app(settings)) as client:
        listed = await client.options("/graphql", headers={**headers, "origin": origins[0]})
        other = await client.options("/graphql", headers={**headers, "origin": "https://evil.test"})
    assert listed.headers["access-control-allow-origin"] == origins[0]
    assert "access-control-allow-credentials" not in listed.headers
    assert "access-control-allow-origin" not in other.headers


@pytest.fixture
def deliveries(bare_app: Starlette, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What reached `take_delivery`; `deliveries.answer` is what it says."""

    class Deliveries(list[Any]):
        answer: Any = WebhookReply(b'{"ok":1}')

    taken = Deliveries()

    async def take(*given: Any) -> WebhookReply:
        taken.append(given)
        if isinstance(taken.answer, Exception):
            raise taken.answer
        return taken.answer  # type: ignore[no-any-return]

    monkeypatch.setattr("schema.webhooks.take_delivery", take)
    return taken


async def test_delivery_arrives_raw(bare_app: Starlette, deliveries: Any) -> None:
    async with reach(bare_app) as client:
        response = await client.post(f"{ADDRESS}?t=1", content=b"\xff\x00", headers={"X-Sign": "s"})
    ((_, channel, account_id, delivery),) = deliveries
    assert (response.status_code, response.content) == (200, b'{"ok":1}')
    assert (channel, account_id, delivery.method) == ("paper", ACCOUNT, "POST")
    assert (delivery.body, delivery.params, delivery.headers["x-sign"]) == (b"\xff\x00", {"t": "1"}, "s")


@pytest.mark.parametrize(
    ("fault", "status"),
    [(NotFound("x"), 404), (Unauthenticated("x"), 401), (BadInput("x"), 400), (RuntimeError("secret"), 500)],
)
async def test_refused_delivery(bare_app: Starlette, deliveries: Any, fault: Exception, status: int) -> None:
    deliveries.answer = fault
    async with reach(bare_app) as client:
        response = await client.post(ADDRESS)
    assert response.status_code == status
    assert "secret" not in response.text


@pytest.mark.parametrize("account", ["x", "é", encode_global_id("Store", ACCOUNT)])
async def test_delivery_to_no_address(bare_app: Starlette, deliveries: Any, account: str) -> None:
    async with reach(bare_app) as client:
        response = await client.post(f"/webhooks/paper/{account}")
    assert (response.status_code, deliveries) == (404, [])


async def test_huge_delivery_refused(bare_app: Starlette, deliveries: Any) -> None:
    async with reach(bare_app) as client:
        response = await client.post(ADDRESS, content=b" " * (1024 * 1024 + 1))
    assert (response.status_code, deliveries) == (400, [])
