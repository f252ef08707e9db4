"""The channel `house`: the chain's own coupons, straight on the tables, without network or account.

Every merchant has it, bound to all its stores. Its store ids are our own, as text; its certificate ids are
the ids of HouseCoupon, its receipts those of HouseUse. The session's account is the merchant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.exceptions import BaseORMException

from core.channels.contract import (
    Capability,
    Channel,
    ChannelFailure,
    ChannelSession,
    ChannelUnavailable,
    CouponBehaviour,
    Coupons,
    CouponState,
    CouponStatus,
    Found,
    Idempotency,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    PlatformUse,
    Recognition,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
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
from core.coupons.house_codes import encode_code, read_code
from core.coupons.house_rows import (
    HouseRow,
    UseRow,
    find_by_code,
    find_by_id,
    fingerprint_code,
    judge_coupon,
    read_living_uses,
    read_position,
    read_uses,
    read_uses_between,
    read_uses_of_token,
    show_coupon,
    show_receipt,
    show_recorded,
    status_of,
    write_position,
)
from core.coupons.house_writes import build_redemption, build_reversal
from core.db.statements import Conflict, GuardFailed, Write, write_together
from core.ids import new_id
from core.keys import KeyRing

Session = ChannelSession[Any, Any]

# How often a write is tried against others who change the same rows. Each failure means that somebody got on.
_ATTEMPTS = 5
# Uses in a page of the list.
_PAGE = 200
_CONTENDED = Refused(Refusal.REFUSED_BY_CHANNEL, platform_code="CONTENDED")
_OTHER_REFUSED = Refused(Refusal.REFUSED_BY_CHANNEL, platform_code="OTHER_COUPON_REFUSED")


class HouseCoupons(Coupons):
    """Redeeming own coupons. `keys` finds codes; without it the channel is recognised but answers nothing."""

    behaviour = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.TOKEN,
        reversal=Reversibility(possible=True),
        # A commit whose answer was lost is there, or will never be, within the database's own time-outs.
        in_flight=timedelta(seconds=5),
        token_lifetime=timedelta(days=3650),
        batch_atomic=True,
        lists_uses=True,
        list_delay=timedelta(0),
    )

    def __init__(self, keys: KeyRing | None = None) -> None:
        self.keys = keys

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`."""
        code = read_code(scanned.code)
        if code is None:
            return NotMine()
        if self.keys is None:
            raise Misconfigured("the house channel has no keys; call attach() when the program starts")
        with _database_failures(ChannelUnavailable, "look_up"):
            row = await find_by_code(session.tenant_id, fingerprint_code(self.keys, session.tenant_id, code))
            if row is None:
                return NotMine()
            now = session.clock.now()
            refusal = judge_coupon(row, session.external_store_id, now)
            if refusal is None:
                return Found((show_coupon(row, now),))
            return await _explain(session, row, refusal)

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. All items or none, and for one token only once."""
        with _database_failures(OutcomeUnknown, "redeem"):
            for _ in range(_ATTEMPTS):
                # The coupons first: if a twin of this call used them up, its uses are there after.
                rows = [await _find_row(session, item.reference) for item in order.items]
                done = await read_uses_of_token(session.tenant_id, order.token)
                if done:
                    return _show_redeemed(order.items, done)
                refused = await _refuse_order(session, order.items, rows)
                if refused:
                    return refused
                found = [row for row in rows if row is not None]
                uses = _plan_uses(session, order, found)
                budgeted = {row.batch_id for row in found if row.budget is not None}
                if await _commit(build_redemption(session.tenant_id, uses, budgeted)):
                    return _show_redeemed(order.items, uses)
        return [RedeemRefused(item.reference, _CONTENDED) for item in order.items]

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`."""
        with _database_failures(ChannelUnavailable, "status"):
            row = await _find_row(session, query.reference)
            if row is None:
                return CouponState(query.reference, CouponStatus.UNRECOGNISED)
            uses = await read_living_uses(session.tenant_id, row.id)
        shown = tuple(
            PlatformUse(str(use.id), use.used_at, use.token, str(use.store_id), by_merchant_api=True)
            for use in uses
        )
        return CouponState(query.reference, status_of(row, session.clock.now()), shown)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. Uses and their part of the budget come back; a repeat changes nothing."""
        coupon_id = _read_id(order.reference)
        use_ids = {use_id for receipt in order.receipts if (use_id := _read_id(receipt))}
        with _database_failures(OutcomeUnknown, "reverse"):
            for _ in range(_ATTEMPTS):
                uses = await read_uses(session.tenant_id, use_ids)
                if not uses or {(use.id, use.coupon_id) for use in uses} != {
                    (id_, coupon_id) for id_ in use_ids
                }:
                    return ReversalRefused(Refused(Refusal.NOT_REVERSIBLE, platform_code="UNKNOWN_RECEIPT"))
                living = [use for use in uses if use.reversed_at is None]
                if not living or await _commit(
                    build_reversal(session.tenant_id, living, session.clock.now())
                ):
                    return Reversed()
        return ReversalRefused(_CONTENDED)

    async def list_uses(self, session: Session, query: UseQuery) -> UsePage:
        """See `Coupons.list_uses`. Here nothing moves between pages: a use keeps its time and its id."""
        store_id = _read_id(session.external_store_id or "")
        if store_id is None:
            raise Misconfigured("own coupons are redeemed in a store of the merchant")
        after = read_position(query.cursor)
        with _database_failures(ChannelUnavailable, "list_uses"):
            uses = await read_uses_between(
                session.tenant_id, store_id, query.since, query.until, after, _PAGE + 1
            )
        more = write_position(uses[_PAGE - 1]) if len(uses) > _PAGE else None
        return UsePage(tuple(show_recorded(use) for use in uses[:_PAGE]), more)


class HouseChannel(Channel):
    """Own coupons as a channel. `attach` gives it the keys of the program that it runs in."""

    code = "house"
    name = "Own coupons"
    capabilities = frozenset({Capability.COUPONS})
    samples = tuple(
        encode_code(number) for number in (0x5EED0C0FFEE1234, 0x9A7B3C1D2E4F567, 0x2468ACE13579BDF)
    )
    needs_account = False

    def __init__(self, keys: KeyRing | None = None) -> None:
        self.coupons: HouseCoupons = HouseCoupons(keys)

    def attach(self, keys: KeyRing) -> None:
        """To be called once, when the program is put together: codes are found by a keyed fingerprint."""
        self.coupons.keys = keys

    def recognise(self, scanned: Scanned) -> Recognition:
        """Length, alphabet and check characters: chance passes one in a thousand of what looks like it."""
        return Recognition.LIKELY if read_code(scanned.code) else Recognition.NO


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """A new channel for each registry, so that two programs in one process share nothing."""
    register(HouseChannel())


# ------------------------------------------------------------------------------------------------------ steps
async def _find_row(session: Session, reference: str) -> HouseRow | None:
    coupon_id = _read_id(reference)
    return await find_by_id(session.tenant_id, coupon_id) if coupon_id else None


async def _refuse_order(
    session: Session, items: Sequence[RedeemItem], rows: Sequence[HouseRow | None]
) -> list[RedeemRefused]:
    """An answer for each item where any of them is refused, none where all are fine."""
    refusals = [await _refuse_item(session, item, row) for item, row in zip(items, rows, strict=True)]
    if not any(refusals):
        return []
    return [
        RedeemRefused(item.reference, refusal or _OTHER_REFUSED)
        for item, refusal in zip(items, refusals, strict=True)
    ]


async def _refuse_item(session: Session, item: RedeemItem, row: HouseRow | None) -> Refused | None:
    if row is None:
        return Refused(Refusal.UNKNOWN_CODE)
    now = session.clock.now()
    refusal = judge_coupon(row, session.external_store_id, now, item.times, item.used)
    return refusal and await _explain(session, row, refusal)


async def _explain(session: Session, row: HouseRow, refusal: Refused) -> Refused:
    """The refusal with the coupon, and with the time of the last use where the uses are the reason."""
    coupons = (show_coupon(row, session.clock.now()),)
    if refusal.reason not in {Refusal.ALREADY_REDEEMED, Refusal.TIMES_USED_UP}:
        return replace(refusal, coupons=coupons)
    uses = await read_living_uses(session.tenant_id, row.id)
    return replace(refusal, coupons=coupons, redeemed_at=uses[-1].used_at if uses else None)


def _plan_uses(session: Session, order: RedeemOrder, rows: Sequence[HouseRow]) -> list[UseRow]:
    """The uses of the order, numbered through all its items."""
    store_id = _read_id(session.external_store_id or "")
    if store_id is None:
        raise Misconfigured("own coupons are redeemed in a store of the merchant")
    planned = [
        (row, item.used + turn)
        for item, row in zip(order.items, rows, strict=True)
        for turn in range(item.times)
    ]
    now = session.clock.now()
    return [
        UseRow(new_id(), row.id, row.batch_id, order.token, number, store_id, row.amount_of(use, 1), now)
        for number, (row, use) in enumerate(planned)
    ]


def _show_redeemed(items: Sequence[RedeemItem], uses: Sequence[UseRow]) -> list[Redeemed | RedeemRefused]:
    return [
        Redeemed(
            item.reference, tuple(show_receipt(use) for use in uses if str(use.coupon_id) == item.reference)
        )
        for item in items
    ]


async def _commit(writes: Sequence[Write]) -> bool:
    """False where somebody else was there first; then nothing is written."""
    try:
        await write_together(writes)
    except (Conflict, GuardFailed):
        return False
    return True


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@contextmanager
def _database_failures(failure: type[ChannelFailure], operation: str) -> Iterator[None]:
    """What the port promises when our own database is the platform that does not answer."""
    try:
        yield
    except (BaseORMException, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise failure("the database gave no answer", operation=operation) from error
