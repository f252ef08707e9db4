"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.dianping import channel as plugin
from adapters.dianping.channel import DianpingChannel, DianpingCredentials, DianpingSettings
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Idempotency,
    Recognition,
    StatusBy,
)
from core.testing.sessions import make_session

KEYS = {"appKey": "1", "appSecret": "very secret", "session": "s-secret", "refreshToken": "r-secret"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0332808512", Recognition.POSSIBLE),
        ("033 280 8512", Recognition.POSSIBLE),
        ("13565635289", Recognition.POSSIBLE),
        ("033280851", Recognition.NO),
        ("135656352890", Recognition.NO),
        ("033280851A", Recognition.NO),
        ("https://m.dianping.com/qr/1", Recognition.LIKELY),
        ("http://dpurl.cn/p/AbCdEf", Recognition.POSSIBLE),
        ("https://dianping.com.example/x", Recognition.NO),
        ("https://evil-dianping.com/x", Recognition.NO),
        ("https://notdpurl.cn/p/AbCdEf", Recognition.NO),
    ],
)
def test_recognises_by_looks(channel: DianpingChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["dianping"]


def test_behaviour_is_declared(channel: DianpingChannel) -> None:
    behaviour = channel.coupons.behaviour
    assert (behaviour.idempotency, behaviour.status_by) == (Idempotency.TOKEN, StatusBy.CODE_ONLY)
    assert behaviour.reversal.window is not None
    assert (behaviour.reversal.window.total_seconds(), behaviour.batch_atomic) == (600, False)


def test_secrets_are_not_shown() -> None:
    credentials = DianpingCredentials.model_validate(KEYS)
    assert "secret" not in repr(credentials).replace("app_secret", "")
    assert credentials.refresh_token.get_secret_value() == "r-secret"


@pytest.mark.parametrize("missing", list(KEYS))
def test_empty_credential_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DianpingCredentials.model_validate({**KEYS, missing: ""})
    assert caught.value.errors()[0]["loc"] == (missing,)


def test_settings_default_to_the_platform() -> None:
    assert DianpingSettings().base_url == "https://openapi.dianping.com"


def test_base_url_must_be_an_address() -> None:
    with pytest.raises(ValidationError, match="baseUrl must be an http or https address"):
        DianpingSettings.model_validate({"baseUrl": "openapi.dianping.com"})


# ------------------------------------------------------------------------------------------------------- the account
async def test_good_account_is_accepted(channel: DianpingChannel, session: Any, simulator: Any) -> None:
    await channel.check_account(session)
    assert simulator.calls == {"scope": 1}


@pytest.mark.parametrize(("setting", "platform_code"), [("appKey", "605"), ("appSecret", "606")])
async def test_wrong_credential_is_named(
    channel: DianpingChannel, simulator: Any, setting: str, platform_code: str
) -> None:
    session = make_session(channel, simulator, credentials={setting: "wrong0123456789"})
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (setting, platform_code)
    assert "wrong0123456789" not in f"{caught.value!r} {vars(caught.value)}"


async def test_check_renews_a_session_that_is_over(
    channel: DianpingChannel, session: Any, simulator: Any, find: Any
) -> None:
    simulator.expire_tokens()
    await channel.check_account(session)
    await find(simulator.make("usable").code)
    assert simulator.calls == {"scope": 2, "token": 1, "prepare": 1}
    assert simulator.sessions.remaining == 11


async def test_authorisation_that_is_over_is_told(channel: DianpingChannel, simulator: Any) -> None:
    wrong = {"session": "wrong0123456789", "refreshToken": "wrong0123456789"}
    session = make_session(channel, simulator, credentials=wrong)
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert caught.value.setting == "refreshToken"
    assert "wrong0123456789" not in f"{caught.value!r} {vars(caught.value)}"


async def test_busy_platform_accepts_nobody(channel: DianpingChannel, canned: Any) -> None:
    with pytest.raises(ChannelUnavailable):
        await channel.check_account(canned({"code": 500, "msg": "系统繁忙，请稍后再试"}))
