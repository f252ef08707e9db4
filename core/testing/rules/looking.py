"""Looking up: asks, never consumes, and tells the truth about what it found."""

from __future__ import annotations

from core.channels.contract import Found, NotMine, Redeemed, RedeemRefused, Refusal, Refused
from core.testing.bench import Bench, over_the_network
from core.testing.checks import check_near, check_raw
from core.testing.garbage import draw_examples
from core.testing.platforms import STANDARD_STATES, STATE_REFUSALS, USABLE_STATES
from core.testing.rules.recognising import DIGITS
from core.testing.wire import answer_with


class LookingRules:
    """What `Coupons.look_up` promises."""

    async def test_holds_standard_states(self, bench: Bench) -> None:
        for state in STANDARD_STATES:
            reason = bench.platform.cannot_hold.get(state, "")
            assert bench.holds(state) or reason.strip(), (
                f"holds no {state!r} and gives no reason in cannot_hold"
            )
        assert {"usable", "used"} <= set(bench.platform.samples), "every platform has usable and used coupons"
        known = USABLE_STATES | STATE_REFUSALS.keys() | bench.platform.refusals.keys()
        assert set(bench.platform.samples) <= known, (
            "say in refusals what coupons in a state of your own meet"
        )

    async def test_looking_consumes_nothing(self, bench: Bench) -> None:
        before = {state: await bench.uses(state) for state in bench.platform.samples}
        for state in bench.platform.samples:
            await bench.look_up(state)
            await bench.look_up(state)
        assert {state: await bench.uses(state) for state in before} == before

    async def test_looking_again_agrees(self, bench: Bench) -> None:
        first, second = await bench.find(), await bench.find()
        shown = [[(each.reference, each.status) for each in found.coupons] for found in (first, second)]
        assert shown[0] == shown[1]
        await bench.redeem_well(await bench.prepare())

    async def test_unknown_code_is_not_mine(self, bench: Bench) -> None:
        assert isinstance(await bench.look_up_text(bench.platform.unknown_code), NotMine)

    async def test_odd_codes_are_no_crash(self, bench: Bench) -> None:
        for text in ["0", "A", "ÄÖ", "x" * 2000, "%2F..%00", "' OR 1=1 --", *draw_examples(DIGITS, 5)]:
            answer = await bench.look_up_text(text)
            assert not isinstance(answer, Found), f"found coupons for the made-up code {text[:20]!r}"

    async def test_refusals_have_reasons(self, bench: Bench) -> None:
        refusals = {**STATE_REFUSALS, **bench.platform.refusals}
        for state in sorted(bench.platform.samples.keys() & refusals.keys()):
            before = await bench.uses(state)
            refused = await meet_refusal(bench, state)
            assert refused.reason is refusals[state], f"{state}: {refused!r}"
            replaced = refusals[state] is not STATE_REFUSALS.get(state, refusals[state])
            assert refused.vague or not replaced, f"{state}: an answer that covers several states is vague"
            assert await bench.uses(state) == before, f"{state}: a refused coupon was consumed"

    @over_the_network
    async def test_unknown_answer_is_refused(self, bench: Bench) -> None:
        await bench.find()
        last = bench.wire.requests[-1]
        bench.wire.break_next(last.effect, answer_with(bench.platform.strange_answer(last.operation)))
        answer = await bench.look_up()
        assert isinstance(answer, Refused), f"read {answer!r} out of an unlisted platform code"
        assert answer.reason is Refusal.REFUSED_BY_CHANNEL
        assert answer.platform_code, "keep the platform's own code beside ours"
        assert isinstance(await bench.look_up(), Found)

    async def test_money_is_fen(self, bench: Bench) -> None:
        coupon = (await bench.find()).coupons[0]
        facts = bench.platform.facts
        assert (coupon.face_value, coupon.paid_amount) == (facts.face_value, facts.paid_amount)

    async def test_instants_are_utc(self, bench: Bench) -> None:
        coupon = (await bench.find()).coupons[0]
        now = bench.session.clock.now()
        assert coupon.valid_from is None or coupon.valid_from <= now, "a usable coupon is not yet valid"
        assert coupon.valid_until is None or coupon.valid_until > now, "a usable coupon is over"
        if expected := bench.platform.facts.valid_until:
            assert coupon.valid_until is not None, "the platform tells until when, the adapter does not"
            check_near(coupon.valid_until, expected, "valid_until")

    async def test_raw_document_is_kept(self, bench: Bench) -> None:
        for coupon in (await bench.find()).coupons:
            check_raw(coupon.raw, "the coupon")


async def meet_refusal(bench: Bench, state: str) -> Refused:
    """How the sample is refused: when it is looked up, or else when it is redeemed."""
    answer = await bench.look_up(state)
    if isinstance(answer, Refused):
        return answer
    assert isinstance(answer, Found), f"{state}: the platform knows the code, the adapter says {answer!r}"
    outcome: Redeemed | RedeemRefused = (await bench.redeem(await bench.prepare(state)))[0]
    assert isinstance(outcome, RedeemRefused), f"{state}: was redeemed"
    return outcome.refusal
