"""Deliveries of platforms: proved, stored once, acknowledged, worked on after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import (
    Capability,
    Channel,
    ChannelEvent,
    ChannelModel,
    Misconfigured,
    NoCredentials,
    ProtocolFailure,
    Recognition,
    Scanned,
    WebhookDelivery,
    WebhookRejected,
    WebhookReply,
    Webhooks,
)
from core.coupons.values import coupon_id
from core.db.inserts import insert_row
from core.db.statements import Json, as_optional_instant, fetch_rows, write_together
from core.errors import BadInput, NotFound, Unauthenticated
from core.ids import new_id
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock
from core.work import inbox
from core.work.inbox import handle_inbox, take_delivery


class PaperWebhooks(Webhooks):
    """The header "signature" must be "good"; the body is a JSON list of events."""

    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        if delivery.headers.get("signature") != "good":
            raise WebhookRejected("wrong signature")

    def parse(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel]) -> Sequence[ChannelEvent]:
        if not delivery.body.startswith(b"["):
            raise ProtocolFailure("no list", path="$")
        return [
            ChannelEvent(each["id"], each["kind"], each.get("subject"), each.get("at"), each)
            for each in orjson.loads(delivery.body)
        ]

    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        return WebhookReply(b"thanks")


class PaperChannel(Channel):
    code = "paper"
    name = "Paper"
    capabilities = frozenset({Capability.WEBHOOKS})

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


@dataclass
class Shop:
    """A merchant with one account of the paper channel, and what was kicked."""

    clock: ManualClock
    account: BoundAccount
    secret: bool = True
    kicked: list[str] = field(default_factory=list)

    async def find_delivery_account(self, channel: str, account_id: UUID) -> BoundAccount | None:
        known = (channel, account_id) == ("paper", self.account.account_id)
        return self.account if known else None

    async def open_credentials(self, account: BoundAccount) -> ChannelModel:
        if not self.secret:
            raise Misconfigured("no secret")
        return NoCredentials()

    async def kick(self, name: str) -> None:
        self.kicked.append(name)

    @property
    def runtime(self) -> Runtime:
        return cast("Runtime", SimpleNamespace(clock=self.clock, accounts=self, work=self))

    async def deliver(self, *events: dict[str, Any], signature: str = "good", **changes: Any) -> WebhookReply:
        delivery = WebhookDelivery("POST", {"signature": signature}, {}, orjson.dumps(events))
        account_id = changes.pop("account_id", self.account.account_id)
        channel = changes.pop("channel", "paper")
        return await take_delivery(self.runtime, channel, account_id, replace(delivery, **changes))

    async def add_coupon(self, reference: str, **changes: Any) -> UUID:
        id_ = coupon_id(self.account.tenant_id, self.account.account_id, "paper", reference)
        columns: dict[str, Any] = {
            "account_id": self.account.account_id,
            "channel": "paper",
            "reference": reference,
            "handle_sealed": b"",
            "code_fingerprint": "",
            "code_tail": "",
            "kind": "CASH_VOUCHER",
            "title": "",
            "status": "AVAILABLE",
            "times_total": 1,
            "times_remaining": 1,
            "seen_at": self.clock.now(),
        }
        row = insert_row("coupon", id=id_, tenant_id=self.account.tenant_id, **{**columns, **changes})
        await write_together([row])
        return id_

    async def add_redemption(self, coupon: UUID, status: str, leg_status: str) -> UUID:
        leg_id, tenant_id = new_id(), self.account.tenant_id
        leg = insert_row(
            "redemption_leg",
            id=leg_id,
            tenant_id=tenant_id,
            request_id=new_id(),
            position=0,
            input_index=0,
            account_id=self.account.account_id,
            channel="paper",
            status=leg_status,
            token="",
            order_sealed=b"",
            attempts=1,
            uncertain=True,
        )
        redemption = insert_row(
            "redemption",
            id=new_id(),
            tenant_id=tenant_id,
            request_id=new_id(),
            leg_id=leg_id,
            store_id=new_id(),
            coupon_id=coupon,
            channel="paper",
            actor_id=new_id(),
            status=status,
            times=1,
            discount=0,
            receipts=Json([]),
            attribution="CONFIRMED",
        )
        await write_together([leg, redemption])
        return leg_id


@pytest.fixture
async def shop(database: Settings, tenant_id: UUID, clock: ManualClock) -> Shop:
    channel, account_id = PaperChannel(), new_id()
    channel.webhooks = PaperWebhooks()
    row = insert_row(
        "channel_account",
        id=account_id,
        tenant_id=tenant_id,
        channel="paper",
        name="",
        status="ACTIVE",
        settings=Json({}),
    )
    await write_together([row])
    return Shop(clock, BoundAccount(tenant_id, account_id, channel, "", AccountStatus.ACTIVE, None))


async def read_inbox() -> list[dict[str, Any]]:
    return await fetch_rows("SELECT * FROM inbox_event ORDER BY id")


async def read_coupon_status() -> str:
    (row,) = await fetch_rows("SELECT status FROM coupon")
    return str(row["status"])


async def read_settle_times() -> dict[str, datetime | None]:
    rows = await fetch_rows("SELECT id, settle_at FROM redemption_leg")
    return {str(row["id"]): as_optional_instant(row["settle_at"]) for row in rows}


EVENT = {"id": "e-1", "kind": "coupon.refunded", "subject": "c-1"}


# --------------------------------------------------------------------------------------------------- taking
async def test_a_delivery_is_stored_and_acknowledged(shop: Shop) -> None:
    assert (await shop.deliver(EVENT)).body == b"thanks"
    (row,) = await read_inbox()
    assert (row["event_id"], row["kind"], row["subject"]) == ("e-1", "coupon.refunded", "c-1")
    assert row["handled_at"] is None
    assert shop.kicked == ["handle_inbox"]


async def test_a_repeat_is_acknowledged_and_dropped(shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.deliver(EVENT)).body == b"thanks"
    await shop.deliver(EVENT, {**EVENT, "id": "e-2"})
    assert [row["event_id"] for row in await read_inbox()] == ["e-1", "e-2"]


async def test_a_mere_test_of_the_address(shop: Shop) -> None:
    assert (await shop.deliver()).body == b"thanks"
    assert await read_inbox() == []
    assert shop.kicked == []


async def test_a_wrong_signature_stores_nothing(shop: Shop) -> None:
    with pytest.raises(Unauthenticated):
        await shop.deliver(EVENT, signature="bad")
    assert (await read_inbox(), shop.kicked) == ([], [])


async def test_what_cannot_be_read_comes_again(shop: Shop) -> None:
    with pytest.raises(BadInput):
        await shop.deliver(body=b"{}")
    assert await read_inbox() == []


async def test_there_is_no_such_address(shop: Shop) -> None:
    for changes in ({"account_id": new_id()}, {"channel": "other"}):
        with pytest.raises(NotFound):
            await shop.deliver(EVENT, **changes)
    shop.secret = False
    with pytest.raises(NotFound):
        await shop.deliver(EVENT)
    shop.secret, shop.account = True, replace(shop.account, status=AccountStatus.DISABLED)
    with pytest.raises(NotFound):
        await shop.deliver(EVENT)
    assert await read_inbox() == []


async def test_a_channel_without_webhooks_has_no_address(shop: Shop) -> None:
    shop.account.channel.webhooks = None
    with pytest.raises(NotFound):
        await shop.deliver(EVENT)


async def test_long_ids_stay_apart(shop: Shop) -> None:
    await shop.deliver({**EVENT, "id": "e" * 200 + "1"}, {**EVENT, "id": "e" * 200 + "2"})
    assert len(await read_inbox()) == 2


# ------------------------------------------------------------------------------------------------- handling
async def test_a_refund_marks_the_coupon(shop: Shop) -> None:
    await shop.add_coupon("c-1", times_total=5)
    await shop.deliver(EVENT)
    assert await handle_inbox(shop.runtime) == 1
    assert await read_coupon_status() == "REFUNDED"
    (row,) = await read_inbox()
    assert (row["handled_at"] is not None, row["next_attempt_at"]) == (True, None)
    assert await handle_inbox(shop.runtime) == 0


async def test_a_use_wakes_what_was_declined(shop: Shop) -> None:
    coupon = await shop.add_coupon("c-1")
    older = await shop.add_redemption(coupon, "DECLINED", "REJECTED")
    declined = await shop.add_redemption(coupon, "DECLINED", "REJECTED")
    succeeded = await shop.add_redemption(coupon, "SUCCEEDED", "SUCCEEDED")
    await shop.deliver({"id": "e-1", "kind": "coupon.redeemed", "subject": "c-1"})
    await handle_inbox(shop.runtime)
    assert await read_coupon_status() == "REDEEMED"
    assert await read_settle_times() == {
        str(older): None,
        str(declined): shop.clock.now(),
        str(succeeded): None,
    }


async def test_a_foreign_reversal_wakes_what_succeeded(shop: Shop) -> None:
    coupon = await shop.add_coupon("c-1", status="REDEEMED")
    succeeded = await shop.add_redemption(coupon, "SUCCEEDED", "SUCCEEDED")
    reversed_ = await shop.add_redemption(coupon, "REVERSED", "SUCCEEDED")
    await shop.deliver({"id": "e-1", "kind": "coupon.reversed", "subject": "c-1"})
    await handle_inbox(shop.runtime)
    assert await read_coupon_status() == "AVAILABLE"
    assert await read_settle_times() == {str(succeeded): shop.clock.now(), str(reversed_): None}


async def test_a_leg_under_way_is_left_alone(shop: Shop) -> None:
    leg = await shop.add_redemption(await shop.add_coupon("c-1"), "SUCCEEDED", "UNKNOWN")
    await shop.deliver({"id": "e-1", "kind": "coupon.reversed", "subject": "c-1"})
    await handle_inbox(shop.runtime)
    assert await read_settle_times() == {str(leg): None}


@pytest.mark.parametrize("changes", [{"times_total": 3}, {"seen_at": timedelta(minutes=1)}])
async def test_newer_knowledge_stays(shop: Shop, changes: dict[str, Any]) -> None:
    if "seen_at" in changes:
        changes = {"seen_at": shop.clock.now() + changes["seen_at"]}
    await shop.add_coupon("c-1", **changes)
    event = ChannelEvent("e-1", "coupon.redeemed", "c-1", shop.clock.now())
    await inbox._store_events(
        shop.account.tenant_id, cast("UUID", shop.account.account_id), [event], shop.clock.now()
    )
    assert await handle_inbox(shop.runtime) == 1
    assert await read_coupon_status() == "AVAILABLE"


async def test_consents_are_counted_once(shop: Shop) -> None:
    grants = [{"template": "T-1", "accepted": True}, {"template": "T-2", "accepted": False}]
    event = {"id": "e-1", "kind": "message.consent", "subject": "openid-1", "grants": grants}
    for _ in range(2):
        await shop.deliver(event)
        await handle_inbox(shop.runtime)
    rows = await fetch_rows("SELECT tenant_id, account_id, subject, template, remaining FROM message_consent")
    assert [(row["subject"], row["template"], row["remaining"]) for row in rows] == [("openid-1", "T-1", 1)]
    assert str(rows[0]["account_id"]) == str(shop.account.account_id)


async def test_unknown_kinds_are_kept(shop: Shop) -> None:
    await shop.add_coupon("c-1")
    await shop.deliver({"id": "e-1", "kind": "unrecognised", "subject": "c-1", "more": 1})
    assert await handle_inbox(shop.runtime) == 1
    (row,) = await read_inbox()
    assert row["handled_at"] is not None
    assert '"more"' in str(row["raw"])
    assert await read_coupon_status() == "AVAILABLE"


async def test_a_failure_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.add_coupon("c-1")
    await shop.deliver(EVENT)
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "_effects", lambda *_: 1 / 0)
        assert await handle_inbox(shop.runtime) == 0
    assert await handle_inbox(shop.runtime) == 0
    assert await read_coupon_status() == "AVAILABLE"
    shop.clock.advance(timedelta(seconds=2))
    assert await handle_inbox(shop.runtime) == 1
    assert await read_coupon_status() == "REFUNDED"
