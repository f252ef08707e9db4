"""The guard: dry first, audited, once a day; only a person resumes. And the cap on new presale stock."""

from __future__ import annotations

import asyncio

import pytest
from presale_shop import DAY, HOUR, show_problems

from core.access.values import Role
from core.errors import Forbidden
from core.presale.campaign_rows import load_campaign
from core.presale.campaigns import publish_campaign, resume_campaign
from core.presale.figures import Figures
from core.presale.guard import count_actions, guard_presales, list_actions
from core.presale.guard_rules import DEFAULTS, GuardRule, list_rules, set_rule
from core.presale.scores import ReviewRow, import_reviews
from core.presale.values import CampaignStatus, Figure, GuardAct, PausedBy

ARMED = GuardRule(Figure.BAD_REVIEWS, GuardAct.PAUSE, 200, dry_run=False)


async def review(shop, good: int, bad: int) -> None:
    stars = [5] * good + [1] * bad
    rows = [ReviewRow("doudian", str(number), star, shop.now) for number, star in enumerate(stars)]
    assert await import_reviews(shop.owner, shop.store_id, rows, shop.now) == good + bad


async def status(shop, campaign):
    return (await load_campaign(shop.tenant_id, campaign.id)).status


@pytest.mark.parametrize(
    ("figure", "threshold", "figures", "broken"),
    [
        (Figure.BAD_REVIEWS, 200, Figures(reviews=100, bad_reviews=2), False),
        (Figure.BAD_REVIEWS, 200, Figures(reviews=99, bad_reviews=2), True),
        (Figure.BAD_REVIEWS, 200, Figures(reviews=9, bad_reviews=9), False),
        (Figure.BAD_REVIEWS, 200, Figures(), False),
        (Figure.ON_TIME, 9800, Figures(due=100, on_time=98), False),
        (Figure.ON_TIME, 9800, Figures(due=100, on_time=97), True),
        (Figure.SHARE, 3000, Figures(presale=3, spot=7), False),
        (Figure.SHARE, 3000, Figures(presale=4, spot=6), True),
    ],
)
def test_broken(figure, threshold, figures, broken):
    """At the threshold a rule holds, and it says nothing of fewer than ten."""
    assert GuardRule(figure, GuardAct.PAUSE, threshold).is_broken(figures) is broken


async def test_dry_first(shop):
    """Without anybody's doing the guard only writes down what it would have done, once a day."""
    campaign, _ = await shop.open_campaign()
    await review(shop, 97, 3)
    assert [await guard_presales(shop.runtime) for _ in range(2)] == [0, 0]
    assert await status(shop, campaign) is CampaignStatus.PUBLISHED
    (action,) = (await list_actions(shop.owner, shop.store_id, 5, None)).actions
    assert (action.campaign_id, action.figure, action.dry_run) == (campaign.id, Figure.BAD_REVIEWS, True)
    assert (action.value, action.threshold, action.at) == (300, 200, shop.now)
    assert await shop.count("audit_entry", "action = 'guardPresale'") == 1
    shop.clock.advance(DAY)
    await guard_presales(shop.runtime)
    assert await count_actions(shop.owner, shop.store_id) == 2


async def test_armed_rule_pauses(shop):
    campaign, sku_id = await shop.open_campaign()
    await set_rule(shop.owner, shop.store_id, ARMED)
    await review(shop, 97, 3)
    assert await guard_presales(shop.runtime) == 1
    paused = await load_campaign(shop.tenant_id, campaign.id)
    assert (paused.status, paused.paused_by) == (CampaignStatus.PAUSED, PausedBy.GUARD)
    assert [problem.code for problem in await shop.sell(sku_id)] == ["PRESALE_CLOSED"]
    (entry,) = await shop.list("audit_entry", "actor_id", where="action = 'pausePresaleCampaign'")
    assert entry is None


async def test_threshold_holds(shop):
    campaign, _ = await shop.open_campaign()
    await set_rule(shop.owner, shop.store_id, ARMED)
    await review(shop, 98, 2)
    assert await guard_presales(shop.runtime) == 0
    assert await status(shop, campaign) is CampaignStatus.PUBLISHED
    assert await shop.count("guard_action") == 0


