"""Keys derived from the one secret key: sealed values, keyed fingerprints, signatures."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_ID_BYTES = 4


class KeyRing:
    """Seals with the newest secret key, opens with any, names each key by a short id.

    A sealed value is `key id (4) | nonce (12) | AES-256-GCM ciphertext and tag`. What it is bound to (tenant, channel,
    account, field …) goes in as associated data, so that a value copied to another row does not open there.
    """

    def __init__(self, secret_key: str, previous: Sequence[str] = ()) -> None:
        self._masters = [_Master(secret) for secret in (secret_key, *previous)]
        self._by_id = {master.key_id: master for master in self._masters}

    @property
    def key_id(self) -> bytes:
        """The id of the key that new values are sealed with."""
        return self._masters[0].key_id

    def seal(self, plain: bytes, *bound_to: str) -> bytes:
        """`plain` encrypted and bound to the given names."""
        nonce = os.urandom(_NONCE_BYTES)
        newest = self._masters[0]
        return newest.key_id + nonce + newest.cipher.encrypt(nonce, plain, _join(bound_to))

    def open(self, sealed: bytes, *bound_to: str) -> bytes:
        """What was sealed. Raises ValueError if it was altered, moved, or sealed with an unknown key."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        master = self._by_id.get(key_id)
        if master is None:
            raise ValueError(
                "sealed with a secret key that is not configured (see HEXIAO_PREVIOUS_SECRET_KEYS)"
            )
        try:
            return master.cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], _join(bound_to))
        except InvalidTag:
            raise ValueError("the sealed value was altered, or belongs to another row") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed this value."""
        return sealed[:_KEY_ID_BYTES] == self.key_id

    def fingerprint(self, purpose: str, value: str) -> str:
        """A keyed hash (32 hex digits) by which a value is found again without being stored.

        It is made with the oldest configured key, so that rotation of the newest leaves look-ups working.
        """
        key = self._masters[-1].derive(f"fingerprint:{purpose}")
        return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]

    def sign(self, purpose: str, message: bytes) -> bytes:
        """A 16-byte signature by the newest key."""
        return self._masters[0].sign(purpose, message)

    def verify(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether any configured key signed this message, in constant time."""
        return any(hmac.compare_digest(master.sign(purpose, message), signature) for master in self._masters)


class _Master:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.key_id = self.derive("key id")[:_KEY_ID_BYTES]
        self.cipher = AESGCM(self.derive("seal"))

    @lru_cache(maxsize=32)  # noqa: B019  # one instance per secret key, for the life of the process
    def derive(self, purpose: str) -> bytes:
        return HKDF(hashes.SHA256(), length=32, salt=None, info=f"hexiao/{purpose}".encode()).derive(
            self._secret
        )

    def sign(self, purpose: str, message: bytes) -> bytes:
        return hmac.new(self.derive(f"sign:{purpose}"), message, hashlib.sha256).digest()[:16]


def _join(names: Sequence[str]) -> bytes:
    return "|".join(names).encode()
