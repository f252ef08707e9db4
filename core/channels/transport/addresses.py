"""Which addresses channels may be reached at: public ones, unless private ones are allowed."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# RFC 6052: IPv4 addresses behind a translator; the last four bytes are the address that is reached.
_NAT64 = IPv6Network("64:ff9b::/96")

AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]


class AddressRefused(OSError):
    """A host resolved to a private, loopback or otherwise special address."""


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet; an IPv4 address inside an IPv6 one counts."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _embedded_ipv4(ip)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def open_public_socket(info: AddressInfo) -> socket.socket:
    """A socket for an address about to be connected to. Raises AddressRefused for one that is not public.

    What is judged here is what is connected to: a name that resolves differently a moment later changes
    nothing.
    """
    family, kind, protocol, _, address = info
    require_public(address[0])
    return socket.socket(family, kind, protocol)


def require_public(address: str) -> None:
    """Raises AddressRefused for an address that is not public."""
    if not is_public(address):
        raise AddressRefused("the host has a private or otherwise special address")


def is_odd_number(host: str) -> bool:
    """Whether a host is a numeric address in another spelling than the usual: 2130706433, 0x7f.1, 0177.0.0.1.

    The rule of the WHATWG URL standard: a host whose last label is a number is an IPv4 address.
    """
    last = host.rstrip(".").rpartition(".")[2]
    numeric = last.isdigit() or last.lower().startswith("0x")
    return numeric and not _is_plain_ipv4(host)


def _is_plain_ipv4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _embedded_ipv4(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    # A Teredo address is (server, client): the client's is the one that packets end at.
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
