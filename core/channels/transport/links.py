"""Following the short links in QR codes, to listed hosts only.

Whoever prints a QR code decides where it leads, so every hop is judged before it is asked: scheme, host,
port, spelling. The carrier judges the address that the host resolves to. The URL that carries the sought
parameter is never fetched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

import httpx

from core.channels.contract import ChannelFailure, ChannelUnavailable, ProtocolFailure
from core.channels.transport.addresses import DEFAULT_PORTS, AddressRefused, is_odd_number

MAX_HOPS = 5
MAX_URL_LENGTH = 4096
_OPERATION = "follow_link"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Peek = Callable[[str], Awaitable[tuple[int, str | None]]]


@dataclass(frozen=True, slots=True)
class LinkHosts:
    """Which hosts links may lead to.

    channel  the adapter's: "v.example.com", or "*.example.com" for all its subdomains (not example.com
    itself) owner    the account's: "host", or "host:port" for that port alone
    """

    channel: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()

    def allow(self, host: str, port: int, default_port: bool) -> bool:
        """Whether a URL with this host and port may be asked."""
        if f"{_bracket(host)}:{port}" in self.owner:
            return True
        return default_port and (
            host in self.owner or any(_matches(host, pattern) for pattern in self.channel)
        )


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def trace_link(url: str, until_parameter: str, hosts: LinkHosts, peek: Peek) -> str:
    """The first URL on the way that carries the parameter. Raises as ChannelHttp.follow_link does."""
    current = parse_hop(url, hosts)
    for _ in range(MAX_HOPS):
        if _carries(current, until_parameter):
            return str(current)
        current = await _follow_hop(current, hosts, peek)
    if _carries(current, until_parameter):
        return str(current)
    raise _refuse(f"the link leads on after {MAX_HOPS} redirects")


def parse_hop(url: str, hosts: LinkHosts) -> httpx.URL:
    """A URL that may be asked. Raises ProtocolFailure with the reason for any other."""
    # Backslashes and blanks are where URL parsers disagree about which part is the host.
    if len(url) > MAX_URL_LENGTH or not url.isprintable() or set(url) & set(" \\"):
        raise _refuse("the link is not a plain URL")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise _refuse("the link is not a URL") from None
    default_port = DEFAULT_PORTS.get(parsed.scheme)
    if default_port is None or not parsed.host.isascii() or not parsed.host:
        raise _refuse("the link is neither http nor https")
    if parsed.userinfo:
        raise _refuse("the link contains a user name")
    port = parsed.port or default_port
    if is_odd_number(parsed.host) or not hosts.allow(parsed.host, port, port == default_port):
        raise _refuse("the link leads to a host that is not listed")
    return parsed


async def _follow_hop(url: httpx.URL, hosts: LinkHosts, peek: Peek) -> httpx.URL:
    status, location = await _ask(url, peek)
    if status not in _REDIRECTS or not location:
        raise _refuse(f"the link ends with HTTP {status} and without the parameter")
    return parse_hop(_join(url, location), hosts)


async def _ask(url: httpx.URL, peek: Peek) -> tuple[int, str | None]:
    """Errors of the carrier are left behind, for they may quote the link."""
    failure: Exception
    try:
        return await peek(str(url))
    except (ChannelFailure, TimeoutError):
        raise
    except AddressRefused:
        failure = _refuse("the link leads to a private address")
    except Exception as error:
        failure = _judge_failure(error)
    raise failure


def _judge_failure(error: Exception) -> ChannelFailure:
    # httpx itself raises this for a Location that is no URL; the carrier's errors have a cause.
    if isinstance(error, httpx.RemoteProtocolError) and error.__cause__ is None:
        return _refuse("the link leads to something that is not a URL")
    sentence = f"the link's host gives no answer ({type(error).__name__})"
    return ChannelUnavailable(sentence, operation=_OPERATION)


def _join(base: httpx.URL, location: str) -> str:
    """The next URL, not judged yet. Joining drops what `parse_hop` must see: only the relative is joined."""
    if "://" in location.partition("?")[0] or not location.isprintable() or "\\" in location:
        return location
    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError):
        raise _refuse("the link leads to something that is not a URL") from None


def _carries(url: httpx.URL, parameter: str) -> bool:
    return bool(parse_qs(url.query.decode("ascii")).get(parameter))


def _refuse(sentence: str) -> ProtocolFailure:
    return ProtocolFailure(sentence, operation=_OPERATION)
