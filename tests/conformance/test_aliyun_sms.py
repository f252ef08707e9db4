"""The channel `aliyun_sms` keeps every rule of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

from adapters.aliyun_sms.channel import AliyunSmsChannel
from adapters.aliyun_sms.simulator import MOST_A_DAY, TEMPLATE, UNREACHABLE_PHONE, AliyunSmsSimulator
from core.channels.contract import OutgoingMessage
from core.testing.clock import ManualClock
from core.testing.notifications import NotificationChannelSuite
from core.testing.platforms import MessagePlatform
from core.testing.simulated import SimulatedMessages

pytest_plugins = ["core.testing.report"]

GOOD = OutgoingMessage(
    token="0194b2c1-0000-7000-8000-000000000001",
    recipient="+8613812345678",
    template=TEMPLATE,
    values={"store": "山茶小馆西湖店", "time": "2026-03-02 10:00"},
)
MESSAGES: Mapping[str, OutgoingMessage] = {
    "good": GOOD,
    "long": replace(GOOD, values={"store": "山茶小馆" * 30, "time": "2026-03-02 10:00"}),
    "unreachable": replace(GOOD, recipient=f"+86{UNREACHABLE_PHONE}"),
    "unknown_template": replace(GOOD, template="SMS_999999999"),
    "bad_content": replace(GOOD, values={"store": "山茶小馆西湖店"}),
    "too_many": replace(GOOD, recipient="+8613812340000"),
}


class AliyunMessages(SimulatedMessages):
    simulator: AliyunSmsSimulator
    wrong_credentials: ClassVar[Mapping[str, str]] = {"accessKeySecret": "not-the-secret-of-this-key"}
    cannot_hold: Mapping[str, str] = {"tokens": "every call is signed, so there are no access tokens"}

    def strange_answer(self, operation: str) -> bytes:
        return b'{"Code":"isv.NEVER_HEARD_OF","Message":"?"}'


class TestAliyunSms(NotificationChannelSuite):
    @pytest.fixture
    def channel(self) -> AliyunSmsChannel:
        return AliyunSmsChannel()

    @pytest.fixture
    def platform(self, channel: AliyunSmsChannel) -> MessagePlatform:
        simulator = AliyunSmsSimulator(ManualClock())
        simulator.fill_up(MESSAGES["too_many"].recipient.removeprefix("+86"), TEMPLATE, MOST_A_DAY)
        return AliyunMessages(channel, simulator, MESSAGES)
