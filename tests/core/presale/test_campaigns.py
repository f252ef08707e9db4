"""Setting presales up: what is refused, what is only advised, who may, and what becomes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from presale_shop import DAY, HOUR, TEXTS, show_problems

from core.access.stores import create_store
from core.access.values import Role
from core.errors import Forbidden, NotFound
from core.presale.campaign_rows import load_campaign, load_sku_ids, load_waves
from core.presale.campaigns import (
    close_campaign,
    count_campaigns,
    list_campaigns,
    pause_campaign,
    publish_campaign,
    resume_campaign,
)
from core.presale.values import CampaignStatus, PausedBy, PresaleMode, Wave


async def test_campaign_is_kept(shop):
    sku_id = await shop.add_sku()
    waves = (Wave(5, shop.now + 12 * DAY), Wave(7, shop.now + 20 * DAY))
    created = await shop.create(sku_id, name=" Coats ", waves=waves, mode=PresaleMode.TIERED)
    campaign = created.campaign
    assert (campaign.name, campaign.status, created.advice[0].key) == (
        "Coats", CampaignStatus.PUBLISHED, "advice.title_ship_time",
    )  # fmt: skip
    assert await load_campaign(shop.tenant_id, campaign.id) == campaign
    stored = (await load_waves(shop.tenant_id, [campaign.id]))[campaign.id]
    assert [(wave.quantity, wave.sold, wave.promised_ship_at) for wave in stored] == [
        (5, 0, waves[0].promised_ship_at),
        (7, 0, waves[1].promised_ship_at),
    ]
    assert await load_sku_ids(shop.tenant_id, [campaign.id]) == {campaign.id: (sku_id,)}
    assert await shop.count("audit_entry", "action = 'createPresaleCampaign'") == 1


def refusals(now):
    later = now + 15 * DAY
    return {
        "no name": ({"name": " "}, [("REQUIRED", "name")]),
        "ends first": ({"ends_at": now - HOUR}, [("INVALID", "endsAt")]),
        "over": ({"starts_at": now - 5 * DAY, "ends_at": now}, [("INVALID", "endsAt")]),
        "an hour": ({"ends_at": now + HOUR}, [("TOO_SMALL", "endsAt")]),
        "31 days": ({"ends_at": now + 31 * DAY}, [("TOO_LARGE", "endsAt")]),
        "8 days of fresh food": ({"ends_at": now + 8 * DAY, "category": "FRESH"}, [("TOO_LARGE", "endsAt")]),
        "no waves": ({"waves": ()}, [("REQUIRED", "waves")]),
        "an empty wave": ({"waves": (Wave(0, later),)}, [("TOO_SMALL", "waves.0.quantity")]),
        "ships before sales": ({"waves": (Wave(1, now),)}, [("INVALID", "waves.0.promisedShipAt")]),
        "waves at one time": (
            {"waves": (Wave(1, later), Wave(1, later))},
            [("INVALID", "waves.1.promisedShipAt")],
        ),
        "too many pieces": ({"waves": (Wave(10_000_000, later), Wave(1, later + DAY))}, [("TOO_LARGE", "waves")]),
        "deposit of a full payment": ({"deposit": 100}, [("NOT_ALLOWED", "deposit")]),
        "no deposit": ({"mode": PresaleMode.DEPOSIT}, [("REQUIRED", "deposit")]),
        "deposit of nothing": ({"mode": PresaleMode.DEPOSIT, "deposit": 0}, [("TOO_SMALL", "deposit")]),
        "deposit of the price": ({"mode": PresaleMode.DEPOSIT, "deposit": 19900}, [("TOO_LARGE", "deposit")]),
        "title hides it": (
            {"disclosures": replace(TEXTS, title="羊绒大衣")}, [("REQUIRED", "disclosures.title")],
        ),
        "detail without a day": (
            {"disclosures": replace(TEXTS, detail="预售")}, [("REQUIRED", "disclosures.detail")],
        ),
        "live room tells nothing": (
            {"disclosures": replace(TEXTS, live_room="Coats for all")},
            [("REQUIRED", "disclosures.liveRoom"), ("REQUIRED", "disclosures.liveRoom")],
        ),
        "live room is empty": (
            {"disclosures": replace(TEXTS, live_room=" ")}, [("REQUIRED", "disclosures.liveRoom")],
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(refusals(__import__("presale_shop").MONDAY)))
async def test_refused(shop, name):
    changes, expected = refusals(shop.now)[name]
    answer = await shop.create(await shop.add_sku(), **changes)
    assert show_problems(answer) == expected
    assert await shop.count("presale_campaign") == await shop.count("campaign_sku") == 0
    assert await shop.count("audit_entry", "action = 'createPresaleCampaign'") == 0
    assert all(problem.message("en") and problem.message("zh-CN") for problem in answer)


async def test_period_edges(shop):
    """A day and thirty days are allowed; outside of 7 to 15 there is advice."""
    for days, advised in ((1, True), (7, False), (15, False), (30, True)):
        waves = (Wave(1, shop.now + 40 * DAY),)
        created = await shop.create(await shop.add_sku(), ends_at=shop.now + days * DAY, waves=waves)
        assert ("advice.period" in [each.key for each in created.advice]) is advised, days


async def test_variants_of_the_store_only(shop):
    other = await create_store(shop.owner, "Second")
    foreign = await shop.add(
        "sku", store_id=other.id, product_id=other.id, name="M", price=1, stock=0, active=True
    )
    retired, good = await shop.add_sku(active=False), await shop.add_sku()
    answer = await shop.create(foreign, good, retired)
    assert show_problems(answer) == [("NOT_FOUND", "skuIds.0"), ("NOT_FOUND", "skuIds.2")]
    assert show_problems(await shop.create()) == [("REQUIRED", "skuIds")]


async def test_variant_in_one_presale_at_a_time(shop):
    campaign, sku_id = await shop.open_campaign()
    free = await shop.add_sku()
    assert show_problems(await shop.create(free, sku_id)) == [("CONFLICT", "skuIds.1")]
    assert await shop.count("presale_campaign") == 1
    after = await shop.create(
        sku_id,
        starts_at=campaign.ends_at,
        ends_at=campaign.ends_at + 8 * DAY,
        waves=(Wave(1, shop.now + 40 * DAY),),
    )
    assert after.campaign.status is CampaignStatus.PUBLISHED


async def test_one_variant_two_creators(shop):
    """The database refuses the second, whoever looks first."""
    sku_id = await shop.add_sku()
    answers = await asyncio.gather(*(shop.create(sku_id, name=name) for name in "abc"))
    refused = [answer for answer in answers if isinstance(answer, list)]
    assert [show_problems(answer) for answer in refused] == [[("CONFLICT", "skuIds.0")]] * 2
    assert await shop.count("presale_campaign") == await shop.count("campaign_sku") == 1


async def test_closed_frees_the_variant(shop):
    campaign, sku_id = await shop.open_campaign()
    closed = await close_campaign(shop.owner, campaign.id)
    assert closed.status is CampaignStatus.CLOSED
    assert (await shop.create(sku_id)).campaign.id != campaign.id
    assert show_problems(await close_campaign(shop.owner, campaign.id)) == [("NOT_ALLOWED", "campaignId")]


async def test_life_of_a_campaign(shop):
    draft, _ = await shop.open_campaign(publish=False)
    assert draft.status is CampaignStatus.DRAFT
    assert show_problems(await pause_campaign(shop.owner, draft.id)) == [("NOT_ALLOWED", "campaignId")]
    published = await publish_campaign(shop.runtime, shop.owner, draft.id)
    assert (published.status, published.version) == (CampaignStatus.PUBLISHED, 2)
    paused = await pause_campaign(shop.owner, draft.id)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.PERSON)
    resumed = await resume_campaign(shop.runtime, shop.owner, draft.id)
    assert (resumed.status, resumed.paused_by) == (CampaignStatus.PUBLISHED, None)
    assert await load_campaign(shop.tenant_id, draft.id) == resumed
    trail = await shop.list("audit_entry", "action", where="subject_type = 'PresaleCampaign'")
    assert trail == [
        "createPresaleCampaign", "publishPresaleCampaign", "pausePresaleCampaign", "resumePresaleCampaign",
    ]  # fmt: skip


async def test_pausers_at_once(shop):
    campaign, _ = await shop.open_campaign()
    answers = await asyncio.gather(*(pause_campaign(shop.owner, campaign.id) for _ in range(4)))
    assert sum(not isinstance(answer, list) for answer in answers) == 1
    assert await shop.count("audit_entry", "action = 'pausePresaleCampaign'") == 1


async def test_nothing_resumes_after_its_end(shop):
    campaign, _ = await shop.open_campaign()
    await pause_campaign(shop.owner, campaign.id)
    shop.clock.set(campaign.ends_at)
    answer = await resume_campaign(shop.runtime, shop.owner, campaign.id)
    assert show_problems(answer) == [("NOT_ALLOWED", "campaignId")]
    assert (await load_campaign(shop.tenant_id, campaign.id)).status is CampaignStatus.PAUSED


@pytest.mark.parametrize("role", [Role.STAFF, Role.POS, Role.CUSTOMER])
async def test_for_management_only(shop, role):
    campaign, sku_id = await shop.open_campaign()
    actor = await shop.enlist(role)
    with pytest.raises(Forbidden):
        await shop.create(sku_id, actor=actor)
    with pytest.raises(Forbidden):
        await pause_campaign(actor, campaign.id)
    assert (await load_campaign(shop.tenant_id, campaign.id)).version == 1


async def test_customers_see_no_drafts(shop):
    campaign, _ = await shop.open_campaign()
    draft, _ = await shop.open_campaign(publish=False)
    customer = await shop.enlist(Role.CUSTOMER)
    page = await list_campaigns(shop.owner, shop.store_id, 1, None)
    assert (page.campaigns, page.has_more) == ((draft,), True)
    rest = await list_campaigns(shop.owner, shop.store_id, 5, draft.id)
    assert (rest.campaigns, rest.has_more) == ((campaign,), False)
    assert (await list_campaigns(customer, shop.store_id, 5, None)).campaigns == (campaign,)
    assert await count_campaigns(shop.owner, shop.store_id) == 2
    assert await count_campaigns(customer, shop.store_id) == 1


async def test_other_merchants_campaign(shop):
    from core.access.merchants import create_merchant
    from core.access.tokens import authenticate

    campaign, _ = await shop.open_campaign()
    rival = await authenticate((await create_merchant("Rival", "Lane 2")).token)
    with pytest.raises(NotFound):
        await pause_campaign(rival, campaign.id)
    with pytest.raises(NotFound):
        await list_campaigns(rival, shop.store_id, 5, None)
