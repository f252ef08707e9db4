"""Automatic persisted queries (Apollo's protocol, version 1): a hash instead of a document that was sent before."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from core.errors import BadInput, Fault
from schema.texts import say

_KEPT_CHARACTERS: Final = 1_000_000
_FIELD: Final = ("extensions", "persistedQuery")


class QueryNotFound(Fault):
    """The document of a hash is not here (any more): the client sends it with the hash. Clients know the message too."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueries:
    """Documents by their SHA-256; those unused for longest make room."""

    def __init__(self, capacity: int = _KEPT_CHARACTERS) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def find(self, query: str | None, extensions: Mapping[str, Any]) -> str:
        """The document that a request means. Raises QueryNotFound, and BadInput for a wrong hash or no document."""
        digest = read_hash(extensions)
        if digest is None:
            return _require(query)
        if query is None:
            return self._recall(digest)
        if not hmac.compare_digest(sha256(query.encode()).hexdigest(), digest):
            raise BadInput(say("persisted_hash"), _FIELD)
        self._keep(digest, query)
        return query

    def _recall(self, digest: str) -> str:
        if digest not in self._kept:
            raise QueryNotFound
        self._kept.move_to_end(digest)
        return self._kept[digest]

    def _keep(self, digest: str, query: str) -> None:
        if digest in self._kept or len(query) > self._capacity // 10:
            return
        self._kept[digest] = query
        self._characters += len(query)
        while self._characters > self._capacity:
            _, oldest = self._kept.popitem(last=False)
            self._characters -= len(oldest)


def read_hash(extensions: Mapping[str, Any]) -> str | None:
    """The hash of `extensions.persistedQuery`, None where there is none. Raises BadInput for another form."""
    asked = extensions.get("persistedQuery")
    if asked is None:
        return None
    digest = asked.get("sha256Hash") if isinstance(asked, dict) and asked.get("version") == 1 else None
    if not isinstance(digest, str) or not digest.isascii():
        raise BadInput(say("persisted_hash"), _FIELD)
    return digest.lower()


def _require(query: str | None) -> str:
    if query is None:
        raise BadInput(say("query_missing"), ("query",))
    return query
