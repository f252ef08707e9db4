"""The message push: events about subscribe messages, sealed and signed as WeChat does."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from adapters.wechat.signing import sign_push
from core.channels.contract import WebhookDelivery

_NONCE = "415670741"


def write_consent(openid: str, template: str, answer: str, at: datetime) -> dict[str, Any]:
    """What is pushed when a customer answered the question for one template: "accept", "reject" or "ban"."""
    return {
        "ToUserName": "gh_simulated0001",
        "FromUserName": openid,
        "CreateTime": int(at.timestamp()),
        "MsgType": "event",
        "Event": "subscribe_msg_popup_event",
        "List": [{"TemplateId": template, "SubscribeStatusString": answer, "PopupScene": "0"}],
    }


def seal_push(encoding_aes_key: str, app_id: str, message: bytes, random: bytes | None = None) -> str:
    """The sealed text of a message; `random` are its 16 first bytes."""
    key = base64.b64decode(encoding_aes_key + "=")
    plain = (random or secrets.token_bytes(16)) + len(message).to_bytes(4) + message + app_id.encode()
    padder, sealer = PKCS7(256).padder(), Cipher(AES(key), CBC(key[:16])).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(sealer.update(padded) + sealer.finalize()).decode()


def push_plain(token: str, message: Mapping[str, Any], sent_at: datetime) -> WebhookDelivery:
    """A delivery in plain mode."""
    return WebhookDelivery("POST", {}, _sign(token, sent_at), orjson.dumps(message))


def push_sealed(
    keys: Mapping[str, str], message: Mapping[str, Any], sent_at: datetime, *, compatible: bool = False
) -> WebhookDelivery:
    """A delivery in secure mode, or in compatible mode. `keys`: appId, token and encodingAesKey."""
    sealed = seal_push(keys["encodingAesKey"], keys["appId"], orjson.dumps(message))
    params = {
        **_sign(keys["token"], sent_at),
        "encrypt_type": "aes",
        "msg_signature": sign_push(keys["token"], _write_time(sent_at), _NONCE, sealed),
    }
    shown = message if compatible else {"ToUserName": message.get("ToUserName")}
    return WebhookDelivery("POST", {}, params, orjson.dumps({**shown, "Encrypt": sealed}))


def _sign(token: str, sent_at: datetime) -> dict[str, str]:
    stamp = _write_time(sent_at)
    return {"signature": sign_push(token, stamp, _NONCE), "timestamp": stamp, "nonce": _NONCE}


def _write_time(instant: datetime) -> str:
    return str(int(instant.timestamp()))
