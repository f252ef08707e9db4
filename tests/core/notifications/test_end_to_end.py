"""A whole way: an account is connected to Aliyun's simulator over HTTP, a message planned, and sent by the task."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.access.customers import CustomerService
from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.channels.accounts import ChannelAccountView
from core.channels.registry import build_registry, load_simulator
from core.channels.transport.network import Network
from core.coupons import house
from core.coupons.lookup import look_up_code
from core.db.statements import fetch_rows, write_together
from core.ids import new_id
from core.notifications.planning import plan_notification
from core.notifications.templates import set_template
from core.notifications.values import NotificationKind, TemplateField
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock
from core.testing.faults import FaultKind
from core.work.tasks import list_tasks

REMINDER = NotificationKind.RESERVATION_REMINDER


@dataclass(repr=False)
class Shop:
    runtime: Runtime
    owner: Any
    store_id: UUID
    customer_id: UUID
    simulator: Any

    async def plan(self, key: str) -> None:
        planned = plan_notification(
            self.owner.tenant_id,
            REMINDER,
            self.customer_id,
            store_id=self.store_id,
            subject_type="visit",
            subject_id=new_id(),
            values={"store": "西湖店", "time": "3月2日 14:00"},
            dedupe_key=key,
            due_at=self.runtime.clock.now(),
        )
        await write_together([planned])

    async def run_task(self) -> None:
        task = next(each for each in list_tasks(self.runtime.settings) if each.name == "send_notifications")
        assert task.every == self.runtime.settings.sweep_seconds
        await task.run(self.runtime)

    async def states(self) -> list[tuple[str, str | None]]:
        rows = await fetch_rows("SELECT status, reason FROM notification ORDER BY id")
        return [(row["status"], row["reason"]) for row in rows]


@pytest.fixture
async def shop(database: Settings) -> AsyncIterator[Shop]:
    clock = ManualClock()
    module = import_module("adapters.aliyun_sms.channel")
    registry = build_registry(load_entry_points=False, plugins=[module, house])
    simulator = load_simulator(registry.get("aliyun_sms"))(clock)
    simulator.address = "https://sms.example"
    settings = database.model_copy(update={"allow_private_hosts": True})
    transport = httpx.ASGITransport(simulator, raise_app_exceptions=False)
    async with Network(settings, transport=transport) as network:
        runtime = build_runtime(settings, network, registry=registry, clock=clock)
        made = await create_merchant("Camellia", "West Lake")
        owner = await authenticate(made.token)
        account = await runtime.accounts.connect_channel(
            owner,
            "aliyun_sms",
            "SMS",
            dict(simulator.credentials),
            dict(simulator.settings(simulator.address)),
        )
        assert isinstance(account, ChannelAccountView), account
        fields = {"store": TemplateField(value="store"), "time": TemplateField(value="time")}
        await set_template(runtime, owner, account.id, REMINDER, "SMS_000000001", fields)
        customer_id = await CustomerService(runtime.keys).ensure_customer(owner.tenant_id, "13812345678")
        yield Shop(runtime, owner, made.store_id, customer_id, simulator)


async def test_message_arrives(shop: Shop) -> None:
    await shop.plan("a")
    await shop.run_task()
    assert await shop.states() == [("SENT", None)]
    [sent] = shop.simulator.list_messages()
    assert (sent.recipient, dict(sent.values)) == ("13812345678", {"store": "西湖店", "time": "3月2日 14:00"})


async def test_nothing_is_sent_twice(shop: Shop) -> None:
    """Whatever goes wrong on the way: at most one message each, and each is in a state that tells the truth."""
    faults = [FaultKind.LOSE, FaultKind.DROP_AFTER_APPLY, FaultKind.ERROR_500_AFTER_APPLY, FaultKind.GARBAGE]
    shop.simulator.faults.script("send", *faults)
    for number in range(6):
        await shop.plan(f"k{number}")
    for _ in range(3):
        await shop.run_task()
        shop.runtime.clock.advance(3600)  # type: ignore[attr-defined]
    states = await shop.states()
    tokens = [message.token for message in shop.simulator.list_messages()]
    assert len(tokens) == len(set(tokens)) == 5
    assert sorted(status for status, _ in states) == ["SENT"] * 2 + ["UNKNOWN"] * 4


async def test_throttled_message_is_sent_later(shop: Shop) -> None:
    shop.simulator.faults.script("send", FaultKind.RATE_LIMIT)
    await shop.plan("a")
    await shop.run_task()
    assert await shop.states() == [("DUE", "CHANNEL_UNAVAILABLE")]
    shop.runtime.clock.advance(10)  # type: ignore[attr-defined]
    await shop.run_task()
    assert (await shop.states(), len(shop.simulator.list_messages())) == ([("SENT", None)], 1)


async def test_messenger_is_never_asked_about_codes(shop: Shop) -> None:
    calls = sum(shop.simulator.calls.values())
    result = await look_up_code(shop.runtime, shop.owner, shop.store_id, "123456789012")
    assert "aliyun_sms" not in {probe.channel for probe in result.probes}
    assert sum(shop.simulator.calls.values()) == calls


async def test_wrong_keys_connect_nothing(shop: Shop) -> None:
    wrong = {**shop.simulator.credentials, "accessKeySecret": "another"}
    answer = await shop.runtime.accounts.connect_channel(
        shop.owner, "aliyun_sms", "SMS", wrong, dict(shop.simulator.settings(shop.simulator.address))
    )
    assert isinstance(answer, tuple)
    assert answer[0].field == ("credentials", "accessKeySecret")
