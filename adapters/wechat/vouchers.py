"""Local-life vouchers (团购券): looked up by encrypted code, or by code and SKU; used and given back by request numbers.

WeChat lists no error numbers for these calls. A refusal that does not say why is answered by the voucher itself, which
tells its state and the number under which it was last used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from adapters.wechat.client import VoucherClient
from adapters.wechat.codes import Presented, VoucherKey, read_key
from adapters.wechat.parse import (
    is_spent_otherwise,
    is_unused,
    parse_consumed,
    parse_failed,
    parse_voucher,
    parse_voucher_refusal,
    parse_voucher_state,
    read_errcode,
    read_seconds,
    read_text,
    refuse_by_status,
)
from adapters.wechat.tables import MOST_VOUCHERS
from adapters.wechat.wire import ConsumeBody, RevokeBody, Voucher
from core.channels.contract import (
    ChannelCoupon,
    ChannelFailure,
    CouponState,
    Found,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Receipt,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
)
from core.channels.wire import (
    read_part,
    read_rows,
)

if TYPE_CHECKING:
    from adapters.wechat.channel import Session


class Vouchers:
    """The vouchers of one account, for one piece of work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = VoucherClient(session)

    async def look_up(self, presented: Presented) -> LookUp:
        """See `Coupons.look_up`."""
        documents = await self._fetch(presented)
        if isinstance(documents, Refused):
            return NotMine() if documents.reason is Refusal.UNKNOWN_CODE else documents
        now = self._session.clock.now()
        coupons = [parse_voucher(cast(Voucher, each), now, "voucher") for each in documents]
        return _sort_out(coupons, documents)

    async def _fetch(self, presented: Presented) -> list[Mapping[str, Any]] | Refused:
        if not presented.vouchers:
            return await self._search(presented)
        documents: list[Mapping[str, Any]] = []
        refused: Refused | None = None
        for name in presented.vouchers:
            answer = await self._client.get(name)
            if read_errcode(answer):
                refused = refused or parse_voucher_refusal(answer)
            else:
                documents.append(read_part(answer, "voucher", ""))
        return documents or refused or Refused(Refusal.UNKNOWN_CODE)

    async def _search(self, presented: Presented) -> list[Mapping[str, Any]] | Refused:
        """By the customer's list, because a code alone names no voucher."""
        answer = await self._client.list_vouchers(presented.openid or "")
        if isinstance(answer, dict):
            return parse_voucher_refusal(answer)
        found: list[Mapping[str, Any]] = [each for each in answer if each.get("code") == presented.code]
        return found or Refused(Refusal.UNKNOWN_CODE)

    async def redeem(self, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. The leg's token is the consume_request_no."""
        keys = [_read_voucher_key(item.handle) for item in order.items]
        document = await self._client.consume(self._write_consume(order, keys))
        try:
            outcomes = parse_consumed(document, order.token, keys)
        except ProtocolFailure as failure:
            raise OutcomeUnknown(failure.message, operation="consume") from failure
        explained = [
            await self._explain(order, key, outcome) if isinstance(outcome, RedeemRefused) else outcome
            for key, outcome in zip(keys, outcomes, strict=True)
        ]
        if not parse_failed(document):
            _expect_reason(explained)
        return explained

    def _write_consume(self, order: RedeemOrder, keys: Sequence[VoucherKey]) -> ConsumeBody:
        codes = [key.code for key, item in zip(keys, order.items, strict=True) for _ in range(item.times)]
        if len({key.sku_id for key in keys}) != 1 or len(codes) > MOST_VOUCHERS:
            message = f"one call takes {MOST_VOUCHERS} vouchers of one SKU at most"
            raise Misconfigured(message, operation="consume")
        body: ConsumeBody = {
            "consume_request_no": order.token,
            "codes": codes,
            "sku_id": keys[0].sku_id,
        }
        if self._session.external_store_id:
            body["out_store_id"] = self._session.external_store_id
        return body

    async def _explain(
        self, order: RedeemOrder, key: VoucherKey, outcome: RedeemRefused
    ) -> Redeemed | RedeemRefused:
        """The refusal with the reason that the voucher itself gives; a repeat may find that the first call used it."""
        try:
            state = await self.status(key)
        except ChannelFailure as failure:
            message = "refused, and the voucher's state cannot be asked"
            raise OutcomeUnknown(message, operation="consume") from failure
        own = [use for use in state.uses if use.token == order.token]
        if own and order.attempt == 1:
            raise OutcomeUnknown("refused, and yet used under our number", operation="consume")
        if own:
            return Redeemed(key.reference, (Receipt(order.token, own[0].used_at),))
        reason = refuse_by_status(state.status)
        return replace(outcome, refusal=replace(outcome.refusal, reason=reason)) if reason else outcome

    async def status(self, key: VoucherKey) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where WeChat refuses to tell."""
        document = await self._client.get({"code": key.code, "sku_id": key.sku_id})
        if errcode := read_errcode(document):
            message = "WeChat tells no state"
            raise ProtocolFailure(message, operation="status", platform_code=str(errcode))
        voucher = cast(Voucher, read_part(document, "voucher", ""))
        return parse_voucher_state(voucher, key.reference, self._session.clock.now())

    async def reverse(self, key: VoucherKey, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. A receipt is the consume_request_no of the use.

        INFERRED that WeChat takes back the last use of a plain voucher, whoever made it: so the voucher is looked at
        first, and a use that is not ours is not touched.
        """
        if is_spent_otherwise(await self._look_before(key, order), order.receipts[0]):
            return _tell_gone(order)
        body: RevokeBody = {
            "revoke_request_no": order.token,
            "reovke_vouchers": [{"code": key.code, "sku_id": key.sku_id}],
            "consume_request_no": order.receipts[0],
        }
        document = await self._client.revoke(body)
        try:
            failed = parse_failed(document)
            if not read_errcode(document) and not failed:
                return _read_revoked(key, order, document)
            return await self._explain_revoke(key, order, document, failed)
        except OutcomeUnknown:
            raise
        except ChannelFailure as failure:
            raise OutcomeUnknown(failure.message, operation="revoke") from failure

    async def _look_before(self, key: VoucherKey, order: ReversalOrder) -> CouponState:
        try:
            return await self.status(key)
        except ChannelFailure as failure:
            if order.attempt == 1:
                raise
            message = "the voucher's state cannot be asked"
            raise OutcomeUnknown(message, operation="revoke") from failure

    async def _explain_revoke(
        self,
        key: VoucherKey,
        order: ReversalOrder,
        document: Mapping[str, Any],
        failed: Mapping[str, Refused],
    ) -> ReversalAnswer:
        """What a refused revoke comes to: there may be nothing to take back any more."""
        state = await self.status(key)
        if is_unused(state) or is_spent_otherwise(state, order.receipts[0]):
            return _tell_gone(order)
        if failed:
            return ReversalRefused(failed.get(key.code) or next(iter(failed.values())))
        errcode = str(read_errcode(document))
        message = "WeChat reports an error, and the use stands so far"
        raise OutcomeUnknown(message, operation="revoke", platform_code=errcode)


def _expect_reason(outcomes: Sequence[Redeemed | RedeemRefused]) -> None:
    """An error that blames no voucher, while all are unused, may still take effect: raises OutcomeUnknown."""
    refusals = [each.refusal for each in outcomes if isinstance(each, RedeemRefused)]
    if refusals and all(each.reason is Refusal.REFUSED_BY_CHANNEL for each in refusals):
        message = "WeChat reports an error, and the vouchers are unused so far"
        raise OutcomeUnknown(message, operation="consume", platform_code=refusals[0].platform_code)


def _tell_gone(order: ReversalOrder) -> ReversalAnswer:
    return Reversed() if order.attempt > 1 else ReversalRefused(Refused(Refusal.ALREADY_REVERSED))


def _read_revoked(key: VoucherKey, order: ReversalOrder, document: Mapping[str, Any]) -> Reversed:
    rows = read_rows(document, "voucher_list", "")
    numbers = [row.get("last_withdraw_consume_no") for row in rows if row.get("code") == key.code]
    if numbers != [order.token]:
        raise ProtocolFailure("the answer is not about the use taken back", path="voucher_list")
    return Reversed()


def _read_voucher_key(handle: str) -> VoucherKey:
    key = read_key(handle)
    if not isinstance(key, VoucherKey):
        raise Misconfigured("vouchers and merchant coupons cannot be redeemed in one call")
    return key


def _sort_out(coupons: Sequence[ChannelCoupon], documents: Sequence[Mapping[str, Any]]) -> LookUp:
    """The usable ones of one order and one SKU, which one call can use."""
    pairs = list(zip(coupons, documents, strict=True))
    usable = [(coupon, wire) for coupon, wire in pairs if refuse_by_status(coupon.status) is None]
    if not usable:
        reason = refuse_by_status(coupons[0].status) or Refusal.REFUSED_BY_CHANNEL
        at = read_seconds(documents[0].get("consume_time"), "voucher.consume_time")
        return Refused(reason, redeemed_at=at, coupons=_drop_doubles(coupons))
    first = usable[0][1]
    together = [
        coupon
        for coupon, wire in usable
        if (wire.get("order_id"), wire.get("sku_id")) == (first.get("order_id"), first.get("sku_id"))
    ]
    order_id = read_text(first.get("order_id"), "voucher.order_id")
    return Found(_drop_doubles(together), order_id or None)


def _drop_doubles(coupons: Sequence[ChannelCoupon]) -> tuple[ChannelCoupon, ...]:
    # Two encrypted codes may stand for one voucher.
    return tuple({coupon.reference: coupon for coupon in coupons}.values())
