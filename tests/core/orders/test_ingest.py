"""Orders of a platform: kept whole, once, whatever comes first; the newest state counts, to the fen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from bazaar import NOON, PHONE, S, Stall, make_line, make_order, open_account, open_stall

from core.access.privacy import open_phone
from core.channels.contract import (
    ChannelRefund,
    ChannelShipment,
    OrderType,
    ProtocolFailure,
    RefundStatus,
)
from core.db.statements import as_instant, as_json, as_uuid, execute, fetch_row, fetch_rows
from core.ids import encode_global_id, new_id
from core.orders.adopting import adopt_orders
from core.orders.ingest import IngestOutcome
from core.orders.order_rows import load_order
from core.orders.sealed import open_document
from core.rotation import rotate_seals
from core.settings import Settings

CREATED, UPDATED, UNCHANGED = IngestOutcome
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def stall(database: Settings) -> AsyncIterator[Stall]:
    async with open_stall(database) as opened:
        yield opened


def later(minutes: int = 1, **changes):
    return {"updated_at": NOON + minutes * MINUTE} | changes


# ------------------------------------------------------------------------------------------------------------- arriving
async def test_new_order_is_kept_whole(stall):
    lines = (make_line("l1", 2, 4400), make_line("l2", 1, 990, title="Cup", sku_reference="cup-9"))
    assert await stall.take(make_order(lines=lines, note="no sugar")) is CREATED
    [order] = await stall.list(
        "customer_order", "number", "external_id", "channel", "status", "type", "subtotal", "discount", "shipping",
        "total", "paid", "refunded", "note",
    )  # fmt: skip
    assert order == ("o1", "o1", "bazaar", "PAID", "SHIPPED", 9790, 400, 600, 9990, 9990, 0, "no sugar")
    rows = await stall.list("order_line", "line_key", "position", "title", "quantity", "unit_price", "total")
    assert sorted(rows) == [("l1", 0, "Tea", 2, 4400, 8800), ("l2", 1, "Cup", 1, 990, 990)]
    assert await stall.list("outbox_event", "kind") == ["order.changed"]
    assert sorted(await stall.list("timeline_entry", "kind")) == ["paid", "placed"]


async def test_order_is_of_the_bound_store(stall):
    await stall.take(make_order())
    assert [as_uuid(each) for each in await stall.list("customer_order", "store_id")] == [stall.store_id]
    assert [as_uuid(each) for each in await stall.list("outbox_event", "store_id")] == [stall.store_id]


async def test_order_without_a_store_is_of_the_only_one(stall):
    await stall.take(make_order(external_store_id=None))
    assert [as_uuid(each) for each in await stall.list("customer_order", "store_id")] == [stall.store_id]


async def test_order_of_an_unbound_store_is_adopted_once_it_is_bound(stall):
    await stall.take(make_order(external_store_id="stall-2"))
    assert await stall.list("customer_order", "store_id") == [None]
    assert await adopt_orders(stall.tenant_id, stall.account.account_id) == 0
    await execute("UPDATE channel_store SET external_store_id = 'stall-2'")
    assert await adopt_orders(stall.tenant_id, stall.account.account_id) == 1
    assert [as_uuid(each) for each in await stall.list("customer_order", "store_id")] == [stall.store_id]
    assert await stall.count("outbox_event") == 2


async def test_repeat_changes_nothing(stall):
    await stall.take(make_order())
    before = await stall.snapshot(), await stall.count("outbox_event"), await stall.count("timeline_entry")
    assert await stall.take(make_order()) is UNCHANGED
    assert before == (
        await stall.snapshot(), await stall.count("outbox_event"), await stall.count("timeline_entry")
    )  # fmt: skip


async def test_other_document_of_the_same_state_changes_nothing(stall):
    await stall.take(make_order())
    assert await stall.take(make_order(raw={"id": "o1", "asked": "again"})) is UNCHANGED


async def test_newer_state_replaces_the_old(stall):
    await stall.take(make_order(lines=(make_line("l1"), make_line("l2", 1, 100))))
    [before] = await stall.list("order_line", "id", where="line_key = 'l1'")
    newer = make_order(status=S.COMPLETED, lines=(make_line("l1", 3), make_line("l3", 1, 500)), **later())
    assert await stall.take(newer) is UPDATED
    assert sorted(await stall.list("order_line", "line_key", "quantity")) == [("l1", 3), ("l3", 1)]
    assert await stall.list("order_line", "id", where="line_key = 'l1'") == [before]
    assert await stall.list("customer_order", "status", "version", "subtotal") == [("COMPLETED", 2, 13700)]


async def test_older_state_changes_nothing(stall):
    await stall.take(make_order(status=S.SHIPPED, **later()))
    before = await stall.snapshot()
    assert await stall.take(make_order(status=S.PAID)) is UNCHANGED
    assert await stall.snapshot() == before
    assert await stall.count("outbox_event") == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_of_two_states_of_one_instant_the_further_counts(stall, backwards):
    for number in range(6):
        states = [make_order(f"o{number}", status) for status in (S.PAID, S.CANCELLED)]
        for state in reversed(states) if backwards else states:
            await stall.take(state)
    assert await stall.list("customer_order", "status") == ["CANCELLED"] * 6


@pytest.mark.parametrize("backwards", [False, True])
async def test_of_two_like_states_one_is_always_chosen(stall, backwards):
    states = [make_order(reference, note=note) for reference in ("o1", "o2") for note in ("a", "b")]
    for state in reversed(states) if backwards else states:
        await stall.take(state)
    [first, second] = sorted(await stall.list("customer_order", "external_id", "note"))
    again = [await stall.take(state) for state in states]
    assert again == [UNCHANGED] * 4
    assert sorted(await stall.list("customer_order", "external_id", "note")) == [first, second]


async def test_ten_at_once_are_one(stall):
    outcomes = await asyncio.gather(*(stall.take(make_order()) for _ in range(10)))
    assert sorted(outcomes) == [CREATED] + [UNCHANGED] * 9
    assert await stall.count("customer_order") == 1
    assert await stall.count("order_line") == 1
    assert await stall.count("outbox_event") == 1


async def test_states_at_once_end_with_the_newest(stall):
    states = [
        make_order(status=S.PREPARING, lines=(make_line(f"l{number}"),), note=str(number), **later(number))
        for number in range(8)
    ]
    await asyncio.gather(*(stall.take(state) for state in states))
    assert await stall.list("customer_order", "note") == ["7"]
    assert await stall.list("order_line", "line_key") == ["l7"]


async def test_accounts_are_apart(stall):
    other = await open_account(stall, store=None)
    await stall.take(make_order())
    assert await stall.take(make_order(), other) is CREATED
    numbers = await stall.list("customer_order", "number")
    assert len(set(numbers)) == 2
    assert all(number.startswith("o1") for number in numbers)


async def test_unknown_status_is_kept_and_shown(stall):
    await stall.take(make_order(status=S.UNRECOGNISED, type=OrderType.UNRECOGNISED))
    assert await stall.list("customer_order", "status", "type") == [("UNRECOGNISED", "UNRECOGNISED")]
    assert "unrecognised" in await stall.list("timeline_entry", "kind")


async def test_our_own_number_of_the_goods_is_linked(stall):
    sku_id = new_id()
    line = make_line(merchant_sku=encode_global_id("Sku", sku_id))
    await stall.take(make_order(lines=(line, make_line("l2", merchant_sku="A-77"))))
    found = sorted(await stall.list("order_line", "line_key", "sku_id"))
    assert [(key, sku and as_uuid(sku)) for key, sku in found] == [("l1", sku_id), ("l2", None)]


# ------------------------------------------------------------------------------------------------ refunds and parcels
async def test_refunds_follow(stall):
    asked = ChannelRefund(
        "r1", 4400, RefundStatus.REQUESTED, NOON + MINUTE, reason="too late", lines={"l1": 1}
    )
    await stall.take(make_order(refunds=(asked,), **later()))
    done = replace(asked, status=RefundStatus.COMPLETED, decided_at=NOON + 2 * MINUTE)
    line = make_line(refunded_quantity=1)
    await stall.take(make_order(refunds=(done,), refunded=4400, lines=(line,), **later(2)))
    [refund] = await stall.list("order_refund", "refund_key", "amount", "status", "reason", "lines")
    assert (*refund[:4], as_json(refund[4])) == ("r1", 4400, "COMPLETED", "too late", {"l1": 1})
    assert await stall.list("customer_order", "refunded") == [4400]
    assert await stall.list("order_line", "refunded_quantity") == [1]
    told = await stall.list("timeline_entry", "kind", where="kind LIKE 'refund%'")
    assert sorted(told) == ["refund_completed", "refund_requested"]


async def test_parcels_ship_lines(stall):
    promised = NOON + timedelta(days=2)
    lines = (make_line("l1", 2, promised_ship_at=promised), make_line("l2", 1))
    await stall.take(make_order(lines=lines))
    assert await stall.list("customer_order", "fulfilment_risk") == ["ON_TRACK"]
    first = ChannelShipment("p1", "SF", "SF1", NOON + MINUTE, lines={"l1": 1})
    await stall.take(make_order(status=S.PARTLY_SHIPPED, lines=lines, shipments=(first,), **later()))
    [(shipped, at)] = await stall.list(
        "order_line", "shipped_quantity", "shipped_at", where="line_key = 'l1'"
    )
    assert (shipped, at) == (1, None)
    second = ChannelShipment("p2", "SF", "SF2", NOON + 2 * MINUTE, lines={"l1": 1, "l2": 1})
    await stall.take(make_order(status=S.SHIPPED, lines=lines, shipments=(first, second), **later(2)))
    rows = await stall.list("order_line", "shipped_quantity", "shipped_at", "fulfilment_risk")
    assert sorted(row[0] for row in rows) == [1, 2]
    assert {as_instant(row[1]) for row in rows} == {NOON + 2 * MINUTE}
    assert {row[2] for row in rows} == {"NONE"}
    assert await stall.list("customer_order", "promised_ship_at", "fulfilment_risk") == [(None, "NONE")]


async def test_promise_is_that_of_the_earliest_open_line(stall):
    days = [timedelta(days=each) for each in (3, 1, 2)]
    lines = tuple(make_line(f"l{number}", 1, promised_ship_at=NOON + day) for number, day in enumerate(days))
    parcel = ChannelShipment("p1", shipped_at=NOON, lines={"l1": 1})
    await stall.take(make_order(status=S.PARTLY_SHIPPED, lines=lines, shipments=(parcel,)))
    [promised] = await stall.list("customer_order", "promised_ship_at")
    assert as_instant(promised) == NOON + timedelta(days=2)


async def test_shipped_without_a_parcel_is_as_of_the_first_that_was_seen(stall):
    await stall.take(make_order(status=S.SHIPPED, **later(1)))
    await stall.take(make_order(status=S.COMPLETED, **later(9)))
    [(quantity, at)] = await stall.list("order_line", "shipped_quantity", "shipped_at")
    assert (quantity, as_instant(at)) == (2, NOON + MINUTE)


# ------------------------------------------------------------------------------------------------------------ the buyer
async def test_phone_makes_the_customer_known(stall):
    await stall.take(make_order("o1", phone=PHONE, buyer_name="Lin"))
    await stall.take(make_order("o2", phone="138 0013 8000", buyer_name="Lin"))
    ids = await stall.list("customer_order", "customer_id")
    assert ids[0] is not None
    assert ids[0] == ids[1]
    assert await stall.count("customer") == 1


async def test_phone_is_sealed_to_the_order(stall):
    await stall.take(make_order(phone=PHONE, buyer_name="Lin"))
    row = await fetch_row("SELECT id, phone_sealed, phone_tail, contact_name FROM customer_order")
    opened = open_phone(stall.runtime.keys, stall.tenant_id, as_uuid(row["id"]), bytes(row["phone_sealed"]))
    assert (opened, row["phone_tail"], row["contact_name"]) == (PHONE, "8000", "Lin")


async def test_hidden_phone_is_nobody_known(stall):
    await stall.take(make_order(phone="138****8000", buyer_name="L*"))
    [row] = await stall.list("customer_order", "phone_sealed", "customer_id", "contact_name")
    assert row == (None, None, "L*")


async def test_logged_in_buyer_is_known_by_id(stall):
    customer_id = await stall.add("customer", name="Lin")
    await stall.add(
        "customer_identity", customer_id=customer_id, account_id=stall.account.account_id, channel="bazaar",
        subject="open-7",
    )  # fmt: skip
    await stall.take(make_order(buyer_reference="open-7"))
    assert [as_uuid(each) for each in await stall.list("customer_order", "customer_id")] == [customer_id]


@pytest.mark.parametrize("backwards", [False, True])
async def test_phone_that_the_platform_hides_later_is_kept(stall, backwards):
    shown = make_order(phone=PHONE, buyer_name="Lin")
    hidden = make_order(status=S.COMPLETED, buyer_name="L*", **later())
    for state in (hidden, shown) if backwards else (shown, hidden):
        await stall.take(state)
    [row] = await stall.list("customer_order", "status", "phone_tail", "contact_name")
    assert row == ("COMPLETED", "8000", "Lin")
    assert await stall.list("customer_order", "customer_id") != [None]


# ----------------------------------------------------------------------------------------------------------- documents
async def test_document_is_sealed(stall):
    await stall.take(make_order(raw={"id": "o1", "phone": PHONE}))
    row = await fetch_row("SELECT id, document_sealed FROM customer_order")
    assert PHONE.encode() not in bytes(row["document_sealed"])
    document = await open_document(stall.runtime.keys, stall.tenant_id, as_uuid(row["id"]))
    assert document == {"id": "o1", "phone": PHONE}


async def test_seals_follow_the_secret_key(stall):
    await stall.take(make_order(phone=PHONE))
    assert (await rotate_seals(stall.runtime.keys)).unreadable == 0


# -------------------------------------------------------------------------------------------------------------- hostile
@pytest.mark.parametrize(
    "changes",
    [
        {"reference": ""},
        {"reference": "x" * 129},
        {"reference": "a\x00b"},
        {"total": -1},
        {"paid": 2**31},
        {"subtotal": 88.0},
        {"placed_at": NOON.replace(tzinfo=None)},
        {"lines": (make_line(), make_line())},
        {"lines": (make_line(quantity=0, total=0),)},
        {"lines": (make_line(refunded_quantity=3),)},
        {"lines": (make_line(unit_price=-1),)},
        {"refunds": (ChannelRefund("r1", -5, RefundStatus.REQUESTED),)},
        {"shipments": (ChannelShipment("p1"), ChannelShipment("p1"))},
    ],
    ids=str,
)
async def test_impossible_state_is_refused(stall, changes):
    with pytest.raises(ProtocolFailure):
        await stall.take(replace(make_order(), **changes))
    assert await stall.count("customer_order") == 0


async def test_long_texts_are_cut(stall):
    parcel = ChannelShipment("p1", "c" * 500, "t" * 500, NOON)
    lines = (make_line(title="长" * 900),)
    await stall.take(make_order(lines=lines, shipments=(parcel,), note="n" * 900, buyer_name="b" * 900))
    [title] = await stall.list("order_line", "title")
    assert len(title) == 300
    [(note, name)] = await stall.list("customer_order", "note", "contact_name")
    assert (len(note), len(name)) == (500, 120)


async def test_longest_order_is_taken(stall):
    lines = tuple(make_line(f"l{number}", 1, 100) for number in range(500))
    shipments = tuple(
        ChannelShipment(f"p{number}", "SF", "1", NOON, NOON, {f"l{number}": 1}) for number in range(200)
    )
    refunds = tuple(
        ChannelRefund(f"r{number}", 1, RefundStatus.COMPLETED, NOON, NOON) for number in range(200)
    )
    assert await stall.take(make_order(lines=lines, shipments=shipments, refunds=refunds)) is CREATED
    newer = make_order(lines=lines, shipments=shipments, refunds=refunds, **later())
    assert await stall.take(newer) is UPDATED
    assert await stall.count("order_line") == 500


async def test_personal_data_stays_out_of_what_is_said(stall):
    order = make_order(phone=PHONE, buyer_name="Lin Dan", note="door code 1234")
    await stall.take(order)
    row = await fetch_row("SELECT id FROM customer_order")
    view = await load_order(stall.tenant_id, as_uuid(row["id"]))
    told = (
        repr(view)
        + repr(order)
        + str([dict(each) for each in await fetch_rows("SELECT payload FROM outbox_event")])
    )
    for secret in (PHONE, "13800138000", "Lin Dan", "1234"):
        assert secret not in told
