"""By which accounts a message can reach its customer, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from core.access.privacy import mask_phone, open_phone
from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import Address, Capability, Notifications
from core.db.conditions import Where
from core.db.statements import as_uuid, fetch_row, fetch_rows
from core.notifications.consents import ConsentKey
from core.notifications.rows import Message
from core.notifications.templates import load_templates
from core.notifications.values import NotificationReason, TemplateView

if TYPE_CHECKING:
    from core.runtime import Runtime

log = structlog.get_logger(__name__)

# The obstacle that a merchant is told is that of the account which came furthest.
_FURTHEST_LAST: Final = (
    NotificationReason.NO_CHANNEL,
    NotificationReason.NO_TEMPLATE,
    NotificationReason.NO_ADDRESS,
    NotificationReason.NO_CONSENT,
)
_SHOWN_OF_SUBJECT = 4


@dataclass(frozen=True, slots=True)
class Route:
    """One account by which a message can go. `consent`: the yes that it spends, None where none is needed."""

    account: BoundAccount
    account_id: UUID
    sender: Notifications
    template: TemplateView
    recipient: str = field(repr=False)
    consent: ConsentKey | None = field(default=None, repr=False)

    @property
    def masked(self) -> str:
        """The recipient as staff may see it."""
        if self.sender.behaviour.address is Address.PHONE:
            return mask_phone(self.recipient)
        return f"…{self.recipient[-_SHOWN_OF_SUBJECT:]}"


@dataclass(frozen=True, slots=True)
class Routes:
    """What may be tried, in this order, and what stands in the way where nothing can be."""

    routes: tuple[Route, ...]
    obstacle: NotificationReason


async def find_routes(runtime: Runtime, message: Message) -> Routes:
    """The merchant's accounts for a message: mini-programs first, because they cost nothing, then phones.

    Accounts whose platform has refused the message are left out.
    """
    senders = await _list_senders(runtime, message.tenant_id)
    templates = await load_templates(message.tenant_id, message.kind)
    subjects = await _load_subjects(message)
    phone = await _open_phone(runtime, message)
    found: list[Route] = []
    obstacles = [NotificationReason.NO_CHANNEL]
    for account_id, account, sender in senders:
        if account_id in message.refused:
            continue
        recipient = phone if sender.behaviour.address is Address.PHONE else subjects.get(account_id)
        route = _build_route(message, account_id, account, sender, templates.get(account_id), recipient)
        if isinstance(route, Route) and await _has_consent(route):
            found.append(route)
        else:
            obstacles.append(route if not isinstance(route, Route) else NotificationReason.NO_CONSENT)
    refusal = message.reason if message.refused else None
    return Routes(tuple(found), refusal or max(obstacles, key=_FURTHEST_LAST.index))


async def find_route_again(runtime: Runtime, message: Message) -> Route | None:
    """The way that a message went before, for repeating it; the yes that it spent is spent already."""
    templates = await load_templates(message.tenant_id, message.kind)
    subjects = await _load_subjects(message)
    for account_id, account, sender in await _list_senders(runtime, message.tenant_id):
        if account_id == message.account_id:
            by_phone = sender.behaviour.address is Address.PHONE
            recipient = await _open_phone(runtime, message) if by_phone else subjects.get(account_id)
            route = _build_route(message, account_id, account, sender, templates.get(account_id), recipient)
            return route if isinstance(route, Route) else None
    return None


def _build_route(
    message: Message,
    account_id: UUID,
    account: BoundAccount,
    sender: Notifications,
    template: TemplateView | None,
    recipient: str | None,
) -> Route | NotificationReason:
    if template is None:
        return NotificationReason.NO_TEMPLATE
    if recipient is None:
        return NotificationReason.NO_ADDRESS
    key = ConsentKey(message.tenant_id, account_id, recipient, template.template)
    consent = key if sender.behaviour.needs_consent else None
    return Route(account, account_id, sender, template, recipient, consent)


async def _list_senders(
    runtime: Runtime, tenant_id: UUID
) -> Sequence[tuple[UUID, BoundAccount, Notifications]]:
    """The merchant's accounts that send messages, by what they send to, then oldest first."""
    where = Where(tenant_id)
    where.add("status <> ?", AccountStatus.DISABLED.value)
    able = runtime.registry.with_capability(Capability.NOTIFICATIONS)
    where.add_any("channel", [channel.code for channel in able])
    rows = await fetch_rows(
        f"SELECT id, channel FROM channel_account WHERE {where} ORDER BY id", *where.values
    )
    senders = []
    for row in rows:
        account_id = as_uuid(row["id"])
        account = await runtime.accounts.find_delivery_account(row["channel"], account_id)
        if account is not None and account.channel.notifications is not None:
            senders.append((account_id, account, account.channel.notifications))
    return sorted(senders, key=lambda each: each[2].behaviour.address is Address.PHONE)


async def _load_subjects(message: Message) -> Mapping[UUID, str]:
    """Who the customer is to each account's platform; the latest login counts."""
    rows = await fetch_rows(
        "SELECT account_id, subject FROM customer_identity WHERE tenant_id = $1 AND customer_id = $2 ORDER BY id",
        message.tenant_id,
        message.customer_id,
    )
    return {as_uuid(row["account_id"]): str(row["subject"]) for row in rows}


async def _open_phone(runtime: Runtime, message: Message) -> str | None:
    """The subject's own contact, else the customer's phone; None where there is none that can be opened."""
    sealed, bound_to = message.phone_sealed, message.subject_id
    if sealed is None and message.customer_id is not None:
        row = await fetch_row(
            "SELECT phone_sealed FROM customer WHERE tenant_id = $1 AND id = $2",
            message.tenant_id,
            message.customer_id,
        )
        sealed, bound_to = row["phone_sealed"] if row else None, message.customer_id
    try:
        return open_phone(runtime.keys, message.tenant_id, bound_to, sealed) if sealed else None
    except ValueError:
        log.warning("a sealed phone cannot be opened", notification=str(message.id))
        return None


async def _has_consent(route: Route) -> bool:
    """Whether a yes is left, as far as counted; spending it is what decides."""
    if route.consent is None:
        return True
    row = await fetch_row(
        "SELECT remaining FROM message_consent"
        " WHERE tenant_id = $1 AND account_id = $2 AND subject = $3 AND template = $4",
        *route.consent.values,
    )
    return row is not None and row["remaining"] > 0
