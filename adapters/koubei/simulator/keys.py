"""RSA keys of the simulated app and of the simulated platform, in the form of Alipay's key tool."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@cache
def make_key(owner: str) -> RSAPrivateKey:
    """The key of this owner, made anew in every process: nobody needs to keep it."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def write_private_key(key: RSAPrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """The base64 body of a PKCS#8 or PKCS#1 (TraditionalOpenSSL) key."""
    return base64.b64encode(key.private_bytes(Encoding.DER, form, NoEncryption())).decode()


def write_public_key(key: RSAPublicKey) -> str:
    """The base64 body of an X.509 public key."""
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
