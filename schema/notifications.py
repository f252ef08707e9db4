"""Messages to customers: what was sent, by which templates, and what customers agreed to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.errors import BadInput
from core.messages import text
from core.notifications.consents import record_consent
from core.notifications.ledger import count_notifications, list_notifications, load_notifications
from core.notifications.templates import list_templates, set_template
from core.notifications.values import (
    Grant,
    NotificationKind,
    NotificationReason,
    NotificationStatus,
    NotificationView,
    TemplateField,
    TemplateView,
)
from core.notifications.values import NotificationFilter as CoreFilter
from schema import enums as enums
from schema.channels import Channel, ChannelAccount, find_channel, load_account
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_optional_id, show_id
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.problems import UserError, show_problems
from schema.stores import Store, show_store

CURSOR = "notifications"


@strawberry.type(description="One message to a customer. What it says is shown to nobody else.")
class Notification(Node):
    view: strawberry.Private[NotificationView]
    kind: NotificationKind = strawberry.field(description="What it tells.")
    status: NotificationStatus = strawberry.field(description="How far it has come.")
    reason: NotificationReason | None = strawberry.field(
        description="Why it did not go out, or has not yet; null where all went well."
    )
    recipient: str | None = strawberry.field(
        description="Masked, as in 138****1234; null until an account was chosen."
    )
    channel_code: str | None = strawberry.field(description="The platform's own code of a refusal.")
    attempts: int = strawberry.field(description="How often it was taken in hand.")
    due_at: datetime = strawberry.field(description="When it was to go out.")
    sent_at: datetime | None = strawberry.field(description="When the platform took it.")
    created_at: datetime = strawberry.field(description="When it was planned.")

    @resolved(description="The channel that took it last; null until an account was chosen.")
    def channel(self, info: Info) -> Channel | None:
        return find_channel(info.context, self.view.channel) if self.view.channel else None

    @resolved(description="The account that took it last.")
    async def account(self, info: Info) -> ChannelAccount | None:
        return await load_account(info.context, self.view.account_id)

    @resolved(description="The store that it is about; null where it is about none.")
    async def store(self, info: Info) -> Store | None:
        if self.view.store_id is None:
            return None
        store = await (await info.context.load()).stores.load(self.view.store_id)
        return show_store(store) if store is not None else None

    @resolved(description="Whom it is for; null for a guest without an account.")
    async def customer(self, info: Info) -> Customer | None:
        if self.view.customer_id is None:
            return None
        customer = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(customer) if customer is not None else None


def show_notification(view: NotificationView) -> Notification:
    return Notification(
        id=show_id("Notification", view.id),
        view=view,
        kind=view.kind,
        status=view.status,
        reason=view.reason,
        recipient=view.recipient,
        channel_code=view.channel_code,
        attempts=view.attempts,
        due_at=view.due_at,
        sent_at=view.sent_at,
        created_at=view.created_at,
    )


async def find_notification(context: Context, row_id: UUID) -> Node | None:
    view = (await load_notifications(await context.sign_in(), [row_id])).get(row_id)
    return show_notification(view) if view else None


@strawberry.input(description="Which messages to list; what is given must all hold.")
class NotificationFilter:
    store_id: strawberry.ID | None = strawberry.field(default=None, description="About this store.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="For this customer.")
    status: list[NotificationStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    kind: list[NotificationKind] | None = strawberry.field(default=None, description="Of one of these kinds.")
    channel: str | None = strawberry.field(default=None, description="By the channel of this code.")
    since: datetime | None = strawberry.field(default=None, description="Planned then or later.")
    until: datetime | None = strawberry.field(default=None, description="Planned before then.")


@strawberry.type(description="One message of a page.")
class NotificationEdge:
    cursor: str = strawberry.field(description="Where to go on from.")
    node: Notification = strawberry.field(description="The message.")


@strawberry.type(description="A page of messages.")
class NotificationConnection:
    filter: strawberry.Private[CoreFilter]
    edges: list[NotificationEdge] = strawberry.field(description="The messages of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")

    @resolved(description="How many the filter meets in all.")
    async def total_count(self, info: Info) -> int:
        return await count_notifications(await info.context.sign_in(), self.filter)


# ---------------------------------------------------------------------------------------------------------- templates
@strawberry.type(description="One field of a platform's template, and what fills it.")
class NotificationField:
    field: str = strawberry.field(description="The platform's name of the field, as in `thing1`.")
    value: str | None = strawberry.field(description="Our name of the value, as in `store`.")
    text: str | None = strawberry.field(description="A text that is always the same, instead of a value.")


@strawberry.type(
    description="How an account tells one kind of message. The words are those of the platform's template."
)
class NotificationTemplate:
    kind: NotificationKind = strawberry.field(description="What it tells.")
    template: str = strawberry.field(description="The platform's id of the template.")
    fields: list[NotificationField] = strawberry.field(description="What fills it.")
    page: str | None = strawberry.field(description="Where the message leads inside the mini-program.")


def show_template(view: TemplateView) -> NotificationTemplate:
    fields = [
        NotificationField(field=name, value=each.value, text=each.text) for name, each in view.fields.items()
    ]
    return NotificationTemplate(kind=view.kind, template=view.template, fields=fields, page=view.page)


@strawberry.input(description="One field of a platform's template: either `value` or `text`.")
class NotificationFieldInput:
    field: str = strawberry.field(description="The platform's name of the field, as in `thing1`.")
    value: str | None = strawberry.field(default=None, description="Our name of the value, as in `store`.")
    text: str | None = strawberry.field(default=None, description="A text that is always the same.")


@strawberry.input(description="How an account is to tell one kind of message.")
class SetNotificationTemplateInput:
    account_id: strawberry.ID = strawberry.field(description="The account.")
    kind: NotificationKind = strawberry.field(description="What it tells.")
    template: str | None = strawberry.field(
        default=None, description="The platform's id of the template; null: this account no longer tells it."
    )
    fields: list[NotificationFieldInput] | None = strawberry.field(
        default=None, description="What fills the template, 20 fields at most."
    )
    page: str | None = strawberry.field(
        default=None, description="Where the message leads inside the mini-program."
    )


@strawberry.type(description="The answer to setNotificationTemplate.")
class SetNotificationTemplatePayload:
    template: NotificationTemplate | None = strawberry.field(
        description="The template, null if it was taken away or nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


# ----------------------------------------------------------------------------------------------------------- consents
@strawberry.input(description="What a customer answered about one template when the mini-program asked.")
class MessageGrantInput:
    template: str = strawberry.field(description="The platform's id of the template.")
    accepted: bool = strawberry.field(description="Whether the answer was yes.")


@strawberry.input(description="What a customer answered when the mini-program asked.")
class RecordMessageConsentInput:
    account_id: strawberry.ID = strawberry.field(description="The account of the mini-program.")
    grants: list[MessageGrantInput] = strawberry.field(description="The answers, 20 at most.")


@strawberry.type(
    description="How many messages of a template a customer has agreed to and not yet been sent."
)
class MessageConsent:
    template: str = strawberry.field(description="The platform's id of the template.")
    remaining: int = strawberry.field(description="How many, as far as counted here; 20 at most.")


@strawberry.type(description="The answer to recordMessageConsent.")
class RecordMessageConsentPayload:
    consents: list[MessageConsent] = strawberry.field(description="The count of each template named.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was counted.")


@strawberry.type
class NotificationQueries:
    @resolved(description="Messages to customers, newest first. May: owner, manager, staff (their stores).")
    async def notifications(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        given: Annotated[
            NotificationFilter | None, strawberry.argument(name="filter", description="Which ones.")
        ] = None,
    ) -> NotificationConnection:
        context = info.context
        size, position = read_first(first), context.cursors.read_id(CURSOR, after)
        wanted = _read_filter(given)
        page = await list_notifications(await context.sign_in(), wanted, size, position)
        cursors = [context.cursors.write_id(CURSOR, view.id) for view in page.notifications]
        return NotificationConnection(
            filter=wanted,
            edges=[
                NotificationEdge(cursor=cursor, node=show_notification(view))
                for cursor, view in zip(cursors, page.notifications, strict=True)
            ],
            page_info=show_page_info(cursors, has_more=page.has_more, continued=after is not None),
        )

    @resolved(description="How an account tells each kind of message. May: owner, manager.")
    async def notification_templates(
        self,
        info: Info,
        account_id: Annotated[strawberry.ID, strawberry.argument(description="The account.")],
    ) -> list[NotificationTemplate]:
        context = info.context
        row_id = read_id(account_id, "ChannelAccount", "accountId")
        views = await list_templates(context.runtime, await context.sign_in(), row_id)
        return [show_template(view) for view in views]


@strawberry.type
class NotificationMutations:
    @mutation(
        description="Says how an account tells a kind of message; again corrects it. May: owner, manager."
    )
    async def set_notification_template(
        self,
        info: Info,
        given: Annotated[
            SetNotificationTemplateInput, strawberry.argument(name="input", description="Kind and template.")
        ],
    ) -> SetNotificationTemplatePayload:
        context = info.context
        answer = await set_template(
            context.runtime,
            await context.sign_in(),
            read_id(given.account_id, "ChannelAccount", "accountId"),
            given.kind,
            given.template,
            _read_fields(given.fields or []),
            given.page,
        )
        if isinstance(answer, list):
            return SetNotificationTemplatePayload(template=None, user_errors=show_problems(answer))
        return SetNotificationTemplatePayload(
            template=show_template(answer) if answer else None, user_errors=[]
        )

    @mutation(
        description="Tells what the customer answered when a mini-program asked whether it may send messages. Each yes"
        " is good for one message. May: customer."
    )
    async def record_message_consent(
        self,
        info: Info,
        given: Annotated[
            RecordMessageConsentInput, strawberry.argument(name="input", description="The answers.")
        ],
    ) -> RecordMessageConsentPayload:
        answer = await record_consent(
            await info.context.sign_in(),
            read_id(given.account_id, "ChannelAccount", "accountId"),
            [Grant(grant.template, grant.accepted) for grant in given.grants],
        )
        if isinstance(answer, list):
            return RecordMessageConsentPayload(consents=[], user_errors=show_problems(answer))
        consents = [MessageConsent(template=each.template, remaining=each.remaining) for each in answer]
        return RecordMessageConsentPayload(consents=consents, user_errors=[])


def _read_fields(given: list[NotificationFieldInput]) -> dict[str, TemplateField]:
    """The fields by name. Raises BadInput where one is named twice."""
    fields: dict[str, TemplateField] = {}
    for index, each in enumerate(given):
        if each.field in fields:
            path = ("fields", str(index), "field")
            raise BadInput(text("problem.ALREADY_EXISTS", name="field"), path)
        fields[each.field] = TemplateField(each.value, each.text)
    return fields


def _read_filter(given: NotificationFilter | None) -> CoreFilter:
    if given is None:
        return CoreFilter()
    return CoreFilter(
        store_id=read_optional_id(given.store_id, "Store", "filter", "storeId"),
        customer_id=read_optional_id(given.customer_id, "Customer", "filter", "customerId"),
        statuses=tuple(given.status or ()),
        kinds=tuple(given.kind or ()),
        channel=given.channel,
        since=given.since,
        until=given.until,
    )
