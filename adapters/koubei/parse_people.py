"""Alipay's shapes about persons → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

import orjson

from adapters.koubei.parse import (
    is_success,
    quote_code,
    read_id,
)
from adapters.koubei.tables import LOGIN_REFUSAL_BY_SUB_CODE, PHONE_REFUSAL_BY_SUB_CODE, SUCCESS
from adapters.koubei.wire import Fields, SealedPhone
from core.channels.contract import (
    Identified,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
)
from core.channels.wire import (
    clean_message,
    read_phone,
)

_MAINLAND = "86"


def parse_identity(fields: Fields) -> Identified | LoginRefused:
    """Who logged in. Raises ProtocolFailure for a success without an id."""
    if not is_success(fields):
        reason = LOGIN_REFUSAL_BY_SUB_CODE.get(str(fields.get("sub_code")), LoginRefusal.REFUSED_BY_CHANNEL)
        return LoginRefused(reason, quote_code(fields), clean_message(fields.get("sub_msg")))
    user_id = fields.get("user_id") or None
    subject = read_id(fields.get("open_id") or user_id, "open_id")
    union = fields.get("union_id") or user_id
    return Identified(subject, read_id(union, "union_id") if union else None)


def read_handed_over(text: str) -> SealedPhone | None:
    """What my.getPhoneNumber gave; its `response` may be written as text once more. None for anything else."""
    try:
        document = orjson.loads(text)
        if isinstance(document, dict) and str(document.get("response", "")).startswith("{"):
            document = {**document, "response": _read_again(document["response"])}
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("response"), str | dict):
        return None
    return SealedPhone(response=document["response"], sign=str(document.get("sign") or ""))


def _read_again(response: object) -> object:
    return orjson.loads(response) if isinstance(response, str) else response


def parse_phone(fields: Fields) -> PhoneFound | LoginRefused:
    """The phone number of an opened text, or why there is none. Errors spell `subCode` and `subMsg` so.

    INFERRED that a `countryCode` may stand beside the number; without one it is of the mainland.
    """
    code = str(fields.get("code"))
    if code != SUCCESS:
        sub_code = str(fields.get("subCode") or fields.get("sub_code") or "")
        quoted = f"{code}/{sub_code}"[:120] if sub_code else code[:40]
        words = clean_message(fields.get("subMsg") or fields.get("sub_msg") or fields.get("msg"))
        reason = PHONE_REFUSAL_BY_SUB_CODE.get(sub_code, LoginRefusal.REFUSED_BY_CHANNEL)
        return LoginRefused(reason, quoted, words)
    country = fields.get("countryCode") or _MAINLAND
    return PhoneFound(read_phone(country, fields.get("mobile"), "response.mobile"))
