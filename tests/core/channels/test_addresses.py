"""Which addresses are of the public internet."""

from __future__ import annotations

import pytest

from core.channels.transport.addresses import is_odd_number, is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "101.132.1.1", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_special_address(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "odd"),
    [
        ("2130706433", True),
        ("0x7f000001", True),
        ("0177.0.0.1", True),
        ("127.1", True),
        ("127.0.0.1.", True),
        ("1.2.3.4", False),
        ("v.acme.com", False),
        ("4.acme.com", False),
        ("::1", False),
    ],
)
def test_odd_number(host: str, odd: bool) -> None:
    assert is_odd_number(host) is odd
