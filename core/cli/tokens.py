"""`hexiao token create` and `hexiao token revoke`."""

from __future__ import annotations

import sys
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from core.cli.running import read_id, read_settings, run_async
from core.cli.sentences import WRONG_USE, CommandFailed

if TYPE_CHECKING:
    from core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make and revoke access tokens.")


class RoleName(StrEnum):
    """The roles as they are spelt on the command line."""

    OWNER = "owner"
    MANAGER = "manager"
    STAFF = "staff"
    POS = "pos"
    CUSTOMER = "customer"


@app.command("create")
def create(
    role: Annotated[RoleName, typer.Option(help="What the token may do.")],
    merchant: Annotated[str | None, typer.Option(help="The merchant's id, where there are several.")] = None,
    store: Annotated[list[str] | None, typer.Option(help="A store's id; may be repeated.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="An extra right; may be repeated.")] = None,
    name: Annotated[str, typer.Option(help="Whose it is, for people.")] = "",
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; never unless given.")
    ] = None,
) -> None:
    """Make an access token; prints the token alone. It cannot be shown again.

    staff and pos tokens need at least one --store. Scopes: reverse, reports, phones.
    """
    merchant_id = read_id(merchant, "Merchant", "--merchant") if merchant else None
    stores = [read_id(each, "Store", "--store") for each in store or []]
    lifetime = timedelta(days=days) if days else None
    typer.echo(run_async(_create(read_settings(), role, merchant_id, stores, scope or [], name, lifetime)))


async def _create(
    settings: Settings,
    role: RoleName,
    merchant_id: UUID | None,
    stores: list[UUID],
    scopes: list[str],
    name: str,
    lifetime: timedelta | None,
) -> str:
    from core.access.tokens import create_token
    from core.access.values import Role
    from core.db.lifecycle import opened_database
    from core.db.migrate import check_schema

    async with opened_database(settings):
        await check_schema(settings)
        return await create_token(
            merchant_id or await _only_merchant(),
            Role[role.name],
            name=name,
            store_ids=stores or None,
            scopes=scopes,
            lifetime=lifetime,
        )


async def _only_merchant() -> UUID:
    from core.access.merchants import list_merchants
    from core.ids import encode_global_id

    merchants = await list_merchants()
    if len(merchants) == 1:
        return merchants[0].id
    if not merchants:
        raise CommandFailed("there is no merchant yet; run: hexiao init --merchant NAME --store NAME")
    known = "\n".join(f"  {encode_global_id('Merchant', each.id)}  {each.name}" for each in merchants)
    raise CommandFailed(f"there are several merchants; say which with --merchant:\n{known}", WRONG_USE)


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token itself, or - to read it from standard input.")],
) -> None:
    """End a token. Running servers refuse it within five seconds."""
    given = sys.stdin.readline().strip() if token == "-" else token  # noqa: S105
    run_async(_revoke(read_settings(), given))
    typer.echo("revoked")


async def _revoke(settings: Settings, token: str) -> None:
    from core.access.tokens import authenticate, revoke_token
    from core.db.lifecycle import opened_database
    from core.db.migrate import check_schema

    async with opened_database(settings):
        await check_schema(settings)
        actor = await authenticate(token)
        await revoke_token(actor.tenant_id, actor.token_id)
