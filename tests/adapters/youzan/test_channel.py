"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.youzan import channel as plugin
from adapters.youzan.channel import YouzanChannel, YouzanCredentials, YouzanSettings
from core.channels.contract import CredentialsRefused, Idempotency, Recognition, StatusBy
from core.testing.sessions import make_session

KEYS = {"clientId": "app1", "clientSecret": "very secret", "grantId": "90010001"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20181116181738766802", Recognition.POSSIBLE),
        ("2018 1116 1817 3876 6802", Recognition.POSSIBLE),
        ("2018111618173876680", Recognition.NO),
        ("E20171019171452069700007", Recognition.LIKELY),
        ("e20171019171452069700007", Recognition.LIKELY),
        ("E20171319171452069700007", Recognition.POSSIBLE),
        ("E20171019251452069700007", Recognition.POSSIBLE),
        ("E19171019171452069700007", Recognition.NO),
        ("493205818731", Recognition.POSSIBLE),
        ("49320581873", Recognition.NO),
        ("SEVJXOPD86096935", Recognition.POSSIBLE),
        ("ZAN3466537296698", Recognition.POSSIBLE),
        ("ZAN346653729669", Recognition.NO),
        ("https://h5.youzan.com/493205818731", Recognition.NO),
    ],
)
def test_recognises_by_looks(channel: YouzanChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["youzan"]


def test_declares_no_more_than_is_known(channel: YouzanChannel) -> None:
    behaviour = channel.coupons.behaviour
    assert behaviour.idempotency is Idempotency.NATURAL_SINGLE_USE
    assert behaviour.status_by is StatusBy.CODE_ONLY
    assert not behaviour.reversal.possible


def test_secret_is_not_shown() -> None:
    credentials = YouzanCredentials.model_validate(KEYS)
    assert "very secret" not in repr(credentials)
    assert credentials.client_secret.get_secret_value() == "very secret"


@pytest.mark.parametrize("missing", list(KEYS))
def test_empty_credential_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        YouzanCredentials.model_validate({**KEYS, missing: ""})
    assert caught.value.errors()[0]["loc"] == (missing,)


def test_base_url_is_an_address() -> None:
    with pytest.raises(ValidationError, match="baseUrl"):
        YouzanSettings.model_validate({"baseUrl": "open.youzanyun.com"})


@pytest.mark.parametrize(
    ("wrong", "setting", "code"),
    [
        ({"clientSecret": "x"}, "clientSecret", "1000"),
        ({"clientId": "x"}, "clientId", "1103"),
        ({"grantId": "1"}, "clientId", "1103"),
    ],
)
async def test_wrong_keys_are_named(
    channel: YouzanChannel, simulator: Any, wrong: Any, setting: str, code: str
) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(make_session(channel, simulator, credentials=wrong))
    assert (caught.value.setting, caught.value.platform_code) == (setting, code)


async def test_right_keys_are_accepted(channel: YouzanChannel, session: Any, simulator: Any) -> None:
    await channel.check_account(session)
    assert simulator.calls == {"token": 1}
