from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from schema.persisted import PersistedQueries, QueryNotFound

QUERY = "{ __typename }"
HASH = sha256(QUERY.encode()).hexdigest()


def persisted(digest: Any = HASH, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": digest}}


async def test_hash_after_document(bare: Any) -> None:
    unknown = await bare.post(None, extensions=persisted())
    taught = await bare.post(QUERY, extensions=persisted())
    known = await bare.post(None, extensions=persisted())
    (error,) = unknown.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (
        "PersistedQueryNotFound",
        "PERSISTED_QUERY_NOT_FOUND",
    )
    assert taught.json()["data"] == known.json()["data"] == {"__typename": "Query"}


async def test_message_is_the_same_in_chinese(bare: Any) -> None:
    bare.headers["accept-language"] = "zh-CN"
    response = await bare.post(None, extensions=persisted())
    assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_hash_by_get(bare: Any) -> None:
    await bare.post(QUERY, extensions=persisted())
    url = {"extensions": f'{{"persistedQuery": {{"version": 1, "sha256Hash": "{HASH}"}}}}'}
    response = await bare.send("GET", params=url)
    assert response.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    "extensions", [persisted("0" * 64), persisted(1), persisted(version=2), {"persistedQuery": 1}]
)
async def test_wrong_hash_refused(bare: Any, extensions: dict[str, Any]) -> None:
    answer = (await bare.post(QUERY, extensions=extensions)).json()
    expected = {"code": "BAD_USER_INPUT", "field": ["extensions", "persistedQuery"]}
    assert answer["errors"][0]["extensions"] == expected
    assert "data" not in answer


def test_store_is_bounded() -> None:
    store = PersistedQueries(capacity=1_000)
    documents = [f"{{ a{number}: __typename }}" for number in range(200)]
    for document in documents:
        store.find(document, persisted(sha256(document.encode()).hexdigest()))
    assert sum(map(len, store._kept.values())) <= 1_000
    with pytest.raises(QueryNotFound):
        store.find(None, persisted(sha256(documents[0].encode()).hexdigest()))
    newest = documents[-1]
    assert store.find(None, persisted(sha256(newest.encode()).hexdigest())) == newest
