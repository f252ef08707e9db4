"""Keeps secrets, coupon codes and telephone numbers out of logs.

What is masked: values under a telling name ("clientSecret", "access-token", "phone"), the same inside texts
(`token=…`, headers, query strings), bearer tokens, Chinese mobile numbers, runs of ten digits or
more, and secrets that it was told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MASK = "[masked]"
_SHORTEST_SECRET = 6
_LONGEST_PLAIN_NUMBER = 10**10

# Compared in lower case, without "-" and "_".
# fmt: off
_SECRET_NAMES = frozenset({
    "authorization", "cookie", "setcookie", "code", "codes", "couponcode", "encrypteddata", "objectid",
    "phone", "mobile", "telephone", "session", "sign", "signature", "apikey", "privatekey", "signkey",
    "encodingaeskey", "credentials", "body", "content", "headers", "params", "query",
})
# fmt: on
_SECRET_ENDINGS = ("token", "secret", "password", "secretkey", "privatekey", "signkey", "phonenumber")

_NAME = (
    r"(?:access|refresh|client|app|auth|bearer|x)?[-_]?(?:access|refresh|auth)?[-_]?"
    r"(?:token|secret|password|signature|sign|session|authorization|cookie|api[-_]?key|private[-_]?key|object_id"
    r"|encrypted_(?:data|codes?)|codes?|phone|mobile)"
)
_TEXT = re.compile(
    rf"""
      (?P<uuid>\b[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}\b)
    | (?P<bearer>\b(?:bearer|basic)\s+)[\w.~+/=-]+
    | (?P<query>[?&][\w.%\[\]-]+=)[^&\s"'\#<>]+
    | (?P<pair>\b{_NAME}["']?\s*[:=]\s*["']?)(?!(?:bearer|basic)\s)[^\s"'&,;}})]+
    | (?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{{4}}){{2}}(?!\d)
    | \d{{4}}(?:[ -]\d{{4}}){{2,}}
    | \d{{10,}}
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Redactor:
    """A structlog processor. It also masks the secrets it was told of, wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self.remember(*secrets)

    def remember(self, *secrets: str) -> None:
        """From now on masks these values, too. Those of fewer than six characters occur in words."""
        self._secrets.update(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in event.items():
            event[name] = self.mask_value(name, value)
        return event

    def mask_text(self, text: str) -> str:
        """The text with everything masked that may be secret."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return _TEXT.sub(_mask_match, text)

    def mask_value(self, name: str, value: Any) -> Any:
        """The value as it may be logged under this name. Objects become text."""
        if value is None or isinstance(value, (bool, float)):
            return value
        if _is_secret_name(name):
            return MASK
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, int):
            return value if abs(value) < _LONGEST_PLAIN_NUMBER else MASK
        return self._mask_object(name, value)

    def _mask_object(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                self.mask_text(str(key)): self.mask_value(str(key), inner) for key, inner in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.mask_value(name, inner) for inner in value]
        if name == "exc_info":
            return value
        return self.mask_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def mask_secrets(text: str) -> str:
    """The text with everything masked that looks like a secret, a telephone number or a coupon code."""
    return _TEXT.sub(_mask_match, text)


def _mask_match(match: re.Match[str]) -> str:
    if match["uuid"]:
        return match[0]
    return (match["bearer"] or match["query"] or match["pair"] or "") + MASK


def _is_secret_name(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "")
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)
