"""The simulated platform's calls: what the gateway checks, and what the voucher services do.

Where the documents give no code or word, the one chosen here is marked INFERRED; the adapter goes by the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.eleme.client import sign_parameters
from adapters.eleme.simulator.state import (
    APP_KEY,
    APP_SECRET,
    CLOCK_TOLERANCE,
    ORIGINAL,
    OTHER_SHOP_ID,
    REAL,
    REASONS,
    RECIPES,
    SESSION,
    SHOP_ID,
    TOTAL,
    WORDS,
    GatewayError,
    Order,
    Recipe,
    ServiceError,
    Voucher,
)
from adapters.eleme.wire import CONSULT, RESERVE, ROOT_BY_METHOD, USE
from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    read_china_time,
    write_china_time,
)
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

GATEWAY = "/router/rest"
Answer = dict[str, Any]


class ElemeSimulator(Simulator):
    """The voucher services for one app and one merchant. `seed()` fills them."""

    credentials: Mapping[str, str] = {
        "topAppKey": APP_KEY,
        "topAppSecret": APP_SECRET,
        "topSession": SESSION,
    }
    external_store_id = SHOP_ID
    other_store_id = OTHER_SHOP_ID
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        super().__init__(clock)
        self.orders: list[Order] = []
        self._sessions = {SESSION}
        self._answered: dict[str, tuple[Answer, Answer]] = {}
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The gateway is one address; its `method` leads on to an endpoint each."""
        if scope["type"] == "http" and scope["path"].endswith(GATEWAY):
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            scope = {**scope, "path": f"{scope['path']}/{query.get('method', 'none')}"}
        await super().__call__(scope, receive, send)

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        return (
            self._serve_method(CONSULT, "consult", "look_up", "consult_request", self._consult),
            self._serve_method(USE, "use", "redeem", "use_request", self._use),
            self._serve_method(RESERVE, "reverse", "reverse", "ticket_reverse_top_request", self._reverse),
            Endpoint("POST", f"{GATEWAY}/{{method}}", "unknown", "unknown", self._refuse_method),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"topBaseUrl": f"{address}{GATEWAY}"}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`."""
        recipe, now = RECIPES[state], self.clock.now()
        vouchers = [self._make_voucher(recipe) for _ in range(recipe.vouchers)]
        order_no = f"21061{self._next():014d}"
        order = Order(order_no, recipe, vouchers, now + recipe.starts_in, now + recipe.expires_in)
        self.orders.append(order)
        first, value = vouchers[0], ORIGINAL * recipe.times
        return Sample(
            state, first.code, first.ticket_id, recipe.description, None, value, recipe.times, recipe.title
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.ticket_id, each.code, order.recipe.times, len(each.living()), each.uses)
            for order, each in self._pairs()
        ]

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        return self._write_error(GatewayError("7", "accesscontrol.limited-by-api-access-count"))

    def expire_tokens(self) -> None:
        """Ends the merchant's session: only a person can authorise the app anew."""
        self._sessions.clear()

    # ------------------------------------------------------------------------------------------------ gateway
    def _serve_method(
        self, method: str, operation: str, piece: str, name: str, answer: Callable[[Answer], Answer]
    ) -> Endpoint:
        """An endpoint that checks what the gateway checks, and wraps what the service answers or raises."""

        def handle(call: Call) -> Response:
            try:
                body = answer(self._read_request(call, name))
            except GatewayError as error:
                return self._write_error(error)
            except ServiceError as error:
                if method == USE:
                    return self._write_error(GatewayError("15", f"isv.{error.code}", REASONS[error.code]))
                refusal = {"success": False, "error_code": error.code, "error_msg": REASONS[error.code]}
                body = {"result": refusal}
            return write_json({ROOT_BY_METHOD[method]: {**body, "request_id": f"sim{self._next()}"}})

        return Endpoint("POST", f"{GATEWAY}/{method}", operation, piece, handle)

    def _read_request(self, call: Call, name: str) -> Answer:
        parameters = dict(call.params) | dict(parse_qsl(call.body.decode("utf-8", "replace")))
        self._check_protocol(parameters)
        self._check_keys(parameters)
        if not parameters.get(name):
            raise GatewayError("40", f"isv.missing-parameter:{name}")
        try:
            request = orjson.loads(parameters[name])
        except orjson.JSONDecodeError:
            raise GatewayError("41", f"isv.invalid-parameter:{name}") from None
        if not isinstance(request, dict):
            raise GatewayError("41", f"isv.invalid-parameter:{name}")
        return request

    def _check_protocol(self, parameters: Mapping[str, str]) -> None:
        if parameters.get("v") != "2.0":
            raise GatewayError("34" if parameters.get("v") else "32")
        if parameters.get("format") != "json":
            raise GatewayError("23")
        if not parameters.get("timestamp"):
            raise GatewayError("30")
        try:
            sent_at = read_china_time(parameters["timestamp"], "timestamp")
        except ProtocolFailure:
            sent_at = None
        if sent_at is None or abs(self.clock.now().astimezone(UTC) - sent_at) > CLOCK_TOLERANCE:
            raise GatewayError("31")

    def _check_keys(self, parameters: Mapping[str, str]) -> None:
        for name, missing in (("app_key", "28"), ("sign", "24"), ("session", "26")):
            if not parameters.get(name):
                raise GatewayError(missing)
        if parameters["app_key"] != APP_KEY:
            raise GatewayError("29")
        unsigned = {name: value for name, value in parameters.items() if name != "sign"}
        if (
            parameters.get("sign_method") != "md5"
            or sign_parameters(unsigned, APP_SECRET) != parameters["sign"]
        ):
            raise GatewayError("25", "isv.invalid-signature")
        if parameters["session"] not in self._sessions:
            raise GatewayError("27", "invalid-sessionkey")

    def _refuse_method(self, call: Call) -> Response:
        return self._write_error(GatewayError("22" if call.params.get("method") else "21"))

    def _write_error(self, error: GatewayError) -> Response:
        body = {"code": int(error.code), "msg": WORDS.get(error.code, "Remote service error")}
        if error.sub_code:
            body |= {"sub_code": error.sub_code, "sub_msg": error.sub_msg or error.sub_code}
        return write_json({"error_response": {**body, "request_id": f"sim{self._next()}"}})

    # ------------------------------------------------------------------------------------------------ services
    def _consult(self, request: Answer) -> Answer:
        code = _require(request, "ticket_code")
        _require(request, "request_id")
        order = self._find_order(code, _require(request, "shop_id"))
        usable = order.usable(code)
        if not usable:
            raise ServiceError("TICKET_ALREADY_USED")
        value = {
            "user_phone": "*******0000",
            "available_quantity": sum(order.left(each) for each in usable),
            "ticket_info_list": {"ticket_info": [_write_ticket(order, each, code) for each in usable]},
            "buyer_id": "b-simulated",
            "alsc_order_no": order.order_no,
            "alsc_sub_order_no": f"{order.order_no[:-1]}0",
            "item_id": "i-1",
        }
        return {"result": {"success": True, "value": value}}

    def _find_order(self, code: str, shop_id: str) -> Order:
        order = next((order for order, each in self._pairs() if each.code == code), None)
        if order is None:
            raise ServiceError("TICKET_CODE_INVALID")
        if order.recipe.blocked:
            raise ServiceError(order.recipe.blocked)
        if order.recipe.shop_id != shop_id:
            raise ServiceError("SHOP_NOT_MATCH")
        if self.clock.now() > order.expires_at:
            raise ServiceError("TICKET_EXPIRED")
        if self.clock.now() < order.starts_at:
            raise ServiceError("TICKET_NOT_EFFECTIVE")
        return order

    def _use(self, request: Answer) -> Answer:
        request_id, code = _require(request, "ticket_request_id"), _require(request, "ticket_code")
        if request_id in self._answered:
            first, answer = self._answered[request_id]
            if first != request:
                raise ServiceError("REQUEST_ID_REPEATED")
            return {**answer, "biz_code": "TICKET_ALREADY_USED"}
        order = self._find_order(code, _require(request, "shop_id"))
        if not request_id.isalnum():
            raise GatewayError("41", "isv.invalid-parameter:ticket_request_id")
        details = [
            self._use_once(voucher, request_id, str(request["shop_id"]))
            for voucher in self._choose(order, request, code)
        ]
        answer = {
            "ticket_request_id": request_id,
            "use_date": write_china_time(self.clock.now()),
            "ticket_use_details": {"merchant_ticket_use_detail": details},
        }
        self._answered[request_id] = (request, answer)
        return answer

    def _choose(self, order: Order, request: Answer, code: str) -> list[Voucher]:
        """The vouchers of a call, each as often as it is used: the named one, else the first ones of the order."""
        quantity, wanted = str(request.get("quantity", "1")), request.get("ticket_id")
        if not quantity.isdigit() or quantity == "0":
            raise GatewayError("41", "isv.invalid-parameter:quantity")
        usable = [each for each in order.usable(code) if wanted in {None, each.ticket_id}]
        if not usable:
            raise ServiceError("TICKET_ALREADY_USED")
        uses = [each for each in usable for _ in range(order.left(each))]
        if len(uses) < int(quantity):
            raise ServiceError("QUANTITY_NOT_ENOUGH")
        return uses[: int(quantity)]

    def _use_once(self, voucher: Voucher, request_id: str, shop_id: str) -> Answer:
        use = Use(f"21069{self._next():014d}", request_id, shop_id, self.clock.now())
        voucher.uses.append(use)
        # Its row on a card that is used several times in one call: INFERRED.
        return {
            "ticket_trans_id": use.receipt,
            "ticket_code": voucher.code,
            "ticket_id": voucher.ticket_id,
        }

    def _reverse(self, request: Answer) -> Answer:
        ticket_id, trans_id = _require(request, "ticket_id"), request.get("ticket_use_trans_id")
        _require(request, "request_id")
        uses = [use for _, each in self._pairs() if each.ticket_id == ticket_id for use in each.uses]
        named = [use for use in uses if trans_id in {None, use.receipt}]
        if not named:
            raise ServiceError("TRANS_NOT_EXIST")
        living = [use for use in named if use.reversed_at is None]
        if not living:
            raise ServiceError("TRANS_ALREADY_REVERSED")
        living[-1].reversed_at = self.clock.now()
        return {"result": {"success": True}}

    # ------------------------------------------------------------------------------------------------ vouchers
    def _pairs(self) -> list[tuple[Order, Voucher]]:
        return [(order, each) for order in self.orders for each in order.vouchers]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _make_voucher(self, recipe: Recipe) -> Voucher:
        earlier = self.clock.now() - timedelta(hours=2)
        uses = [Use(f"21069{self._next():014d}", "", SHOP_ID, earlier) for _ in range(recipe.used)]
        number = self._next()
        return Voucher(f"22088{number:014d}", f"8824610{number:05d}", uses)


def _require(request: Answer, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise GatewayError("40", f"isv.missing-parameter:{name}")
    return value


def _write_ticket(order: Order, voucher: Voucher, code: str) -> Answer:
    times = order.recipe.times
    wire: Answer = {
        "ticket_id": voucher.ticket_id,
        "ticket_name": order.recipe.title,
        "total_amount": TOTAL * times,
        "real_amount": REAL * times,
        "original_price": ORIGINAL * times,
        "quantity": times,
    }
    return {**wire, "ticket_code": code} if voucher.code == code else wire
