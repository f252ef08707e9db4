"""Coupons of general services (到综, businessId 58), which Meituan calls receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from adapters.meituan.client import MeituanClient
from adapters.meituan.parse import Handle, expect_told, find_refusal, list_usable, pick_unused, says_unused
from adapters.meituan.parse_general import (
    complete_receipts,
    is_card,
    parse_consumed,
    parse_receipts,
    parse_records,
)
from adapters.meituan.parse_lists import RECEIPT_LISTS, parse_listed_receipts
from adapters.meituan.tables import (
    LISTED_BIZ_TYPE,
    LISTED_BIZ_TYPES,
    LONGEST_PAGE,
    REVERSAL_REFUSAL_BY_WORDS,
    REVERSAL_WINDOW,
    STATUS_BY_REFUSAL,
    TELLS_NO_STATE,
    TILL_ACCOUNT,
    TILL_NAME,
    UNUSED_WORDS,
)
from adapters.meituan.values import (
    check_code,
    read_count,
    read_time,
)
from adapters.meituan.wire import ConsumeBody, ConsumeRecord, ReverseBody
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
    read_id,
    read_number,
    read_rows,
)

if TYPE_CHECKING:
    from adapters.meituan.channel import MeituanCredentials, MeituanSettings

    Session = ChannelSession[MeituanCredentials, MeituanSettings]

_MOST_PAGES = 40
_NOT_CLEAR = frozenset({Refusal.ALREADY_REDEEMED, Refusal.REFUSED_BY_CHANNEL})


class GeneralCoupons(Coupons):
    """prepare, consume, getconsumed with querylistbydate, and reverseconsume.

    A leg's token is the `requestId`, a receipt the code with the `flowId` of a use. Neither getconsumed nor
    reverseconsume knows flows, so a use is found in the list of its day, and only the newest use of a card can be
    taken back.
    """

    # The SDK calls requestId the mark of idempotency and gives no figure: token_lifetime and in_flight are INFERRED.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=True, window=REVERSAL_WINDOW),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=5),
        batch_atomic=False,
        lists_uses=True,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`."""
        client = MeituanClient(session)
        envelope = await client.prepare_receipt(scanned.code)
        if refused := find_refusal(envelope):
            return await _look_closer(client, scanned.code, refused)
        data = envelope["data"]
        coupons = parse_receipts(data, scanned.code, session.clock.now())
        return list_usable(coupons, read_id(data["orderId"], "data.orderId") if data.get("orderId") else None)

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. On a repeat `reversible_until` is the latest possible."""
        envelope = await MeituanClient(session).consume_receipt(_write_consume(order))
        now = session.clock.now()
        try:
            return parse_consumed(envelope, order, now, now + REVERSAL_WINDOW)
        except ProtocolFailure as failure:
            code = failure.platform_code
            raise OutcomeUnknown(failure.message, operation="consume", platform_code=code) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Of a card it lists the uses of its last day of use and the day before.

        Raises ProtocolFailure where Meituan does not tell: above all for a coupon that was sold beside the scanned
        one, once any of them is used.
        """
        handle = Handle.unpack(query.handle)
        client = MeituanClient(session)
        if handle.place == 1:
            return await _read_state(client, handle, handle.code, session.clock.now())
        envelope = await client.prepare_receipt(handle.code)
        expect_told(find_refusal(envelope))
        return pick_unused(parse_receipts(envelope["data"], handle.code, session.clock.now()), handle)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. Looks first: reverseconsume names no use, and must not meet a newer one."""
        handle = Handle.unpack(order.handle)
        client = MeituanClient(session)
        receipts = complete_receipts(order.receipts, handle)
        code = receipts[0].partition("/")[0]
        uses = (await _read_state(client, handle, code, session.clock.now())).uses
        named = [use for use in uses if use.receipt in receipts]
        if not named:
            return Reversed() if order.attempt > 1 else ReversalRefused(Refused(Refusal.ALREADY_REVERSED))
        oldest = named[0].used_at
        if any(use not in named and use.used_at and oldest and use.used_at > oldest for use in uses):
            return ReversalRefused(Refused(Refusal.NOT_REVERSIBLE))
        body = _write_reverse(code, handle.deal_id)
        for _ in named:
            if refused := await _reverse_newest(client, body):
                return ReversalRefused(refused)
        return Reversed()

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`. The token names the shop; amounts are those of the deal."""
        client = MeituanClient(session)

        async def fetch(place: DayPlace) -> DayRows:
            biz_type = LISTED_BIZ_TYPES[place.part]
            day = place.day.isoformat()
            return parse_listed_receipts(await client.list_consumed(day, biz_type, place.offset))

        return await RECEIPT_LISTS.read(query, fetch)

    async def check_account(self, session: Session) -> None:
        """Asks for one of today's uses. Raises CredentialsRefused naming the credential."""
        today = session.clock.now().astimezone(CHINA).date().isoformat()
        await MeituanClient(session).list_consumed(today, 0, 0, 1)


def _write_consume(order: RedeemOrder) -> ConsumeBody:
    return {
        "receiptCode": Handle.unpack(order.items[0].handle).code,
        "count": sum(item.times for item in order.items),
        "requestId": order.token,
        "appShopAccount": TILL_ACCOUNT,
        "appShopAccountName": TILL_NAME,
    }


