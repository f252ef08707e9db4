"""Calls to Dianping. The only file of this adapter that touches the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from pydantic import SecretStr

from adapters.dianping.parse import find_trouble, find_word, parse_envelope, quote_refusal
from adapters.dianping.tables import (
    CREDENTIAL_BY_TROUBLE,
    MEND_BY_TROUBLE,
    SESSION_DAYS,
    SUCCESS,
    TROUBLE_BY_WORD,
    Trouble,
)
from adapters.dianping.wire import BatchConsumeBody, ConsumeBody, Envelope, ListQuery, ReverseBody
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
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)
from core.channels.wire import (
    CHINA,
    read_number,
)

if TYPE_CHECKING:
    from adapters.dianping.channel import DianpingCredentials, DianpingSettings

_RECEIPT = "/router/tuangou/receipt"
_TOKEN_PATH = "/router/oauth/token"  # noqa: S105  # an address
_SCOPE_PATH = "/router/oauth/session/scope"
_FIRST_SHOP = {"offset": "0", "limit": "1"}
_SPENT = "spent"  # in place of a refresh token when there is none left
_FOR_EVER = timedelta(days=3650)


def sign_request(params: Mapping[str, str], app_secret: SecretStr) -> str:
    """The signature: lower-case hex MD5 of secret, then names and values in byte order of the names, then secret.

    Values are signed as they are, not as they are escaped; empty ones are neither signed nor sent. Source:
    fpy5627/dianping-tuangou @2fcbebd Server::buildSign and lazing/dianping-api @48fb86a Client#sign_with_share.
    """
    secret = app_secret.get_secret_value()
    joined = "".join(name + value for name, value in sorted(params.items()) if value and name != "sign")
    return hashlib.md5(f"{secret}{joined}{secret}".encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class SessionPair:
    """A session with the refresh token that came with it. `text` is how both are kept, as one token."""

    session: str
    refresh_token: str

    @classmethod
    def read(cls, text: str) -> SessionPair:
        """The pair of a kept token."""
        return cls(**orjson.loads(text))

    @property
    def text(self) -> str:
        return orjson.dumps({"session": self.session, "refresh_token": self.refresh_token}).decode()

    def __repr__(self) -> str:
        return "SessionPair(…)"


class DianpingClient:
    """One account's calls. Answers are envelopes whose code is success or says something about the coupon.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[DianpingCredentials, DianpingSettings]) -> None:
        self._session = session
        self._base_url = session.settings.base_url.rstrip("/")
        # Tokens belong to the authorisation that they came from: a new one starts afresh.
        keys = session.credentials
        given = f"{keys.session.get_secret_value()}\n{keys.refresh_token.get_secret_value()}"
        self._generation = hashlib.sha256(given.encode()).hexdigest()[:16]

    async def prepare(self, receipt_code: str) -> Envelope:
        """What can be redeemed with a code that was typed. Uses nothing up."""
        return await self._read("prepare", "POST", {"receipt_code": receipt_code})

    async def scan_prepare(self, qr_code: str) -> Envelope:
        """What can be redeemed with the content of a QR. Uses nothing up."""
        return await self._read("scanprepare", "POST", {"qr_code": qr_code})

    async def get_consumed(self, receipt_code: str) -> Envelope:
        """The use of one coupon."""
        return await self._read("getconsumed", "GET", {"receipt_code": receipt_code})

    async def list_consumed(self, query: ListQuery) -> Envelope:
        """A page of the shop's uses of one day."""
        return await self._read("querylistbydate", "GET", {**query})

    async def consume(self, body: ConsumeBody) -> Envelope:
        """Redeems one coupon. A repeat differs in time stamp and signature alone and is known by its requestid."""
        return await self._write("consume", body)

    async def batch_consume(self, body: BatchConsumeBody) -> Envelope:
        """Redeems several coupons of one order; some may be refused. Repeats as for `consume`."""
        return await self._write("batchconsume", body)

    async def reverse_consume(self, body: ReverseBody) -> Envelope:
        """Takes the use of one coupon back, whoever's it is among the app's own."""
        return await self._write("reverseconsume", body)

    async def check_session(self) -> None:
        """Whether app and session are accepted; a session that is over is renewed.

        The list of shops wants the merchant's `bid`, which nobody gave us; INFERRED that Dianping only says so
        once it has accepted signature and session.
        """
        envelope = await self._try_session("scope", "GET", _SCOPE_PATH, Effect.READ, _FIRST_SHOP)
        trouble = find_trouble(envelope["code"], envelope["msg"])
        if trouble is not Trouble.BUSY or find_word(envelope["msg"], TROUBLE_BY_WORD) is not None:
            _pass_on(envelope, "scope", Effect.READ)

    # ------------------------------------------------------------------------------------------ signed calls
    async def _read(self, operation: str, method: str, business: Mapping[str, Any]) -> Envelope:
        return await self._call(operation, method, Effect.READ, business)

    async def _write(self, operation: str, body: ConsumeBody | BatchConsumeBody | ReverseBody) -> Envelope:
        return await self._call(operation, "POST", Effect.WRITE, {**body})

    async def _call(
        self, operation: str, method: str, effect: Effect, business: Mapping[str, Any]
    ) -> Envelope:
        at_store = {**business, "open_shop_uuid": self._read_store(operation)}
        envelope = await self._try_session(operation, method, f"{_RECEIPT}/{operation}", effect, at_store)
        return _pass_on(envelope, operation, effect)

    async def _try_session(
        self, operation: str, method: str, path: str, effect: Effect, params: Mapping[str, Any]
    ) -> Envelope:
        """The answer to a call whose session was accepted. Raises CredentialsRefused where none is."""
        refused: str | None = None
        # Sending again is safe for changing calls too: a call with a refused session did nothing.
        for _ in range(2):
            pair = await self._hold_session(refused)
            signed = self._sign({**params, "session": pair.session})
            answer = await self._send(operation, method, path, effect, signed)
            envelope = _open(answer, effect)
            if find_trouble(envelope["code"], envelope["msg"]) is not Trouble.SESSION_REFUSED:
                return envelope
            refused = pair.session
            await self._session.tokens.drop(f"session-{self._generation}", pair.text)
        raise _refuse_session(operation, envelope)

    def _read_store(self, operation: str) -> str:
        if self._session.external_store_id:
            return self._session.external_store_id
        message = "the store has no Dianping shop id (open_shop_uuid)"
        raise Misconfigured(message, setting="externalStoreId", operation=operation)

    def _sign(self, params: Mapping[str, str]) -> dict[str, str]:
        credentials = self._session.credentials
        now = self._session.clock.now().astimezone(CHINA)
        signed = {
            **params,
            "app_key": credentials.app_key,
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%S"),
            "format": "json",
            "v": "1",
            "sign_method": "MD5",
        }
        return {**signed, "sign": sign_request(signed, credentials.app_secret)}

    async def _send(
        self, operation: str, method: str, path: str, effect: Effect, params: Mapping[str, str]
    ) -> ChannelAnswer:
        url = self._base_url + path
        if method == "GET":
            request = ChannelRequest(operation, method, url, effect, params)
        else:
            headers = {"content-type": "application/x-www-form-urlencoded;charset=utf-8"}
            request = ChannelRequest(operation, method, url, effect, {}, headers, urlencode(params).encode())
        return await self._session.http.send(request)

    # --------------------------------------------------------------------------------------------- sessions
    async def _hold_session(self, refused: str | None) -> SessionPair:
        """The newest session; a renewed one where `refused` was not accepted.

        The pair is kept as one token, so that a renewal survives whole. Its refresh token is also kept for longer
        than the session lives, because the next renewal needs it when the session is gone.
        """
        tokens, kept = self._session.tokens, f"refresh-{self._generation}"
        newest = await tokens.get(kept, self._give_refresh_token)

        async def fetch() -> FreshToken:
            return await self._obtain(newest, refused)

        pair = SessionPair.read(await tokens.get(f"session-{self._generation}", fetch))
        if pair.refresh_token != newest:
            await tokens.replace(kept, newest, FreshToken(pair.refresh_token, _FOR_EVER))
        return pair

    async def _give_refresh_token(self) -> FreshToken:
        return FreshToken(self._session.credentials.refresh_token.get_secret_value(), _FOR_EVER)

    async def _obtain(self, newest: str, refused: str | None) -> FreshToken:
        credentials = self._session.credentials
        if refused is None and newest == credentials.refresh_token.get_secret_value():
            given = SessionPair(credentials.session.get_secret_value(), newest)
            return FreshToken(given.text, timedelta(days=SESSION_DAYS))
        # Read from memory; another process may have renewed and replaced it since.
        kept = f"refresh-{self._generation}"
        return await self._renew(
            await self._session.tokens.replace(kept, newest, FreshToken(newest, _FOR_EVER))
        )

    async def _renew(self, refresh_token: str) -> FreshToken:
        """A new session for a refresh token, which is spent thereby. This call is not signed."""
        if refresh_token == _SPENT:
            raise _refuse_renewal()
        credentials = self._session.credentials
        form = {
            "app_key": credentials.app_key,
            "app_secret": credentials.app_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        return _read_renewed(await self._send("token", "POST", _TOKEN_PATH, Effect.READ, form))


def _open(answer: ChannelAnswer, effect: Effect) -> Envelope:
    """The envelope of an answer. Dianping sends HTTP 200 even for refusals: any other status is a gateway's."""
    if answer.status == 429:
        raise RateLimited("Dianping's gateway asks for fewer calls", operation=answer.operation)
    if answer.status != 200:
        raise _give_up(f"Dianping answered HTTP {answer.status}", answer.operation, effect)
    try:
        return parse_envelope(answer.json(), answer.operation)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure


def _pass_on(envelope: Envelope, operation: str, effect: Effect) -> Envelope:
    """The envelope, unless it is trouble with the call itself."""
    trouble = find_trouble(envelope["code"], envelope["msg"])
    if trouble is None:
        return envelope
    quoted = quote_refusal(envelope)
    if trouble in CREDENTIAL_BY_TROUBLE:
        message, credential = CREDENTIAL_BY_TROUBLE[trouble]
        raise CredentialsRefused(message, setting=credential, operation=operation, **quoted)
    if trouble in MEND_BY_TROUBLE:
        message, setting = MEND_BY_TROUBLE[trouble]
        raise Misconfigured(message, setting=setting, operation=operation, **quoted)
    if trouble is Trouble.RATE_LIMITED:
        raise RateLimited("Dianping asks for fewer calls", operation=operation, **quoted)
    raise _give_up("Dianping gives no answer about the coupon", operation, effect, envelope)


def _give_up(
    message: str, operation: str, effect: Effect, envelope: Envelope | None = None
) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **(quote_refusal(envelope) if envelope else {}))


