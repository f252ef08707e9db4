"""Following short links: to listed hosts only, one hop at a time, and never too far."""

from __future__ import annotations

import pytest

from core.channels.contract import ChannelUnavailable, ProtocolFailure
from core.channels.transport.links import LinkHosts, trace_link
from tests.core.channels.conftest import (
    RawPlatform,
    answer,
    close_silently,
    make_settings,
    never_answer,
    open_client,
    opened_network,
)

HOSTS = LinkHosts(
    channel=("v.acme.com", "*.acme-share.com"), owner=("short.shop.cn", "127.0.0.1:9000", "[::1]:9000")
)
START = "https://v.acme.com/s/1/"
END = "https://www.acme-share.com/coupon/?type=13&object_id=X%2B1"


class Redirects:
    """A web of redirects; keeps which URLs were asked."""

    def __init__(self, **locations: str | None) -> None:
        self.locations: dict[str, str | None] = {}
        self.asked: list[str] = []

    def lead(self, url: str, location: str | None, status: int = 302) -> Redirects:
        self.locations[url] = location
        self.status = status
        return self

    async def __call__(self, url: str) -> tuple[int, str | None]:
        self.asked.append(url)
        return self.status, self.locations[url]


async def follow(url: str, web: Redirects) -> str:
    return await trace_link(url, "object_id", HOSTS, web)


async def test_link_with_parameter_is_not_asked() -> None:
    web = Redirects()
    assert await follow(END, web) == END
    assert web.asked == []


async def test_end_is_not_asked() -> None:
    web = Redirects().lead(START, END)
    assert await follow(START, web) == END
    assert web.asked == [START]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_redirect_is_followed(status: int) -> None:
    assert await follow(START, Redirects().lead(START, END, status)) == END


@pytest.mark.parametrize(
    ("location", "next_url"),
    [
        ("/a?object_id=1", "https://v.acme.com/a?object_id=1"),
        ("a?object_id=1", "https://v.acme.com/s/1/a?object_id=1"),
        ("?object_id=1", "https://v.acme.com/s/1/?object_id=1"),
        ("//x.acme-share.com/?object_id=1", "https://x.acme-share.com/?object_id=1"),
        ("/go?to=https://evil.com/&object_id=1", "https://v.acme.com/go?to=https://evil.com/&object_id=1"),
        ("///evil.com/?object_id=1", "https://v.acme.com/evil.com/?object_id=1"),
        ("http://v.acme.com/?object_id=1", "http://v.acme.com/?object_id=1"),
        ("https://V.ACME.com:443/?object_id=1", "https://v.acme.com/?object_id=1"),
        ("http://127.0.0.1:9000/?object_id=1", "http://127.0.0.1:9000/?object_id=1"),
        ("http://[::1]:9000/?object_id=1", "http://[::1]:9000/?object_id=1"),
        ("https://short.shop.cn/?object_id=1", "https://short.shop.cn/?object_id=1"),
    ],
)
async def test_location_is_resolved(location: str, next_url: str) -> None:
    assert await follow(START, Redirects().lead(START, location)) == next_url


