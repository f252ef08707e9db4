"""Signatures and seals against packages that others wrote: wechatpayv3 (WeChat Pay v3) and wechatpy (mini-program).

What they make is accepted here, what is made here they accept, and they refuse the same forgeries. wechatpayv3 is also
let loose on the simulated merchant platform as a whole, which so is shown to sign and seal as WeChat Pay does.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wechatpayv3 import core as official
from wechatpayv3.type import RequestType
from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_sign, rsa_verify
from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import InvalidAppIdException

from adapters.wechat.parse_people import parse_opened
from adapters.wechat.signing import (
    open_resource,
    open_sealed,
    read_public_key,
    sign_request,
    verify_answer,
    write_authorization,
)
from adapters.wechat.simulator.pay import (
    MCH_SERIAL,
    merchant_key,
    platform_key,
    seal_certificate,
    sign_answer,
    write_merchant_key,
)
from adapters.wechat.simulator.state import API_V3_KEY, APP_ID, APP_SECRET, MCH_ID, OPENID
from core.channels.contract import PhoneFound, Redeemed

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
STAMP = 1772424000
KEY = platform_key()
BODIES = ["", "{}", '{"stock_name":"满50减10","fee":1000}', '{"a":"x\\ny"}']


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """wechatpayv3 reads the test's clock. Only `time` of its own module is replaced."""
    there = SimpleNamespace(time=lambda: clock.now().timestamp())
    monkeypatch.setattr("wechatpayv3.utils.time", there)


@pytest.fixture
def merchant(monkeypatch: pytest.MonkeyPatch, carry: Any, stopped: None) -> Callable[[], official.Core]:
    """wechatpayv3 set up as the simulated merchant, with its requests led to the simulated platform."""

    def get(url: str, *, headers: dict[str, str], **_: Any) -> Any:
        return carry("GET", url, headers=headers)

    def post(url: str, *, headers: dict[str, str], **body: Any) -> Any:
        # `requests` writes JSON as the standard library does, and wechatpayv3 signs that.
        return carry("POST", url, headers=headers, content=json.dumps(body["json"]).encode())

    monkeypatch.setattr(official, "requests", SimpleNamespace(get=get, post=post))
    return lambda: official.Core(MCH_ID, MCH_SERIAL, write_merchant_key(), API_V3_KEY)


# ------------------------------------------------------------------------------------------------- requests of Pay v3
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", ["/v3/certificates", "/v3/x/%E8%8C%B6?appid=wx1&b=%2B"])
def test_authorization_is_the_same(stopped: None, clock: Any, path: str, body: str) -> None:
    stamp = int(clock.now().timestamp())
    method = "POST" if body else "GET"
    theirs = build_authorization(path, method, MCH_ID, MCH_SERIAL, merchant_key(), body, NONCE)
    signature = sign_request(merchant_key(), method, path, stamp, NONCE, body.encode())
    assert write_authorization(MCH_ID, MCH_SERIAL, stamp, NONCE, signature) == theirs


async def test_sent_request_is_signed_as_theirs(
    channel: Any, session: Any, simulator: Any, stopped: None, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("merchant_coupon").code))
    (outcome,) = await channel.coupons.redeem(session, order)
    assert isinstance(outcome, Redeemed)
    request = session.http.requests[-1]
    sent = request.headers["authorization"]
    nonce = sent.partition('nonce_str="')[2].partition('"')[0]
    path, body = urlsplit(request.url).path, request.content.decode()
    assert sent == build_authorization(path, "POST", MCH_ID, MCH_SERIAL, merchant_key(), body, nonce)


# -------------------------------------------------------------------------------------------------- answers of Pay v3
@pytest.mark.parametrize("body", BODIES)
def test_their_signature_is_genuine(body: str) -> None:
    signature = rsa_sign(KEY.private, f"{STAMP}\n{NONCE}\n{body}\n")
    assert verify_answer(KEY.certificate, str(STAMP), NONCE, body.encode(), signature)
    assert not verify_answer(KEY.certificate, str(STAMP), NONCE, body.encode() + b" ", signature)


@pytest.mark.parametrize("body", BODIES)
def test_simulated_signature_is_genuine_to_them(clock: Any, body: str) -> None:
    headers = sign_answer(body.encode(), KEY, clock.now(), NONCE).headers
    given = [headers[f"wechatpay-{name}"] for name in ("timestamp", "nonce", "signature")]
    public = read_public_key(KEY.certificate)
    assert rsa_verify(given[0], given[1], body, given[2], public)
    assert not rsa_verify(given[0], given[1], body + " ", given[2], public)


# ------------------------------------------------------------------------------------------------------------- seals
def test_resource_opens_alike() -> None:
    box: Any = seal_certificate(KEY)["encrypt_certificate"]
    theirs = aes_decrypt(box["nonce"], box["ciphertext"], box["associated_data"], API_V3_KEY)
    assert open_resource(API_V3_KEY, box).decode() == theirs == KEY.certificate


