"""What may be combined on one order. Rules are rows, written by the merchant; without any, everything
combines.

    max_per_order       {"count": 1, "channel"?: "meituan", "kind"?: "CASH_VOUCHER"}   at most so many (of these)
    exclusive_channel   {"channel": "meituan"}              with coupons of this channel no other's
    exclusive_kind      {"kind": "DISCOUNT"}                with coupons of this kind no other's
    never_together      {"channels": ["douyin", "house"]}   of these channels only one
    minimum_spend       {"amount": 10000, "channel"?, "kind"?}   such coupons only on an order of so many fen

That two coupons which cannot be taken back never go together is not a rule here: the saga sees to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.access.audit import build_entry
from core.access.permissions import Action, require
from core.access.problems import ProblemCode, UserProblem
from core.access.values import Actor
from core.cache import ExpiringCache
from core.channels.contract import CouponKind, Refusal
from core.coupons.basket import PlannedLeg
from core.coupons.values import CouponProblem
from core.db.inserts import insert_row
from core.db.statements import Json, Write, as_json, fetch_rows, write_together
from core.db.transactions import transaction
from core.ids import new_id

MAX_RULES = 50
_MAX_CHANNEL_LENGTH = 32

# Every redemption asks for the rules: they may be five seconds old.
_cache: ExpiringCache[UUID, tuple[StackingRule, ...]] = ExpiringCache(lifetime=5, capacity=10_000)


class RuleKind(StrEnum):
    MAX_PER_ORDER = "max_per_order"
    EXCLUSIVE_CHANNEL = "exclusive_channel"
    EXCLUSIVE_KIND = "exclusive_kind"
    NEVER_TOGETHER = "never_together"
    MINIMUM_SPEND = "minimum_spend"


@dataclass(frozen=True, slots=True)
class StackingRule:
    """One rule. What of `channel`, `kind` and `channels` is not given applies to all; `amount` is in fen."""

    rule: RuleKind
    count: int = 0
    channel: str | None = None
    kind: CouponKind | None = None
    channels: frozenset[str] = frozenset()
    amount: int = 0

    def concerns(self, item: BasketItem) -> bool:
        """Whether the item is of the rule's channel and kind."""
        return self.channel in (None, item.channel) and self.kind in (None, item.kind)


@dataclass(frozen=True, slots=True)
class BasketItem:
    """`count` uses of one coupon. `index`: which code of the input brought it."""

    index: int
    channel: str
    kind: CouponKind
    count: int = 1


Violation = tuple[int, Refusal, StackingRule]


def check_stacking(
    rules: Sequence[StackingRule], legs: Sequence[PlannedLeg], spend: int | None = None
) -> list[CouponProblem]:
    """What the merchant's rules have against these legs, one problem per code and reason. Pure."""
    channels = {chosen.index: leg.bound.channel.code for leg in legs for chosen in leg.chosen}
    basket = [
        BasketItem(chosen.index, leg.bound.channel.code, chosen.coupon.kind, chosen.times)
        for leg in legs
        for chosen in leg.chosen
    ]
    found = dict.fromkeys((index, reason) for index, reason, _ in find_violations(rules, basket, spend))
    return [CouponProblem(reason, ("codes", str(index)), channels[index]) for index, reason in found]


def find_violations(
    rules: Iterable[StackingRule], basket: Sequence[BasketItem], spend: int | None = None
) -> list[Violation]:
    """What speaks against the basket: (index of the code, reason, rule), by rule and then by place. Pure.

    `spend` is the order's total in fen before coupons; where nobody knows it, a minimum is not checked.
    """
    found: list[Violation] = []
    for rule in rules:
        reason = Refusal.NOT_STACKABLE
        if rule.rule is RuleKind.MINIMUM_SPEND:
            reason = Refusal.MINIMUM_SPEND_NOT_MET
        indexes = dict.fromkeys(item.index for item in _CHECKS[rule.rule](rule, basket, spend))
        found.extend((index, reason, rule) for index in indexes)
    return found


def _check_count(rule: StackingRule, basket: Sequence[BasketItem], spend: int | None) -> Iterable[BasketItem]:
    """The items with which there are too many."""
    total = 0
    for item in basket:
        if rule.concerns(item):
            total += item.count
            if total > rule.count:
                yield item


def _check_alone(rule: StackingRule, basket: Sequence[BasketItem], spend: int | None) -> Iterable[BasketItem]:
    """The items that want to be alone and are not."""
    mine = [item for item in basket if rule.concerns(item)]
    return mine if len(mine) < len(basket) else ()


def _check_apart(rule: StackingRule, basket: Sequence[BasketItem], spend: int | None) -> Iterable[BasketItem]:
    """The items of another channel than that of the first."""
    mine = [item for item in basket if item.channel in rule.channels]
    return [item for item in mine if item.channel != mine[0].channel]


def _check_spend(rule: StackingRule, basket: Sequence[BasketItem], spend: int | None) -> Iterable[BasketItem]:
    if spend is None or spend >= rule.amount:
        return ()
    return [item for item in basket if rule.concerns(item)]


_CHECKS: Mapping[
    RuleKind, Callable[[StackingRule, Sequence[BasketItem], int | None], Iterable[BasketItem]]
] = {
    RuleKind.MAX_PER_ORDER: _check_count,
    RuleKind.EXCLUSIVE_CHANNEL: _check_alone,
    RuleKind.EXCLUSIVE_KIND: _check_alone,
    RuleKind.NEVER_TOGETHER: _check_apart,
    RuleKind.MINIMUM_SPEND: _check_spend,
}


