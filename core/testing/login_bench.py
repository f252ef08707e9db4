"""The bench on which logging in is tried."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from core.access.privacy import normalise_phone
from core.channels.contract import (
    ChannelFailure,
    Effect,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
)
from core.testing.checks import check_text
from core.testing.platform_bench import PlatformBench
from core.testing.platforms import LoginPlatform
from core.testing.simulator import LoginSample
from core.testing.wire import Fault

LONGEST_SUBJECT = 128


class LoginBench(PlatformBench[LoginPlatform]):
    """The steps of whoever logs somebody in."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._heard: set[str] = {self.platform.unknown_code}

    # ------------------------------------------------------------------------------------------------ facts
    @property
    def identity(self) -> Identity:
        assert self.channel.identity is not None, "the channel declares IDENTITY and brings none"
        return self.channel.identity

    @property
    def has_phones(self) -> bool:
        return "phone" not in self.platform.cannot_hold

    def holds(self, state: str) -> bool:
        return state not in self.platform.cannot_hold

    def platform_secrets(self) -> set[str]:
        """Codes, phones in every spelling, session keys."""
        local = {each.removeprefix("+86") for each in self._heard if each.startswith("+86")}
        return self._heard | local

    # ------------------------------------------------------------------------------------------------ steps
    def make_login(self, subject: str | None = None) -> LoginSample:
        """A person with fresh codes, which must not be said from now on."""
        sample = self.platform.make_login(subject)
        self._heard.update(each for each in (sample.code, sample.phone_code, sample.phone) if each)
        return sample

    async def identify(self, code: str) -> Identified | LoginRefused:
        answer = await self.call(self.identity.identify(self.session, code))
        self._check_person(answer)
        return answer

    async def find_phone(self, code: str, person: Identified) -> PhoneFound | LoginRefused:
        answer = await self.call(self.identity.find_phone(self.session, code, person))
        check_phone(answer)
        return answer

    async def log_in(self, sample: LoginSample | None = None) -> Identified:
        """Identifies a person, and expects it to go well."""
        answer = await self.identify((sample or self.make_login()).code)
        assert isinstance(answer, Identified), f"a good code is refused: {answer!r}"
        return answer

    async def log_in_with_phone(self, sample: LoginSample | None = None) -> str:
        """Identifies a person and finds their phone, and expects both to go well."""
        sample = sample or self.make_login()
        answer = await self.find_phone(need_phone_code(sample), await self.log_in(sample))
        assert isinstance(answer, PhoneFound), f"a good phone code is refused: {answer!r}"
        return answer.phone

    def expect_refusal(self, answer: object, state: str, expected: LoginRefusal) -> None:
        """The answer is the refusal that a code in this state meets here."""
        assert isinstance(answer, LoginRefused), f"{state}: a code that is no good gave {answer!r}"
        wanted = self.platform.refusals.get(state, expected)
        assert answer.reason is wanted, f"{state}: {answer!r} should be {wanted}"

    # ----------------------------------------------------------------------------------------------- faults
    async def fail_next(self, work: Awaitable[object], fault: Fault) -> ChannelFailure:
        """Breaks the next request, whatever its effect, and expects `work` to raise a failure of the contract."""
        self.wire.break_next(Effect.READ, fault)
        self.wire.break_next(Effect.WRITE, fault)
        sent, answer, failure = len(self.wire.requests), None, None
        try:
            answer = await self.call(work)
        except ChannelFailure as raised:
            failure = raised
        finally:
            self.wire.disarm()
        assert len(self.wire.requests) > sent, f"sent nothing: {failure or answer!r}"
        assert failure is not None, f"answered {answer!r} although its request failed"
        return failure

    def _check_person(self, answer: Identified | LoginRefused) -> None:
        if isinstance(answer, LoginRefused):
            check_refusal(answer)
            return
        assert isinstance(answer, Identified), f"identify answered {type(answer).__name__}"
        for value, name in ((answer.subject, "subject"), (answer.union_subject, "union_subject")):
            check_text(value, name, optional=name == "union_subject")
            assert value is None or len(value) <= LONGEST_SUBJECT, f"{name} is longer than {LONGEST_SUBJECT}"
        check_text(answer.session_key, "session_key", optional=True)
        if answer.session_key:
            self._heard.add(answer.session_key)


def need_phone_code(sample: LoginSample) -> str:
    assert sample.phone_code, 'give a phone code, or say in `cannot_hold = {"phone": …}` why there is none'
    return sample.phone_code


def check_phone(answer: object) -> None:
    """A phone in E.164, or a refusal."""
    if isinstance(answer, LoginRefused):
        check_refusal(answer)
        return
    assert isinstance(answer, PhoneFound), f"find_phone answered {type(answer).__name__}"
    assert isinstance(answer.phone, str), f"the phone is {type(answer.phone).__name__}"
    try:
        normal = normalise_phone(answer.phone)
    except ValueError:
        raise AssertionError("the phone is no phone number") from None
    assert normal == answer.phone, "the phone is not in E.164"


def check_refusal(refused: LoginRefused) -> None:
    assert isinstance(refused.reason, LoginRefusal), f"reason is {refused.reason!r}"
    check_text(refused.platform_code, "platform_code", optional=True)
    check_text(refused.platform_message, "platform_message", optional=True)
