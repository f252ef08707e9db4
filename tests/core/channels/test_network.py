"""What a failed call means, over real sockets, on both carriers."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    Effect,
    Misconfigured,
    NothingSent,
    OutcomeUnknown,
)
from core.channels.transport.network import ChannelClient
from tests.core.channels.conftest import (
    OK,
    Behaviour,
    RawPlatform,
    answer,
    close_silently,
    make_request,
    make_settings,
    never_answer,
    open_client,
    opened_network,
    reset_connection,
)

LOST_ANSWERS = [
    pytest.param(close_silently, id="closed after the request"),
    pytest.param(reset_connection, id="reset after the request"),
    pytest.param(answer(b"HTTP/1.1 200 OK\r\ncontent-le", close=True), id="half a head"),
    pytest.param(answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", close=True), id="half a body"),
    pytest.param(
        answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", close=True), id="half a chunk"
    ),
    pytest.param(answer(b"\x15\x03\x01 what?\r\n\r\n", close=True), id="garbage instead of HTTP"),
    pytest.param(never_answer, id="no answer"),
    pytest.param(answer(OK, delay=0.3), id="answer after the time-out"),
    pytest.param(answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), id="body that does not end"),
]


@pytest.mark.parametrize("behaviour", LOST_ANSWERS)
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_lost_write_is_unknown(
    platform: RawPlatform, client: ChannelClient, behaviour: Behaviour, method: str
) -> None:
    platform.behaviour = behaviour
    with pytest.raises(OutcomeUnknown) as failure:
        await client.send(make_request(platform.port, Effect.WRITE, method=method, timeout=0.15))
    assert failure.value.operation == "acme.use"
    assert len(platform.requests) == 1, "a write goes out once"


@pytest.mark.parametrize("behaviour", LOST_ANSWERS)
async def test_lost_read_is_unavailable(
    platform: RawPlatform, client: ChannelClient, behaviour: Behaviour
) -> None:
    platform.behaviour = behaviour
    with pytest.raises(ChannelUnavailable):
        await client.send(make_request(platform.port, Effect.READ, method="GET", timeout=0.15))
    assert len(platform.requests) == 1


async def test_refused_connection_sends_nothing(client: ChannelClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ChannelUnavailable):
            await client.send(make_request(unused.getsockname()[1], Effect.WRITE))


async def test_unknown_host_sends_nothing(client: ChannelClient) -> None:
    request = make_request(1, Effect.WRITE, url="http://nowhere.invalid/use")
    with pytest.raises(ChannelUnavailable):
        await client.send(request)


async def test_accept_then_close_is_unknown(platform: RawPlatform, client: ChannelClient) -> None:
    platform.refuse_requests = True
    with pytest.raises(OutcomeUnknown):
        await client.send(make_request(platform.port, Effect.WRITE))
    assert platform.connections == 1


async def test_hanging_connect_sends_nothing(client: ChannelClient) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with pytest.raises(ChannelUnavailable):
            await client.send(make_request(full.getsockname()[1], Effect.WRITE, timeout=0.3))
        for filler in fillers:
            filler.close()


async def test_failed_handshake_sends_nothing(client: ChannelClient, tmp_path: Path) -> None:
    platform = RawPlatform()
    await platform.start(ssl=make_tls(tmp_path))
    with pytest.raises(ChannelUnavailable):
        await client.send(make_request(1, Effect.WRITE, url=f"https://127.0.0.1:{platform.port}/use"))
    await platform.stop()
    assert platform.requests == []


async def test_plain_text_for_handshake_sends_nothing(platform: RawPlatform, client: ChannelClient) -> None:
    with pytest.raises(ChannelUnavailable):
        await client.send(
            make_request(1, Effect.WRITE, url=f"https://127.0.0.1:{platform.port}/use", timeout=0.3)
        )
    assert platform.requests == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
async def test_stale_connection_sends_once(platform: RawPlatform, client: ChannelClient, method: str) -> None:
    """The peer closes the kept connection just as the second request arrives."""
    await client.send(make_request(platform.port))
    platform.behaviour = close_silently
    with pytest.raises(OutcomeUnknown):
        await client.send(make_request(platform.port, Effect.WRITE, method=method))
    assert platform.connections == 1, "the kept connection was used"
    assert len(platform.requests) == 2


async def test_connection_is_kept(platform: RawPlatform, client: ChannelClient) -> None:
    for _ in range(5):
        assert (await client.send(make_request(platform.port))).status == 200
    assert platform.connections == 1


async def test_closed_kept_connection_is_replaced(platform: RawPlatform, client: ChannelClient) -> None:
    platform.behaviour = answer(OK, close=True)
    await client.send(make_request(platform.port))
    await asyncio.sleep(0.02)
    assert (await client.send(make_request(platform.port))).status == 200
    assert platform.connections == 2


async def test_cancelled_call_frees_the_pool(platform: RawPlatform, client: ChannelClient) -> None:
    platform.behaviour = never_answer
    calls = [asyncio.create_task(client.send(make_request(platform.port))) for _ in range(10)]
    await asyncio.sleep(0.1)
    for call in calls:
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    platform.behaviour = answer(OK)
    assert (await client.send(make_request(platform.port))).json() == {}


async def test_cancelled_answer_is_not_mixed_up(platform: RawPlatform, client: ChannelClient) -> None:
    """What comes late for a given-up call must not answer the next one."""
    platform.behaviour = answer(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate", delay=0.2)
    with pytest.raises(OutcomeUnknown):
        await client.send(make_request(platform.port, timeout=0.1))
    platform.behaviour = answer(OK)
    await asyncio.sleep(0.2)
    assert (await client.send(make_request(platform.port))).content == b"{}"


@pytest.mark.parametrize("status", [302, 400, 401, 429, 500, 503])
async def test_error_status_is_an_answer(platform: RawPlatform, client: ChannelClient, status: int) -> None:
    platform.behaviour = answer(
        b"HTTP/1.1 %d Word\r\nLocation: /elsewhere\r\nX-Log-Id: 7\r\ncontent-length: 2\r\n\r\nno" % status
    )
    got = await client.send(make_request(platform.port))
    assert (got.status, got.content, got.operation) == (status, b"no", "acme.use")
    assert got.headers["x-log-id"] == "7"
    assert len(platform.requests) == 1, "no redirect is followed"


async def test_request_goes_out_unchanged(platform: RawPlatform, client: ChannelClient) -> None:
    request = make_request(
        platform.port, params={"t": "2026-03-02T12:00:00+08:00", "q": "a b/中"}, headers={"X-Sign": "abc=="}
    )
    await client.send(request)
    head, _, body = platform.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    assert line == b"POST /use?t=2026-03-02T12%3A00%3A00%2B08%3A00&q=a+b%2F%E4%B8%AD HTTP/1.1"
    assert body == b'{"id":"1"}'
    names = {header.split(b":")[0].lower() for header in headers}
    assert b"x-sign: abc==" in [header.replace(b"X-Sign", b"x-sign") for header in headers]
    assert b"content-type" not in names, "no carrier adds a type of its own"


async def test_cookies_are_not_kept(platform: RawPlatform, client: ChannelClient) -> None:
    platform.behaviour = answer(b"HTTP/1.1 200 OK\r\nset-cookie: a=b; path=/\r\ncontent-length: 0\r\n\r\n")
    await client.send(make_request(platform.port))
    await client.send(make_request(platform.port))
    assert b"cookie" not in platform.requests[1].lower()


async def test_environment_proxy_is_ignored(
    platform: RawPlatform, client: ChannelClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await client.send(make_request(platform.port))).status == 200


async def test_packed_answer_is_unpacked(platform: RawPlatform, client: ChannelClient) -> None:
    packed = gzip.compress(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    platform.behaviour = answer(head, packed)
    assert (await client.send(make_request(platform.port))).json() == {"a": 1}


@pytest.mark.parametrize(
    ("effect", "failure"), [(Effect.WRITE, OutcomeUnknown), (Effect.READ, ChannelUnavailable)]
)
async def test_endless_answer_is_cut(
    platform: RawPlatform, carrier: str, effect: Effect, failure: type[ChannelFailure]
) -> None:
    packed = gzip.compress(b" " * 3_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    platform.behaviour = answer(head, packed)
    async with opened_network(carrier=carrier, max_answer_bytes=1_000_000) as network:
        with pytest.raises(failure, match="AnswerTooLarge"):
            await open_client(network).send(make_request(platform.port, effect))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_private_address_is_refused(platform: RawPlatform, carrier: str, host: str) -> None:
    async with opened_network(make_settings(allow_private_hosts=False), carrier=carrier) as network:
        with pytest.raises(NothingSent):
            await open_client(network).send(make_request(1, url=f"http://{host}:{platform.port}/use"))
    assert platform.connections == 0


async def test_private_name_is_told(platform: RawPlatform, carrier: str) -> None:
    async with opened_network(make_settings(allow_private_hosts=False), carrier=carrier) as network:
        with pytest.raises(Misconfigured, match="HEXIAO_ALLOW_PRIVATE_HOSTS"):
            await open_client(network).send(make_request(1, url=f"http://localhost:{platform.port}/use"))
    assert platform.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "//h/x",
        "/x",
        "http://",
        "http://u:p@h/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[/",
    ],
)
async def test_impossible_url_is_misconfigured(client: ChannelClient, url: str) -> None:
    with pytest.raises(Misconfigured):
        await client.send(make_request(1, url=url))


async def test_closed_network_sends_nothing(carrier: str, platform: RawPlatform) -> None:
    async with opened_network(carrier=carrier) as network:
        client = open_client(network)
    with pytest.raises(ChannelUnavailable):
        await client.send(make_request(platform.port))
    assert platform.connections == 0


async def test_failure_quotes_no_url(platform: RawPlatform, client: ChannelClient) -> None:
    platform.behaviour = close_silently
    with pytest.raises(OutcomeUnknown) as failure:
        await client.send(make_request(platform.port, params={"access_token": "hush-hush"}))
    assert "hush" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectError("x"), ChannelUnavailable),
        (httpx.PoolTimeout("x"), ChannelUnavailable),
        (httpx.ReadTimeout("x"), OutcomeUnknown),
        (httpx.WriteError("x"), OutcomeUnknown),
        (TimeoutError(), OutcomeUnknown),
        (ValueError("x"), OutcomeUnknown),
    ],
)
async def test_foreign_transport_is_judged_by_error(error: Exception, failure: type[ChannelFailure]) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    async with opened_network(transport=httpx.MockTransport(fail)) as network:
        with pytest.raises(failure):
            await open_client(network).send(make_request(1, Effect.WRITE))


def make_tls(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    certificate = (
        builder.serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, private, serialization.NoEncryption()))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
