from __future__ import annotations

import pytest

from schema.negotiation import GRAPHQL_RESPONSE, HTML, JSON, choose_media_type, is_json


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*;q=0.5", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0.1, application/json;q=0.9", JSON),
        ("application/graphql-response+json; charset=utf-8, */*;q=0.8", GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0, */*", JSON),
        (
            # What urql sends.
            "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
            GRAPHQL_RESPONSE,
        ),
        ("text/html", JSON),
        ("application/json;q=high", JSON),
        ("APPLICATION/GRAPHQL-RESPONSE+JSON", GRAPHQL_RESPONSE),
    ],
)
def test_answer_form(accept: str | None, chosen: str) -> None:
    assert choose_media_type(accept) == chosen


def test_page_only_for_browsers() -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert choose_media_type(browser, html=True) == HTML
    assert choose_media_type(browser) == JSON
    assert choose_media_type("*/*", html=True) == JSON


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        ("application/json", True),
        ("Application/JSON; Charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/json; charset=gbk", False),
        ("application/jsonx", False),
        ("text/plain", False),
        ("", False),
        (None, False),
    ],
)
def test_body_form(content_type: str | None, accepted: bool) -> None:
    assert is_json(content_type) is accepted
