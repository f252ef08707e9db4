"""The simulated gateway: one address, signatures both ways, and the coupons behind it.

Alipay publishes no tolerance for the timestamp: the form alone is checked.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.koubei.client import matches_signature, sign_text, write_signed_text
from adapters.koubei.simulator.certificates import CertificateDesk
from adapters.koubei.simulator.keys import make_key, write_private_key, write_public_key
from adapters.koubei.simulator.people import PeopleDesk
from adapters.koubei.simulator.state import (
    AES_KEY,
    APP_AUTH_TOKEN,
    APP_ID,
    CERTIFICATES,
    MESSAGES,
    OTHER_SHOP_ID,
    SHOP_ID,
    TICKETS,
    WORDS,
    Coupon,
    Fields,
    Order,
    PlatformError,
    Recipe,
)
from adapters.koubei.simulator.tickets import ORIGINAL, TicketDesk
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
)
from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    read_china_time,
)
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    LoginSample,
    Sample,
    Simulator,
    SimulatorClock,
    Use,
)

Handle = Callable[[Fields], Fields]


class KoubeiSimulator(Simulator):
    """Alipay for one app and one merchant: tickets, and certificates where tickets cannot be such. `seed()` fills it.

    Subclasses sell other `recipes`: of tickets alone, or of certificates alone.
    """

    external_store_id = SHOP_ID
    other_store_id = OTHER_SHOP_ID
    recipes: ClassVar[Mapping[str, Recipe]] = {
        **TICKETS,
        "times_card": CERTIFICATES["times_card"],
        "two_coupons": CERTIFICATES["two_coupons"],
    }
    states: ClassVar[tuple[str, ...]] = tuple(recipes)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        self.orders: list[Order] = []
        self.people = PeopleDesk(lambda: self.clock.now())
        self._number = 0
        super().__init__(clock)
        self.credentials: Mapping[str, str] = {
            "appId": APP_ID,
            "privateKey": write_private_key(make_key("app")),
            "alipayPublicKey": write_public_key(make_key("alipay").public_key()),
            "appAuthToken": APP_AUTH_TOKEN,
            "aesKey": AES_KEY,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The gateway has one path and names the method in the query: each becomes a path of its own here."""
        if scope["type"] == "http" and scope["path"].endswith(GATEWAY_PATH):
            query = parse_qs(scope["query_string"].decode("latin-1"))
            scope = {**scope, "path": f"{scope['path']}/{query.get('method', ['unknown'])[0]}"}
        await super().__call__(scope, receive, send)

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        # The base class asks for the endpoints once its clock is set.
        tickets = TicketDesk(self.orders, self.clock, self._next)
        certificates = CertificateDesk(self.orders, self.clock, self._next)
        return (
            self._offer(TICKET_QUERY, "look_up", tickets.query),
            self._offer(TICKET_USE, "redeem", tickets.use),
            self._offer(TICKET_CANCEL, "reverse", tickets.cancel),
            self._offer(CERTIFICATE_PREPARE, "look_up", certificates.prepare),
            self._offer(CERTIFICATE_USE, "redeem", certificates.use),
            self._offer(CERTIFICATE_REFUND, "reverse", certificates.refund),
            self._offer(CERTIFICATE_QUERY, "status", certificates.query),
            Endpoint("POST", f"{GATEWAY_PATH}/{LOGIN}", LOGIN, "identify", self._log_in),
            Endpoint("POST", f"{GATEWAY_PATH}/{{method}}", "unknown", "unknown", _refuse_method),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. Only orders of certificates have a QR that says more than the code."""
        order = self._make_order(self.recipes[state])
        self.orders.append(order)
        first, recipe = order.coupons[0], order.recipe
        return Sample(
            state,
            first.code,
            first.reference,
            recipe.description,
            order.encrypted_data if recipe.certificate else None,
            ORIGINAL * recipe.times,
            recipe.times,
            recipe.title,
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.reference, each.code, each.recipe.times, len(each.living()), each.uses)
            for order in self.orders
            for each in order.coupons
        ]

    def make_login(self, subject: str | None = None) -> LoginSample:
        """See `LoginSimulator.make_login`."""
        return self.people.open_program(subject)

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        return write_refusal(call.operation, PlatformError("isv.app-call-limited", "40005"))

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`. Alipay gives out none: an app_auth_token is part of the account."""

    # ------------------------------------------------------------------------------------------------- signing
    def _offer(self, method: str, piece: str, handle: Handle) -> Endpoint:
        """An endpoint that checks who calls, and signs what it answers or raises."""

        def serve(call: Call) -> Response:
            try:
                body = read_body(call)
                check_call(call.params, {"biz_content": body})
                return write_signed(method, {"code": "10000", "msg": "Success", **handle(orjson.loads(body))})
            except PlatformError as error:
                return write_refusal(method, error)

        return Endpoint("POST", f"{GATEWAY_PATH}/{method}", method, piece, serve)

    def _log_in(self, call: Call) -> Response:
        """The one call with a form of its own, whose success has no code and whose refusal has the common name."""
        form = read_form(call)
        try:
            check_call(call.params, form)
            return write_signed(LOGIN, self.people.log_in(form))
        except PlatformError as error:
            return write_refusal("error", error)

    # ------------------------------------------------------------------------------------------------- coupons
    def _next(self) -> int:
        self._number += 1
        return self._number

    def _make_order(self, recipe: Recipe) -> Order:
        order_no = f"2023110111007001{self._next():016d}"
        coupons = [self._make_coupon(recipe) for _ in range(recipe.coupons)]
        return Order(order_no, _scramble(f"order{self._next()}"), recipe, coupons)

    def _make_coupon(self, recipe: Recipe) -> Coupon:
        now, number = self.clock.now(), self._next()
        earlier = now - timedelta(hours=2)
        # Earlier uses of a card, each by a call of its own; nobody's token.
        uses = [Use(f"2023111400{self._next():010d}", "", SHOP_ID, earlier) for _ in range(recipe.used)]
        return Coupon(
            reference=f"20231101000730020000{number:08d}",
            code=f"0165{number:08d}",
            encrypted_code=_scramble(f"code{number}"),
            recipe=recipe,
            starts_at=now + recipe.starts_in,
            expires_at=now + recipe.expires_in,
            uses=uses,
        )


def read_body(call: Call) -> str:
    """The biz_content of a call: JSON, in a form. Raises PlatformError for anything else."""
    content = read_form(call).get("biz_content", "")
    try:
        if isinstance(orjson.loads(content), dict):
            return content
    except orjson.JSONDecodeError:
        pass
    raise PlatformError("isv.invalid-parameter", "40002")


def read_form(call: Call) -> dict[str, str]:
    """The fields of a form, the first of each name."""
    fields = parse_qs(call.body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def check_call(params: Mapping[str, str], form: Mapping[str, str]) -> None:
    """Raises PlatformError for an unknown app, a bad time stamp, a wrong signature or authorisation."""
    if params.get("app_id") != APP_ID:
        raise PlatformError("isv.invalid-app-id", "40002")
    try:
        read_china_time(params.get("timestamp") or "none", "timestamp")
    except ProtocolFailure:
        raise PlatformError("isv.invalid-timestamp", "40002") from None
    text = write_signed_text({**params, **form})
    signed = params.get("sign_type") == "RSA2"
    if not signed or not matches_signature(text, params.get("sign", ""), make_key("app").public_key()):
        raise PlatformError("isv.invalid-signature", "40002")
    if params.get("app_auth_token") != APP_AUTH_TOKEN:
        raise PlatformError("aop.invalid-app-auth-token", "20001")


def write_refusal(method: str, error: PlatformError) -> Response:
    """The answer that this error is. For an unknown app there is no key to sign with."""
    words = {"sub_code": error.sub_code, "sub_msg": WORDS[error.sub_code]}
    fields = {"code": error.code, "msg": MESSAGES[error.code], **words}
    if error.sub_code == "isv.invalid-app-id":
        return Response(orjson.dumps({"error_response": fields}), media_type="application/json")
    return write_signed(method, fields)


def write_signed(method: str, fields: Fields) -> Response:
    """A signed answer, with slashes escaped as the gateway does it: the signature is over the text as it stands."""
    text = orjson.dumps(fields).decode().replace("/", "\\/")
    sign = sign_text(text, make_key("alipay"))
    content = f'{{"{method.replace(".", "_")}_response":{text},"sign":"{sign}"}}'
    return Response(content.encode(), media_type="application/json")


def _refuse_method(call: Call) -> Response:
    return write_refusal(call.path["method"], PlatformError("isv.invalid-method", "40002"))


def _scramble(text: str) -> str:
    # Base64 with "+", "/" and mixed case: what must be escaped in forms.
    return base64.b64encode(b"\xfb\xefA1a" + hashlib.sha256(text.encode()).digest()).decode()
