"""Calls to Kuaishou local life. The only file of this adapter that touches the network.

Calls carry an access token in a header and no signature. An access token lives 48 hours and is bought with a refresh
token of 180 days. Source: public packages lucymao9/kuaishou @69e7a95 and two others, read 2026-11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import orjson

from adapters.kuaishou.parse import (
    Grant,
    find_trouble,
    find_words,
    parse_envelope,
    parse_grant,
    quote_answer,
    read_code,
)
from adapters.kuaishou.tables import CREDENTIAL_BY_WORDS, MEND_BY_CODE, TROUBLE_BY_WORDS, Trouble
from adapters.kuaishou.wire import CancelBody, Envelope, VerifyBody
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
    from adapters.kuaishou.channel import KuaishouCredentials, KuaishouSettings

_CERTIFICATE = "/goodlife/v1/fulfilment/certificate"
_REFRESH_PATH = "/oauth2/refresh_token"
# What became of a refresh token is kept much longer than any token lives: later grants are found through it.
_KEPT = timedelta(days=3650)
_LONGEST_CHAIN = 2000


class KuaishouClient:
    """One account's calls. Answers are envelopes whose code is success or says something about the coupon.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[KuaishouCredentials, KuaishouSettings]) -> None:
        self._session = session
        self._base_url = session.settings.base_url.rstrip("/")
        self._grants = GrantChain(session)

    async def fetch_token(self) -> None:
        """Makes sure of an access token. All raised here is NothingSent."""
        await self._grants.find()

    async def prepare(self, query: Mapping[str, str]) -> Envelope:
        """What can be redeemed with a `code` or an `encrypted_data` (one of them)."""
        return await self._call("prepare", "GET", Effect.READ, query, b"")

    async def verify(self, body: VerifyBody) -> Envelope:
        """Redeems coupons of one order. A repeat with the same body is recognised by its verify_token."""
        return await self._call("verify", "POST", Effect.WRITE, {}, orjson.dumps(body))

    async def cancel(self, body: CancelBody) -> Envelope:
        """Takes one use back."""
        return await self._call("cancel", "POST", Effect.WRITE, {}, orjson.dumps(body))

    async def _call(
        self, operation: str, method: str, effect: Effect, query: Mapping[str, str], content: bytes
    ) -> Envelope:
        # Sending again is safe for changing calls too: a call with a refused token did nothing.
        refused = None
        for _ in range(2):
            grant = await self._grants.find(refused)
            headers = {"content-type": "application/json", "access-token": grant.access_token}
            url = f"{self._base_url}{_CERTIFICATE}/{operation}"
            request = ChannelRequest(operation, method, url, effect, query, headers, content)
            envelope = _open(await self._session.http.send(request), effect)
            if find_trouble(envelope) is not Trouble.TOKEN_REFUSED:
                return _pass_on(envelope, operation, effect)
            refused = grant.access_token
        message = "Kuaishou refuses a fresh access token"
        raise CredentialsRefused(
            message, setting="refreshToken", operation=operation, **quote_answer(envelope)
        )


class GrantChain:
    """The account's grants, each kept under a digest of the refresh token that bought it.

    A refresh may bring a new refresh token and make the old one useless, so a grant must never be lost: it is bought
    once, by one caller, and not overwritten. The newest is found from link to link, from the refresh token that the
    account was connected with; `start` is a hint that makes the way short.
    """

    def __init__(self, session: ChannelSession[KuaishouCredentials, KuaishouSettings]) -> None:
        self._session = session
        self._seed = session.credentials.refresh_token.get_secret_value()
        self._start = _name_token("start", self._seed)

    async def find(self, refused: str | None = None) -> Grant:
        """A grant that is not due and whose access token is not the `refused` one, bought if there is none."""
        start = bought_with = await self._session.tokens.get(self._start, partial(_keep, self._seed))
        for _ in range(_LONGEST_CHAIN):
            purchase = _Purchase(self._session, bought_with)
            stored = await self._session.tokens.get(_name_token("grant", bought_with), purchase)
            grant = Grant.unpack(stored)
            alive = self._session.clock.now() < grant.due_at and grant.access_token != refused
            if alive or purchase.made:
                await self._shorten(start, bought_with)
                return grant
            # The same refresh token buys again: only then is a grant replaced.
            if grant.refresh_token == bought_with:
                await self._session.tokens.drop(_name_token("grant", bought_with), stored)
            bought_with = grant.refresh_token
        raise ChannelUnavailable("Kuaishou's refresh tokens lead in a circle", operation="token")

    async def _shorten(self, start: str, newest: str) -> None:
        if newest != start:
            await self._session.tokens.replace(self._start, start, FreshToken(newest, _KEPT))