@pytest.mark.parametrize("name", ["nonce", "ciphertext", "associated_data"])
def test_spoilt_resource_opens_nowhere(name: str) -> None:
    box: Any = seal_certificate(KEY)["encrypt_certificate"]
    box[name] = box[name][:-4] + "AAA="
    assert aes_decrypt(box["nonce"], box["ciphertext"], box["associated_data"], API_V3_KEY) is None
    with pytest.raises(ValueError, match="not sealed"):
        open_resource(API_V3_KEY, box)


def test_callback_is_taken_alike(clock: Any) -> None:
    public = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    theirs = official.Core(
        MCH_ID, MCH_SERIAL, write_merchant_key(), API_V3_KEY, public_key=public, public_key_id=KEY.serial
    )
    box = seal_certificate(KEY)["encrypt_certificate"]
    body = orjson.dumps({"id": "1", "resource_type": "encrypt-resource", "resource": box})
    headers = sign_answer(body, KEY, clock.now(), NONCE).headers
    opened = theirs.decrypt_callback(headers, body)
    assert opened == open_resource(API_V3_KEY, orjson.loads(body)["resource"]).decode()
    assert theirs.decrypt_callback(headers, body + b" ") is None


# ---------------------------------------------------------------------------------- wechatpayv3 against the simulator
def test_merchant_reads_its_certificates(merchant: Any, simulator: Any) -> None:
    theirs = merchant()
    assert [f"{each.serial_number:X}" for each in theirs._certificates] == [KEY.serial]
    assert simulator.calls == {"certificates": 1}


def test_merchant_uses_a_coupon(merchant: Any, simulator: Any, clock: Any) -> None:
    code = simulator.make("merchant_coupon").reference
    path = f"/v3/marketing/busifavor/users/{OPENID}/coupons/{code}/appids/{APP_ID}"
    theirs = merchant()
    status, text = theirs.request(path)
    coupon = orjson.loads(text)
    body = {
        "coupon_code": code,
        "stock_id": coupon["stock_id"],
        "appid": APP_ID,
        "use_time": clock.now().isoformat(),
        "use_request_no": "official-1",
        "openid": OPENID,
    }
    used, _ = theirs.request("/v3/marketing/busifavor/coupons/use", RequestType.POST, body)
    assert (status, coupon["coupon_state"], used) == (200, "SENDED", 200)
    assert [each.living for each in simulator.consumptions()] == [1]


def test_foreign_answer_is_refused_by_them(merchant: Any, simulator: Any) -> None:
    code = simulator.make("merchant_coupon").reference
    theirs = merchant()
    simulator.platform_key = SimpleNamespace(
        private=platform_key(2).private, serial=KEY.serial, certificate=KEY.certificate
    )
    with pytest.raises(Exception, match="failed to verify the signature"):
        theirs.request(f"/v3/marketing/busifavor/users/{OPENID}/coupons/{code}/appids/{APP_ID}")


def test_their_clock_counts(merchant: Any, monkeypatch: pytest.MonkeyPatch, simulator: Any) -> None:
    theirs = merchant()
    monkeypatch.setattr("wechatpayv3.utils.time", time)
    status, text = theirs.request("/v3/certificates")
    assert (status, orjson.loads(text)["code"]) == (401, "SIGN_ERROR")


# ------------------------------------------------------------------------------------------------- the mini-program
def _log_in(simulator: Any) -> str:
    form = {"appid": APP_ID, "secret": APP_SECRET, "grant_type": "authorization_code"}
    key = simulator.people.log_in({**form, "js_code": simulator.people.make_login()})["session_key"]
    return str(key)


def test_sealed_phone_opens_alike(simulator: Any) -> None:
    key = _log_in(simulator)
    sealed = orjson.loads(simulator.people.seal_phone())
    theirs = WeChatWxaCrypto(key, sealed["iv"], APP_ID).decrypt_message(sealed["encryptedData"])
    ours = open_sealed(key, sealed["iv"], sealed["encryptedData"])
    assert orjson.loads(ours) == theirs
    assert parse_opened(ours, APP_ID) == PhoneFound(f"+86{theirs['purePhoneNumber']}")


def test_phone_of_another_app_is_refused_by_both(simulator: Any) -> None:
    key = _log_in(simulator)
    sealed = orjson.loads(simulator.people.seal_phone(app_id="wx0000"))
    with pytest.raises(InvalidAppIdException):
        WeChatWxaCrypto(key, sealed["iv"], APP_ID).decrypt_message(sealed["encryptedData"])
    with pytest.raises(Exception, match="another app"):
        parse_opened(open_sealed(key, sealed["iv"], sealed["encryptedData"]), APP_ID)


def test_their_seal_opens_here() -> None:
    crypto = WeChatWxaCrypto(base64.b64encode(b"k" * 16), base64.b64encode(b"i" * 16), APP_ID)
    text = b'{"purePhoneNumber":"13800000000"}'
    padding = 16 - len(text) % 16
    sealed = base64.b64encode(crypto.cipher.encrypt(text + bytes([padding]) * padding)).decode()
    key, start = (base64.b64encode(each * 16).decode() for each in (b"k", b"i"))
    assert open_sealed(key, start, sealed) == text
