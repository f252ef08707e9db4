"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kuaishou import channel as plugin
from adapters.kuaishou.channel import KuaishouChannel, KuaishouCredentials, KuaishouSettings
from core.channels.contract import Capability, CredentialsRefused, Recognition
from core.testing.sessions import make_session

KEYS = {"appId": "ks7", "appSecret": "app's own", "refreshToken": "merchant's", "signSecret": "for callbacks"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8802604123", Recognition.POSSIBLE),
        ("8802 6041 2345", Recognition.POSSIBLE),
        ("8802604123456789", Recognition.POSSIBLE),
        ("880260412", Recognition.NO),
        ("88026041234567890", Recognition.NO),
        ("88026041234A", Recognition.NO),
        ("https://v.kuaishou.com/eXaMpLe", Recognition.LIKELY),
        ("https://lbs.kwailocallife.com/coupon?x=1", Recognition.LIKELY),
        ("https://kuaishou.com.example/x", Recognition.NO),
        ("https://evil-kuaishou.com/x", Recognition.NO),
        ("https://v.douyin.com/eXaMpLe/", Recognition.NO),
    ],
)
def test_recognises_by_looks(channel: KuaishouChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [(each.code, each.capabilities) for each in registered] == [
        ("kuaishou", frozenset({Capability.COUPONS}))
    ]
    assert registered[0].webhooks is None


def test_secrets_are_not_shown() -> None:
    credentials = KuaishouCredentials.model_validate(KEYS)
    assert not [key for key in KEYS if key != "appId" and KEYS[key] in repr(credentials)]
    assert credentials.refresh_token.get_secret_value() == "merchant's"


@pytest.mark.parametrize("missing", ["appId", "appSecret", "refreshToken"])
def test_empty_credential_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        KuaishouCredentials.model_validate({**KEYS, missing: ""})
    assert caught.value.errors()[0]["loc"] == (missing,)


def test_sign_secret_may_be_left_out() -> None:
    given = {key: KEYS[key] for key in KEYS if key != "signSecret"}
    assert KuaishouCredentials.model_validate(given).sign_secret is None


def test_base_url_must_be_an_address() -> None:
    assert KuaishouSettings().base_url == "https://lbs-open.kuaishou.com"
    with pytest.raises(ValidationError, match="baseUrl must be an http or https address"):
        KuaishouSettings.model_validate({"baseUrl": "lbs-open.kuaishou.com"})


async def test_connecting_buys_a_token_once(
    channel: KuaishouChannel, session: Any, simulator: Any, find: Any
) -> None:
    await channel.check_account(session)
    await find(simulator.make("usable").code)
    assert simulator.calls == {"token": 1, "prepare": 1}


@pytest.mark.parametrize("key", ["appId", "appSecret", "refreshToken"])
async def test_wrong_credential_is_named(channel: KuaishouChannel, simulator: Any, key: str) -> None:
    session = make_session(channel, simulator, credentials={key: "wrong0123456789"})
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert caught.value.setting == key
    assert "wrong0123456789" not in f"{caught.value!r} {vars(caught.value)}"
