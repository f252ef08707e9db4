"""The states of the redemption saga. Every change is an UPDATE guarded by the state before and by the fence.

request   PROCESSING ──▶ SUCCEEDED
              └──▶ COMPENSATING ──▶ FAILED            any ──▶ NEEDS_REVIEW
leg       INTENT ──▶ SENT ──▶ SUCCEEDED | REJECTED
                       └──▶ UNKNOWN ──▶ SENT | SUCCEEDED | REJECTED | NEEDS_REVIEW
redemption  PENDING ──▶ SUCCEEDED | DECLINED | UNKNOWN; SUCCEEDED ──▶ REVERSING ──▶ REVERSED | NEEDS_ATTENTION
"""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    REDEEM = "redeemCoupons"
    REVERSE = "reverseRedemption"


class RequestStatus(StrEnum):
    PROCESSING = "PROCESSING"
    COMPENSATING = "COMPENSATING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    NEEDS_REVIEW = "NEEDS_REVIEW"


class LegStatus(StrEnum):
    INTENT = "INTENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    NEEDS_REVIEW = "NEEDS_REVIEW"


OPEN_REQUESTS = frozenset({RequestStatus.PROCESSING, RequestStatus.COMPENSATING})
EVENT_KIND = "redemption.changed"
