"""What can go wrong between a caller and a platform, planned call by call.

A `FaultPlan` is asked once per call, with the names under which the call is known: the platform's own
("verify"), what it is to core ("redeem"), and "*". Scripted faults come first, in order; then a seeded random
mixture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any


class FaultKind(StrEnum):
    """How a call goes wrong. "Applied" means that the platform's state changes as if all went well."""

    LOSE = "LOSE"  # never applied, and the connection closes without a whole answer
    DROP_AFTER_APPLY = "DROP_AFTER_APPLY"  # applied, and the connection closes without a whole answer
    SILENCE = "SILENCE"  # applied, and no answer until the caller gives up
    DELAY = "DELAY"  # applied, and answered after `seconds`
    APPLY_LATE = "APPLY_LATE"  # the connection closes; applied `seconds` later
    ERROR_500 = "ERROR_500"  # never applied, HTTP 500
    ERROR_500_AFTER_APPLY = "ERROR_500_AFTER_APPLY"  # applied, HTTP 500
    GARBAGE = "GARBAGE"  # applied, HTTP 200 with a body that is not the platform's
    RATE_LIMIT = "RATE_LIMIT"  # never applied, the platform's own "too many calls"
    EXPIRE_TOKEN = "EXPIRE_TOKEN"  # noqa: S105  # every access token given out so far is void from now on


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `seconds` counts for DELAY, APPLY_LATE and SILENCE (there: the longest wait)."""

    kind: FaultKind
    seconds: float = 0.5

    @classmethod
    def parse(cls, wire: Mapping[str, Any] | str | None) -> Fault | None:
        """A fault as the control API writes it: null, "LOSE" or {"kind": "DELAY", "seconds": 2}.

        Raises ValueError for an unknown kind.
        """
        if wire is None:
            return None
        if isinstance(wire, str):
            return cls(FaultKind(wire))
        return cls(FaultKind(wire["kind"]), float(wire.get("seconds", 0.5)))


@dataclass(slots=True)
class _Mixture:
    share: float
    faults: Sequence[Fault]
    random: Random

    def draw(self) -> Fault | None:
        return self.random.choice(self.faults) if self.random.random() < self.share else None


class FaultPlan:
    """The faults still to come, by operation."""

    def __init__(self) -> None:
        self._scripts: dict[str, deque[Fault | None]] = {}
        self._mixtures: dict[str, _Mixture] = {}

    def script(self, operation: str, *faults: Fault | FaultKind | None) -> None:
        """Adds what happens to the next calls of `operation`, one after another; None lets a call go well."""
        planned = (Fault(fault) if isinstance(fault, FaultKind) else fault for fault in faults)
        self._scripts.setdefault(operation, deque()).extend(planned)

    def mix(self, operation: str, share: float, faults: Sequence[Fault], seed: int = 0) -> None:
        """From now on `share` (0 to 1) of the calls of `operation` meet one of `faults`, each as likely.

        The same seed and the same order of calls give the same faults.
        """
        self._mixtures[operation] = _Mixture(share, tuple(faults), Random(seed))  # noqa: S311

    def clear(self) -> None:
        """From now on all goes well."""
        self._scripts.clear()
        self._mixtures.clear()

    def draw(self, *operations: str) -> Fault | None:
        """What happens to a call known by these names, the first that has a plan; None if it goes well."""
        for operation in operations:
            if script := self._scripts.get(operation):
                return script.popleft()
        for operation in operations:
            if mixture := self._mixtures.get(operation):
                return mixture.draw()
        return None

    def load(self, wire: Mapping[str, Any]) -> None:
        """Reads a plan as the control API takes it. Raises ValueError for an unknown kind of fault.

        {"script": {"redeem": ["LOSE", null, {"kind": "DELAY", "seconds": 2}]},
         "mix": {"*": {"share": 0.3, "faults": ["LOSE", "ERROR_500"], "seed": 7}}}
        """
        for operation, faults in wire.get("script", {}).items():
            self.script(operation, *(Fault.parse(fault) for fault in faults))
        for operation, mixture in wire.get("mix", {}).items():
            faults = [fault for fault in map(Fault.parse, mixture["faults"]) if fault is not None]
            self.mix(operation, float(mixture["share"]), faults, int(mixture.get("seed", 0)))

    def describe(self) -> dict[str, Any]:
        """What is still planned, for a person to read."""
        return {
            "script": {
                name: [fault and fault.kind for fault in script] for name, script in self._scripts.items()
            },
            "mix": {name: {"share": mixture.share} for name, mixture in self._mixtures.items()},
        }
