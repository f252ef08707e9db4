"""Calls of the mini-app: who logs in, and the phone number behind its button.

The mini-app is an app of its own, with an id and a secret beside those of Douyin Life. Only here and in client.py is the
network touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from adapters.douyin.client import read_token
from adapters.douyin.parse_people import parse_answer, read_err_no, read_words
from adapters.douyin.tables import (
    MINI_APP_CREDENTIAL_BY_ERR_NO,
    MINI_APP_NAMES,
    MINI_APP_TROUBLE_BY_ERR_NO,
    Trouble,
)
from core.channels.contract import (
    ChannelAnswer,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    FreshToken,
    Misconfigured,
    RateLimited,
)
from core.channels.wire import (
    clean_message,
)

if TYPE_CHECKING:
    from adapters.douyin.channel import DouyinCredentials, DouyinSettings, MiniApp

_TOKEN_NAME = "mini_app"  # noqa: S105  # the name under which it is kept


class MiniAppClient:
    """One account's calls of the mini-app. Answers are documents whose err_no is 0 or says something about the code.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited, ChannelUnavailable, ProtocolFailure.
    The calls change nothing at Douyin but use the code up, so that a lost answer is "unavailable".
    """

    def __init__(self, session: ChannelSession[DouyinCredentials, DouyinSettings], app: MiniApp) -> None:
        self._session = session
        self._app = app

    async def exchange_code(self, code: str) -> dict[str, Any]:
        """Who logs in with this code of tt.login. Needs no access token."""
        body = {"appid": self._app.app_id, "secret": self._app.secret.get_secret_value(), "code": code}
        url = self._session.settings.mini_app_base_url.rstrip("/") + "/api/apps/v2/jscode2session"
        answer = await self._send("identify", url, body)
        return _pass_on(_open(answer), answer.operation)

    async def exchange_phone_code(self, code: str) -> dict[str, Any]:
        """The phone number behind this code of the phone button, sealed with the app's public key."""
        url = self._at_home("/api/apps/v1/get_phonenumber_info/")
        # Sending again is safe: a call with a refused token did not use the code up.
        for _ in range(2):
            token = await self._session.tokens.get(_TOKEN_NAME, self.fetch_token)
            answer = await self._send("find_phone", url, {"code": code}, {"access-token": token})
            document = _open(answer)
            if MINI_APP_TROUBLE_BY_ERR_NO.get(read_err_no(document)) is not Trouble.TOKEN_REFUSED:
                return _pass_on(document, answer.operation)
            await self._session.tokens.drop(_TOKEN_NAME, token)
        message = "Douyin refuses the mini-app's fresh token"
        raise CredentialsRefused(
            message, setting="miniAppSecret", operation=answer.operation, **_quote(document)
        )

    async def fetch_token(self) -> FreshToken:
        """The mini-app's access token. INFERRED from public clients that its id and secret serve as client key."""
        form = {
            "client_key": self._app.app_id,
            "client_secret": self._app.secret.get_secret_value(),
            "grant_type": "client_credential",
        }
        answer = await self._send("mini_app_token", self._at_home("/oauth/client_token/"), form)
        return read_token(answer, MINI_APP_NAMES)

    def _at_home(self, path: str) -> str:
        return self._session.settings.base_url.rstrip("/") + path

    async def _send(
        self, operation: str, url: str, body: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> ChannelAnswer:
        sent = {"content-type": "application/json", **(headers or {})}
        request = ChannelRequest(operation, "POST", url, Effect.READ, {}, sent, orjson.dumps(body))
        return await self._session.http.send(request)


def _open(answer: ChannelAnswer) -> dict[str, Any]:
    """The document of an answer. Douyin sends HTTP 200 even for failures: any other status is a gateway's."""
    if answer.status == 429:
        raise RateLimited("Douyin's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise ChannelUnavailable(f"Douyin answered HTTP {answer.status}", operation=answer.operation)
    return parse_answer(answer.json(), answer.operation)


def _pass_on(document: dict[str, Any], operation: str) -> dict[str, Any]:
    """The document, unless its err_no is trouble with the call itself."""
    err_no, quoted = read_err_no(document), _quote(document)
    if setting := MINI_APP_CREDENTIAL_BY_ERR_NO.get(err_no):
        message = f"Douyin does not accept the {setting}"
        raise CredentialsRefused(message, setting=setting, operation=operation, **quoted)
    match MINI_APP_TROUBLE_BY_ERR_NO.get(err_no):
        case Trouble.MISCONFIGURED:
            message = "the Douyin mini-app may not make this call"
            raise Misconfigured(message, setting="miniAppId", operation=operation, **quoted)
        case Trouble.RATE_LIMITED:
            raise RateLimited("Douyin asks for fewer calls", operation=operation, **quoted)
        case Trouble.BUSY:
            raise ChannelUnavailable("Douyin is busy", operation=operation, **quoted)
    return document


def _quote(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "platform_code": str(read_err_no(document)),
        "platform_message": clean_message(read_words(document)),
    }
