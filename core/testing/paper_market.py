"""The paper platform's orders, in memory. It answers as a ChannelHttp itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import SecretStr

from core.channels.contract import (
    ChannelAnswer,
    ChannelModel,
    ChannelRequest,
    ChannelSession,
    NoSettings,
    OrderStatus,
    ProtocolFailure,
)
from core.ids import new_id
from core.testing.clock import ManualClock
from core.testing.paper import PaperCredentials
from core.testing.paper_orders import ORDER_STATUSES
from core.testing.paper_platform import ACCESS_TOKEN, OTHER_SECRET, SECRET, answer_json
from core.testing.platforms import OrderFacts, OrderPlatform
from core.testing.sessions import MemoryTokens

PAGE_SIZE = 3
_WORDS = {status: word for word, status in ORDER_STATUSES.items()}


class PaperMarket(OrderPlatform):
    unknown = "paper-order-none"
    cannot_hold: Mapping[str, str] = {
        status.value: "paper knows five states"
        for status in OrderStatus
        if status not in _WORDS and status is not OrderStatus.UNRECOGNISED
    }

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 5, 1, 4, tzinfo=UTC))
        self.orders: dict[str, dict[str, Any]] = {}
        self.done: dict[str, dict[str, Any]] = {}

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
        )

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":98765}'

    def other_credentials(self) -> ChannelModel:
        return PaperCredentials(app_key="paper-key", app_secret=SecretStr(OTHER_SECRET))

    def make_order(self, status: OrderStatus) -> str:
        reference, now = f"paper-order-{len(self.orders):04d}", int(self.clock.now().timestamp())
        lines = [
            {"id": "1", "title": "Tea", "count": 2, "each": 4400},
            {"id": "2", "title": "Cup", "count": 1, "each": 990},
        ]
        self.orders[reference] = {
            "id": reference, "state": _WORDS[status], "placed": now, "changed": now, "off": 401, "carriage": 600,
            "paid": 0 if status is OrderStatus.PENDING_PAYMENT else 9989, "buyer": "Lin Daiyu",
            "phone": f"1380013{len(self.orders):04d}", "lines": lines, "parcels": [], "refunds": [],
        }  # fmt: skip
        return reference

    def change_order(self, reference: str) -> None:
        self.orders[reference]["changed"] = int(self.clock.now().timestamp())

    def read_order(self, reference: str) -> OrderFacts:
        order = self.orders[reference]
        hidden = "*" in order["phone"]
        return OrderFacts(
            ORDER_STATUSES.get(order["state"], OrderStatus.UNRECOGNISED),
            total=9989,
            paid=order["paid"],
            quantity=3,
            phone=None if hidden else f"+86{order['phone']}",
        )

    def hide_phone(self, reference: str) -> None:
        phone = self.orders[reference]["phone"]
        self.orders[reference]["phone"] = f"{phone[:3]}****{phone[-4:]}"

    def confuse_order(self, reference: str) -> None:
        self.orders[reference]["state"] = "lost at sea"

    def list_parcels(self, reference: str) -> Sequence[str]:
        return [parcel["number"] for parcel in self.orders[reference]["parcels"]]

    def request_refund(self, reference: str) -> str:
        now = int(self.clock.now().timestamp())
        self.orders[reference]["refunds"].append({"id": "r1", "amount": 990, "state": "asked", "at": now})
        return "r1"

    def list_decisions(self, reference: str) -> Sequence[bool]:
        return [body["yes"] for body in self.done.values() if body["id"] == reference and "yes" in body]

    # -------------------------------------------------------------------------------------- what it answers
    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        body = orjson.loads(request.content)
        if request.operation == "token":
            good = body == {"key": "paper-key", "secret": SECRET}
            return answer_json(request, {"access_token": ACCESS_TOKEN}, 200 if good else 401)
        if request.headers.get("access-token") != ACCESS_TOKEN:
            return answer_json(request, {"code": 401}, 401)
        answer = {"orders": self.list_page, "order": self.find, "ship": self.ship, "decide": self.decide}
        return answer_json(request, answer[request.operation](body))

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise ProtocolFailure("paper has no links", operation="follow_link")

    def list_page(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """By the time of change, then by id: what changes moves to the end."""
        found = sorted(
            (f"{order['changed']:011d}.{order['id']}", order)
            for order in self.orders.values()
            if body["since"] <= order["changed"] < body["until"]
        )
        rest = [each for each in found if each[0] > (body["cursor"] or "")]
        page, more = rest[:PAGE_SIZE], len(rest) > PAGE_SIZE
        return {"code": 0, "orders": [order for _, order in page], "next": page[-1][0] if more else None}

    def find(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"code": 0, "orders": [self.orders[each] for each in body["ids"] if each in self.orders]}

    def ship(self, body: Mapping[str, Any]) -> dict[str, Any]:
        order = self.orders.get(body["id"])
        if order is None:
            return {"code": 404}
        if body["token"] not in self.done:
            self.done[body["token"]] = dict(body)
            now = int(self.clock.now().timestamp())
            order["parcels"].append({"number": body["number"], "carrier": body["carrier"], "at": now})
            order.update(state="sent", changed=now)
        return {"code": 0, "done": True}

    def decide(self, body: Mapping[str, Any]) -> dict[str, Any]:
        order = self.orders.get(body["id"])
        refund = (
            next((each for each in order["refunds"] if each["id"] == body["refund"]), None) if order else None
        )
        if order is None or refund is None:
            return {"code": 404}
        if body["token"] not in self.done:
            self.done[body["token"]] = dict(body)
            refund["state"] = "yes" if body["yes"] else "no"
            order["changed"] = int(self.clock.now().timestamp())
        return {"code": 0, "done": True}
