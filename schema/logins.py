"""Logging customers in by a mini-program. The only mutations that need no token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from core.access.logins import LoginResult, log_in, log_out, renew_login
from schema.context import Info
from schema.customers import Customer, show_customer
from schema.fields import mutation
from schema.ids import read_id
from schema.problems import UserError, show_problems


@strawberry.input(description="What a mini-program got from its platform.")
class LoginWithMiniProgramInput:
    account_id: strawberry.ID = strawberry.field(
        description="The channel account whose mini-program it is; it names the merchant too."
    )
    code: str = strawberry.field(description="What wx.login, tt.login or my.getAuthCode gave; good once.")
    phone_code: str | None = strawberry.field(
        default=None,
        description="What the phone button gave: its code, or where there is none the encrypted text. Links the phone.",
    )


@strawberry.input(description="What a login is renewed with.")
class RefreshLoginInput:
    refresh_token: str = strawberry.field(description="The `refreshToken` of the last answer; good once.")


@strawberry.input(description="Which login is to end.")
class LogoutInput:
    refresh_token: str = strawberry.field(description="The `refreshToken` of the last answer.")


@strawberry.type(
    description="The answer to a login and to its renewal. `userErrors` may stand beside a token."
)
class LoginPayload:
    token: str | None = strawberry.field(
        description="The bearer token of a customer, null where nobody is logged in."
    )
    refresh_token: str | None = strawberry.field(description="What the login is renewed with, once.")
    expires_at: datetime | None = strawberry.field(description="When `token` ends.")
    customer: Customer | None = strawberry.field(description="Who is logged in.")
    user_errors: list[UserError] = strawberry.field(
        description="Why nobody is logged in; or, beside a token, why the phone could not be linked."
    )


@strawberry.type(description="The answer to logout.")
class LogoutPayload:
    ended: bool = strawberry.field(description="False where there was no such login, or it had ended before.")
    user_errors: list[UserError] = strawberry.field(description="Always empty so far.")


def _show_login(result: LoginResult) -> LoginPayload:
    tokens = result.tokens
    return LoginPayload(
        token=tokens.token if tokens else None,
        refresh_token=tokens.refresh_token if tokens else None,
        expires_at=tokens.expires_at if tokens else None,
        customer=show_customer(result.customer) if result.customer else None,
        user_errors=show_problems(result.problems),
    )


@strawberry.type
class LoginMutations:
    @mutation(
        description="Logs a customer in by the code of a mini-program, and makes them known if need be. Needs no token."
    )
    async def login_with_mini_program(
        self,
        info: Info,
        given: Annotated[
            LoginWithMiniProgramInput, strawberry.argument(name="input", description="Account and code.")
        ],
    ) -> LoginPayload:
        account_id = read_id(given.account_id, "ChannelAccount", "accountId")
        return _show_login(await log_in(info.context.runtime, account_id, given.code, given.phone_code))

    @mutation(
        description="Renews a login. The same refresh token within 30 s gets the same answer again; later its second use"
        " ends the login everywhere. Needs no token."
    )
    async def refresh_login(
        self,
        info: Info,
        given: Annotated[
            RefreshLoginInput, strawberry.argument(name="input", description="The refresh token.")
        ],
    ) -> LoginPayload:
        return _show_login(await renew_login(info.context.runtime, given.refresh_token))

    @mutation(description="Ends a login with all its tokens. Needs no token.")
    async def logout(
        self,
        info: Info,
        given: Annotated[LogoutInput, strawberry.argument(name="input", description="The refresh token.")],
    ) -> LogoutPayload:
        ended = await log_out(info.context.runtime, given.refresh_token)
        return LogoutPayload(ended=ended, user_errors=[])
