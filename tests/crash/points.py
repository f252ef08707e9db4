"""Where a server can be made to kill itself.

The program has no seam for this: the functions that the saga calls are wrapped in the modules that call
them. A point is named in HEXIAO_TEST_CRASH as "point:n"; at its n-th passing the process gets SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from importlib import import_module
from typing import Any

from core.coupons.states import RequestStatus

# Longer than loopback needs to carry a call to its platform, shorter than the platform's planned delay.
ON_THE_WIRE_SECONDS = 0.25


class Moment(StrEnum):
    """BEFORE the function runs, AFTER it returned, or DURING: a little after it began."""

    BEFORE = "BEFORE"
    DURING = "DURING"
    AFTER = "AFTER"


@dataclass(frozen=True)
class Point:
    """A passing is a call of `target` ("module:function" or "module:Class.method") for which `counts` holds."""

    target: str
    moment: Moment
    counts: Callable[..., bool] = lambda *args, **kwargs: True


def _compensates(runtime: Any, saga: Any, *rest: Any, **more: Any) -> bool:
    return bool(saga.status is RequestStatus.COMPENSATING)


POINTS = {
    "after_intent": Point("core.coupons.redemption:commit_intent", Moment.AFTER),
    "after_sent_commit": Point("core.coupons.saga:commit_sent", Moment.AFTER),
    "redeem_after_send": Point("core.coupons.saga:call_redeem", Moment.DURING),
    "after_reply_before_commit": Point("core.coupons.saga:call_redeem", Moment.AFTER),
    "after_leg_commit": Point("core.coupons.saga:commit_leg", Moment.AFTER),
    "before_finish": Point("core.coupons.saga:commit_end", Moment.BEFORE),
    "after_finish_before_reply": Point("core.coupons.saga:commit_end", Moment.AFTER),
    "after_compensating": Point("core.coupons.saga:commit_leg", Moment.AFTER, _compensates),
    "after_reversing_commit": Point("core.coupons.takeback:commit_reversing", Moment.AFTER),
    "reverse_after_send": Point("core.coupons.takeback:call_reverse", Moment.DURING),
    "after_reverse_reply": Point("core.coupons.takeback:call_reverse", Moment.AFTER),
    "after_reverse_commit": Point("core.coupons.takeback:commit_reversal", Moment.AFTER),
    "after_reversal_intent": Point("core.coupons.reversal:write_together", Moment.AFTER),
    "after_token_fetch": Point("core.channels.transport.tokens:TokenRows.store", Moment.BEFORE),
    "while_numbering_events": Point("core.events.relay:execute", Moment.AFTER),
}


def install_point(spec: str) -> None:
    """Makes this process kill itself at "point:n"."""
    name, _, passing = spec.partition(":")
    point = POINTS[name]
    module, _, path = point.target.partition(":")
    *owners, attribute = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, attribute, _wrap(getattr(owner, attribute), point, int(passing)))


def _wrap(
    function: Callable[..., Awaitable[Any]], point: Point, passing: int
) -> Callable[..., Awaitable[Any]]:
    passed = 0

    @wraps(function)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += point.counts(*args, **kwargs)
        is_last = passed == passing and point.counts(*args, **kwargs)
        if is_last and point.moment is Moment.BEFORE:
            _die()
        if is_last and point.moment is Moment.DURING:
            asyncio.get_running_loop().call_later(ON_THE_WIRE_SECONDS, _die)
        answer = await function(*args, **kwargs)
        if is_last and point.moment is Moment.AFTER:
            _die()
        return answer

    return wrapped


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
