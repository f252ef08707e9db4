"""The mini-app's shapes → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.douyin.tables import LOGIN_REFUSAL_BY_ERR_NO
from core.channels.contract import (
    Identified,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
    ProtocolFailure,
)
from core.channels.wire import (
    clean_message,
    read_id,
    read_number,
    read_part,
    read_phone,
)

_LONGEST_SUBJECT = 128


def parse_answer(document: object, operation: str) -> dict[str, Any]:
    """An answer with its `err_no`. Raises ProtocolFailure where there is none."""
    if not isinstance(document, dict) or read_number(document.get("err_no"), "err_no") is None:
        raise ProtocolFailure("the answer has no err_no", path="err_no", operation=operation)
    return document


def read_err_no(document: Mapping[str, Any]) -> int:
    """The error number, 0 for success."""
    return read_number(document.get("err_no"), "err_no") or 0


def read_words(document: Mapping[str, Any]) -> object:
    """Douyin's own words, which the two calls name differently."""
    return document.get("err_tips") or document.get("err_msg")


def parse_refusal(document: Mapping[str, Any]) -> LoginRefused | None:
    """What an err_no other than 0 says about the code; None for a success."""
    err_no = read_err_no(document)
    if not err_no:
        return None
    reason = LOGIN_REFUSAL_BY_ERR_NO.get(err_no, LoginRefusal.REFUSED_BY_CHANNEL)
    return LoginRefused(reason, str(err_no), clean_message(read_words(document)))


def parse_identity(document: Mapping[str, Any]) -> Identified:
    """Who logged in, by a success of jscode2session."""
    data = read_part(document, "data", "")
    union, key = data.get("unionid"), data.get("session_key")
    return Identified(
        subject=_read_subject(data.get("openid"), "data.openid"),
        union_subject=_read_subject(union, "data.unionid") if union else None,
        session_key=read_id(key, "data.session_key") if key else None,
    )


def _read_subject(value: object, path: str) -> str:
    subject = read_id(value, path)
    if len(subject) > _LONGEST_SUBJECT:
        raise ProtocolFailure("an id is too long", path=path)
    return subject


def read_sealed_number(document: Mapping[str, Any]) -> str:
    """The sealed text of a success of get_phonenumber_info."""
    sealed = document.get("data")
    if not isinstance(sealed, str) or not sealed:
        raise ProtocolFailure("the answer has no sealed text", path="data")
    return sealed


def read_handed_over(text: str) -> tuple[str, str] | None:
    """`(encryptedData, iv)` where the mini-app handed over what its phone button gave in older base libraries."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    sealed, start = document.get("encryptedData"), document.get("iv")
    return (sealed, start) if isinstance(sealed, str) and isinstance(start, str) else None


def parse_opened(content: bytes) -> dict[str, Any]:
    """An opened text. Raises ValueError where it is no JSON object: then it was not sealed with our key."""
    document = orjson.loads(content)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def parse_phone(document: Mapping[str, Any], app_id: str) -> PhoneFound:
    """The phone number in an opened text. Raises ProtocolFailure where there is none, or it is for another app."""
    if read_part(document, "watermark", "").get("appid") != app_id:
        raise ProtocolFailure("the phone number was made for another app", path="watermark.appid")
    # INFERRED: examples have both "86" and "+86".
    country, number = document.get("countryCode"), document.get("purePhoneNumber")
    return PhoneFound(read_phone(country, number, "purePhoneNumber"))
