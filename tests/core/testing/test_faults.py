"""Planned faults: the script first, in order, then the mixture."""

from __future__ import annotations

import pytest

from core.testing.faults import Fault, FaultKind, FaultPlan


def test_script_goes_in_order() -> None:
    plan = FaultPlan()
    plan.script("verify", FaultKind.LOSE, None, Fault(FaultKind.DELAY, 2))
    drawn = [plan.draw("verify") for _ in range(4)]
    assert drawn == [Fault(FaultKind.LOSE), None, Fault(FaultKind.DELAY, 2), None]


def test_other_operations_go_well() -> None:
    plan = FaultPlan()
    plan.script("verify", FaultKind.LOSE)
    assert plan.draw("prepare", "look_up", "*") is None
    assert plan.draw("verify", "redeem", "*") == Fault(FaultKind.LOSE)


def test_first_name_with_a_plan_counts() -> None:
    plan = FaultPlan()
    plan.script("*", FaultKind.ERROR_500)
    plan.script("redeem", FaultKind.LOSE)
    assert plan.draw("verify", "redeem", "*") == Fault(FaultKind.LOSE)
    assert plan.draw("verify", "redeem", "*") == Fault(FaultKind.ERROR_500)


def test_script_goes_before_the_mixture() -> None:
    plan = FaultPlan()
    plan.mix("verify", 1.0, [Fault(FaultKind.LOSE)])
    plan.script("*", FaultKind.GARBAGE)
    assert [plan.draw("verify", "*"), plan.draw("verify", "*")] == [
        Fault(FaultKind.GARBAGE),
        Fault(FaultKind.LOSE),
    ]


def draw_many(seed: int, share: float = 0.3) -> list[Fault | None]:
    plan = FaultPlan()
    plan.mix("*", share, [Fault(FaultKind.LOSE), Fault(FaultKind.ERROR_500)], seed)
    return [plan.draw("verify", "*") for _ in range(1000)]


def test_mixture_repeats_by_its_seed() -> None:
    assert draw_many(7) == draw_many(7)
    assert draw_many(7) != draw_many(8)


def test_mixture_keeps_its_share() -> None:
    faults = [fault for fault in draw_many(7) if fault]
    assert 250 < len(faults) < 350
    assert {fault.kind for fault in faults} == {FaultKind.LOSE, FaultKind.ERROR_500}


def test_clear_ends_all_faults() -> None:
    plan = FaultPlan()
    plan.load({"script": {"*": ["LOSE"]}, "mix": {"*": {"share": 1, "faults": ["LOSE"]}}})
    plan.clear()
    assert plan.draw("*") is None
    assert plan.describe() == {"script": {}, "mix": {}}


def test_plan_is_read_from_json() -> None:
    plan = FaultPlan()
    plan.load({"script": {"redeem": ["LOSE", None, {"kind": "APPLY_LATE", "seconds": 2}]}})
    drawn = [plan.draw("redeem") for _ in range(3)]
    assert drawn == [Fault(FaultKind.LOSE), None, Fault(FaultKind.APPLY_LATE, 2.0)]


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="EXPLODE"):
        FaultPlan().load({"script": {"redeem": ["EXPLODE"]}})
