"""What a person typed or a scanner read."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a person typed or a scanner read, cleaned up by core.

    `text` is the input after Unicode NFKC (full-width digits become ASCII) and trimming; `code` is the text in upper
    case without blanks and dashes; `link` is set where the text is an http(s) URL.
    """

    text: str
    code: str
    link: SplitResult | None = None

    def __repr__(self) -> str:
        return f"Scanned(…{self.code[-4:]})"

    def link_parameter(self, name: str) -> str | None:
        """The value of a query parameter of the link, decoded; None where there is none."""
        values = parse_qs(self.link.query).get(name) if self.link else None
        return values[0] if values else None


def parse_link(text: str) -> SplitResult | None:
    """`text` as an http(s) URL with a host, or None."""
    try:
        parts = urlsplit(text)
        return parts if parts.scheme in {"http", "https"} and parts.hostname else None
    except ValueError:
        return None
