"""Who the channel is, what it takes for its own, and what it keeps to itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import ValidationError

from adapters.koubei import channel as plugin
from adapters.koubei.channel import KoubeiChannel, KoubeiCredentials, KoubeiSettings
from adapters.koubei.simulator.keys import make_key, write_private_key, write_public_key
from core.channels.contract import CredentialsRefused, Recognition
from core.testing.sessions import make_session

SOUGHT = "LLyABKAESLgosRSH/OAfU5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("016569843362", Recognition.POSSIBLE),
        ("0165 6984 3362", Recognition.POSSIBLE),
        ("01656984336", Recognition.NO),
        ("0165698433621", Recognition.NO),
        ("01656984336A", Recognition.NO),
        (SOUGHT, Recognition.POSSIBLE),
        (SOUGHT.lower(), Recognition.NO),
        (SOUGHT[:19], Recognition.NO),
        ("aB3" + "x" * 126, Recognition.NO),
        (f"https://render.alipay.com/p/q?encrypted_data={SOUGHT}", Recognition.LIKELY),
        ("https://qr.alipay.com/fkx01234567890", Recognition.NO),
        (f"https://links.example/p?encrypted_data={SOUGHT}", Recognition.NO),
        (f"https://evil-alipay.com/p?encrypted_data={SOUGHT}", Recognition.NO),
        (f"https://alipay.com.example/p?encrypted_data={SOUGHT}", Recognition.NO),
    ],
)
def test_recognises_by_looks(channel: KoubeiChannel, scan: Any, text: str, expected: Recognition) -> None:
    assert channel.recognise(scan(text)) is expected


def test_registers_one_channel() -> None:
    registered: list[Any] = []
    plugin.register_channels(registered.append)
    assert [each.code for each in registered] == ["koubei"]


def test_secrets_are_not_shown(simulator: Any) -> None:
    credentials = KoubeiCredentials.model_validate(simulator.credentials)
    said = f"{credentials!r} {credentials}"
    assert simulator.credentials["privateKey"] not in said
    assert simulator.credentials["appAuthToken"] not in said


def test_own_app_needs_no_authorisation(simulator: Any) -> None:
    keys = {key: value for key, value in simulator.credentials.items() if key != "appAuthToken"}
    assert KoubeiCredentials.model_validate(keys).app_auth_token is None


@pytest.mark.parametrize("missing", ["appId", "privateKey", "alipayPublicKey"])
def test_empty_credential_is_refused(simulator: Any, missing: str) -> None:
    with pytest.raises(ValidationError) as caught:
        KoubeiCredentials.model_validate({**simulator.credentials, missing: ""})
    assert {error["loc"] for error in caught.value.errors()} == {(missing,)}


def write_curve_key(public: bool) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    if public:
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("value", ["not a key", "bm90IGEga2V5", write_curve_key(public=False)])
def test_private_key_must_be_rsa(simulator: Any, value: str) -> None:
    with pytest.raises(ValidationError, match="not an RSA private key") as caught:
        KoubeiCredentials.model_validate({**simulator.credentials, "privateKey": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("value", ["not a key", "bm90IGEga2V5", write_curve_key(public=True)])
def test_public_key_must_be_rsa(simulator: Any, value: str) -> None:
    with pytest.raises(ValidationError, match="not an RSA public key"):
        KoubeiCredentials.model_validate({**simulator.credentials, "alipayPublicKey": value})


def test_settings_default_to_the_platform() -> None:
    assert KoubeiSettings().base_url == "https://openapi.alipay.com"


def test_base_url_must_be_an_address() -> None:
    with pytest.raises(ValidationError, match="baseUrl must be an http or https address"):
        KoubeiSettings.model_validate({"baseUrl": "openapi.alipay.com"})


# ---------------------------------------------------------------------------------------------------------- account
async def test_good_account_is_accepted(channel: KoubeiChannel, session: Any, simulator: Any) -> None:
    await channel.check_account(replace(session, external_store_id=None))
    assert simulator.calls == {"alipay.marketing.certificate.certification.prepareuse": 1}


@pytest.mark.parametrize(
    ("setting", "wrong", "platform_code"),
    [
        ("appId", "2014000000000000", "40002/isv.invalid-app-id"),
        ("privateKey", write_private_key(make_key("stranger")), "40002/isv.invalid-signature"),
        ("appAuthToken", "201510BBwrong", "20001/aop.invalid-app-auth-token"),
        ("alipayPublicKey", write_public_key(make_key("stranger").public_key()), None),
    ],
)
async def test_wrong_credential_is_named(
    channel: KoubeiChannel, simulator: Any, setting: str, wrong: str, platform_code: str | None
) -> None:
    session = make_session(channel, simulator, credentials={setting: wrong})
    with pytest.raises(CredentialsRefused) as caught:
        await channel.check_account(session)
    assert (caught.value.setting, caught.value.platform_code) == (setting, platform_code)
    assert wrong not in f"{caught.value!r} {vars(caught.value)}"


async def test_account_of_one_interface_is_accepted(channel: KoubeiChannel, canned: Any) -> None:
    session = canned({"code": "40006", "sub_code": "isv.insufficient-isv-permissions"})
    await channel.check_account(session)
    assert len(session.http.requests) == 1
