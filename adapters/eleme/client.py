"""Calls to the Taobao open platform (TOP). The only file of this adapter that touches the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

import orjson

from adapters.eleme.parse import (
    Answer,
    find_trouble,
    parse_answer,
)
from adapters.eleme.tables import CREDENTIAL_BY_CODE, MEND_BY_CODE, Trouble
from adapters.eleme.wire import CONSULT, RESERVE, USE, Request, ReverseRequest, UseRequest
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
    ProtocolFailure,
    RateLimited,
)
from core.channels.wire import (
    write_china_time,
)

if TYPE_CHECKING:
    from adapters.eleme.channel import ElemeCredentials, ElemeSettings

_FORM = {"content-type": "application/x-www-form-urlencoded;charset=utf-8"}


def sign_parameters(parameters: Mapping[str, str], secret: str) -> str:
    """The `sign` of a call with `sign_method` md5: all other parameters, sorted, between two secrets.

    Source: core/client.go of github.com/bububa/opentaobao @3a362f9.
    """
    joined = "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return hashlib.md5(f"{secret}{joined}{secret}".encode()).hexdigest().upper()  # noqa: S324  # TOP's own choice


class ElemeClient:
    """One account's calls. Answers are successes, or refusals that say something about the voucher.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[ElemeCredentials, ElemeSettings]) -> None:
        self._session = session

    async def consult(self, shop_id: str, ticket_code: str) -> Answer:
        """What can be used of the order that a code belongs to, at this shop."""
        request: Request = {"request_id": uuid4().hex, "shop_id": shop_id, "ticket_code": ticket_code}
        return await self._call("consult", CONSULT, "consult_request", request, Effect.READ)

    async def use(self, request: UseRequest) -> Answer:
        """Uses vouchers of one order. A repeat is recognised by its `ticket_request_id`."""
        return await self._call("use", USE, "use_request", request, Effect.WRITE)

    async def reverse(self, request: ReverseRequest) -> Answer:
        """Takes one use back."""
        return await self._call("reverse", RESERVE, "ticket_reverse_top_request", request, Effect.WRITE)

    async def _call(self, operation: str, method: str, name: str, request: Request, effect: Effect) -> Answer:
        # TOP reads parameters from the address and from the form (public SDKs do either; both at once is INFERRED).
        # The session stays out of the address, which proxies log; time and signature stay out of the form, so that
        # a repeat has the same one.
        form = {
            "session": self._session.credentials.top_session.get_secret_value(),
            name: orjson.dumps(request).decode(),
        }
        url = self._session.settings.top_base_url
        sent = ChannelRequest(
            operation, "POST", url, effect, self._sign(method, form), _FORM, urlencode(form).encode()
        )
        answer = _open(await self._session.http.send(sent), method, effect)
        return _pass_on(answer, operation, effect)

    def _sign(self, method: str, form: Mapping[str, str]) -> dict[str, str]:
        credentials = self._session.credentials
        query = {
            "method": method,
            "app_key": credentials.top_app_key,
            "timestamp": write_china_time(self._session.clock.now()),
            "v": "2.0",
            "format": "json",
            "sign_method": "md5",
        }
        secret = credentials.top_app_secret.get_secret_value()
        return {**query, "sign": sign_parameters({**query, **form}, secret)}


def _open(answer: ChannelAnswer, method: str, effect: Effect) -> Answer:
    """What an answer says. TOP sends HTTP 200 even for failures: any other status is a proxy's."""
    if answer.status == 429:
        raise RateLimited("TOP's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise _give_up(f"TOP answered HTTP {answer.status}", answer.operation, effect)
    try:
        return parse_answer(answer.json(), method)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure


def _pass_on(answer: Answer, operation: str, effect: Effect) -> Answer:
    """The answer, unless its code is trouble with the call itself."""
    quoted: dict[str, Any] = {"platform_code": answer.quoted_code, "platform_message": answer.words}
    code = answer.code or ""
    match find_trouble(answer):
        case Trouble.CREDENTIALS:
            setting = CREDENTIAL_BY_CODE[code]
            message = f"TOP does not accept the {setting}"
            raise CredentialsRefused(message, setting=setting, operation=operation, **quoted)
        case Trouble.MISCONFIGURED:
            message, mend = MEND_BY_CODE[code]
            raise Misconfigured(message, setting=mend, operation=operation, **quoted)
        case Trouble.RATE_LIMITED:
            raise RateLimited("TOP asks for fewer calls", operation=operation, **quoted)
        case Trouble.BUSY:
            raise _give_up("the voucher service is busy", operation, effect, **quoted)
    return answer


def _give_up(message: str, operation: str, effect: Effect, **quoted: Any) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **quoted)
