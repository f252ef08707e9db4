from __future__ import annotations

from typing import Any

import httpx
import pytest

NEWER = "application/graphql-response+json"
CLASSIC = "application/json"
HOSTILE = {
    "null": b"null",
    "number": b"1",
    "string": b'"x"',
    "empty": b"",
    "cut off": b'{"query": "{',
    "no UTF-8": b'{"query": "\xff"}',
    "surrogate": b'{"query": "{ __typename }", "operationName": "\\ud800"}',
    "NUL": b'{"query": "{ __typename }", "operationName": "\\u0000"}',
    "huge integer": b'{"query": "{ __typename }", "variables": {"a": ' + b"1" * 5_000 + b"}}",
    "deep array": b"[" * 5_000,
    "deep object": b'{"a":' * 5_000,
    "batch": b'[{"query": "{ __typename }"}]',
    "no query": b'{"qeury": "{ __typename }"}',
    "query as object": b'{"query": {}}',
    "query as null": b'{"query": null}',
    "variables as list": b'{"query": "{ __typename }", "variables": []}',
    "variables as text": b'{"query": "{ __typename }", "variables": "{}"}',
    "operationName as number": b'{"query": "{ __typename }", "operationName": 1}',
    "extensions as text": b'{"query": "{ __typename }", "extensions": "x"}',
    "too long": b'{"query": "' + b" " * 300_000 + b'"}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_body_refused(bare: Any, body: bytes) -> None:
    response = await bare.send("POST", body)
    (error,) = response.json()["errors"]
    assert response.status_code == 400
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith((".", "required."))
    assert "data" not in response.json()


async def test_chunked_flood_refused(bare: Any) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    transport = httpx.ASGITransport(app=bare.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        response = await client.post("/graphql", content=chunks(), headers={"content-type": CLASSIC})
    assert response.status_code == 400
    assert "262144" in response.json()["errors"][0]["message"]


async def test_false_length_refused(bare: Any) -> None:
    response = await bare.send("POST", b"{}", headers={"content-length": "9" * 30})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/*", "text/html", "text/event-stream, */*;q=0.1"]
)
async def test_classic_form_by_default(bare: Any, accept: str | None) -> None:
    response = (
        await bare.post("{ __typename }") if accept is None else await ask(bare, "{ __typename }", accept)
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Q($a: ID!) { node(id: $a) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_request_error_statuses(bare: Any, query: str, code: str) -> None:
    newer, classic = await ask(bare, query, NEWER), await ask(bare, query, CLASSIC)
    assert (newer.status_code, classic.status_code) == (400, 200)
    for answer in (newer.json(), classic.json()):
        assert answer["errors"][0]["extensions"]["code"] == code
        assert "data" not in answer


async def test_get_serves_queries(bare: Any) -> None:
    url = {"query": "query($n: String!) { __type(name: $n) { name } }", "variables": '{"n": "Store"}'}
    response = await bare.send("GET", params=url)
    assert response.status_code == 200
    assert response.json()["data"] == {"__type": {"name": "Store"}}


async def test_get_refuses_mutations(bare: Any) -> None:
    response = await bare.send("GET", params={"query": "mutation { __typename }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_http_refuses_subscriptions(bare: Any) -> None:
    response = await bare.post('subscription { redemptionChanged(storeId: "x") { id } }')
    assert response.status_code == 405
    assert "WebSocket" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_refused(bare: Any, method: str) -> None:
    response = await bare.send(method)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("sent", ["", "text/plain", "multipart/form-data", "application/json; charset=gbk"])
async def test_other_content_types_refused(bare: Any, sent: str) -> None:
    response = await bare.send("POST", b'{"query": "{ __typename }"}', headers={"content-type": sent})
    assert response.status_code == 415


async def test_language_follows_the_reader(bare: Any) -> None:
    english = await bare.send("POST", b"null")
    chinese = await bare.send("POST", b"null", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})
    assert english.json()["errors"][0]["message"].startswith("The body must be")
    assert chinese.json()["errors"][0]["message"].startswith("请求正文")


async def test_no_graphiql_in_production(bare: Any) -> None:
    response = await bare.send("GET", headers={"accept": "text/html"})
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")


async def test_client_that_leaves_is_not_watched(bare: Any) -> None:
    """After the body nothing more is received, so that a disconnect cannot cancel what was begun."""
    received: list[str] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        received.append("request" if not received else "disconnect")
        if len(received) > 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b'{"query": "{ __typename }"}', "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
    }
    await bare.app(scope, receive, send)
    assert received == ["request"]
    assert sent[0]["status"] == 200


async def test_client_that_leaves_early(bare: Any) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
    }
    await bare.app(scope, receive, send)
    assert sent == []


async def ask(client: Any, query: str, accept: str) -> httpx.Response:
    response: httpx.Response = await client.send(
        "POST", b'{"query": "%s"}' % query.encode(), headers={"accept": accept}
    )
    return response
