"""The channel `aliyun_sms`: messages to customers by SMS of Aliyun (阿里云短信)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import orjson
from pydantic import Field, SecretStr, field_validator

from adapters.aliyun_sms.client import AliyunSmsClient
from adapters.aliyun_sms.parse import cut_value, parse_delivery, write_phone
from adapters.aliyun_sms.tables import OK, SIGN_APPROVED
from core.channels.contract import (
    Address,
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    ChannelUnavailable,
    Delivered,
    DeliveryRefused,
    Misconfigured,
    NotificationBehaviour,
    Notifications,
    OutgoingMessage,
    Recognition,
    RegisterChannel,
    RequestRate,
    Scanned,
    parse_link,
)
from core.channels.hookspec import hookimpl


class AliyunSmsCredentials(ChannelModel):
    """An access key that may send SMS, and the approved signature (短信签名) that messages begin with."""

    access_key_id: str = Field(min_length=1)
    access_key_secret: SecretStr = Field(min_length=1)
    sign_name: str = Field(min_length=1)


class AliyunSmsSettings(ChannelModel):
    """Where Aliyun is, and the merchant's own names for template codes: {"reminder": "SMS_154950909"}."""

    base_url: str = "https://dysmsapi.aliyuncs.com"
    templates: dict[str, str] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl must be an http or https address")
        return value


Session = ChannelSession[AliyunSmsCredentials, AliyunSmsSettings]


class AliyunSmsNotifications(Notifications):
    """SendSms to one number. Not idempotent: what was sent without an answer must not be sent again."""

    behaviour: ClassVar[NotificationBehaviour] = NotificationBehaviour(Address.PHONE)

    async def send(self, session: Session, message: OutgoingMessage) -> Delivered | DeliveryRefused:
        """See `Notifications.send`. `page` leads nowhere: variables may hold no links."""
        templates: Mapping[str, str] = session.settings.templates
        values = {name: cut_value(value) for name, value in message.values.items()}
        answer = await AliyunSmsClient(session).send(
            {
                "PhoneNumbers": write_phone(message.recipient),
                "SignName": session.credentials.sign_name,
                "TemplateCode": templates.get(message.template, message.template),
                "TemplateParam": orjson.dumps(values).decode(),
                "OutId": message.token,
            }
        )
        return parse_delivery(answer)


class AliyunSmsChannel(Channel):
    """Aliyun's SMS as core sees it."""

    code = "aliyun_sms"
    name = "Aliyun SMS (阿里云短信)"
    capabilities = frozenset({Capability.NOTIFICATIONS})
    credentials_model = AliyunSmsCredentials
    settings_model = AliyunSmsSettings
    simulator = "adapters.aliyun_sms.simulator:app"
    request_rate = RequestRate(per_second=500, burst=1000)  # 5,000 a second are documented

    def __init__(self) -> None:
        self.notifications = AliyunSmsNotifications()

    def recognise(self, scanned: Scanned) -> Recognition:
        """It sells nothing."""
        return Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Asks for the state of the signature. Raises Misconfigured where it is not approved.

        A key that may send and not ask is good enough: that Aliyun knows the key was proved by its answer.
        """
        try:
            answer = await AliyunSmsClient(session).query_sign()
        except Misconfigured as problem:
            if problem.setting == "accessKeyId":
                return
            raise
        if answer.code != OK:
            raise ChannelUnavailable("Aliyun tells nothing of the signature", platform_code=answer.code)
        if answer.body.get("SignStatus") != SIGN_APPROVED:
            raise Misconfigured("the signature is not approved yet", setting="signName", operation="check")


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `aliyun_sms`."""
    register(AliyunSmsChannel())
