"""Channels, and the merchant's accounts at them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.access.permissions import Action, require
from core.channels.accounts import AccountStatus, ChannelAccountView, build_webhook_url
from core.channels.contract import Capability
from core.channels.contract import Channel as CoreChannel
from core.channels.registry import UnknownChannel
from schema import enums as enums
from schema.context import Context, Info, may
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, show_id
from schema.problems import UserError, show_problems


@strawberry.type(description="Where coupons are sold. An open set: new channels come as plugins.")
class Channel:
    code: str = strawberry.field(description="Stable, lower case, as in `douyin`.")
    name: str = strawberry.field(description="For people.")
    capabilities: list[Capability] = strawberry.field(description="What it can do here.")


@strawberry.type(description="The merchant's account at a channel. Its credentials are never shown.")
class ChannelAccount(Node):
    channel: Channel = strawberry.field(description="The channel.")
    name: str = strawberry.field(description="As it was named when it was connected.")
    status: AccountStatus = strawberry.field(description="Whether it works.")
    webhook_url: str | None = strawberry.field(
        description="What to enter at the platform so that it tells us of changes; null where the channel sends none,"
        " or the reader is neither owner nor manager."
    )


def find_channel(context: Context, code: str) -> Channel:
    """The channel of a code; one whose plugin is gone keeps its code as its name."""
    try:
        return show_channel(context.runtime.registry.get(code))
    except UnknownChannel:
        return Channel(code=code, name=code, capabilities=[])


def show_channel(channel: CoreChannel) -> Channel:
    capabilities = sorted(channel.capabilities, key=list(Capability).index)
    return Channel(code=channel.code, name=channel.name, capabilities=capabilities)


async def show_account(context: Context, account: ChannelAccountView) -> ChannelAccount:
    channel = find_channel(context, account.channel)
    return ChannelAccount(
        id=show_id("ChannelAccount", account.id),
        channel=channel,
        name=account.name,
        status=account.status,
        webhook_url=await _find_webhook_url(context, channel, account),
    )


async def load_account(context: Context, account_id: UUID | None) -> ChannelAccount | None:
    """An account beside a coupon or probe; customers are not told which."""
    if account_id is None or (await context.sign_in()).is_customer:
        return None
    account = await (await context.load()).accounts.load(account_id)
    return await show_account(context, account) if account is not None else None


async def _find_webhook_url(context: Context, channel: Channel, account: ChannelAccountView) -> str | None:
    actor = await context.sign_in()
    if Capability.WEBHOOKS not in channel.capabilities or not may(actor, Action.LIST_ACCOUNTS):
        return None
    return build_webhook_url(context.base_url, account.channel, account.id)


@strawberry.input(description="An account to connect.")
class ConnectChannelInput:
    channel: str = strawberry.field(description="The channel's code.")
    name: str = strawberry.field(description="What to call the account.")
    credentials: JSON = strawberry.field(
        description="An object with the channel's own keys. Stored encrypted, never shown again."
    )
    settings: JSON | None = strawberry.field(
        default=None, description="An object with the channel's own settings."
    )


@strawberry.type(description="The answer to connectChannel.")
class ConnectChannelPayload:
    account: ChannelAccount | None = strawberry.field(
        description="The account, null if it was not connected."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not connected.")


@strawberry.input(description="Which of the platform's stores a store is.")
class BindChannelStoreInput:
    account_id: strawberry.ID = strawberry.field(description="The account.")
    store_id: strawberry.ID = strawberry.field(description="The store.")
    external_store_id: str = strawberry.field(description="The platform's id of the store.")


@strawberry.type(description="The answer to bindChannelStore.")
class BindChannelStorePayload:
    account: ChannelAccount | None = strawberry.field(description="The account, null if nothing was bound.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was bound.")


@strawberry.type
class ChannelQueries:
    @resolved(description="Every channel that is installed, connected or not. May: everybody with a token.")
    async def channels(self, info: Info) -> list[Channel]:
        require(await info.context.sign_in(), Action.LIST_CHANNELS)
        return [show_channel(channel) for channel in info.context.runtime.registry.all()]

    @resolved(description="The merchant's accounts, oldest first. May: owner, manager.")
    async def channel_accounts(self, info: Info) -> list[ChannelAccount]:
        context = info.context
        accounts = await context.runtime.accounts.list_accounts(await context.sign_in())
        return [await show_account(context, account) for account in accounts]


@strawberry.type
class ChannelMutations:
    @mutation(
        description="Connects an account once the platform has accepted its credentials. May: owner, manager."
    )
    async def connect_channel(
        self,
        info: Info,
        given: Annotated[ConnectChannelInput, strawberry.argument(name="input", description="The account.")],
    ) -> ConnectChannelPayload:
        context = info.context
        answer = await context.runtime.accounts.connect_channel(
            await context.sign_in(), given.channel, given.name, given.credentials, given.settings
        )
        if isinstance(answer, ChannelAccountView):
            return ConnectChannelPayload(account=await show_account(context, answer), user_errors=[])
        return ConnectChannelPayload(account=None, user_errors=show_problems(answer))

    @mutation(
        description="Says which of the platform's stores a store is; again corrects it. May: owner, manager."
    )
    async def bind_channel_store(
        self,
        info: Info,
        given: Annotated[
            BindChannelStoreInput, strawberry.argument(name="input", description="Account and stores.")
        ],
    ) -> BindChannelStorePayload:
        context = info.context
        answer = await context.runtime.accounts.bind_store(
            await context.sign_in(),
            read_id(given.account_id, "ChannelAccount", "accountId"),
            read_id(given.store_id, "Store", "storeId"),
            given.external_store_id,
        )
        if isinstance(answer, ChannelAccountView):
            return BindChannelStorePayload(account=await show_account(context, answer), user_errors=[])
        return BindChannelStorePayload(account=None, user_errors=show_problems(answer))
