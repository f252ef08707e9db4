"""WeChat's shapes about persons → core's values. Pure: no network, no clock, no settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.wechat.parse import (
    clean_message,
    read_errcode,
    read_text,
)
from adapters.wechat.tables import (
    DELIVERY_REFUSAL_BY_ERRCODE,
    LOGIN_REFUSAL_BY_ERRCODE,
    PHONE_REFUSAL_BY_ERRCODE,
)
from core.channels.contract import (
    Delivered,
    DeliveryRefusal,
    DeliveryRefused,
    Identified,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
    ProtocolFailure,
)
from core.channels.wire import (
    read_id,
    read_part,
    read_phone,
)

_LONGEST_SUBJECT = 128


def parse_identity(document: Mapping[str, Any]) -> Identified | LoginRefused:
    """Who logged in, by code2session."""
    if errcode := read_errcode(document):
        return _refuse(document, LOGIN_REFUSAL_BY_ERRCODE.get(errcode))
    return Identified(
        subject=_read_subject(document.get("openid"), "openid"),
        union_subject=_read_subject(document["unionid"], "unionid") if document.get("unionid") else None,
        session_key=read_text(document.get("session_key"), "session_key") or None,
    )


def parse_phone(document: Mapping[str, Any], app_id: str) -> PhoneFound | LoginRefused:
    """The phone number behind a code."""
    if errcode := read_errcode(document):
        reason = LOGIN_REFUSAL_BY_ERRCODE.get(errcode) or PHONE_REFUSAL_BY_ERRCODE.get(errcode)
        return _refuse(document, reason)
    return _read_phone(read_part(document, "phone_info", ""), app_id)


def parse_opened(content: bytes, app_id: str) -> PhoneFound:
    """The phone number in an opened text. Raises ProtocolFailure where there is none for this app."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ProtocolFailure("the sealed text is no object", path="encryptedData")
    return _read_phone(document, app_id)


def parse_delivery(document: Mapping[str, Any]) -> Delivered | DeliveryRefused:
    """What became of a message. `msgid` is left out in some answers."""
    errcode = read_errcode(document)
    if not errcode:
        msgid = document.get("msgid")
        return Delivered(read_id(msgid, "msgid") if msgid else None)
    reason = DELIVERY_REFUSAL_BY_ERRCODE.get(errcode, DeliveryRefusal.REFUSED_BY_CHANNEL)
    return DeliveryRefused(reason, str(errcode), clean_message(document.get("errmsg")))


def _refuse(document: Mapping[str, Any], reason: LoginRefusal | None) -> LoginRefused:
    words = clean_message(document.get("errmsg"))
    return LoginRefused(reason or LoginRefusal.REFUSED_BY_CHANNEL, str(read_errcode(document)), words)


def _read_subject(value: object, path: str) -> str:
    subject = read_id(value, path)
    if len(subject) > _LONGEST_SUBJECT:
        raise ProtocolFailure("an id is too long", path=path)
    return subject


def _read_phone(info: Mapping[str, Any], app_id: str) -> PhoneFound:
    """The country code comes as text or as a number. A number that was made for another app is not believed."""
    marked_for = read_part(info, "watermark", "phone_info").get("appid", app_id)
    if marked_for != app_id:
        raise ProtocolFailure("the phone number was made for another app", path="phone_info.watermark.appid")
    country, number = info.get("countryCode"), info.get("purePhoneNumber")
    return PhoneFound(read_phone(country, number, "phone_info.purePhoneNumber"))
