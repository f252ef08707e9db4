"""RSA2 and seals against Alipay's own package, alipay-sdk-python.

What it signs is accepted here, what is signed here it accepts, and both refuse the same forgeries. Its client is also let
loose on the simulated gateway as a whole, which so is shown to check and to sign as Alipay does.
"""

from __future__ import annotations

import base64
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
import rsa
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.domain.KoubeiTradeTicketTicketcodeQueryModel import KoubeiTradeTicketTicketcodeQueryModel
from alipay.aop.api.domain.KoubeiTradeTicketTicketcodeUseModel import KoubeiTradeTicketTicketcodeUseModel
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.request.AlipaySystemOauthTokenRequest import AlipaySystemOauthTokenRequest
from alipay.aop.api.request.KoubeiTradeTicketTicketcodeQueryRequest import (
    KoubeiTradeTicketTicketcodeQueryRequest,
)
from alipay.aop.api.request.KoubeiTradeTicketTicketcodeUseRequest import KoubeiTradeTicketTicketcodeUseRequest
from alipay.aop.api.response.AlipaySystemOauthTokenResponse import AlipaySystemOauthTokenResponse
from alipay.aop.api.util import EncryptUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2, verify_with_rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

from adapters.koubei.client import matches_signature, sign_text, write_signed_text
from adapters.koubei.parse import read_answer
from adapters.koubei.sealing import open_sealed, read_aes_key, seal_text
from adapters.koubei.simulator.gateway import write_signed
from adapters.koubei.simulator.keys import make_key, write_private_key, write_public_key
from adapters.koubei.simulator.state import AES_KEY, APP_AUTH_TOKEN, APP_ID, OPEN_ID, SHOP_ID
from adapters.koubei.wire import TICKET_QUERY
from core.channels.contract import Redeemed

# A module of the same name as its class.
official = import_module("alipay.aop.api.DefaultAlipayClient")
# The package takes keys of PKCS#1 only.
APP_KEY = write_private_key(make_key("app"), PrivateFormat.TraditionalOpenSSL)
ALIPAY_KEY = write_private_key(make_key("alipay"), PrivateFormat.TraditionalOpenSSL)
APP_PUBLIC = write_public_key(make_key("app").public_key())
ALIPAY_PUBLIC = write_public_key(make_key("alipay").public_key())
PARAMS = {
    "app_id": APP_ID,
    "method": TICKET_QUERY,
    "format": "JSON",
    "charset": "utf-8",
    "sign_type": "RSA2",
    "timestamp": "2026-03-02 12:00:00",
    "version": "1.0",
    "app_auth_token": APP_AUTH_TOKEN,
    "biz_content": '{"shop_id":"2017","ticket_code":"016569843362","备注":"a=1&b=2 +/"}',
}
FIELDS = {"code": "10000", "msg": "Success", "item_name": '双人"下午茶"', "url": "https://a/b", "sign": "x"}


# ----------------------------------------------------------------------------------------------------------- requests
def test_signed_text_is_the_same() -> None:
    assert write_signed_text(PARAMS) == get_sign_content(PARAMS)


@pytest.mark.parametrize("text", [get_sign_content(PARAMS), "茶&=+ /", "", '"hvDOnibG0DPcOFPNubK3DEfLQGL4="'])
def test_signature_is_the_same(text: str) -> None:
    assert sign_text(text, make_key("app")) == sign_with_rsa2(APP_KEY, text, "utf-8")


async def test_sent_request_is_genuine_to_them(
    channel: Any, session: Any, simulator: Any, find: Any, order_of: Any
) -> None:
    order = order_of(await find(simulator.make("usable").code))
    (outcome,) = await channel.coupons.redeem(session, order)
    assert isinstance(outcome, Redeemed)
    for request in session.http.requests:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        params = dict(request.params)
        sign = params.pop("sign")
        content = get_sign_content({**params, **form}).encode()
        assert verify_with_rsa(APP_PUBLIC, content, sign)
        with pytest.raises(rsa.VerificationError):
            verify_with_rsa(APP_PUBLIC, content + b" ", sign)


# ------------------------------------------------------------------------------------------------------------ answers
def make_client(public_key: str = ALIPAY_PUBLIC) -> Any:
    config = AlipayClientConfig()
    config.app_id = APP_ID
    config.app_private_key = APP_KEY
    config.alipay_public_key = public_key
    return official.DefaultAlipayClient(config)


def let_them_read(content: bytes) -> str:
    """What their client makes of an answer, once the signature is checked."""
    client = make_client()
    return str(client._DefaultAlipayClient__parse_response(content))


@pytest.fixture(autouse=True)
def thread_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official.THREAD_LOCAL, "uuid", "test", raising=False)
    monkeypatch.setattr(official.THREAD_LOCAL, "logger", None, raising=False)


def test_their_signature_is_genuine() -> None:
    signature = sign_with_rsa2(ALIPAY_KEY, '{"code":"10000"}', "utf-8")
    assert matches_signature('{"code":"10000"}', signature, make_key("alipay").public_key())
    assert not matches_signature('{"code":"10001"}', signature, make_key("alipay").public_key())


