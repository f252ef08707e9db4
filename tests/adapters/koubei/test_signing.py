"""RSA2: what is signed, by which keys, and that the platform's own signature is looked at."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from adapters.koubei.client import (
    load_private_key,
    load_public_key,
    matches_signature,
    sign_text,
    write_signed_text,
)
from adapters.koubei.parse import read_answer
from adapters.koubei.simulator.gateway import write_signed
from adapters.koubei.simulator.keys import make_key, write_private_key, write_public_key
from adapters.koubei.wire import TICKET_QUERY, TICKET_USE
from core.channels.contract import OutcomeUnknown, ProtocolFailure, RedeemOrder

KEY = make_key("app")
NAME = "koubei_trade_ticket_ticketcode_query_response"
# DigestInfo of SHA-256, RFC 8017 section 9.2
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def verify_by_hand(text: str, signature: str) -> bool:
    """RSASSA-PKCS1-v1_5 by the letter of RFC 8017, without a library."""
    numbers = KEY.public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    opened = pow(int.from_bytes(base64.b64decode(signature)), numbers.e, numbers.n).to_bytes(size)
    digest = DIGEST_INFO + hashlib.sha256(text.encode()).digest()
    return opened == b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"version": "1.0", "app_id": "2014"}, "app_id=2014&version=1.0"),
        ({"b": "2", "a": "1", "sign": "x", "sign_type": "RSA2"}, "a=1&b=2&sign_type=RSA2"),
        ({"biz_content": '{"a":"1&b=2"}', "app_id": "1"}, 'app_id=1&biz_content={"a":"1&b=2"}'),
        ({"timestamp": "2014-07-24 03:07:50", "t": "茶+/="}, "t=茶+/=&timestamp=2014-07-24 03:07:50"),
        ({"app_id": "1", "app_auth_token": "t", "app": ""}, "app=&app_auth_token=t&app_id=1"),
    ],
)
def test_signed_text_is_sorted_and_raw(params: dict[str, str], expected: str) -> None:
    assert write_signed_text(params) == expected


@pytest.mark.parametrize("text", ["app_id=1&version=1.0", "茶&=+ /", ""])
def test_signature_is_rsa2(text: str) -> None:
    signature = sign_text(text, KEY)
    assert verify_by_hand(text, signature)
    assert matches_signature(text, signature, KEY.public_key())
    assert not matches_signature(text + "x", signature, KEY.public_key())


@pytest.mark.parametrize("signature", ["", "AAAA", "no base64!", "茶"])
def test_odd_signature_matches_nothing(signature: str) -> None:
    assert not matches_signature("text", signature, KEY.public_key())


PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    "written",
    [
        write_private_key(KEY),
        write_private_key(KEY, PrivateFormat.TraditionalOpenSSL),
        PEM,
        PEM.replace("\n", "\r\n") + "\n",
        f"  {write_private_key(KEY)}\n",
    ],
    ids=["pkcs8", "pkcs1", "pem", "windows pem", "padded"],
)
def test_private_key_in_every_form(written: str) -> None:
    assert load_private_key(SecretStr(written)).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("written", [write_public_key(KEY.public_key()), PUBLIC_PEM], ids=["body", "pem"])
def test_public_key_in_every_form(written: str) -> None:
    assert load_public_key(written).public_numbers() == KEY.public_key().public_numbers()


# ---------------------------------------------------------------------------------------------------------- requests
async def test_request_is_signed_as_documented(find: Any, simulator: Any, session: Any) -> None:
    ticket = simulator.make("usable")
    await find(ticket.code)
    (sent,) = session.http.requests
    params = dict(sent.params)
    signature = params.pop("sign")
    body = orjson.dumps({"ticket_code": ticket.code, "shop_id": session.external_store_id}).decode()
    assert params == {
        "app_id": "2014072300007148",
        "app_auth_token": "201510BBsimulated0123456789abcdef",
        "charset": "utf-8",
        "format": "JSON",
        "method": TICKET_QUERY,
        "sign_type": "RSA2",
        "timestamp": "2026-03-02 12:00:00",
        "version": "1.0",
    }
    assert verify_by_hand(write_signed_text({**params, "biz_content": body}), signature)
    assert sent.url == "http://simulator.test/gateway.do"


async def test_own_app_sends_no_authorisation(
    channel: Any, canned: Any, scan: Any, read_payload: Any
) -> None:
    session = canned(read_payload("01_query_effective"))
    credentials = session.credentials.model_copy(update={"app_auth_token": None})
    session = replace(session, credentials=credentials)
    await channel.coupons.look_up(session, scan("016569843362"))
    assert "app_auth_token" not in session.http.requests[0].params


# ----------------------------------------------------------------------------------------------------------- answers
def sign_answer(text: str) -> bytes:
    return f'{{"{NAME}":{text},"sign":"{sign_text(text, make_key("alipay"))}"}}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        '{"code":"10000","url":"https:\\/\\/a.example\\/b"}',
        '{ "code" : "10000" ,\n "msg" : "Success" }',
        '{"msg":"},\\"sign\\":\\"x\\"","code":"10000"}',
        '{"code":"10000","name":"\\u8336","raw":"茶"}',
    ],
    ids=["escaped slashes", "blanks", "looks like the end", "escaped letters"],
)
def test_signed_text_is_as_it_was_sent(text: str) -> None:
    signed = read_answer(sign_answer(text), TICKET_QUERY)
    assert signed.text == text
    assert matches_signature(signed.text, signed.signature or "", make_key("alipay").public_key())


@pytest.mark.parametrize(
    "content",
    [
        f'{{"sign":"s","{NAME}":{{"code":"10000"}}}}',
        f'{{"{NAME}":{{"code":"10000"}},"sign":"s","alipay_cert_sn":"c"}}',
        f' {{ "{NAME}" : {{"code":"10000"}} , "sign" : "s" }} \n',
    ],
)
def test_order_of_members_is_free(content: str) -> None:
    signed = read_answer(content.encode(), TICKET_QUERY)
    assert (signed.text, signed.signature) == ('{"code":"10000"}', "s")


@pytest.mark.parametrize(
    "content",
    [
        f'{{"{NAME}":{{"code":"10000"}},"{NAME}":{{"code":"40004"}},"sign":"s"}}',
        '{"koubei_trade_ticket_ticketcode_use_response":{"code":"10000"},"sign":"s"}',
        f'{{"{NAME}":{{"code":10000}},"sign":"s"}}',
        f'{{"{NAME}":{{}},"sign":"s"}}',
        f'{{"{NAME}":[],"sign":"s"}}',
        f'{{"{NAME}":{{"code":"10000"}},"sign":7}}',
    ],
    ids=["twice", "another method", "number", "no code", "list", "odd signature"],
)
def test_other_answers_are_refused(content: str) -> None:
    with pytest.raises(ProtocolFailure):
        read_answer(content.encode(), TICKET_QUERY)


def tamper(fields: dict[str, Any]) -> bytes:
    return bytes(write_signed(TICKET_QUERY, fields).body).replace(b"88.00", b"00.00")


async def test_tampered_answer_is_refused(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    session = canned((200, tamper(read_payload("01_query_effective"))))
    with pytest.raises(ProtocolFailure, match="not by the account's alipayPublicKey"):
        await channel.coupons.look_up(session, scan("016569843362"))


async def test_unsigned_success_is_refused(channel: Any, canned: Any, scan: Any, read_payload: Any) -> None:
    for name in ("01_query_effective", "12_use_code_invalid"):
        session = canned((200, orjson.dumps({NAME: read_payload(name)})))
        with pytest.raises(ProtocolFailure, match="the answer is not signed"):
            await channel.coupons.look_up(session, scan("016569843362"))


async def test_tampered_redemption_is_unknown(
    channel: Any, canned: Any, find: Any, order_of: Any, simulator: Any, read_payload: Any
) -> None:
    order: RedeemOrder = order_of(await find(simulator.make("usable").code))
    content = bytes(write_signed(TICKET_USE, read_payload("07_use_ok")).body).replace(b"88.00", b"00.00")
    with pytest.raises(OutcomeUnknown):
        await channel.coupons.redeem(canned((200, content)), order)
