"""Staff see who was told what in their stores, and never what it said or to which number."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from core.access.values import Actor, Role
from core.errors import Forbidden, NotFound, Unauthenticated
from core.ids import new_id
from core.notifications.ledger import count_notifications, list_notifications, load_notifications
from core.notifications.values import (
    NotificationFilter,
    NotificationKind,
    NotificationStatus,
    NotificationView,
)

EVERYTHING = NotificationFilter()


async def list_kinds(actor: Actor, wanted: NotificationFilter = EVERYTHING) -> list[NotificationKind]:
    page = await list_notifications(actor, wanted, 50, None)
    assert await count_notifications(actor, wanted) == len(page.notifications)
    return [view.kind for view in page.notifications]


async def test_newest_first_by_pages(shop: Any) -> None:
    for number in range(5):
        await shop.plan(f"k{number}")
    rows = [row["id"] for row in reversed(await shop.rows())]
    first = await list_notifications(shop.owner, EVERYTHING, 2, None)
    second = await list_notifications(shop.owner, EVERYTHING, 3, first.notifications[-1].id)
    assert (first.has_more, second.has_more) == (True, False)
    seen = [str(view.id) for view in (*first.notifications, *second.notifications)]
    assert seen == [str(row) for row in rows]


async def test_what_is_shown(shop: Any) -> None:
    account_id = await shop.connect("sms")
    await shop.plan()
    await shop.send()
    [view] = (await list_notifications(shop.owner, EVERYTHING, 1, None)).notifications
    assert (view.status, view.channel, view.account_id) == (NotificationStatus.SENT, "sms", account_id)
    assert (view.recipient, view.attempts, view.sent_at) == ("138****8000", 1, shop.clock.now())
    assert "13800138000" not in repr(view)
    assert {"texts", "phone_sealed"}.isdisjoint(field.name for field in fields(NotificationView))


async def test_filters(shop: Any) -> None:
    cancelled, reminder = NotificationKind.RESERVATION_CANCELLED, NotificationKind.RESERVATION_REMINDER
    await shop.connect("sms")
    await shop.plan("a")
    await shop.send()
    somebody = new_id()
    await shop.plan("b", kind=reminder, customer_id=somebody)
    await shop.plan("c", kind=cancelled, store_id=None)
    sent = NotificationFilter(statuses=(NotificationStatus.SENT,))
    assert await list_kinds(shop.owner, sent) == [NotificationKind.RESERVATION_CONFIRMED]
    assert await list_kinds(shop.owner, NotificationFilter(kinds=(reminder,))) == [reminder]
    assert await list_kinds(shop.owner, NotificationFilter(customer_id=somebody)) == [reminder]
    assert await list_kinds(shop.owner, NotificationFilter(channel="sms")) == [
        NotificationKind.RESERVATION_CONFIRMED
    ]
    of_store = await list_kinds(shop.owner, NotificationFilter(store_id=shop.store_id))
    assert of_store == [reminder, NotificationKind.RESERVATION_CONFIRMED]
    created = (await list_notifications(shop.owner, EVERYTHING, 1, None)).notifications[0].created_at
    hour = timedelta(hours=1)
    assert await list_kinds(shop.owner, NotificationFilter(until=created - hour)) == []
    assert len(await list_kinds(shop.owner, NotificationFilter(since=created - hour))) == 3


async def test_staff_see_their_stores(shop: Any) -> None:
    await shop.plan("a")
    await shop.plan("b", store_id=new_id(), kind=NotificationKind.RESERVATION_REMINDER)
    await shop.plan("c", store_id=None, kind=NotificationKind.RESERVATION_CANCELLED)
    staff = replace(shop.owner, role=Role.STAFF, store_ids=frozenset({shop.store_id}))
    assert await list_kinds(staff) == [NotificationKind.RESERVATION_CONFIRMED]
    ids = [row["id"] for row in await shop.rows()]
    assert len(await load_notifications(staff, ids)) == 1
    with pytest.raises(NotFound):
        await list_notifications(staff, NotificationFilter(store_id=new_id()), 10, None)


async def test_another_merchant_sees_nothing(shop: Any) -> None:
    await shop.plan()
    stranger = replace(shop.owner, tenant_id=new_id())
    assert await list_kinds(stranger) == []
    assert await load_notifications(stranger, [row["id"] for row in await shop.rows()]) == {}


@pytest.mark.parametrize("role", [Role.POS, Role.CUSTOMER])
async def test_others_see_nothing(shop: Any, role: Role) -> None:
    await shop.plan()
    actor = replace(shop.owner, role=role)
    with pytest.raises(Forbidden):
        await list_notifications(actor, EVERYTHING, 10, None)
    with pytest.raises(Unauthenticated):
        await count_notifications(None, EVERYTHING)
    assert await load_notifications(actor, [row["id"] for row in await shop.rows()]) == {}
