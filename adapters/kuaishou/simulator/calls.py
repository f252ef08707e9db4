"""The simulated platform's calls, with its memory of verify_tokens.

No page of the platform could be read, so codes and words of its errors are INFERRED from Douyin Life, as in tables.py.
It is strict where the truth is not known: a refresh token that was used once is refused from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from starlette.responses import Response

from adapters.kuaishou.simulator.state import (
    APP_ID,
    APP_SECRET,
    BAD_REQUEST,
    NOT_ENOUGH,
    ORIGINAL,
    OTHER_POI_ID,
    POI_ID,
    RECIPES,
    REFRESH_TOKEN,
    REVERSED_ALREADY,
    SIGN_SECRET,
    TOO_FAST,
    UNKNOWN,
    VERIFY_TOKEN_LIFE,
    WRONG_STORE,
    Answer,
    Certificate,
    Order,
    PlatformError,
    Preparation,
    Recipe,
    TokenDesk,
    write_certificate,
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

_CERTIFICATE = "/goodlife/v1/fulfilment/certificate"


class KuaishouSimulator(Simulator):
    """Kuaishou local life for one app and one merchant. `seed()` fills it."""

    credentials: Mapping[str, str] = {
        "appId": APP_ID,
        "appSecret": APP_SECRET,
        "refreshToken": REFRESH_TOKEN,
        "signSecret": SIGN_SECRET,
    }
    external_store_id = POI_ID
    other_store_id = OTHER_POI_ID
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        super().__init__(clock)
        self.tokens = TokenDesk()
        self.orders: list[Order] = []
        self._preparations: dict[str, Preparation] = {}
        self._number = 0

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        return (
            Endpoint("GET", "/oauth2/refresh_token", "token", "token", self._refresh),
            self._guard("GET", "prepare", "look_up", self._prepare),
            self._guard("POST", "verify", "redeem", self._verify),
            self._guard("POST", "cancel", "reverse", self._cancel),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. The link is never fetched, so it need not lead here."""
        order = self._make_order(RECIPES[state])
        self.orders.append(order)
        recipe, first = order.recipe, order.certificates[0]
        value = ORIGINAL * recipe.times
        return Sample(
            state,
            first.code,
            first.certificate_id,
            recipe.description,
            order.link,
            value,
            recipe.times,
            recipe.title,
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.certificate_id, each.code, each.recipe.times, len(each.living()), each.uses)
            for _, each in self._pairs()
        ]

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        code, words = TOO_FAST
        if call.operation == "token":
            return write_json({"result": code, "error_msg": words})
        return self._write_envelope(code, words, {})

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`."""
        self.tokens.expire(self.clock.now())

    # ------------------------------------------------------------------------------------------------- answers
    def _refresh(self, call: Call) -> Response:
        given = call.params
        if given.get("app_id") != APP_ID:
            return write_json({"result": 100200100, "error_msg": "invalid app_id"})
        if given.get("app_secret") != APP_SECRET:
            return write_json({"result": 100200100, "error_msg": "invalid app_secret"})
        known = given.get("grant_type") == "refresh_token"
        answer = self.tokens.refresh(given.get("refresh_token", ""), self.clock.now()) if known else None
        return write_json(answer or {"result": 100200101, "error_msg": "invalid refresh_token"})

    def _guard(self, method: str, operation: str, piece: str, answer: Callable[[Call], Answer]) -> Endpoint:
        """An endpoint that checks the access token, and wraps what it answers or raises."""

        def handle(call: Call) -> Response:
            try:
                self.tokens.check(call.headers.get("access-token", ""), self.clock.now())
                data = answer(call)
            except PlatformError as error:
                return self._write_envelope(error.code, error.words, {})
            return self._write_envelope(0, "success", data)

        return Endpoint(method, f"{_CERTIFICATE}/{operation}", operation, piece, handle)

    def _write_envelope(self, code: int, words: str, data: Answer) -> Response:
        shared = {"error_code": code, "description": words}
        more = {"sub_error_code": 0, "sub_description": "", "logid": f"sim{self._number}"}
        extra = {**shared, **more, "now": int(self.clock.now().timestamp())}
        return write_json({"result": 1, "data": {**shared, **data}, "extra": extra})

    # ---------------------------------------------------------------------------------------- look up, redeem
    def _prepare(self, call: Call) -> Answer:
        order = self._find_order(call.params.get("code"), call.params.get("encrypted_data"))
        if order.recipe.blocked:
            raise PlatformError(*order.recipe.blocked)
        token, now = f"ksvt-{self._next():06d}", self.clock.now()
        self._preparations[token] = Preparation(order, now + VERIFY_TOKEN_LIFE)
        listed = [write_certificate(each) for each in order.certificates if each.is_listed(now)]
        return {"verify_token": token, "order_id": order.order_id, "certificates": listed}

    def _find_order(self, code: str | None, link: str | None) -> Order:
        if bool(code) == bool(link):
            raise PlatformError(*BAD_REQUEST)
        for order in self.orders:
            if link == order.link or code in [each.code for each in order.certificates]:
                return order
        raise PlatformError(*UNKNOWN)

    def _verify(self, call: Call) -> Answer:
        body = _read_body(call)
        codes, poi_id = body.get("encrypted_codes"), body.get("poi_id")
        preparation = self._preparations.get(str(body.get("verify_token")))
        if not (preparation and poi_id and isinstance(codes, list) and codes):
            raise PlatformError(*BAD_REQUEST)
        order = preparation.order
        if preparation.expires_at <= self.clock.now() or body.get("order_id") != order.order_id:
            raise PlatformError(*BAD_REQUEST)
        if preparation.body != call.body:
            self._check_verify(order, codes, poi_id)
            preparation.results = [self._use(order, code, body["verify_token"], poi_id) for code in codes]
            preparation.body = call.body
        return {"verify_results": preparation.results}

    def _check_verify(self, order: Order, codes: list[str], poi_id: str) -> None:
        if order.recipe.blocked:
            raise PlatformError(*order.recipe.blocked)
        if poi_id != order.recipe.poi_id:
            raise PlatformError(*WRONG_STORE)
        for code, wanted in Counter(codes).items():
            certificate = order.find(code)
            if certificate is None:
                raise PlatformError(*UNKNOWN)
            left = certificate.recipe.times - len(certificate.living())
            if certificate.recipe.times > 1 and wanted > left:
                raise PlatformError(*NOT_ENOUGH)

    def _use(self, order: Order, encrypted_code: str, token: str, poi_id: str) -> Answer:
        certificate, now = order.find(encrypted_code), self.clock.now()
        assert certificate is not None
        obstacle = certificate.find_obstacle(now)
        row = {
            "code": encrypted_code,
            "certificate_id": certificate.certificate_id,
            "order_id": order.order_id,
        }
        if obstacle:
            return {**row, "result": 1, "msg": obstacle, "verify_id": ""}
        use = Use(f"70{self._next():013d}", token, poi_id, now)
        certificate.uses.append(use)
        return {**row, "result": 0, "msg": "success", "verify_id": use.receipt}

    def _cancel(self, call: Call) -> Answer:
        body = _read_body(call)
        wanted = (body.get("certificate_id"), body.get("verify_id"))
        found = [
            use
            for _, each in self._pairs()
            for use in each.uses
            if (each.certificate_id, use.receipt) == wanted
        ]
        if not found:
            raise PlatformError(*BAD_REQUEST)
        if found[0].reversed_at is not None:
            raise PlatformError(*REVERSED_ALREADY)
        found[0].reversed_at = self.clock.now()
        return {}

    # ------------------------------------------------------------------------------------------------ coupons
    def _pairs(self) -> list[tuple[Order, Certificate]]:
        return [(order, each) for order in self.orders for each in order.certificates]

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _make_order(self, recipe: Recipe) -> Order:
        order_id, link = f"24{self._next():013d}", f"https://v.kuaishou.com/sim{self._next():04d}"
        return Order(order_id, link, recipe, [self._make_certificate(recipe) for _ in range(recipe.coupons)])

    def _make_certificate(self, recipe: Recipe) -> Certificate:
        now, number = self.clock.now(), self._next()
        uses = [
            Use(f"70{self._next():013d}", "", POI_ID, now - timedelta(hours=2)) for _ in range(recipe.used)
        ]
        return Certificate(
            certificate_id=f"50{number:013d}",
            encrypted_code=f"KSENC+/{number:06d}==",
            code=f"8802604{number:05d}",
            recipe=recipe,
            starts_at=now + recipe.starts_in,
            expires_at=now + recipe.expires_in,
            uses=uses,
        )


def _read_body(call: Call) -> dict[str, Any]:
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise PlatformError(*BAD_REQUEST) from None
    if not isinstance(body, dict):
        raise PlatformError(*BAD_REQUEST)
    return body
