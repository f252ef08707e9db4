"""Calls to Aliyun. The only file of this adapter that touches the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from adapters.aliyun_sms.parse import Answer, parse_answer
from adapters.aliyun_sms.signing import hash_body, sign_request
from adapters.aliyun_sms.tables import (
    CREDENTIAL_BY_CODE,
    DOUBTFUL,
    MEND_BY_CODE,
    QUERY_SIGN,
    SEND,
    THROTTLED,
    VERSION,
)
from adapters.aliyun_sms.wire import SendSmsParams
from core.channels.contract import (
    ChannelAnswer,
    ChannelFailure,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Misconfigured,
    OutcomeUnknown,
    RateLimited,
)

if TYPE_CHECKING:
    from adapters.aliyun_sms.channel import AliyunSmsCredentials, AliyunSmsSettings

    Session = ChannelSession[AliyunSmsCredentials, AliyunSmsSettings]

_DEFAULT_PORTS = {"https": 443, "http": 80}
_PAUSE = 1.0  # seconds; no figure is documented


class AliyunSmsClient:
    """One account's calls. Answers succeed, or their code says something about the message."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def send(self, params: SendSmsParams) -> Answer:
        """Sends one message. Aliyun knows no repeats: a second call is a second message."""
        given = {name: str(value) for name, value in params.items()}
        return await self._call("send", SEND, Effect.WRITE, given)

    async def query_sign(self) -> Answer:
        """Whether the account's signature is approved."""
        sign = {"SignName": self._session.credentials.sign_name}
        return await self._call("check", QUERY_SIGN, Effect.READ, sign)

    async def _call(self, operation: str, action: str, effect: Effect, params: Mapping[str, str]) -> Answer:
        request = self._build(operation, action, effect, params)
        return _read(await self._session.http.send(request), effect)

    def _build(
        self, operation: str, action: str, effect: Effect, params: Mapping[str, str]
    ) -> ChannelRequest:
        base, keys = urlsplit(self._session.settings.base_url), self._session.credentials
        path = f"{base.path.rstrip('/')}/"
        signed = {
            "host": _name_host(base.scheme, base.hostname or "", base.port),
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": self._session.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid4().hex,
            "x-acs-content-sha256": hash_body(b""),
        }
        secret = keys.access_key_secret.get_secret_value()
        authorization = sign_request(keys.access_key_id, secret, "POST", path, params, signed)
        headers = {name: value for name, value in signed.items() if name != "host"}
        return ChannelRequest(
            operation,
            "POST",
            f"{base.scheme}://{base.netloc}{path}",
            effect,
            params=params,
            headers={**headers, "authorization": authorization, "accept": "application/json"},
        )


def _name_host(scheme: str, host: str, port: int | None) -> str:
    """The Host header as HTTP clients write it."""
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _read(answer: ChannelAnswer, effect: Effect) -> Answer:
    """The answer, unless it is trouble with the call. HTTP 5xx says nothing, whatever its body."""
    found = parse_answer(answer.content) if answer.status < 500 else None
    if found is None:
        raise _give_up("Aliyun's answer cannot be read", answer.operation, effect)
    quoted: dict[str, Any] = {
        "operation": answer.operation,
        "platform_code": found.code,
        "platform_message": found.message,
    }
    if setting := CREDENTIAL_BY_CODE.get(found.code):
        raise CredentialsRefused(f"Aliyun does not accept the {setting}", setting=setting, **quoted)
    if found.code in MEND_BY_CODE:
        message, wrong = MEND_BY_CODE[found.code]
        raise Misconfigured(message, setting=wrong, **quoted)
    if found.code in THROTTLED:
        raise RateLimited("Aliyun asks for fewer calls", retry_after=_PAUSE, **quoted)
    if found.code in DOUBTFUL:
        raise _give_up("Aliyun had an error", answer.operation, effect, found)
    return found


def _give_up(message: str, operation: str, effect: Effect, answer: Answer | None = None) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    code = answer.code if answer else None
    return failure(message, operation=operation, platform_code=code)
