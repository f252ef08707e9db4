"""Koubei's ticket codes: query, use and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

import orjson

from adapters.koubei.client import KoubeiClient
from adapters.koubei.parse import is_gone, is_success, parse_refusal, quote_code
from adapters.koubei.parse_tickets import (
    TicketHandle,
    count_uses,
    find_last_use,
    find_ticket_obstacle,
    parse_ticket,
    parse_ticket_state,
    parse_ticket_use,
)
from adapters.koubei.tables import BEHAVIOUR
from adapters.koubei.wire import TICKET_CANCEL, TICKET_USE, Fields
from core.channels.contract import (
    ChannelFailure,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Found,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Scanned,
    StatusQuery,
)

if TYPE_CHECKING:
    from adapters.koubei.channel import KoubeiCredentials, KoubeiSettings

    Session = ChannelSession[KoubeiCredentials, KoubeiSettings]


class TicketCoupons(Coupons):
    """Ticket codes of 12 digits, one coupon each, also where one order bought several.

    A redeem token is the request number that the look-up draws, a receipt the number of the platform's transaction.
    Only all uses of one call can be taken back together.
    """

    behaviour: ClassVar[CouponBehaviour] = BEHAVIOUR

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. Raises Misconfigured where the store has no Koubei shop id."""
        fields = await self._query(session, scanned.code, "look_up")
        if is_success(fields):
            return _judge(fields, session)
        refused = parse_refusal(fields)
        return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. A leg is one ticket; N uses of a times card are its quantity N."""
        (item,) = order.items
        handle = read_ticket_handle(item.handle)
        if handle.request_id != order.token:
            raise Misconfigured("the token is not that of the look-up", operation=TICKET_USE)
        fields = await KoubeiClient(session).use_ticket(
            {
                "request_id": order.token,
                "ticket_code": handle.ticket_code,
                "shop_id": read_shop_id(session, TICKET_USE),
                "quantity": str(item.times),
            }
        )
        try:
            return [parse_ticket_use(fields, order, item, handle)]
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation=TICKET_USE) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where Koubei tells no state."""
        fields = await self._query(session, read_ticket_handle(query.handle).ticket_code, "status")
        if not is_success(fields):
            code = quote_code(fields)
            raise ProtocolFailure("Koubei tells no state", operation="status", platform_code=code)
        return parse_ticket_state(fields, query.reference, session.clock.now())

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. NOT_REVERSIBLE for a part of the uses that one call made."""
        handle, count = read_ticket_handle(order.handle), count_uses(order.receipts)
        if count is None:
            return ReversalRefused(Refused(Refusal.NOT_REVERSIBLE))
        fields = await KoubeiClient(session).cancel_ticket(
            {
                "request_id": handle.request_id,
                "request_biz_no": handle.request_id,
                "ticket_code": handle.ticket_code,
                "quantity": str(count),
            }
        )
        if is_success(fields):
            return Reversed()
        refused = parse_refusal(fields)
        if refused.reason is Refusal.REVERSAL_WINDOW_CLOSED and order.attempt == 1:
            return ReversalRefused(refused)
        return await self._look_again(session, order, refused)

    async def _look_again(self, session: Session, order: ReversalOrder, refused: Refused) -> ReversalAnswer:
        """What a refused cancel comes to: no document lists the code of "cancelled already"."""
        query = StatusQuery(order.reference, order.handle, "", order.order_reference)
        try:
            state = await self.status(session, query)
        except ChannelFailure as failure:
            raise OutcomeUnknown("the ticket's state cannot be asked", operation=TICKET_CANCEL) from failure
        if not all(is_gone(state, receipt) for receipt in order.receipts):
            return ReversalRefused(refused)
        return Reversed() if order.attempt > 1 else ReversalRefused(Refused(Refusal.ALREADY_REVERSED))

    async def _query(self, session: Session, ticket_code: str, operation: str) -> Fields:
        shop_id = read_shop_id(session, operation)
        return await KoubeiClient(session).query_ticket({"ticket_code": ticket_code, "shop_id": shop_id})


def _judge(fields: Fields, session: Session) -> LookUp:
    request_id = uuid4().hex  # letters and digits, 32 at most
    coupon = parse_ticket(fields, request_id, session.clock.now())
    obstacle = find_ticket_obstacle(fields, coupon)
    if obstacle is None:
        return Found((coupon,), str(fields["order_no"]) if fields.get("order_no") else None, request_id)
    used_at = find_last_use(fields) if obstacle is Refusal.ALREADY_REDEEMED else None
    said = str(fields.get("ticket_status"))[:40]
    return Refused(obstacle, platform_code=said, redeemed_at=used_at, coupons=(coupon,))


def read_shop_id(session: Session, operation: str) -> str:
    """The store's id at the platform. Raises Misconfigured where it has none."""
    if not session.external_store_id:
        message = "the store has no Alipay shop id"
        raise Misconfigured(message, setting="externalStoreId", operation=operation)
    return session.external_store_id


def read_ticket_handle(text: str) -> TicketHandle:
    """What `TicketHandle.write` wrote. Raises Misconfigured for anything else."""
    try:
        return TicketHandle(**orjson.loads(text))
    except (ValueError, TypeError):
        raise Misconfigured("the handle is of no ticket") from None
