"""How an account is set up, what is recognised, and which of the two products is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.wechat.channel import WechatCredentials, WechatSettings
from adapters.wechat.simulator.pay import write_merchant_key
from core.channels.contract import (
    Capability,
    CredentialsRefused,
    Misconfigured,
    NotMine,
    Recognition,
    Refusal,
    Refused,
    StatusQuery,
)
from core.testing.sessions import make_session

ENC = "dm91Y2hlcl9zYW1wbGVfMDE+w=="
PAY = ("mchId", "mchSerialNo", "mchPrivateKey", "apiV3Key")


def test_names_outside_are_fixed() -> None:
    names = [field.alias for field in WechatCredentials.model_fields.values()]
    assert names == ["appId", "appSecret", "token", "encodingAesKey", *PAY]
    assert [field.alias for field in WechatSettings.model_fields.values()] == [
        "baseUrl",
        "payBaseUrl",
        "miniProgramState",
    ]


def test_declares_what_it_can(channel: Any) -> None:
    kinds = {Capability.COUPONS, Capability.IDENTITY, Capability.NOTIFICATIONS, Capability.WEBHOOKS}
    assert channel.capabilities == kinds


def test_vouchers_alone_are_enough() -> None:
    credentials = WechatCredentials.model_validate({"appId": "wx1", "appSecret": "s"})
    assert credentials.pay is None


@pytest.mark.parametrize("missing", PAY)
def test_half_a_merchant_is_refused(simulator: Any, missing: str) -> None:
    given = {name: value for name, value in simulator.credentials.items() if name != missing}
    with pytest.raises(ValidationError, match="or none of them"):
        WechatCredentials.model_validate(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mchPrivateKey", "not a key"), ("apiV3Key", "short"), ("encodingAesKey", "short"), ("appId", "")],
)
def test_odd_credentials_are_refused(simulator: Any, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        WechatCredentials.model_validate({**simulator.credentials, name: value})


def test_secrets_are_hidden(simulator: Any) -> None:
    credentials = WechatCredentials.model_validate(simulator.credentials)
    said = repr(credentials) + repr(credentials.pay)
    hidden = ("appSecret", "token", "encodingAesKey", "mchPrivateKey", "apiV3Key")
    assert not [name for name in hidden if simulator.credentials[name] in said]
    assert write_merchant_key()[30:60] not in said


@pytest.mark.parametrize("address", ["", "api.weixin.qq.com", "ftp://x"])
def test_odd_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        WechatSettings.model_validate({"payBaseUrl": address})


def test_odd_edition_is_refused() -> None:
    with pytest.raises(ValidationError):
        WechatSettings.model_validate({"miniProgramState": "release"})


@pytest.mark.parametrize("text", [ENC, "code=WXV1&sku_id=2", "coupon_code=WXC1&openid=oExAmPlE"])
def test_recognises_what_can_be_asked(channel: Any, scan: Any, text: str) -> None:
    # Nothing in these texts is WeChat's alone.
    assert channel.recognise(scan(text)) is Recognition.POSSIBLE


@pytest.mark.parametrize("text", ["123456789012", "WXV1", "https://v.douyin.com/eXaMpLe/"])
def test_leaves_other_texts(channel: Any, scan: Any, text: str) -> None:
    assert channel.recognise(scan(text)) is Recognition.NO


async def test_good_account_is_connected(channel: Any, session: Any, simulator: Any) -> None:
    await channel.check_account(session)
    assert simulator.calls == {"token": 1, "certificates": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [("appSecret", "wrong"), ("appId", "wx0000"), ("apiV3Key", "f" * 32)],
)
async def test_wrong_credential_is_named(channel: Any, simulator: Any, name: str, value: str) -> None:
    session = make_session(channel, simulator, credentials={name: value})
    with pytest.raises(CredentialsRefused) as refused:
        await channel.check_account(session)
    assert refused.value.setting == name


async def test_wrong_serial_is_refused(channel: Any, simulator: Any) -> None:
    session = make_session(channel, simulator, credentials={"mchSerialNo": "ABCDEF"})
    with pytest.raises(CredentialsRefused) as refused:
        await channel.check_account(session)
    assert (refused.value.setting, refused.value.platform_code) == ("mchPrivateKey", "SIGN_ERROR")


async def test_merchant_without_certificates(channel: Any, canned: Any) -> None:
    with pytest.raises(Misconfigured) as refused:
        await channel.check_account(canned("certificates", (404, {"code": "RESOURCE_NOT_EXISTS"})))
    assert refused.value.setting == "mchId"


# ------------------------------------------------------------------------------------------------- which one is asked
def strip_pay(session: Any) -> Any:
    empty = dict.fromkeys(("mch_id", "mch_serial_no", "mch_private_key", "api_v3_key"))
    return replace(session, credentials=session.credentials.model_copy(update=empty))


async def test_both_are_asked(channel: Any, session: Any, simulator: Any, scan: Any, find: Any) -> None:
    simulator.make("usable")
    reference = simulator.make("merchant_coupon").reference
    found = await find(f"code={reference}&openid=oSiMuLaTeD_openid-0000000001")
    assert found.coupons[0].title == "满50减10"
    assert (simulator.calls["voucher_list"], simulator.calls["coupon_get"]) == (1, 1)


async def test_found_voucher_ends_it(simulator: Any, find: Any) -> None:
    reference = simulator.make("usable").reference
    found = await find(f"code={reference}&openid=oSiMuLaTeD_openid-0000000001")
    assert found.coupons[0].face_value == 19900
    assert (simulator.calls["voucher_list"], simulator.calls["coupon_get"]) == (1, 0)


async def test_coupon_code_spares_vouchers(simulator: Any, find: Any) -> None:
    await find(simulator.make("merchant_coupon").code)
    assert (simulator.calls["voucher_list"], simulator.calls["voucher_get"]) == (0, 0)


async def test_refused_voucher_is_told(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    reference = simulator.make("refunded").reference
    scanned = scan(f"code={reference}&openid=oSiMuLaTeD_openid-0000000001")
    answer = await channel.coupons.look_up(session, scanned)
    assert isinstance(answer, Refused)
    assert answer.reason is Refusal.REFUNDED


async def test_without_pay_no_coupons(channel: Any, session: Any, simulator: Any, scan: Any) -> None:
    sample = simulator.make("merchant_coupon")
    answer = await channel.coupons.look_up(strip_pay(session), scan(sample.code))
    assert answer == NotMine()
    assert simulator.calls == {}


async def test_pay_removed_afterwards(channel: Any, session: Any, simulator: Any, find: Any) -> None:
    coupon = (await find(simulator.make("merchant_coupon").code)).coupons[0]
    with pytest.raises(Misconfigured) as refused:
        await channel.coupons.status(strip_pay(session), StatusQuery(coupon.reference, coupon.handle, ""))
    assert refused.value.setting == "mchId"
