"""The simulated gateway: checks signature, time, token and product, then lets one of the desks answer."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from adapters.meituan.client import COUPON_PATH, RECEIPT_PATH, sign_form
from adapters.meituan.simulator.catering import VALUE, CateringDesk
from adapters.meituan.simulator.general import MARKET, GeneralDesk
from adapters.meituan.simulator.state import (
    CATERING,
    CLOCK_TOLERANCE,
    DEVELOPER_ID,
    GENERAL,
    RECIPES,
    RESERVATIONS,
    SHOP_ID,
    SIGN_KEY,
    TOKENS,
    PlatformError,
    Shop,
)
from adapters.meituan.simulator.tables import TableDesk
from core.channels.contract import BookingStatus
from core.clock import from_epoch
from core.testing.platforms import BookingFacts
from core.testing.simulator import Call, Consumption, Endpoint, Sample, Simulator, SimulatorClock, write_json

_FORM = "application/x-www-form-urlencoded"
_SYSTEM = ("developerId", "businessId", "appAuthToken", "charset", "timestamp", "version", "biz", "sign")
Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


class GeneralSimulator(Simulator):
    """Meituan for one developer and one shop that sells general services. `seed()` fills it.

    Both products' calls are there; `product` decides which of them the shop's account is made for.
    `void_token` makes the gateway refuse the shop's token with this sub code, as 4 (expired) or 22 (ended).
    """

    external_store_id = SHOP_ID
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)
    product: ClassVar[str] = GENERAL
    code_shape: ClassVar[tuple[str, int]] = ("5807", 10)
    face_value: ClassVar[int] = MARKET
    credentials: Mapping[str, str] = {
        "developerId": DEVELOPER_ID,
        "signKey": SIGN_KEY,
        "appAuthToken": TOKENS[GENERAL],
        "businessId": GENERAL,
        "reservationToken": TOKENS[RESERVATIONS],
    }

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        self.shop = Shop(*self.code_shape)
        self.tables = TableDesk()
        self.void_token: int | None = None
        super().__init__(clock)

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        general, catering = GeneralDesk(self.shop, self.clock), CateringDesk(self.shop, self.clock)
        return (
            self._sign(GENERAL, f"{RECEIPT_PATH}/prepare", "look_up", general.prepare),
            self._sign(GENERAL, f"{RECEIPT_PATH}/consume", "redeem", general.consume),
            self._sign(GENERAL, f"{RECEIPT_PATH}/reverseconsume", "reverse", general.reverse),
            self._sign(GENERAL, f"{RECEIPT_PATH}/getconsumed", "status", general.get_consumed),
            self._sign(GENERAL, f"{RECEIPT_PATH}/querylistbydate", "status", general.list_consumed),
            self._sign(CATERING, f"{COUPON_PATH}/ng/coupon/msprepare", "look_up", catering.prepare),
            self._sign(CATERING, f"{COUPON_PATH}/ng/coupon/msconsume", "redeem", catering.consume),
            self._sign(CATERING, f"{COUPON_PATH}/coupon/cancel", "reverse", catering.cancel),
            self._sign(CATERING, f"{COUPON_PATH}/coupon/queryById", "status", catering.query),
            self._sign(CATERING, f"{COUPON_PATH}/coupon/queryListByDate", "status", catering.list_used),
            self._sign(RESERVATIONS, "/resv2/order/queryById", "booking", self.tables.query),
            self._sign(RESERVATIONS, "/resv2/order/batchQuery", "bookings", self.tables.list),
            self._sign(RESERVATIONS, "/resv2/order/operation", "tell", self.tables.operate),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. What Meituan's QR holds is documented nowhere, so there is no link."""
        if state not in self.states:
            raise KeyError(state)
        order = self.shop.sell(state, self.clock.now())
        code, recipe = order.coupons[0].code, order.recipe
        return Sample(
            state, code, code, recipe.description, None, self.face_value, recipe.times, recipe.title
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.code, each.code, each.recipe.times, len(each.living()), each.uses)
            for order in self.shop.orders
            for each in order.coupons
        ]

    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        """See `BookingSimulator`."""
        return self.tables.make(status, start)

    def cancel_booking(self, reference: str) -> None:
        """See `BookingSimulator`."""
        self.tables.cancel(reference)

    def read_booking(self, reference: str) -> BookingFacts:
        """See `BookingSimulator`."""
        return self.tables.read(reference)

    def count_bookings(self) -> int:
        """See `BookingSimulator`."""
        return len(self.tables.bookings)

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        return _write_error(PlatformError("限流拒绝", "OP_LIMITATION_REJECT"))

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`. None is given out: a shop's token stands until somebody ends it."""

    def _sign(self, product: str, path: str, piece: str, answer: Answer) -> Endpoint:
        def handle(call: Call) -> Response:
            try:
                data = answer(self._open_call(call, product))
            except PlatformError as error:
                return _write_error(error)
            return write_json({"code": "OP_SUCCESS", "msg": "success", "data": data, "traceId": "-7153"})

        return Endpoint("POST", path, path.rpartition("/")[2], piece, handle)

    def _open_call(self, call: Call, product: str) -> Mapping[str, Any]:
        """The request of a call that is signed, in time, and of this product."""
        if not call.headers.get("content-type", "").startswith(_FORM):
            raise PlatformError("不支持的Content-Type", "OP_HTTP_UNSUPPORTED_CONTENT_TYPE")
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        if not all(form.get(name) for name in _SYSTEM):
            raise PlatformError("系统参数缺失", "OP_HTTP_SYSTEM_PARAM_ERROR")
        if form["developerId"] != DEVELOPER_ID or form["version"] != "2":
            raise PlatformError("系统参数错误", "OP_SYSTEM_PARAM_ERROR")
        if not hmac.compare_digest(sign_form(SIGN_KEY, form), form["sign"]):
            raise _refuse_key(3, "签名错误")
        self._check_time(form["timestamp"])
        if form["businessId"] != product or form["appAuthToken"] != TOKENS[product]:
            raise _refuse_key(5, "非法令牌")
        if self.void_token:
            raise _refuse_key(self.void_token, "令牌不可用")
        return _read_biz(form["biz"])

    def _check_time(self, timestamp: str) -> None:
        sent_at = from_epoch(timestamp) if timestamp.isdecimal() and len(timestamp) <= 10 else None
        if sent_at is None or abs(self.clock.now() - sent_at) > CLOCK_TOLERANCE:
            raise PlatformError("时间戳错误", "OP_SYSTEM_PARAM_ERROR")


class CateringSimulator(GeneralSimulator):
    """The same for a restaurant: codes of 12 digits, and no cards."""

    states: ClassVar[tuple[str, ...]] = tuple(state for state in RECIPES if state != "times_card")
    product: ClassVar[str] = CATERING
    code_shape: ClassVar[tuple[str, int]] = ("5801", 12)
    face_value: ClassVar[int] = VALUE
    credentials: Mapping[str, str] = {
        **GeneralSimulator.credentials,
        "appAuthToken": TOKENS[CATERING],
        "businessId": CATERING,
    }


def _refuse_key(sub_code: int, message: str) -> PlatformError:
    return PlatformError(message, "OP_UNIAUTH_FAILED", sub_code=sub_code)


def _read_biz(text: str) -> Mapping[str, Any]:
    try:
        biz = orjson.loads(text)
    except orjson.JSONDecodeError:
        biz = None
    if not isinstance(biz, dict):
        raise PlatformError("业务参数错误", "OP_SYSTEM_PARAM_ERROR")
    return biz


def _write_error(error: PlatformError) -> Response:
    wire: dict[str, Any] = {"code": error.code, "msg": error.message, "data": None, "traceId": "-7153"}
    if error.sub_code is not None:
        wire |= {"msg": "鉴权失败", "data": {"code": error.sub_code, "message": error.message}}
    if error.result is not None:
        wire |= {"code": "OP_SUCCESS", "msg": "success"}
        wire["data"] = {"result": error.result, "message": error.message}
    return write_json(wire)
