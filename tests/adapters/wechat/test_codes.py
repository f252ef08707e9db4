"""What a scanned text names, and what names a coupon for ever."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wechat.codes import CouponKey, Presented, VoucherKey, read_key, read_presented
from core.channels.contract import Misconfigured

ENC = "dm91Y2hlcl9zYW1wbGVfMDE+w=="
OPENID = "oExAmPlE_openid-0000000000000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENC, Presented(({"encrypted_code": ENC},))),
        (f"pages/v?encrypted_codes={ENC.replace('+', '%2B')}", Presented(({"encrypted_code": ENC},))),
        (f"pages/v?a=1&encrypted_codes={ENC}", Presented(({"encrypted_code": ENC},))),
        (
            f"pages/v?encrypted_codes={ENC},{ENC[1:]}",
            Presented(({"encrypted_code": ENC}, {"encrypted_code": ENC[1:]})),
        ),
        ("code=WXV0001&sku_id=2000", Presented(({"code": "WXV0001", "sku_id": "2000"},))),
        (f"code=WXV0001&openid={OPENID}", Presented((), "WXV0001", OPENID)),
        (f"coupon_code=WXC1&openid={OPENID}", Presented((), "WXC1", OPENID, may_be_voucher=False)),
        (f"https://m.example/c?coupon_code=WXC1&openid={OPENID}", Presented((), "WXC1", OPENID, False)),
    ],
)
def test_text_names_coupons(text: str, expected: Presented) -> None:
    assert read_presented(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "104686126200130",
        "WXV0001",
        "HX7K2M9Q4T8VHX7K2M9Q4T8V",
        "code=WXV0001",
        "code=WXV0001&sku_id=x",
        "coupon_code=WXC1",
        "coupon_code=../../etc&openid=oExAmPlE_openid",
        f"coupon_code=WXC1&openid={OPENID}/..",
        "pages/v?encrypted_codes=" + ",".join(f"{ENC}{n}" for n in range(11)),
        "x" * 2000,
        "https://m.example/c?code=123456789012",
    ],
)
def test_nothing_to_ask_about(text: str) -> None:
    assert read_presented(text) is None


def test_same_code_is_asked_once() -> None:
    presented = read_presented(f"pages/v?encrypted_codes={ENC},{ENC}")
    assert presented is not None
    assert len(presented.vouchers) == 1


@pytest.mark.parametrize(
    "key", [VoucherKey("WXV0001", "2000"), CouponKey("WXC1", "129", OPENID)], ids=["voucher", "coupon"]
)
def test_handle_keeps_the_key(key: Any) -> None:
    assert read_key(key.write_handle()) == key


def test_references_do_not_meet() -> None:
    keys: list[Any] = [
        VoucherKey("A1B2", "2000"),
        VoucherKey("A1B2", "2001"),
        VoucherKey("B1B2", "2000"),
        CouponKey("A1B2", "2000", OPENID),
    ]
    references = {key.reference for key in keys}
    assert len(references) == 4
    assert not any(key.code in key.reference for key in keys[:3])


def test_reference_forgets_the_customer() -> None:
    assert CouponKey("WXC1", "129", OPENID).reference == CouponKey("WXC1", "129", "oOther").reference


def test_codes_stay_out_of_reprs() -> None:
    said = repr([VoucherKey("WXV0001", "2000"), CouponKey("WXC1", "129", OPENID), read_presented(ENC)])
    assert not [secret for secret in ("WXV0001", "WXC1", OPENID, ENC) if secret in said]


@pytest.mark.parametrize("handle", ["", "x", "code=A", "coupon_code=A&stock_id=1"])
def test_foreign_handle_is_refused(handle: str) -> None:
    with pytest.raises(Misconfigured):
        read_key(handle)
