"""Calls to Meituan's developer gateway. The only file of this adapter that touches the network.

A call is a signed form whose `biz` is the request as JSON. One `appAuthToken` speaks for one shop, and lives until
its authorisation ends: there is no token to fetch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from pydantic import SecretStr

from adapters.meituan.parse import parse_envelope
from adapters.meituan.tables import (
    CREDENTIAL_BY_SUB_CODE,
    LONGEST_PAGE,
    NO_PERMISSION,
    RETRY_ONCE,
    SUCCESS,
    TROUBLE_BY_CODE,
    Trouble,
)
from adapters.meituan.wire import (
    Body,
    CancelBody,
    ConsumeBody,
    Envelope,
    ListBody,
    MsConsumeBody,
    ReverseBody,
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
    NothingSent,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
)
from core.channels.wire import (
    clean_message,
    read_number,
)

if TYPE_CHECKING:
    from adapters.meituan.channel import MeituanCredentials, MeituanSettings

RECEIPT_PATH = "/ddzh/tuangou/receipt"
COUPON_PATH = "/tuangou"
_UNSIGNED = frozenset({"sign", "signature"})


def sign_form(sign_key: str, form: Mapping[str, str]) -> str:
    """Lower-case hex SHA-1 of the key, then every name and raw value by name; empty values are left out."""
    signed = sorted((name, value) for name, value in form.items() if value != "" and name not in _UNSIGNED)
    text = sign_key + "".join(name + value for name, value in signed)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class MeituanClient:
    """One shop's calls. Answers are envelopes that say success, or something about the coupon.

    Everything else is raised: Misconfigured, CredentialsRefused, RateLimited; ChannelUnavailable or
    ProtocolFailure where a reading call got no usable answer, OutcomeUnknown where a changing one did.
    """

    def __init__(
        self,
        session: ChannelSession[MeituanCredentials, MeituanSettings],
        business_id: str | None = None,
        token: SecretStr | None = None,
    ) -> None:
        """`business_id` and `token` are those of another product than the account's own."""
        self._session = session
        self._business_id = business_id or session.credentials.business_id
        self._token = token or session.credentials.app_auth_token
        self._base_url = session.settings.base_url.rstrip("/")

    # ------------------------------------------------------------------------------------- general services (58)
    async def prepare_receipt(self, code: str) -> Envelope:
        """What can be redeemed with an unused code."""
        return await self._read("prepare", f"{RECEIPT_PATH}/prepare", {"receiptCode": code})

    async def consume_receipt(self, body: ConsumeBody) -> Envelope:
        """Redeems `count` coupons of the code's order, or uses of a card. `requestId` marks repeats."""
        return await self._write("consume", f"{RECEIPT_PATH}/consume", body)

    async def reverse_receipt(self, body: ReverseBody) -> Envelope:
        """Takes one use of a code back."""
        return await self._write("reverseconsume", f"{RECEIPT_PATH}/reverseconsume", body)

    async def get_consumed(self, code: str) -> Envelope:
        """The newest use of a code; refused where there is none."""
        return await self._read("getconsumed", f"{RECEIPT_PATH}/getconsumed", {"receiptCode": code})

    async def list_consumed(
        self, day: str, biz_type: int, offset: int, limit: int = LONGEST_PAGE
    ) -> Envelope:
        """The shop's uses of one Beijing day, as "2025-10-01"; `biz_type` as in lists."""
        body: ListBody = {"date": day, "bizType": biz_type, "offset": offset, "type": 0, "limit": limit}
        return await self._read("querylistbydate", f"{RECEIPT_PATH}/querylistbydate", body)

    # ----------------------------------------------------------------------------------------------- catering (1)
    async def prepare_coupon(self, code: str) -> Envelope:
        """What can be redeemed with an unused code."""
        return await self._read("msprepare", f"{COUPON_PATH}/ng/coupon/msprepare", {"code": code})

    async def consume_coupon(self, body: MsConsumeBody) -> Envelope:
        """Redeems the code, and `num` - 1 further coupons of its order."""
        return await self._write("msconsume", f"{COUPON_PATH}/ng/coupon/msconsume", body)

    async def cancel_coupon(self, body: CancelBody) -> Envelope:
        """Takes the use of a code back."""
        return await self._write("cancel", f"{COUPON_PATH}/coupon/cancel", body)

    async def query_coupon(self, code: str) -> Envelope:
        """The state of a redeemed code."""
        return await self._read("queryById", f"{COUPON_PATH}/coupon/queryById", {"couponCode": code})

    async def list_coupons(self, day: str, offset: int = 0, limit: int = 1) -> Envelope:
        """The shop's uses of one Beijing day."""
        body: dict[str, str | int] = {"date": day, "offset": offset, "limit": limit}
        return await self._read("queryListByDate", f"{COUPON_PATH}/coupon/queryListByDate", body)

    # ------------------------------------------------------------------------------------------- reservations (7)
    async def read_booking(self, operation: str, path: str, biz: Mapping[str, Any]) -> Envelope:
        """A call about bookings that changes nothing."""
        return await self._read(operation, path, dict(biz))

    async def write_booking(self, operation: str, path: str, biz: Mapping[str, Any]) -> Envelope:
        """A call about bookings that changes something."""
        return await self._write(operation, path, dict(biz))

    # ---------------------------------------------------------------------------------------------- signed calls
    async def _read(self, operation: str, path: str, biz: Body) -> Envelope:
        envelope = await self._call(operation, path, Effect.READ, biz)
        if envelope["code"] in RETRY_ONCE:
            envelope = await self._call(operation, path, Effect.READ, biz)
        return _pass_on(envelope, operation, Effect.READ)

    async def _write(self, operation: str, path: str, biz: Body) -> Envelope:
        return _pass_on(await self._call(operation, path, Effect.WRITE, biz), operation, Effect.WRITE)

    async def _call(self, operation: str, path: str, effect: Effect, biz: Body) -> Envelope:
        content = urlencode(self._fill_form(biz)).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url = self._base_url + path
        request = ChannelRequest(operation, "POST", url, effect, {}, headers, content)
        return _open(await self._session.http.send(request), effect)

    def _fill_form(self, biz: Body) -> dict[str, str]:
        credentials = self._session.credentials
        form = {
            "developerId": credentials.developer_id,
            "businessId": self._business_id,
            "appAuthToken": self._token.get_secret_value(),
            "charset": "UTF-8",
            "timestamp": str(int(self._session.clock.now().timestamp())),
            "version": "2",
            "biz": orjson.dumps(biz).decode(),
        }
        return {**form, "sign": sign_form(credentials.sign_key.get_secret_value(), form)}


