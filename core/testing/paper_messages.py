"""The paper platform's messages, in memory. It answers as a ChannelHttp itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    OutgoingMessage,
    ProtocolFailure,
)
from core.ids import new_id
from core.testing.clock import ManualClock
from core.testing.paper import PaperCredentials
from core.testing.paper_notifications import LONGEST_VALUE, REPEAT_WINDOW
from core.testing.paper_platform import OTHER_SECRET, SECRET, answer_json
from core.testing.platforms import MessagePlatform
from core.testing.sessions import MemoryTokens
from core.testing.simulator import SentMessage

TEMPLATE = "paper-template-1"
GONE, BUSY = "paper-person-gone", "paper-person-busy"
GOOD = OutgoingMessage(
    token="paper-message",  # noqa: S106  # a number, not a secret
    recipient="paper-person-0001",
    template=TEMPLATE,
    values={"shop": "West Lake branch", "when": "2026-05-02 10:00"},
    page="pages/visit",
)


class PaperMessages(MessagePlatform):
    messages: Mapping[str, OutgoingMessage] = {
        "good": GOOD,
        "long": replace(GOOD, values={"shop": "a very long name " * 20, "when": "2026-05-02 10:00"}),
        "unreachable": replace(GOOD, recipient=GONE),
        "unknown_template": replace(GOOD, template="paper-template-9"),
        "bad_content": replace(GOOD, values={"shop": "West Lake branch"}),
        "too_many": replace(GOOD, recipient=BUSY),
        "no_consent": replace(GOOD, recipient="paper-person-0002"),
    }

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 5, 1, 4, tzinfo=UTC))
        self.token = "paper-token-0001"  # noqa: S105
        self.sent: list[SentMessage] = []
        self.consents: Counter[tuple[str, str]] = Counter()
        self.busy = False
        self._answers: dict[str, tuple[datetime, dict[str, Any]]] = {}
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

    def list_messages(self) -> Sequence[SentMessage]:
        return tuple(self.sent)

    def give_consent(self, message: OutgoingMessage) -> None:
        self.consents[message.recipient, message.template] += 1

    def limit_rate(self) -> None:
        self.busy = True

    def expire_tokens(self) -> None:
        self.token = f"paper-token-{next(self._numbers) + 1:04d}"

    # -------------------------------------------------------------------------------------- what it answers
    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        body = orjson.loads(request.content)
        if request.operation == "token":
            good = body == {"key": "paper-key", "secret": SECRET}
            return answer_json(request, {"access_token": self.token}, 200 if good else 401)
        if request.headers.get("access-token") != self.token:
            return answer_json(request, {"code": 401}, 401)
        if self.busy:
            self.busy = False
            return answer_json(request, {"code": 429}, 429)
        return answer_json(request, self.answer_message(body))

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        raise ProtocolFailure("paper has no links", operation="follow_link")

    def answer_message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Remembers for a while what it answered to each token, and answers the same again."""
        said_at, answer = self._answers.get(body["token"], (None, {}))
        if said_at is not None and self.clock.now() - said_at <= REPEAT_WINDOW:
            return answer
        if refusal := self.find_obstacle(body):
            return {"code": refusal}
        self.consents[body["to"], body["template"]] -= 1
        self.sent.append(
            SentMessage(body["to"], body["template"], body["values"], body["token"], body["page"])
        )
        answer = {"code": 0, "message": f"message-{next(self._numbers):06d}"}
        self._answers[body["token"]] = self.clock.now(), answer
        return answer

    def find_obstacle(self, body: Mapping[str, Any]) -> int | None:
        values = body["values"]
        if body["to"] == GONE:
            return 32
        if body["template"] != TEMPLATE:
            return 33
        if values.keys() != GOOD.values.keys() or any(
            len(value) > LONGEST_VALUE for value in values.values()
        ):
            return 34
        if body["to"] == BUSY:
            return 35
        return None if self.consents[body["to"], body["template"]] else 31
