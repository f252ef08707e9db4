"""Texts for people, in zh-CN and en. Codes never change; texts are chosen by the reader's language."""

from core.messages.texts import (
    LANGUAGES,
    Audience,
    Language,
    choose_language,
    current_language,
    refusal_text,
    set_language,
    text,
    use_language,
)

__all__ = [
    "LANGUAGES",
    "Audience",
    "Language",
    "choose_language",
    "current_language",
    "refusal_text",
    "set_language",
    "text",
    "use_language",
]
