"""Adapters that bring orders wrongly, each in one way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from core.channels.contract import (
    Capability,
    ChannelFailure,
    ChannelOrder,
    ChannelUnavailable,
    CredentialsRefused,
    OrderAnswer,
    OrderBehaviour,
    OrderPage,
    OrderQuery,
    OrderStatus,
    OrderTaken,
    OutcomeUnknown,
    ProtocolFailure,
    RefundDecision,
    ShipmentOrder,
)
from core.ids import new_id
from core.testing.paper import PaperChannel
from core.testing.paper_market import PAGE_SIZE, PaperMarket
from core.testing.paper_orders import PaperOrders, WireOrder, WireOrders
from tests.conformance.mutants import breaks

log = logging.getLogger("paper")


# ------------------------------------------------------------------------------------------------------------- reading
@breaks("test_orders_are_as_declared", "for channels that declare ORDERS")
class DeclaresNoOrders(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities
    orders = PaperOrders()


@breaks("test_orders_are_as_declared", "windows would never move on")
class OverlapsItself(PaperOrders):
    behaviour = OrderBehaviour(timedelta(minutes=5), timedelta(minutes=5), ships=True, decides=True)


@breaks("test_orders_are_as_declared", "`ships` and `ship` go together")
class ShipsUndeclared(PaperOrders):
    behaviour = OrderBehaviour(decides=True)


class Alters(PaperOrders):
    """Reads another order than the platform sent."""

    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return order

    def parse(self, wire: WireOrder) -> ChannelOrder:
        return self.alter(super().parse(wire))


@breaks("test_order_money_is_that_of_the_platform", "other money")
class ReadsYuan(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        lines = tuple(replace(line, total=line.total // 100) for line in order.lines)
        return replace(order, lines=lines, total=99, subtotal=99, discount=0, shipping=0)


@breaks("test_new_order_is_listed", "not the sum of its parts")
@breaks("test_order_money_is_that_of_the_platform", "not the sum of its parts")
class ForgetsCarriage(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return replace(order, shipping=0)


@breaks("test_order_money_is_that_of_the_platform", "other quantities")
class LosesALine(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return replace(order, lines=order.lines[:1])


@breaks("test_order_times_are_the_platforms", "of another zone or unit")
class ReadsLocalTimeAsUtc(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return replace(order, updated_at=order.updated_at + timedelta(hours=8))


@breaks("test_order_times_are_the_platforms", "does not move updated_at")
class TakesThePlacingForTheChange(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return replace(order, updated_at=order.placed_at)


@breaks("test_every_status_is_read", "is read as")
class KnowsNoCancellation(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        off = order.status is OrderStatus.CANCELLED
        return replace(order, status=OrderStatus.UNRECOGNISED if off else order.status)


@breaks("test_unknown_status_is_unrecognised", "is read as PAID")
class TakesTheUnknownForPaid(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        strange = order.status is OrderStatus.UNRECOGNISED
        return replace(order, status=OrderStatus.PAID if strange else order.status)


@breaks("test_phone_is_the_buyers", "another phone")
class HidesEveryPhone(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        return replace(order, phone=None)


@breaks("test_hidden_phone_is_none", "masked number for a phone")
class TrustsMaskedPhones(PaperOrders):
    def parse(self, wire: WireOrder) -> ChannelOrder:
        return replace(super().parse(wire), phone=f"+86{wire.phone}")


@breaks("test_listed_order_is_the_found_one", "the list shows it otherwise")
class FindsAnother(PaperOrders):
    async def find_orders(self, session: Any, references: Sequence[str]) -> Sequence[ChannelOrder]:
        return [replace(order, note="found") for order in await super().find_orders(session, references)]


@breaks("test_unknown_order_is_missing", "lost the other one")
class GivesUpOverOneOrder(PaperOrders):
    async def find_orders(self, session: Any, references: Sequence[str]) -> Sequence[ChannelOrder]:
        found = await super().find_orders(session, references)
        return found if len(found) == len(references) else []


@breaks("test_new_order_is_listed", "not listed")
class ListsNothing(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        return OrderPage()


@breaks("test_orders_keep_to_their_window", "outside of the window")
class ListsEverything(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        return await super().list_orders(
            session,
            replace(query, since=query.since - timedelta(days=1), until=query.until + timedelta(days=1)),
        )


@breaks("test_orders_keep_to_their_window", "belongs to the window")
class LeavesOutTheFirstInstant(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        page = await super().list_orders(session, query)
        return replace(page, orders=tuple(each for each in page.orders if each.updated_at > query.since))


@breaks("test_every_page_of_orders", "are left out")
class ReadsThePageAfterNext(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        page = await super().list_orders(session, query)
        if page.next_cursor is None:
            return page
        skipped = await super().list_orders(session, replace(query, cursor=page.next_cursor))
        return replace(page, next_cursor=skipped.next_cursor)


class PagesByNumber(PaperMarket):
    """Its list is of the newest first, and its cursor an offset: whatever is placed meanwhile moves the rest."""

    def list_page(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = sorted(
            (order for order in self.orders.values() if body["since"] <= order["changed"] < body["until"]),
            key=lambda order: (order["changed"], order["id"]),
        )
        at = int(body["cursor"] or 0)
        more = at + PAGE_SIZE < len(found)
        return {
            "code": 0,
            "orders": found[at : at + PAGE_SIZE],
            "next": str(at + PAGE_SIZE) if more else None,
        }


@breaks("test_orders_survive_changes", "were skipped")
class PagesByOffset(PagesByNumber):
    pass


@breaks("test_reading_orders_changes_nothing", "reading changed what was read")
class TakesReadingForPaying(PaperMarket):
    def list_page(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().list_page(body)
        for order in self.orders.values():
            order["paid"] += 1
        return answer


# ------------------------------------------------------------------------------------------------------------- telling
@breaks("test_shipping_again_is_harmless", "parcels")
@breaks("test_deciding_again_is_harmless", "another decision was told")
class MakesNewTokens(PaperOrders):
    async def ship(self, session: Any, order: ShipmentOrder) -> OrderAnswer:
        return await super().ship(session, replace(order, token=str(new_id())))

    async def decide_refund(self, session: Any, decision: RefundDecision) -> OrderAnswer:
        return await super().decide_refund(session, replace(decision, token=str(new_id())))


@breaks("test_deciding_again_is_harmless", "another decision was told")
class AlwaysSaysYes(PaperOrders):
    async def decide_refund(self, session: Any, decision: RefundDecision) -> OrderAnswer:
        return await super().decide_refund(session, replace(decision, approve=True))


@breaks("test_unknown_order_is_not_shipped", "a parcel of no order")
class TakesEveryAnswerForTaken(PaperOrders):
    async def write(self, session: Any, operation: str, body: Mapping[str, Any]) -> OrderAnswer:
        await super().write(session, operation, body)
        return OrderTaken()


# ------------------------------------------------------------------------------------------------------------- failing
class Mistakes(PaperOrders):
    """Does something else where reading raises `ignored`."""

    ignored: type[ChannelFailure] = ChannelFailure

    async def read(self, session: Any, operation: str, body: Mapping[str, Any]) -> WireOrders:
        try:
            return await super().read(session, operation, body)
        except self.ignored as failure:
            return self.mistake(failure)

    def mistake(self, failure: ChannelFailure) -> WireOrders:
        return WireOrders(code=0, orders=[])


@breaks("test_lost_order_list_is_unavailable", "although its request failed")
@breaks("test_lost_order_is_unavailable", "although its request failed")
@breaks("test_rubbish_is_no_empty_list", "although its request failed")
@breaks("test_rubbish_is_no_missing_order", "although its request failed")
@breaks("test_server_error_on_orders", "although its request failed")
@breaks("test_unknown_order_answer_is_a_failure", "out of an unlisted platform code")
@breaks("test_wrong_credentials_list_no_orders", "the platform refuses the credentials")
class TakesFailuresForNothing(Mistakes):
    pass


@breaks("test_lost_order_list_is_unavailable", "a lost page of orders is")
@breaks("test_server_error_on_orders", "HTTP 500 on orders is")
class CallsReadingUnknown(Mistakes):
    ignored = ChannelUnavailable

    def mistake(self, failure: ChannelFailure) -> WireOrders:
        raise OutcomeUnknown("who knows") from None


@breaks("test_wrong_credentials_list_no_orders", "who knows")
class CallsRefusedKeysRubbish(Mistakes):
    ignored = CredentialsRefused

    def mistake(self, failure: ChannelFailure) -> WireOrders:
        raise ProtocolFailure("who knows") from None


@breaks("test_spoilt_orders_are_no_crash", "which is no ChannelFailure")
class ParsesByHand(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        try:
            return await super().list_orders(session, query)
        except ProtocolFailure:
            raise KeyError("orders") from None


@breaks("test_cancelled_order_list", "the cancellation was swallowed")
class SwallowsCancellation(PaperOrders):
    async def list_orders(self, session: Any, query: OrderQuery) -> OrderPage:
        try:
            return await super().list_orders(session, query)
        except asyncio.CancelledError:
            return OrderPage()


class Ships(PaperOrders):
    """Does something else where telling of a parcel fails."""

    async def ship(self, session: Any, order: ShipmentOrder) -> OrderAnswer:
        try:
            return await super().ship(session, order)
        except ChannelFailure as failure:
            return await self.mistake(session, order, failure)

    async def mistake(self, session: Any, order: ShipmentOrder, failure: ChannelFailure) -> OrderAnswer:
        return OrderTaken()


@breaks("test_lost_parcel_is_unknown", "although its request failed")
@breaks("test_rubbish_is_no_parcel", "read a success out of")
class TakesSilenceForTaken(Ships):
    pass


@breaks("test_lost_parcel_is_unknown", "although its request failed")
class TellsOnceMore(Ships):
    async def mistake(self, session: Any, order: ShipmentOrder, failure: ChannelFailure) -> OrderAnswer:
        return await PaperOrders.ship(self, session, order)


@breaks("test_unsent_parcel_told_nothing", "nothing was sent, but")
class CallsEverythingUnknown(Ships):
    async def mistake(self, session: Any, order: ShipmentOrder, failure: ChannelFailure) -> OrderAnswer:
        raise OutcomeUnknown("who knows") from None


@breaks("test_good_orders_say_nothing", "was said aloud")
class LogsPhones(Alters):
    def alter(self, order: ChannelOrder) -> ChannelOrder:
        log.info("order of %s", order.phone)
        return order


@breaks("test_failed_orders_say_nothing", "was said aloud")
class LogsWhoWasNotFound(PaperOrders):
    def __init__(self) -> None:
        self.known: dict[str, str | None] = {}

    async def find_orders(self, session: Any, references: Sequence[str]) -> Sequence[ChannelOrder]:
        try:
            found = await super().find_orders(session, references)
        except ChannelFailure:
            log.warning("no answer about %s", self.known)
            raise
        self.known |= {order.reference: order.phone for order in found}
        return found
