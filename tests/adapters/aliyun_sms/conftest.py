"""Aliyun's channel against Aliyun's simulator, in one process, at a known time."""

from __future__ import annotations

import pytest

from adapters.aliyun_sms.channel import AliyunSmsChannel
from adapters.aliyun_sms.simulator import AliyunSmsSimulator
from core.testing.clock import ManualClock


@pytest.fixture
def channel() -> AliyunSmsChannel:
    return AliyunSmsChannel()


@pytest.fixture
def simulator(clock: ManualClock) -> AliyunSmsSimulator:
    return AliyunSmsSimulator(clock)
