"""Alipay's answers → core's values, for both interfaces. Pure: no network, no clock, no settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from adapters.koubei.tables import (
    BUSINESS_FAILED,
    REFUSAL_BY_STATUS,
    REFUSAL_BY_SUB_CODE,
    SUCCESS,
    VAGUE_SUB_CODES,
)
from adapters.koubei.wire import LOGIN, Fields
from core.channels.contract import (
    ChannelCoupon,
    CouponState,
    CouponStatus,
    ProtocolFailure,
    Refusal,
    Refused,
)
from core.channels.wire import (
    clean_message,
)

_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_BLANK = re.compile(r"[ \t\r\n]*")
_PERSONAL = frozenset({"ticket_code", "code", "encrypted_code", "open_id", "user_id"})
_ENVELOPE = frozenset({"code", "msg", "sub_code", "sub_msg"})
_USABLE = frozenset({CouponStatus.AVAILABLE, CouponStatus.PARTLY_REDEEMED})


# --------------------------------------------------------------------------------------------------- answers
@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """The fields of an answer, the text that its signature is over, and the signature, None where there is none."""

    fields: Fields
    text: str = field(repr=False)
    signature: str | None = field(repr=False)


def read_answer(content: bytes, method: str) -> SignedAnswer:
    """An answer to this method. Raises ProtocolFailure for what is none."""
    members = _cut_members(content)
    name = method.replace(".", "_") + "_response"
    text = members.get(name) or members.get("error_response")
    if text is None:
        raise ProtocolFailure("the answer is to no call of ours", path=name, operation=method)
    fields = orjson.loads(text)
    if isinstance(fields, dict) and method == LOGIN and "access_token" in fields:
        fields.setdefault("code", SUCCESS)
    if not isinstance(fields, dict) or not isinstance(fields.get("code"), str):
        raise ProtocolFailure("the answer has no code", path=f"{name}.code", operation=method)
    signature = orjson.loads(members.get("sign", "null")) or None
    if signature is not None and not isinstance(signature, str):
        raise ProtocolFailure("the signature is no text", path="sign", operation=method)
    return SignedAnswer(fields, text, signature)


def _cut_members(content: bytes) -> dict[str, str]:
    """The members of a JSON object, each as the text that stands there: a signature is over that."""
    try:
        orjson.loads(content)
        text = content.decode()
        return dict(_scan_members(text, json.JSONDecoder()))
    except (ValueError, RecursionError):
        raise ProtocolFailure("the answer is no JSON object") from None


def _scan_members(text: str, decoder: json.JSONDecoder) -> list[tuple[str, str]]:
    """Raises ValueError for what is no object, or has a name twice: then nobody knows which of them is signed."""
    members: list[tuple[str, str]] = []
    at = _skip(text, 0, "{")
    while not text.startswith("}", at):
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, at, ":")
        _, end = decoder.raw_decode(text, start)
        members.append((name, text[start:end]))
        at = _skip_blanks(text, end)
        at = _skip(text, at, ",") if text.startswith(",", at) else at
    if len(members) != len(dict(members)):
        raise ValueError("a name stands twice")
    return members


def _skip(text: str, at: int, mark: str) -> int:
    at = _skip_blanks(text, at)
    if not text.startswith(mark, at):
        raise ValueError(f"no {mark}")
    return _skip_blanks(text, at + 1)


def _skip_blanks(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def is_success(fields: Fields) -> bool:
    """Whether the call did what was asked."""
    return bool(fields["code"] == SUCCESS)


def quote_code(fields: Mapping[str, Any]) -> str:
    """The code as a person may quote it: the business code, else the gateway's with what is below it."""
    code, sub_code = str(fields["code"])[:40], fields.get("sub_code")
    if not isinstance(sub_code, str) or not sub_code:
        return code
    return sub_code[:80] if code == BUSINESS_FAILED else f"{code}/{sub_code[:80]}"


# -------------------------------------------------------------------------------------------------- refusals
def parse_refusal(fields: Fields, attempt: int = 1) -> Refused:
    """What a refusal says. Raises ProtocolFailure for an unlisted one on a repeat: it may hide our own first call."""
    return make_refusal(fields.get("sub_code"), fields.get("sub_msg"), attempt, quote_code(fields))


def make_refusal(sub_code: object, message: object, attempt: int, quoted: str | None = None) -> Refused:
    """A business code as a refusal, as `parse_refusal`."""
    code = str(sub_code)[:80]
    if attempt > 1 and code not in REFUSAL_BY_SUB_CODE:
        raise ProtocolFailure("an unlisted code on a repeat", path="sub_code", platform_code=quoted or code)
    reason = REFUSAL_BY_SUB_CODE.get(code, Refusal.REFUSED_BY_CHANNEL)
    return Refused(reason, quoted or code, clean_message(message), vague=code in VAGUE_SUB_CODES)


def find_obstacle(coupon: ChannelCoupon) -> Refusal | None:
    """Why this coupon cannot be used now, as far as its state tells."""
    if coupon.status in _USABLE:
        return None
    used_up = coupon.status is CouponStatus.REDEEMED and coupon.times_total > 1
    return Refusal.TIMES_USED_UP if used_up else REFUSAL_BY_STATUS[coupon.status]


def judge_dates(
    status: CouponStatus, now: datetime, starts: datetime | None, ends: datetime | None
) -> CouponStatus:
    """An unused coupon's state at `now`: its dates count more than the platform's word."""
    if status not in _USABLE:
        return status
    if ends and now > ends:
        return CouponStatus.EXPIRED
    return CouponStatus.NOT_YET_VALID if starts and now < starts else status


def judge_times(status: CouponStatus, total: int, remaining: int) -> CouponStatus:
    """The same for the uses left on a times card."""
    if status not in _USABLE or total == 1:
        return status
    if remaining == 0:
        return CouponStatus.REDEEMED
    return CouponStatus.PARTLY_REDEEMED if remaining < total else status


def is_gone(state: CouponState, receipt: str) -> bool:
    """Whether the use with this receipt stands no more."""
    return receipt not in {use.receipt for use in state.uses}


# --------------------------------------------------------------------------------------------- single values
def keep_raw(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The document without codes, persons and envelope."""
    return {key: value for key, value in wire.items() if key not in _PERSONAL | _ENVELOPE}


def read_part(wire: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
    """The object under `key`, empty where it is null or missing. Raises ProtocolFailure for anything else."""
    value = wire.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolFailure("not an object", path=f"{path}.{key}")
    return value


def read_rows(wire: Mapping[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """The list of objects under `key`, empty where it is null or missing. Raises ProtocolFailure for anything else.

    One object stands for a list of one: so it does in the documents' own example of `serial_info_list`.
    """
    value = wire.get(key)
    rows = [] if value is None else [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolFailure("not a list of objects", path=f"{path}.{key}")
    return rows


def read_id(value: object, path: str) -> str:
    """An id as text, whether it came as text or as a number. Raises ProtocolFailure where there is none."""
    if isinstance(value, str) and value and len(value) <= 128:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    raise ProtocolFailure("an id is missing", path=path)


def read_count(value: object, path: str) -> int | None:
    """A count, which comes as a number or as its digits. Raises ProtocolFailure for anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool) and _COUNT.fullmatch(str(value)):
        return int(value)
    raise ProtocolFailure("not a count", path=path)
