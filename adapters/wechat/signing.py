"""Signatures and seals of WeChat Pay v3, and the mini-program's seal. Pure, but for the nonce that the caller draws.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012365342 (requests), …/4012365350 (answers),
…/4012071382 (AEAD_AES_256_GCM), https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
(mini-program), read 2026-11.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7

SCHEME = "WECHATPAY2-SHA256-RSA2048"


def join_lines(*parts: bytes) -> bytes:
    """The text under a signature: each part on its own line, the last one too."""
    return b"".join(part + b"\n" for part in parts)


def sign_request(key: RSAPrivateKey, method: str, path: str, timestamp: int, nonce: str, body: bytes) -> str:
    """The signature of a request, Base64. `path` is what follows the host, with its query; `body` the very bytes."""
    text = join_lines(method.encode(), path.encode(), str(timestamp).encode(), nonce.encode(), body)
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def write_authorization(mch_id: str, serial_no: str, timestamp: int, nonce: str, signature: str) -> str:
    """The header Authorization."""
    return (
        f'{SCHEME} mchid="{mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial_no}"'
    )


def verify_answer(certificate: str, timestamp: str, nonce: str, body: bytes, signature: str) -> bool:
    """Whether the platform with this certificate (PEM) signed an answer or a callback."""
    text = join_lines(timestamp.encode(), nonce.encode(), body)
    try:
        read_public_key(certificate).verify(
            base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256()
        )
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def open_resource(api_v3_key: str, resource: Mapping[str, object]) -> bytes:
    """The plain text of an AEAD_AES_256_GCM resource. Raises ValueError where it is not sealed with this key."""
    try:
        sealed = base64.b64decode(str(resource["ciphertext"]), validate=True)
        nonce = str(resource["nonce"]).encode()
        bound = str(resource.get("associated_data") or "").encode()
        return AESGCM(api_v3_key.encode()).decrypt(nonce, sealed, bound)
    except (InvalidTag, KeyError, ValueError):
        raise ValueError("not sealed with this key") from None


def open_sealed(session_key: str, iv: str, sealed: str) -> bytes:
    """What a mini-program sealed with its session key: AES-128-CBC, PKCS#7, all three texts in Base64.

    Raises ValueError where it is not sealed with this key.
    """
    try:
        key, start, content = (base64.b64decode(each, validate=True) for each in (session_key, iv, sealed))
        if len(key) != 16:
            raise ValueError("not a key of 128 bits")
        opener, unpadder = Cipher(AES(key), CBC(start)).decryptor(), PKCS7(128).unpadder()
        return unpadder.update(opener.update(content) + opener.finalize()) + unpadder.finalize()
    except ValueError:
        raise ValueError("not sealed with this key") from None


def sign_push(token: str, *parts: str) -> str:
    """The signature of a pushed message: hex SHA-1 of the sorted parts, the push token among them.

    Signed are time stamp and nonce, and of a sealed message its sealed text.
    """
    return hashlib.sha1("".join(sorted([token, *parts])).encode(), usedforsecurity=False).hexdigest()


def open_pushed(encoding_aes_key: str, app_id: str, sealed: str) -> bytes:
    """A sealed pushed message: AES-256-CBC, PKCS#7 in blocks of 32 bytes, around 16 random bytes, the length, the message
    and the app's id.

    Raises ValueError where it is not sealed with this key for this app.
    """
    try:
        key = base64.b64decode(encoding_aes_key + "=")
        opener, unpadder = Cipher(AES(key), CBC(key[:16])).decryptor(), PKCS7(256).unpadder()
        content = opener.update(base64.b64decode(sealed, validate=True)) + opener.finalize()
        plain = unpadder.update(content) + unpadder.finalize()
    except ValueError:
        raise ValueError("not sealed with this key") from None
    end = 20 + int.from_bytes(plain[16:20])
    if len(plain) < 20 or plain[end:] != app_id.encode():
        raise ValueError("not sealed for this app")
    return plain[20:end]


# Reading a key costs as much as fifty signatures.
@lru_cache(maxsize=64)
def read_private_key(pem: str) -> RSAPrivateKey:
    """The merchant's key. Raises ValueError for what is no RSA key in PEM."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (TypeError, ValueError):
        raise ValueError("no RSA private key in PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("no RSA private key in PEM")
    return key


@lru_cache(maxsize=64)
def read_public_key(certificate: str) -> RSAPublicKey:
    """The key of a certificate in PEM. Raises ValueError."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("no RSA certificate")
    return key
