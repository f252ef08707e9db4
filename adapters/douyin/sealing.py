"""What Douyin seals for a mini-app: by the session key of a login, or by the public key that the app has uploaded.

Source: https://developer.open-douyin.com/docs/resource/zh-CN/mini-app/develop/tutorial/open-capabilities/
general-capabilities/new-phone-method, read 2026-11. INFERRED from public clients: RSA with the padding of PKCS#1 v1.5, block
after block, and AES-128-CBC with PKCS#7.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7


@lru_cache(maxsize=64)
def read_private_key(pem: str) -> RSAPrivateKey:
    """The app's key. Raises ValueError for what is no RSA key in PEM."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (TypeError, ValueError):
        raise ValueError("no RSA private key in PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("no RSA private key in PEM")
    return key


def open_by_key(sealed: str, key: RSAPrivateKey) -> bytes:
    """What was sealed with the app's public key, in Base64. Raises ValueError for what has not its length.

    With another key the answer is nonsense rather than an error: so OpenSSL protects this padding.
    """
    content, size = base64.b64decode(sealed, validate=True), key.key_size // 8
    if not content or len(content) % size:
        raise ValueError("not sealed with this key")
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(key.decrypt(block, PKCS1v15()) for block in blocks)


def open_by_session(session_key: str, iv: str, sealed: str) -> bytes:
    """What was sealed with a session key, all three in Base64. Raises ValueError where it was another."""
    try:
        key, start, content = (base64.b64decode(each, validate=True) for each in (session_key, iv, sealed))
        if len(key) != 16:
            raise ValueError("not a key of 128 bits")
        opener, unpadder = Cipher(AES(key), CBC(start)).decryptor(), PKCS7(128).unpadder()
        return unpadder.update(opener.update(content) + opener.finalize()) + unpadder.finalize()
    except ValueError:
        raise ValueError("not sealed with this key") from None