async def test_person_resumes_for_the_day(shop):
    """Who resumes has seen the figures. The next day the guard asks anew."""
    campaign, _ = await shop.open_campaign()
    await set_rule(shop.owner, shop.store_id, ARMED)
    await review(shop, 97, 3)
    await guard_presales(shop.runtime)
    await resume_campaign(shop.runtime, shop.owner, campaign.id)
    shop.clock.advance(HOUR)
    assert await guard_presales(shop.runtime) == 0
    assert await status(shop, campaign) is CampaignStatus.PUBLISHED
    shop.clock.advance(DAY)
    assert await guard_presales(shop.runtime) == 1
    assert await status(shop, campaign) is CampaignStatus.PAUSED


async def test_guard_never_resumes(shop):
    campaign, _ = await shop.open_campaign()
    await set_rule(shop.owner, shop.store_id, ARMED)
    await review(shop, 97, 3)
    await guard_presales(shop.runtime)
    shop.clock.advance(31 * DAY / 4)
    await guard_presales(shop.runtime)
    assert await status(shop, campaign) is CampaignStatus.PAUSED


async def test_two_guards_at_once(shop):
    await shop.open_campaign()
    await set_rule(shop.owner, shop.store_id, ARMED)
    await review(shop, 97, 3)
    assert sum(await asyncio.gather(*(guard_presales(shop.runtime) for _ in range(4)))) == 1
    assert await shop.count("guard_action") == 1
    assert await shop.count("audit_entry", "action = 'pausePresaleCampaign'") == 1


async def test_any_figure_may_be_chosen(shop):
    campaign, _ = await shop.open_campaign()
    rule = GuardRule(Figure.ON_TIME, GuardAct.PAUSE, 9000, dry_run=False)
    await set_rule(shop.owner, shop.store_id, rule)
    for _ in range(10):
        await shop.add_order({"promised_ship_at": shop.now - DAY})
    assert await guard_presales(shop.runtime) == 1
    assert await status(shop, campaign) is CampaignStatus.PAUSED


async def test_switched_off_rule(shop):
    await shop.open_campaign()
    await set_rule(
        shop.owner, shop.store_id, GuardRule(Figure.BAD_REVIEWS, GuardAct.PAUSE, 200, active=False)
    )
    await review(shop, 0, 10)
    await guard_presales(shop.runtime)
    assert await shop.count("guard_action") == 0


async def test_rules_of_a_store(shop):
    assert await list_rules(shop.owner, shop.store_id) == DEFAULTS
    assert await set_rule(shop.owner, shop.store_id, ARMED) == ARMED
    assert await list_rules(shop.owner, shop.store_id) == (ARMED, DEFAULTS[1])
    wrong = GuardRule(Figure.LATE, GuardAct.PAUSE, 10_001)
    assert show_problems(await set_rule(shop.owner, shop.store_id, wrong)) == [("TOO_LARGE", "threshold")]
    with pytest.raises(Forbidden):
        await set_rule(await shop.enlist(Role.STAFF, scopes=("reports",)), shop.store_id, ARMED)
    assert (
        await shop.count("guard_rule")
        == await shop.count("audit_entry", "action = 'setPresaleGuardRule'")
        == 1
    )


# ----------------------------------------------------------------------------------------------------------- stock cap
async def fill(shop, presale: int, spot: int) -> None:
    await shop.add_order(*[{"presale": True}] * presale, *[{}] * spot)


async def test_cap_warns_while_dry(shop):
    await fill(shop, 4, 6)
    created = await shop.create(await shop.add_sku())
    warning = next(each for each in created.advice if each.key == "advice.stock_cap")
    assert warning.values == {"figure": "share", "percent": "30"}


async def test_armed_cap_refuses_new_stock(shop):
    draft, _ = await shop.open_campaign(publish=False)
    await set_rule(shop.owner, shop.store_id, GuardRule(Figure.SHARE, GuardAct.CAP, 3000, dry_run=False))
    await fill(shop, 3, 7)
    assert (await shop.open_campaign())[0].status is CampaignStatus.PUBLISHED
    await fill(shop, 2, 0)
    refused = await shop.create(await shop.add_sku())
    assert show_problems(refused) == [("NOT_ALLOWED", "waves")]
    assert show_problems(await publish_campaign(shop.runtime, shop.owner, draft.id)) == [
        ("NOT_ALLOWED", "waves")
    ]
    assert await status(shop, draft) is CampaignStatus.DRAFT
    waiting = await shop.create(await shop.add_sku(), publish=False)
    assert waiting.campaign.status is CampaignStatus.DRAFT
