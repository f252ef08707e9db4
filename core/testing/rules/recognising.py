"""Recognition: a guess by looks alone, offline, and modest."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import strategies as st

from core.channels.contract import Channel, Recognition, Scanned
from core.channels.registry import build_registry
from core.coupons.codes import normalise_code
from core.testing.bench import Bench
from core.testing.garbage import draw_examples
from core.testing.paper import PaperChannel

DIGITS = st.integers(6, 24).flatmap(lambda size: st.text("0123456789", min_size=size, max_size=size))
# Dashes alone are no code: core refuses them before any channel is asked.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co", "Z"]), min_size=1, max_size=40
).filter(lambda text: any(char.isalnum() for char in text))
LINKS = st.builds("https://{}.example/{}?code={}".format, st.sampled_from(["a", "qr", "m"]), DIGITS, DIGITS)


class RecognisingRules:
    """What `Channel.recognise` promises."""

    @pytest.fixture
    def foreign_samples(self, channel: Channel) -> Mapping[str, tuple[str, ...]]:
        """The samples of every other registered channel and of the paper one, by channel code."""
        known = [PaperChannel(), *build_registry().all()]
        others = [other for other in known if other.code != channel.code]
        return {other.code: other.samples for other in others}

    async def test_recognises_own_codes(self, bench: Bench) -> None:
        assert bench.channel.samples, "give `samples`: made-up codes of the channel's own shape"
        for text in (*bench.channel.samples, *bench.platform.samples.values(), bench.platform.unknown_code):
            guess = recognise(bench, normalise_code(text))
            assert guess is not Recognition.NO, f"does not recognise its own …{text[-4:]}"

    async def test_leaves_foreign_codes(
        self, bench: Bench, foreign_samples: Mapping[str, tuple[str, ...]]
    ) -> None:
        for other, samples in foreign_samples.items():
            for text in samples:
                guess = recognise(bench, normalise_code(text))
                assert guess is not Recognition.LIKELY, f"claims {text!r} of {other}"

    async def test_never_claims_garbage(self, bench: Bench) -> None:
        """Codes of digits overlap between platforms, so digits alone are nobody's for sure."""
        for text in draw_examples(TEXTS | DIGITS | LINKS, 200):
            guess = recognise(bench, normalise_code(text))
            assert guess is not Recognition.LIKELY, f"claims {text!r}, which anybody could have made up"

    async def test_recognition_is_steady(self, bench: Bench) -> None:
        texts = [*bench.platform.samples.values(), *draw_examples(TEXTS, 30)]
        first = [recognise(bench, normalise_code(text)) for text in texts]
        assert [recognise(bench, normalise_code(text)) for text in texts] == first
        assert bench.wire.requests == [], "recognition is offline"


def recognise(bench: Bench, scanned: Scanned) -> Recognition:
    guess = bench.channel.recognise(scanned)
    assert isinstance(guess, Recognition), f"recognise answered {guess!r}"
    return guess
