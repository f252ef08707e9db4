"""The paper platform: what the paper channel talks to, in memory. It answers as a ChannelHttp itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import orjson
from pydantic import SecretStr

from core.channels.contract import (
    ChannelAnswer,
    ChannelModel,
    ChannelRequest,
    ChannelSession,
    NoSettings,
    ProtocolFailure,
    WebhookDelivery,
)
from core.ids import new_id
from core.testing.clock import ManualClock
from core.testing.paper import DELIVERY_WINDOW, UNKNOWN_CODE, PaperCredentials, sign_body
from core.testing.platforms import CouponFacts, CouponPlatform, Uses
from core.testing.sessions import MemoryTokens

SECRET = "paper-secret-8d1f"  # noqa: S105  # made up, known to nobody but this file
OTHER_SECRET = "another-secret-77"  # noqa: S105
ACCESS_TOKEN = "paper-token-55aa"  # noqa: S105
SHOP = "shop-1"
PAGE_SIZE = 2
FEE = 300
REVERSAL_WINDOW = timedelta(hours=1)
BLOCKED: Mapping[str, int] = {"expired": 2, "refunded": 3, "not_yet_valid": 4, "wrong_store": 5}


@dataclass
class PaperUse:
    receipt: str
    token: str
    at: datetime
    shop: str
    living: bool = True


@dataclass
class PaperCoupon:
    id: str
    code: str
    state: str
    total: int = 1
    uses: list[PaperUse] = field(default_factory=list)

    @property
    def living(self) -> list[PaperUse]:
        return [use for use in self.uses if use.living]

    @property
    def left(self) -> int:
        return 0 if self.state == "used" else self.total - len(self.living)


class PaperPlatform(CouponPlatform):
    samples: Mapping[str, str] = {
        "usable": "PAPER0000001",
        "used": "PAPER0000002",
        "expired": "PAPER0000003",
        "refunded": "PAPER0000004",
        "not_yet_valid": "PAPER0000005",
        "wrong_store": "PAPER0000006",
        "times_card": "PAPER0000007",
        "two_coupons": "PAPER0000008",
    }
    unknown_code = "PAPER9999999"
    delivery_window: ClassVar[timedelta | None] = DELIVERY_WINDOW

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 5, 1, 4, tzinfo=UTC))
        self.facts = CouponFacts(10000, 8800, self.clock.now() + timedelta(days=30))
        self.coupons: list[PaperCoupon] = []
        self._answers: dict[str, Any] = {}
        self._prepared = 0
        for number, (state, code) in enumerate(self.samples.items()):
            copies = 2 if state == "two_coupons" else 1
            self.coupons += [
                PaperCoupon(f"certificate-{number}{copy}", code, state, 5 if state == "times_card" else 1)
                for copy in range(copies)
            ]

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

    async def count_uses(self, state: str) -> Uses:
        coupons = [coupon for coupon in self.coupons if coupon.state == state]
        return Uses(sum(len(each.uses) for each in coupons), sum(len(each.living) for each in coupons))

    async def make_codes(self, count: int) -> list[str]:
        number = len(self.coupons)
        made = [
            PaperCoupon(f"certificate-{number + each}-new", f"PAPER1{number + each:06}", "usable new")
            for each in range(count)
        ]
        self.coupons += made
        return [coupon.code for coupon in made]

    def open_other_session(self) -> ChannelSession[Any, Any]:
        return replace(self.open_session(), external_store_id="shop-2")

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":98765}'

    def other_credentials(self) -> ChannelModel:
        return PaperCredentials(app_key="paper-key", app_secret=SecretStr(OTHER_SECRET))

    def make_delivery(
        self, subject: str, *, credentials: ChannelModel, event_id: str, sent_at: datetime
    ) -> WebhookDelivery:
        assert isinstance(credentials, PaperCredentials)
        body = orjson.dumps({"id": event_id, "kind": "used", "coupon": subject})
        sent = str(int(sent_at.timestamp()))
        signature = sign_body(credentials.app_secret.get_secret_value(), sent, body)
        return WebhookDelivery("POST", {"paper-time": sent, "paper-sign": signature}, {}, body)

    # -------------------------------------------------------------------------------------- what it answers
    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        body = orjson.loads(request.content)
        if request.operation == "token":
            good = body == {"key": "paper-key", "secret": SECRET}
            return answer_json(request, {"access_token": ACCESS_TOKEN}, 200 if good else 401)
        if request.headers.get("access-token") != ACCESS_TOKEN:
            return answer_json(request, {"code": 401}, 401)
        return answer_json(request, getattr(self, f"answer_{request.operation}")(body))

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise ProtocolFailure("paper has no links", operation="follow_link")

    def answer_find(self, body: Mapping[str, Any]) -> dict[str, Any]:
        known = [coupon for coupon in self.coupons if coupon.code == body["code"]]
        if not known:
            return {"code": UNKNOWN_CODE}
        if known[0].state in BLOCKED:
            return {"code": BLOCKED[known[0].state]}
        usable = [coupon for coupon in known if coupon.left]
        if not usable:
            return {"code": 1}
        self._prepared += 1
        token = f"prepared-{self._prepared}"
        return {"code": 0, "coupons": [self.show(each) for each in usable], "redeem_token": token}

    def answer_use(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Remembers what it answered to each token, and answers the same again."""
        key = repr((body["token"], body["ids"]))
        if key not in self._answers:
            self._answers[key] = self.use_coupons(body["token"], body["ids"], body.get("shop", SHOP))
        answer: dict[str, Any] = self._answers[key]
        return answer

    def use_coupons(self, token: str, ids: Sequence[str], shop: str = SHOP) -> dict[str, Any]:
        uses: list[dict[str, Any]] = []
        refused: dict[str, int] = {}
        for reference in ids:
            coupon = self.coupon(reference)
            if not coupon.left:
                refused[reference] = 1
                continue
            receipt = f"{reference}-use-{len(coupon.uses)}"
            coupon.uses.append(PaperUse(receipt, token, self.clock.now(), shop))
            uses.append(show_use(reference, coupon.uses[-1]))
        return {"code": 0, "uses": uses, "refused": refused}

    def answer_state(self, body: Mapping[str, Any]) -> dict[str, Any]:
        coupon = self.coupon(body["id"])
        uses = [show_use(coupon.id, use) for use in coupon.living]
        return {"code": 0, "coupons": [self.show(coupon)], "uses": uses}

    def answer_undo(self, body: Mapping[str, Any]) -> dict[str, Any]:
        named = [use for coupon in self.coupons for use in coupon.uses if use.receipt in body["receipts"]]
        if not any(use.living for use in named):
            return {"code": 7}
        if any(self.clock.now() - use.at > REVERSAL_WINDOW for use in named):
            return {"code": 6}
        for use in named:
            use.living = False
        return {"code": 0}

    def answer_list(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the uses in a shop, by time. It goes on after the last one shown, whatever happens meanwhile."""
        position = body["cursor"] or ""
        shown = [
            each
            for each in sorted(self.list_records(), key=name_place)
            if each["shop"] == body["shop"] and body["since"] <= each["at"] < body["until"]
        ]
        rest = [each for each in shown if name_place(each) > position]
        more = name_place(rest[PAGE_SIZE - 1]) if len(rest) > PAGE_SIZE else None
        return {"code": 0, "records": rest[:PAGE_SIZE], "next": more}

    def list_records(self) -> list[dict[str, Any]]:
        """Every use ever made, with what the merchant is to receive for it."""
        paid = self.facts.paid_amount or 0
        amounts = {"listed": self.facts.face_value, "paid": paid, "payout": paid - FEE, "fee": FEE}
        return [
            {**show_use(coupon.id, use), **amounts, "undone": not use.living, "shop": use.shop}
            for coupon in self.coupons
            for use in coupon.uses
        ]

    def coupon(self, reference: str) -> PaperCoupon:
        return next(coupon for coupon in self.coupons if coupon.id == reference)

    def show(self, coupon: PaperCoupon) -> dict[str, Any]:
        return {
            "id": coupon.id,
            "title": "100 yuan off",
            "state": "used" if not coupon.left else "part" if coupon.living else "new",
            "listed": self.facts.face_value,
            "paid": self.facts.paid_amount,
            "until": int((self.facts.valid_until or self.clock.now()).timestamp()),
            "total": coupon.total,
            "left": coupon.left,
        }


def name_place(record: Mapping[str, Any]) -> str:
    """Where a record lies in the list."""
    return f"{record['at']:012d} {record['receipt']}"


def show_use(reference: str, use: PaperUse) -> dict[str, Any]:
    return {"id": reference, "receipt": use.receipt, "at": int(use.at.timestamp()), "token": use.token}


def answer_json(request: ChannelRequest, body: Mapping[str, Any], status: int = 200) -> ChannelAnswer:
    return ChannelAnswer(request.operation, status, {"content-type": "application/json"}, orjson.dumps(body))
