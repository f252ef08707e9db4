"""What names a coupon: the texts that people scan, and the handles that core keeps. Both are query strings.

Where a customer goes from the order to the shop's mini-program, WeChat appends `encrypted_codes` to the page path. The QR
of the order page itself shows a bare code, with which alone WeChat can be asked nothing: the calls want its `sku_id` or
the customer's `openid` too. So a text names coupons by

    encrypted_codes=…            as in the page path; several with commas (INFERRED)
    an encrypted code by itself
    code=…&sku_id=…              a voucher
    code=…&openid=…              a voucher or a merchant coupon of this customer
    coupon_code=…&openid=…       a merchant coupon; `stock_id` may be beside it
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

from adapters.wechat.tables import MOST_VOUCHERS
from adapters.wechat.wire import VoucherName
from core.channels.contract import Misconfigured

_CODE = re.compile(r"[0-9A-Za-z]{4,48}", re.ASCII)
_SKU_ID = re.compile(r"\d{1,20}", re.ASCII)
_OPENID = re.compile(r"[\w-]{6,128}", re.ASCII)
_ENCRYPTED = re.compile(r"[\w+/=-]{20,512}", re.ASCII)
_NAMES = frozenset(
    {"encrypted_codes", "encrypted_code", "code", "sku_id", "coupon_code", "stock_id", "openid"}
)
_NOT_ONLY_CAPITALS = re.compile(r"[a-z+/=_]")


@dataclass(frozen=True, slots=True)
class VoucherKey:
    """One voucher, for ever."""

    code: str = field(repr=False)
    sku_id: str

    @property
    def reference(self) -> str:
        """A name that does not give the code away: codes are unique within a SKU, and are all the ids there are."""
        return _digest("voucher", self.sku_id, self.code)

    def write_handle(self) -> str:
        """As core keeps it."""
        return urlencode({"code": self.code, "sku_id": self.sku_id})


@dataclass(frozen=True, slots=True)
class CouponKey:
    """One merchant coupon, for ever. `openid` is the customer's under our app."""

    coupon_code: str = field(repr=False)
    stock_id: str
    openid: str = field(repr=False)

    @property
    def reference(self) -> str:
        """A name that does not give the code away: codes are unique within a stock."""
        return _digest("coupon", self.stock_id, self.coupon_code)

    def write_handle(self) -> str:
        """As core keeps it."""
        return urlencode({"coupon_code": self.coupon_code, "stock_id": self.stock_id, "openid": self.openid})


@dataclass(frozen=True, slots=True, repr=False)
class Presented:
    """What a scanned text names: vouchers by `vouchers`; by `code` and `openid` what must be searched for."""

    vouchers: tuple[VoucherName, ...] = ()
    code: str | None = None
    openid: str | None = None
    may_be_voucher: bool = True


def read_presented(text: str) -> Presented | None:
    """What `text` names, None where WeChat cannot be asked about it."""
    params = _read_params(text)
    if encrypted := params.get("encrypted_codes") or params.get("encrypted_code"):
        return _name_encrypted(encrypted)
    if not params:
        return _name_encrypted(text) if _NOT_ONLY_CAPITALS.search(text) else None
    sku_id, openid = params.get("sku_id", ""), params.get("openid", "")
    code = params.get("coupon_code") or params.get("code", "")
    if not _CODE.fullmatch(code):
        return None
    if _SKU_ID.fullmatch(sku_id) and "coupon_code" not in params:
        return Presented(({"code": code, "sku_id": sku_id},))
    if _OPENID.fullmatch(openid):
        return Presented(code=code, openid=openid, may_be_voucher="coupon_code" not in params)
    return None


def read_key(handle: str) -> VoucherKey | CouponKey:
    """The coupon of a handle. Raises Misconfigured for a text that is none of ours."""
    params = _read_params(handle)
    try:
        if "coupon_code" in params:
            return CouponKey(params["coupon_code"], params["stock_id"], params["openid"])
        return VoucherKey(params["code"], params["sku_id"])
    except KeyError:
        raise Misconfigured("the coupon was not looked up by this channel") from None


def _name_encrypted(text: str) -> Presented | None:
    # A blank was a plus sign that the path did not escape.
    codes = text.replace(" ", "+").split(",")
    if len(codes) > MOST_VOUCHERS or not all(_ENCRYPTED.fullmatch(code) for code in codes):
        return None
    return Presented(tuple({"encrypted_code": code} for code in dict.fromkeys(codes)))


def _read_params(text: str) -> Mapping[str, str]:
    _, mark, query = text.partition("?")
    try:
        params = parse_qs(query if mark else text, max_num_fields=20)
    except ValueError:
        return {}
    # Only known names count: a bare encrypted code may end with equals signs.
    return {name: values[0] for name, values in params.items() if name in _NAMES}


def _digest(*parts: str) -> str:
    return f"{parts[0]}-{hashlib.sha256(':'.join(parts).encode()).hexdigest()[:32]}"
