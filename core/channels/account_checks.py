"""What is wrong with the credentials and settings that somebody typed in to connect a channel.

Sentences name keys, never values: a mistyped secret is a secret all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.access.problems import ProblemCode, UserProblem
from core.channels.contract import (
    ChannelFailure,
    ChannelModel,
    CredentialsRefused,
    Misconfigured,
    NothingSent,
)
from core.channels.transport.addresses import is_odd_number, is_public

ModelT = TypeVar("ModelT", bound=ChannelModel)

# pydantic's error type, or its beginning → our sentence.
# https://docs.pydantic.dev/latest/errors/validation_errors/, 2026-11
_SENTENCE_BY_TYPE: Final[Mapping[str, str]] = {
    "string_type": "problem.must_be_text",
    "int": "problem.must_be_number",
    "float": "problem.must_be_number",
    "decimal": "problem.must_be_number",
    "bool": "problem.must_be_boolean",
    "list": "problem.must_be_list",
    "tuple": "problem.must_be_list",
    "set_type": "problem.must_be_list",
    "dict": "problem.must_be_object",
    "model": "problem.must_be_object",
}


def read_model(model: type[ModelT], values: object, part: str) -> ModelT | tuple[UserProblem, ...]:
    """The values as the channel's own model, or all problems with them. `part`: "credentials" or "settings"."""
    if not isinstance(values, Mapping):
        return (UserProblem(ProblemCode.INVALID, (part,), "problem.must_be_object"),)
    blank = tuple(_find_blanks(model, values, part))
    if blank:
        return blank
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        return tuple(_explain(model, values, part, each) for each in details)


def check_addresses(settings: ChannelModel, allow_private: bool) -> tuple[UserProblem, ...]:
    """What is wrong with the base URLs among a channel's settings.

    A name that resolves to a private address is refused later, by the transport, when it is connected to.
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    problems = (
        _check_base_url(name, str(value), allow_private)
        for name, value in given.items()
        if name.lower().endswith("baseurl") and value is not None
    )
    return tuple(problem for problem in problems if problem)


def explain_failure(
    failure: ChannelFailure, credentials: ChannelModel, settings: ChannelModel
) -> UserProblem:
    """Why the platform did not accept a new account, as a problem of the input."""
    if isinstance(failure, CredentialsRefused):
        path = _path_of(failure.setting, credentials, settings, default="credentials")
        key = "problem.credential_refused" if len(path) > 1 else None
        return UserProblem(ProblemCode.CREDENTIALS_REFUSED, path, key)
    if isinstance(failure, Misconfigured):
        path = _path_of(failure.setting, credentials, settings, default="settings")
        return UserProblem(ProblemCode.INVALID, path, "problem.setting_refused")
    key = None if isinstance(failure, NothingSent) else "problem.channel_unreadable"
    return UserProblem(ProblemCode.CHANNEL_UNAVAILABLE, ("channel",), key)


def _find_blanks(model: type[ChannelModel], values: Mapping[str, Any], part: str) -> Iterator[UserProblem]:
    """Required keys that were sent empty: the channel's model would take "" for a text."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = values.get(key, values.get(name))
        if field.is_required() and isinstance(value, str) and not value.strip():
            yield UserProblem(ProblemCode.REQUIRED, (part, key))


def _explain(
    model: type[ChannelModel], values: Mapping[str, Any], part: str, error: ErrorDetails
) -> UserProblem:
    path = (part, *(str(step) for step in error["loc"]))
    kind = error["type"]
    if kind == "missing":
        return UserProblem(ProblemCode.REQUIRED, path)
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in model.model_fields.items()) or "–"
        return UserProblem(ProblemCode.INVALID, path, "problem.unknown_key", {"known": known})
    for beginning, key in _SENTENCE_BY_TYPE.items():
        if kind.startswith(beginning):
            return UserProblem(ProblemCode.INVALID, path, key)
    return _quote(path, error["msg"], values)


def _quote(path: tuple[str, ...], detail: str, values: Mapping[str, Any]) -> UserProblem:
    """The channel's own sentence about a value, unless it repeats one of the values."""
    if any(str(value) in detail for value in values.values() if str(value).strip()):
        return UserProblem(ProblemCode.INVALID, path)
    return UserProblem(ProblemCode.INVALID, path, "problem.wrong_form", {"detail": detail})


def _check_base_url(name: str, value: str, allow_private: bool) -> UserProblem | None:
    path = ("settings", name)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    schemes = {"https", "http"} if allow_private else {"https"}
    if not host or parts.username is not None or parts.query or parts.fragment:
        return UserProblem(ProblemCode.INVALID, path, "problem.base_url")
    if not allow_private and _is_private(host):
        return UserProblem(ProblemCode.INVALID, path, "problem.private_address")
    if parts.scheme not in schemes:
        return UserProblem(ProblemCode.INVALID, path, "problem.base_url")
    return None


def _is_private(host: str) -> bool:
    """Whether a host is private by its very spelling."""
    host = host.rstrip(".")
    try:
        ip_address(host)
    except ValueError:
        local = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
        return local or is_odd_number(host)
    return not is_public(host)


def _path_of(
    setting: str | None, credentials: ChannelModel, settings: ChannelModel, default: str
) -> tuple[str, ...]:
    """Where in the input the setting is that a platform complains of, by either of its spellings."""
    for part, model in (("credentials", credentials), ("settings", settings)):
        for name, field in type(model).model_fields.items():
            if setting in (name, field.alias):
                return part, field.alias or name
    return (default,)
