"""Keys and signatures of the simulated WeChat Pay. The keys are made when first wanted, and live with the process."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from starlette.responses import Response

from adapters.wechat.simulator.state import API_V3_KEY, MCH_ID
from core.testing.simulator import Call

MCH_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
_STALE_SECONDS = 300
_HEADER = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(?P<mchid>\w+)",nonce_str="(?P<nonce>\w+)",'
    r'signature="(?P<signature>[\w+/=]+)",timestamp="(?P<timestamp>\d+)",serial_no="(?P<serial>\w+)"'
)


class PayError(Exception):
    """A Pay v3 error: HTTP status, code, words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A key with which the platform signs its answers, and its certificate."""

    private: rsa.RSAPrivateKey
    serial: str
    certificate: str


@cache
def merchant_key() -> rsa.RSAPrivateKey:
    """The merchant's key pair."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def write_merchant_key() -> str:
    """The merchant's private key in PEM."""
    formats = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return merchant_key().private_bytes(*formats).decode()


@cache
def platform_key(number: int = 1) -> PlatformKey:
    """The platform's key pair; another number is the one after a rotation."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated WeChat Pay")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(0x7777_0000 + number)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=365 * 30))
        .sign(private, SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return PlatformKey(private, f"{certificate.serial_number:X}", pem)


def check_call(call: Call, method: str, path: str, now: datetime) -> None:
    """Raises PayError as WeChat Pay does: headers, then form, then time, then the signature."""
    if not call.headers.get("user-agent") or "application/json" not in call.headers.get("accept", ""):
        raise PayError(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent")
    header = _HEADER.fullmatch(call.headers.get("authorization", ""))
    if header is None:
        raise PayError(401, "SIGN_ERROR", "Http头Authorization值格式错误")
    if abs(now.timestamp() - int(header["timestamp"])) > _STALE_SECONDS:
        raise PayError(401, "SIGN_ERROR", "timestamp与发起请求的时间不得超过5分钟")
    text = f"{method}\n{path}\n{header['timestamp']}\n{header['nonce']}\n".encode() + call.body + b"\n"
    try:
        signature = base64.b64decode(header["signature"])
        merchant_key().public_key().verify(signature, text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise PayError(401, "SIGN_ERROR", "签名错误") from None
    if (header["mchid"], header["serial"]) != (MCH_ID, MCH_SERIAL):
        raise PayError(401, "SIGN_ERROR", "商户证书序列号有误")


def sign_answer(content: bytes, key: PlatformKey, now: datetime, nonce: str) -> Response:
    """A success with WeChat Pay's signature in its headers. Errors carry none."""
    timestamp = str(int(now.timestamp()))
    text = f"{timestamp}\n{nonce}\n".encode() + content + b"\n"
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": key.serial,
        "Wechatpay-Signature": base64.b64encode(key.private.sign(text, PKCS1v15(), SHA256())).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    return Response(content, headers=headers, media_type="application/json")


def seal_certificate(key: PlatformKey) -> dict[str, object]:
    """A row of /v3/certificates."""
    nonce, bound = "simulated012", "certificate"
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), key.certificate.encode(), bound.encode())
    box = {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": bound,
        "ciphertext": base64.b64encode(sealed).decode(),
    }
    return {
        "serial_no": key.serial,
        "effective_time": "2020-01-01T08:00:00+08:00",
        "expire_time": "2049-12-24T08:00:00+08:00",
        "encrypt_certificate": box,
    }
