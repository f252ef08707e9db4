"""Signing and calls to Alipay's gateway. The only file of this adapter that touches the network.

RSA2 is RSASSA-PKCS1-v1_5 with SHA-256, in base64. Requests: all parameters but `sign`, sorted, as k=v joined by &,
values raw. Answers: the text of the "<method with _>_response" object exactly as it was sent. Source:
alipay-sdk-python 3.7.1411 and npm alipay-sdk 4.14.0.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from pydantic import SecretStr

from adapters.koubei.parse import (
    SignedAnswer,
    quote_code,
    read_answer,
)
from adapters.koubei.tables import (
    MEND_BY_SETTING,
    SETTING_BY_SUB_CODE,
    SUCCESS,
    TROUBLE_BY_CODE,
    TROUBLE_BY_SUB_CODE,
    Trouble,
)
from adapters.koubei.wire import (
    CERTIFICATE_PREPARE,
    CERTIFICATE_QUERY,
    CERTIFICATE_REFUND,
    CERTIFICATE_USE,
    GATEWAY_PATH,
    LOGIN,
    TICKET_CANCEL,
    TICKET_QUERY,
    TICKET_USE,
    CertificateQueryBody,
    CertificateRefundBody,
    CertificateUseBody,
    Fields,
    TicketCancelBody,
    TicketQueryBody,
    TicketUseBody,
)
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
    clean_message,
    write_china_time,
)

if TYPE_CHECKING:
    from adapters.koubei.channel import KoubeiCredentials, KoubeiSettings


class SignatureMismatch(ProtocolFailure):
    """A signed answer whose signature is not by the account's alipayPublicKey."""


class NotPermitted(Misconfigured):
    """The app or the merchant has not subscribed to this interface."""


