"""Who the channel is, what it takes for its own, and which product an account belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.meituan import channel as plugin
from adapters.meituan.channel import MeituanChannel, MeituanCredentials, MeituanSettings
from adapters.meituan.tables import REVERSAL_WINDOW
from core.channels.contract import (
    CredentialsRefused,
    Idempotency,
    Misconfigured,
    NotMine,
    Recognition,
    Scanned,
)
from core.testing.sessions import make_session

KEYS = {"developerId": "1", "signKey": "very secret", "appAuthToken": "quite secret", "businessId": "58"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0332808512", Recognition.POSSIBLE),
        ("13565635289", Recognition.POSSIBLE),
        ("123456789012", Recognition.POSSIBLE),
        ("123456789", Recognition.NO),
        ("1234567890123", Recognition.NO),
        ("12345678９0", Recognition.NO),
        ("03328085AB", Recognition.NO),
    ],
)
def test_recognises_by_length(channel: MeituanChannel, code: str, expected: Recognition) -> None:
    assert channel.recognise(Scanned(code, code)) is expected


async def test_other_shapes_are_not_asked_for(till: Any, general: Any) -> None:
    assert await till.look_up("0") == NotMine()
    assert not general.calls


@pytest.mark.parametrize(
    ("business_id", "idempotency", "window"),
    [
        ("58", Idempotency.TOKEN, REVERSAL_WINDOW),
        ("1", Idempotency.NATURAL_SINGLE_USE, None),
    ],
)
def test_account_behaves_as_its_product(
    channel: MeituanChannel, general: Any, business_id: str, idempotency: Idempotency, window: Any
) -> None:
    session = make_session(channel, general, credentials={"businessId": business_id})
    behaviour = channel.coupons.behave(session)
    assert (behaviour.idempotency, behaviour.reversal.window) == (idempotency, window)
    assert channel.coupons.behaviour.idempotency is Idempotency.NATURAL_SINGLE_USE


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["meituan"]


def test_secrets_are_not_shown() -> None:
    credentials = MeituanCredentials.model_validate(
        {**KEYS, "waimaiAppId": "4601", "waimaiSecret": "third one"}
    )
    shown = repr(credentials)
    assert not [word for word in ("very secret", "quite secret", "third one") if word in shown]
    assert credentials.sign_key.get_secret_value() == "very secret"


@pytest.mark.parametrize(
    ("key", "value"),
    [("developerId", ""), ("signKey", ""), ("appAuthToken", ""), ("businessId", "7"), ("businessId", 58)],
)
def test_wrong_credential_is_named(key: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        MeituanCredentials.model_validate({**KEYS, key: value})
    assert caught.value.errors()[0]["loc"] == (key,)


def test_settings_default_to_the_platform() -> None:
    assert MeituanSettings().base_url == "https://api-open-cater.meituan.com"
    with pytest.raises(ValidationError, match="must be an http or https address"):
        MeituanSettings.model_validate({"waimaiBaseUrl": "waimaiopen.meituan.com"})


async def test_good_account_is_accepted(
    channel: Any, till: Any, waiter: Any, general: Any, catering: Any
) -> None:
    await channel.check_account(till.session)
    await channel.check_account(waiter.session)
    assert (general.calls, catering.calls) == ({"querylistbydate": 1}, {"queryListByDate": 1})


@pytest.mark.parametrize("product", ["general", "catering"])
@pytest.mark.parametrize(
    ("key", "failure", "setting", "code"),
    [
        ("signKey", CredentialsRefused, "signKey", "OP_UNIAUTH_FAILED/3"),
        ("appAuthToken", CredentialsRefused, "appAuthToken", "OP_UNIAUTH_FAILED/5"),
        ("developerId", Misconfigured, "developerId", "OP_SYSTEM_PARAM_ERROR"),
    ],
)
async def test_refused_credential_is_named(
    channel: Any, request: Any, product: str, key: str, failure: type, setting: str, code: str
) -> None:
    simulator = request.getfixturevalue(product)
    session = make_session(channel, simulator, credentials={key: "wrong-0123456789"})
    with pytest.raises(failure) as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (setting, code)
    assert "wrong-0123456789" not in f"{caught.value!r} {vars(caught.value)}"


async def test_token_of_the_other_product(channel: Any, general: Any) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(make_session(channel, general, credentials={"businessId": "1"}))
    assert caught.value.setting == "appAuthToken"