def _open(answer: ChannelAnswer, effect: Effect) -> Envelope:
    """The envelope of an answer. Meituan sends HTTP 200 even for failures: any other status is a proxy's."""
    if answer.status == 429:
        raise RateLimited("Meituan's gateway asks for fewer calls", operation=answer.operation)
    if answer.status >= 500:
        raise _give_up(f"Meituan answered HTTP {answer.status}", answer.operation, effect)
    try:
        envelope = parse_envelope(answer.json(), answer.operation)
        if answer.status != 200 and envelope["code"] == SUCCESS:
            raise ProtocolFailure(f"success with HTTP {answer.status}", operation=answer.operation)
    except ProtocolFailure as failure:
        if effect is Effect.READ:
            raise
        raise OutcomeUnknown(failure.message, operation=answer.operation) from failure
    return envelope


def _pass_on(envelope: Envelope, operation: str, effect: Effect) -> Envelope:
    """The envelope, unless its code is trouble with the call itself."""
    match TROUBLE_BY_CODE.get(envelope["code"]):
        case Trouble.UNAUTHORISED:
            raise _explain_unauthorised(envelope, operation)
        case Trouble.MISCONFIGURED:
            message = "Meituan does not let this developer make this call"
            raise Misconfigured(message, setting="developerId", **_quote(envelope, operation))
        case Trouble.RATE_LIMITED:
            raise RateLimited("Meituan asks for fewer calls", **_quote(envelope, operation))
        case Trouble.BUSY:
            raise _give_up("Meituan is busy", operation, effect, envelope)
    return envelope


def _explain_unauthorised(envelope: Envelope, operation: str) -> NothingSent:
    quoted = _quote(envelope, operation)
    sub_code = _read_sub_code(envelope)
    if sub_code == NO_PERMISSION:
        message = "the developer has no permission for this interface"
        return Misconfigured(message, setting="developerId", **quoted)
    message, setting = CREDENTIAL_BY_SUB_CODE.get(
        sub_code or 0, ("Meituan does not accept the credentials", None)
    )
    return CredentialsRefused(message, setting=setting, **quoted)


def _read_sub_code(envelope: Envelope) -> int | None:
    try:
        return read_number(envelope["data"].get("code"), "data.code")
    except ProtocolFailure:
        return None


def _give_up(
    message: str, operation: str, effect: Effect, envelope: Envelope | None = None
) -> ChannelFailure:
    failure = ChannelUnavailable if effect is Effect.READ else OutcomeUnknown
    return failure(message, **(_quote(envelope, operation) if envelope else {"operation": operation}))


def _quote(envelope: Envelope, operation: str) -> dict[str, Any]:
    sub_code = _read_sub_code(envelope)
    code = envelope["code"] if sub_code is None else f"{envelope['code']}/{sub_code}"
    return {"operation": operation, "platform_code": code, "platform_message": clean_message(envelope["msg"])}
