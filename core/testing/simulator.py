"""What every platform simulator shares. Needs no test tool, so that a demo can run simulators too.

A simulator is an ASGI application with the platform's endpoints and state. It can live in the process of the
test or behind a socket in a process of its own: everything a test wants of it is also under `/_control/`:

    GET  /_control/state    {"now", "consumptions": [...], "calls": {operation: count}, "late": n, "faults"}
    GET  /_control/account  {"credentials", "settings", "externalStoreId"}: what an account is connected with
    POST /_control/seed     {} or {"usable": 20}: makes coupons, answers {state: [sample, ...]}
    POST /_control/faults   see `FaultPlan.load`; {} clears the plan
    POST /_control/clock    {"seconds": 3600}: the platform's clock goes forward
    POST /_control/settle   applies at once what a fault would apply late, answers {"applied": n}
    GET  /_control/messages what was sent to people, oldest first
    POST /_control/login    somebody opens the mini-program, or with {"subject": …} again: answers a login sample
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, runtime_checkable

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.clock import utc_now
from core.testing.faults import Fault, FaultKind, FaultPlan


class SimulatorClock(Protocol):
    """The platform's time: `RunningClock`, or a `ManualClock` where a test must know it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def advance(self, step: timedelta) -> datetime:
        """Moves on, and answers the new instant."""


class RunningClock:
    """The machine's clock, which can be put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return utc_now() + self._ahead

    def advance(self, step: timedelta) -> datetime:
        """Moves on, and answers the new instant."""
        self._ahead += step
        return self.now()


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up coupon in a known state: the code that a person types, and the text of its QR if any."""

    state: str
    code: str
    reference: str
    description: str
    link: str | None = None
    face_value: int | None = None
    times_total: int = 1
    title: str = ""


@dataclass(frozen=True, slots=True)
class LoginSample:
    """What a mini-program hands over when a made-up person opens it and presses its phone button, both fresh.

    subject, union_subject  what the platform will call the person
    phone                   in E.164; None with `phone_code` where the platform gives no phones
    """

    code: str = field(repr=False)
    subject: str
    union_subject: str | None = None
    phone_code: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


@runtime_checkable
class LoginSimulator(Protocol):
    """A simulator whose platform has mini-programs."""

    def make_login(self, subject: str | None = None) -> LoginSample:
        """A person opens the mini-program: a new one with a phone of their own, or the one of an earlier sample."""
        ...


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the platform took, as it went out: `recipient` and `values` in the platform's own spelling."""

    recipient: str = field(repr=False)
    template: str
    values: Mapping[str, str] = field(repr=False)
    token: str | None = None
    page: str | None = None


@runtime_checkable
class MessageSimulator(Protocol):
    """A simulator whose platform sends messages to people."""

    def list_messages(self) -> Sequence[SentMessage]:
        """What was sent, oldest first."""
        ...


@dataclass(slots=True)
class Use:
    """One use of a coupon that the platform applied. `token` is the caller's key of that call."""

    receipt: str
    token: str
    store: str
    used_at: datetime
    reversed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consumption:
    """What happened to one coupon: every use ever applied, and how many of them still stand."""

    reference: str
    code: str
    times_total: int
    living: int
    uses: Sequence[Use]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the platform sees it. `address` is where the simulator was reached, no final slash."""

    operation: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    path: Mapping[str, str]
    body: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the platform: its own name, and what it is to core ("look_up", "redeem", "status" …)."""

    method: str
    path: str
    operation: str
    piece: str
    handle: Callable[[Call], Response]


class Hangup(Response):
    """Closes the connection in the middle of an answer: as near to no answer as ASGI servers let us."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promises more than it sends, and returns."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def write_json(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, media_type="application/json")


@dataclass(slots=True)
class _Late:
    timer: asyncio.TimerHandle
    apply: Callable[[], object] = field(repr=False)


class Simulator(ABC):
    """Base of a platform's simulator: an ASGI application. Handlers are synchronous, so each call is atomic.

    credentials, settings, external_store_id   what to connect an account with, keys as in `connectChannel`
    other_store_id                              a second store of the same account; None where there is none
    states                                      the states that `make` can bring coupons into
    """

    credentials: Mapping[str, str]
    external_store_id: str
    other_store_id: str | None = None
    states: ClassVar[tuple[str, ...]]

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        self.clock = clock or RunningClock()
        self.faults = FaultPlan()
        self.calls: Counter[str] = Counter()
        self.address = "http://simulator.test"
        self._late: list[_Late] = []
        routes = [Route(each.path, self._serve(each), methods=[each.method]) for each in self.endpoints()]
        self._app = Starlette(routes=[*routes, *self._control_routes()])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The platform's calls."""

    @abstractmethod
    def settings(self, address: str) -> Mapping[str, Any]:
        """The account settings that lead a channel to this simulator at `address`."""

    @abstractmethod
    def make(self, state: str) -> Sample:
        """A new coupon in one of `states`; its link leads to `self.address`. Raises KeyError for another."""

    @abstractmethod
    def consumptions(self) -> Sequence[Consumption]:
        """What happened to each coupon, in the order of making."""

    @abstractmethod
    def refuse_rate(self, call: Call) -> Response:
        """The platform's answer to too many calls."""

    @abstractmethod
    def expire_tokens(self) -> None:
        """Voids every access token given out so far."""

    def seed(self) -> dict[str, Sample]:
        """One new coupon in every state."""
        return {state: self.make(state) for state in self.states}

    def settle(self) -> int:
        """Applies at once what was still to be applied late; how many calls that were."""
        late, self._late = self._late, []
        for each in late:
            each.timer.cancel()
            each.apply()
        return len(late)

    def _serve(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            call = await _read_call(endpoint, request)
            self.calls[endpoint.operation] += 1
            fault = self.faults.draw(endpoint.operation, endpoint.piece, "*")
            return await self._answer(endpoint, call, request, fault) if fault else endpoint.handle(call)

        return serve

    async def _answer(self, endpoint: Endpoint, call: Call, request: Request, fault: Fault) -> Response:
        match fault.kind:
            case FaultKind.LOSE:
                return Hangup()
            case FaultKind.ERROR_500:
                return _write_error()
            case FaultKind.RATE_LIMIT:
                return self.refuse_rate(call)
            case FaultKind.APPLY_LATE:
                self._apply_later(lambda: endpoint.handle(call), fault.seconds)
                return Hangup()
            case FaultKind.EXPIRE_TOKEN:
                self.expire_tokens()
                return endpoint.handle(call)
        return await _spoil(endpoint.handle(call), request, fault)

    def _apply_later(self, apply: Callable[[], object], seconds: float) -> None:
        # An empty context: the caller may share this process, and its transaction is none of the platform's.
        timer = asyncio.get_running_loop().call_later(seconds, self._apply_one, apply, context=Context())
        self._late.append(_Late(timer, apply))

    def _apply_one(self, apply: Callable[[], object]) -> None:
        self._late = [late for late in self._late if late.apply is not apply]
        apply()

    # ------------------------------------------------------------------------------------------- control API
    def _control_routes(self) -> list[Route]:
        return [
            Route("/_control/state", self._show_state, methods=["GET"]),
            Route("/_control/account", self._show_account, methods=["GET"]),
            Route("/_control/seed", self._seed, methods=["POST"]),
            Route("/_control/faults", self._plan_faults, methods=["POST"]),
            Route("/_control/clock", self._advance_clock, methods=["POST"]),
            Route("/_control/settle", self._settle, methods=["POST"]),
            Route("/_control/messages", self._list_messages, methods=["GET"]),
            Route("/_control/login", self._make_login, methods=["POST"]),
        ]

    async def _show_state(self, request: Request) -> Response:
        state = {
            "now": self.clock.now(),
            "consumptions": [asdict(consumption) for consumption in self.consumptions()],
            "calls": dict(self.calls),
            "late": len(self._late),
            "faults": self.faults.describe(),
        }
        return write_json(state)

    async def _show_account(self, request: Request) -> Response:
        settings = self.settings(_read_address(request))
        account = {
            "credentials": self.credentials,
            "settings": settings,
            "externalStoreId": self.external_store_id,
        }
        return write_json(account)

    async def _seed(self, request: Request) -> Response:
        wanted = orjson.loads(await request.body() or b"{}") or dict.fromkeys(self.states, 1)
        if unknown := set(wanted) - set(self.states):
            return write_json({"error": f"no such state: {', '.join(sorted(unknown))}"}, 400)
        self.address = _read_address(request)
        return write_json(
            {state: [asdict(self.make(state)) for _ in range(n)] for state, n in wanted.items()}
        )

    async def _plan_faults(self, request: Request) -> Response:
        wire = orjson.loads(await request.body() or b"{}")
        if not wire:
            self.faults.clear()
        self.faults.load(wire)
        return write_json(self.faults.describe())

    async def _advance_clock(self, request: Request) -> Response:
        self.clock.advance(timedelta(seconds=float(orjson.loads(await request.body())["seconds"])))
        return write_json({"now": self.clock.now()})

    async def _settle(self, request: Request) -> Response:
        return write_json({"applied": self.settle()})

    async def _list_messages(self, request: Request) -> Response:
        if not isinstance(self, MessageSimulator):
            return write_json({"error": "this platform sends no messages here"}, 404)
        return write_json([asdict(message) for message in self.list_messages()])

    async def _make_login(self, request: Request) -> Response:
        if not isinstance(self, LoginSimulator):
            return write_json({"error": "this platform has no mini-programs here"}, 404)
        wanted = orjson.loads(await request.body() or b"{}")
        return write_json(asdict(self.make_login(wanted.get("subject"))))


async def _read_call(endpoint: Endpoint, request: Request) -> Call:
    return Call(
        endpoint.operation,
        dict(request.query_params),
        dict(request.headers),
        request.path_params,
        await request.body(),
        _read_address(request),
    )


def _read_address(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _write_error() -> Response:
    return Response("<html><body>500 Internal Server Error</body></html>", 500, media_type="text/html")


async def _spoil(answer: Response, request: Request, fault: Fault) -> Response:
    """The answer to a call that was applied, as `fault` lets it reach the caller."""
    match fault.kind:
        case FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
            return answer
        case FaultKind.ERROR_500_AFTER_APPLY:
            return _write_error()
        case FaultKind.GARBAGE:
            return Response("<html><body>it works</body></html>", media_type="text/html")
        case FaultKind.SILENCE:
            await _wait_for_hangup(request, fault.seconds)
    return Hangup()


async def _wait_for_hangup(request: Request, longest: float) -> None:
    try:
        async with asyncio.timeout(longest):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
