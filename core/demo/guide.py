"""What the demo tells its visitor: where it is, the tokens, and codes to try. The landing page reads it as JSON."""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from core.testing.simulator import LoginSimulator

_LOGIN: Final = (
    "mutation ($input: LoginWithMiniProgramInput!) { loginWithMiniProgram(input: $input)"
    " { token refreshToken expiresAt customer { id phone } userErrors { code field message } } }"
)


@dataclass(frozen=True, slots=True)
class DemoStore:
    """`id` is a global id, as everywhere outside."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class DemoService:
    """Something to book at a store. Ids are global ids."""

    store_id: str
    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class DemoSku:
    """Something to order at a store. Ids are global ids."""

    store_id: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class DemoToken:
    """`store_ids` None: every store of the merchant."""

    role: str
    name: str
    token: str = field(repr=False)
    store_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DemoCode:
    """A code to try. `state` is what will happen with it: usable, used, expired, times_card …"""

    channel: str
    channel_name: str
    state: str
    title: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DemoProgram:
    """A mini-program of the shop, on a simulated platform."""

    channel: str
    channel_name: str
    account_id: str
    simulator: LoginSimulator = field(repr=False)

    def write_login(self) -> dict[str, Any]:
        """A GraphQL request that logs in a person who has just opened the program. Its codes are good once, for minutes."""
        sample = self.simulator.make_login()
        given = {"accountId": self.account_id, "code": sample.code, "phoneCode": sample.phone_code}
        return {"query": _LOGIN, "variables": {"input": given}}


@dataclass(frozen=True, slots=True)
class DemoGuide:
    """Everything a visitor needs. All of it is made up and valid in this demo only."""

    address: str
    merchant_id: str
    merchant: str
    stores: Sequence[DemoStore]
    tokens: Sequence[DemoToken]
    codes: Sequence[DemoCode]
    programs: Sequence[DemoProgram] = ()
    services: Sequence[DemoService] = ()
    skus: Sequence[DemoSku] = ()

    def token(self, role: str) -> str:
        """The first token of a role."""
        return next(each.token for each in self.tokens if each.role == role)

    def code(self, channel: str, state: str) -> str:
        """The first code of a channel in a state; empty where there is none."""
        return next((each.code for each in self.codes if (each.channel, each.state) == (channel, state)), "")

    def program(self, channel: str | None = None) -> DemoProgram | None:
        """The mini-program of this channel, or the first there is."""
        return next((each for each in self.programs if channel in (None, each.channel)), None)

    def to_json(self) -> dict[str, Any]:
        """As the landing page and `--json` have it."""
        return {
            "address": self.address,
            "merchant": {"id": self.merchant_id, "name": self.merchant},
            "stores": [{"id": each.id, "name": each.name} for each in self.stores],
            "tokens": [_token_json(each) for each in self.tokens],
            "codes": [_code_json(each) for each in self.codes],
            "services": [
                {"id": each.id, "storeId": each.store_id, "name": each.name, "kind": each.kind}
                for each in self.services
            ],
            "skus": [{"id": each.id, "storeId": each.store_id, "name": each.name} for each in self.skus],
            "programs": [_program_json(each) for each in self.programs],
        }

    def to_shell(self) -> str:
        """Assignments for a shell: URL, STORE, TOKEN (the manager's), two codes, and the salon with its first service."""
        appointment = next(each for each in self.services if each.kind == "APPOINTMENT")
        values = {
            "URL": f"{self.address}/graphql",
            "STORE": self.stores[0].id,
            "TOKEN": self.token("MANAGER"),
            "DOUYIN_CODE": self.code("douyin", "usable"),
            "OWN_CODE": self.code("house", "usable"),
            "CUSTOMER_TOKEN": self.token("CUSTOMER"),
            "SALON": appointment.store_id,
            "SERVICE": appointment.id,
        }
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


@lru_cache(maxsize=256)
def draw_qr(text: str) -> str:
    """A QR code as an SVG element without a size of its own."""
    import segno

    drawing = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawing, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, dark="#23302b", light="#fff"
    )
    return drawing.getvalue().decode().strip()


def _token_json(token: DemoToken) -> dict[str, Any]:
    stores = None if token.store_ids is None else list(token.store_ids)
    return {"role": token.role, "name": token.name, "token": token.token, "storeIds": stores}


def _program_json(program: DemoProgram) -> dict[str, Any]:
    return {
        "channel": program.channel,
        "channelName": program.channel_name,
        "accountId": program.account_id,
        "login": f"/demo.login?channel={program.channel}",
    }


def _code_json(code: DemoCode) -> dict[str, Any]:
    return {
        "channel": code.channel,
        "channelName": code.channel_name,
        "state": code.state,
        "title": code.title,
        "code": code.code,
        "qr": draw_qr(code.code),
    }
