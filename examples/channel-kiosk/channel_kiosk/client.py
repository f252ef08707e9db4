"""Signed calls to Kiosk. The only file that touches the network."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from channel_kiosk.parse import parse_answer
from channel_kiosk.tables import BAD_SIGNATURE, BUSY, TOO_MANY_CALLS
from channel_kiosk.wire import WireAnswer
from core.channels.contract import (
    ChannelAnswer,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)

if TYPE_CHECKING:
    from channel_kiosk.channel import KioskCredentials, KioskSettings


def sign_call(secret: str, timestamp: str, path: str, body: bytes) -> str:
    """HMAC-SHA256 over time, path and body, in lower-case hex."""
    message = f"{timestamp}\n{path}\n".encode() + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class KioskClient:
    """One account's calls. An answer about the ticket is returned, trouble with the call itself is raised."""

    def __init__(self, session: ChannelSession[KioskCredentials, KioskSettings]) -> None:
        self._session = session

    async def read(self, operation: str, body: Mapping[str, Any]) -> WireAnswer:
        """A call that changes nothing. Raises ChannelUnavailable, ProtocolFailure, CredentialsRefused, RateLimited."""
        return await self._call(operation, Effect.READ, body)

    async def write(self, operation: str, body: Mapping[str, Any]) -> WireAnswer:
        """A call with effect. Raises OutcomeUnknown where nobody can tell what it did."""
        return await self._call(operation, Effect.WRITE, body)

    async def _call(self, operation: str, effect: Effect, body: Mapping[str, Any]) -> WireAnswer:
        answer = await self._session.http.send(self._build(operation, effect, body))
        unclear = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
        if answer.status != 200:
            raise unclear(f"Kiosk answered HTTP {answer.status}", operation=operation)
        wire = _open(answer, effect)
        details = {"operation": operation, "platform_code": str(wire["code"])}
        match wire["code"]:
            case code if code == BAD_SIGNATURE:
                raise CredentialsRefused("Kiosk refuses the signature", setting="appSecret", **details)
            case code if code == TOO_MANY_CALLS:
                raise RateLimited("Kiosk asks for fewer calls", **details)
            case code if code == BUSY:
                raise unclear("Kiosk is busy", **details)
        return wire

    def _build(self, operation: str, effect: Effect, body: Mapping[str, Any]) -> ChannelRequest:
        credentials, path = self._session.credentials, f"/v1/tickets/{operation}"
        content = orjson.dumps(body)
        timestamp = str(int(self._session.clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "x-kiosk-key": credentials.app_key,
            "x-kiosk-time": timestamp,
            "x-kiosk-sign": sign_call(credentials.app_secret.get_secret_value(), timestamp, path, content),
        }
        url = self._session.settings.base_url.rstrip("/") + path
        return ChannelRequest(operation, "POST", url, effect, headers=headers, content=content)


def _open(answer: ChannelAnswer, effect: Effect) -> WireAnswer:
    try:
        return parse_answer(answer.json())
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure
