"""The paper channel with mini-programs: logging in, as small as it can be while it keeps every rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from core.channels.contract import (
    Capability,
    ChannelSession,
    ChannelUnavailable,
    CredentialsRefused,
    Effect,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
)
from core.testing.paper import PaperChannel, WireModel, check_http, fetch_token, make_request, read_answer

LOGIN_REFUSALS: Mapping[int, LoginRefusal] = {
    21: LoginRefusal.CODE_INVALID,
    22: LoginRefusal.CODE_EXPIRED,
    23: LoginRefusal.RISK_BLOCKED,
}


class WirePerson(WireModel):
    """`code` is 0 where all went well."""

    code: int
    person: str | None = Field(None, min_length=1, max_length=64)
    union: str | None = Field(None, min_length=1, max_length=64)
    key: str | None = Field(None, min_length=1)
    phone: str | None = Field(None, pattern=r"^\+861[3-9][0-9]{9}$")


class PaperIdentity(Identity):
    async def identify(self, session: ChannelSession[Any, Any], code: str) -> Identified | LoginRefused:
        answer = await self.call(session, "login", {"code": code})
        if answer.code:
            return refuse_login(answer.code)
        if answer.person is None:
            raise ChannelUnavailable("the answer names nobody", operation="login")
        return Identified(answer.person, answer.union, answer.key)

    async def find_phone(
        self, session: ChannelSession[Any, Any], phone_code: str, person: Identified
    ) -> PhoneFound | LoginRefused:
        answer = await self.call(session, "phone", {"code": phone_code, "person": person.subject})
        if answer.code:
            return refuse_login(answer.code)
        if answer.phone is None:
            raise ChannelUnavailable("the answer has no phone", operation="phone")
        return PhoneFound(answer.phone)

    async def call(
        self, session: ChannelSession[Any, Any], operation: str, body: Mapping[str, Any]
    ) -> WirePerson:
        """One call, and once more where the platform has forgotten the token: then it has not looked at the code."""
        token = await session.tokens.get("access", lambda: fetch_token(session))
        try:
            return await self.send(session, operation, body, token)
        except CredentialsRefused:
            await session.tokens.drop("access", token)
        token = await session.tokens.get("access", lambda: fetch_token(session))
        return await self.send(session, operation, body, token)

    async def send(
        self, session: ChannelSession[Any, Any], operation: str, body: Mapping[str, Any], token: str
    ) -> WirePerson:
        request = make_request(operation, Effect.READ, body, {"access-token": token})
        answer = await session.http.send(request)
        if answer.status == 401:
            raise CredentialsRefused("the platform does not know the token", operation=operation)
        check_http(answer, Effect.READ)
        return read_answer(WirePerson, answer, Effect.READ)


class PaperLoginChannel(PaperChannel):
    capabilities: ClassVar[frozenset[Capability]] = PaperChannel.capabilities | {Capability.IDENTITY}
    identity: Identity | None = PaperIdentity()


def refuse_login(code: int) -> LoginRefused:
    return LoginRefused(LOGIN_REFUSALS.get(code, LoginRefusal.REFUSED_BY_CHANNEL), platform_code=str(code))
