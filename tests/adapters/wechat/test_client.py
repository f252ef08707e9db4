"""Calls: tokens and signatures, and what every error means for a reading and for a changing call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from adapters.wechat.simulator.pay import platform_key
from adapters.wechat.tables import MEND_BY_CODE, MEND_BY_ERRCODE, TROUBLE_BY_CODE, TROUBLE_BY_ERRCODE, Trouble
from core.channels.contract import (
    ChannelUnavailable,
    CredentialsRefused,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    Redeemed,
    Refusal,
    Refused,
)

TOKENS = [(-1, ChannelUnavailable), (45009, RateLimited), (45011, RateLimited)]
VOUCHER_TROUBLES = [
    (-1, ChannelUnavailable, OutcomeUnknown),
    (45009, RateLimited, RateLimited),
    (45011, RateLimited, RateLimited),
    (40164, Misconfigured, Misconfigured),
    (48001, Misconfigured, Misconfigured),
]
PAY_TROUBLES = [
    ("pay_sign_error_wrong", CredentialsRefused, CredentialsRefused),
    ("pay_sign_error_old_timestamp", CredentialsRefused, CredentialsRefused),
    ("pay_appid_mchid_mismatch", Misconfigured, Misconfigured),
    ("pay_rate_limited", RateLimited, RateLimited),
    ("pay_system_error", ChannelUnavailable, OutcomeUnknown),
]


def test_every_trouble_has_a_mend() -> None:
    wanted = {code for code, kind in TROUBLE_BY_ERRCODE.items() if kind is Trouble.MISCONFIGURED}
    assert wanted == MEND_BY_ERRCODE.keys()
    assert {
        code for code, kind in TROUBLE_BY_CODE.items() if kind is Trouble.MISCONFIGURED
    } == MEND_BY_CODE.keys()


# ---------------------------------------------------------------------------------------------------------- the token
async def test_token_goes_into_the_query(session: Any, simulator: Any, find: Any) -> None:
    await find(simulator.make("usable").code)
    token, call = session.http.requests
    assert orjson.loads(token.content) == {
        "grant_type": "client_credential",
        "appid": "wx5a1b2c3d4e5f6071",
        "secret": session.credentials.app_secret.get_secret_value(),
    }
    assert call.params == {"access_token": "SIM_STABLE_TOKEN_000001"}
    assert "SIM_STABLE_TOKEN" not in call.url + str(call.headers)


async def test_token_is_kept(simulator: Any, find: Any) -> None:
    for _ in range(3):
        await find(simulator.make("usable").code)
    assert simulator.calls["token"] == 1


async def test_dead_token_is_renewed_once(simulator: Any, find: Any) -> None:
    await find(simulator.make("usable").code)
    simulator.expire_tokens()
    await find(simulator.make("usable").code)
    assert simulator.calls["token"] == 2


async def test_dead_token_did_nothing(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    simulator.expire_tokens()
    (outcome,) = await channel.coupons.redeem(session, order)
    assert isinstance(outcome, Redeemed)
    assert [each.living for each in simulator.consumptions()] == [1]


async def test_fresh_token_is_refused(
    channel: Any, simulator: Any, canned: Any, scan: Any, read_payload: Any
) -> None:
    refusal = read_payload("api_invalid_token")
    code = simulator.make("usable").code
    with pytest.raises(CredentialsRefused) as refused:
        await channel.coupons.look_up(canned("voucher_get", refusal, refusal), scan(code))
    assert (refused.value.setting, refused.value.platform_code) == ("appSecret", "40001")
    assert refused.value.platform_message == "invalid credential, access_token is invalid or not latest"


@pytest.mark.parametrize(("errcode", "failure"), TOKENS)
async def test_no_token_to_be_had(
    channel: Any, simulator: Any, canned: Any, scan: Any, errcode: int, failure: type[Exception]
) -> None:
    session = canned("token", (200, {"errcode": errcode, "errmsg": "x"}))
    with pytest.raises(failure):
        await channel.coupons.look_up(session, scan(simulator.make("usable").code))
    assert simulator.calls["voucher_get"] == 0


@pytest.mark.parametrize("body", [b"", b"[]", {"access_token": "x"}, {"access_token": "x", "expires_in": 0}])
async def test_unreadable_token(channel: Any, simulator: Any, canned: Any, scan: Any, body: Any) -> None:
    with pytest.raises(ChannelUnavailable):
        await channel.coupons.look_up(canned("token", (200, body)), scan(simulator.make("usable").code))


# ------------------------------------------------------------------------------------------------------- the vouchers
@pytest.mark.parametrize(("errcode", "reading", "changing"), VOUCHER_TROUBLES)
async def test_voucher_trouble(
    channel: Any, simulator: Any, canned: Any, scan: Any, find: Any, order_of: Any,
    errcode: int, reading: type[Exception], changing: type[Exception],
) -> None:  # fmt: skip
    answer = (200, {"errcode": errcode, "errmsg": "x"})
    code = simulator.make("usable").code
    order = order_of(await find(code))
    with pytest.raises(reading):
        await channel.coupons.look_up(canned("voucher_get", answer), scan(code))
    with pytest.raises(changing):
        await channel.coupons.redeem(canned("consume", answer), order)
    assert [each.living for each in simulator.consumptions()] == [0]


@pytest.mark.parametrize(("status", "failure"), [(429, RateLimited), (500, ChannelUnavailable)])
async def test_voucher_gateway(
    channel: Any, simulator: Any, canned: Any, scan: Any, status: int, failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await channel.coupons.look_up(
            canned("voucher_get", (status, b"")), scan(simulator.make("usable").code)
        )


# ---------------------------------------------------------------------------------------------------------------- Pay
@pytest.mark.parametrize(("name", "reading", "changing"), PAY_TROUBLES)
async def test_pay_trouble(
    channel: Any, simulator: Any, canned: Any, scan: Any, find: Any, order_of: Any, read_payload: Any,
    name: str, reading: type[Exception], changing: type[Exception],
) -> None:  # fmt: skip
    answer = read_payload(name)
    text = simulator.make("merchant_coupon").code
    order = order_of(await find(text))
    with pytest.raises(reading):
        await channel.coupons.look_up(canned("coupon_get", answer), scan(text))
    with pytest.raises(changing):
        await channel.coupons.redeem(canned("coupon_use", answer), order)
    assert [each.living for each in simulator.consumptions()] == [0]


@pytest.mark.parametrize("name", ["pay_coupon_no_auth", "pay_missing_user_agent", "pay_param_error"])
async def test_pay_refusal(
    channel: Any, simulator: Any, canned: Any, scan: Any, read_payload: Any, name: str
) -> None:
    status, body = read_payload(name)
    session = canned("coupon_get", (status, body))
    answer = await channel.coupons.look_up(session, scan(simulator.make("merchant_coupon").code))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.platform_code) == (Refusal.REFUSED_BY_CHANNEL, body["code"])


async def test_unsigned_success_is_not_believed(
    channel: Any, simulator: Any, canned: Any, scan: Any, find: Any, order_of: Any, read_payload: Any
) -> None:
    text = simulator.make("merchant_coupon").code
    order = order_of(await find(text))
    with pytest.raises(ProtocolFailure):
        await channel.coupons.look_up(
            canned("coupon_get", read_payload("pay_user_coupon_sended")), scan(text)
        )
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned("coupon_use", read_payload("pay_coupon_use_ok")), order)


async def test_certificates_are_kept(simulator: Any, find: Any) -> None:
    for _ in range(3):
        await find(simulator.make("merchant_coupon").code)
    assert simulator.calls["certificates"] == 1


async def test_new_certificate_is_fetched(simulator: Any, find: Any) -> None:
    await find(simulator.make("merchant_coupon").code)
    simulator.platform_key = platform_key(2)
    await find(simulator.make("merchant_coupon").code)
    assert (simulator.calls["certificates"], simulator.calls["coupon_get"]) == (2, 2)


async def test_foreign_certificate_is_not_believed(
    channel: Any, session: Any, simulator: Any, scan: Any, find: Any
) -> None:
    text = simulator.make("merchant_coupon").code
    await find(text)
    simulator.platform_key = replace(platform_key(2), serial=platform_key().serial)
    with pytest.raises(ProtocolFailure):
        await channel.coupons.look_up(session, scan(text))


async def test_stale_answer_is_not_believed(
    channel: Any, session: Any, simulator: Any, scan: Any, find: Any
) -> None:
    text = simulator.make("merchant_coupon").code
    await find(text)
    old = await session.http.send(session.http.requests[-1])
    session.clock.advance(timedelta(minutes=6))

    class Replay:
        async def send(self, request: Any) -> Any:
            return old

    with pytest.raises(ProtocolFailure):
        await channel.coupons.look_up(replace(session, http=Replay()), scan(text))


async def test_signed_path_is_escaped(channel: Any, session: Any, simulator: Any, find: Any) -> None:
    await find(simulator.make("merchant_coupon").code)
    request = session.http.requests[-1]
    assert request.url.endswith(
        "/users/oSiMuLaTeD_openid-0000000001/coupons/WXC0000107919/appids/wx5a1b2c3d4e5f6071"
    )
    assert request.params == {}
    assert request.headers["authorization"].startswith('WECHATPAY2-SHA256-RSA2048 mchid="1900000777"')
