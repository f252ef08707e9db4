"""The paper platform's bookings, in memory. It answers as a ChannelHttp itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
from pydantic import SecretStr

from core.channels.contract import (
    BookingStatus,
    ChannelAnswer,
    ChannelModel,
    ChannelRequest,
    ChannelSession,
    NoSettings,
    ProtocolFailure,
)
from core.ids import new_id
from core.testing.clock import ManualClock
from core.testing.paper import PaperCredentials, parse_time
from core.testing.paper_platform import OTHER_SECRET, SECRET, SHOP, answer_json
from core.testing.paper_reservations import SETTLED, STATUSES, UNKNOWN_BOOKING, WORDS
from core.testing.platforms import BookingFacts, BookingPlatform
from core.testing.sessions import MemoryTokens

PHONE, NAME = "+8613700137000", "Zhou"
PAGE_SIZE = 3
_OPEN = frozenset({"asked", "agreed"})


@dataclass
class PaperBooking:
    id: str
    shop: str
    state: str
    begins: int
    changed: int
    people: int = 2
    what: str = "cut"
    who: str = NAME
    phone: str = PHONE
    token: str | None = None


class PaperBookings(BookingPlatform):
    service = "cut"
    unknown = "paper-booking-999999"

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 5, 1, 4, tzinfo=UTC))
        self.bookings: dict[str, PaperBooking] = {}
        self._numbers = count(1)

    # -------------------------------------------------------------------------------- what the kit asks for
    def open_session(self) -> ChannelSession[Any, Any]:
        return ChannelSession(
            tenant_id=new_id(),
            account_id=new_id(),
            credentials=PaperCredentials(app_key="paper-key", app_secret=SecretStr(SECRET)),
            settings=NoSettings(),
            http=self,
            tokens=MemoryTokens(),
            clock=self.clock,
            external_store_id=SHOP,
        )

    def open_other_session(self) -> ChannelSession[Any, Any]:
        return replace(self.open_session(), external_store_id="shop-2")

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":98765,"id":"paper-booking-000001"}'

    def other_credentials(self) -> ChannelModel:
        return PaperCredentials(app_key="paper-key", app_secret=SecretStr(OTHER_SECRET))

    def make_booking(self, status: BookingStatus, start: datetime) -> str:
        reference = self._next()
        now = int(self.clock.now().timestamp())
        self.bookings[reference] = PaperBooking(reference, SHOP, WORDS[status], int(start.timestamp()), now)
        return reference

    def cancel_booking(self, reference: str) -> None:
        self._set(reference, "off")

    def read_booking(self, reference: str) -> BookingFacts:
        each = self.bookings[reference]
        return BookingFacts(
            STATUSES[each.state],
            parse_time(each.begins),
            each.people,
            each.what,
            each.phone,
            each.who,
            each.token,
        )

    def count_bookings(self) -> int:
        return len(self.bookings)

    # -------------------------------------------------------------------------------------- what it answers
    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        body = orjson.loads(request.content)
        if request.operation == "token":
            good = body == {"key": "paper-key", "secret": SECRET}
            return answer_json(request, {"access_token": "paper-token-0001"}, 200 if good else 401)
        return answer_json(request, getattr(self, f"answer_{request.operation}")(body))

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise ProtocolFailure("paper has no links", operation="follow_link")

    def answer_booking(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self.bookings.get(body["id"])
        return {"code": 0, "booking": write_booking(found)} if found else {"code": UNKNOWN_BOOKING}

    def answer_bookings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            each
            for each in self.bookings.values()
            if each.shop == body["shop"] and body["since"] <= each.begins < body["until"]
        ]
        at = int(body["cursor"] or 0)
        following = str(at + PAGE_SIZE) if at + PAGE_SIZE < len(found) else None
        shown = [write_booking(each) for each in found[at : at + PAGE_SIZE]]
        return {"code": 0, "bookings": shown, "next": following}

    def answer_decide(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._change(body, frozenset({"asked"}))

    def answer_report(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._change(body, _OPEN | {"here"})

    def answer_place(self, body: Mapping[str, Any]) -> dict[str, Any]:
        known = next((each for each in self.bookings.values() if each.token == body["token"]), None)
        if known is not None:
            return {"code": 0, "id": known.id}
        reference = self._next()
        self.bookings[reference] = PaperBooking(
            reference, body["shop"], "agreed", body["begins"], int(self.clock.now().timestamp()),
            body["people"], body["what"], body["who"], body["phone"], body["token"],
        )  # fmt: skip
        return {"code": 0, "id": reference}

    def answer_move(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self.bookings.get(body["id"])
        if found is None:
            return {"code": UNKNOWN_BOOKING}
        found.begins = body["begins"]
        return {"code": 0, "id": found.id}

    def _change(self, body: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
        found = self.bookings.get(body["id"])
        if found is None:
            return {"code": UNKNOWN_BOOKING}
        if found.state == body["state"]:
            return {"code": SETTLED}
        if found.state not in allowed:
            return {"code": 409}
        self._set(found.id, body["state"])
        return {"code": 0, "id": found.id}

    def _set(self, reference: str, word: str) -> None:
        self.bookings[reference].state = word
        self.bookings[reference].changed = int(self.clock.now().timestamp())

    def _next(self) -> str:
        return f"paper-booking-{next(self._numbers):06d}"


def write_booking(booking: PaperBooking) -> dict[str, Any]:
    return {
        "id": booking.id,
        "state": booking.state,
        "begins": booking.begins,
        "changed": booking.changed,
        "people": booking.people,
        "what": booking.what,
        "who": booking.who,
        "phone": booking.phone,
        "token": booking.token,
    }
