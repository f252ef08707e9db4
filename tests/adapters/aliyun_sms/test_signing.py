"""Signatures: the example of the official page, and a message of ours that the official utility reproduces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.aliyun_sms.signing import hash_body, sign_request, write_canonical

FILE = Path(__file__).parent / "vectors" / "aliyun-acs3-signature.json"
VECTORS = orjson.loads(FILE.read_bytes())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    request = (vector["method"], vector["canonical_uri"], vector["query"], vector["headers"])
    assert write_canonical(*request) == vector["canonical_request"]
    signed = sign_request(vector["access_key_id"], vector["access_key_secret"], *request)
    assert signed == vector["authorization"]
    assert hash_body(vector["body"].encode()) == vector["headers"]["x-acs-content-sha256"]


@pytest.mark.parametrize("change", ["method", "canonical_uri", "query", "headers", "access_key_secret"])
def test_whatever_changes_changes_the_signature(change: str) -> None:
    vector = dict(VECTORS[1])
    changed = {
        "method": "GET",
        "canonical_uri": "/other",
        "query": {**vector["query"], "PhoneNumbers": "13800000001"},
        "headers": {**vector["headers"], "x-acs-action": "SendBatchSms"},
        "access_key_secret": "another",
    }
    vector[change] = changed[change]
    request = (vector["method"], vector["canonical_uri"], vector["query"], vector["headers"])
    assert (
        sign_request(vector["access_key_id"], vector["access_key_secret"], *request)
        != vector["authorization"]
    )


def test_query_is_spelled_as_rfc_3986_wants() -> None:
    canonical = write_canonical("POST", "/", {"b": "~a b*+/", "a": "城"}, {"x-acs-content-sha256": "h"})
    assert canonical.split("\n")[2] == "a=%E5%9F%8E&b=~a%20b%2A%2B%2F"
