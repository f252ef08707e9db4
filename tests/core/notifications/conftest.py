"""A merchant with a mini-program and an SMS account whose platforms are scripted, on a real database."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.access.customers import CustomerService
from core.access.merchants import create_merchant
from core.access.tokens import authenticate, create_token
from core.access.values import Actor, Role
from core.channels.contract import (
    Address,
    Capability,
    Channel,
    Delivered,
    DeliveryRefused,
    NotificationBehaviour,
    Notifications,
    OutgoingMessage,
    Recognition,
    Scanned,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.inserts import insert_row
from core.db.statements import Json, fetch_row, fetch_rows, write_together
from core.ids import new_id
from core.notifications.consents import add_grants
from core.notifications.planning import plan_notification
from core.notifications.sending import send_notifications
from core.notifications.templates import set_template
from core.notifications.values import Grant, NotificationKind, TemplateField
from core.program import build_runtime
from core.runtime import Runtime
from core.settings import Settings
from core.testing.clock import ManualClock

PHONE = "+8613800138000"
OPENID = "openid-of-the-customer-7788"
TEXTS = {"store": "城西店", "time": "3月2日 14:00", "service": "剪发"}
CONFIRMED = NotificationKind.RESERVATION_CONFIRMED

Answer = Delivered | DeliveryRefused | Exception | Callable[[], Awaitable[Any]]


@dataclass
class Platform(Notifications):
    """Takes every message, unless `script` says otherwise for the next ones."""

    behaviour: NotificationBehaviour  # type: ignore[misc]  # of each platform its own
    script: deque[Answer] = field(default_factory=deque)
    calls: list[OutgoingMessage] = field(default_factory=list)

    async def send(self, session: Any, message: OutgoingMessage) -> Delivered | DeliveryRefused:
        self.calls.append(message)
        answer = self.script.popleft() if self.script else Delivered(f"m-{len(self.calls)}")
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return await answer()
        return answer


class ScriptedChannel(Channel):
    capabilities = frozenset({Capability.NOTIFICATIONS})

    def __init__(self, code: str, platform: Platform) -> None:
        self.code, self.name = code, code.title()  # type: ignore[misc]
        self.notifications = platform

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


@dataclass
class Plugin:
    channels: list[Channel]

    @hookimpl
    def register_channels(self, register: Any) -> None:
        for channel in self.channels:
            register(channel)


@dataclass(repr=False)
class Shop:
    """`mini` sends to ids and needs consent, `keyed` is a mini-program that knows repeats, `sms` sends to phones."""

    runtime: Runtime
    clock: ManualClock
    store_id: UUID
    owner: Actor
    customer: Actor
    mini: Platform
    keyed: Platform
    sms: Platform
    accounts: dict[str, UUID] = field(default_factory=dict)

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    async def connect(self, channel: str, template: str | None = "T-1", *, login: bool = False) -> UUID:
        """An account of the channel with a template for CONFIRMED; `login`: the customer is known there."""
        account_id = self.accounts[channel] = new_id()
        own = {"id": account_id, "tenant_id": self.tenant_id, "channel": channel, "name": channel}
        rows = [insert_row("channel_account", status="ACTIVE", settings=Json({}), **own)]
        if login:
            rows.append(self.identity(channel))
        await write_together(rows)
        if template is not None:
            mapping = {"thing1": TemplateField(value="store"), "note": TemplateField(text="请准时")}
            await set_template(
                self.runtime, self.owner, account_id, CONFIRMED, template, mapping, "pages/mine"
            )
        return account_id

    def identity(self, channel: str, subject: str = OPENID) -> Any:
        return insert_row(
            "customer_identity",
            id=new_id(),
            tenant_id=self.tenant_id,
            customer_id=self.customer.customer_id,
            account_id=self.accounts[channel],
            channel=channel,
            subject=subject,
        )

    async def agree(self, channel: str = "mini", times: int = 1, template: str = "T-1") -> None:
        grants = [Grant(template, True)] * times
        await write_together(add_grants(self.tenant_id, self.accounts[channel], OPENID, grants))

    async def remaining(self, channel: str = "mini", template: str = "T-1") -> int:
        sql = "SELECT remaining FROM message_consent WHERE account_id = $1 AND template = $2"
        row = await fetch_row(sql, self.accounts[channel], template)
        return int(row["remaining"]) if row else 0

    async def plan(self, key: str = "k", **changes: Any) -> None:
        given = {
            "store_id": self.store_id,
            "subject_type": "visit",
            "subject_id": new_id(),
            "values": TEXTS,
            "dedupe_key": key,
            "due_at": self.clock.now(),
            **changes,
        }
        kind = given.pop("kind", CONFIRMED)
        customer_id = given.pop("customer_id", self.customer.customer_id)
        await write_together([plan_notification(self.tenant_id, kind, customer_id, **given)])

    async def send(self, after: float = 0, times: int = 1) -> int:
        """Lets seconds pass and sends what is due; repeated, and answers how many were worked on."""
        worked = 0
        for _ in range(times):
            self.clock.advance(after)
            worked += await send_notifications(self.runtime)
        return worked

    async def rows(self) -> list[dict[str, Any]]:
        return await fetch_rows("SELECT * FROM notification ORDER BY id")

    async def row(self) -> dict[str, Any]:
        [row] = await self.rows()
        return row

    async def state(self) -> tuple[str, str | None]:
        """The status and the reason of the only message."""
        row = await self.row()
        return row["status"], row["reason"]


@pytest.fixture
async def shop(database: Settings) -> AsyncIterator[Shop]:
    clock = ManualClock()
    mini = Platform(NotificationBehaviour(Address.SUBJECT, needs_consent=True))
    keyed = Platform(NotificationBehaviour(Address.SUBJECT, repeat_window=timedelta(minutes=10)))
    sms = Platform(NotificationBehaviour(Address.PHONE))
    named = {"mini": mini, "keyed": keyed, "sms": sms}
    channels: list[Channel] = [ScriptedChannel(code, platform) for code, platform in named.items()]
    registry = build_registry(load_entry_points=False, plugins=[Plugin(channels)])
    async with Network(database) as network:
        runtime = build_runtime(database, network, registry=registry, clock=clock)
        merchant = await create_merchant("Tea House", "Lane 1")
        owner = await authenticate(merchant.token)
        customer_id = await CustomerService(runtime.keys).ensure_customer(owner.tenant_id, PHONE)
        token = await create_token(owner.tenant_id, Role.CUSTOMER, customer_id=customer_id)
        customer = await authenticate(token)
        yield Shop(runtime, clock, merchant.store_id, owner, customer, mini, keyed, sms)
