"""What a person is told when a command fails: one sentence that names what to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

FAILED = 1
WRONG_USE = 2
NEEDS_ATTENTION = 3


@dataclass(frozen=True, slots=True)
class Told:
    sentence: str
    exit_code: int


class CommandFailed(Exception):  # reads as what it is
    """A command that cannot go on. The message is the sentence to show."""

    def __init__(self, sentence: str, exit_code: int = FAILED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def explain_error(error: Exception) -> Told | None:
    """The sentence for an expected error; None for a fault of the program itself. Shows no value of a setting."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from core.errors import BadInput, Fault

    if isinstance(error, CommandFailed):
        return Told(str(error), error.exit_code)
    if isinstance(error, BadInput):
        return Told(error.message, WRONG_USE)
    if isinstance(error, Fault):
        return Told(error.message, FAILED)
    if isinstance(error, ValidationError) and error.title == "Settings":
        return Told("\n".join(explain_settings(error)), WRONG_USE)
    if isinstance(error, SettingsError):
        return Told(_explain_unreadable(error), WRONG_USE)
    return _explain_file(error) or _explain_database(error)


def explain_settings(error: ValidationError) -> list[str]:
    """One sentence for each wrong setting, such as "HEXIAO_SECRET_KEY must have 32 characters or more"."""
    return [_explain_setting(detail) for detail in error.errors(include_url=False, include_input=False)]


_RULES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is not set",
    "string_too_short": lambda given: f"must have {given['min_length']} characters or more",
    "too_short": lambda given: f"must have {given['min_length']} characters or more",
    "int_parsing": lambda _: "must be a whole number",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_parsing": lambda _: "must be true or false",
    "bool_type": lambda _: "must be true or false",
    "greater_than": lambda given: f"must be more than {given['gt']:g}",
    "greater_than_equal": lambda given: f"must be {given['ge']:g} or more",
    "less_than_equal": lambda given: f"must be {given['le']:g} or less",
    "literal_error": lambda given: f"must be {given['expected']}",
    "list_type": lambda _: "must be a list",
    "string_type": lambda _: "must be a text",
}


def _explain_setting(detail: ErrorDetails) -> str:
    name = _setting_name(str(detail["loc"][0]) if detail["loc"] else "")
    rule = _RULES.get(detail["type"])
    sentence = f"{name} {rule(detail.get('ctx', {}))}" if rule else f"{name}: {detail['msg']}"
    described = _describe_setting(detail) if detail["type"] == "missing" else ""
    return sentence + described


def _setting_name(field: str) -> str:
    return f"HEXIAO_{field.removeprefix('HEXIAO_').upper()}"


def _describe_setting(detail: ErrorDetails) -> str:
    from core.settings import Settings

    field = Settings.model_fields.get(str(detail["loc"][0]).lower().removeprefix("hexiao_"))
    return f" ({field.description})" if field and field.description else ""


def _explain_unreadable(error: Exception) -> str:
    # pydantic-settings puts the field between quotation marks and says nothing that could be shown beside it.
    quoted = str(error).split('"')
    return f'{_setting_name(quoted[1])} must be JSON, as in ["one", "two"]' if len(quoted) > 1 else str(error)


def _explain_file(error: Exception) -> Told | None:
    from tomllib import TOMLDecodeError

    return (
        Told(f"the file that HEXIAO_CONFIG names is not TOML: {error}", WRONG_USE)
        if isinstance(error, TOMLDecodeError)
        else None
    )


def _explain_database(error: Exception) -> Told | None:
    import asyncpg
    from tortoise.exceptions import DBConnectionError, OperationalError

    from core.db.config import WrongDatabaseUrl
    from core.db.migrate import SchemaOutdated

    if isinstance(error, WrongDatabaseUrl):
        return Told(str(error), WRONG_USE)
    if isinstance(error, SchemaOutdated):
        return Told(str(error), FAILED)
    if isinstance(error, OSError | DBConnectionError | OperationalError | asyncpg.PostgresError):
        return Told(
            f"the database (HEXIAO_DATABASE_URL) cannot be used: {error or type(error).__name__}", FAILED
        )
    return None
