"""The simulated platform's calls: signatures, sessions, and its memory of requestids.

Where the documents give no code or order of checks, the one chosen here is INFERRED; the adapter does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson
from pydantic import SecretStr
from starlette.responses import Response

from adapters.dianping.client import sign_request
from adapters.dianping.simulator.state import (
    APP_KEY,
    APP_REFUSED,
    APP_SECRET,
    CLOCK_REFUSED,
    CLOCK_TOLERANCE,
    LIST_LIMIT,
    MERCHANT,
    NOT_USED,
    OTHER_REQUEST,
    OTHER_SHOP,
    RATE_LIMITED,
    RECIPES,
    REFRESH_TOKEN,
    REVERSAL_WINDOW,
    SESSION,
    SHOP,
    SIGNATURE_REFUSED,
    STORE_REFUSED,
    TOO_LATE,
    TOO_MANY,
    UNKNOWN_CODE,
    Coupon,
    Order,
    PlatformError,
    Remembered,
    SessionDesk,
    refuse_parameter,
)
from adapters.dianping.simulator.write import (
    MARKET_FEN,
    write_consumed,
    write_detail,
    write_prepared,
    write_reversed,
    write_scanned,
)
from core.channels.wire import CHINA
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    Sample,
    Simulator,
    SimulatorClock,
    Use,
    write_json,
)

_RECEIPT = "/router/tuangou/receipt"
_CHANGING = frozenset({"app_key", "timestamp", "session", "format", "v", "sign_method", "sign"})
Params = Mapping[str, str]


class DianpingSimulator(Simulator):
    """Dianping for one app and one merchant with two shops. `seed()` fills it."""

    credentials: Mapping[str, str] = {
        "appKey": APP_KEY,
        "appSecret": APP_SECRET,
        "session": SESSION,
        "refreshToken": REFRESH_TOKEN,
    }
    external_store_id = SHOP
    other_store_id = OTHER_SHOP
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        super().__init__(clock)
        self.sessions = SessionDesk(self.clock.now())
        self.orders: list[Order] = []
        self._remembered: dict[str, Remembered] = {}
        self._number = 0

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        return (
            Endpoint("POST", "/router/oauth/token", "token", "token", self._renew_session),
            self._sign("GET", "/router/oauth/session/scope", "scope", "stores", self._list_shops),
            self._sign("POST", f"{_RECEIPT}/prepare", "prepare", "look_up", self._prepare),
            self._sign("POST", f"{_RECEIPT}/scanprepare", "scanprepare", "look_up", self._scan),
            self._sign("POST", f"{_RECEIPT}/consume", "consume", "redeem", self._consume),
            self._sign("POST", f"{_RECEIPT}/batchconsume", "batchconsume", "redeem", self._consume_batch),
            self._sign("POST", f"{_RECEIPT}/reverseconsume", "reverseconsume", "reverse", self._reverse),
            self._sign("GET", f"{_RECEIPT}/getconsumed", "getconsumed", "status", self._show_consumed),
            self._sign(
                "GET", f"{_RECEIPT}/querylistbydate", "querylistbydate", "history", self._list_consumed
            ),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. The QR is sent as it is and never followed, so it leads to Dianping's own host."""
        recipe = RECIPES[state]
        coupons = [self._make_coupon(state, title) for title in recipe.titles]
        number = self._next()
        order = Order(f"1693542243{number:014d}", f"https://dpurl.cn/p/Sim{number:05d}", coupons)
        self.orders.append(order)
        code, title = coupons[0].receipt_code, " + ".join(recipe.titles)
        return Sample(state, code, code, recipe.description, order.qr_code, MARKET_FEN, 1, title)

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.receipt_code, each.receipt_code, 1, int(each.living() is not None), each.uses)
            for order in self.orders
            for each in order.coupons
        ]

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        return _write_error(RATE_LIMITED)

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`."""
        self.sessions.expire()

    # ------------------------------------------------------------------------------------- keys and sessions
    def _renew_session(self, call: Call) -> Response:
        form = dict(parse_qsl(call.body.decode()))
        try:
            if form.get("app_key") != APP_KEY:
                raise APP_REFUSED
            if form.get("app_secret") != APP_SECRET:
                raise PlatformError(603, "app_secret错误")
            if form.get("grant_type") != "refresh_token":
                raise refuse_parameter("grant_type")
            renewed = self.sessions.renew(form.get("refresh_token", ""), self.clock.now())
        except PlatformError as error:
            return _write_error(error)
        return write_json({"code": 200, "msg": None, **renewed})

    def _sign(
        self, method: str, path: str, operation: str, piece: str, answer: Callable[[Params], Any]
    ) -> Endpoint:
        """An endpoint that checks app, signature, time and session, and wraps what it answers or raises."""

        def handle(call: Call) -> Response:
            try:
                params = call.params if method == "GET" else dict(parse_qsl(call.body.decode()))
                self._check_common(params)
                return write_json({"code": 200, "msg": "success", "data": answer(params)})
            except PlatformError as error:
                return _write_error(error)

        return Endpoint(method, path, operation, piece, handle)

    def _check_common(self, params: Params) -> None:
        if params.get("app_key") != APP_KEY:
            raise APP_REFUSED
        expected = sign_request(params, SecretStr(APP_SECRET))
        if params.get("sign_method") != "MD5" or params.get("sign") != expected:
            raise SIGNATURE_REFUSED
        if abs(_read_timestamp(params) - self.clock.now()) > CLOCK_TOLERANCE:
            raise CLOCK_REFUSED
        self.sessions.check(params.get("session", ""), self.clock.now())

    def _list_shops(self, params: Params) -> list[dict[str, str]]:
        if params.get("bid") != MERCHANT:
            raise refuse_parameter("bid")
        return [{"open_shop_uuid": shop} for shop in (SHOP, OTHER_SHOP)]

    # ---------------------------------------------------------------------------------------- look up, redeem
    def _prepare(self, params: Params) -> dict[str, Any]:
        shop, (order, coupon) = _read_shop(params), self._find(_read(params, "receipt_code"))
        coupon.check(shop, self.clock.now())
        count = sum(each.deal_id == coupon.deal_id and not each.living() for each in order.coupons)
        return write_prepared(coupon, order, count)

    def _scan(self, params: Params) -> list[dict[str, Any]]:
        shop, qr_code = _read_shop(params), _read(params, "qr_code")
        order = next((each for each in self.orders if each.qr_code == qr_code), None)
        if order is None:
            raise PlatformError(804, "二维码无效")
        unused = [each for each in order.coupons if not each.living()] or order.coupons
        for coupon in unused:
            coupon.check(shop, self.clock.now())
        return [write_scanned(coupon, 1) for coupon in unused]

    def _consume(self, params: Params) -> list[dict[str, Any]]:
        _check_consume(params, "receipt_code", "count")
        return self._remember(params, lambda: [self._use(params, params["receipt_code"], params["count"])])

    def _consume_batch(self, params: Params) -> list[dict[str, Any]]:
        _check_consume(params, "receipt_code_infos")
        infos = _read_infos(params["receipt_code_infos"])
        return self._remember(params, lambda: [self._use_single(params, info) for info in infos])

    def _remember(self, params: Params, work: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """INFERRED: the same request again gets the first answer, another one with its requestid is refused."""
        business = {key: value for key, value in params.items() if key not in _CHANGING}
        known = self._remembered.get(params["requestid"])
        if known is None:
            known = self._remembered[params["requestid"]] = Remembered(business, work())
        if known.business != business:
            raise OTHER_REQUEST
        return known.data

    def _use_single(self, params: Params, info: Mapping[str, Any]) -> dict[str, Any]:
        try:
            details = [self._use(params, str(info["receipt_code"]), str(info["count"]))]
        except PlatformError as error:
            return {
                "single_consume_code": error.code,
                "single_consume_msg": error.words,
                "consume_detail_list": [],
            }
        return {
            "single_consume_code": 200,
            "single_consume_msg": "success",
            "consume_detail_list": details,
        }

    def _use(self, params: Params, code: str, count: str) -> dict[str, Any]:
        shop, now, (order, coupon) = _read_shop(params), self.clock.now(), self._find(code)
        coupon.check(shop, now)
        if count != "1":
            raise TOO_MANY
        coupon.uses.append(Use(f"use-{self._next():06d}", params["app_shop_account"], shop, now))
        return write_detail(coupon, order, shop)

    # ---------------------------------------------------------------------------------------- reverse, status
    def _reverse(self, params: Params) -> list[dict[str, Any]]:
        _check_present(params, "app_deal_id", "receipt_code", "app_shop_account", "app_shop_accountname")
        shop, (_, coupon) = _read_shop(params), self._find(params["receipt_code"])
        use = coupon.living()
        if params["app_deal_id"] != str(coupon.deal_id):
            raise refuse_parameter("app_deal_id")
        if use is None or not use.token or use.store != shop:
            raise NOT_USED
        if self.clock.now() - use.used_at > REVERSAL_WINDOW:
            raise TOO_LATE
        use.reversed_at = self.clock.now()
        return [write_reversed(coupon, shop)]

    def _show_consumed(self, params: Params) -> dict[str, Any]:
        shop, (_, coupon) = _read_shop(params), self._find(_read(params, "receipt_code"))
        use = coupon.living()
        if use is None or use.store != shop:
            raise NOT_USED
        return write_consumed(coupon, use)

    def _list_consumed(self, params: Params) -> dict[str, Any]:
        """The uses of one day that stand, oldest first."""
        shop, day, offset, limit = _read_shop(params), *_read_list(params)
        kind = params.get("biz_type", "0") if params.get("type", "0") == "0" else None
        uses = [
            (coupon, use)
            for order in self.orders
            for coupon in order.coupons
            if str(coupon.recipe.biz_type) == kind and (use := coupon.living()) and use.store == shop
        ]
        uses.sort(key=lambda each: each[1].used_at)
        records = [write_consumed(coupon, use) for coupon, use in uses]
        listed = [record for record in records if record["verify_time"].startswith(f"{day} ")]
        return {"total_count": str(len(listed)), "records": listed[offset : offset + limit]}

    # ------------------------------------------------------------------------------------------------ coupons
    def _find(self, code: str) -> tuple[Order, Coupon]:
        for order in self.orders:
            for coupon in order.coupons:
                if coupon.receipt_code == code:
                    return order, coupon
        raise UNKNOWN_CODE

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _make_coupon(self, state: str, title: str) -> Coupon:
        recipe, now, number = RECIPES[state], self.clock.now(), self._next()
        used_at = now - timedelta(hours=2)
        uses = [Use(f"use-{self._next():06d}", "", SHOP, used_at)] if recipe.used else []
        starts_at, expires_at = (now + recipe.starts_in, now + recipe.expires_in)
        return Coupon(f"07461{number:05d}", 993500000 + number, title, recipe, starts_at, expires_at, uses)


def _write_error(error: PlatformError) -> Response:
    return write_json({"code": error.code, "msg": error.words})


def _read_timestamp(params: Params) -> datetime:
    try:
        return datetime.strptime(params["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except (KeyError, ValueError):
        raise CLOCK_REFUSED from None


def _read(params: Params, name: str) -> str:
    _check_present(params, name)
    return params[name]


def _check_present(params: Params, *names: str) -> None:
    for name in names:
        if not params.get(name):
            raise refuse_parameter(name)


def _check_consume(params: Params, *names: str) -> None:
    _check_present(params, "requestid", *names, "app_shop_account", "app_shop_accountname")
    _read_shop(params)


def _read_shop(params: Params) -> str:
    shop = _read(params, "open_shop_uuid")
    if shop not in {SHOP, OTHER_SHOP}:
        raise STORE_REFUSED
    return shop


def _read_list(params: Params) -> tuple[str, int, int]:
    """`(day, offset, limit)`."""
    try:
        datetime.strptime(_read(params, "date"), "%Y-%m-%d")  # noqa: DTZ007  # a day, no instant
    except ValueError:
        raise refuse_parameter("date") from None
    offset, limit = _read(params, "offset"), _read(params, "limit")
    if not offset.isdecimal():
        raise refuse_parameter("offset")
    if not limit.isdecimal() or not 1 <= int(limit) <= LIST_LIMIT:
        raise refuse_parameter("limit")
    return params["date"], int(offset), int(limit)


def _read_infos(text: str) -> list[dict[str, Any]]:
    try:
        infos = orjson.loads(text)
    except orjson.JSONDecodeError:
        infos = None
    if not isinstance(infos, list) or not all(
        isinstance(info, dict) and {"receipt_code", "count"} <= info.keys() for info in infos
    ):
        raise refuse_parameter("receipt_code_infos")
    return infos
