"""Which form of answer a client accepts (GraphQL over HTTP, "Media Types"; RFC 9110 §12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"
HTML: Final = "text/html"


@lru_cache(maxsize=512)
def choose_media_type(accept: str | None, *, html: bool = False) -> str:
    """The best of what we can send. What accepts neither gets JSON all the same, as the specification allows.

    Of equals the newer form wins, but only where it is named: a bare `*/*` means a client from before it.
    """
    ranges = list(_read_ranges(accept or ""))
    offers = [GRAPHQL_RESPONSE, JSON, HTML] if html else [GRAPHQL_RESPONSE, JSON]
    weighed = [(_weigh(offer, ranges), offer) for offer in offers]
    best, chosen = max(weighed, key=lambda pair: pair[0])
    return chosen if best > (0.0, False) else JSON


def _weigh(offer: str, ranges: list[tuple[str, float]]) -> tuple[float, bool]:
    """The quality of an offer, and whether it is the form for those who do not say."""
    exact = [quality for name, quality in ranges if name == offer]
    if exact:
        return exact[0], True
    if offer != JSON:
        return 0.0, False
    wildcards = ("application/*", "*/*")
    loose = [quality for wildcard in wildcards for name, quality in ranges if name == wildcard]
    return (loose[0] if loose else 0.0), False


def _read_ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = [piece.strip() for piece in part.split(";")]
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            yield name, float(quality)
        except ValueError:
            continue


def is_json(content_type: str | None) -> bool:
    """Whether a body is sent as JSON in UTF-8."""
    name, _, parameters = (content_type or "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "') if "charset=" in parameters else "utf-8"
    return name.strip() == JSON and charset in ("utf-8", "utf8")
