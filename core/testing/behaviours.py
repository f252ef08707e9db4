"""What declared behaviours may not say: things that cannot be, and more for all accounts than for one of them."""

from __future__ import annotations

from collections.abc import Sequence

from core.channels.contract import CouponBehaviour, Idempotency, StatusBy
from core.channels.plugin_checks import find_contradiction

__all__ = ["find_broken_promises", "find_contradiction"]

# From the least to the most.
_IDEMPOTENCY: Sequence[Idempotency] = (
    Idempotency.NONE,
    Idempotency.NATURAL_SINGLE_USE,
    Idempotency.TOKEN,
)
_STATUS_BY: Sequence[StatusBy] = (
    StatusBy.NONE,
    StatusBy.UNUSED_ONLY,
    StatusBy.CODE_ONLY,
    StatusBy.CODE_WITH_REFERENCE,
    StatusBy.TOKEN,
)


def find_broken_promises(declared: CouponBehaviour, own: CouponBehaviour) -> list[str]:
    """The fields in which `declared`, said of all accounts, promises more than `own` keeps for one."""
    token = declared.idempotency is Idempotency.TOKEN
    broken = {
        "idempotency": _IDEMPOTENCY.index(declared.idempotency) > _IDEMPOTENCY.index(own.idempotency),
        "status_by": _STATUS_BY.index(declared.status_by) > _STATUS_BY.index(own.status_by),
        "reversal": declared.reversal.possible and not own.reversal.possible,
        "in_flight": declared.in_flight < own.in_flight,
        "token_lifetime": token and declared.token_lifetime > own.token_lifetime,
        "batch_atomic": declared.batch_atomic and not own.batch_atomic,
    }
    return [field for field, is_broken in broken.items() if is_broken]
