"""Aliyun's answers in our words. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.aliyun_sms.tables import LONGEST_VALUE, OK, REFUSAL_BY_CODE
from core.channels.contract import Delivered, DeliveryRefusal, DeliveryRefused, OutcomeUnknown

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_NUMBERS = re.compile(r"\d{5,}")
_LONGEST_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any call. `body` is the whole document."""

    code: str
    message: str | None
    body: dict[str, Any]


def parse_answer(content: bytes) -> Answer | None:
    """None for what is no answer of Aliyun's."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    code = body.get("Code") if isinstance(body, dict) else None
    if not isinstance(code, str) or not code:
        return None
    return Answer(code, clean_message(body.get("Message")), body)


def parse_delivery(answer: Answer) -> Delivered | DeliveryRefused:
    """What became of one message. Raises OutcomeUnknown for a success without the message's number."""
    if answer.code == OK:
        number = answer.body.get("BizId")
        if not isinstance(number, str) or not number:
            raise OutcomeUnknown("a success without a number of the message", operation="send")
        return Delivered(number)
    reason = REFUSAL_BY_CODE.get(answer.code, DeliveryRefusal.REFUSED_BY_CHANNEL)
    return DeliveryRefused(reason, answer.code, answer.message)


def clean_message(value: Any) -> str | None:
    """Aliyun's words without numbers in them, which may be somebody's."""
    return _NUMBERS.sub("…", value)[:_LONGEST_MESSAGE] if isinstance(value, str) and value else None


def write_phone(phone: str) -> str:
    """A number in E.164 as Aliyun wants it: mainland ones without country code, others without the plus."""
    return phone.removeprefix("+86").removeprefix("+")


def cut_value(text: str) -> str:
    """A value on one line and as long as a variable may be."""
    line = _BLANKS.sub(" ", text).strip()
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1]}…"
