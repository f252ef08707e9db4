"""Channels that recognise, look up or speak wrongly."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

from core.channels.contract import (
    ChannelFailure,
    ChannelModel,
    ChannelUnavailable,
    Effect,
    Found,
    LookUp,
    NotMine,
    Recognition,
    Refusal,
    Refused,
    Scanned,
)
from core.testing.paper import PaperChannel, PaperCoupons, PaperCredentials, fetch_token
from core.testing.paper_platform import PaperPlatform
from tests.conformance.mutants import breaks

CHINA = timezone(timedelta(hours=8))


# --------------------------------------------------------------------------------------------------- recognition
@breaks("test_recognises_own_codes", "does not recognise its own")
class KnowsNothing(PaperChannel):
    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


@breaks("test_recognises_own_codes", "give `samples`")
class ShowsNoSamples(PaperChannel):
    samples = ()


@breaks("test_leaves_foreign_codes", "claims 'FOREIGN123'")
class ClaimsEveryWord(PaperChannel):
    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.LIKELY if scanned.code[:1].isalpha() else Recognition.NO


@breaks("test_never_claims_garbage", "anybody could have made up")
class ClaimsTwelveDigits(PaperChannel):
    def recognise(self, scanned: Scanned) -> Recognition:
        digits = scanned.code.isdecimal() and len(scanned.code) == 12
        return Recognition.LIKELY if digits else Recognition.POSSIBLE


@breaks("test_recognition_is_steady")
class ChangesItsMind(PaperChannel):
    def __init__(self) -> None:
        self.asked = itertools.count()

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.POSSIBLE if next(self.asked) % 7 else Recognition.LIKELY


# ------------------------------------------------------------------------------------------------------- look-up
@breaks("test_holds_standard_states", "holds no 'expired'")
class ForgetsAState(PaperPlatform):
    samples: Mapping[str, str] = {
        state: code for state, code in PaperPlatform.samples.items() if state != "expired"
    }


@breaks("test_holds_standard_states", "in a state of your own")
class HoldsAnUnknownState(PaperPlatform):
    samples: Mapping[str, str] = {**PaperPlatform.samples, "burnt": "PAPER0000099"}


@breaks("test_looking_consumes_nothing")
class ConsumesWhileLooking(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        found = await super().look_up(session, scanned)
        if isinstance(found, Found):
            ids = [coupon.reference for coupon in found.coupons]
            await self.call(session, "use", Effect.WRITE, {"token": "looking", "ids": ids})
        return found


@breaks("test_looking_again_agrees", "should be found")
class AnswersOnce(PaperCoupons):
    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        if scanned.code in self.seen:
            return NotMine()
        self.seen.add(scanned.code)
        return await super().look_up(session, scanned)


@breaks("test_unknown_code_is_not_mine")
class RefusesUnknownCodes(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        return Refused(Refusal.UNKNOWN_CODE) if isinstance(answer, NotMine) else answer


@breaks("test_odd_codes_are_no_crash", "invalid literal")
class WantsDigits(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        int(scanned.code.removeprefix("PAPER"))
        return await super().look_up(session, scanned)


@breaks("test_refusals_have_reasons", "expired")
class CallsExpiredUsed(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        return Refused(Refusal.ALREADY_REDEEMED) if isinstance(answer, Refused) else answer


@breaks("test_refusals_have_reasons", "several states is vague")
class HidesThatItIsVague(PaperPlatform):
    refusals: Mapping[str, Refusal] = {"expired": Refusal.ALREADY_REDEEMED}

    def answer_find(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().answer_find(body)
        return {"code": 1} if answer["code"] == 2 else answer


@breaks("test_refusals_have_reasons", "refunded: the platform knows the code")
class DisownsRefusedCoupons(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        refunded = isinstance(answer, Refused) and answer.reason is Refusal.REFUNDED
        return NotMine() if refunded else answer


@breaks("test_used_coupon_is_refused", "a used coupon is answered with")
class DisownsUsedCoupons(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        return NotMine() if isinstance(answer, Refused) else answer


@breaks("test_unknown_answer_is_refused", "unlisted platform code")
class DisownsUnknownAnswers(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        unknown = isinstance(answer, Refused) and answer.reason is Refusal.REFUSED_BY_CHANNEL
        return NotMine() if unknown else answer


@breaks("test_money_is_fen")
class CountsInYuan(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        return change_coupons(await super().look_up(session, scanned), face_value=100, paid_amount=88)


@breaks("test_money_is_fen", "money is integer fen")
class CountsInFloats(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        return change_coupons(await super().look_up(session, scanned), face_value=10000.0)


@breaks("test_instants_are_utc", "not in UTC")
class LivesInChina(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        until = session.clock.now().astimezone(CHINA) + timedelta(days=30)
        return change_coupons(await super().look_up(session, scanned), valid_until=until)


@breaks("test_instants_are_utc", "is naive")
class ForgetsTheZone(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        until = session.clock.now().replace(tzinfo=None)
        return change_coupons(await super().look_up(session, scanned), valid_until=until)


@breaks("test_instants_are_utc", "valid_until is")
class TakesLocalTimeForUtc(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        until = (session.clock.now() + timedelta(days=30)).astimezone(CHINA).replace(tzinfo=UTC)
        return change_coupons(await super().look_up(session, scanned), valid_until=until)


@breaks("test_raw_document_is_kept", "keeps no raw document")
class DropsTheDocument(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        return change_coupons(await super().look_up(session, scanned), raw={})


@breaks("test_code_of_several_coupons", "list all that can be used")
class ShowsOnlyTheFirst(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        return replace(answer, coupons=answer.coupons[:1]) if isinstance(answer, Found) else answer


@breaks("test_times_card_counts_down", "times are")
class CountsTimesUp(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        return change_coupons(await super().look_up(session, scanned), times_remaining=9)


@breaks("test_times_card_counts_down")
class ForgetsToCountDown(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        full = [replace(each, times_remaining=each.times_total) for each in found_coupons(answer)]
        return replace(answer, coupons=tuple(full)) if isinstance(answer, Found) else answer


# ------------------------------------------------------------------------------------------------------- secrecy
class OpenCredentials(ChannelModel):
    app_key: str
    app_secret: str


class OpenPaper(PaperChannel):
    credentials_model = OpenCredentials


@breaks("test_credentials_are_hidden", "which of them is the secret")
class HasOpenCredentials(PaperPlatform):
    channel = OpenPaper

    def open_session(self) -> Any:
        open_ones = OpenCredentials(app_key="paper-key", app_secret="for all to see")
        return replace(super().open_session(), credentials=open_ones)


@breaks("test_answers_hide_codes", "show a code in their repr")
class NamesCouponsByTheirCode(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        answer = await super().look_up(session, scanned)
        named = [replace(each, title=f"coupon {scanned.code}") for each in found_coupons(answer)]
        return replace(answer, coupons=tuple(named)) if isinstance(answer, Found) else answer


@breaks("test_good_run_says_nothing", "said aloud")
class LogsTheCode(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        logging.getLogger("adapter").info("looking up %s", scanned.code)
        return await super().look_up(session, scanned)


@breaks("test_good_run_says_nothing", "said aloud")
class PrintsTheToken(PaperCoupons):
    async def call(self, session: Any, operation: str, effect: Effect, body: Mapping[str, Any]) -> Any:
        print(await session.tokens.get("access", lambda: fetch_token(session)))
        return await super().call(session, operation, effect, body)


@breaks("test_bad_run_says_nothing", "said aloud")
class NamesTheSecretInErrors(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        try:
            return await super().look_up(session, scanned)
        except ChannelFailure as failure:
            assert isinstance(session.credentials, PaperCredentials)
            failure.platform_message = session.credentials.app_secret.get_secret_value()
            raise


@breaks("test_lost_look_up_is_unavailable", "said aloud")
class NamesTheCodeInErrors(PaperCoupons):
    async def look_up(self, session: Any, scanned: Scanned) -> LookUp:
        try:
            return await super().look_up(session, scanned)
        except ChannelUnavailable:
            raise ChannelUnavailable(f"no answer about {scanned.code}") from None


def change_coupons(answer: LookUp, **changes: Any) -> LookUp:
    """The same answer with other coupons."""
    if not isinstance(answer, Found):
        return answer
    return replace(answer, coupons=tuple(replace(coupon, **changes) for coupon in answer.coupons))


def found_coupons(answer: LookUp) -> Any:
    return answer.coupons if isinstance(answer, Found) else ()
