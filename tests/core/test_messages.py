"""Every code has its texts, in both languages, and the reader's language is chosen as they ask."""

from __future__ import annotations

import pytest

from core import errors
from core.access.problems import ProblemCode, UserProblem
from core.channels.contract import Refusal
from core.messages import choose_language, refusal_text, text, use_language
from core.messages.texts import LANGUAGES, TEXTS, placeholders


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", ["customer", "staff"])
@pytest.mark.parametrize("reason", Refusal)
def test_refusals_have_texts(reason, audience, language):
    sentence = refusal_text(reason, audience, language)
    assert sentence
    assert "{" not in sentence
    assert sentence[-1] in "。."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ProblemCode)
def test_problems_have_texts(code, language):
    problem = UserProblem(code, ("name",), values={"limit": 120})
    assert problem.message(language)
    assert "{" not in problem.message(language)


@pytest.mark.parametrize(
    "fault", [each for each in errors.Fault.__subclasses__() if each.__module__ == errors.__name__]
)
def test_faults_have_texts(fault):
    assert f"fault.{fault.code}" in TEXTS


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_placeholders_agree(key):
    chinese, english = TEXTS[key]
    assert placeholders(chinese) == placeholders(english)
    assert chinese != english


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_languages_differ(key):
    chinese, english = TEXTS[key]
    assert any("一" <= letter <= "鿿" for letter in chinese)
    assert not any("一" <= letter <= "鿿" for letter in english)


def test_values_choose_form():
    plain = refusal_text(Refusal.ALREADY_REDEEMED, "staff", "en", store="Bund", when=None)
    brief = refusal_text(Refusal.ALREADY_REDEEMED, "staff", "en", when="2 March 12:00")
    whole = refusal_text(Refusal.ALREADY_REDEEMED, "staff", "en", when="2 March 12:00", store="Bund")
    assert plain == "This coupon has already been redeemed."
    assert brief == "This coupon was redeemed on 2 March 12:00."
    assert whole == "This coupon was redeemed on 2 March 12:00 at Bund."


def test_customers_learn_nothing():
    values = {"when": "2 March 12:00", "store": "Bund", "channels": "Douyin", "channel_message": "code 42"}
    for reason in Refusal:
        assert refusal_text(reason, "customer", "en", **values) == refusal_text(reason, "customer", "en")


def test_values_stay_text():
    assert "{name}" in text("problem.unknown_channel", "en", code="{name}", known="douyin")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-TW,en;q=0.9", "zh-CN"),
        ("en;q=0.3, zh-Hans-CN;q=0.7", "zh-CN"),
        ("fr-FR, en;q=0.5", "en"),
        ("fr", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("*", "zh-CN"),
        ("en;q=high, ;;,", "zh-CN"),
    ],
)
def test_header_chooses_language(header, language):
    assert choose_language(header) == language


def test_block_sets_language():
    with use_language("en"):
        assert text("fault.NOT_FOUND") == "Not found."
    assert text("fault.NOT_FOUND") == "没有找到。"


def test_unknown_keys_raise():
    with pytest.raises(KeyError):
        text("problem.none_such", "en")
    with pytest.raises(KeyError):
        text("problem.REQUIRED", "en")
