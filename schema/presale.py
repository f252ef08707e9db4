"""Presale campaigns: goods sold before they are there, in waves with a day of their own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import strawberry

from core.access.problems import UserProblem
from core.errors import NotFound
from core.messages import text
from core.presale.campaigns import (
    CreatedCampaign,
    close_campaign,
    count_campaigns,
    create_campaign,
    list_campaigns,
    pause_campaign,
    publish_campaign,
    resume_campaign,
)
from core.presale.values import (
    Advice,
    CampaignDraft,
    CampaignStatus,
    CampaignView,
    Disclosures,
    PausedBy,
    PresaleMode,
    Wave,
    WaveView,
)
from schema import presale_enums as presale_enums
from schema.context import Context, Info
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_ids, show_id
from schema.money import Money, read_yuan, show_optional_money
from schema.pagination import After, First, PageInfo, read_first, show_page_info
from schema.problems import UserError, show_problems
from schema.products import Sku, show_sku
from schema.stores import Store, show_store

CURSOR: Final = "presale campaigns"


@strawberry.type(description="So many pieces of a presale, which ship by one day.")
class PresaleWave:
    id: strawberry.ID = strawberry.field(description="Of the wave; stable.")
    quantity: int = strawberry.field(description="How many there are.")
    sold: int = strawberry.field(description="How many of them are sold.")
    promised_ship_at: datetime = strawberry.field(description="By when they ship.")


def show_wave(view: WaveView) -> PresaleWave:
    return PresaleWave(
        id=show_id("PresaleWave", view.id),
        quantity=view.quantity,
        sold=view.sold,
        promised_ship_at=view.promised_ship_at,
    )


@strawberry.type(description="Goods sold before they are there.")
class PresaleCampaign(Node):
    view: strawberry.Private[CampaignView]
    name: str = strawberry.field(description="What the store calls it.")
    mode: PresaleMode = strawberry.field(description="How it is paid and shipped.")
    status: CampaignStatus = strawberry.field(description="Whether it sells.")
    starts_at: datetime = strawberry.field(description="When sales begin.")
    ends_at: datetime = strawberry.field(description="When sales end.")
    deposit: Money | None = strawberry.field(description="What is paid first; null but for the mode DEPOSIT.")
    category: str | None = strawberry.field(description="The kind of goods, where the period depends on it.")
    paused_by: PausedBy | None = strawberry.field(description="Who paused it; null while it is not paused.")

    @resolved(description="Its waves, earliest first.")
    async def waves(self, info: Info) -> list[PresaleWave]:
        found = await (await info.context.load()).campaign_waves.load(self.view.id)
        return [show_wave(wave) for wave in found or ()]

    @resolved(description="The variants that it sells.")
    async def skus(self, info: Info) -> list[Sku]:
        loaders = await info.context.load()
        ids = await loaders.campaign_sku_ids.load(self.view.id)
        return [show_sku(sku) for sku in await loaders.skus.load_many(list(ids or ())) if sku is not None]

    @resolved(description="Where it is sold.")
    async def store(self, info: Info) -> Store:
        store = await (await info.context.load()).stores.load(self.view.store_id)
        if store is None:
            raise NotFound(text("fault.store_not_found"))
        return show_store(store)


def show_campaign(view: CampaignView) -> PresaleCampaign:
    return PresaleCampaign(
        id=show_id("PresaleCampaign", view.id),
        view=view,
        name=view.name,
        mode=view.mode,
        status=view.status,
        starts_at=view.starts_at,
        ends_at=view.ends_at,
        deposit=show_optional_money(view.deposit),
        category=view.category,
        paused_by=view.paused_by,
    )


async def find_visible_campaign(context: Context, row_id: UUID) -> PresaleCampaign | None:
    """A campaign that the caller may see."""
    view = await (await context.load()).campaigns.load(row_id)
    return show_campaign(view) if view else None


# -------------------------------------------------------------------------------------------------------------- inputs
@strawberry.input(description="A wave of a new presale.")
class PresaleWaveInput:
    quantity: int = strawberry.field(description="How many pieces it has.")
    promised_ship_at: datetime = strawberry.field(
        description="By when they ship: after sales have begun, and later than the wave before."
    )


@strawberry.input(description="The texts that tell buyers that they buy beforehand, and when it ships.")
class PresaleDisclosuresInput:
    title: str = strawberry.field(description="The goods' title. It names the presale.")
    detail: str = strawberry.field(
        description="What the page about the goods says. It names the presale and when it ships."
    )
    live_room: str = strawberry.field(
        description="What is said and shown in the live room. It names the presale and when it ships."
    )


@strawberry.input(description="A new presale.")
class CreatePresaleCampaignInput:
    store_id: strawberry.ID = strawberry.field(description="Where it is sold.")
    name: str = strawberry.field(description="What the store calls it, 120 characters at most.")
    mode: PresaleMode = strawberry.field(description="How it is paid and shipped.")
    sku_ids: list[strawberry.ID] = strawberry.field(description="The variants that it sells, 1 to 100.")
    starts_at: datetime = strawberry.field(description="When sales begin.")
    ends_at: datetime = strawberry.field(
        description="When sales end, 1 to 30 days later; sooner for some categories."
    )
    waves: list[PresaleWaveInput] = strawberry.field(description="Its waves, 1 to 20, earliest first.")
    deposit: Decimal | None = strawberry.field(
        default=None, description="What is paid first, in yuan; for the mode DEPOSIT only."
    )
    disclosures: PresaleDisclosuresInput = strawberry.field(description="The texts that tell of it.")
    category: str | None = strawberry.field(
        default=None,
        description="FRESH, BAKERY and FLOWERS sell for 7 days at most, FOOD for 15; anything else for 30.",
    )
    draft: bool | None = strawberry.field(
        default=False, description="Whether it waits for publishPresaleCampaign before it sells."
    )


@strawberry.input(description="A presale to change.")
class PresaleCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="The presale.")


# ------------------------------------------------------------------------------------------------------------ payloads
@strawberry.type(description="The answer to createPresaleCampaign.")
class CreatePresaleCampaignPayload:
    campaign: PresaleCampaign | None = strawberry.field(
        description="The presale, null if it was not created."
    )
    advice: list[str] = strawberry.field(
        description="What had better be otherwise, for people, in the language of Accept-Language."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type(description="The answer to publishPresaleCampaign.")
class PublishPresaleCampaignPayload:
    campaign: PresaleCampaign | None = strawberry.field(
        description="The presale, null if it was not published."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not published.")


@strawberry.type(description="The answer to pausePresaleCampaign.")
class PausePresaleCampaignPayload:
    campaign: PresaleCampaign | None = strawberry.field(description="The presale, null if it was not paused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not paused.")


@strawberry.type(description="The answer to resumePresaleCampaign.")
class ResumePresaleCampaignPayload:
    campaign: PresaleCampaign | None = strawberry.field(
        description="The presale, null if it was not resumed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not resumed.")


@strawberry.type(description="The answer to closePresaleCampaign.")
class ClosePresaleCampaignPayload:
    campaign: PresaleCampaign | None = strawberry.field(description="The presale, null if it was not closed.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not closed.")


@strawberry.type(description="A presale in a list.")
class PresaleCampaignEdge:
    cursor: str = strawberry.field(description="Where it lies in the list.")
    node: PresaleCampaign = strawberry.field(description="The presale.")


@strawberry.type(description="A page of presales, the latest first.")
class PresaleCampaignConnection:
    store_id: strawberry.Private[UUID]
    edges: list[PresaleCampaignEdge] = strawberry.field(description="The presales of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @resolved(description="How many there are in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await count_campaigns(await info.context.sign_in(), self.store_id)


# ---------------------------------------------------------------------------------------------------------- operations
@strawberry.type
class PresaleQueries:
    @resolved(
        description="The presales of a store, the latest first. May: everybody; staff and pos in their stores. Customers"
        " see no drafts."
    )
    async def presale_campaigns(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        first: First = None,
        after: After = None,
    ) -> PresaleCampaignConnection:
        cursors, store = info.context.cursors, read_id(store_id, "Store", "storeId")
        actor, size = await info.context.sign_in(), read_first(first)
        page = await list_campaigns(actor, store, size, cursors.read_id(CURSOR, after))
        edges = [
            PresaleCampaignEdge(cursor=cursors.write_id(CURSOR, view.id), node=show_campaign(view))
            for view in page.campaigns
        ]
        written = [edge.cursor for edge in edges]
        return PresaleCampaignConnection(
            store_id=store,
            edges=edges,
            page_info=show_page_info(written, has_more=page.has_more, continued=after is not None),
        )


Given = Annotated[PresaleCampaignInput, strawberry.argument(name="input", description="The presale.")]


@strawberry.type
class PresaleMutations:
    @mutation(
        description="Sets up a presale, which sells from its start on unless it is a draft. May: owner, manager."
    )
    async def create_presale_campaign(
        self,
        info: Info,
        given: Annotated[
            CreatePresaleCampaignInput, strawberry.argument(name="input", description="The presale.")
        ],
    ) -> CreatePresaleCampaignPayload:
        context = info.context
        answer = await create_campaign(context.runtime, await context.sign_in(), _read_draft(given))
        if isinstance(answer, CreatedCampaign):
            advice = [show_advice(each) for each in answer.advice]
            return CreatePresaleCampaignPayload(
                campaign=show_campaign(answer.campaign), advice=advice, user_errors=[]
            )
        return CreatePresaleCampaignPayload(campaign=None, advice=[], user_errors=show_problems(answer))

    @mutation(description="A draft begins to sell. May: owner, manager.")
    async def publish_presale_campaign(self, info: Info, given: Given) -> PublishPresaleCampaignPayload:
        context = info.context
        answer = await publish_campaign(context.runtime, await context.sign_in(), _read_campaign(given))
        return PublishPresaleCampaignPayload(campaign=_show_done(answer), user_errors=_show_refused(answer))

    @mutation(
        description="It sells nothing until it is resumed; what was sold stays sold. May: owner, manager."
    )
    async def pause_presale_campaign(self, info: Info, given: Given) -> PausePresaleCampaignPayload:
        answer = await pause_campaign(await info.context.sign_in(), _read_campaign(given))
        return PausePresaleCampaignPayload(campaign=_show_done(answer), user_errors=_show_refused(answer))

    @mutation(
        description="It sells again, whoever paused it: the guard resumes nothing. May: owner, manager."
    )
    async def resume_presale_campaign(self, info: Info, given: Given) -> ResumePresaleCampaignPayload:
        context = info.context
        answer = await resume_campaign(context.runtime, await context.sign_in(), _read_campaign(given))
        return ResumePresaleCampaignPayload(campaign=_show_done(answer), user_errors=_show_refused(answer))

    @mutation(
        description="It never sells again, and its variants may go into another presale. May: owner, manager."
    )
    async def close_presale_campaign(self, info: Info, given: Given) -> ClosePresaleCampaignPayload:
        answer = await close_campaign(await info.context.sign_in(), _read_campaign(given))
        return ClosePresaleCampaignPayload(campaign=_show_done(answer), user_errors=_show_refused(answer))


def show_advice(advice: Advice) -> str:
    """The sentence, in the language of whoever is being answered."""
    return text(f"presale.{advice.key}", **advice.values)


def _show_done(answer: CampaignView | list[UserProblem]) -> PresaleCampaign | None:
    return show_campaign(answer) if isinstance(answer, CampaignView) else None


def _show_refused(answer: CampaignView | list[UserProblem]) -> list[UserError]:
    return [] if isinstance(answer, CampaignView) else show_problems(answer)


def _read_campaign(given: PresaleCampaignInput) -> UUID:
    return read_id(given.campaign_id, "PresaleCampaign", "campaignId")


def _read_draft(given: CreatePresaleCampaignInput) -> CampaignDraft:
    texts = given.disclosures
    return CampaignDraft(
        store_id=read_id(given.store_id, "Store", "storeId"),
        name=given.name,
        mode=given.mode,
        sku_ids=read_ids(given.sku_ids, "Sku", "skuIds"),
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        waves=tuple(Wave(wave.quantity, wave.promised_ship_at) for wave in given.waves),
        disclosures=Disclosures(texts.title, texts.detail, texts.live_room),
        deposit=read_yuan(given.deposit, "deposit"),
        category=(given.category or "").strip().upper() or None,
        publish=not given.draft,
    )
