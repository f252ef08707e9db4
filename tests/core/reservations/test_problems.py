"""Every refusal has its sentence, in both languages, and a more telling one where it brings more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import core.reservations
from core.messages.texts import LANGUAGES, TEXTS
from core.reservations.problems import describe_problem, refuse_input
from core.reservations.values import ReservationErrorCode, ReservationProblem


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ReservationErrorCode)
def test_codes_have_texts(code, language):
    sentence = describe_problem(ReservationProblem(code, ("name",)), language)
    assert sentence
    assert "{" not in sentence


def test_values_tell_more():
    plain = ReservationProblem(ReservationErrorCode.CUSTOMER_LIMIT_REACHED)
    limited = ReservationProblem(ReservationErrorCode.CUSTOMER_LIMIT_REACHED, values={"limit": 2})
    assert describe_problem(limited, "en") == "You may have 2 open reservations at a time."
    assert describe_problem(plain, "en") != describe_problem(limited, "en")


def test_reasons_tell_more():
    problem = refuse_input("too_long", "note", limit=500)
    assert describe_problem(problem, "en") == "“note” may have 500 characters at most."
    assert describe_problem(refuse_input("nothing such", "note"), "en") == "“note” is not valid."


def test_named_reasons_have_texts():
    folder = Path(core.reservations.__file__).parent
    named = {
        reason
        for path in folder.glob("*.py")
        for reason in re.findall(r'refuse_input\(\s*"(\w+)"', path.read_text("utf-8"))
    }
    assert named
    assert [reason for reason in named if f"reservation.INVALID.{reason}" not in TEXTS] == []
