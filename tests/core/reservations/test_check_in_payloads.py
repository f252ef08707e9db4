"""The text of a guest's QR code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.ids import new_id
from core.keys import KeyRing
from core.reservations.visits.check_in_payloads import (
    PayloadExpired,
    PayloadUnreadable,
    end_of_day,
    read_payload,
    sign_payload,
    start_of_day,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
KEYS = KeyRing("a secret key for tests, 32 characters or more")
MERCHANT, RESERVATION = new_id(), new_id()
# Eight in the evening in Shanghai.
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 16, tzinfo=UTC)


def sign(start=START, zone=SHANGHAI, keys=KEYS):
    return sign_payload(keys, MERCHANT, RESERVATION, start, zone)


def test_read_back_all_day_as_often_as_liked():
    text = sign()
    assert text == sign()
    for instant in (START - timedelta(days=3), START, MIDNIGHT - timedelta(seconds=1)):
        assert read_payload(KEYS, MERCHANT, f" {text}\n", instant) == RESERVATION


def test_ends_with_the_day():
    with pytest.raises(PayloadExpired):
        read_payload(KEYS, MERCHANT, sign(), MIDNIGHT)


def test_another_merchants_is_unreadable():
    with pytest.raises(PayloadUnreadable):
        read_payload(KEYS, new_id(), sign(), START)


@pytest.mark.parametrize("position", range(5, 58, 6))
def test_altered_is_unreadable(position):
    text = sign()
    other = "A" if text[position] != "A" else "B"
    with pytest.raises(PayloadUnreadable):
        read_payload(KEYS, MERCHANT, text[:position] + other + text[position + 1 :], START)


@pytest.mark.parametrize(
    "text", ["", "HXR1.", "HXR1.???", "HXR1.AAAA", "https://example.com/x", "12345678", "HXR1.预约"]
)
def test_anything_else_is_unreadable(text):
    with pytest.raises(PayloadUnreadable):
        read_payload(KEYS, MERCHANT, text, START)


def test_good_after_a_change_of_keys():
    newer = KeyRing(
        "another secret key, just as long as the first", ["a secret key for tests, 32 characters or more"]
    )
    assert read_payload(newer, MERCHANT, sign(), START) == RESERVATION


@pytest.mark.parametrize(
    ("instant", "hours"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 23),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 25),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), 24),
    ],
)
def test_days_are_as_long_as_the_clocks_say(instant, hours):
    assert end_of_day(instant, BERLIN) - start_of_day(instant, BERLIN) == timedelta(hours=hours)
