"""WeChat Pay v3: what is signed, byte for byte, and what is believed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.wechat.signing import (
    join_lines,
    open_resource,
    read_private_key,
    sign_request,
    verify_answer,
    write_authorization,
)
from adapters.wechat.simulator.pay import PayError, check_call, merchant_key, platform_key, write_merchant_key
from core.testing.simulator import Call

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
STAMP = 1772424000
KEY = "0123456789abcdef0123456789abcdef"
# The example of WeChat Pay's own signing page.
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (
            (b"GET", b"/v3/certificates", b"1554208460", NONCE.encode(), b""),
            b"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n",
        ),
        ((b"1722850421", b"nonce", b'{"a":1}'), b'1722850421\nnonce\n{"a":1}\n'),
    ],
)
def test_text_under_signature(parts: tuple[bytes, ...], text: bytes) -> None:
    assert join_lines(*parts) == text


def test_request_is_signed() -> None:
    signature = sign_request(merchant_key(), "POST", "/v3/x?y=1", STAMP, NONCE, b'{"a":1}')
    text = f'POST\n/v3/x?y=1\n{STAMP}\n{NONCE}\n{{"a":1}}\n'.encode()
    merchant_key().public_key().verify(base64.b64decode(signature), text, PKCS1v15(), SHA256())


def test_authorization_header() -> None:
    assert write_authorization("1900000001", "5157", 1554208460, NONCE, "c2ln") == (
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",'
        'signature="c2ln",timestamp="1554208460",serial_no="5157"'
    )


def sign_as_platform(body: bytes) -> str:
    text = f"{STAMP}\n{NONCE}\n".encode() + body + b"\n"
    return base64.b64encode(platform_key().private.sign(text, PKCS1v15(), SHA256())).decode()


def test_answer_is_genuine() -> None:
    signature = sign_as_platform(b"{}")
    assert verify_answer(platform_key().certificate, str(STAMP), NONCE, b"{}", signature)


@pytest.mark.parametrize(
    ("number", "stamp", "nonce", "body"),
    [
        (2, str(STAMP), NONCE, b"{}"),
        (1, str(STAMP + 1), NONCE, b"{}"),
        (1, str(STAMP), "other", b"{}"),
        (1, str(STAMP), NONCE, b"{} "),
    ],
    ids=["key", "time", "nonce", "body"],
)
def test_answer_is_forged(number: int, stamp: str, nonce: str, body: bytes) -> None:
    signature = sign_as_platform(b"{}")
    assert not verify_answer(platform_key(number).certificate, stamp, nonce, body, signature)


@pytest.mark.parametrize("signature", ["", "WECHATPAY/SIGNTEST/c2ln", "€", "c2ln"])
def test_no_signature_is_forged(signature: str) -> None:
    assert not verify_answer(platform_key().certificate, str(STAMP), NONCE, b"{}", signature)


def seal(text: bytes, bound: str) -> dict[str, object]:
    sealed = AESGCM(KEY.encode()).encrypt(b"123456789012", text, bound.encode())
    ciphertext = base64.b64encode(sealed).decode()
    return {"ciphertext": ciphertext, "nonce": "123456789012", "associated_data": bound}


@pytest.mark.parametrize("bound", ["", "certificate"])
def test_resource_is_opened(bound: str) -> None:
    assert open_resource(KEY, seal(b"PEM", bound)) == b"PEM"


@pytest.mark.parametrize(
    "change",
    [{"associated_data": "x"}, {"nonce": "210987654321"}, {"ciphertext": "AAAA"}, {"ciphertext": "€"}],
)
def test_spoilt_resource_stays_shut(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not sealed"):
        open_resource(KEY, {**seal(b"PEM", "certificate"), **change})


def test_wrong_key_opens_nothing() -> None:
    with pytest.raises(ValueError, match="not sealed"):
        open_resource(KEY[::-1], seal(b"PEM", "certificate"))


def test_key_must_be_rsa() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for pem in (curve.private_bytes(*formats).decode(), "", "-----BEGIN PRIVATE KEY-----"):
        with pytest.raises(ValueError, match="no RSA private key"):
            read_private_key(pem)
    assert read_private_key(write_merchant_key()).key_size == 2048


# ----------------------------------------------------------------------------------- what the simulator lets through
def make_call(stamp: int = STAMP, body: bytes = b"{}", **headers: str) -> Call:
    signature = sign_request(merchant_key(), "POST", "/v3/x", stamp, NONCE, b"{}")
    serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    authorization = write_authorization("1900000777", serial, stamp, NONCE, signature)
    sent = {"user-agent": "x", "accept": "application/json", "authorization": authorization, **headers}
    return Call("x", {}, sent, {}, body, "http://simulator.test")


def test_simulator_takes_good_call() -> None:
    check_call(make_call(), "POST", "/v3/x", NOW)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (make_call(accept="text/html"), "INVALID_REQUEST"),
        (make_call(authorization="Bearer x"), "SIGN_ERROR"),
        (make_call(stamp=STAMP - 301), "SIGN_ERROR"),
        (make_call(body=b"{} "), "SIGN_ERROR"),
    ],
    ids=["accept", "form", "time", "body"],
)
def test_simulator_refuses_bad_call(call: Call, code: str) -> None:
    with pytest.raises(PayError) as refused:
        check_call(call, "POST", "/v3/x", NOW)
    assert refused.value.code == code
    assert NOW + timedelta(0) == datetime.fromtimestamp(STAMP, UTC)
