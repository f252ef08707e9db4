"""Alipay's marketing certificates: prepareuse, use, batchquery and refund."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import orjson

from adapters.koubei.client import KoubeiClient
from adapters.koubei.parse import find_obstacle, is_success, parse_refusal, quote_code
from adapters.koubei.parse_certificates import (
    CertificateHandle,
    list_reversals,
    parse_certificate_state,
    parse_certificate_uses,
    parse_certificates,
    parse_refund,
    read_order_id,
)
from adapters.koubei.tables import BEHAVIOUR
from adapters.koubei.tickets import read_shop_id
from adapters.koubei.wire import (
    CERTIFICATE_REFUND,
    CERTIFICATE_USE,
    CertificateQueryBody,
    CertificateRefundBody,
    CertificateUseBody,
    CertificateUseInfo,
    Fields,
)
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
    RedeemItem,
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
from core.channels.wire import write_china_time

if TYPE_CHECKING:
    from adapters.koubei.channel import KoubeiCredentials, KoubeiSettings

    Session = ChannelSession[KoubeiCredentials, KoubeiSettings]


class CertificateCoupons(Coupons):
    """Certificates, found by the QR that the customer shows or by the 12 digits below it.

    A receipt is a use_order_no, with the serial number of the use behind "#" for a times card. Certificates whose
    codes the merchant issues (三方码) are not among them: they are redeemed without prepareuse.
    """

    behaviour: ClassVar[CouponBehaviour] = BEHAVIOUR

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. Digits are sent as `code`, all else as `encrypted_data`.

        Which shops a certificate may be used in, Alipay says only when it is used.
        """
        encrypted = read_encrypted_data(scanned)
        query = {"code": scanned.code} if encrypted is None else {"encrypted_data": encrypted}
        fields = await KoubeiClient(session).prepare_certificates(query)
        if is_success(fields):
            return _judge(fields, session.clock.now())
        refused = parse_refusal(fields)
        return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. Sent as one use call for all certificates of the order."""
        handles = {item.reference: read_certificate_handle(item.handle) for item in order.items}
        body = _write_use(order, handles, read_shop_id(session, CERTIFICATE_USE))
        fields = await KoubeiClient(session).use_certificates(body)
        # The answer says no time: on a repeat nobody knows when the first call landed.
        answered_at = session.clock.now() if order.attempt == 1 else None
        cards = frozenset(reference for reference, handle in handles.items() if handle.is_card)
        try:
            return parse_certificate_uses(fields, order, cards, answered_at)
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation=CERTIFICATE_USE) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Uses are shown without number and time: Alipay does not list them."""
        body: CertificateQueryBody = {"certificate_id_list": [query.reference]}
        if query.order_reference:
            body["order_id"] = query.order_reference
        body.update(read_certificate_handle(query.handle).owner)  # type: ignore[typeddict-item]
        fields = await KoubeiClient(session).query_certificates(body)
        if not is_success(fields):
            code = quote_code(fields)
            raise ProtocolFailure("Alipay tells no state", operation="status", platform_code=code)
        return parse_certificate_state(fields, query.reference, session.clock.now())

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. One refund call for all uses of the certificate."""
        asked = list_reversals(order.reference, order.receipts)
        body: CertificateRefundBody = {
            "out_biz_no": _write_number(order.token),
            "certificate_reverse_info_list": asked,
        }
        body.update(read_certificate_handle(order.handle).owner)  # type: ignore[typeddict-item]
        try:
            fields = await KoubeiClient(session).refund_certificates(body)
            refused = parse_refund(fields, asked)
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation=CERTIFICATE_REFUND) from failure
        return Reversed() if refused is None else await self._look_again(session, order, refused)

    async def _look_again(self, session: Session, order: ReversalOrder, refused: Refused) -> ReversalAnswer:
        """What a refused refund comes to: no document lists the code of "taken back already"."""
        query = StatusQuery(order.reference, order.handle, "", order.order_reference)
        try:
            state = await self.status(session, query)
        except ChannelFailure as failure:
            message = "the certificate's state cannot be asked"
            raise OutcomeUnknown(message, operation=CERTIFICATE_REFUND) from failure
        if state.uses:
            return ReversalRefused(refused)
        return Reversed() if order.attempt > 1 else ReversalRefused(Refused(Refusal.ALREADY_REVERSED))


def _judge(fields: Fields, now: datetime) -> LookUp:
    coupons = parse_certificates(fields, now)
    obstacles = [find_obstacle(coupon) for coupon in coupons]
    usable = tuple(coupon for coupon, obstacle in zip(coupons, obstacles, strict=True) if obstacle is None)
    if usable:
        return Found(usable, read_order_id(fields))
    reason = next((obstacle for obstacle in obstacles if obstacle), Refusal.ALREADY_REDEEMED)
    return Refused(reason, coupons=coupons, vague=not coupons)


def _write_use(order: RedeemOrder, handles: dict[str, CertificateHandle], shop_id: str) -> CertificateUseBody:
    first = handles[order.items[0].reference]
    body: CertificateUseBody = {
        "out_biz_no": _write_number(order.token),
        "shop_id": shop_id,
        "biz_dt": write_china_time(order.at),
        "certificate_use_info_list": [_write_item(item, handles[item.reference]) for item in order.items],
    }
    if order.order_reference:
        body["order_id"] = order.order_reference
    body.update(first.owner)  # type: ignore[typeddict-item]
    return body


def _write_item(item: RedeemItem, handle: CertificateHandle) -> CertificateUseInfo:
    info: CertificateUseInfo = {"encrypted_code": handle.encrypted_code}
    if handle.is_card:
        info["use_count"] = item.times
    return info


def _write_number(token: str) -> str:
    """Our id as a business number: letters and digits only, which every interface takes."""
    return token.replace("-", "")


def read_encrypted_data(scanned: Scanned) -> str | None:
    """What a scanned QR identifies an order with; None for what a person typed."""
    if scanned.link is not None:
        return scanned.link_parameter("encrypted_data")
    return None if scanned.code.isdigit() else scanned.text


def read_certificate_handle(text: str) -> CertificateHandle:
    """What `CertificateHandle.write` wrote. Raises Misconfigured for anything else."""
    try:
        fields = orjson.loads(text)
        fields.pop("biz_dt", None)  # in handles of an earlier version
        return CertificateHandle(**fields)
    except (ValueError, TypeError, AttributeError):
        raise Misconfigured("the handle is of no certificate") from None
