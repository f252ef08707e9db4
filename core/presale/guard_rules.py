"""What the guard watches at a store: the rules that people set, else those that every store begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import UserProblem
from core.access.stores import find_store
from core.access.values import Actor
from core.clock import utc_now
from core.db.statements import Write, fetch_rows, write_together
from core.ids import new_id
from core.presale.figures import Figures
from core.presale.values import Figure, GuardAct
from core.reservations.setup.checks import check_range

WHOLE: Final = 10_000
# Of fewer lines or reviews than this a share says little.
FEWEST: Final = 10
# Where more is better.
_LOW_IS_BAD: Final = frozenset({Figure.ON_TIME, Figure.FULFILMENT})


@dataclass(frozen=True, slots=True)
class GuardRule:
    """What to do when a figure passes `threshold`, in hundredths of a per cent: 200 is 2 %.

    dry_run  write down what would have been done, and do nothing
    """

    figure: Figure
    act: GuardAct
    threshold: int
    dry_run: bool = True
    active: bool = True

    def is_broken(self, figures: Figures) -> bool:
        """Whether the figure has passed the threshold, and was measured on enough."""
        value = figures.measure(self.figure)
        if value is None or figures.count(self.figure) < FEWEST:
            return False
        bound = Fraction(self.threshold, WHOLE)
        return value < bound if self.figure in _LOW_IS_BAD else value > bound


# They begin as dry runs: a person arms them.
DEFAULTS: Final = (
    GuardRule(Figure.BAD_REVIEWS, GuardAct.PAUSE, 200),
    GuardRule(Figure.SHARE, GuardAct.CAP, 3000),
)


async def load_rules(tenant_id: UUID, store_id: UUID) -> tuple[GuardRule, ...]:
    """The store's rules, one for a figure at most; switched-off ones too."""
    rows = await fetch_rows(
        "SELECT * FROM guard_rule WHERE tenant_id = $1 AND store_id = $2 ORDER BY id", tenant_id, store_id
    )
    rules = {rule.figure: rule for rule in (*DEFAULTS, *map(_read_rule, rows))}
    return tuple(rules.values())


async def list_rules(actor: Actor, store_id: UUID) -> tuple[GuardRule, ...]:
    """The store's rules. Raises Unauthenticated, Forbidden and NotFound."""
    require(actor, Action.READ_PRESALE_HEALTH)
    await find_store(actor, store_id)
    return await load_rules(actor.tenant_id, store_id)


async def set_rule(actor: Actor, store_id: UUID, rule: GuardRule) -> GuardRule | list[UserProblem]:
    """Replaces what the store does about one figure. Raises Unauthenticated, Forbidden and NotFound."""
    require(actor, Action.SET_PRESALE_GUARD)
    await find_store(actor, store_id)
    problems = check_range(("threshold",), rule.threshold, 0, WHOLE)
    if problems:
        return problems
    details = {
        "figure": rule.figure.value,
        "act": rule.act.value,
        "threshold": rule.threshold,
        "dryRun": rule.dry_run,
        "active": rule.active,
    }
    entry = build_entry(actor, "setPresaleGuardRule", "Store", store_id, details)
    await write_together([_upsert(actor.tenant_id, store_id, rule), entry])
    return rule


def _upsert(tenant_id: UUID, store_id: UUID, rule: GuardRule) -> Write:
    return Write(
        "INSERT INTO guard_rule (id, created_at, tenant_id, store_id, figure, act, threshold, dry_run, active)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, store_id, figure) DO UPDATE SET"
        " act = excluded.act, threshold = excluded.threshold, dry_run = excluded.dry_run, active = excluded.active",
        (
            new_id(),
            utc_now(),
            tenant_id,
            store_id,
            rule.figure.value,
            rule.act.value,
            rule.threshold,
            rule.dry_run,
            rule.active,
        ),
        expects=1,
    )


def _read_rule(row: Mapping[str, Any]) -> GuardRule:
    return GuardRule(
        Figure(row["figure"]),
        GuardAct(row["act"]),
        row["threshold"],
        bool(row["dry_run"]),
        bool(row["active"]),
    )
