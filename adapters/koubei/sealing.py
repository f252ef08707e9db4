"""What Alipay's mini-program seals for the merchant: AES-CBC with the app's key, zeros as the first block, PKCS#7.

The signature is over the sealed text between quotation marks. Source: https://docs.alipay.com/mini/introduce/aes, read
2026-11, and alipay-sdk-python 3.7.1411.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_ZEROS = bytes(16)


def read_aes_key(text: str) -> bytes:
    """The app's key, in Base64. Raises ValueError for anything but 128, 192 or 256 bits."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not an AES key in Base64") from None
    if len(key) not in (16, 24, 32):
        raise ValueError("not an AES key in Base64")
    return key


def write_signed_seal(sealed: str) -> str:
    """What the signature of a sealed text is made over."""
    return f'"{sealed}"'


def seal_text(content: bytes, key: bytes) -> str:
    """As the platform does it, in Base64."""
    padder, sealer = PKCS7(128).padder(), Cipher(AES(key), CBC(_ZEROS)).encryptor()
    padded = padder.update(content) + padder.finalize()
    return base64.b64encode(sealer.update(padded) + sealer.finalize()).decode()


def open_sealed(sealed: str, key: bytes) -> bytes:
    """The opposite. Raises ValueError where the text is not sealed with this key."""
    try:
        content = base64.b64decode(sealed, validate=True)
        opener, unpadder = Cipher(AES(key), CBC(_ZEROS)).decryptor(), PKCS7(128).unpadder()
        return unpadder.update(opener.update(content) + opener.finalize()) + unpadder.finalize()
    except ValueError:
        raise ValueError("not sealed with this key") from None
