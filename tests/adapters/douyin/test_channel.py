"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.douyin import channel as plugin
from adapters.douyin.channel import DouyinChannel, DouyinCredentials, DouyinSettings
from core.channels.contract import CredentialsRefused, Recognition
from core.testing.sessions import make_session


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("104930181552", Recognition.POSSIBLE),
        ("1046 8612 6200 130", Recognition.POSSIBLE),
        ("10493018155", Recognition.NO),
        ("1049301815521234", Recognition.NO),
        ("10493018155A", Recognition.NO),
        ("https://v.douyin.com/eXaMpLe/", Recognition.LIKELY),
        ("https://v.douyin.com/eXaMpLe", Recognition.LIKELY),
        ("https://www.iesdouyin.com/share/commerce/coupon/1/?object_id=x", Recognition.LIKELY),
        ("https://life.douyin.com/coupon", Recognition.LIKELY),
        ("https://links.example/coupon?schema_type=13&object_id=x", Recognition.POSSIBLE),
        ("https://links.example/coupon", Recognition.NO),
        ("https://douyin.com.example/x", Recognition.NO),
        ("https://evil-douyin.com/x", Recognition.NO),
    ],
)
def test_recognises_by_looks(channel: DouyinChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_own_samples_are_recognised(channel: DouyinChannel, scan: Any) -> None:
    assert all(channel.recognise(scan(text)) is not Recognition.NO for text in channel.samples)


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["douyin"]


def test_secret_is_not_shown() -> None:
    keys = {"clientKey": "aw1", "clientSecret": "very secret", "accountId": "72"}
    credentials = DouyinCredentials.model_validate(keys)
    assert "very secret" not in repr(credentials)
    assert credentials.client_secret.get_secret_value() == "very secret"


@pytest.mark.parametrize("missing", ["clientKey", "clientSecret", "accountId"])
def test_empty_credential_is_refused(missing: str) -> None:
    keys = {"clientKey": "aw1", "clientSecret": "s", "accountId": "72", missing: ""}
    with pytest.raises(ValidationError) as caught:
        DouyinCredentials.model_validate(keys)
    assert caught.value.errors()[0]["loc"] == (missing,)


def test_settings_default_to_the_platform() -> None:
    settings = DouyinSettings()
    assert (settings.base_url, settings.short_link_hosts) == ("https://open.douyin.com", ())


def test_base_url_must_be_an_address() -> None:
    with pytest.raises(ValidationError, match="must be http or https address"):
        DouyinSettings.model_validate({"baseUrl": "open.douyin.com"})


async def test_good_account_is_accepted(channel: DouyinChannel, session: Any, simulator: Any) -> None:
    await channel.check_account(session)
    assert simulator.calls == {"token": 2}  # of the Life app and of the mini-app


@pytest.mark.parametrize(("setting", "platform_code"), [("clientKey", "10003"), ("clientSecret", "10013")])
async def test_wrong_credential_is_named(
    channel: DouyinChannel, simulator: Any, setting: str, platform_code: str
) -> None:
    session = make_session(channel, simulator, credentials={setting: "wrong0123456789"})
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (setting, platform_code)
    assert "wrong0123456789" not in f"{caught.value!r} {vars(caught.value)}"
