"""Whose use is it, table by table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.channels.contract import CouponState, CouponStatus, PlatformUse, StatusBy
from core.coupons.attribution import Finding, Sending, are_gone, attribute_uses, name_receipt

SENT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
OURS = Sending("token", "store", SENT, times=1)


def _use(receipt="r", minutes=0, token=None, store=None, api=None, timed=True):
    used_at = SENT + timedelta(minutes=minutes) if timed else None
    return PlatformUse(receipt, used_at, token, store, api)


def _state(*uses, status=CouponStatus.REDEEMED):
    return CouponState("ref", status, tuple(uses))


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (_state(_use(token="token")), Finding.OURS),
        (_state(_use(token="other")), Finding.OTHERS),
        (_state(_use(token="other"), status=CouponStatus.PARTLY_REDEEMED), Finding.UNUSED),
        (_state(status=CouponStatus.AVAILABLE), Finding.UNUSED),
        (_state(status=CouponStatus.REFUNDED), Finding.OTHERS),
        (_state(status=CouponStatus.UNRECOGNISED), Finding.UNCLEAR),
        (_state(_use("a", token="token"), _use("b", token="token")), Finding.UNCLEAR),
        (_state(_use(None, token="token")), Finding.OURS),
        (_state(_use(None, token="other")), Finding.OTHERS),
    ],
)
def test_token_proves_it(state, finding):
    assert attribute_uses(state, OURS, StatusBy.TOKEN, ()).finding is finding


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (_state(_use()), Finding.OURS),
        (_state(_use(minutes=-10)), Finding.OTHERS),
        (_state(_use(store="store")), Finding.OURS),
        (_state(_use(store="elsewhere")), Finding.OTHERS),
        (_state(_use(api=False)), Finding.OTHERS),
        (_state(_use(timed=False)), Finding.UNCLEAR),
        (_state(_use("a"), _use("b")), Finding.UNCLEAR),
        (_state(_use(None)), Finding.UNCLEAR),
        (_state(_use(None, minutes=-10)), Finding.OTHERS),
        (_state(_use(None, timed=False)), Finding.UNTOLD),
        (_state(_use(None, timed=False, api=False)), Finding.OTHERS),
        (_state(status=CouponStatus.LOCKED), Finding.UNUSED),
        (_state(status=CouponStatus.UNRECOGNISED), Finding.UNCLEAR),
    ],
)
def test_circumstances_suggest_it(state, finding):
    assert attribute_uses(state, OURS, StatusBy.CODE_ONLY, ()).finding is finding


@pytest.mark.parametrize("status", CouponStatus)
def test_unused_alone_is_shown(status):
    found = attribute_uses(_state(status=status), OURS, StatusBy.UNUSED_ONLY, ())
    assert found.finding is (Finding.UNUSED if status is CouponStatus.AVAILABLE else Finding.UNTOLD)


@pytest.mark.parametrize(
    ("state", "status_by", "gone"),
    [
        (_state(status=CouponStatus.AVAILABLE), StatusBy.CODE_ONLY, True),
        (_state(_use("r")), StatusBy.CODE_ONLY, False),
        (_state(_use("newer")), StatusBy.CODE_ONLY, True),
        (_state(_use(None)), StatusBy.CODE_ONLY, None),
        (_state(_use("r"), _use(None)), StatusBy.CODE_ONLY, False),
        (_state(_use(None, token="token")), StatusBy.TOKEN, False),
        (_state(_use(None, token="other")), StatusBy.TOKEN, True),
        (_state(status=CouponStatus.AVAILABLE), StatusBy.UNUSED_ONLY, True),
        (_state(status=CouponStatus.REDEEMED), StatusBy.UNUSED_ONLY, False),
        (_state(status=CouponStatus.UNRECOGNISED), StatusBy.UNUSED_ONLY, False),
    ],
)
def test_missing_receipt_proves_no_reversal(state, status_by, gone):
    assert are_gone(state, status_by, {"r"}, "token") is gone


def test_token_names_a_use_without_receipt():
    assert name_receipt(_use("r"), "token") == "r"
    assert name_receipt(_use(None), "token") == "token"


def test_known_receipt_is_another_redemptions():
    state = _state(_use("known"), _use("new"), status=CouponStatus.PARTLY_REDEEMED)
    found = attribute_uses(state, OURS, StatusBy.CODE_ONLY, {"known"})
    assert (found.finding, [use.receipt for use in found.uses]) == (Finding.OURS, ["new"])


def test_only_a_token_confirms():
    assert attribute_uses(_state(_use(token="token")), OURS, StatusBy.TOKEN, ()).confirmed
    assert not attribute_uses(_state(_use()), OURS, StatusBy.CODE_ONLY, ()).confirmed
