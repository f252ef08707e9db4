"""The documents of the voucher services, as they come, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.eleme.parse import (
    clean_words,
    parse_answer,
    parse_coupons,
    parse_found,
    parse_state,
    read_whole,
    read_wrapped,
)
from adapters.eleme.wire import CONSULT, RESERVE, ROOT_BY_METHOD, USE
from core.channels.contract import CouponKind, CouponStatus, Found, ProtocolFailure, Refusal, Refused
from core.channels.wire import (
    read_china_time,
    read_id,
    read_yuan,
    write_china_time,
)
from core.money import format_yuan

CODE = "523162942005"
FEN = st.integers(0, 99_999_999)


def make_value(*tickets: Any, **changes: Any) -> dict[str, Any]:
    listed = tickets or (make_ticket(),)
    return {"available_quantity": len(listed), "ticket_info_list": {"ticket_info": list(listed)}, **changes}


def make_ticket(**changes: Any) -> dict[str, Any]:
    return {
        "ticket_id": "2208211121312608720",
        "ticket_name": "洗剪吹",
        "total_amount": 8800,
        "real_amount": 8000,
        "original_price": 16800,
        "quantity": 1,
        "ticket_code": CODE,
        **changes,
    }


# ------------------------------------------------------------------------------------------------------- examples
def test_documented_voucher(read_payload: Any) -> None:
    answer = parse_answer(read_payload("25_alsc_ticket_consult_ok"), CONSULT)
    found = parse_found(answer.body, CODE)
    assert isinstance(found, Found)
    assert (found.order_reference, found.redeem_token) == ("2106027287988611313", None)
    (coupon,) = found.coupons
    assert (coupon.reference, coupon.title) == ("2208211121312608720", "洗剪吹")
    assert (coupon.face_value, coupon.paid_amount) == (16800, 8000)
    assert (coupon.kind, coupon.status) == (CouponKind.UNRECOGNISED, CouponStatus.AVAILABLE)
    assert (coupon.times_total, coupon.times_remaining) == (1, 1)
    assert (coupon.valid_from, coupon.valid_until) == (None, None)


def test_personal_data_is_not_kept(read_payload: Any) -> None:
    answer = parse_answer(read_payload("25_alsc_ticket_consult_ok"), CONSULT)
    (coupon,) = parse_coupons(answer.body, CODE)
    kept = set(coupon.raw)
    assert kept >= {"ticket_id", "total_amount", "alsc_order_no", "alsc_sub_order_no", "item_id"}
    assert not kept & {"ticket_code", "user_phone", "buyer_id"}
    assert CODE not in str(coupon)


def test_method_names_its_answer() -> None:
    assert {f"{method.replace('.', '_')}_response" for method in (CONSULT, USE, RESERVE)} == set(
        ROOT_BY_METHOD.values()
    )


def test_answer_to_another_method(read_payload: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_answer(read_payload("25_alsc_ticket_consult_ok"), RESERVE)
    assert caught.value.path == ROOT_BY_METHOD[RESERVE]


@pytest.mark.parametrize("success", [None, "true", 1, "", [], {}])
def test_success_is_said_plainly(success: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_answer({ROOT_BY_METHOD[RESERVE]: {"result": {"success": success}}}, RESERVE)
    assert caught.value.path.endswith("result.success")


# --------------------------------------------------------------------------------------------------------- vouchers
@pytest.mark.parametrize(
    ("quantity", "available", "remaining", "status"),
    [
        (10, 10, 10, CouponStatus.AVAILABLE),
        ("10", "7", 7, CouponStatus.PARTLY_REDEEMED),
        (10, None, 10, CouponStatus.AVAILABLE),
        (10, 0, 0, CouponStatus.REDEEMED),
        (1, 5, 1, CouponStatus.AVAILABLE),
        (None, 5, 1, CouponStatus.AVAILABLE),
    ],
)
def test_uses_left(quantity: Any, available: Any, remaining: int, status: CouponStatus) -> None:
    value = make_value(make_ticket(quantity=quantity), available_quantity=available)
    (coupon,) = parse_coupons(value, CODE)
    assert (coupon.times_remaining, coupon.status) == (remaining, status)
    assert coupon.handle == f"2208211121312608720*{quantity or 1}"
    assert (coupon.kind is CouponKind.TIMES_CARD) == (coupon.times_total > 1)


def test_list_may_come_bare() -> None:
    bare = make_value(ticket_info_list=[make_ticket()])
    assert parse_coupons(bare, CODE) == parse_coupons(make_value(), CODE)


def test_ids_may_come_as_numbers() -> None:
    value = make_value(make_ticket(ticket_id=2208211121312608720), alsc_order_no=2106027287988611313)
    found = parse_found(value, CODE)
    assert isinstance(found, Found)
    assert (found.coupons[0].reference, found.order_reference) == (
        "2208211121312608720",
        "2106027287988611313",
    )


def test_asked_voucher_is_first() -> None:
    others = [make_ticket(ticket_id=str(n), ticket_code=None) for n in (1, 2)]
    coupons = parse_coupons(make_value(*others, make_ticket()), CODE)
    assert [coupon.reference for coupon in coupons] == ["2208211121312608720", "1", "2"]


def test_voucher_listed_twice_is_no_answer() -> None:
    with pytest.raises(ProtocolFailure, match="listed twice"):
        parse_coupons(make_value(make_ticket(), make_ticket()), CODE)


def test_nothing_left_is_vague() -> None:
    refused = parse_found(make_value(make_ticket(quantity=3), available_quantity=0), CODE)
    assert refused == Refused(Refusal.ALREADY_REDEEMED, vague=True)


@pytest.mark.parametrize(
    ("available", "status"),
    [
        (10, CouponStatus.AVAILABLE),
        (9, CouponStatus.PARTLY_REDEEMED),
        (0, CouponStatus.REDEEMED),
    ],
)
def test_only_whole_cards_are_unused(available: int, status: CouponStatus) -> None:
    value = make_value(make_ticket(quantity=10), available_quantity=available)
    state = parse_state(value, CODE, "2208211121312608720")
    assert (state.status, state.uses) == (status, ())


def test_unlisted_voucher_is_of_unknown_state() -> None:
    state = parse_state(make_value(make_ticket()), CODE, "another")
    assert (state.status, state.uses) == (CouponStatus.UNRECOGNISED, ())


def test_silent_answer_tells_no_state() -> None:
    with pytest.raises(ProtocolFailure):
        parse_state({}, CODE, "2208211121312608720")


# ------------------------------------------------------------------------------------------------------------ money
@given(face=FEN, paid=FEN)
def test_fen_of_consult_arrive_unchanged(face: int, paid: int) -> None:
    wire = orjson.loads(orjson.dumps(make_value(make_ticket(original_price=face, real_amount=str(paid)))))
    (coupon,) = parse_coupons(wire, CODE)
    assert (coupon.face_value, coupon.paid_amount) == (face, paid)


@given(fen=FEN)
def test_yuan_of_use_arrive_unchanged(fen: int) -> None:
    text = format_yuan(fen)
    number = orjson.loads(text)
    assert read_yuan(text, "here") == fen
    assert read_yuan(number, "here") == fen


@pytest.mark.parametrize("value", ["0.001", "-1", "1e3", "NaN", "１", " ", True, [], 1e300, -0.5, "1" * 30])
def test_no_amount_in_yuan(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_yuan(value, "here")
    assert caught.value.path == "here"


def test_no_text_is_no_amount() -> None:
    assert (read_yuan(None, "here"), read_yuan("", "here"), read_yuan(0, "here")) == (None, None, 0)


def test_unsaid_amounts_stay_empty() -> None:
    (coupon,) = parse_coupons(make_value(make_ticket(original_price=None, real_amount="")), CODE)
    assert (coupon.face_value, coupon.paid_amount) == (None, None)


# --------------------------------------------------------------------------------------------------- single values
@pytest.mark.parametrize("value", [True, -1, 1.5, "1.5", "x", [], {}, "9" * 13, "٣"])
def test_no_whole_number(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_whole(value, "data.here")
    assert caught.value.path == "data.here"


@pytest.mark.parametrize("value", [None, "", 0, -1, True, 7.5e18, [], {}])
def test_no_id(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_id(value, "here")


@pytest.mark.parametrize("value", [7, "x", [1], {"a": [], "b": []}, {"a": [1]}, {"a": "x"}])
def test_no_list(value: Any) -> None:
    with pytest.raises(ProtocolFailure):
        read_wrapped(value, "here")


def test_beijing_time_is_utc() -> None:
    moment = read_china_time("2023-11-15 07:59:05", "here")
    assert moment == datetime(2023, 11, 14, 23, 59, 5, tzinfo=UTC)
    assert moment
    assert write_china_time(moment) == "2023-11-15 07:59:05"
    assert read_china_time("", "here") is None


@pytest.mark.parametrize(
    "value", ["0001-01-01 00:00:00", "2023-11-15", "2023-13-15 00:00:00", 1700000000, []]
)
def test_no_time(value: Any) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        read_china_time(value, "use_date")
    assert caught.value.path == "use_date"


def test_long_numbers_leave_words() -> None:
    assert clean_words("券523162942005已核销,电话13800000000") == "券…已核销,电话…"
    assert (clean_words(""), clean_words(7)) == (None, None)


# ------------------------------------------------------------------------------------------------- malformed answers
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"ticket_id": None}, "value.ticket_info_list.ticket_id"),
        ({"quantity": "many"}, "value.ticket_info_list.quantity"),
        ({"real_amount": 80.5}, "value.ticket_info_list.real_amount"),
        ({"original_price": "168.00"}, "value.ticket_info_list.original_price"),
    ],
)
def test_malformed_voucher_names_the_place(changes: Any, path: str) -> None:
    with pytest.raises(ProtocolFailure) as caught:
        parse_coupons(make_value(make_ticket(**changes)), CODE)
    assert caught.value.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(key=st.sampled_from([*make_ticket(), *make_value(), "alsc_order_no"]), value=JSON)
def test_any_value_is_read_or_refused(key: str, value: Any) -> None:
    ticket = make_ticket(**{key: value} if key in make_ticket() else {})
    outer = {} if key in make_ticket() else {key: value}
    path = "nowhere"
    try:
        parse_found(make_value(ticket, **outer), CODE)
        parse_state(make_value(ticket, **outer), CODE, "2208211121312608720")
    except ProtocolFailure as failure:
        path = failure.path
    assert path
