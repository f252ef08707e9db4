"""Slot tokens: they give back what was offered, to the merchant it was offered by, for 15 minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.ids import new_id
from core.keys import KeyRing
from core.reservations.slots.tokens import (
    SlotExpired,
    SlotUnreadable,
    parse_slot,
    read_slot,
    sign_slot,
    write_slot,
)
from core.reservations.values import Slot, SlotReason

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEYS = KeyRing("a secret key for tests, 32 characters or more")
START = NOW + timedelta(hours=1, minutes=7)
PLAIN = Slot(new_id(), new_id(), START, START + timedelta(minutes=45))
SLOTS = [
    PLAIN,
    replace(PLAIN, staff_id=new_id()),
    replace(PLAIN, staff_id=new_id(), resource_ids=(new_id(), new_id())),
    replace(PLAIN, session_id=new_id(), seats=30),
    replace(PLAIN, start=START.replace(second=31, microsecond=17), resource_ids=(new_id(),), seats=8),
]


@pytest.mark.parametrize("slot", SLOTS)
def test_token_gives_the_slot_back(tenant_id, slot):
    assert read_slot(KEYS, tenant_id, sign_slot(KEYS, tenant_id, slot, NOW), NOW) == slot


@pytest.mark.parametrize("slot", SLOTS)
def test_json_gives_the_slot_back(slot):
    assert parse_slot(write_slot(slot)) == slot


def test_score_and_reasons_stay_behind(tenant_id):
    scored = replace(PLAIN, score=0.5, reasons=(SlotReason.EARLIEST,))
    assert sign_slot(KEYS, tenant_id, scored, NOW) == sign_slot(KEYS, tenant_id, PLAIN, NOW)
    assert parse_slot(write_slot(scored)) == PLAIN


def test_token_lives_fifteen_minutes(tenant_id):
    token = sign_slot(KEYS, tenant_id, PLAIN, NOW)
    assert read_slot(KEYS, tenant_id, token, NOW + timedelta(minutes=14, seconds=59)) == PLAIN
    with pytest.raises(SlotExpired):
        read_slot(KEYS, tenant_id, token, NOW + timedelta(minutes=15))


def test_token_is_worth_nothing_to_another_merchant(tenant_id):
    with pytest.raises(SlotUnreadable):
        read_slot(KEYS, new_id(), sign_slot(KEYS, tenant_id, PLAIN, NOW), NOW)


def test_token_of_another_program_is_refused(tenant_id):
    token = sign_slot(KeyRing("another secret key, 32 characters or more"), tenant_id, PLAIN, NOW)
    with pytest.raises(SlotUnreadable):
        read_slot(KEYS, tenant_id, token, NOW)


def test_token_of_a_previous_key_is_read(tenant_id):
    token = sign_slot(KEYS, tenant_id, PLAIN, NOW)
    rotated = KeyRing(
        "a new secret key for tests, 32 characters", ["a secret key for tests, 32 characters or more"]
    )
    assert read_slot(rotated, tenant_id, token, NOW) == PLAIN


@pytest.mark.parametrize("position", range(0, 96, 5))
def test_altered_token_is_refused(tenant_id, position):
    token = sign_slot(KEYS, tenant_id, PLAIN, NOW)
    altered = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    with pytest.raises(SlotUnreadable):
        read_slot(KEYS, tenant_id, altered, NOW)


@pytest.mark.parametrize("token", ["", "A", "not a token", "🙂", "A" * 22, "=" * 8, "A" * 5000])
def test_anything_else_is_refused(tenant_id, token):
    with pytest.raises(SlotUnreadable):
        read_slot(KEYS, tenant_id, token, NOW)
