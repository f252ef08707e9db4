"""Aliyun's SMS as a small stateful ASGI application: `adapters.aliyun_sms.simulator:app`.

It checks signatures, clocks and numbers used once, knows templates and one approved signature, and keeps every message
that it would have sent. Nothing is sent to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson
from starlette.responses import Response

from adapters.aliyun_sms.signing import hash_body, sign_request
from adapters.aliyun_sms.tables import (
    ALGORITHM,
    CLOCK_TOLERANCE,
    LONGEST_VALUE,
    QUERY_SIGN,
    SEND,
    SIGN_APPROVED,
    VERSION,
)
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    Sample,
    SentMessage,
    Simulator,
    SimulatorClock,
    write_json,
)

ACCESS_KEY_ID = "LTAIsimulated0000000001"
ACCESS_KEY_SECRET = "simulatedSecretOfNobody0000001"  # noqa: S105  # made up, known to everybody
SIGN_NAME = "山茶小馆"
TEMPLATE = "SMS_000000001"
OTHER_TEMPLATE = "SMS_000000002"
TEMPLATES: Mapping[str, frozenset[str]] = {
    TEMPLATE: frozenset({"store", "time"}),
    OTHER_TEMPLATE: frozenset({"store", "time", "service"}),
}
FORBIDDEN_WORD = "彩票"
UNREACHABLE_PHONE = "13999999999"
MOST_A_DAY = 50
_MAINLAND = re.compile(r"1[3-9]\d{9}", re.ASCII)
_ABROAD = re.compile(r"(?!86)[1-9]\d{6,14}", re.ASCII)
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_CREDENTIAL = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^,]+),SignedHeaders=(?P<names>[^,]+),Signature=[0-9a-f]{{64}}"
)


class AliyunError(Exception):
    """An answer with this code. Errors of the gateway have an HTTP status of their own, refusals of the service 200."""

    def __init__(self, code: str, words: str, status: int = 200) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status


@dataclass(frozen=True, slots=True)
class _Sent:
    phone: str
    template: str
    values: Mapping[str, str]
    out_id: str


class AliyunSmsSimulator(Simulator):
    """The platform. `sent` holds every message, oldest first."""

    credentials: Mapping[str, str] = {
        "accessKeyId": ACCESS_KEY_ID,
        "accessKeySecret": ACCESS_KEY_SECRET,
        "signName": SIGN_NAME,
    }
    external_store_id = ""
    states: ClassVar[tuple[str, ...]] = ()

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        super().__init__(clock)
        self.sent: list[_Sent] = []
        self.signs: dict[str, int] = {SIGN_NAME: SIGN_APPROVED}
        self._nonces: set[str] = set()
        self._taken: list[tuple[str, str, datetime]] = []

    def endpoints(self) -> Sequence[Endpoint]:
        """One address for all calls; x-acs-action tells them apart."""
        return (Endpoint("POST", "/", "gateway", "send", self._answer_call),)

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """There are no coupons here. Raises KeyError."""
        raise KeyError(state)

    def consumptions(self) -> Sequence[Consumption]:
        """There are no coupons here."""
        return ()

    def list_messages(self) -> Sequence[SentMessage]:
        """What was sent, oldest first."""
        return tuple(SentMessage(each.phone, each.template, each.values, each.out_id) for each in self.sent)

    def fill_up(self, phone: str, template: str, count: int) -> None:
        """The number had so many notices of this template today, from somewhere else."""
        self._taken += [(phone, template, self.clock.now())] * count

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        words = "Request was denied due to user flow control."
        return _write_error(AliyunError("Throttling.User", words, 400))

    def expire_tokens(self) -> None:
        """There are no access tokens: every call is signed."""

    # ------------------------------------------------------------------------------------------------- calls
    def _answer_call(self, call: Call) -> Response:
        try:
            self._check_call(call)
            if call.headers.get("x-acs-action") == SEND:
                return write_json({"Code": "OK", "Message": "OK", **self._send(call.params)})
            return write_json({"Code": "OK", "Message": "OK", **self._query_sign(call.params)})
        except AliyunError as error:
            return _write_error(error)

    def _check_call(self, call: Call) -> None:
        """The gateway's own checks. Raises AliyunError."""
        if call.headers.get("x-acs-version") != VERSION:
            raise AliyunError("InvalidVersion", "Specified parameter Version is not valid.", 400)
        if call.headers.get("x-acs-action") not in (SEND, QUERY_SIGN):
            raise AliyunError("InvalidAction.NotFound", "Specified api is not found.", 404)
        self._check_signature(call)
        self._check_freshness(call)

    def _check_signature(self, call: Call) -> None:
        given = call.headers.get("authorization", "")
        found = _CREDENTIAL.fullmatch(given)
        if found is None:
            raise AliyunError("IncompleteSignature", "The request signature does not conform.", 400)
        if found["key"] != ACCESS_KEY_ID:
            raise AliyunError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        signed = {name: call.headers.get(name, "") for name in found["names"].split(";")}
        whole = {"host", *(name for name in call.headers if name.startswith("x-acs-"))} <= signed.keys()
        honest = signed.get("x-acs-content-sha256") == hash_body(call.body)
        path = f"{urlsplit(self.address).path}/"
        right = sign_request(ACCESS_KEY_ID, ACCESS_KEY_SECRET, "POST", path, call.params, signed)
        if not (whole and honest and given == right):
            words = "Specified signature is not matched with our calculation."
            raise AliyunError("SignatureDoesNotMatch", words, 400)

    def _check_freshness(self, call: Call) -> None:
        try:
            stamp = datetime.strptime(call.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except (KeyError, ValueError):
            raise AliyunError("InvalidTimeStamp.Format", "Specified time stamp is not valid.", 400) from None
        if abs(self.clock.now() - stamp) > CLOCK_TOLERANCE:
            raise AliyunError("InvalidTimeStamp.Expired", "Specified time stamp is expired.", 400)
        nonce = call.headers.get("x-acs-signature-nonce", "")
        if not nonce or nonce in self._nonces:
            raise AliyunError("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
        self._nonces.add(nonce)

    def _query_sign(self, params: Mapping[str, str]) -> dict[str, Any]:
        name = params.get("SignName", "")
        if name not in self.signs:
            raise AliyunError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
        return {"SignName": name, "SignStatus": self.signs[name], "RequestId": self._number("request")}

    def _send(self, params: Mapping[str, str]) -> dict[str, Any]:
        phone, template = params.get("PhoneNumbers", ""), params.get("TemplateCode", "")
        formed = _MAINLAND.fullmatch(phone) or _ABROAD.fullmatch(phone)
        if not formed or phone == UNREACHABLE_PHONE:
            raise AliyunError("isv.MOBILE_NUMBER_ILLEGAL", f"{phone}非法手机号")
        if self.signs.get(params.get("SignName", "")) != SIGN_APPROVED:
            raise AliyunError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
        if template not in TEMPLATES:
            raise AliyunError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
        values = _read_values(params.get("TemplateParam", ""), TEMPLATES[template])
        self._check_number(phone, template)
        self._taken.append((phone, template, self.clock.now()))
        self.sent.append(_Sent(phone, template, values, params.get("OutId", "")))
        return {"BizId": self._number("biz"), "RequestId": self._number("request")}

    def _check_number(self, phone: str, template: str) -> None:
        """So many notices of one template a number takes in a day."""
        since = self.clock.now() - timedelta(days=1)
        if sum(each[:2] == (phone, template) and each[2] > since for each in self._taken) >= MOST_A_DAY:
            raise AliyunError("isv.BUSINESS_LIMIT_CONTROL", f"触发天级流控Permits:{MOST_A_DAY}")

    def _number(self, kind: str) -> str:
        return f"{kind}-{len(self.sent):06d}^0"


def app(clock: SimulatorClock | None = None) -> AliyunSmsSimulator:
    """A platform of its own. By default its clock is the machine's."""
    return AliyunSmsSimulator(clock)


def _read_values(text: str, names: frozenset[str]) -> dict[str, str]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
        raise AliyunError("isv.INVALID_JSON_PARAM", "JSON参数不合法")
    if not all(values.get(name) for name in names):
        raise AliyunError("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少对应参数值")
    shown = {name: values[name] for name in sorted(names)}
    if any(len(value) > LONGEST_VALUE for value in shown.values()):
        raise AliyunError("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
    if any(_LINK.search(value) for value in shown.values()):
        raise AliyunError("isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL")
    if any(FORBIDDEN_WORD in value for value in shown.values()):
        raise AliyunError("isv.BLACK_KEY_CONTROL_LIMIT", "模板变量中存在黑名单关键字")
    return shown


def _write_error(error: AliyunError) -> Response:
    body = {"Code": error.code, "Message": error.words, "RequestId": "00000000-0000-0000-0000-000000000000"}
    return write_json(body, error.status)
