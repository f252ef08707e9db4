"""What is wrong with a new presale, and what had better be otherwise. Pure; the limits are data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from core.access.problems import ProblemCode, UserProblem, check_text
from core.money import format_yuan
from core.presale.disclosures import advise_disclosures, check_disclosures
from core.presale.values import Advice, CampaignDraft, PresaleMode, Wave
from core.reservations.setup.checks import check_amount, check_range

MAX_SKUS: Final = 100
MAX_WAVES: Final = 20
MAX_QUANTITY: Final = 10_000_000
_NAME_LENGTH: Final = 120
SHORTEST: Final = timedelta(days=1)
LONGEST_DAYS: Final = 30
# Shorter ones sell little, longer ones are forgotten and refunded.
ADVISED_DAYS: Final = (7, 15)
# The longest period of kinds of goods that do not keep, in days. Ours, not a platform's: theirs change by the season.
DAY_CAPS: Final[Mapping[str, int]] = {"FRESH": 7, "BAKERY": 7, "FLOWERS": 7, "FOOD": 15}


def check_campaign(draft: CampaignDraft, now: datetime) -> list[UserProblem]:
    """Everything that is wrong with a new campaign, but for its variants; empty where nothing is."""
    return [
        *check_text(draft.name, ("name",), _NAME_LENGTH),
        *_check_period(draft, now),
        *_check_skus(draft),
        *_check_waves(draft.waves, max(draft.starts_at, now)),
        *_check_deposit(draft),
        *check_disclosures(draft.disclosures),
    ]


def advise_campaign(draft: CampaignDraft) -> list[Advice]:
    """What had better be otherwise, though it is allowed."""
    advice = advise_disclosures(draft.disclosures)
    shortest, longest = ADVISED_DAYS
    if not timedelta(days=shortest) <= draft.ends_at - draft.starts_at <= timedelta(days=longest):
        advice.append(Advice("advice.period", {"shortest": shortest, "longest": longest}))
    return advice


def _check_period(draft: CampaignDraft, now: datetime) -> list[UserProblem]:
    path, length = ("endsAt",), draft.ends_at - draft.starts_at
    cap = DAY_CAPS.get(draft.category or "", LONGEST_DAYS)
    if draft.ends_at <= draft.starts_at:
        return [UserProblem(ProblemCode.INVALID, path, "presale.ends_first")]
    if draft.ends_at <= now:
        return [UserProblem(ProblemCode.INVALID, path, "presale.over")]
    if length < SHORTEST:
        return [UserProblem(ProblemCode.TOO_SMALL, path, "presale.too_short")]
    if length > timedelta(days=cap):
        return [UserProblem(ProblemCode.TOO_LARGE, path, "presale.too_long", {"days": cap})]
    return []


def _check_skus(draft: CampaignDraft) -> list[UserProblem]:
    if not draft.sku_ids:
        return [UserProblem(ProblemCode.REQUIRED, ("skuIds",))]
    if len(draft.sku_ids) > MAX_SKUS:
        return [UserProblem(ProblemCode.TOO_LONG, ("skuIds",), "set_up.too_many", {"limit": MAX_SKUS})]
    return []


def _check_waves(waves: Sequence[Wave], since: datetime) -> list[UserProblem]:
    """At least one; each later than the one before, and after sales have begun."""
    if not waves:
        return [UserProblem(ProblemCode.REQUIRED, ("waves",))]
    if len(waves) > MAX_WAVES:
        return [UserProblem(ProblemCode.TOO_LONG, ("waves",), "set_up.too_many", {"limit": MAX_WAVES})]
    problems = []
    earliest = since
    for index, wave in enumerate(waves):
        path = ("waves", str(index))
        problems += check_range((*path, "quantity"), wave.quantity, 1, MAX_QUANTITY)
        if wave.promised_ship_at <= earliest:
            key = "presale.wave_order" if index else "presale.wave_too_early"
            problems.append(UserProblem(ProblemCode.INVALID, (*path, "promisedShipAt"), key))
        earliest = max(earliest, wave.promised_ship_at)
    total = sum(wave.quantity for wave in waves)
    return problems or check_range(("waves",), total, 1, MAX_QUANTITY)


def _check_deposit(draft: CampaignDraft) -> list[UserProblem]:
    path = ("deposit",)
    if draft.mode is not PresaleMode.DEPOSIT:
        wrong = draft.deposit is not None
        return [UserProblem(ProblemCode.NOT_ALLOWED, path, "presale.no_deposit")] if wrong else []
    if draft.deposit is None:
        return [UserProblem(ProblemCode.REQUIRED, path)]
    if draft.deposit == 0:
        return [UserProblem(ProblemCode.TOO_SMALL, path, values={"limit": format_yuan(1)})]
    return check_amount(path, draft.deposit)
