"""Calls that gave no usable answer. Two axes: a refusal is data, a failure is one of these exceptions."""

from __future__ import annotations

from typing import Any


class ChannelFailure(Exception):
    """A call that gave no usable answer. Never a statement about the coupon.

        ChannelFailure
        ├── NothingSent            the platform did nothing: safe to send again
        │   ├── Misconfigured      a setting is wrong; a person must mend it
        │   ├── CredentialsRefused the platform does not accept our keys or token
        │   ├── RateLimited        too many calls; `retry_after` seconds
        │   └── ChannelUnavailable not reachable, breaker open, or a read without an answer
        ├── ProtocolFailure        an answer that cannot be read
        └── OutcomeUnknown         sent, and nobody knows what it did: look before sending anything but a repeat

    `platform_message` must be free of secrets and phone numbers.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        platform_code: str | None = None,
        platform_message: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.platform_code = platform_code
        self.platform_message = platform_message
        self.retry_after = retry_after


class NothingSent(ChannelFailure):
    """The platform certainly did nothing."""


class Misconfigured(NothingSent):
    """A setting of the account is wrong. `setting` names it."""

    def __init__(self, message: str, *, setting: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.setting = setting


class CredentialsRefused(NothingSent):
    """The platform refused our keys or token. `setting` names the credential where the platform says which."""

    def __init__(self, message: str, *, setting: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.setting = setting


class RateLimited(NothingSent):
    """The platform, or our own limiter, refused the call for its rate."""


class ChannelUnavailable(NothingSent):
    """The platform cannot be reached, or a call without effect got no answer."""


class ProtocolFailure(ChannelFailure):
    """The answer has not the documented form. `path` names the place, as in "data.certificates[0].amount"."""

    def __init__(self, message: str, *, path: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.path = path


class OutcomeUnknown(ChannelFailure):
    """A call with effect was sent and not answered in a way that tells what happened."""
