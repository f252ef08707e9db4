"""The simulated platform's calls, with the documented errors and its memory of verify_tokens.

Where the documents give no code, the one chosen here is marked INFERRED; the adapter does not depend on it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import orjson
from pydantic import SecretStr
from starlette.responses import RedirectResponse, Response

from adapters.douyin.simulator.bookings import BookingDesk
from adapters.douyin.simulator.people import MINI_APP_ID, MINI_APP_SECRET, PeopleDesk
from adapters.douyin.simulator.records import list_records, list_shares
from adapters.douyin.simulator.state import (
    ACCOUNT_ID,
    CLIENT_KEY,
    CLIENT_SECRET,
    OTHER_POI_ID,
    POI_ID,
    RECIPES,
    REVERSAL_WINDOW,
    VERIFY_TOKEN_LIFE,
    WINDOW_CLOSED,
    WORDS,
    Certificate,
    Order,
    PlatformError,
    Preparation,
    TokenDesk,
)
from adapters.douyin.simulator.tokens import TokenOffice, read_body, refuse_token
from adapters.douyin.simulator.write import (
    write_certificate,
    write_result,
    write_shop,
)
from adapters.douyin.webhook import sign_delivery
from core.channels.contract import BookingStatus, WebhookDelivery
from core.testing.platforms import BookingFacts
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    LoginSample,
    Sample,
    Simulator,
    SimulatorClock,
    Use,
    write_json,
)

_BOOKING = "/goodlife/v1/comprehensive/trade"
_CERTIFICATE = "/goodlife/v1/fulfilment/certificate"
Answer = dict[str, Any]


class DouyinSimulator(Simulator):
    """Douyin Life for one app and one merchant. `seed()` fills it."""

    credentials: Mapping[str, str] = {
        "clientKey": CLIENT_KEY,
        "clientSecret": CLIENT_SECRET,
        "accountId": ACCOUNT_ID,
    }
    external_store_id = POI_ID
    other_store_id = OTHER_POI_ID
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        self.tokens = TokenDesk()
        self.people = PeopleDesk(lambda: self.clock.now())
        self.credentials = {**self.credentials, **self.people.credentials}
        super().__init__(clock)
        self.books = BookingDesk(self.clock)
        self.orders: list[Order] = []
        self._preparations: dict[str, Preparation] = {}
        self._number = 0

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        apps = {
            CLIENT_KEY: (CLIENT_SECRET, self.tokens),
            MINI_APP_ID: (MINI_APP_SECRET, self.people.tokens),
        }
        # The base class asks for the endpoints once its clock is set.
        office = TokenOffice(apps, self.clock.now)
        shop = "/goodlife/v1/shop/poi/query/"
        record = f"{_CERTIFICATE}/verify_record/query/"
        ledger = "/goodlife/v1/settle/ledger/query_record_by_cert/"
        return (
            Endpoint("POST", "/oauth/client_token/", "token", "token", office.give),
            Endpoint("POST", "/oauth/stable_client_token/", "token", "token", office.give_stable),
            *self.people.endpoints(),
            Endpoint("GET", "/s/{short_id}/", "link", "look_up", self._follow_link),
            self._sign("GET", f"{_CERTIFICATE}/prepare/", "prepare", "look_up", self._prepare),
            self._sign("POST", f"{_CERTIFICATE}/verify/", "verify", "redeem", self._verify),
            self._sign("POST", f"{_CERTIFICATE}/cancel/", "cancel", "reverse", self._cancel),
            self._sign("GET", f"{_CERTIFICATE}/get/", "get", "status", self._get),
            self._sign("GET", f"{_CERTIFICATE}/query/", "query", "status", self._query),
            self._sign("GET", record, "verify_record", "history", self._query_records),
            self._sign("GET", ledger, "ledger", "history", self._query_records),
            self._sign("POST", f"{_BOOKING}/query/order/", "bookings", "bookings", self._ask("query")),
            self._sign("POST", f"{_BOOKING}/order/confirm/", "confirm", "tell", self._ask("confirm")),
            self._sign("GET", shop, "shop_poi", "stores", self._query_shops),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        hosts = [urlsplit(address).netloc]
        return {"baseUrl": address, "miniAppBaseUrl": address, "shortLinkHosts": hosts, "bookings": True}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. The QR of an order shows all its coupons, the code too."""
        order = self._make_order(state)
        self.orders.append(order)
        first = order.certificates[0]
        link = f"{self.address}/s/{order.short_id}/"
        value = write_certificate(first, self.clock.now())["amount"]["original_amount"]
        recipe, reference = order.recipe, str(first.certificate_id)
        return Sample(
            state, first.code, reference, recipe.description, link, value, recipe.times, recipe.title
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(str(each.certificate_id), each.code, each.recipe.times, len(each.living()), each.uses)
            for order in self.orders
            for each in order.certificates
        ]

    def make_login(self, subject: str | None = None) -> LoginSample:
        """See `LoginSimulator.make_login`."""
        return self.people.open_program(subject)

    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        """See `BookingSimulator`."""
        return self.books.make(status, start)

    def cancel_booking(self, reference: str) -> None:
        """See `BookingSimulator`."""
        self.books.cancel(reference)

    def read_booking(self, reference: str) -> BookingFacts:
        """See `BookingSimulator`."""
        return self.books.read(reference)

    def count_bookings(self) -> int:
        """See `BookingSimulator`."""
        return len(self.books.bookings)

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        if call.operation == "token":
            return refuse_token(PlatformError(10020))
        return self._write_error(PlatformError(2119003))

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`."""
        for desk in (self.tokens, self.people.tokens):
            desk.expire(self.clock.now())

    def make_delivery(
        self, action: str, certificate_id: str, *, event_id: str, client_secret: str = CLIENT_SECRET
    ) -> WebhookDelivery:
        """A signed delivery: `action` is "verify", "verify_cancel" or "refund_success"."""
        order = next(
            (order for order, each in self._pairs() if str(each.certificate_id) == certificate_id), None
        )
        certificate = {
            "order_id": order.order_id if order else "0",
            "certificate_id": certificate_id,
            "account_id": ACCOUNT_ID,
        }
        now = int(self.clock.now().timestamp())
        content = {"action": action, "msg_time": now, "certificate": certificate}
        event = {
            "event": "life_trade_certificate_notify",
            "client_key": CLIENT_KEY,
            "content": orjson.dumps(content).decode(),
            "log_id": event_id,
        }
        body = orjson.dumps(event)
        signature = sign_delivery(SecretStr(client_secret), body)
        headers = {"content-type": "application/json", "msg-id": event_id, "x-douyin-signature": signature}
        return WebhookDelivery("POST", headers, {}, body)

    # -------------------------------------------------------------------------------------------------- calls

    def _sign(
        self, method: str, path: str, operation: str, piece: str, answer: Callable[[Call], Answer]
    ) -> Endpoint:
        """An endpoint that checks the access token and the merchant, and wraps what it answers or raises."""

        def handle(call: Call) -> Response:
            try:
                self.tokens.check(call.headers.get("access-token", ""), self.clock.now())
                if call.headers.get("rpc-transit-life-account", ACCOUNT_ID) != ACCOUNT_ID:
                    raise PlatformError(2119005)
                data = answer(call)
            except PlatformError as error:
                return self._write_error(error)
            return self._write_envelope(PlatformError(0), data)

        return Endpoint(method, path, operation, piece, handle)

    def _ask(self, name: str) -> Callable[[Call], Answer]:
        return lambda call: getattr(self.books, name)(orjson.loads(call.body))

    def _write_error(self, error: PlatformError) -> Response:
        return self._write_envelope(error, {})

    def _write_envelope(self, error: PlatformError, data: Answer) -> Response:
        words = {"error_code": error.code, "description": WORDS[error.sub_code or error.code]}
        extra = {
            **words,
            "sub_error_code": error.sub_code,
            "sub_description": "",
            "logid": f"sim{self._number}",
        }
        extra["now"] = int(self.clock.now().timestamp())
        return write_json({"data": {**words, **data}, "extra": extra})

    # ---------------------------------------------------------------------------------------- look up, redeem
    def _follow_link(self, call: Call) -> Response:
        order = next((each for each in self.orders if each.short_id == call.path["short_id"]), None)
        if order is None:
            return Response("not found", 404)
        query = f"schema_type=13&object_id={quote(order.object_id, safe='')}&utm_source=scan_share"
        return RedirectResponse(f"{call.address}/share/commerce/coupon/{order.short_id}/?{query}", 302)

    def _prepare(self, call: Call) -> Answer:
        order = self._find_order(call.params.get("code"), call.params.get("encrypted_data"))
        self._check_order(order, call.params.get("poi_id"))
        unused = [each for each in order.certificates if each.status() == 1]
        if not unused:
            raise PlatformError(1212)
        token = f"vt-{self._next():06d}"
        self._preparations[token] = Preparation(order, self.clock.now() + VERIFY_TOKEN_LIFE)
        wires = [write_certificate(each, self.clock.now(), coded=False) for each in unused]
        return {"verify_token": token, "order_id": order.order_id, "certificates": wires}

    def _find_order(self, code: str | None, object_id: str | None) -> Order:
        if bool(code) == bool(object_id):
            raise PlatformError(1502)
        if code:
            order = next((order for order, each in self._pairs() if each.code == code), None)
            if order is None:
                raise PlatformError(1250)
            return order
        order = next((each for each in self.orders if object_id in each.object_ids), None)
        if order is None:
            raise PlatformError(1221)
        if order.object_id != object_id:
            raise PlatformError(45005117)
        return order

    def _check_order(self, order: Order, poi_id: str | None) -> None:
        if order.recipe.blocked:
            raise PlatformError(order.recipe.blocked)
        if poi_id and poi_id != order.recipe.poi_id:
            raise PlatformError(3000002)

    def _verify(self, call: Call) -> Answer:
        body = read_body(call)
        token, codes = body.get("verify_token"), body.get("encrypted_codes")
        if not (token and body.get("poi_id") and isinstance(codes, list) and codes):
            raise PlatformError(2119001)
        preparation = self._preparations.get(token)
        if preparation is None or preparation.expires_at <= self.clock.now():
            raise PlatformError(2100005)  # INFERRED
        if preparation.body == call.body:
            return {"verify_results": [_repeat(result) for result in preparation.results]}
        self._check_verify(preparation.order, codes, body["poi_id"])
        results = [self._use(preparation.order, code, token, body["poi_id"]) for code in codes]
        preparation.body, preparation.results = call.body, results
        if any(result["result"] == 0 for result in results):
            preparation.order.show(self._make_object_id())
        return {"verify_results": results}

    def _check_verify(self, order: Order, codes: list[str], poi_id: str) -> None:
        self._check_order(order, poi_id)
        for code, wanted in Counter(codes).items():
            certificate = order.find(code)
            if certificate is None:
                raise PlatformError(1250)
            left = certificate.recipe.times - len(certificate.living())
            if certificate.recipe.times > 1 and wanted > left:
                raise PlatformError(1241)

    def _use(self, order: Order, encrypted_code: str, token: str, poi_id: str) -> Answer:
        certificate, now = order.find(encrypted_code), self.clock.now()
        assert certificate is not None
        if certificate.status() == 2:
            return write_result(certificate, 1208, order.order_id)
        if certificate.status() != 1 or not certificate.starts_at <= now <= certificate.expires_at:
            return write_result(certificate, 1212, order.order_id)  # INFERRED
        use = Use(f"7551{self._next():015d}", token, poi_id, now)
        certificate.uses.append(use)
        return write_result(certificate, 0, order.order_id, use)

    # ---------------------------------------------------------------------------------------- reverse, status
    def _cancel(self, call: Call) -> Answer:
        body = read_body(call)
        if not (body.get("verify_id") and body.get("certificate_id")):
            raise PlatformError(2119001)
        wanted = (str(body["certificate_id"]), str(body["verify_id"]))
        found = [use for _, each in self._pairs() for use in each.uses if each.names(use) == wanted]
        if not found:
            raise PlatformError(2100005)  # INFERRED
        if found[0].reversed_at is not None:
            raise PlatformError(3000001)  # INFERRED
        if self.clock.now() - found[0].used_at > REVERSAL_WINDOW:
            raise PlatformError(3000001, WINDOW_CLOSED)
        found[0].reversed_at = self.clock.now()
        return {}

    def _get(self, call: Call) -> Answer:
        encrypted_code = call.params.get("encrypted_code")
        if not encrypted_code:
            raise PlatformError(4000001)
        return {"certificate": self._write_found(lambda _, each: each.encrypted_code == encrypted_code)[0]}

    def _query(self, call: Call) -> Answer:
        encrypted_code, order_id = call.params.get("encrypted_code"), call.params.get("order_id")
        if bool(encrypted_code) == bool(order_id):
            raise PlatformError(4000001)
        if encrypted_code:
            found = self._write_found(lambda _, each: each.encrypted_code == encrypted_code)
        else:
            found = self._write_found(lambda order, _: order.order_id == order_id)
        return {"certificates": found}

    def _write_found(self, matches: Callable[[Order, Certificate], bool]) -> list[Answer]:
        found = [
            write_certificate(each, self.clock.now()) for order, each in self._pairs() if matches(order, each)
        ]
        if not found:
            raise PlatformError(1250)
        return found

    def _query_records(self, call: Call) -> Answer:
        lists = {"verify_record": list_records, "ledger": list_shares}
        return lists[call.operation](call.params, [each for _, each in self._pairs()], self.clock.now())

    def _query_shops(self, call: Call) -> Answer:
        if not call.params.get("account_id"):
            raise PlatformError(2119001)
        return {"total": 1, "pois": [write_shop(call.params["account_id"])]}

    # ------------------------------------------------------------------------------------------------ coupons
    def _pairs(self) -> list[tuple[Order, Certificate]]:
        return [(order, each) for order in self.orders for each in order.certificates]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _make_order(self, state: str) -> Order:
        recipe = RECIPES[state]
        order_id, short_id = f"1093{self._next():015d}", f"sim{self._next():04d}"
        certificates = [self._make_certificate(state) for _ in range(recipe.coupons)]
        return Order(order_id, short_id, recipe, certificates, [self._make_object_id()])

    def _make_certificate(self, state: str) -> Certificate:
        recipe, now, number = RECIPES[state], self.clock.now(), self._next()
        earlier = now - timedelta(hours=2)
        uses = [Use(f"7551{self._next():015d}", "", POI_ID, earlier) for _ in range(recipe.used)]
        return Certificate(
            certificate_id=7550 * 10**15 + number,
            encrypted_code=_scramble(f"code{number}"),
            code=f"1046861262{number:05d}",
            recipe=recipe,
            starts_at=now + recipe.starts_in,
            expires_at=now + recipe.expires_in,
            uses=uses,
        )

    def _make_object_id(self) -> str:
        return _scramble(f"object{self._next()}")


def _repeat(result: Answer) -> Answer:
    return {**result, "result": 1208, "msg": "重复核销"} if result["result"] == 0 else result


def _scramble(text: str) -> str:
    # Base64 with "+", "/" and "=", as in the samples: what must be escaped in links and queries.
    return base64.b64encode(b"\xfb\xef\xbe\xff" + hashlib.sha256(text.encode()).digest()).decode()
