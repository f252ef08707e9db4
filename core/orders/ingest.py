"""Taking in the orders of platforms: in any order of arrival, any number of times, by any number of workers.

A state is written whole (order, lines, refunds, parcels, timeline, event) or not at all. The key of account and
platform's id decides who writes an order first, and the UPDATE itself refuses a state that is not newer than the one it
would replace. What a state shows of the buyer is kept by the same rule on its own: platforms hide it later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.channels.bindings import BoundAccount
from core.channels.contract import ChannelOrder
from core.db.inserts import insert_row
from core.db.statements import (
    Conflict,
    GuardFailed,
    Write,
    as_uuid,
    fetch_row,
    fetch_rows,
    write_together,
)
from core.db.transactions import run_again
from core.events.outbox import outbox_write
from core.ids import new_id
from core.orders.announcing import ORDER_CHANGED
from core.orders.buyers import build_contact, find_by_identity, write_buyer_key
from core.orders.line_states import derive_lines, find_promise, find_worst
from core.orders.order_rows import ORDER_COLUMNS, load_lines, read_order
from core.orders.part_writes import write_parts
from core.orders.sealed import seal_document
from core.orders.states import MAX_NOTE, check_order, write_key
from core.orders.values import LineView, OrderView
from core.presale.promises import OrderFacts, promise_lines
from core.runtime import Runtime

_ATTEMPTS: Final = 20
_MAX_NUMBER: Final = 64
_TAG_LENGTH: Final = 6


class IngestOutcome(StrEnum):
    """What a state of an order brought. UNCHANGED: it was known, or a newer one was."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"


class OrderContended(Exception):  # reads as what it is
    """Others kept changing the order, again and again."""


@dataclass(frozen=True, slots=True)
class Shops:
    """Which of the merchant's stores the platform's stores are, for one account."""

    by_reference: Mapping[str, UUID] = field(default_factory=dict)

    def find(self, external_store_id: str | None) -> UUID | None:
        """The store. An order that names none is of the only one there is."""
        if external_store_id is not None:
            return self.by_reference.get(external_store_id)
        return next(iter(self.by_reference.values())) if len(self.by_reference) == 1 else None


@dataclass(frozen=True, slots=True)
class _Intake:
    """One state of one order on its way in."""

    runtime: Runtime
    account: BoundAccount
    account_id: UUID
    order: ChannelOrder
    key: str
    buyer_key: str
    store_id: UUID | None

    @property
    def tenant_id(self) -> UUID:
        return self.account.tenant_id


@dataclass(frozen=True, slots=True)
class _Present:
    """The order as it is stored, and of which states it and its buyer are."""

    view: OrderView
    state_key: str
    buyer_key: str


async def ingest_order(
    runtime: Runtime, account: BoundAccount, order: ChannelOrder, shops: Shops | None = None
) -> IngestOutcome:
    """Takes in a state of an order. `shops` spares the look-up where many orders of one account come at once.

    Raises ProtocolFailure for a state that cannot be kept, and OrderContended.
    """
    check_order(order)
    if account.account_id is None:
        raise ValueError("orders of a channel come from an account")
    known = shops or await load_shops(account.tenant_id, account.account_id)
    store_id = known.find(order.external_store_id)
    key = write_key(runtime.keys, order)
    intake = _Intake(runtime, account, account.account_id, order, key, write_buyer_key(order, key), store_id)
    outcome = await _settle(intake)
    if outcome is not IngestOutcome.UNCHANGED:
        runtime.events.wake()
    return outcome


async def load_shops(tenant_id: UUID, account_id: UUID) -> Shops:
    """The stores that an account is bound to."""
    rows = await fetch_rows(
        "SELECT store_id, external_store_id FROM channel_store WHERE tenant_id = $1 AND account_id = $2",
        tenant_id,
        account_id,
    )
    return Shops({row["external_store_id"]: as_uuid(row["store_id"]) for row in rows})


async def _settle(intake: _Intake) -> IngestOutcome:
    """Tries until the state is in, or needs not be. Whoever was faster has left something newer to look at."""
    taken = False
    for _ in range(_ATTEMPTS):
        present = await _find_present(intake)
        try:
            if present is None:
                return await _create(intake, _choose_number(intake, taken=taken))
            if intake.key > present.state_key:
                return await _update(intake, present)
            if intake.buyer_key > present.buyer_key:
                return await _learn_buyer(intake, present)
        except (Conflict, GuardFailed) as refusal:
            # Still not there after that: it was the number that another order has.
            taken = isinstance(refusal, Conflict)
            continue
        return IngestOutcome.UNCHANGED
    raise OrderContended("the order changes all the time")


async def _find_present(intake: _Intake) -> _Present | None:
    row = await fetch_row(
        f"SELECT {ORDER_COLUMNS}, state_key, buyer_key FROM customer_order"
        " WHERE tenant_id = $1 AND account_id = $2 AND external_id = $3",
        intake.tenant_id, intake.account_id, intake.order.reference,
    )  # fmt: skip
    return _Present(read_order(row), row["state_key"] or "", row["buyer_key"] or "") if row else None


