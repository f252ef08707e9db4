"""Calls to Youzan. The only file of this adapter that touches the network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from adapters.youzan.parse import (
    Answer,
    clean_message,
    is_missing,
    parse_answer,
)
from adapters.youzan.tables import (
    BEHIND_CODE,
    BUSINESS_TROUBLE,
    CREDENTIAL_BY_CODE,
    GATEWAY_TROUBLE,
    GET_API,
    MEND_BY_CODE,
    VERSION,
    Kind,
    Trouble,
)
from adapters.youzan.wire import TokenBody
from core.channels.contract import (
    ChannelAnswer,
    ChannelFailure,
    ChannelRequest,
    ChannelSession,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    FreshToken,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)
from core.channels.wire import (
    read_number,
)

if TYPE_CHECKING:
    from adapters.youzan.channel import YouzanCredentials, YouzanSettings

_TOKEN_PATH = "/auth/token"  # noqa: S105  # an address
_TOKEN_NAME = "silent"  # noqa: S105
_SHORTEST_LIFE = timedelta(minutes=1)
_PAUSE = 3.0  # seconds; the first step of the back-off that Youzan advises


class YouzanClient:
    """One account's calls. Answers succeed, or their code says something about the coupon.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[YouzanCredentials, YouzanSettings]) -> None:
        self._session = session
        self._base_url = session.settings.base_url.rstrip("/")

    async def get(self, kind: Kind, code: str) -> Answer:
        """What Youzan shows of a code of this kind."""
        return await self._call(GET_API[kind], {"code": code}, Effect.READ)

    async def use(self, api: str, body: Mapping[str, str]) -> Answer:
        """Redeems. Youzan takes no key, so only a look can tell whether a lost call was done."""
        return await self._call(api, body, Effect.WRITE)

    async def call_booking(self, api: str, body: Mapping[str, Any], effect: Effect) -> Answer:
        """A call about bookings; a bare `true` as its answer is passed on as {"done": true}."""
        return await self._call(api, body, effect)

    async def fetch_token(self) -> FreshToken:
        """The shop's access token. `refresh: false` gives the living one, and so spares the shop's other programs."""
        credentials = self._session.credentials
        body: TokenBody = {
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret.get_secret_value(),
            "authorize_type": "silent",
            "grant_id": credentials.grant_id,
            "refresh": False,
        }
        answer = await self._send("token", _TOKEN_PATH, Effect.READ, orjson.dumps(body))
        return self._read_token(answer)

    async def _call(self, api: str, body: Mapping[str, Any], effect: Effect) -> Answer:
        path, content = f"/api/{api}/{VERSION}", orjson.dumps(dict(body))
        # Sending again is safe for changing calls too: a call with a refused token did nothing.
        for _ in range(2):
            token = await self._session.tokens.get(_TOKEN_NAME, self.fetch_token)
            answer = _open(await self._send(api, path, effect, content, token), effect)
            if _find_trouble(answer) is not Trouble.TOKEN_REFUSED:
                return _pass_on(answer, api, effect)
            await self._session.tokens.drop(_TOKEN_NAME, token)
        raise CredentialsRefused(
            "Youzan refuses the token that it gave", setting="clientId", operation=api, **_quote(answer)
        )

    async def _send(
        self, operation: str, path: str, effect: Effect, content: bytes, token: str | None = None
    ) -> ChannelAnswer:
        # In a header or in the body the token counts as missing.
        params = {"access_token": token} if token else {}
        headers = {"content-type": "application/json"}
        url = self._base_url + path
        request = ChannelRequest(operation, "POST", url, effect, params, headers, content)
        return await self._session.http.send(request)

    def _read_token(self, answer: ChannelAnswer) -> FreshToken:
        """The token of an answer. All raised here is NothingSent: the call that needs the token was not made."""
        try:
            envelope = parse_answer(answer.json(), answer.operation)
            if answer.status == 200 and not envelope.code:
                token = envelope.body["access_token"]
                return FreshToken(_read_text(token), self._read_lifetime(envelope.body.get("expires")))
        except (ProtocolFailure, KeyError, TypeError):
            raise ChannelUnavailable("Youzan gave no readable token", operation=answer.operation) from None
        raise _explain_refusal(envelope, answer.operation)

    def _read_lifetime(self, expires: object) -> timedelta:
        """`expires` is an instant in milliseconds. One that our clock holds for past was a moment ago still good."""
        milliseconds = read_number(expires, "data.expires")
        if milliseconds is None:
            raise ProtocolFailure("a token without an end", path="data.expires")
        left = milliseconds / 1000 - self._session.clock.now().timestamp()
        return max(_SHORTEST_LIFE, timedelta(seconds=min(left, timedelta(days=7).total_seconds())))


def _read_text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise TypeError("no text")


def _open(answer: ChannelAnswer, effect: Effect) -> Answer:
    """What an answer says. Youzan sends HTTP 200 even for failures: any other status is a machine's in between."""
    if answer.status == 429:
        raise RateLimited("Youzan asks for fewer calls", operation=answer.operation, retry_after=_PAUSE)
    if answer.status != 200:
        raise _give_up(f"Youzan answered HTTP {answer.status}", answer.operation, effect)
    try:
        return parse_answer(answer.json(), answer.operation)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure


def _find_trouble(answer: Answer) -> Trouble | None:
    """What is wrong with the call itself. Whatever the gateway says is about the call, never about a coupon."""
    if answer.gateway:
        return GATEWAY_TROUBLE.get(answer.code, Trouble.BUSY)
    if answer.code == BEHIND_CODE:
        return None if is_missing(answer) else Trouble.BUSY
    return BUSINESS_TROUBLE.get(answer.code)


def _pass_on(answer: Answer, operation: str, effect: Effect) -> Answer:
    """The answer, unless it is trouble with the call."""
    match _find_trouble(answer):
        case Trouble.MISCONFIGURED:
            message, setting = MEND_BY_CODE[answer.code]
            raise Misconfigured(message, setting=setting, operation=operation, **_quote(answer))
        case Trouble.RATE_LIMITED:
            message = "Youzan asks for fewer calls"
            raise RateLimited(message, operation=operation, retry_after=_PAUSE, **_quote(answer))
        case Trouble.BUSY:
            raise _give_up("Youzan is busy", operation, effect, answer)
    return answer


def _give_up(message: str, operation: str, effect: Effect, answer: Answer | None = None) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **(_quote(answer) if answer else {}))


def _quote(answer: Answer) -> dict[str, Any]:
    return {"platform_code": str(answer.code), "platform_message": clean_message(answer.message)}


def _explain_refusal(answer: Answer, operation: str) -> NothingSent:
    if not answer.code:
        return ChannelUnavailable("Youzan gave no token", operation=operation)
    if _find_trouble(answer) is Trouble.RATE_LIMITED:
        message = "Youzan asks for fewer token fetches"
        return RateLimited(message, operation=operation, retry_after=_PAUSE, **_quote(answer))
    if setting := CREDENTIAL_BY_CODE.get(answer.code):
        message = f"Youzan does not accept the {setting}"
        return CredentialsRefused(message, setting=setting, operation=operation, **_quote(answer))
    return ChannelUnavailable("Youzan gave no token", operation=operation, **_quote(answer))
