"""ACS3-HMAC-SHA256, Aliyun's signature of version 3. Source: help.aliyun.com/document_detail/2593177.html."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from adapters.aliyun_sms.tables import ALGORITHM


def sign_request(
    key_id: str, secret: str, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The value of `Authorization`.

    `headers` are those that are signed, in lower case: host, and every x-acs-*, of which x-acs-content-sha256 is the
    hash of the body.
    """
    names = ";".join(sorted(headers))
    canonical = write_canonical(method, path, params, headers)
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"


def write_canonical(method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The request as it is signed: everything sorted, the query in the spelling of RFC 3986."""
    query = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(params.items()))
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in sorted(headers.items()))
    names = ";".join(sorted(headers))
    return "\n".join([method, path, query, lines, names, headers["x-acs-content-sha256"]])


def hash_body(content: bytes) -> str:
    """What x-acs-content-sha256 carries."""
    return hashlib.sha256(content).hexdigest()


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")