class _Purchase:
    """Buys a grant with one refresh token, when the token store finds that nobody has. `made` once it has."""

    def __init__(
        self, session: ChannelSession[KuaishouCredentials, KuaishouSettings], refresh_token: str
    ) -> None:
        self._session = session
        self._refresh_token = refresh_token
        self.made = False

    async def __call__(self) -> FreshToken:
        credentials = self._session.credentials
        params = {
            "app_id": credentials.app_id,
            "app_secret": credentials.app_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
        }
        url = self._session.settings.base_url.rstrip("/") + _REFRESH_PATH
        answer = await self._session.http.send(ChannelRequest("token", "GET", url, Effect.READ, params))
        grant = self._read(answer)
        self.made = True
        return FreshToken(grant.pack(), _KEPT)

    def _read(self, answer: ChannelAnswer) -> Grant:
        """The grant of an answer. All raised here is NothingSent: the call that needs the token was not made."""
        if answer.status == 429:
            raise RateLimited("Kuaishou asks for fewer token fetches", operation=answer.operation)
        try:
            document = answer.json()
            grant = parse_grant(document, self._refresh_token, self._session.clock.now())
        except ProtocolFailure:
            grant, document = None, None
        if answer.status != 200 or document is None:
            raise ChannelUnavailable("Kuaishou gave no readable token", operation=answer.operation)
        if grant is None:
            raise _explain_refusal(document, answer.operation)
        return grant


def _name_token(kind: str, refresh_token: str) -> str:
    return f"{kind}-{hashlib.sha256(refresh_token.encode()).hexdigest()[:24]}"


async def _keep(refresh_token: str) -> FreshToken:
    return FreshToken(refresh_token, _KEPT)


def _explain_refusal(document: Mapping[str, object], operation: str) -> NothingSent:
    words, code = str(document.get("error_msg") or ""), str(document.get("result"))
    message = clean_message(words)
    match find_words(words.lower(), TROUBLE_BY_WORDS):
        case Trouble.RATE_LIMITED:
            return RateLimited(
                "Kuaishou asks for fewer token fetches", operation=operation, platform_code=code
            )
        case Trouble.BUSY:
            return ChannelUnavailable("Kuaishou is busy", operation=operation, platform_code=code)
    setting = find_words(words.lower(), CREDENTIAL_BY_WORDS)
    sentence = f"Kuaishou does not accept the {setting or 'credentials'}"
    return CredentialsRefused(
        sentence, setting=setting, operation=operation, platform_code=code, platform_message=message
    )


def _open(answer: ChannelAnswer, effect: Effect) -> Envelope:
    """The envelope of an answer. Kuaishou sends HTTP 200 even for failures: a success has no other status."""
    if answer.status == 429:
        raise RateLimited("Kuaishou's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise _give_up(f"Kuaishou answered HTTP {answer.status}", answer.operation, effect)
    try:
        envelope = parse_envelope(answer.json(), answer.operation)
        if answer.status != 200 and not read_code(envelope):
            raise ProtocolFailure(f"a success with HTTP {answer.status}", operation=answer.operation)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure
    return envelope


def _pass_on(envelope: Envelope, operation: str, effect: Effect) -> Envelope:
    """The envelope, unless it tells of trouble with the call itself."""
    match find_trouble(envelope):
        case Trouble.MISCONFIGURED:
            message, setting = MEND_BY_CODE[read_code(envelope)]
            raise Misconfigured(message, setting=setting, operation=operation, **quote_answer(envelope))
        case Trouble.RATE_LIMITED:
            raise RateLimited("Kuaishou asks for fewer calls", operation=operation, **quote_answer(envelope))
        case Trouble.BUSY:
            raise _give_up("Kuaishou is busy", operation, effect, envelope)
    return envelope


def _give_up(
    message: str, operation: str, effect: Effect, envelope: Envelope | None = None
) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **(quote_answer(envelope) if envelope else {}))
