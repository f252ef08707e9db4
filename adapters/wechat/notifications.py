"""Subscribe messages (订阅消息): one consent of the customer, given in the mini-program, is good for one message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from adapters.wechat.mini_program import MiniProgramClient
from adapters.wechat.parse_people import parse_delivery
from adapters.wechat.tables import LANGUAGES, LONGEST_CHINESE_NAME, LONGEST_VALUES
from adapters.wechat.wire import MessageBody
from core.channels.contract import (
    Address,
    ChannelSession,
    Delivered,
    DeliveryRefused,
    NotificationBehaviour,
    Notifications,
    OutgoingMessage,
)

if TYPE_CHECKING:
    from adapters.wechat.channel import WechatCredentials, WechatSettings

    Session = ChannelSession[WechatCredentials, WechatSettings]

_KIND = re.compile(r"[a-z]+(_[a-z]+)*")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


class WechatNotifications(Notifications):
    """Sends to the openid of a person who agreed. WeChat recognises no repeat: a second send is a second message."""

    behaviour: ClassVar[NotificationBehaviour] = NotificationBehaviour(Address.SUBJECT, needs_consent=True)

    async def send(self, session: Session, message: OutgoingMessage) -> Delivered | DeliveryRefused:
        """See `Notifications.send`."""
        body = write_message(message, session.settings.mini_program_state)
        return parse_delivery(await MiniProgramClient(session).send_message(body))


def write_message(message: OutgoingMessage, state: str) -> MessageBody:
    """A message as WeChat wants it. `state` is the edition of the mini-program that the message opens."""
    body: MessageBody = {
        "touser": message.recipient,
        "template_id": message.template,
        "data": {key: {"value": cut_value(key, value)} for key, value in message.values.items()},
        "miniprogram_state": state,
        "lang": _choose_language(message.language),
    }
    if message.page:
        body["page"] = message.page
    return body


def cut_value(key: str, value: str) -> str:
    """A value on one line and as long as WeChat takes it for this key; numbers, times and amounts stay whole."""
    line = _BLANKS.sub(" ", value).strip()
    kind = _KIND.match(key)
    longest = LONGEST_VALUES.get(kind[0] if kind else "")
    if kind and kind[0] == "name" and _CHINESE.search(line):
        longest = LONGEST_CHINESE_NAME
    if longest is None or len(line) <= longest:
        return line
    # Only a "thing" may hold any sign.
    return f"{line[: longest - 1]}…" if kind and kind[0] == "thing" else line[:longest]


def _choose_language(language: str) -> str:
    found: Mapping[str, str] = LANGUAGES
    return next((ours for start, ours in found.items() if language.startswith(start)), "zh_CN")
