"""Where the simulated platform gives out access tokens. Every app has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.responses import Response

from adapters.douyin.simulator.state import TOKEN_LIFE, WORDS, PlatformError, TokenDesk
from core.testing.simulator import Call, write_json

Issue = Callable[[TokenDesk, datetime], tuple[str, timedelta]]


class TokenOffice:
    """The two interfaces for tokens. `apps`: client key → its secret and where its tokens lie."""

    def __init__(self, apps: Mapping[str, tuple[str, TokenDesk]], now: Callable[[], datetime]) -> None:
        self._apps = apps
        self._now = now

    def give(self, call: Call) -> Response:
        """/oauth/client_token/"""
        return self._answer(call, lambda desk, now: (desk.issue(now), TOKEN_LIFE))

    def give_stable(self, call: Call) -> Response:
        """/oauth/stable_client_token/"""

        def renew(desk: TokenDesk, now: datetime) -> tuple[str, timedelta]:
            token, expires_at = desk.renew(now)
            return token, expires_at - now

        return self._answer(call, renew)

    def _answer(self, call: Call, issue: Issue) -> Response:
        try:
            token, life = issue(self._find_desk(read_body(call)), self._now())
        except PlatformError as error:
            return refuse_token(error)
        data = {
            "access_token": token,
            "expires_in": int(life.total_seconds()),
            "error_code": 0,
            "description": "",
        }
        return write_json({"data": data, "message": "success"})

    def _find_desk(self, form: Mapping[str, object]) -> TokenDesk:
        if not all(form.get(name) for name in ("client_key", "client_secret", "grant_type")):
            raise PlatformError(10002)
        found = self._apps.get(str(form["client_key"]))
        if found is None:
            raise PlatformError(10003)
        secret, desk = found
        if form["client_secret"] != secret or form["grant_type"] != "client_credential":
            raise PlatformError(10013)
        return desk


def refuse_token(error: PlatformError) -> Response:
    """The answer that this error is."""
    data = {"error_code": error.code, "description": WORDS[error.code]}
    return write_json({"data": data, "message": "error"})


def read_body(call: Call) -> dict[str, Any]:
    """The JSON object of a call. Raises PlatformError for anything else."""
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise PlatformError(200002) from None
    if not isinstance(body, dict):
        raise PlatformError(200002)
    return body