# ----------------------------------------------------------------------------------------------------------- signing
@lru_cache(maxsize=512)
def load_private_key(key: SecretStr) -> RSAPrivateKey:
    """A PKCS#1 or PKCS#8 key: PEM, or its base64 alone as Alipay's tool gives it. Raises ValueError for others."""
    try:
        loaded = load_der_private_key(_read_key_body(key.get_secret_value()), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not an RSA private key") from None
    if not isinstance(loaded, RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return loaded


@lru_cache(maxsize=512)
def load_public_key(key: str) -> RSAPublicKey:
    """An X.509 public key: PEM, or its base64 alone. Raises ValueError for others."""
    try:
        loaded = load_der_public_key(_read_key_body(key))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not an RSA public key") from None
    if not isinstance(loaded, RSAPublicKey):
        raise ValueError("not an RSA public key")
    return loaded


def _read_key_body(key: str) -> bytes:
    lines = (line.strip() for line in key.strip().splitlines())
    return base64.b64decode("".join(line for line in lines if not line.startswith("-----")), validate=True)


def write_signed_text(params: Mapping[str, str]) -> str:
    """What the signature of a request is made over."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sign")


def sign_text(text: str, key: RSAPrivateKey) -> str:
    """The RSA2 signature of a text, in base64."""
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def matches_signature(text: str, signature: str, key: RSAPublicKey) -> bool:
    """Whether the signature is of this text and by the owner of this key."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


# ------------------------------------------------------------------------------------------------------------- calls
class KoubeiClient:
    """One account's calls. Answers are fields whose code is success or a refusal of what was asked.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[KoubeiCredentials, KoubeiSettings]) -> None:
        self._session = session
        self._url = session.settings.base_url.rstrip("/") + GATEWAY_PATH

    async def query_ticket(self, body: TicketQueryBody) -> Fields:
        """The state of one ticket code, as one shop sees it."""
        return await self._call(TICKET_QUERY, Effect.READ, body)

    async def use_ticket(self, body: TicketUseBody) -> Fields:
        """Redeems a ticket code. A repeat with the same request_id answers with BIZ_ALREADY_SUCCESS."""
        return await self._call(TICKET_USE, Effect.WRITE, body)

    async def cancel_ticket(self, body: TicketCancelBody) -> Fields:
        """Takes back all that one use call did."""
        return await self._call(TICKET_CANCEL, Effect.WRITE, body)

    async def prepare_certificates(self, query: Mapping[str, str]) -> Fields:
        """What can be redeemed with a `code` or an `encrypted_data` (one of them)."""
        return await self._call(CERTIFICATE_PREPARE, Effect.READ, query)

    async def use_certificates(self, body: CertificateUseBody) -> Fields:
        """Redeems certificates of one order. A repeat with the identical body gets the first result."""
        return await self._call(CERTIFICATE_USE, Effect.WRITE, body)

    async def refund_certificates(self, body: CertificateRefundBody) -> Fields:
        """Takes uses back. A repeat with the identical body gets the first result."""
        return await self._call(CERTIFICATE_REFUND, Effect.WRITE, body)

    async def query_certificates(self, body: CertificateQueryBody) -> Fields:
        """The state of certificates by their ids."""
        return await self._call(CERTIFICATE_QUERY, Effect.READ, body)

    async def exchange_code(self, code: str) -> Fields:
        """Who logs in with this code of my.getAuthCode. It is used up, so that a lost answer is "unavailable"."""
        return await self._send(LOGIN, Effect.READ, {"grant_type": "authorization_code", "code": code})

    async def _call(self, method: str, effect: Effect, body: Mapping[str, object]) -> Fields:
        return await self._send(method, effect, {"biz_content": orjson.dumps(body).decode()})

    async def _send(self, method: str, effect: Effect, form: Mapping[str, str]) -> Fields:
        request = ChannelRequest(
            operation=method,
            method="POST",
            url=self._url,
            effect=effect,
            params=self._sign(method, form),
            headers={"content-type": "application/x-www-form-urlencoded;charset=utf-8"},
            content=urlencode(form).encode(),
        )
        answer = await self._session.http.send(request)
        return _pass_on(self._open(answer, effect), method, effect)

    def _sign(self, method: str, form: Mapping[str, str]) -> dict[str, str]:
        credentials = self._session.credentials
        params = {
            "app_id": credentials.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": write_china_time(self._session.clock.now()),
            "version": "1.0",
        }
        if credentials.app_auth_token:
            params["app_auth_token"] = credentials.app_auth_token.get_secret_value()
        text = write_signed_text({**params, **form})
        return {**params, "sign": sign_text(text, load_private_key(credentials.private_key))}

    def _open(self, answer: ChannelAnswer, effect: Effect) -> Fields:
        """The fields of an authentic answer. The gateway sends HTTP 200 for refusals too."""
        if answer.status == 429:
            raise RateLimited("Alipay's gateway asks for fewer calls", operation=answer.operation)
        if answer.status != 200:
            raise _give_up(f"Alipay answered HTTP {answer.status}", answer.operation, effect)
        try:
            signed = read_answer(answer.content, answer.operation)
            _check_signature(signed, load_public_key(self._session.credentials.alipay_public_key))
        except ProtocolFailure as failure:
            if effect is Effect.READ:
                raise
            raise OutcomeUnknown(failure.message, operation=answer.operation) from failure
        return signed.fields


def _check_signature(signed: SignedAnswer, key: RSAPublicKey) -> None:
    """Like the official packages, takes the gateway's own errors unsigned: it cannot sign for an unknown app."""
    if signed.signature is None:
        if find_trouble(signed.fields) is None:
            raise ProtocolFailure("the answer is not signed", path="sign")
    elif not matches_signature(signed.text, signed.signature, key):
        raise SignatureMismatch("the answer's signature is not by the account's alipayPublicKey", path="sign")


def _pass_on(fields: Fields, method: str, effect: Effect) -> Fields:
    """The fields, unless their code is trouble with the call itself."""
    trouble = find_trouble(fields)
    if trouble is None:
        return fields
    quoted: dict[str, Any] = {
        "operation": method,
        "platform_code": quote_code(fields),
        "platform_message": clean_message(fields.get("sub_msg") or fields.get("msg")),
    }
    setting = SETTING_BY_SUB_CODE.get(str(fields.get("sub_code")), "appAuthToken")
    match trouble:
        case Trouble.CREDENTIALS_REFUSED:
            raise CredentialsRefused(f"Alipay does not accept the {setting}", setting=setting, **quoted)
        case Trouble.MISCONFIGURED:
            raise Misconfigured(MEND_BY_SETTING[setting], setting=setting, **quoted)
        case Trouble.NOT_PERMITTED:
            raise NotPermitted(MEND_BY_SETTING[setting], setting=setting, **quoted)
        case Trouble.RATE_LIMITED:
            raise RateLimited("Alipay asks for fewer calls", **quoted)
        case Trouble.BUSY:
            raise _give_up("Alipay is busy", effect=effect, **quoted)


def find_trouble(fields: Fields) -> Trouble | None:
    """What is wrong with the call; None for a success or a refusal of what was asked."""
    code = str(fields["code"])
    if code == SUCCESS:
        return None
    listed = TROUBLE_BY_SUB_CODE.get(str(fields.get("sub_code"))) or TROUBLE_BY_CODE.get(code)
    return listed or (None if code.startswith("4") else Trouble.BUSY)


def _give_up(message: str, operation: str, effect: Effect, **quoted: Any) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **quoted)