HOSTILE = [
    "https://evil.com/?object_id=1",
    "https://acme.com/?object_id=1",
    "https://acme-share.com/?object_id=1",
    "https://evilacme-share.com/?object_id=1",
    "https://v.acme.com.evil.com/?object_id=1",
    "https://v.acme.com./?object_id=1",
    "https://v.acme.com:8443/?object_id=1",
    "http://v.acme.com:443/?object_id=1",
    "https://short.shop.cn:9000/?object_id=1",
    "http://127.0.0.1/?object_id=1",
    "http://127.0.0.1:9001/?object_id=1",
    "https://v.acme.com@evil.com/?object_id=1",
    "https://user:word@v.acme.com/?object_id=1",
    "https://evil.com\\@v.acme.com/?object_id=1",
    "https://v.acme.com\\.evil.com/?object_id=1",
    "https://v.acme.com%2eevil.com/?object_id=1",
    "https://evil.com#@v.acme.com/?object_id=1",
    "https://evil.com?@v.acme.com/&object_id=1",
    "https://ⓥ.acme.com.evil.com/?object_id=1",
    "https://vacme.com。evil.com/?object_id=1",
    "https://v.acme.com\t.evil.com/?object_id=1",
    "https://v.acme.com/\r\nHost: evil.com",
    "https:// v.acme.com/?object_id=1",
    "http://2130706433:9000/?object_id=1",
    "http://0x7f000001:9000/?object_id=1",
    "http://0177.0.0.1:9000/?object_id=1",
    "http://127.1:9000/?object_id=1",
    "http://127.0.0.1.:9000/?object_id=1",
    "http://[::ffff:127.0.0.1]:9000/?object_id=1",
    "http://[0:0:0:0:0:0:0:1]:80/?object_id=1",
    "http://[::1%25eth0]:9000/?object_id=1",
    "http://169.254.169.254/?object_id=1",
    "http://100.100.100.200/?object_id=1",
    "//evil.com/?object_id=1",
    "/\\evil.com/?object_id=1",
    "ftp://v.acme.com/?object_id=1",
    "file:///etc/passwd?object_id=1",
    "javascript:alert(1)//?object_id=1",
    "weixin://v.acme.com/?object_id=1",
    "https://[v.acme.com/?object_id=1",
    "https://v.acme.com:99999999/?object_id=1",
    "https:///?object_id=1",
    "https://v.acme.com/" + "a" * 5000 + "?object_id=1",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_hostile_location_is_refused(url: str) -> None:
    web = Redirects().lead(START, url)
    with pytest.raises(ProtocolFailure) as refusal:
        await follow(START, web)
    assert refusal.value.operation == "follow_link"
    assert web.asked == [START], "nothing but the start was asked"


@pytest.mark.parametrize("url", [url for url in HOSTILE if not url.startswith("/")])
async def test_hostile_start_is_refused(url: str) -> None:
    web = Redirects()
    with pytest.raises(ProtocolFailure):
        await follow(url.replace("object_id", "id"), web)
    assert web.asked == []


@pytest.mark.parametrize(
    "end",
    [
        "https://v.acme.com/end",
        "https://v.acme.com/end?object_id=",
        "https://v.acme.com/end#?object_id=1",
        "https://v.acme.com/object_id=1",
        "https://v.acme.com/end?my_object_id=1",
    ],
)
async def test_end_without_parameter_is_refused(end: str) -> None:
    web = Redirects().lead(START, end)
    web.locations[end.partition("#")[0]] = web.locations[end] = None
    with pytest.raises(ProtocolFailure, match="without the parameter"):
        await follow(START, web)


async def test_long_way_is_refused() -> None:
    web = Redirects()
    for step in range(20):
        web.lead(f"https://v.acme.com/{step}", f"/{step + 1}")
    with pytest.raises(ProtocolFailure, match="5 redirects"):
        await follow("https://v.acme.com/0", web)
    assert len(web.asked) == 5


async def test_fifth_redirect_may_end() -> None:
    web = Redirects()
    for step in range(4):
        web.lead(f"https://v.acme.com/{step}", f"/{step + 1}")
    web.lead("https://v.acme.com/4", END)
    assert await follow("https://v.acme.com/0", web) == END


def redirect(location: str, body: bytes = b"") -> object:
    head = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: {len(body)}\r\n\r\n"
    return answer(head.encode(), body)


@pytest.mark.parametrize("body", [b"", b"x" * 5_000_000])
async def test_real_link_is_followed(platform: RawPlatform, carrier: str, body: bytes) -> None:
    platform.behaviour = redirect("/share/coupon/?object_id=X", body)  # type: ignore[assignment]
    async with opened_network(carrier=carrier) as network:
        client = open_client(network, owner_link_hosts=[f"127.0.0.1:{platform.port}"])
        found = await client.follow_link(
            f"http://127.0.0.1:{platform.port}/s/1/", until_parameter="object_id"
        )
    assert found == f"http://127.0.0.1:{platform.port}/share/coupon/?object_id=X"
    assert len(platform.requests) == 1
    assert platform.requests[0].startswith(b"GET /s/1/ ")


@pytest.mark.parametrize("behaviour", [close_silently, never_answer])
async def test_silent_host_is_unavailable(platform: RawPlatform, carrier: str, behaviour: object) -> None:
    platform.behaviour = behaviour  # type: ignore[assignment]
    settings = make_settings(channel_timeout_seconds=0.2)
    async with opened_network(settings, carrier=carrier) as network:
        client = open_client(network, owner_link_hosts=[f"127.0.0.1:{platform.port}"])
        with pytest.raises(ChannelUnavailable):
            await client.follow_link(f"http://127.0.0.1:{platform.port}/s/1", until_parameter="object_id")


@pytest.mark.parametrize("location", ["http://[v.acme.com/", "https://a:b:c/", "http://evil.com/"])
async def test_bad_location_is_refused(platform: RawPlatform, carrier: str, location: str) -> None:
    platform.behaviour = redirect(location)  # type: ignore[assignment]
    async with opened_network(carrier=carrier) as network:
        client = open_client(network, owner_link_hosts=[f"127.0.0.1:{platform.port}"])
        with pytest.raises(ProtocolFailure):
            await client.follow_link(f"http://127.0.0.1:{platform.port}/s/1", until_parameter="object_id")
    assert len(platform.requests) == 1


async def test_private_host_is_refused_though_listed(platform: RawPlatform, carrier: str) -> None:
    """A listed name may resolve to an address inside: what it is connected to is judged."""
    async with opened_network(make_settings(allow_private_hosts=False), carrier=carrier) as network:
        client = open_client(network, owner_link_hosts=[f"localhost:{platform.port}"])
        with pytest.raises(ProtocolFailure, match="private"):
            await client.follow_link(f"http://localhost:{platform.port}/s/1", until_parameter="object_id")
    assert platform.connections == 0
