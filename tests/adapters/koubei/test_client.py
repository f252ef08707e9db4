"""What becomes of answers that are about the call and not about the coupon, and of those that are none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.koubei.client import NotPermitted
from adapters.koubei.parse_certificates import CertificateHandle
from adapters.koubei.parse_tickets import TicketHandle
from core.channels.contract import (
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Misconfigured,
    OutcomeUnknown,
    ProtocolFailure,
    RateLimited,
    RedeemItem,
    RedeemOrder,
    ReversalOrder,
    StatusQuery,
)
from core.testing.clock import START
from core.testing.faults import FaultKind
from core.testing.garbage import HOPELESS

CODE = "016569843362"
TICKET = TicketHandle(CODE, "req0001", is_card=False).write()
CERTIFICATE = CertificateHandle("LLyABKAESLgosRSH/OAfU5", "074a1test", None, False).write()
HANDLES = pytest.mark.parametrize("handle", [TICKET, CERTIFICATE], ids=["ticket", "certificate"])


async def catch(work: Any) -> ChannelFailure:
    with pytest.raises(ChannelFailure) as caught:
        await work
    return caught.value


def redeem(channel: Any, session: Any, handle: str) -> Any:
    return channel.coupons.redeem(
        session, RedeemOrder("req0001", (RedeemItem("r", handle),), "", "2023", at=START)
    )


def reverse(channel: Any, session: Any, handle: str) -> Any:
    return channel.coupons.reverse(session, ReversalOrder("t", "r", handle, ("u",), "2023"))


def ask(channel: Any, session: Any, handle: str) -> Any:
    return channel.coupons.status(session, StatusQuery("r", handle, "", "2023"))


TROUBLES = pytest.mark.parametrize(
    ("code", "sub_code", "failure", "setting"),
    [
        ("20001", "aop.invalid-app-auth-token", CredentialsRefused, "appAuthToken"),
        ("20001", "aop.app-auth-token-time-out", CredentialsRefused, "appAuthToken"),
        ("20001", "aop.invalid-app-auth-token-no-api", NotPermitted, "appAuthToken"),
        ("40001", "isv.missing-signature-key", Misconfigured, "privateKey"),
        ("40002", "isv.invalid-signature", CredentialsRefused, "privateKey"),
        ("40002", "isv.invalid-app-id", CredentialsRefused, "appId"),
        ("40003", "isv.invalid-app-state", Misconfigured, "appId"),
        ("40003", "isv.missing-signature-config", Misconfigured, "privateKey"),
        ("40006", "isv.insufficient-isv-permissions", NotPermitted, "appId"),
    ],
)


@TROUBLES
@HANDLES
async def test_trouble_names_its_setting(
    canned: Any, channel: Any, handle: str, code: str, sub_code: str, failure: type, setting: str
) -> None:
    for work in (redeem, reverse, ask):
        caught = await catch(work(channel, canned({"code": code, "sub_code": sub_code}), handle))
        assert type(caught) is failure
        assert caught.platform_code == f"{code}/{sub_code}"
        assert caught.setting == setting  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "sub_code", ["isv.app-call-limited", "isv.method-call-limited", "app-call-limit", None]
)
@HANDLES
async def test_too_many_calls(canned: Any, channel: Any, handle: str, sub_code: str | None) -> None:
    for work in (redeem, reverse, ask):
        answer = {"code": "40005", "msg": "Call Limited", "sub_code": sub_code}
        assert isinstance(await catch(work(channel, canned(answer), handle)), RateLimited)


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [("20000", "isp.unknow-error"), ("40004", "SYSTEM_ERROR"), ("20002", None), ("50000", "x"), ("", None)],
)
@HANDLES
async def test_trouble_of_the_platform(
    canned: Any, channel: Any, handle: str, code: str, sub_code: str | None
) -> None:
    answer = {"code": code, "sub_code": sub_code}
    assert isinstance(await catch(ask(channel, canned(answer), handle)), ChannelUnavailable)
    for work in (redeem, reverse):
        assert isinstance(await catch(work(channel, canned(answer), handle)), OutcomeUnknown)


@pytest.mark.parametrize(
    "payload", ["16_sign_error", "17_app_auth_token_invalid", "18_service_unavailable", "19_rate_limited"]
)
async def test_gateway_may_not_sign_its_errors(
    canned: Any, channel: Any, read_payload: Any, payload: str
) -> None:
    content = orjson.dumps({"error_response": read_payload(payload)})
    signed = await catch(ask(channel, canned(read_payload(payload)), TICKET))
    assert type(await catch(ask(channel, canned((200, content)), TICKET))) is type(signed)


@pytest.mark.parametrize("status", [302, 404, 500, 502])
@HANDLES
async def test_other_http_status(canned: Any, channel: Any, handle: str, status: int) -> None:
    assert isinstance(await catch(ask(channel, canned((status, b"{}")), handle)), ChannelUnavailable)
    for work in (redeem, reverse):
        assert isinstance(await catch(work(channel, canned((status, b"{}")), handle)), OutcomeUnknown)


async def test_http_429_is_a_rate(canned: Any, channel: Any) -> None:
    assert isinstance(await catch(redeem(channel, canned((429, b"")), TICKET)), RateLimited)


@pytest.mark.parametrize("name", HOPELESS)
@HANDLES
async def test_rubbish_is_no_answer(canned: Any, channel: Any, handle: str, name: str) -> None:
    content = HOPELESS[name]
    assert isinstance(await catch(ask(channel, canned((200, content)), handle)), ProtocolFailure)
    for work in (redeem, reverse):
        assert isinstance(await catch(work(channel, canned((200, content)), handle)), OutcomeUnknown)


@HANDLES
async def test_refused_state_is_untold(canned: Any, channel: Any, handle: str) -> None:
    caught = await catch(ask(channel, canned({"code": "40004", "sub_code": "NOBODY_KNOWS"}), handle))
    assert isinstance(caught, ProtocolFailure)
    assert caught.platform_code == "NOBODY_KNOWS"


async def test_failures_quote_no_codes(canned: Any, channel: Any) -> None:
    answer = {"code": "20000", "sub_code": "isp.unknow-error", "sub_msg": f"{CODE} 13800000000 忙"}
    caught = await catch(redeem(channel, canned(answer), TICKET))
    assert caught.platform_message == "… … 忙"
    assert CODE not in f"{caught!r} {vars(caught)}"


@pytest.mark.parametrize(
    ("fault", "failure"), [(FaultKind.RATE_LIMIT, RateLimited), (FaultKind.ERROR_500, ChannelUnavailable)]
)
async def test_faulty_look_up(
    channel: Any, session: Any, simulator: Any, scan: Any, fault: FaultKind, failure: type
) -> None:
    simulator.faults.script("look_up", fault)
    caught = await catch(channel.coupons.look_up(session, scan(simulator.make("usable").code)))
    assert isinstance(caught, failure)