def _write_reverse(code: str, deal_id: str) -> ReverseBody:
    return {
        "receiptCode": code,
        "dealId": deal_id,
        "appShopAccount": TILL_ACCOUNT,
        "appShopAccountName": TILL_NAME,
    }


async def _look_closer(client: MeituanClient, code: str, refused: Refused) -> LookUp:
    """A refusal by words is checked against the record of uses, which also tells when it was."""
    if refused.reason is Refusal.UNKNOWN_CODE:
        return NotMine()
    if refused.reason not in _NOT_CLEAR:
        return refused
    try:
        consumed = await client.get_consumed(code)
        record = cast(ConsumeRecord, consumed["data"])
        if find_refusal(consumed) or is_card(record):
            return refused
        check_code(record.get("receiptCode"), code, "data.receiptCode")
        used_at = read_time(record.get("verifyTime"), "data.verifyTime")
    except ChannelFailure:
        return refused
    return replace(refused, reason=Refusal.ALREADY_REDEEMED, redeemed_at=used_at)


async def _reverse_newest(client: MeituanClient, body: ReverseBody) -> Refused | None:
    """Takes one use back; None where that is done."""
    envelope = await client.reverse_receipt(body)
    if refused := find_refusal(envelope, REVERSAL_REFUSAL_BY_WORDS):
        return refused
    try:
        rows = read_rows(envelope["data"], "result", "data")
    except ProtocolFailure as failure:
        raise OutcomeUnknown(failure.message, operation="reverseconsume") from failure
    if body["receiptCode"] not in [row.get("receiptCode") for row in rows]:
        raise OutcomeUnknown("the answer is not about the code asked for", operation="reverseconsume")
    return None


# ------------------------------------------------------------------------------------------------------- state
async def _read_state(client: MeituanClient, handle: Handle, code: str, now: datetime) -> CouponState:
    """What Meituan records of one code of the handle's order."""
    consumed = await client.get_consumed(code)
    if refused := find_refusal(consumed):
        return await _read_unused(client, handle, code, refused, now)
    newest = cast(ConsumeRecord, consumed["data"])
    check_code(newest.get("receiptCode"), code, "data.receiptCode")
    records = await _list_records(client, newest)
    status = await _read_card_status(client, code) if is_card(newest) else CouponStatus.REDEEMED
    return parse_records(records, code, handle, status)


async def _read_unused(
    client: MeituanClient, handle: Handle, code: str, refused: Refused, now: datetime
) -> CouponState:
    """The state of a code of which getconsumed shows no use: the look-up has to agree."""
    envelope = await client.prepare_receipt(code)
    obstacle = find_refusal(envelope)
    if obstacle is None:
        coupons = parse_receipts(envelope["data"], code, now)
        if not coupons or coupons[0].times_remaining < coupons[0].times_total:
            raise ProtocolFailure("uses that Meituan does not show", operation="getconsumed")
        return CouponState(handle.reference, coupons[0].status, (), coupons[0].raw)
    expect_told(
        obstacle if obstacle.reason in TELLS_NO_STATE or not says_unused(refused, UNUSED_WORDS) else None
    )
    status = STATUS_BY_REFUSAL.get(obstacle.reason, CouponStatus.UNRECOGNISED)
    return CouponState(handle.reference, status)


async def _read_card_status(client: MeituanClient, code: str) -> CouponStatus:
    envelope = await client.prepare_receipt(code)
    refused = find_refusal(envelope)
    if refused is None:
        left = read_count(envelope["data"].get("count"), "data.count")
        return CouponStatus.PARTLY_REDEEMED if left else CouponStatus.REDEEMED
    if refused.reason in {Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP}:
        return CouponStatus.REDEEMED
    return STATUS_BY_REFUSAL.get(refused.reason, CouponStatus.UNRECOGNISED)


async def _list_records(client: MeituanClient, newest: ConsumeRecord) -> list[ConsumeRecord]:
    """All uses in the shop on the day of the newest use of a code; for a card, of the day before too."""
    used_at = read_time(newest.get("verifyTime"), "data.verifyTime")
    if used_at is None:
        raise ProtocolFailure("a use without a time", path="data.verifyTime", operation="getconsumed")
    day = used_at.astimezone(CHINA).date()
    days = [day - timedelta(days=1), day] if is_card(newest) else [day]
    biz_type = LISTED_BIZ_TYPE.get(read_number(newest.get("bizType"), "data.bizType") or 0, 0)
    return [record for each in days for record in await _list_day(client, each.isoformat(), biz_type)]


async def _list_day(client: MeituanClient, day: str, biz_type: int) -> list[ConsumeRecord]:
    records: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        envelope = await client.list_consumed(day, biz_type, len(records))
        expect_told(find_refusal(envelope))
        page = read_rows(envelope["data"], "records", "data")
        records += page
        if len(page) < LONGEST_PAGE:
            return cast(list[ConsumeRecord], records)
    raise ProtocolFailure("the list of uses does not end", operation="querylistbydate")
