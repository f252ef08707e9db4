"""Signatures, by the vectors that two independent SDKs reproduce, and what is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from adapters.meituan.client import sign_form

VECTORS = orjson.loads((Path(__file__).parent / "vectors" / "meituan-developer-sha1.json").read_bytes())


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_vector_is_signed(vector: Any) -> None:
    assert sign_form(vector["signKey"], vector["params"]) == vector["sign"]


@pytest.mark.parametrize("name", ["sign", "signature"])
def test_signature_is_not_signed(name: str) -> None:
    vector = VECTORS["vectors"][0]
    assert sign_form(vector["signKey"], {**vector["params"], name: "old"}) == vector["sign"]


def test_zero_is_no_empty_value() -> None:
    form = {"a": "1"}
    assert (
        sign_form("key", {**form, "b": "0"}) != sign_form("key", form) == sign_form("key", {**form, "b": ""})
    )


async def test_form_is_complete(till: Any, general: Any, clock: Any) -> None:
    code = general.make("usable").code
    await till.find(code)
    (request,) = till.session.http.requests
    form = dict(parse_qsl(request.content.decode()))
    sign = form.pop("sign")
    assert form == {
        "developerId": "100058",
        "businessId": "58",
        "appAuthToken": "tok-simulated-general-0001",
        "charset": "UTF-8",
        "timestamp": str(int(clock.now().timestamp())),
        "version": "2",
        "biz": f'{{"receiptCode":"{code}"}}',
    }
    assert sign == sign_form("9d8c7b6a5f4e3d2c1b0a", form)
    assert (request.method, request.headers) == (
        "POST",
        {"content-type": "application/x-www-form-urlencoded"},
    )
    assert request.url == "http://simulator.test/ddzh/tuangou/receipt/prepare"
