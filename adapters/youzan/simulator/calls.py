"""The simulated platform's calls, with the documented errors. Whatever goes wrong, the HTTP status is 200."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, ClassVar

import orjson
from pydantic import SecretStr
from starlette.responses import Response

from adapters.youzan.simulator.bookings import BEAUTY_TOKEN, BookingDesk
from adapters.youzan.simulator.state import (
    CHINA,
    CLIENT_ID,
    CLIENT_SECRET,
    COUPON_SPENT,
    GRANT_ID,
    MISSING_CODE,
    MISSING_COUPON,
    MISSING_ORDER,
    MISSING_TICKETS,
    NO_TICKET,
    NO_TICKETS,
    OFFLINE_ID,
    ORDER_CLOSED,
    ORDER_USED,
    OTHER_OFFLINE_ID,
    RECIPES,
    TICKET_SPENT,
    WORDS,
    BusinessError,
    GatewayError,
    Piece,
    Recipe,
    TokenDesk,
    Voucher,
    write_time,
)
from adapters.youzan.simulator.write import FACE_VALUES, TITLES, write_code, write_coupon, write_tickets
from adapters.youzan.tables import (
    GET_API,
    USE_ALL_TICKETS,
    USE_CODE,
    USE_COUPON,
    USE_TICKET,
    VERSION,
    Kind,
)
from adapters.youzan.webhook import sign_delivery
from core.channels.contract import BookingStatus, WebhookDelivery
from core.money import parse_yuan
from core.testing.platforms import BookingFacts
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    RunningClock,
    Sample,
    Simulator,
    SimulatorClock,
    Use,
    write_json,
)

Answer = dict[str, Any]
_BOOKING_CALLS: Mapping[str, str] = {
    "get": "booking",
    "list": "bookings",
    "create": "tell",
    "update": "tell",
    "cancel": "tell",
}
_JSON = "application/json"


class YouzanSimulator(Simulator):
    """Youzan for one app and one shop. `seed()` fills it.

    `kinds` are the kinds of code that "usable" and "used" make in turn.
    """

    credentials: Mapping[str, str] = {
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "grantId": GRANT_ID,
        "beautyToken": BEAUTY_TOKEN,
    }
    external_store_id = OFFLINE_ID
    other_store_id = OTHER_OFFLINE_ID
    states: ClassVar[tuple[str, ...]] = tuple(RECIPES)

    def __init__(self, clock: SimulatorClock | None = None, kinds: Sequence[Kind] = tuple(Kind)) -> None:
        clock = clock or RunningClock()
        self.books = BookingDesk(clock)
        super().__init__(clock)
        self.tokens = TokenDesk()
        self.vouchers: list[Voucher] = []
        self._turns = {state: cycle(kinds) for state in RECIPES}
        self._numbers: Counter[str] = Counter()

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`. The last one is every interface that there is not."""
        return (
            Endpoint("POST", "/auth/token", "token", "token", self._give_token),
            self._guard(GET_API[Kind.TICKET], "look_up", self._get_tickets),
            self._guard(GET_API[Kind.CODE], "look_up", self._get_code),
            self._guard(GET_API[Kind.COUPON], "look_up", self._get_coupon),
            self._guard(USE_ALL_TICKETS, "redeem", self._use_all_tickets),
            self._guard(USE_TICKET, "redeem", self._use_ticket),
            self._guard(USE_CODE, "redeem", self._use_code),
            self._guard(USE_COUPON, "redeem", self._use_coupon),
            *(self._guard_booking(name, piece) for name, piece in _BOOKING_CALLS.items()),
            Endpoint("POST", "/api/{api}/{version}", "unknown", "unknown", lambda _: _write_gateway(4005)),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. The QR of tickets shows the code itself, so there is no link."""
        recipe = RECIPES[state]
        voucher = self._make_voucher(recipe.kind or next(self._turns[state]), recipe)
        self.vouchers.append(voucher)
        return Sample(
            state,
            voucher.code,
            voucher.pieces[0].reference,
            recipe.description,
            face_value=parse_yuan(FACE_VALUES[voucher.kind]),
            title=TITLES[voucher.kind],
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(piece.reference, voucher.code, 1, len(piece.living()), piece.uses)
            for voucher in self.vouchers
            for piece in voucher.pieces
        ]

    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        """See `BookingSimulator`."""
        return self.books.make(status, start)

    def cancel_booking(self, reference: str) -> None:
        """See `BookingSimulator`."""
        self.books.bookings[reference].status = 98

    def read_booking(self, reference: str) -> BookingFacts:
        """See `BookingSimulator`."""
        return self.books.read(reference)

    def count_bookings(self) -> int:
        """See `BookingSimulator`."""
        return len(self.books.bookings)

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        return _write_gateway(4101)

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`."""
        self.tokens.expire(self.clock.now())

    def make_delivery(
        self,
        type_: str,
        message: Mapping[str, Any],
        *,
        event_id: str,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
    ) -> WebhookDelivery:
        """A signed push of this type, whose `msg` is `message`."""
        push = {
            "client_id": client_id,
            "kdt_id": int(GRANT_ID),
            "id": str(message.get("id") or message.get("tid")),
            "type": type_,
            "status": message.get("status"),
            "msg": orjson.dumps(message).decode(),
            "msg_id": event_id,
            "version": int(self.clock.now().timestamp()),
            "sendCount": 0,
            "test": False,
        }
        body = orjson.dumps(push)
        signature = sign_delivery(client_id, SecretStr(client_secret), body)
        headers = {
            "content-type": _JSON,
            "event-sign": signature,
            "event-type": type_,
            "client-id": client_id,
        }
        return WebhookDelivery("POST", headers, {}, body)

    def tell_use(self, number: str, **options: Any) -> WebhookDelivery:
        """A push that the coupon with this id was used."""
        now = write_time(self.clock.now())
        message = {
            "id": number,
            "type": "COUPON_CUSTOMER_PROMOTION",
            "status": "CARD_CONSUME",
            "event_time": now,
            "mobile": "13800000000",
            "verify_code": "ZAN0000000000001",
        }
        return self.make_delivery("COUPON_CUSTOMER_PROMOTION", message, **options)

    # ------------------------------------------------------------------------------------------------ the gate
    def _give_token(self, call: Call) -> Response:
        form = _read_json(call.body)
        if not _is_json(call) or form is None:
            return _write_v4(1000, "Content type not supported")
        if form.get("client_id") != CLIENT_ID or str(form.get("grant_id")) != GRANT_ID:
            return _write_v4(1103, WORDS[1103])
        if form.get("client_secret") != CLIENT_SECRET or form.get("authorize_type") != "silent":
            return _write_v4(1000, WORDS[1000])
        token, ends = self.tokens.issue(self.clock.now(), refresh=form.get("refresh") is True)
        data = {
            "access_token": token,
            "expires": int(ends.timestamp() * 1000),
            "scope": "trade coupon",
            "authority_id": GRANT_ID,
        }
        return write_json({"success": True, "code": 200, "message": None, "data": data})

    def _guard(
        self,
        api: str,
        piece: str,
        answer: Callable[[Mapping[str, Any]], Any],
        read: Callable[[Call], Mapping[str, Any]] | None = None,
    ) -> Endpoint:
        """An endpoint that checks type and token, and wraps what it answers or raises."""

        def handle(call: Call) -> Response:
            try:
                if not _is_json(call):
                    raise GatewayError(4007)
                self.tokens.check(call.params.get("access_token"), self.clock.now())
                return write_json({"response": answer((read or _read_parameters)(call))})
            except GatewayError as error:
                return _write_gateway(error.code)
            except BusinessError as error:
                return write_json({"error_response": {"code": error.code, "msg": error.words}})

        return Endpoint("POST", f"/api/{api}/{VERSION}", api, piece, handle)

    def _guard_booking(self, name: str, piece: str) -> Endpoint:
        """The same, which wants the beauty token as well; parameters may be of any type."""
        api = f"youzan.mei.reservation.{name}"

        def answer(given: Mapping[str, Any]) -> Any:
            if given.get("m_token") != BEAUTY_TOKEN:
                raise GatewayError(4204)
            return getattr(self.books, name)(given)

        return self._guard(api, piece, answer, _read_anything)

    # ------------------------------------------------------------------------------------------------ look up
    def _get_tickets(self, given: Mapping[str, str]) -> Answer:
        return write_tickets(self._find(Kind.TICKET, given, MISSING_TICKETS), self.clock.now())

    def _get_code(self, given: Mapping[str, str]) -> Answer:
        return write_code(self._find(Kind.CODE, given, MISSING_CODE), self.clock.now())

    def _get_coupon(self, given: Mapping[str, str]) -> Answer:
        return write_coupon(self._find(Kind.COUPON, given, MISSING_COUPON), self.clock.now())

    def _find(self, kind: Kind, given: Mapping[str, str], missing: tuple[int, str]) -> Voucher:
        same = (each for each in self.vouchers if (each.kind, each.code) == (kind, given.get("code")))
        voucher = next(same, None)
        if voucher is None:
            raise BusinessError(missing)
        return voucher

    # ------------------------------------------------------------------------------------------------- redeem
    def _use_all_tickets(self, given: Mapping[str, str]) -> Answer:
        # INFERRED: all or nothing.
        voucher = self._find(Kind.TICKET, given, NO_TICKETS)
        self._check_unused(voucher, voucher.pieces, TICKET_SPENT)
        for piece in voucher.pieces:
            self._use(piece)
        return {"code": 1, "successful": True, "msg": "successful"}

    def _use_ticket(self, given: Mapping[str, str]) -> Answer:
        for voucher in self.vouchers:
            for piece in voucher.pieces:
                if voucher.kind is Kind.TICKET and piece.number == given.get("ticket_code"):
                    self._check_unused(voucher, [piece], TICKET_SPENT)
                    return self._use(piece)
        raise BusinessError(NO_TICKET)

    def _use_code(self, given: Mapping[str, str]) -> Answer:
        voucher = self._find(Kind.CODE, given, MISSING_ORDER)
        if voucher.pieces[0].living():
            raise BusinessError(ORDER_USED)
        self._check_unused(voucher, voucher.pieces, ORDER_CLOSED)
        return self._use(voucher.pieces[0])

    def _use_coupon(self, given: Mapping[str, str]) -> Answer:
        voucher = self._find(Kind.COUPON, given, MISSING_COUPON)
        self._check_unused(voucher, voucher.pieces, COUPON_SPENT)
        return self._use(voucher.pieces[0])

    def _check_unused(self, voucher: Voucher, pieces: Sequence[Piece], spent: tuple[int, str]) -> None:
        if any(piece.living() for piece in pieces) or not voucher.is_open(self.clock.now()):
            raise BusinessError(spent)

    def _use(self, piece: Piece) -> Answer:
        now = self.clock.now()
        piece.uses.append(Use(self._number_use(now), "", "", now))
        return {"is_success": True}

    # ------------------------------------------------------------------------------------------------- making
    def _make_voucher(self, kind: Kind, recipe: Recipe) -> Voucher:
        now = self.clock.now()
        stamp = f"{now.astimezone(CHINA):%Y%m%d%H%M%S}"
        tid = f"E{stamp}{self._next('order'):09d}"
        pieces = [self._make_piece(kind, tid) for _ in range(recipe.tickets)]
        if recipe.used:
            earlier = now - timedelta(hours=2)
            pieces[0].uses.append(Use(self._number_use(earlier), "", "", earlier))
        codes = {Kind.TICKET: f"{stamp}{self._next('qr'):06d}", Kind.CODE: tid}
        code = codes.get(kind) or f"4932{self._next('coupon'):08d}"
        return Voucher(kind, code, tid, recipe, now, pieces)

    def _make_piece(self, kind: Kind, tid: str) -> Piece:
        if kind is Kind.TICKET:
            number = f"2766{self._next('ticket'):08d}"
            return Piece(f"ticket-{number}", number)
        if kind is Kind.CODE:
            return Piece(tid, tid)
        number = str(10600000 + self._next("promocard"))
        return Piece(number, number)

    def _number_use(self, now: datetime) -> str:
        return f"M{now.astimezone(CHINA):%Y%m%d%H%M%S}{self._next('use'):05d}"

    def _next(self, name: str) -> int:
        self._numbers[name] += 1
        return self._numbers[name]


def _is_json(call: Call) -> bool:
    return call.headers.get("content-type", "").partition(";")[0].strip() == _JSON


def _read_json(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _read_parameters(call: Call) -> dict[str, str]:
    given = _read_json(call.body)
    if given is None:
        raise GatewayError(4004)
    if not all(isinstance(value, str) for value in given.values()):
        raise GatewayError(5001)
    return given


def _read_anything(call: Call) -> dict[str, Any]:
    given = _read_json(call.body)
    if given is None:
        raise GatewayError(4004)
    return given


def _write_gateway(code: int) -> Response:
    error = {"trace_id": "yz7-simulated-0000000001", "err_msg": WORDS[code], "err_code": code}
    return write_json({"gw_err_resp": error})


def _write_v4(code: int, message: str) -> Response:
    return write_json({"success": False, "code": code, "message": message, "data": None})
