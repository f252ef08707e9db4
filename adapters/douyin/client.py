"""Calls to Douyin Life. Only here and in mini_app.py, which has the mini-app's calls, is the network touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from adapters.douyin.parse import (
    parse_envelope,
    quote_code,
    read_code,
    read_sub_code,
)
from adapters.douyin.tables import (
    CREDENTIAL_BY_CODE,
    MEND_BY_CODE,
    REVERSAL_REFUSAL_BY_SUB_CODE,
    TOKEN_RATE_CODE,
    TROUBLE_BY_CODE,
    Trouble,
)
from adapters.douyin.wire import CancelBody, Envelope, VerifyBody
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
    clean_message,
)

if TYPE_CHECKING:
    from adapters.douyin.channel import DouyinCredentials, DouyinSettings

_CERTIFICATE = "/goodlife/v1/fulfilment/certificate"
_BOOKING = "/goodlife/v1/comprehensive/trade"
_TOKEN_PATH = "/oauth/client_token/"  # noqa: S105  # an address
_TOKEN_NAME = "client"  # noqa: S105


class DouyinClient:
    """One account's calls. Answers are envelopes whose code is success or says something about the coupon.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[DouyinCredentials, DouyinSettings]) -> None:
        self._session = session
        self._base_url = session.settings.base_url.rstrip("/")

    async def prepare(self, query: Mapping[str, str]) -> Envelope:
        """What can be redeemed with a `code` or an `encrypted_data` (one of them), at the session's store."""
        poi_id = self._session.external_store_id
        at_store = {**query, "poi_id": poi_id} if poi_id else query
        return await self._read("prepare", f"{_CERTIFICATE}/prepare/", at_store)

    async def verify(self, body: VerifyBody) -> Envelope:
        """Redeems coupons of one order. A repeat with the same body is recognised by its verify_token."""
        return await self._write("verify", f"{_CERTIFICATE}/verify/", body)

    async def cancel(self, body: CancelBody) -> Envelope:
        """Takes one use back."""
        return await self._write("cancel", f"{_CERTIFICATE}/cancel/", body)

    async def get_certificate(self, encrypted_code: str) -> Envelope:
        """The state of one certificate."""
        return await self._read("get", f"{_CERTIFICATE}/get/", {"encrypted_code": encrypted_code})

    async def query_order(self, order_id: str) -> Envelope:
        """The state of all certificates of one order."""
        return await self._read("query", f"{_CERTIFICATE}/query/", {"order_id": order_id})

    async def query_records(self, query: Mapping[str, str]) -> Envelope:
        """A page of the merchant's record of uses."""
        account = {"account_id": self._session.credentials.account_id}
        return await self._read("verify_record", f"{_CERTIFICATE}/verify_record/query/", {**account, **query})

    async def query_ledger(self, certificate_ids: Sequence[str]) -> Envelope:
        """Who gets what of the uses of at most 50 certificates."""
        query = {"certificate_ids": ",".join(certificate_ids)}
        return await self._read("ledger", "/goodlife/v1/settle/ledger/query_record_by_cert/", query)

    async def query_bookings(self, poi_id: str, query: Mapping[str, Any]) -> Envelope:
        """A page of a shop's bookings."""
        account = {"account_id": self._session.credentials.account_id, "poi_id": poi_id}
        content = orjson.dumps({**account, **query})
        return await self._call("bookings", "POST", f"{_BOOKING}/query/order/", Effect.READ, {}, content)

    async def confirm_booking(self, body: Mapping[str, Any]) -> Envelope:
        """Our yes or no to a booking."""
        content = orjson.dumps(dict(body))
        return await self._call("confirm", "POST", f"{_BOOKING}/order/confirm/", Effect.WRITE, {}, content)

    async def fetch_token(self) -> FreshToken:
        """A new access token. The one before it dies in 5 minutes, so only the token cache should ask."""
        credentials = self._session.credentials
        form = {
            "client_key": credentials.client_key,
            "client_secret": credentials.client_secret.get_secret_value(),
            "grant_type": "client_credential",
        }
        answer = await self._send("token", "POST", _TOKEN_PATH, Effect.READ, content=orjson.dumps(form))
        return read_token(answer)

    # ------------------------------------------------------------------------------------------ signed calls
    async def _read(self, operation: str, path: str, query: Mapping[str, str]) -> Envelope:
        return await self._call(operation, "GET", path, Effect.READ, query, b"")

    async def _write(self, operation: str, path: str, body: VerifyBody | CancelBody) -> Envelope:
        return await self._call(operation, "POST", path, Effect.WRITE, {}, orjson.dumps(body))

    async def _call(
        self, operation: str, method: str, path: str, effect: Effect, query: Mapping[str, str], content: bytes
    ) -> Envelope:
        # Sending again is safe for changing calls too: a call with a refused token did nothing.
        for _ in range(2):
            token = await self._session.tokens.get(_TOKEN_NAME, self.fetch_token)
            answer = await self._send(operation, method, path, effect, query, content, token)
            envelope = _open(answer, effect)
            if TROUBLE_BY_CODE.get(read_code(envelope)) is not Trouble.TOKEN_REFUSED:
                return _pass_on(envelope, operation, effect)
            await self._session.tokens.drop(_TOKEN_NAME, token)
        raise CredentialsRefused(
            "Douyin refuses a fresh token", operation=operation, **_quote_answer(envelope)
        )

    async def _send(
        self,
        operation: str,
        method: str,
        path: str,
        effect: Effect,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        token: str | None = None,
    ) -> ChannelAnswer:
        headers = {"content-type": "application/json"}
        if token:
            headers["access-token"] = token
            headers["rpc-transit-life-account"] = self._session.credentials.account_id
        url = self._base_url + path
        request = ChannelRequest(operation, method, url, effect, query or {}, headers, content)
        return await self._session.http.send(request)


