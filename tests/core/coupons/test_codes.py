"""What a person types and a scanner reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.coupons.basket import share
from core.coupons.codes import MAX_LENGTH, normalise_code
from core.errors import BadInput


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("1046 8612 6200 130", "104686126200130"),
        ("１０４６－８６１２", "10468612"),
        ("1046—8612–62", "1046861262"),
        ("\u200b1046\ufeff8612\u202c", "10468612"),
        ("abcd-efgh", "ABCDEFGH"),
        ("\t104 686\r\n", "104686"),
    ],
)
def test_code_is_cleaned(raw, code):
    assert normalise_code(raw).code == code


def test_link_is_kept_whole():
    scanned = normalise_code(" https://v.douyin.com/aB-c_D/?x=1 ")
    assert scanned.text == "https://v.douyin.com/aB-c_D/?x=1"
    assert scanned.link is not None
    assert (scanned.link.hostname, scanned.link_parameter("x")) == ("v.douyin.com", "1")


@pytest.mark.parametrize("raw", ["", "  ", "---", "\u200b", "x" * (MAX_LENGTH + 1)])
def test_empty_or_endless_is_refused(raw):
    with pytest.raises(BadInput):
        normalise_code(raw)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(raw):
    try:
        scanned = normalise_code(raw)
    except BadInput:
        return
    assert scanned.code
    assert not any(char.isspace() for char in scanned.code)
    assert scanned.code not in repr(scanned) or len(scanned.code) <= 4


@given(st.integers(0, 10**8), st.integers(1, 60))
def test_shares_of_a_card_add_up(total, parts):
    assert sum(share(total, parts, n, 1) for n in range(parts)) == total
    assert share(total, parts, 0, parts) == total
