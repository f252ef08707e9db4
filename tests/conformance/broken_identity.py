"""Adapters that log in wrongly, each in one way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson

from core.channels.contract import (
    Capability,
    ChannelFailure,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Identified,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
    ProtocolFailure,
)
from core.testing.paper import PaperChannel, fetch_token, make_request
from core.testing.paper_identity import PaperIdentity, WirePerson
from core.testing.paper_logins import PaperLogins
from core.testing.simulator import LoginSample
from tests.conformance.mutants import breaks

Person = Identified | LoginRefused
Phone = PhoneFound | LoginRefused
log = logging.getLogger("paper")


def is_unlisted(answer: Person | Phone) -> bool:
    return isinstance(answer, LoginRefused) and answer.reason is LoginRefusal.REFUSED_BY_CHANNEL


# ------------------------------------------------------------------------------------------------------ persons
@breaks("test_identity_is_as_declared", "for channels that declare IDENTITY")
class DeclaresNothing(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities


@breaks("test_code_names_the_person")
class TakesTheUnionForTheSubject(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        return (
            replace(person, subject=person.union_subject or "") if isinstance(person, Identified) else person
        )


@breaks("test_person_keeps_their_id")
class NamesByTheSession(PaperIdentity):
    """Takes the key of the session, which is new with every login, for the person."""

    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        return replace(person, union_subject=person.session_key) if isinstance(person, Identified) else person


@breaks("test_person_keeps_their_id", "two persons have one id")
class EverybodyIsOne(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        return Identified("somebody", "all", None) if isinstance(person, Identified) else person


@breaks("test_unknown_code_is_refused", "gave Identified")
@breaks("test_odd_login_codes_are_no_crash", "gave Identified")
class TrustsTheCode(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        return Identified(code) if isinstance(person, LoginRefused) else person


@breaks("test_odd_login_codes_are_no_crash", "ordinal not in range")
class StumblesOverLetters(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        code.encode("ascii")
        return await super().identify(session, code)


@breaks("test_used_code_is_refused", "used: a code that is no good")
@breaks("test_lost_answer_used_the_code", "the code was used")
class CodesLast(PaperLogins):
    def take(self, tickets: Any, code: str) -> str | int:
        ticket = tickets.get(code)
        if ticket is not None:
            ticket.used = False
        return super().take(tickets, code)


@breaks("test_expired_code_is_refused", "should be CODE_EXPIRED")
@breaks("test_expired_phone_code_is_refused", "should be CODE_EXPIRED")
class CallsExpiredInvalid(PaperIdentity):
    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        answer = await super().call(session, operation, body)
        return answer.model_copy(update={"code": 21}) if answer.code == 22 else answer


@breaks("test_unlisted_answer_is_refused", "read Identified")
@breaks("test_unlisted_phone_answer_is_refused", "read PhoneFound")
class TakesUnlistedForGood(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        answer = await super().identify(session, code)
        return Identified("somebody") if is_unlisted(answer) else answer

    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        answer = await super().find_phone(session, phone_code, person)
        return PhoneFound("+8613800000000") if is_unlisted(answer) else answer


# ------------------------------------------------------------------------------------------------------- phones
@breaks("test_phone_is_found", "not in E.164")
class LeavesTheCountryOut(PaperIdentity):
    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        answer = await super().find_phone(session, phone_code, person)
        return PhoneFound(answer.phone[3:]) if isinstance(answer, PhoneFound) else answer


@breaks("test_phone_is_found", "another number")
class TellsAnotherNumber(PaperLogins):
    def make_login(self, subject: str | None = None) -> LoginSample:
        return replace(super().make_login(subject), phone="+8613999999999")


@breaks("test_phone_is_found", "give a phone code")
class GivesNoPhones(PaperLogins):
    def make_login(self, subject: str | None = None) -> LoginSample:
        return replace(super().make_login(subject), phone=None, phone_code=None)


@breaks("test_unknown_phone_code_is_refused", "should be CODE_INVALID")
class BlamesRiskControl(PaperIdentity):
    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        answer = await super().find_phone(session, phone_code, person)
        return LoginRefused(LoginRefusal.RISK_BLOCKED) if isinstance(answer, LoginRefused) else answer


@breaks("test_used_phone_code_is_refused", "used_phone: a code that is no good")
class RemembersPhones(PaperIdentity):
    def __init__(self) -> None:
        self.known: dict[str, PhoneFound] = {}

    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        answer = await super().find_phone(session, phone_code, person)
        if isinstance(answer, PhoneFound):
            self.known[person.subject] = answer
        return self.known.get(person.subject, answer)


@breaks("test_odd_phone_codes_are_no_crash", "encryptedData")
class ReadsPhoneCodes(PaperIdentity):
    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        if phone_code.startswith("{"):
            orjson.loads(phone_code)["encryptedData"]
        return await super().find_phone(session, phone_code, person)


# ------------------------------------------------------------------------------------------------------- tokens
@breaks("test_token_is_shared", "several tokens fetched")
class DropsGoodTokens(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        await session.tokens.drop("access", await session.tokens.get("access", lambda: fetch_token(session)))
        return person


@breaks("test_token_is_shared", "more than one request a piece")
class FetchesTokensByItself(PaperIdentity):
    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        return await self.send(session, operation, body, (await fetch_token(session)).value)


@breaks("test_void_token_is_renewed", "does not know the token")
class KeepsVoidTokens(PaperIdentity):
    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        token = await session.tokens.get("access", lambda: fetch_token(session))
        return await self.send(session, operation, body, token)


@breaks("test_no_token_no_login", "no token, so nothing was sent")
class CallsAMissingTokenUnreadable(PaperIdentity):
    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        try:
            return await super().call(session, operation, body)
        except ChannelUnavailable:
            raise ProtocolFailure("no token") from None


@breaks("test_wrong_credentials_log_nobody_in", "refused credentials are")
class CallsRefusedKeysDown(PaperIdentity):
    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        try:
            return await super().call(session, operation, body)
        except CredentialsRefused:
            raise ChannelUnavailable("try again") from None


# ----------------------------------------------------------------------------------------------------- failures
@breaks("test_platform_down_is_a_failure", "answered LoginRefused")
@breaks("test_server_error_names_nobody", "answered LoginRefused")
@breaks("test_rubbish_names_nobody", "answered LoginRefused")
@breaks("test_rubbish_is_no_phone", "answered LoginRefused")
class CallsFailuresRefusals(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        try:
            return await super().identify(session, code)
        except ChannelFailure:
            return LoginRefused(LoginRefusal.CODE_INVALID)

    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        try:
            return await super().find_phone(session, phone_code, person)
        except ChannelFailure:
            return LoginRefused(LoginRefusal.CODE_INVALID)


@breaks("test_lost_login_is_sent_once", "sent again")
@breaks("test_lost_phone_is_sent_once", "sent again")
class TriesTwice(PaperIdentity):
    async def send(self, session: Any, operation: str, body: Mapping[str, Any], token: str) -> WirePerson:
        try:
            return await super().send(session, operation, body, token)
        except ChannelUnavailable:
            answer = await super().send(session, operation, body, token)
            raise ChannelUnavailable(f"only the second time: {answer.code}") from None


@breaks("test_spoilt_login_is_no_crash", "which is no ChannelFailure")
@breaks("test_spoilt_phone_is_no_crash", "which is no ChannelFailure")
class ReadsWithoutLooking(PaperIdentity):
    async def send(self, session: Any, operation: str, body: Mapping[str, Any], token: str) -> WirePerson:
        request = make_request(operation, Effect.READ, body, {"access-token": token})
        answer = await session.http.send(request)
        return WirePerson.model_construct(**orjson.loads(answer.content))


# --------------------------------------------------------------------------------------------------- cancelling
@breaks("test_cancelled_login", "busy")
@breaks("test_cancelled_phone", "busy")
class OneAtATime(PaperIdentity):
    """Takes a lock and forgets to let go of it when the call is cancelled."""

    def __init__(self) -> None:
        self.busy = False

    async def call(self, session: Any, operation: str, body: Mapping[str, Any]) -> WirePerson:
        if self.busy:
            raise RuntimeError("busy")
        self.busy = True
        answer = await super().call(session, operation, body)
        self.busy = False
        return answer


@breaks("test_cancelled_login", "swallowed")
class SwallowsCancellation(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        try:
            return await super().identify(session, code)
        except asyncio.CancelledError:
            return LoginRefused(LoginRefusal.CODE_EXPIRED)


# ------------------------------------------------------------------------------------------------------ secrecy
@breaks("test_login_says_nothing", "said aloud")
class LogsThePerson(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        person = await super().identify(session, code)
        if isinstance(person, Identified):
            log.info("logged in with %s", person.session_key)
        return person


@breaks("test_login_says_nothing", "said aloud")
class LogsThePhone(PaperIdentity):
    async def find_phone(self, session: Any, phone_code: str, person: Identified) -> Phone:
        answer = await super().find_phone(session, phone_code, person)
        if isinstance(answer, PhoneFound):
            log.info("the phone ends in %s", answer.phone[3:])
        return answer


@breaks("test_failed_login_says_nothing", "said aloud")
class RaisesTheCode(PaperIdentity):
    async def identify(self, session: Any, code: str) -> Person:
        try:
            return await super().identify(session, code)
        except ChannelFailure:
            raise ChannelUnavailable(f"{code} got no answer") from None