def _open(answer: ChannelAnswer, effect: Effect) -> Envelope:
    """The envelope of an answer. Douyin sends HTTP 200 even for failures: any other status is a gateway's."""
    if answer.status == 429:
        raise RateLimited("Douyin's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise _give_up(f"Douyin answered HTTP {answer.status}", answer.operation, effect)
    try:
        return parse_envelope(answer.json(), answer.operation)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure


def _pass_on(envelope: Envelope, operation: str, effect: Effect) -> Envelope:
    """The envelope, unless its code is trouble with the call itself."""
    code = read_code(envelope)
    match TROUBLE_BY_CODE.get(code):
        case Trouble.MISCONFIGURED:
            message, setting = MEND_BY_CODE[code]
            raise Misconfigured(message, setting=setting, operation=operation, **_quote_answer(envelope))
        case Trouble.RATE_LIMITED:
            raise RateLimited("Douyin asks for fewer calls", operation=operation, **_quote_answer(envelope))
        case Trouble.BUSY if read_sub_code(envelope) not in REVERSAL_REFUSAL_BY_SUB_CODE:
            raise _give_up("Douyin is busy", operation, effect, envelope)
    return envelope


def _give_up(
    message: str, operation: str, effect: Effect, envelope: Envelope | None = None
) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **(_quote_answer(envelope) if envelope else {}))


def _quote_answer(envelope: Envelope) -> dict[str, Any]:
    message = clean_message(envelope["data"].get("description"))
    return {"platform_code": quote_code(envelope), "platform_message": message}


def read_token(answer: ChannelAnswer, names: Mapping[str, str] | None = None) -> FreshToken:
    """The token of an answer. All raised here is NothingSent: the call that needs the token was not made.

    `names` are what the credentials of another app of the account are called in place of ours.
    """
    try:
        envelope = parse_envelope(answer.json(), answer.operation)
        data = envelope["data"]
        if answer.status == 200 and read_code(envelope) == 0:
            token, seconds = data["access_token"], data["expires_in"]
            return FreshToken(str(token), timedelta(seconds=int(seconds)))
    except (ProtocolFailure, KeyError, TypeError, ValueError):
        raise ChannelUnavailable("Douyin gave no readable token", operation=answer.operation) from None
    raise _explain_refusal(envelope, answer.operation, names or {})


def _explain_refusal(envelope: Envelope, operation: str, names: Mapping[str, str]) -> NothingSent:
    code, quoted = read_code(envelope), _quote_answer(envelope)
    if setting := CREDENTIAL_BY_CODE.get(code):
        setting = names.get(setting, setting)
        message = f"Douyin does not accept the {setting}"
        return CredentialsRefused(message, setting=setting, operation=operation, **quoted)
    if code == TOKEN_RATE_CODE or TROUBLE_BY_CODE.get(code) is Trouble.RATE_LIMITED:
        return RateLimited("Douyin asks for fewer token fetches", operation=operation, **quoted)
    if code in MEND_BY_CODE:
        message, setting = MEND_BY_CODE[code]
        return Misconfigured(message, setting=names.get(setting, setting), operation=operation, **quoted)
    return ChannelUnavailable("Douyin gave no token", operation=operation, **quoted)
