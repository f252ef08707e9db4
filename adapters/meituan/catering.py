"""Coupons of catering (餐饮, businessId 1): Meituan takes no key for repeats, so whoever repeats looks first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from adapters.meituan.client import MeituanClient
from adapters.meituan.parse import Handle, expect_told, list_usable, pick_unused, says_unused
from adapters.meituan.parse_catering import (
    find_coupon_refusal,
    parse_coupon_state,
    parse_coupons,
    parse_ms_consumed,
)
from adapters.meituan.parse_lists import COUPON_LISTS, parse_listed_coupons
from adapters.meituan.tables import (
    CANCEL_TYPE,
    LONGEST_COUPON_PAGE,
    REVERSAL_REFUSAL_BY_WORDS,
    STATUS_BY_REFUSAL,
    TELLS_NO_STATE,
    TILL_ACCOUNT,
    TILL_NAME,
    UNUSED_WORDS,
)
from adapters.meituan.wire import CancelBody, Envelope, MsConsumeBody
from core.channels.contract import (
    ChannelFailure,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    CouponStatus,
    Idempotency,
    LookUp,
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
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    UsePage,
    UseQuery,
)
from core.channels.day_lists import DayPlace, DayRows
from core.channels.wire import (
    CHINA,
    read_number,
)

if TYPE_CHECKING:
    from adapters.meituan.channel import MeituanCredentials, MeituanSettings

    Session = ChannelSession[MeituanCredentials, MeituanSettings]


class CateringCoupons(Coupons):
    """msprepare, msconsume, queryById and cancel. A receipt is the code that was used: uses have no id."""

    # Meituan tells of a used coupon whether it can still be cancelled, and of no window. in_flight is INFERRED.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.NATURAL_SINGLE_USE,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=True),
        in_flight=timedelta(seconds=30),
        batch_atomic=False,
        lists_uses=True,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`."""
        client = MeituanClient(session)
        envelope = await client.prepare_coupon(scanned.code)
        refused = find_coupon_refusal(envelope)
        if refused is None:
            return list_usable(parse_coupons(envelope["data"], scanned.code, session.clock.now()), None)
        if refused.reason is Refusal.UNKNOWN_CODE:
            return NotMine()
        return await _look_closer(client, scanned.code, refused)

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. A repeat is sent only where the code is not used already.

        Without that look, a repeat could take another coupon of the same order.
        """
        client, code = MeituanClient(session), Handle.unpack(order.items[0].handle).code
        if order.attempt > 1 and (await _read_state(client, code, code, session.clock.now())).uses:
            used = Refused(Refusal.ALREADY_REDEEMED)
            return [RedeemRefused(item.reference, used) for item in order.items]
        body: MsConsumeBody = {"code": code, "num": sum(item.times for item in order.items)}
        envelope = await client.consume_coupon(body)
        try:
            return parse_ms_consumed(envelope, order, session.clock.now())
        except ProtocolFailure as failure:
            quoted = failure.platform_code
            raise OutcomeUnknown(failure.message, operation="msconsume", platform_code=quoted) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where Meituan does not tell.

        That is so above all for a coupon that was sold beside the scanned one, once any of them is used.
        """
        handle = Handle.unpack(query.handle)
        client = MeituanClient(session)
        if handle.place == 1:
            return await _read_state(client, query.reference, handle.code, session.clock.now())
        envelope = await client.prepare_coupon(handle.code)
        expect_told(find_coupon_refusal(envelope))
        return pick_unused(parse_coupons(envelope["data"], handle.code, session.clock.now()), handle)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. A cancel that is refused may have been done already: only then it looks."""
        client = MeituanClient(session)
        for code in order.receipts:
            refused = _read_cancel(await client.cancel_coupon(_write_cancel(code)))
            if refused and await _is_used(client, code, session.clock.now()):
                return ReversalRefused(refused)
            if refused and order.attempt == 1:
                return ReversalRefused(Refused(Refusal.ALREADY_REVERSED, refused.platform_code))
        return Reversed()

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`. The token names the restaurant."""
        client = MeituanClient(session)

        async def fetch(place: DayPlace) -> DayRows:
            envelope = await client.list_coupons(place.day.isoformat(), place.offset, LONGEST_COUPON_PAGE)
            return parse_listed_coupons(envelope)

        return await COUPON_LISTS.read(query, fetch)

    async def check_account(self, session: Session) -> None:
        """Asks for one of today's uses. Raises CredentialsRefused naming the credential."""
        await MeituanClient(session).list_coupons(session.clock.now().astimezone(CHINA).date().isoformat())


def _write_cancel(code: str) -> CancelBody:
    return {"couponCode": code, "type": CANCEL_TYPE, "eId": TILL_ACCOUNT, "eName": TILL_NAME}


def _read_cancel(envelope: Envelope) -> Refused | None:
    """Why a cancel was refused, None where it was done. Only `result` 0 says that it was."""
    try:
        refused = find_coupon_refusal(envelope, REVERSAL_REFUSAL_BY_WORDS)
        if refused is None and read_number(envelope["data"].get("result"), "data.result") is None:
            raise ProtocolFailure("a cancel without a result", path="data.result")
    except ProtocolFailure as failure:
        raise OutcomeUnknown(failure.message, operation="cancel") from failure
    return refused


async def _look_closer(client: MeituanClient, code: str, refused: Refused) -> Refused:
    """A refusal by words is checked against the record of uses, which also tells when it was."""
    if refused.reason not in {Refusal.ALREADY_REDEEMED, Refusal.REFUSED_BY_CHANNEL}:
        return refused
    try:
        envelope = await client.query_coupon(code)
        if find_coupon_refusal(envelope):
            return refused
        state = parse_coupon_state(envelope["data"], code, code)
    except ChannelFailure:
        return refused
    if state.status is not CouponStatus.REDEEMED:
        return refused
    at = state.uses[0].used_at
    return Refused(Refusal.ALREADY_REDEEMED, refused.platform_code, refused.platform_message, at)


async def _is_used(client: MeituanClient, code: str, now: datetime) -> bool:
    """Whether a use of this code stands. Raises OutcomeUnknown where Meituan does not tell."""
    try:
        return bool((await _read_state(client, code, code, now)).uses)
    except ChannelFailure as failure:
        raise OutcomeUnknown("the coupon's state cannot be asked", operation="cancel") from failure


async def _read_state(client: MeituanClient, reference: str, code: str, now: datetime) -> CouponState:
    """What Meituan records of one code."""
    envelope = await client.query_coupon(code)
    refused = find_coupon_refusal(envelope)
    if refused is None:
        return parse_coupon_state(envelope["data"], reference, code)
    return await _read_unused(client, reference, code, refused, now)


async def _read_unused(
    client: MeituanClient, reference: str, code: str, refused: Refused, now: datetime
) -> CouponState:
    """The state of a code of which queryById shows no use: the look-up has to agree."""
    envelope = await client.prepare_coupon(code)
    obstacle = find_coupon_refusal(envelope)
    if obstacle is None:
        coupons = parse_coupons(envelope["data"], code, now)
        if not coupons:
            raise ProtocolFailure("uses that Meituan does not show", operation="queryById")
        return CouponState(reference, coupons[0].status, (), coupons[0].raw)
    expect_told(
        obstacle if obstacle.reason in TELLS_NO_STATE or not says_unused(refused, UNUSED_WORDS) else None
    )
    return CouponState(reference, STATUS_BY_REFUSAL.get(obstacle.reason, CouponStatus.UNRECOGNISED))