# ------------------------------------------------------------------------------------------------------- rows
async def load_rules(tenant_id: UUID) -> tuple[StackingRule, ...]:
    """The merchant's rules, oldest first. They may be five seconds old."""
    known = _cache.get(tenant_id)
    if known is None:
        rows = await fetch_rows(
            "SELECT rule, parameters FROM stacking_rule WHERE tenant_id = $1 AND active ORDER BY id",
            tenant_id,
        )
        read = (read_rule({"rule": row["rule"], **as_json(row["parameters"])}) for row in rows)
        known = tuple(rule for rule in read if isinstance(rule, StackingRule))
        _cache.put(tenant_id, known)
    return known


async def set_stacking_rules(
    actor: Actor, rules: Sequence[Mapping[str, Any]]
) -> tuple[StackingRule, ...] | list[UserProblem]:
    """Replaces the merchant's rules. Each is {"rule": …} with its parameters beside it, as in the table
    above.

    Answers the rules, or what is wrong with them: INVALID at the key of the rule, TOO_LARGE above fifty
    rules.
    """
    require(actor, Action.SET_STACKING_RULES)
    if len(rules) > MAX_RULES:
        return [UserProblem(ProblemCode.TOO_LARGE, ("rules",), values={"limit": MAX_RULES})]
    read = [read_rule(rule, ("rules", str(index))) for index, rule in enumerate(rules)]
    problems = [problem for problem in read if isinstance(problem, UserProblem)]
    if problems:
        return problems
    accepted = tuple(rule for rule in read if isinstance(rule, StackingRule))
    await _replace_rules(actor, [show_rule(rule) for rule in accepted])
    _cache.drop(actor.tenant_id)
    return accepted


async def _replace_rules(actor: Actor, rules: Sequence[Mapping[str, Any]]) -> None:
    # Two statements: a chained write sees the state before all of it.
    async with transaction():
        await write_together([Write("DELETE FROM stacking_rule WHERE tenant_id = $1", (actor.tenant_id,))])
        rows = [_insert_rule(actor.tenant_id, rule) for rule in rules]
        await write_together(
            [*rows, build_entry(actor, "setStackingRules", "StackingRule", None, {"rules": rules})]
        )


def _insert_rule(tenant_id: UUID, rule: Mapping[str, Any]) -> Write:
    parameters = {key: value for key, value in rule.items() if key != "rule"}
    return insert_row(
        "stacking_rule",
        id=new_id(),
        tenant_id=tenant_id,
        rule=rule["rule"],
        parameters=Json(parameters),
        active=True,
    )


# ---------------------------------------------------------------------------------------------------- reading
_PARAMETERS: Mapping[RuleKind, tuple[frozenset[str], frozenset[str]]] = {
    RuleKind.MAX_PER_ORDER: (frozenset({"count"}), frozenset({"channel", "kind"})),
    RuleKind.EXCLUSIVE_CHANNEL: (frozenset({"channel"}), frozenset()),
    RuleKind.EXCLUSIVE_KIND: (frozenset({"kind"}), frozenset()),
    RuleKind.NEVER_TOGETHER: (frozenset({"channels"}), frozenset()),
    RuleKind.MINIMUM_SPEND: (frozenset({"amount"}), frozenset({"channel", "kind"})),
}


def read_rule(given: Mapping[str, Any], path: tuple[str, ...] = ()) -> StackingRule | UserProblem:
    """The rule, or what is wrong with it."""
    kind = next((kind for kind in RuleKind if kind.value == given.get("rule")), None)
    if kind is None:
        return UserProblem(ProblemCode.INVALID, (*path, "rule"))
    required, optional = _PARAMETERS[kind]
    parameters = {key: value for key, value in given.items() if key != "rule" and value is not None}
    for key in sorted(required - parameters.keys()):
        return UserProblem(ProblemCode.REQUIRED, (*path, key))
    for key, value in parameters.items():
        if key not in required | optional or not _READERS[key](value):
            return UserProblem(ProblemCode.INVALID, (*path, key))
    return _build_rule(kind, parameters)


def _build_rule(kind: RuleKind, parameters: Mapping[str, Any]) -> StackingRule:
    coupon_kind = parameters.get("kind")
    return StackingRule(
        rule=kind,
        count=parameters.get("count", 0),
        channel=parameters.get("channel"),
        kind=CouponKind(coupon_kind) if coupon_kind else None,
        channels=frozenset(parameters.get("channels", ())),
        amount=parameters.get("amount", 0),
    )


def show_rule(rule: StackingRule) -> dict[str, Any]:
    """The rule as it is written in a table or by a person."""
    required, optional = _PARAMETERS[rule.rule]
    values: dict[str, Any] = {
        "count": rule.count,
        "channel": rule.channel,
        "kind": rule.kind and rule.kind.value,
        "channels": sorted(rule.channels),
        "amount": rule.amount,
    }
    kept = {key: values[key] for key in sorted(required | optional) if values[key] is not None}
    return {"rule": rule.rule.value, **kept}


def _is_channel(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_CHANNEL_LENGTH


def _is_number(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


_READERS: Mapping[str, Callable[[Any], bool]] = {
    "count": lambda value: _is_number(value, 0, 1000),
    "amount": lambda value: _is_number(value, 1, 2_000_000_000),
    "channel": _is_channel,
    "kind": lambda value: isinstance(value, str) and value in {kind.value for kind in CouponKind},
    "channels": lambda value: (
        isinstance(value, list) and len(set(map(str, value))) > 1 and all(map(_is_channel, value))
    ),
}
