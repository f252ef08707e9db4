"""Answers → values: money to the fen, times in UTC, states, and what is left open by an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.koubei.parse import (
    quote_code,
)
from adapters.koubei.parse_certificates import (
    list_reversals,
    parse_certificate_state,
    parse_certificates,
)
from adapters.koubei.parse_tickets import (
    count_uses,
    find_ticket_obstacle,
    name_receipts,
    parse_ticket,
    parse_ticket_state,
    spread,
)
from core.channels.contract import CouponKind, CouponStatus, PlatformUse, ProtocolFailure, Refusal
from core.channels.wire import (
    clean_message,
    read_china_time,
    read_yuan,
    write_china_time,
)
from core.money import format_yuan
from core.testing.garbage import MISSING, WRONG_VALUES, spoil_at, walk_paths

NOW = datetime(2023, 11, 15, 4, 0, tzinfo=UTC)
VOUCHER = "20231101000730020000000001"
CERTIFICATE = "2021042322001426261436764012"


# ------------------------------------------------------------------------------------------------------------- money
@given(st.integers(0, 10**11))
def test_ticket_price_keeps_every_fen(fen: int) -> None:
    wire = {"code": "10000", "ticket_code": "1", "voucher_id": "v", "original_price": format_yuan(fen)}
    assert parse_ticket(wire, "r", NOW).face_value == fen


@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_certificate_amounts_keep_every_fen(face: int, paid: int) -> None:
    amounts = {"original_price": format_yuan(face), "pay_amount": format_yuan(paid)}
    row = {"certificate_id": "c", "encrypted_code": "e", "amount_info": amounts}
    (coupon,) = parse_certificates({"code": "10000", "certificate_prepare_info_list": [row]}, NOW)
    assert (coupon.face_value, coupon.paid_amount) == (face, paid)


@given(st.integers(0, 10**11))
def test_amount_as_a_number_keeps_every_fen(fen: int) -> None:
    number = orjson.loads(str(Decimal(fen) / 100))
    assert read_yuan(number, "amount") == fen


@pytest.mark.parametrize(
    "value", ["88.001", "-1.00", "1e3", "８", "NaN", " 1", True, [], {}, 1e300, "9" * 13]
)
def test_odd_amount_is_refused(value: object) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_yuan(value, "amount_info.pay_amount")
    assert caught.value.path == "amount_info.pay_amount"


@pytest.mark.parametrize(
    ("value", "fen"), [("88", 8800), ("88.5", 8850), ("0.01", 1), (None, None), ("", None)]
)
def test_amount_is_yuan(value: object, fen: int | None) -> None:
    assert read_yuan(value, "amount") == fen


@given(st.integers(0, 10**9), st.integers(1, 50))
def test_spread_loses_no_fen(total: int, parts: int) -> None:
    shares = [share for share in spread(total, parts) if share is not None]
    assert (len(shares), sum(shares)) == (parts, total)
    assert max(shares) - min(shares) <= 1


# ------------------------------------------------------------------------------------------------------------- times
def test_times_are_of_beijing() -> None:
    assert read_china_time("2023-11-15 12:00:00", "t") == NOW
    assert write_china_time(NOW) == "2023-11-15 12:00:00"


@pytest.mark.parametrize(
    "value", ["2023-11-15", "2023-13-01 00:00:00", "0001-01-01 00:00:00", 1700000000, []]
)
def test_odd_time_is_refused(value: object) -> None:
    with pytest.raises(ProtocolFailure, match="not a time"):
        read_china_time(value, "expire_date")


# ------------------------------------------------------------------------------------------------------------ tickets
def test_ticket_is_read_whole(read_payload: Any) -> None:
    coupon = parse_ticket(read_payload("01_query_effective"), "r1", NOW)
    assert (coupon.reference, coupon.title, coupon.kind) == (VOUCHER, "双人下午茶", CouponKind.UNRECOGNISED)
    assert orjson.loads(coupon.handle) == {
        "ticket_code": "016569843362",
        "request_id": "r1",
        "is_card": False,
    }
    assert (coupon.face_value, coupon.paid_amount) == (16800, None)
    assert coupon.valid_from == datetime(2023, 10, 31, 16, 0, tzinfo=UTC)
    assert coupon.valid_until == datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC)
    # Two of one order are two tickets with codes of their own.
    assert (coupon.times_total, coupon.times_remaining) == (1, 1)
    assert not {"ticket_code", "code", "msg"} & coupon.raw.keys()


@pytest.mark.parametrize(
    ("payload", "status", "obstacle"),
    [
        ("01_query_effective", CouponStatus.AVAILABLE, None),
        ("02_query_used", CouponStatus.REDEEMED, Refusal.ALREADY_REDEEMED),
        ("03_query_un_effective", CouponStatus.AVAILABLE, Refusal.WRONG_STORE),
        ("04_query_refunded", CouponStatus.REFUNDED, Refusal.REFUNDED),
        ("05_query_using", CouponStatus.LOCKED, Refusal.LOCKED),
        ("06_query_refunding", CouponStatus.LOCKED, Refusal.LOCKED),
    ],
)
def test_ticket_status_is_mapped(
    read_payload: Any, payload: str, status: CouponStatus, obstacle: Refusal | None
) -> None:
    fields = read_payload(payload)
    coupon = parse_ticket(fields, "r1", NOW)
    assert (coupon.status, find_ticket_obstacle(fields, coupon)) == (status, obstacle)


@pytest.mark.parametrize("status", ["NEW", "effective", "", None, 7, []])
def test_unlisted_ticket_status_is_no_success(read_payload: Any, status: object) -> None:
    fields = {**read_payload("01_query_effective"), "ticket_status": status}
    coupon = parse_ticket(fields, "r1", NOW)
    assert coupon.status is CouponStatus.UNRECOGNISED
    assert find_ticket_obstacle(fields, coupon) is Refusal.REFUSED_BY_CHANNEL


@pytest.mark.parametrize("status", ["EFFECTIVE", "UN_EFFECTIVE"])
def test_dates_count_more_than_the_word(read_payload: Any, status: str) -> None:
    fields = {**read_payload("01_query_effective"), "ticket_status": status}
    for now, expected in (
        (NOW + timedelta(days=60), Refusal.EXPIRED),
        (NOW - timedelta(days=60), Refusal.NOT_YET_VALID),
    ):
        assert find_ticket_obstacle(fields, parse_ticket(fields, "r1", now)) is expected


def make_card(fields: dict[str, Any], left: str, *rows: tuple[str, str, str]) -> dict[str, Any]:
    uses = [
        {
            "ticket_trans_id": trans,
            "ticket_trans_type": kind,
            "quantity": count,
            "create_time": "2023-11-15 12:00:00",
        }
        for trans, kind, count in rows
    ]
    status = "USED" if left == "0" else "EFFECTIVE"
    card = {"time_cards": "true", "total_quantity": "3", "available_quantity": left, "ticket_status": status}
    return {**fields, **card, "ticket_trans_info_list": uses}


@pytest.mark.parametrize(
    ("left", "status", "obstacle"),
    [
        ("3", CouponStatus.AVAILABLE, None),
        ("1", CouponStatus.PARTLY_REDEEMED, None),
        ("0", CouponStatus.REDEEMED, Refusal.TIMES_USED_UP),
    ],
)
def test_ticket_card_counts_down(
    read_payload: Any, left: str, status: CouponStatus, obstacle: Refusal | None
) -> None:
    fields = make_card(read_payload("01_query_effective"), left)
    coupon = parse_ticket(fields, "r1", NOW)
    assert (coupon.kind, coupon.times_total, coupon.times_remaining) == (CouponKind.TIMES_CARD, 3, int(left))
    assert (coupon.status, find_ticket_obstacle(fields, coupon)) == (status, obstacle)


def test_uses_of_a_card_are_listed(read_payload: Any) -> None:
    fields = make_card(read_payload("01_query_effective"), "0", ("t1", "USE", "2"), ("t2", "USE", "1"))
    state = parse_ticket_state(fields, VOUCHER, NOW)
    assert [use.receipt for use in state.uses] == ["t1#1/2", "t1#2/2", "t2"]
    assert {use.used_at for use in state.uses} == {NOW}


def test_newest_use_of_a_ticket_stands(read_payload: Any) -> None:
    rows = [
        {"ticket_trans_id": "new", "ticket_trans_type": "USE", "last_modify_time": "2023-11-15 12:00:00"},
        {"ticket_trans_id": "old", "ticket_trans_type": "USE", "last_modify_time": "2023-11-15 11:00:00"},
        {"ticket_trans_id": "gone", "ticket_trans_type": "CANCEL", "last_modify_time": "2023-11-15 11:30:00"},
    ]
    fields = {**read_payload("02_query_used"), "ticket_trans_info_list": rows}
    assert [use.receipt for use in parse_ticket_state(fields, VOUCHER, NOW).uses] == ["new"]
    unused = {**fields, "ticket_status": "EFFECTIVE"}
    assert parse_ticket_state(unused, VOUCHER, NOW).uses == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"ticket_status": "USING"}, "ticket_status"),
        ({"ticket_status": "NEW"}, "ticket_status"),
        ({"ticket_status": "USED"}, "ticket_trans_info_list"),
        ({"voucher_id": "another"}, "voucher_id"),
        ({"time_cards": "true", "available_quantity": "1"}, "ticket_trans_info_list"),
        ({"time_cards": "true", "total_quantity": ""}, "total_quantity"),
    ],
    ids=["being used", "unlisted", "used by nobody", "another ticket", "used by nobody, card", "no counts"],
)
def test_open_ticket_state_is_no_state(read_payload: Any, change: dict[str, str], path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_ticket_state({**read_payload("01_query_effective"), **change}, VOUCHER, NOW)
    assert caught.value.path == path


# ----------------------------------------------------------------------------------------------------------- receipts
@pytest.mark.parametrize(
    ("receipts", "count"),
    [
        (("t",), 1),
        (("t#1/2", "t#2/2"), 2),
        (("t#2/2", "t#1/2"), 2),
        (("t#1/2",), None),
        (("t#1/2", "u#2/2"), None),
        (("t", "u"), None),
        ((), None),
    ],
)
def test_receipts_of_one_call_are_counted(receipts: tuple[str, ...], count: int | None) -> None:
    assert count_uses(receipts) == count


@given(st.text("0123456789", min_size=1), st.integers(1, 30))
def test_receipts_know_their_call(trans_id: str, count: int) -> None:
    names = name_receipts(trans_id, count)
    assert (len(set(names)), count_uses(names)) == (count, count)


def test_reversals_name_the_certificate() -> None:
    assert list_reversals("c1", ["u1"]) == [{"certificate_id": "c1", "use_order_no": "u1"}]
    assert list_reversals("c1", ["u1#4", "u1#5", "u2#6"]) == [
        {
            "certificate_id": "c1",
            "use_order_no": "u1",
            "serial_no_list": ["4", "5"],
            "times_card_cancel_count": 2,
        },
        {
            "certificate_id": "c1",
            "use_order_no": "u2",
            "serial_no_list": ["6"],
            "times_card_cancel_count": 1,
        },
    ]


# ------------------------------------------------------------------------------------------------------- certificates
def test_certificate_is_read_whole(read_payload: Any) -> None:
    (coupon,) = parse_certificates(read_payload("20_certificate_prepareuse_ok"), NOW)
    assert (coupon.reference, coupon.title, coupon.status) == (
        CERTIFICATE,
        "双人下午茶",
        CouponStatus.AVAILABLE,
    )
    assert (coupon.face_value, coupon.paid_amount) == (16800, 8000)
    assert orjson.loads(coupon.handle) == {
        "encrypted_code": "LLyABKAESLgosRSH/OAfU5",
        "open_id": "074a1test",
        "user_id": None,
        "is_card": False,
    }
    assert coupon.valid_until == datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC)
    assert "encrypted_code" not in coupon.raw


def make_state(**changes: Any) -> dict[str, Any]:
    return {"code": "10000", "certificate_info_list": [{"certificate_id": "c", "status": "VALID", **changes}]}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("VALID", CouponStatus.AVAILABLE),
        ("EXPIRED", CouponStatus.EXPIRED),
        ("INVALID", CouponStatus.CANCELLED),
        ("REFUNDED", CouponStatus.REFUNDED),
    ],
)
def test_certificate_status_is_mapped(status: str, expected: CouponStatus) -> None:
    state = parse_certificate_state(make_state(status=status), "c", NOW)
    assert (state.status, state.uses) == (expected, ())


@pytest.mark.parametrize(
    ("changes", "status", "uses"),
    [
        ({"status": "USED"}, CouponStatus.REDEEMED, 1),
        ({"times_card_info": {"total_count": 10, "used_count": 3}}, CouponStatus.PARTLY_REDEEMED, 3),
    ],
)
def test_used_certificate_tells_how_often(changes: dict[str, Any], status: CouponStatus, uses: int) -> None:
    state = parse_certificate_state(make_state(**changes), "c", NOW)
    assert (state.status, state.uses) == (status, (PlatformUse(None),) * uses)


@pytest.mark.parametrize("changes", [{"status": "NEW"}, {"status": None}, {"certificate_id": "another"}])
def test_open_certificate_state_is_no_state(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolFailure):
        parse_certificate_state(make_state(**changes), "c", NOW)


# -------------------------------------------------------------------------------------------------------------- words
def test_codes_and_words_are_quoted() -> None:
    assert quote_code({"code": "40004", "sub_code": "TICKET_EXPIRED"}) == "TICKET_EXPIRED"
    assert quote_code({"code": "40002", "sub_code": "isv.invalid-format"}) == "40002/isv.invalid-format"
    assert quote_code({"code": "40005", "sub_code": None}) == "40005"
    assert clean_message("券016569843362无效 13800000000") == "券…无效 …"


@pytest.mark.parametrize("name", ["01_query_effective", "20_certificate_prepareuse_ok"])
def test_spoilt_documents_are_no_crash(read_payload: Any, name: str) -> None:
    document = make_card(read_payload(name), "1", ("t", "USE", "2")) if name < "1" else read_payload(name)
    for path in walk_paths(document):
        for value in (*WRONG_VALUES, MISSING) if path else ():
            spoilt = spoil_at(document, path, value)
            try:
                if name < "1":
                    find_ticket_obstacle(spoilt, parse_ticket(spoilt, "r", NOW))
                    parse_ticket_state(spoilt, VOUCHER, NOW)
                else:
                    parse_certificates(spoilt, NOW)
            except ProtocolFailure:
                continue
