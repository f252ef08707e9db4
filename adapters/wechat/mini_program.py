"""Calls about the persons who use the mini-program: who they are, their phone number, messages to them."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.wechat.client import AppClient, explain_token_refusal, open_answer, pass_on
from adapters.wechat.parse import read_errcode
from adapters.wechat.tables import CREDENTIAL_BY_ERRCODE
from adapters.wechat.wire import MessageBody
from core.channels.contract import Effect


class MiniProgramClient(AppClient):
    """One account's calls about persons, as `AppClient`.

    The login calls change nothing at WeChat but use the code up, so that a lost answer is "unavailable".
    """

    async def exchange_code(self, code: str) -> dict[str, Any]:
        """Who logs in with this code of wx.login. Needs no access token."""
        credentials = self._session.credentials
        params = {
            "appid": credentials.app_id,
            "secret": credentials.app_secret.get_secret_value(),
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = await self._send("identify", "/sns/jscode2session", Effect.READ, b"", params, "GET")
        document = open_answer(answer, Effect.READ, "openid")
        if (errcode := read_errcode(document)) in CREDENTIAL_BY_ERRCODE:
            raise explain_token_refusal(document, errcode, answer.operation)
        return pass_on(document, answer.operation, Effect.READ)

    async def exchange_phone_code(self, code: str, openid: str) -> dict[str, Any]:
        """The phone number behind this code of the phone button, if it was pressed by this person."""
        body = {"code": code, "openid": openid}
        return await self._call("find_phone", "/wxa/business/getuserphonenumber", Effect.READ, body)

    async def send_message(self, body: MessageBody) -> dict[str, Any]:
        """Sends one subscribe message and uses up one consent of the person. WeChat takes no number of ours."""
        return await self._call("send_message", "/cgi-bin/message/subscribe/send", Effect.WRITE, body)


def read_sealed(text: str) -> dict[str, str] | None:
    """`encryptedData` and `iv`, where the mini-program handed over what its phone button gave in older base libraries."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    sealed, iv = document.get("encryptedData"), document.get("iv")
    if not isinstance(sealed, str) or not isinstance(iv, str):
        return None
    return {"encryptedData": sealed, "iv": iv}
