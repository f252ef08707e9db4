"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.eleme import channel as plugin
from adapters.eleme.channel import ElemeChannel, ElemeCredentials, ElemeSettings
from core.channels.contract import (
    CredentialsRefused,
    Idempotency,
    Misconfigured,
    Recognition,
    StatusBy,
)
from core.testing.faults import FaultKind
from core.testing.sessions import make_session

KEYS = {"topAppKey": "34", "topAppSecret": "very secret", "topSession": "the session"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("523162942005", Recognition.POSSIBLE),
        ("5231 6294 2005", Recognition.POSSIBLE),
        ("52316294200", Recognition.NO),
        ("5231629420051", Recognition.NO),
        ("52316294200A", Recognition.NO),
        ("٥٢٣١٦٢٩٤٢٠٠٥", Recognition.NO),
        ("https://h5.ele.me/523162942005", Recognition.NO),
    ],
)
def test_recognises_by_length(channel: ElemeChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_own_samples_are_recognised(channel: ElemeChannel, scan: Any) -> None:
    assert [channel.recognise(scan(text)) for text in channel.samples] == [Recognition.POSSIBLE] * 2


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["eleme"]


def test_behaviour_is_declared(channel: ElemeChannel) -> None:
    behaviour = channel.coupons.behaviour
    assert (behaviour.idempotency, behaviour.status_by) == (Idempotency.TOKEN, StatusBy.UNUSED_ONLY)
    assert (behaviour.reversal.possible, behaviour.reversal.window) == (True, None)
    assert behaviour.batch_atomic is False


def test_secrets_are_not_shown() -> None:
    more = {"appKey": "k", "appSecret": "other secret", "refreshToken": "refreshing"}
    credentials = ElemeCredentials.model_validate({**KEYS, **more})
    for secret in ("very secret", "the session", "other secret", "refreshing"):
        assert secret not in repr(credentials)
    assert credentials.top_session.get_secret_value() == "the session"


def test_takeaway_keys_may_be_missing() -> None:
    credentials = ElemeCredentials.model_validate(KEYS)
    assert (credentials.app_key, credentials.app_secret, credentials.refresh_token) == (None, None, None)


@pytest.mark.parametrize("missing", ["topAppKey", "topAppSecret", "topSession"])
def test_empty_credential_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ElemeCredentials.model_validate({**KEYS, missing: ""})
    assert caught.value.errors()[0]["loc"] == (missing,)


def test_settings_default_to_the_platform() -> None:
    settings = ElemeSettings()
    assert settings.top_base_url == "https://eco.taobao.com/router/rest"
    assert settings.base_url == "https://open-api.shop.ele.me"


@pytest.mark.parametrize(
    "address", ["eco.taobao.com", "ftp://eco.taobao.com/", "https://eco.taobao.com/?x=1"]
)
def test_gateway_must_be_an_address(address: str) -> None:
    with pytest.raises(ValidationError, match="must be an http or https address"):
        ElemeSettings.model_validate({"topBaseUrl": address})


async def test_good_account_is_accepted(channel: ElemeChannel, session: Any, simulator: Any) -> None:
    await channel.check_account(session)
    assert simulator.calls == {"consult": 1}


@pytest.mark.parametrize(
    ("setting", "platform_code"),
    [
        ("topAppKey", "29"),
        ("topAppSecret", "25/isv.invalid-signature"),
        ("topSession", "27/invalid-sessionkey"),
    ],
)
async def test_wrong_credential_is_named(
    channel: ElemeChannel, simulator: Any, setting: str, platform_code: str
) -> None:
    session = make_session(channel, simulator, credentials={setting: "wrong0123456789"})
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (setting, platform_code)
    assert "wrong0123456789" not in f"{caught.value!r} {vars(caught.value)}"


async def test_ended_session_is_named(channel: ElemeChannel, session: Any, simulator: Any) -> None:
    simulator.faults.script("consult", FaultKind.EXPIRE_TOKEN)
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert caught.value.setting == "topSession"


async def test_wrong_clock_is_told(channel: ElemeChannel, simulator: Any, clock: Any) -> None:
    session = make_session(channel, simulator)
    simulator.clock = type(clock)(clock.now() + timedelta(minutes=11))
    with pytest.raises(Misconfigured, match="this server's clock is wrong") as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (None, "31")
