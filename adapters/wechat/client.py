"""Calls to api.weixin.qq.com (vouchers) and api.mch.weixin.qq.com (merchant coupons).

Only here and in mini_program.py, which has the calls about persons, is the network touched.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from cryptography import x509

from adapters.wechat.parse import (
    clean_message,
    parse_envelope,
    parse_pay_error,
    read_errcode,
)
from adapters.wechat.signing import (
    open_resource,
    read_private_key,
    sign_request,
    verify_answer,
    write_authorization,
)
from adapters.wechat.tables import (
    CREDENTIAL_BY_ERRCODE,
    MEND_BY_CODE,
    MEND_BY_ERRCODE,
    TROUBLE_BY_CODE,
    TROUBLE_BY_ERRCODE,
    Trouble,
)
from adapters.wechat.wire import ConsumeBody, ReturnBody, RevokeBody, UseBody, VoucherName
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
    read_rows,
)

if TYPE_CHECKING:
    from adapters.wechat.channel import PayCredentials, WechatCredentials, WechatSettings

_TOKEN_NAME = "stable"  # noqa: S105  # the name under which it is kept
_CERTIFICATES_NAME = "pay_certificates"
_VOUCHER = "/channels/ec/voucher"
_BUSIFAVOR = "/v3/marketing/busifavor"
_LONGEST_LISTS = 10
_STALE_SECONDS = 300
# WeChat Pay wants its certificates fetched again at least twice a day.
_CERTIFICATES_LIFE = timedelta(hours=12)


class AppClient:
    """One account's calls to api.weixin.qq.com. Answers are documents whose errcode is 0 or about what was asked.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(self, session: ChannelSession[WechatCredentials, WechatSettings]) -> None:
        self._session = session
        self._base_url = session.settings.base_url.rstrip("/")

    async def fetch_token(self) -> FreshToken:
        """The app's access token. Asking again gives the same one until shortly before its end."""
        credentials = self._session.credentials
        form = {
            "grant_type": "client_credential",
            "appid": credentials.app_id,
            "secret": credentials.app_secret.get_secret_value(),
        }
        answer = await self._send("token", "/cgi-bin/stable_token", Effect.READ, orjson.dumps(form), {})
        return _read_token(answer)

    async def _call(
        self, operation: str, path: str, effect: Effect, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        # Sending again is safe for changing calls too: a call with a refused token did nothing.
        for _ in range(2):
            token = await self._session.tokens.get(_TOKEN_NAME, self.fetch_token)
            answer = await self._send(operation, path, effect, orjson.dumps(body), {"access_token": token})
            document = open_answer(answer, effect)
            if TROUBLE_BY_ERRCODE.get(read_errcode(document)) is not Trouble.TOKEN_REFUSED:
                return pass_on(document, operation, effect)
            await self._session.tokens.drop(_TOKEN_NAME, token)
        message = "WeChat refuses a fresh access token"
        raise CredentialsRefused(message, setting="appSecret", operation=operation, **_quote(document))

    async def _send(
        self,
        operation: str,
        path: str,
        effect: Effect,
        content: bytes,
        params: Mapping[str, str],
        method: str = "POST",
    ) -> ChannelAnswer:
        headers = {"content-type": "application/json"} if content else {}
        request = ChannelRequest(operation, method, self._base_url + path, effect, params, headers, content)
        return await self._session.http.send(request)


class VoucherClient(AppClient):
    """One account's voucher calls, as `AppClient`."""

    async def get(self, name: VoucherName) -> dict[str, Any]:
        """One voucher."""
        return await self._call("voucher_get", f"{_VOUCHER}/get", Effect.READ, name)

    async def list_vouchers(self, openid: str) -> list[dict[str, Any]] | dict[str, Any]:
        """A customer's vouchers, the first 500; the whole document where it is refused."""
        found: list[dict[str, Any]] = []
        page_ctx = ""
        for _ in range(_LONGEST_LISTS):
            body = {"openid": openid, "page_size": 50, **({"page_ctx": page_ctx} if page_ctx else {})}
            document = await self._call("voucher_list", f"{_VOUCHER}/get_list", Effect.READ, body)
            if read_errcode(document):
                return document
            found += read_rows(document, "voucher_list", "")
            page_ctx = str(document.get("page_ctx") or "")
            if not page_ctx:
                break
        return found

    async def consume(self, body: ConsumeBody) -> dict[str, Any]:
        """Uses vouchers of one SKU, all or none. A repeat with the same consume_request_no has no further effect."""
        return await self._call("consume", f"{_VOUCHER}/consume", Effect.WRITE, body)

    async def revoke(self, body: RevokeBody) -> dict[str, Any]:
        """Takes a use back."""
        return await self._call("revoke", f"{_VOUCHER}/revoke", Effect.WRITE, body)


class PayClient:
    """One merchant's Pay v3 calls: (HTTP status, document). A status of 400 or more is about the coupon.

    Everything else is raised, as by `VoucherClient`. Every success must carry WeChat Pay's signature; errors come
    without one.
    """

    def __init__(
        self, session: ChannelSession[WechatCredentials, WechatSettings], pay: PayCredentials
    ) -> None:
        self._session = session
        self._pay = pay
        self._base_url = session.settings.pay_base_url.rstrip("/")

    async def get_coupon(self, openid: str, coupon_code: str) -> tuple[int, dict[str, Any]]:
        """One coupon of one customer."""
        app_id = self._session.credentials.app_id
        names = [quote(each, safe="") for each in (openid, coupon_code, app_id)]
        path = f"{_BUSIFAVOR}/users/{names[0]}/coupons/{names[1]}/appids/{names[2]}"
        return await self._call("coupon_get", "GET", path, Effect.READ, b"")

    async def use(self, body: UseBody) -> tuple[int, dict[str, Any]]:
        """Uses a coupon."""
        path = f"{_BUSIFAVOR}/coupons/use"
        return await self._call("coupon_use", "POST", path, Effect.WRITE, orjson.dumps(body))

    async def give_back(self, body: ReturnBody) -> tuple[int, dict[str, Any]]:
        """Takes a use back."""
        path = f"{_BUSIFAVOR}/coupons/return"
        return await self._call("coupon_return", "POST", path, Effect.WRITE, orjson.dumps(body))

    async def fetch_certificates(self) -> FreshToken:
        """WeChat Pay's own certificates by serial number, as JSON. They prove its answers.

        Raises Misconfigured for a merchant that has none, which is one of the newer kind with a public key instead,
        and CredentialsRefused naming mchPrivateKey or apiV3Key.
        """
        answer = await self._send("certificates", "GET", "/v3/certificates", Effect.READ, b"")
        if answer.status != 200:
            raise _refuse_certificates(answer)
        certificates = _read_certificates(answer, self._pay.api_v3_key.get_secret_value())
        if not self._is_genuine(answer, certificates):
            raise ChannelUnavailable("the certificates are not signed", operation=answer.operation)
        lifetime = _find_lifetime(certificates, self._session.clock.now())
        return FreshToken(orjson.dumps(certificates).decode(), lifetime)

    async def _call(
        self, operation: str, method: str, path: str, effect: Effect, content: bytes
    ) -> tuple[int, dict[str, Any]]:
        # Before the call: without them its answer could not be believed.
        certificates = await self._session.tokens.get(_CERTIFICATES_NAME, self.fetch_certificates)
        answer = await self._send(operation, method, path, effect, content)
        if answer.status >= 400:
            return answer.status, _pass_on_error(answer, effect)
        try:
            await self._check_genuine(answer, certificates)
            document = answer.json()
            if answer.status != 200 or not isinstance(document, dict):
                raise ProtocolFailure("the answer is no object", operation=operation)
        except ChannelFailure as failure:
            if effect is Effect.READ:
                raise
            raise OutcomeUnknown(failure.message, operation=operation) from failure
        return answer.status, document

    async def _check_genuine(self, answer: ChannelAnswer, kept: str) -> None:
        """Raises ProtocolFailure where WeChat Pay did not sign the answer."""
        certificates = orjson.loads(kept)
        serial = answer.headers.get("wechatpay-serial", "")
        if serial and serial not in certificates:
            # A new certificate is in use for some hours before the old one ends.
            await self._session.tokens.drop(_CERTIFICATES_NAME, kept)
            kept = await self._session.tokens.get(_CERTIFICATES_NAME, self.fetch_certificates)
            certificates = orjson.loads(kept)
        if not self._is_genuine(answer, certificates):
            message = "the answer is not signed by WeChat Pay"
            raise ProtocolFailure(message, path="wechatpay-signature", operation=answer.operation)

    def _is_genuine(self, answer: ChannelAnswer, certificates: Mapping[str, str]) -> bool:
        headers = answer.headers
        timestamp = headers.get("wechatpay-timestamp", "")
        certificate = certificates.get(headers.get("wechatpay-serial", ""))
        if certificate is None or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            return False
        if abs(self._session.clock.now().timestamp() - int(timestamp)) > _STALE_SECONDS:
            return False
        nonce, signature = headers.get("wechatpay-nonce", ""), headers.get("wechatpay-signature", "")
        return verify_answer(certificate, timestamp, nonce, answer.content, signature)

    async def _send(
        self, operation: str, method: str, path: str, effect: Effect, content: bytes
    ) -> ChannelAnswer:
        headers = {"accept": "application/json", "authorization": self._authorise(method, path, content)}
        if content:
            headers["content-type"] = "application/json"
        request = ChannelRequest(operation, method, self._base_url + path, effect, {}, headers, content)
        return await self._session.http.send(request)

    def _authorise(self, method: str, path: str, content: bytes) -> str:
        try:
            key = read_private_key(self._pay.mch_private_key.get_secret_value())
        except ValueError as error:
            raise Misconfigured(str(error), setting="mchPrivateKey") from None
        timestamp, nonce = int(self._session.clock.now().timestamp()), secrets.token_hex(16)
        signature = sign_request(key, method, path, timestamp, nonce, content)
        return write_authorization(self._pay.mch_id, self._pay.mch_serial_no, timestamp, nonce, signature)


# ------------------------------------------------------------------------------------------- api.weixin.qq.com
def open_answer(answer: ChannelAnswer, effect: Effect, success_mark: str | None = None) -> dict[str, Any]:
    """The document of an answer. WeChat sends HTTP 200 even for failures: any other status is a gateway's.

    `success_mark` names the field that shows success where WeChat may leave the errcode out.
    """
    if answer.status == 429:
        raise RateLimited("WeChat's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise _give_up(f"WeChat answered HTTP {answer.status}", answer.operation, effect)
    try:
        return parse_envelope(answer.json(), answer.operation, success_mark)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure


def pass_on(document: dict[str, Any], operation: str, effect: Effect) -> dict[str, Any]:
    """The document, unless its errcode is trouble with the call itself."""
    errcode, quoted = read_errcode(document), _quote(document)
    match TROUBLE_BY_ERRCODE.get(errcode):
        case Trouble.MISCONFIGURED:
            message, setting = MEND_BY_ERRCODE[errcode]
            raise Misconfigured(message, setting=setting, operation=operation, **quoted)
        case Trouble.RATE_LIMITED:
            raise RateLimited("WeChat asks for fewer calls", operation=operation, **quoted)
        case Trouble.BUSY:
            raise _give_up("WeChat is busy", operation, effect, **quoted)
    return document


def _give_up(message: str, operation: str, effect: Effect, **quoted: Any) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, operation=operation, **quoted)


def _quote(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "platform_code": str(read_errcode(document)),
        "platform_message": clean_message(document.get("errmsg")),
    }


def _read_token(answer: ChannelAnswer) -> FreshToken:
    """The token of an answer. All raised here is NothingSent: the call that needs the token was not made."""
    try:
        document = answer.json()
        token, seconds = document.get("access_token"), read_number(document.get("expires_in"), "expires_in")
        if answer.status == 200 and isinstance(token, str) and token and seconds and seconds > 0:
            return FreshToken(token, timedelta(seconds=seconds))
        errcode = read_errcode(document)
    except (ProtocolFailure, AttributeError, OverflowError):
        raise ChannelUnavailable("WeChat gave no readable token", operation=answer.operation) from None
    raise explain_token_refusal(document, errcode, answer.operation)


def explain_token_refusal(document: Mapping[str, Any], errcode: int, operation: str) -> NothingSent:
    """What is wrong where WeChat refuses the app itself."""
    quoted = _quote(document)
    if setting := CREDENTIAL_BY_ERRCODE.get(errcode):
        message = f"WeChat does not accept the {setting}"
        return CredentialsRefused(message, setting=setting, operation=operation, **quoted)
    if errcode in MEND_BY_ERRCODE:
        message, setting = MEND_BY_ERRCODE[errcode]
        return Misconfigured(message, setting=setting, operation=operation, **quoted)
    if TROUBLE_BY_ERRCODE.get(errcode) is Trouble.RATE_LIMITED:
        return RateLimited("WeChat asks for fewer token fetches", operation=operation, **quoted)
    return ChannelUnavailable("WeChat gave no token", operation=operation, **quoted)


# ---------------------------------------------------------------------------------------- api.mch.weixin.qq.com
def _pass_on_error(answer: ChannelAnswer, effect: Effect) -> dict[str, Any]:
    """The document of an error about the coupon; trouble with the call itself is raised."""
    if failure := _find_pay_trouble(answer, effect):
        raise failure
    document: dict[str, Any] = answer.json()
    return document


def _find_pay_trouble(answer: ChannelAnswer, effect: Effect) -> ChannelFailure | None:
    operation, status = answer.operation, answer.status
    try:
        code, message = parse_pay_error(answer.json(), operation)
    except ProtocolFailure:
        if status == 429:
            return RateLimited("WeChat Pay's gateway asks for fewer calls", operation=operation)
        return _give_up(f"WeChat Pay answered HTTP {status} without a code", operation, effect)
    quoted: dict[str, Any] = {"platform_code": code, "platform_message": message}
    trouble = TROUBLE_BY_CODE.get(code)
    if status >= 500 or trouble is Trouble.BUSY:
        return _give_up("WeChat Pay is busy", operation, effect, **quoted)
    if status == 429 or trouble is Trouble.RATE_LIMITED:
        return RateLimited("WeChat Pay asks for fewer calls", operation=operation, **quoted)
    if status == 401 or trouble is Trouble.CREDENTIALS:
        # Also the answer where this machine's clock is five minutes off.
        sentence = "WeChat Pay does not accept the signature of mchPrivateKey and mchSerialNo"
        return CredentialsRefused(sentence, setting="mchPrivateKey", operation=operation, **quoted)
    if trouble is Trouble.MISCONFIGURED:
        sentence, setting = MEND_BY_CODE[code]
        return Misconfigured(sentence, setting=setting, operation=operation, **quoted)
    return None


def _refuse_certificates(answer: ChannelAnswer) -> ChannelFailure:
    if answer.status == 404:
        message = "WeChat Pay keeps no platform certificate for this merchant; ask it for one"
        return Misconfigured(message, setting="mchId", operation=answer.operation)
    message = "WeChat Pay gave no certificates"
    trouble = _find_pay_trouble(answer, Effect.READ)
    return trouble or ChannelUnavailable(message, operation=answer.operation)


def _read_certificates(answer: ChannelAnswer, api_v3_key: str) -> dict[str, str]:
    """PEM by serial number. All raised here is NothingSent: the call that needs them was not made."""
    try:
        rows = read_rows(answer.json(), "data", "")
        sealed = {str(row["serial_no"]): row["encrypt_certificate"] for row in rows}
    except (ProtocolFailure, AttributeError, KeyError):
        message = "WeChat Pay gave no readable certificates"
        raise ChannelUnavailable(message, operation=answer.operation) from None
    try:
        return {serial: open_resource(api_v3_key, box).decode() for serial, box in sealed.items()}
    except (AttributeError, TypeError, ValueError):
        message = "the apiV3Key does not open WeChat Pay's certificates"
        raise CredentialsRefused(message, setting="apiV3Key", operation=answer.operation) from None


def _find_lifetime(certificates: Mapping[str, str], now: datetime) -> timedelta:
    ends = [x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc for pem in certificates.values()]
    return max(timedelta(minutes=1), min([_CERTIFICATES_LIFE, *(end - now for end in ends)]))
