"""The port for logging in by a platform's mini-program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.channels.contract.accounts import ChannelSession


class LoginRefusal(StrEnum):
    """Why a platform gives no identity or no phone number."""

    CODE_INVALID = "CODE_INVALID"
    CODE_EXPIRED = "CODE_EXPIRED"
    RISK_BLOCKED = "RISK_BLOCKED"
    NOT_PERMITTED = "NOT_PERMITTED"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The platform's no. Its own code and words are kept beside ours."""

    reason: LoginRefusal
    platform_code: str | None = None
    platform_message: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who opened the mini-program.

    subject        the platform's id of this person in this mini-program (openid, user id)
    union_subject  the platform's id of this person across the merchant's programs; None where there is none
    session_key    what the platform gives to decrypt what the mini-program hands over later; a secret
    """

    subject: str
    union_subject: str | None = None
    session_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PhoneFound:
    """The person's phone number in E.164 form, as the platform has verified it."""

    phone: str = field(repr=False)


class Identity(ABC):
    """Logging in. Each method is one piece of work at the platform and may raise any ChannelFailure.

    A code works once and for minutes, so that a lost answer costs a new one: neither method is ever repeated.
    """

    @abstractmethod
    async def identify(self, session: ChannelSession[Any, Any], code: str) -> Identified | LoginRefused:
        """Exchanges the login code of a mini-program for the person's id."""

    @abstractmethod
    async def find_phone(
        self, session: ChannelSession[Any, Any], phone_code: str, person: Identified
    ) -> PhoneFound | LoginRefused:
        """The phone number behind what the mini-program's phone button gave: a code, or an encrypted text."""