def _refuse_session(operation: str, envelope: Envelope) -> CredentialsRefused:
    message = "Dianping refuses the session; the merchant must authorise the app again"
    return CredentialsRefused(message, setting="session", operation=operation, **quote_refusal(envelope))


def _refuse_renewal(envelope: Envelope | None = None) -> CredentialsRefused:
    message = "Dianping renews the session no more; the merchant must authorise the app again"
    quoted = quote_refusal(envelope) if envelope else {}
    return CredentialsRefused(message, setting="refreshToken", operation="token", **quoted)


def _read_renewed(answer: ChannelAnswer) -> FreshToken:
    """The new pair. All raised here is NothingSent: the call that needs the session was not made."""
    try:
        envelope = _open(answer, Effect.READ)
        if envelope["code"] == SUCCESS:
            flat = answer.json()
            session, next_token = flat["access_token"], flat.get("refresh_token") or _SPENT
            lifetime = timedelta(seconds=read_number(flat["expires_in"], "expires_in") or 0)
            if isinstance(session, str) and session and isinstance(next_token, str) and lifetime:
                return FreshToken(SessionPair(session, next_token).text, lifetime)
            raise ProtocolFailure("a session is missing", path="access_token")
    except (ProtocolFailure, KeyError, OverflowError):
        raise ChannelUnavailable("Dianping gave no readable session", operation=answer.operation) from None
    trouble = find_trouble(envelope["code"], envelope["msg"])
    if trouble in {Trouble.SESSION_REFUSED, None}:
        raise _refuse_renewal(envelope)
    _pass_on(envelope, "token", Effect.READ)
    raise _refuse_renewal(envelope)
