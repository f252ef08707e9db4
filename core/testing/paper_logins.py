"""The paper platform's mini-programs, in memory. It answers as a ChannelHttp itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
from pydantic import SecretStr

from core.channels.contract import (
    ChannelAnswer,
    ChannelModel,
    ChannelRequest,
    ChannelSession,
    NoSettings,
    ProtocolFailure,
)
from core.ids import new_id
from core.testing.clock import ManualClock
from core.testing.paper import PaperCredentials
from core.testing.paper_platform import OTHER_SECRET, SECRET, answer_json
from core.testing.platforms import LoginPlatform
from core.testing.sessions import MemoryTokens
from core.testing.simulator import LoginSample


@dataclass
class PaperTicket:
    """A login code or a phone code: whose it is, until when it is good, and whether it was used."""

    subject: str
    until: datetime
    used: bool = False


class PaperLogins(LoginPlatform):
    """`program` sets the ids of one mini-program apart from those of another; `union` of a person is in all of them."""

    unknown_code = "paper-code-of-nobody"
    unknown_phone_code = "paper-phone-of-nobody"

    def __init__(self, program: str = "program", clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock(datetime(2026, 5, 1, 4, tzinfo=UTC))
        self.program = program
        self.logins: dict[str, PaperTicket] = {}
        self.phone_codes: dict[str, PaperTicket] = {}
        self.phones: dict[str, str] = {}
        self.token = "paper-token-0001"  # noqa: S105
        self._numbers = count(1)

    # -------------------------------------------------------------------------------- what the kit asks for
    def open_session(self) -> ChannelSession[Any, Any]:
        return ChannelSession(
            tenant_id=new_id(),
            account_id=new_id(),
            credentials=PaperCredentials(app_key="paper-key", app_secret=SecretStr(SECRET)),
            settings=NoSettings(),
            http=self,
            tokens=MemoryTokens(),
            clock=self.clock,
        )

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def strange_answer(self, operation: str) -> bytes:
        return b'{"code":98765}'

    def other_credentials(self) -> ChannelModel:
        return PaperCredentials(app_key="paper-key", app_secret=SecretStr(OTHER_SECRET))

    def make_login(self, subject: str | None = None) -> LoginSample:
        number = next(self._numbers)
        subject = subject or f"{self.program}-person-{number}"
        phone = self.phones.setdefault(subject, f"+86138{number:08d}")
        code, phone_code = f"paper-login-{self.program}-{number}", f"paper-phone-{self.program}-{number}"
        until = self.clock.now() + self.code_lifetime
        self.logins[code], self.phone_codes[phone_code] = (
            PaperTicket(subject, until),
            PaperTicket(subject, until),
        )
        return LoginSample(code, subject, self.union_of(subject), phone_code, phone)

    def expire_tokens(self) -> None:
        self.token = f"paper-token-{next(self._numbers):04d}"

    def union_of(self, subject: str) -> str:
        return f"union-{subject.rpartition('-')[2]}"

    # -------------------------------------------------------------------------------------- what it answers
    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        body = orjson.loads(request.content)
        if request.operation == "token":
            good = body == {"key": "paper-key", "secret": SECRET}
            return answer_json(request, {"access_token": self.token}, 200 if good else 401)
        if request.headers.get("access-token") != self.token:
            return answer_json(request, {"code": 401}, 401)
        answer = self.answer_login(body) if request.operation == "login" else self.answer_phone(body)
        return answer_json(request, answer)

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise ProtocolFailure("paper has no links", operation="follow_link")

    def answer_login(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self.take(self.logins, body["code"])
        if isinstance(found, int):
            return {"code": found}
        key = f"session-key-{next(self._numbers):08d}"
        return {"code": 0, "person": found, "union": self.union_of(found), "key": key}

    def answer_phone(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self.take(self.phone_codes, body["code"])
        return {"code": found} if isinstance(found, int) else {"code": 0, "phone": self.phones[found]}

    def take(self, tickets: Mapping[str, PaperTicket], code: str) -> str | int:
        """Whom a code stands for, which is used up by it; or the platform's number for why it is no good."""
        ticket = tickets.get(code)
        if ticket is None or ticket.used:
            return 21
        if ticket.until <= self.clock.now():
            return 22
        ticket.used = True
        return ticket.subject