def test_signed_part_of_an_answer_is_the_same() -> None:
    content = bytes(write_signed(TICKET_QUERY, FIELDS).body)
    answer = read_answer(content, TICKET_QUERY)
    assert let_them_read(content) == answer.text
    assert answer.signature is not None
    assert verify_with_rsa(ALIPAY_PUBLIC, answer.text.encode(), answer.signature)


def test_changed_answer_is_refused_by_both() -> None:
    content = bytes(write_signed(TICKET_QUERY, FIELDS).body).replace(b"10000", b"10001")
    answer = read_answer(content, TICKET_QUERY)
    assert not matches_signature(answer.text, answer.signature or "", make_key("alipay").public_key())
    with pytest.raises(ResponseException, match="verify failed"):
        let_them_read(content)


# ---------------------------------------------------------------------------------- their client against the simulator
@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch, carry: Any) -> Any:
    """Their client with its requests led to the simulated gateway; answers what it gives, as an object."""

    def post(url: str, query: str, headers: Any, params: Any, charset: str, timeout: int) -> bytes:
        answer = carry("POST", f"{url}?{query}", headers=headers, data=params)
        assert answer.status_code == 200
        return bytes(answer.content)

    monkeypatch.setattr(official, "do_post", post)

    def run(request: Any, public_key: str = ALIPAY_PUBLIC) -> dict[str, Any]:
        request.add_other_text_param("app_auth_token", APP_AUTH_TOKEN)
        return dict(orjson.loads(make_client(public_key).execute(request)))

    return run


def make_query(code: str) -> KoubeiTradeTicketTicketcodeQueryRequest:
    model = KoubeiTradeTicketTicketcodeQueryModel()
    model.ticket_code, model.shop_id = code, SHOP_ID
    return KoubeiTradeTicketTicketcodeQueryRequest(biz_model=model)


def test_their_query_is_answered(execute: Any, simulator: Any) -> None:
    found = execute(make_query(simulator.make("usable").code))
    assert (found["code"], found["ticket_status"]) == ("10000", "EFFECTIVE")


def test_their_use_is_applied(execute: Any, simulator: Any) -> None:
    code = simulator.make("usable").code
    model = KoubeiTradeTicketTicketcodeUseModel()
    model.ticket_code, model.shop_id, model.request_id, model.quantity = (
        code,
        SHOP_ID,
        "official000000001",
        "1",
    )
    used = execute(KoubeiTradeTicketTicketcodeUseRequest(biz_model=model))
    assert used["code"] == "10000"
    assert [each.living for each in simulator.consumptions()] == [1]


def test_refusal_is_signed_for_them(execute: Any) -> None:
    assert execute(make_query("999999999999"))["code"] == "40004"


def test_foreign_gateway_is_refused_by_them(execute: Any, simulator: Any) -> None:
    foreign = write_public_key(make_key("somebody").public_key())
    with pytest.raises(ResponseException, match="verify failed"):
        execute(make_query(simulator.make("usable").code), foreign)


def test_their_login_is_answered(execute: Any, simulator: Any) -> None:
    request = AlipaySystemOauthTokenRequest()
    request.grant_type, request.code = "authorization_code", simulator.people.make_login()
    response = AlipaySystemOauthTokenResponse()
    response.parse_response_content(orjson.dumps(execute(request)))
    assert response.is_success()
    assert (response.open_id, response.code) == (OPEN_ID, None)


# ------------------------------------------------------------------------------------------------------------- seals
@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Their seals. They hand over text where today's ciphers want bytes."""
    make = EncryptUtils.AES.new

    def new(key: bytes, mode: int, start: str) -> Any:
        cipher = make(key, mode, start.encode())
        return SimpleNamespace(encrypt=lambda text: cipher.encrypt(text.encode()), decrypt=cipher.decrypt)

    monkeypatch.setattr(EncryptUtils.AES, "new", new)
    return EncryptUtils


@pytest.mark.parametrize("text", ['{"mobile":"13800000000"}', "双人下午茶", "exactly 16 bytes"])
def test_seal_is_the_same(theirs: Any, text: str) -> None:
    sealed = theirs.encrypt_content(text, "AES", AES_KEY, "utf-8")
    assert seal_text(text.encode(), read_aes_key(AES_KEY)) == sealed
    assert open_sealed(sealed, read_aes_key(AES_KEY)) == text.encode()


def test_handed_over_phone_opens_alike(theirs: Any, simulator: Any) -> None:
    handed_over = orjson.loads(simulator.people.hand_over_phone())
    opened = theirs.decrypt_content(handed_over["response"], "AES", AES_KEY, "utf-8")
    assert open_sealed(handed_over["response"], base64.b64decode(AES_KEY)).decode() == opened
    assert verify_with_rsa(ALIPAY_PUBLIC, f'"{handed_over["response"]}"'.encode(), handed_over["sign"])
