"""Whether a store may bring more goods into presale now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.access.problems import ProblemCode, UserProblem
from core.presale.figures import Window, load_figures
from core.presale.guard_rules import GuardRule, load_rules
from core.presale.values import Advice, GuardAct

WINDOW: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CapAnswer:
    """Why no new presale stock is taken; or, from rules that run dry, why it had better not be."""

    problems: list[UserProblem] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)


async def check_stock_cap(tenant_id: UUID, store_id: UUID, now: datetime) -> CapAnswer:
    """Asks the store's rules of the kind CAP about the last 30 days."""
    caps = [
        rule for rule in await load_rules(tenant_id, store_id) if rule.active and rule.act is GuardAct.CAP
    ]
    if not caps:
        return CapAnswer()
    figures = await load_figures(Window(tenant_id, store_id, now - WINDOW, now))
    broken = [rule for rule in caps if rule.is_broken(figures)]
    return CapAnswer(
        [_refuse(rule) for rule in broken if not rule.dry_run],
        [Advice("advice.stock_cap", _describe(rule)) for rule in broken if rule.dry_run],
    )


def _refuse(rule: GuardRule) -> UserProblem:
    return UserProblem(ProblemCode.NOT_ALLOWED, ("waves",), "presale.stock_cap", _describe(rule))


def _describe(rule: GuardRule) -> dict[str, object]:
    return {"figure": rule.figure.value, "percent": f"{rule.threshold / 100:g}"}
