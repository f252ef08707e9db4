"""Kiosk as a small stateful application. It checks every signature and remembers every request_id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hmac import compare_digest
from typing import Any, ClassVar

import orjson
from starlette.responses import Response

from channel_kiosk.client import sign_call
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

_APP_SECRET = "kiosk-secret-for-trials"  # noqa: S105  # made up
_CLOCK_WINDOW = 300
_PAGE_SIZE = 20
_UNDO_WINDOW = timedelta(days=1)
_STATES: Mapping[str, str] = {
    "usable": "open",
    "used": "used",
    "expired": "expired",
    "refunded": "refunded",
    "not_yet_valid": "early",
    "wrong_store": "open",
    "times_card": "open",
}
_CODE_BY_STATE: Mapping[str, int] = {"used": 4001, "expired": 4002, "refunded": 4003, "early": 4004}


@dataclass(slots=True)
class Ticket:
    ticket_id: str
    code: str
    state: str
    shop: str
    times: int
    uses: list[Use] = field(default_factory=list)

    @property
    def living(self) -> list[Use]:
        return [use for use in self.uses if use.reversed_at is None]

    @property
    def shown_state(self) -> str:
        if self.state != "open" or not self.living:
            return self.state
        return "used" if len(self.living) >= self.times else "part"


class KioskSimulator(Simulator):
    """Kiosk for one shop chain. `seed()` fills it."""

    credentials: Mapping[str, str] = {"appKey": "kiosk-app", "appSecret": _APP_SECRET}
    external_store_id = "shop-1"
    other_store_id = "shop-2"
    states: ClassVar[tuple[str, ...]] = tuple(_STATES)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        super().__init__(clock)
        self.tickets: list[Ticket] = []

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            self._signed("find", "look_up", self._find),
            self._signed("use", "redeem", self._use),
            self._signed("show", "status", self._show),
            self._signed("undo", "reverse", self._undo),
            self._signed("list", "list_uses", self._list),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        return {"baseUrl": address}

    def make(self, state: str) -> Sample:
        number = len(self.tickets) + 1
        shop = self.other_store_id if state == "wrong_store" else self.external_store_id
        times = 5 if state == "times_card" else 1
        ticket = Ticket(f"ticket-{number:04}", f"KIOSK{number:08}", _STATES[state], shop, times)
        self.tickets.append(ticket)
        return Sample(
            state, ticket.code, ticket.ticket_id, f"a ticket: {state}", None, 9900, times, "Two coffees"
        )

    def consumptions(self) -> Sequence[Consumption]:
        return [
            Consumption(each.ticket_id, each.code, each.times, len(each.living), each.uses)
            for each in self.tickets
        ]

    def refuse_rate(self, call: Call) -> Response:
        return _answer(4290, "too many calls")

    def expire_tokens(self) -> None:
        """Kiosk has no access tokens."""

    # -------------------------------------------------------------------------------------------------- calls
    def _signed(self, operation: str, piece: str, handle: Callable[[dict[str, Any]], Response]) -> Endpoint:
        path = f"/v1/tickets/{operation}"

        def check(call: Call) -> Response:
            if not self._is_authentic(call, path):
                return _answer(4010, "bad signature")
            return handle(orjson.loads(call.body))

        return Endpoint("POST", path, operation, piece, check)

    def _is_authentic(self, call: Call, path: str) -> bool:
        sent = call.headers.get("x-kiosk-time", "")
        if not sent.isdecimal() or abs(self.clock.now().timestamp() - int(sent)) > _CLOCK_WINDOW:
            return False
        expected = sign_call(_APP_SECRET, sent, path, call.body)
        return compare_digest(expected, call.headers.get("x-kiosk-sign", ""))

    def _find(self, body: dict[str, Any]) -> Response:
        ticket = next((each for each in self.tickets if each.code == body["code"]), None)
        if ticket is None:
            return _answer(4040, "no such ticket")
        refusal = self._refuse(ticket, body["shop"], 1)
        return refusal or _answer(0, "ok", {"ticket": self._write(ticket)})

    def _use(self, body: dict[str, Any]) -> Response:
        ticket = self._get(body["ticket_id"])
        before = [use for use in ticket.uses if use.token == body["request_id"]]
        if not before:
            refusal = self._refuse(ticket, body["shop"], body["times"])
            if refusal is not None:
                return refusal
            before = [self._make_use(ticket, body) for _ in range(body["times"])]
        return _answer(0, "ok", {"uses": [_write_use(use) for use in before]})

    def _make_use(self, ticket: Ticket, body: dict[str, Any]) -> Use:
        use = Use(
            f"{ticket.ticket_id}-use-{len(ticket.uses) + 1}",
            body["request_id"],
            body["shop"],
            self.clock.now(),
        )
        ticket.uses.append(use)
        return use

    def _show(self, body: dict[str, Any]) -> Response:
        return _answer(0, "ok", {"ticket": self._write(self._get(body["ticket_id"]))})

    def _undo(self, body: dict[str, Any]) -> Response:
        uses = [use for use in self._get(body["ticket_id"]).living if use.receipt in body["use_ids"]]
        if not uses:
            return _answer(4007, "nothing to take back")
        if any(self.clock.now() - use.used_at > _UNDO_WINDOW for use in uses):
            return _answer(4008, "too late")
        for use in uses:
            use.reversed_at = self.clock.now()
        return _answer(0, "ok")

    def _list(self, body: dict[str, Any]) -> Response:
        """The uses of a shop by time, a page at a time. `after` names the last use of the page before."""
        records = sorted(
            (_place(use), _write_record(ticket, use))
            for ticket in self.tickets
            for use in ticket.uses
            if use.store == body["shop"] and body["from"] <= int(use.used_at.timestamp()) < body["to"]
        )
        rest = [(place, record) for place, record in records if place > body["after"]]
        following = rest[_PAGE_SIZE - 1][0] if len(rest) > _PAGE_SIZE else ""
        return _answer(0, "ok", {"uses": [record for _, record in rest[:_PAGE_SIZE]], "next": following})

    def _refuse(self, ticket: Ticket, shop: str, times: int) -> Response | None:
        if ticket.state in _CODE_BY_STATE:
            return _answer(_CODE_BY_STATE[ticket.state], ticket.state)
        if len(ticket.living) + times > ticket.times:
            return _answer(4001 if ticket.times == 1 else 4006, "used up")
        return _answer(4005, "another shop's") if shop != ticket.shop else None

    def _get(self, ticket_id: str) -> Ticket:
        return next(each for each in self.tickets if each.ticket_id == ticket_id)

    def _write(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "ticket_id": ticket.ticket_id,
            "name": "Two coffees",
            "state": ticket.shown_state,
            "price": "99.00",
            "paid": "88.50",
            "valid_to": int((self.clock.now() + timedelta(days=30)).timestamp()),
            "times": ticket.times,
            "times_left": ticket.times - len(ticket.living),
            "uses": [_write_use(use) for use in ticket.living],
        }


def app(clock: SimulatorClock | None = None) -> KioskSimulator:
    """A platform of its own, empty until it is seeded."""
    return KioskSimulator(clock)


def _write_use(use: Use) -> dict[str, Any]:
    return {"use_id": use.receipt, "used_at": int(use.used_at.timestamp()), "request_id": use.token}


def _place(use: Use) -> str:
    return f"{int(use.used_at.timestamp()):012} {use.receipt}"


def _write_record(ticket: Ticket, use: Use) -> dict[str, Any]:
    return {
        "use_id": use.receipt,
        "ticket_id": ticket.ticket_id,
        "used_at": int(use.used_at.timestamp()),
        "paid": "88.50",
        "undone": use.reversed_at is not None,
    }


def _answer(code: int, message: str, data: Mapping[str, Any] | None = None) -> Response:
    return write_json({"code": code, "message": message, "data": data or {}})