# ------------------------------------------------------------------------------------------------------------- writing
async def _create(intake: _Intake, number: str) -> IngestOutcome:
    """Raises Conflict where somebody else has created it meanwhile, or has the number."""
    order_id, order = new_id(), intake.order
    lines = await _make_lines(intake, order_id, {})
    columns = {
        **_columns(intake, order_id, lines),
        **await _buyer_columns(intake, order_id, ""),
        "id": order_id,
        "tenant_id": intake.tenant_id,
        "account_id": intake.account_id,
        "channel": intake.account.channel.code,
        "external_id": order.reference,
        "number": number,
        "version": 1,
    }
    parts = write_parts(order, intake.tenant_id, order_id, lines, new=True)
    await _write([insert_row("customer_order", **columns), *parts, _announce(intake, order_id)])
    return IngestOutcome.CREATED


async def _update(intake: _Intake, present: _Present) -> IngestOutcome:
    """Raises GuardFailed where somebody else has changed it meanwhile."""
    view = present.view
    stored = (await load_lines(intake.tenant_id, [view.id]))[view.id]
    lines = await _make_lines(intake, view.id, {line.line_key: line for line in stored})
    columns = {
        **_columns(intake, view.id, lines),
        **await _buyer_columns(intake, view.id, present.buyer_key),
    }
    columns["store_id"] = intake.store_id or view.store_id
    columns["customer_id"] = columns.get("customer_id") or view.customer_id
    parts = write_parts(intake.order, intake.tenant_id, view.id, lines, new=False)
    await _write([_replace_state(intake, view, columns), *parts, _announce(intake, view.id)])
    return IngestOutcome.UPDATED


async def _learn_buyer(intake: _Intake, present: _Present) -> IngestOutcome:
    """An old state that came late shows the buyer whom the newer one hides."""
    view = present.view
    columns = await _buyer_columns(intake, view.id, present.buyer_key)
    columns["customer_id"] = columns.get("customer_id") or view.customer_id
    change = _build_update(view, columns, "coalesce(buyer_key, '')", intake.buyer_key)
    await _write([change, _announce(intake, view.id)])
    return IngestOutcome.UPDATED


async def _make_lines(
    intake: _Intake, order_id: UUID, stored: Mapping[str, LineView]
) -> tuple[LineView, ...]:
    """The lines with the days by which they are promised. What a wave promised once stays, though others fill it."""
    order = intake.order
    lines = derive_lines(order, intake.tenant_id, order_id, stored)
    facts = OrderFacts(intake.tenant_id, intake.store_id, order.type, order.status, order.paid_at)
    waved = {key: line for key, line in stored.items() if line.presale}
    return await promise_lines(facts, lines, intake.runtime.clock.now(), waved)


def _columns(intake: _Intake, order_id: UUID, lines: Sequence[LineView]) -> dict[str, Any]:
    """What the state says of the order itself."""
    order = intake.order
    return {
        "store_id": intake.store_id,
        "external_store_id": order.external_store_id,
        "type": order.type.value,
        "status": order.status.value,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "external_updated_at": order.updated_at,
        "state_key": intake.key,
        "buyer_reference": order.buyer_reference,
        "subtotal": order.subtotal,
        "discount": order.discount,
        "shipping": order.shipping,
        "total": order.total,
        "paid": order.paid,
        "refunded": order.refunded,
        "note": (order.note or "").replace("\x00", "")[:MAX_NOTE] or None,
        "promised_ship_at": find_promise(order.status, lines),
        "fulfilment_risk": find_worst(lines).value,
        "document_sealed": seal_document(intake.runtime.keys, intake.tenant_id, order_id, order.raw),
    }


async def _buyer_columns(intake: _Intake, order_id: UUID, buyer_key: str) -> dict[str, Any]:
    """Who bought, where no state tells it better; else only whom the platform's id of the buyer names."""
    columns: dict[str, Any] = {}
    if intake.buyer_key > buyer_key:
        columns = await build_contact(
            intake.runtime.keys, intake.account, order_id, intake.order, intake.buyer_key
        )
    if columns.get("customer_id") is None:
        columns["customer_id"] = await find_by_identity(intake.account, intake.order.buyer_reference)
    return columns


def _replace_state(intake: _Intake, view: OrderView, columns: Mapping[str, Any]) -> Write:
    return _build_update(view, columns, "coalesce(state_key, '')", intake.key)


def _build_update(view: OrderView, columns: Mapping[str, Any], older: str, key: str) -> Write:
    """The UPDATE of an order that is still as it was read, and of an older state than `key`."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 5))
    return Write(
        f"UPDATE customer_order SET version = version + 1, {changes}"
        f" WHERE tenant_id = $1 AND id = $2 AND version = $3 AND {older} < $4",
        (view.tenant_id, view.id, view.version, key, *columns.values()),
        expects=1,
    )


def _announce(intake: _Intake, order_id: UUID) -> Write:
    return outbox_write(intake.tenant_id, intake.store_id, ORDER_CHANGED, order_id)


async def _write(writes: Sequence[Write]) -> None:
    await run_again(lambda: write_together(writes))


def _choose_number(intake: _Intake, *, taken: bool) -> str:
    """The platform's own number; with a tag where it is too long, or another account's order of the merchant has it."""
    reference = intake.order.reference
    if not taken and len(reference) <= _MAX_NUMBER:
        return reference
    tag = hashlib.sha256(f"{intake.account_id}:{reference}".encode()).hexdigest()[:_TAG_LENGTH]
    return f"{reference[: _MAX_NUMBER - _TAG_LENGTH - 1]}-{tag}"
