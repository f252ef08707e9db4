"""Channels and platforms whose list of uses is not what it seems."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CouponState,
    Effect,
    ProtocolFailure,
    RecordedUse,
    StatusQuery,
    UsePage,
    UseQuery,
)
from core.testing.paper import PaperCoupons, WireAnswer, fetch_token, make_request, parse_record
from core.testing.paper_platform import PAGE_SIZE, PaperPlatform
from tests.conformance.mutants import breaks


@breaks("test_listing_is_as_declared", "go together")
class DeclaresNoList(PaperCoupons):
    behaviour = replace(PaperCoupons.behaviour, lists_uses=False)


class Retells(PaperCoupons):
    """Lists what `retell` makes of each use; None leaves it out."""

    def retell(self, use: RecordedUse) -> RecordedUse | None:
        return use

    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        page = await super().list_uses(session, query)
        retold = (self.retell(use) for use in page.uses)
        return replace(page, uses=tuple(use for use in retold if use is not None))


@breaks("test_redeemed_use_is_listed", "not listed under its receipt")
class ListsNothing(Retells):
    def retell(self, use: RecordedUse) -> None:
        return None


@breaks("test_redeemed_use_is_listed", "not listed under its receipt")
class HasOtherReceipts(Retells):
    def retell(self, use: RecordedUse) -> RecordedUse:
        return replace(use, receipt=f"record of {use.receipt}")


@breaks("test_redeemed_use_is_listed", "used_at is")
class ReadsLocalTimeAsUtc(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        page = await super().list_uses(session, replace(query, since=query.since - timedelta(hours=9)))
        local = (replace(use, used_at=use.used_at - timedelta(minutes=30)) for use in page.uses)
        return replace(page, uses=tuple(use for use in local if use.used_at >= query.since))


@breaks("test_listed_money_is_fen", "paid_amount is 88")
class ListsYuan(Retells):
    def retell(self, use: RecordedUse) -> RecordedUse:
        return replace(use, paid_amount=(use.paid_amount or 0) // 100)


@breaks("test_list_keeps_to_its_window", "lies outside of the window")
class ListsWholeDays(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        day = timedelta(days=1)
        return await super().list_uses(session, UseQuery(query.since - day, query.until + day, query.cursor))


@breaks("test_list_keeps_to_its_window", "a use at `since` belongs")
class LeavesOutTheFirstMoment(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        return await super().list_uses(session, replace(query, since=query.since + timedelta(seconds=1)))


@breaks("test_list_has_every_page", "are left out")
class ReadsTheFirstPageOnly(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        return replace(await super().list_uses(session, query), next_cursor=None)


@breaks("test_list_has_every_page", "a page leads to itself")
class NeverGoesOn(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        page = await super().list_uses(session, query)
        return replace(page, next_cursor=query.cursor or page.next_cursor)


@breaks("test_list_survives_changes", "were skipped")
class CountsFromTheStart(PaperPlatform):
    """Pages by offset over the uses that stand: what is taken back moves all later ones to the front."""

    def answer_list(self, body: Mapping[str, Any]) -> dict[str, Any]:
        first = int(body["cursor"] or 0)
        standing = [
            each
            for each in self.list_records()
            if not each["undone"] and body["since"] <= each["at"] < body["until"]
        ]
        more = str(first + PAGE_SIZE) if len(standing) > first + PAGE_SIZE else None
        return {"code": 0, "records": standing[first : first + PAGE_SIZE], "next": more}


@breaks("test_reversed_use_is_marked_or_gone", "as if it stood")
class ForgetsReversals(Retells):
    def retell(self, use: RecordedUse) -> RecordedUse:
        return replace(use, reversed=False)


@breaks("test_listing_again_agrees")
class ListsEachUseOnce(Retells):
    def __init__(self) -> None:
        self.told: set[str] = set()

    def retell(self, use: RecordedUse) -> RecordedUse | None:
        known = use.receipt in self.told
        self.told.add(use.receipt)
        return None if known else use


@breaks("test_list_is_of_one_store", "another store")
class ListsEveryStore(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        return await super().list_uses(replace(session, external_store_id="shop-1"), query)


class ListsOn(PaperCoupons):
    """Answers an empty page where listing raises `ignored`."""

    ignored: type[ChannelFailure] = ChannelFailure

    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        try:
            return await super().list_uses(session, query)
        except self.ignored:
            return UsePage(())


@breaks("test_lost_list_is_unavailable", "although its request failed")
class CallsSilenceAnEmptyDay(ListsOn):
    ignored = ChannelUnavailable


@breaks("test_rubbish_list_is_a_failure", "although its request failed")
@breaks("test_unknown_list_answer_is_a_failure", "out of an unlisted platform code")
class CallsRubbishAnEmptyDay(ListsOn):
    ignored = ProtocolFailure


@breaks("test_spoilt_list_is_no_crash", "which is no ChannelFailure")
class ReadsListsTrustingly(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        body = {
            "since": int(query.since.timestamp()),
            "until": int(query.until.timestamp()),
            "shop": session.external_store_id,
            "cursor": query.cursor,
        }
        answer = await session.http.send(make_request("list", Effect.READ, body, {"access-token": token}))
        wire = WireAnswer.model_validate(answer.json())
        return UsePage(tuple(parse_record(each) for each in wire.records or ()), wire.next)


@breaks("test_cancelled_list", "the cancellation was swallowed")
class GoesOnListing(PaperCoupons):
    async def list_uses(self, session: Any, query: UseQuery) -> UsePage:
        try:
            return await super().list_uses(session, query)
        except asyncio.CancelledError:
            return UsePage(())


@breaks("test_late_application_is_seen", "the use is not shown")
class RemembersTheState(PaperCoupons):
    """What it was told once is told again, whatever happened since."""

    def __init__(self) -> None:
        self.states: dict[str, CouponState] = {}

    async def status(self, session: Any, query: StatusQuery) -> CouponState:
        if query.reference not in self.states:
            self.states[query.reference] = await super().status(session, query)
        return self.states[query.reference]
