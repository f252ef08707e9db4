"""The kit's hand on the wire: a ChannelHttp that passes on, records, and breaks what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.channels.contract import (
    ChannelAnswer,
    ChannelHttp,
    ChannelRequest,
    ChannelUnavailable,
    Effect,
    OutcomeUnknown,
)

Send = Callable[[ChannelRequest], Awaitable[ChannelAnswer]]
Fault = Callable[[ChannelRequest, Send], Awaitable[ChannelAnswer]]


async def lose_request(request: ChannelRequest, send: Send) -> ChannelAnswer:
    """The request goes out and never arrives; nobody can tell from here."""
    raise _no_answer(request)


async def lose_answer(request: ChannelRequest, send: Send) -> ChannelAnswer:
    """The platform does its work, and its answer is lost."""
    await send(request)
    raise _no_answer(request)


async def refuse_connection(request: ChannelRequest, send: Send) -> ChannelAnswer:
    """Nothing leaves the machine."""
    raise ChannelUnavailable("connection refused", operation=request.operation)


def answer_with(content: bytes, status: int = 200) -> Fault:
    """Another answer than the platform's, which does not see the request."""

    async def replace_answer(request: ChannelRequest, send: Send) -> ChannelAnswer:
        headers = {"content-type": "application/json"}
        return ChannelAnswer(request.operation, status, headers, content)

    return replace_answer


class Hang:
    """A platform that never answers. `reached` is set once the request hangs."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def __call__(self, request: ChannelRequest, send: Send) -> ChannelAnswer:
        self.reached.set()
        await asyncio.Event().wait()
        raise _no_answer(request)


class LateLanding:
    """A request that arrives long after its caller gave up: `land` lets it."""

    def __init__(self) -> None:
        self._apply: Callable[[], Awaitable[ChannelAnswer]] | None = None

    async def __call__(self, request: ChannelRequest, send: Send) -> ChannelAnswer:
        self._apply = lambda: send(request)
        raise _no_answer(request)

    async def land(self) -> None:
        """The platform does its work now, and nobody hears its answer."""
        assert self._apply is not None, "nothing was sent that could land"
        await self._apply()


@dataclass
class Wire:
    """Between the adapter and its ChannelHttp. Faults hit the next request with their effect, once."""

    inner: ChannelHttp
    requests: list[ChannelRequest] = field(default_factory=list)
    answers: list[ChannelAnswer] = field(default_factory=list)
    links: int = 0
    _armed: dict[Effect, Fault] = field(default_factory=dict)

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        self.requests.append(request)
        fault = self._armed.pop(request.effect, None)
        answer = await (fault(request, self.inner.send) if fault else self.inner.send(request))
        self.answers.append(answer)
        return answer

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        self.links += 1
        return await self.inner.follow_link(url, until_parameter=until_parameter)

    def break_next(self, effect: Effect, fault: Fault) -> None:
        self._armed[effect] = fault

    def disarm(self) -> bool:
        """Takes back what was armed and says whether any of it was still waiting."""
        waiting = bool(self._armed)
        self._armed.clear()
        return waiting

    def last_request(self, effect: Effect) -> ChannelRequest:
        """The last request with this effect. An adapter that marks its calls wrongly fails here."""
        found = [request for request in self.requests if request.effect is effect]
        assert found, f"no {effect} request was sent: is the effect of the adapter's requests right?"
        return found[-1]

    def last_answer(self, operation: str) -> ChannelAnswer:
        return [answer for answer in self.answers if answer.operation == operation][-1]


def _no_answer(request: ChannelRequest) -> ChannelUnavailable | OutcomeUnknown:
    failure = OutcomeUnknown if request.effect is Effect.WRITE else ChannelUnavailable
    return failure("no answer in time", operation=request.operation)
