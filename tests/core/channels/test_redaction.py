"""No secret, coupon code or telephone number reaches a log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from core.channels.contract import OutcomeUnknown
from core.channels.transport.redaction import MASK, Redactor, mask_secrets
from core.logs import configure_logging
from tests.core.channels.conftest import (
    RawPlatform,
    close_silently,
    make_request,
    make_settings,
    open_client,
    opened_network,
)

UUID_TEXT = "01234567-0123-7123-8123-012345678901"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "access-token: {}",
        "access_token={}&x=1",
        "https://api.acme.com/a?token={}",
        "https://api.acme.com/a?x=1&whatever={}#top",
        '{{"access_token":"{}"}}',
        "{{'clientSecret': '{}'}}",
        "client_secret={}",
        "refreshToken: {}",
        "app_auth_token={}",
        "session={}",
        "sign={}",
        "object_id={}",
        "encrypted_code={}",
        "code: {}",
    ],
)
def test_named_secret_is_masked(text: str) -> None:
    masked = mask_secrets(text.format("hu-sh_1.x"))
    assert "hu-sh" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "+8613800138000",
        "+86 138 0013 8000",
        "138-0013-8000",
        "tel13800138000x",
        "123456789012",
        "1234 5678 9012",
        "1234-5678-9012-345",
        "coupon 1234567890 used",
        "１３８００１３８０００",
    ],
)
def test_long_number_is_masked(text: str) -> None:
    masked = mask_secrets(text)
    assert MASK in masked
    assert "8000" not in masked.replace("1380", "")
    assert not any(part in masked for part in ("123456", "5678", "9012", "１３８"))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T04:00:00.123456+00:00",
        "2026-03-02 04:00:00",
        UUID_TEXT,
        "HTTP 503 after 5000 ms",
        "decoded: yes",
        "",
    ],
)
def test_plain_text_stays(text: str) -> None:
    assert mask_secrets(text) == text


def test_event_is_masked_by_name() -> None:
    event = {
        "event": "call",
        "clientSecret": "abc",
        "phone": "138",
        "codes": ["a1", "b2"],
        "nested": {"access-token": "abc", "fine": "ok", "list": [{"sign": "abc"}]},
        "raw": b"token=abcdef",
        "count": 3,
        "number": 13800138000,
        "ratio": 0.5,
        "empty": None,
    }
    assert Redactor()(None, "info", dict(event)) == {
        "event": "call",
        "clientSecret": MASK,
        "phone": MASK,
        "codes": MASK,
        "nested": {"access-token": MASK, "fine": "ok", "list": [{"sign": MASK}]},
        "raw": f"token={MASK}",
        "count": 3,
        "number": MASK,
        "ratio": 0.5,
        "empty": None,
    }


def test_known_secret_is_masked_anywhere() -> None:
    redactor = Redactor(["correct horse"])
    redactor.remember("battery staple", "abc")
    assert redactor.mask_text("the correct horse, the battery staple, abc") == f"the {MASK}, the {MASK}, abc"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON, from structlog and from the standard library."""
    root = logging.getLogger()
    before = root.handlers, root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging(make_settings())
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = before[0], before[1]


SECRETS = ["hush-access", "hush-sign", "hush-body", "hush-cookie", "13800138000", "123456789012"]


@pytest.mark.parametrize("loses_answer", [False, True])
async def test_call_is_logged_without_secrets(
    platform: RawPlatform, carrier: str, written: io.StringIO, loses_answer: bool
) -> None:
    account_id = UUID(UUID_TEXT)
    if loses_answer:
        platform.behaviour = close_silently
    request = make_request(
        platform.port,
        url=f"http://127.0.0.1:{platform.port}/coupons/123456789012/use",
        params={"sign": "hush-sign", "mobile": "13800138000"},
        headers={"Access-Token": "hush-access", "Cookie": "hush-cookie"},
        content=b'{"code":"123456789012","x":"hush-body"}',
    )
    async with opened_network(carrier=carrier) as network:
        try:
            await open_client(network, account_id).send(request)
        except OutcomeUnknown as failure:
            structlog.get_logger().exception("call failed", failure=failure, request=request)
            logging.getLogger("elsewhere").exception("call failed: %s", request)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert lines[0]["event"] == "channel call"
    assert (lines[0]["channel"], lines[0]["operation"], lines[0]["account_id"]) == (
        "acme",
        "acme.use",
        UUID_TEXT,
    )
    assert lines[0]["milliseconds"] > 0
    assert lines[0].get("failure", lines[0].get("status")) == ("OutcomeUnknown" if loses_answer else 200)
    assert len(lines) == (3 if loses_answer else 1), "the HTTP library logs nothing"
    assert not [secret for secret in SECRETS if secret in written.getvalue()]


def test_traceback_is_masked(written: io.StringIO) -> None:
    try:
        raise ValueError("bad token=hush-access of 13800138000")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed")
    assert written.getvalue().count("ValueError") >= 2
    assert not [secret for secret in SECRETS if secret in written.getvalue()]


def test_own_secret_key_is_masked(written: io.StringIO) -> None:
    structlog.get_logger().info("settings", dump=make_settings().secret_key.get_secret_value())
    assert json.loads(written.getvalue())["dump"] == MASK


def test_console_form_is_masked(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", written)
    configure_logging(make_settings(log_format="console"))
    structlog.get_logger().warning("call", url="https://a.cn/?token=hush-access", phone="13800138000")
    assert "call" in written.getvalue()
    assert not [secret for secret in SECRETS if secret in written.getvalue()]
