"""The channel `kiosk`: who it is, how its platform behaves, and the five pieces of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import ClassVar

from pydantic import Field, SecretStr

from channel_kiosk.client import KioskClient
from channel_kiosk.parse import parse_coupon, parse_page, parse_receipts, parse_refusal, parse_state
from channel_kiosk.tables import OK, UNKNOWN_TICKET
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Found,
    Idempotency,
    LookUp,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    RegisterChannel,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    UsePage,
    UseQuery,
)
from core.channels.hookspec import hookimpl

_PREFIX = "KIOSK"


class KioskCredentials(ChannelModel):
    """Outside they are `appKey` and `appSecret`."""

    app_key: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)


class KioskSettings(ChannelModel):
    base_url: str = "https://api.kiosk.example"


Session = ChannelSession[KioskCredentials, KioskSettings]


class KioskCoupons(Coupons):
    """Kiosk remembers the caller's `request_id` and shows it with every use; a use can be taken back for a day."""

    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.TOKEN,
        reversal=Reversibility(possible=True, window=timedelta(days=1)),
        in_flight=timedelta(seconds=20),
        token_lifetime=timedelta(hours=1),
        lists_uses=True,
        list_delay=timedelta(minutes=5),
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        body = {"code": scanned.code, "shop": session.external_store_id}
        answer = await KioskClient(session).read("find", body)
        if answer["code"] == UNKNOWN_TICKET:
            return NotMine()
        if answer["code"] != OK:
            return parse_refusal(answer)
        return Found((parse_coupon(answer["data"].get("ticket")),))

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """One ticket has one code, so that an order has one item."""
        [item] = order.items
        body = {
            "request_id": order.token,
            "ticket_id": item.handle,
            "times": item.times,
            "shop": session.external_store_id,
        }
        answer = await KioskClient(session).write("use", body)
        if answer["code"] != OK:
            return [RedeemRefused(item.reference, parse_refusal(answer))]
        try:
            receipts = parse_receipts(answer["data"])
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="use") from failure
        if len({receipt.reference for receipt in receipts}) != item.times:
            raise OutcomeUnknown("the receipts do not fit the order", operation="use")
        first = receipts[0].redeemed_at
        return [Redeemed(item.reference, receipts, first + timedelta(days=1) if first else None)]

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        answer = await KioskClient(session).read("show", {"ticket_id": query.handle})
        if answer["code"] != OK:
            raise ProtocolFailure(
                "Kiosk does not show the ticket", operation="show", platform_code=str(answer["code"])
            )
        return parse_state(answer["data"].get("ticket"), query.reference)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        body = {"request_id": order.token, "ticket_id": order.handle, "use_ids": list(order.receipts)}
        answer = await KioskClient(session).write("undo", body)
        return Reversed() if answer["code"] == OK else ReversalRefused(parse_refusal(answer))

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """Kiosk counts whole seconds, so that the ends of the window are cut off here."""
        body = {
            "shop": session.external_store_id,
            "from": int(query.since.timestamp()),
            "to": ceil(query.until.timestamp()),
            "after": query.cursor or "",
        }
        answer = await KioskClient(session).read("list", body)
        if answer["code"] != OK:
            raise ProtocolFailure(
                "Kiosk does not show the list", operation="list", platform_code=str(answer["code"])
            )
        page = parse_page(answer["data"])
        within = (use for use in page.uses if query.since <= use.used_at < query.until)
        return UsePage(tuple(within), page.next_cursor)


class KioskChannel(Channel):
    """Kiosk as core sees it."""

    code = "kiosk"
    name = "Kiosk"
    capabilities = frozenset({Capability.COUPONS})
    credentials_model = KioskCredentials
    settings_model = KioskSettings
    simulator = "channel_kiosk.simulator:app"
    samples = ("KIOSK20260001", "KIOSK20260002")

    def __init__(self) -> None:
        self.coupons = KioskCoupons()

    def recognise(self, scanned: Scanned) -> Recognition:
        """KIOSK and eight digits: nobody else has such codes."""
        digits = scanned.code.removeprefix(_PREFIX)
        own = (
            scanned.code.startswith(_PREFIX) and len(digits) == 8 and digits.isdecimal() and digits.isascii()
        )
        return Recognition.LIKELY if own else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Asks for a ticket that does not exist: the signature is checked before that."""
        await KioskClient(session).read("find", {"code": f"{_PREFIX}00000000", "shop": None})


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    register(KioskChannel())
