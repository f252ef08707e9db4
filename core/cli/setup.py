"""`hexiao init` and `hexiao migrate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.running import read_settings, run_async

if TYPE_CHECKING:
    from core.access.merchants import NewMerchant
    from core.settings import Settings


def init(
    merchant: Annotated[str, typer.Option(help="The merchant's name.")],
    store: Annotated[str, typer.Option(help="The name of its first store.")],
    time_zone: Annotated[str, typer.Option(help="The store's IANA time zone.")] = "Asia/Shanghai",
) -> None:
    """Make the first merchant, its store and its owner; prints JSON: merchantId, storeId, token.

    Brings the database up to date first. The token is shown this once.
    """
    from core.ids import encode_global_id

    made = run_async(_init(read_settings(), merchant, store, time_zone))
    answer = {
        "merchantId": encode_global_id("Merchant", made.merchant_id),
        "storeId": encode_global_id("Store", made.store_id),
        "token": made.token,
    }
    typer.echo(json.dumps(answer))


async def _init(settings: Settings, merchant: str, store: str, time_zone: str) -> NewMerchant:
    from core.access.merchants import create_merchant
    from core.db.lifecycle import opened_database
    from core.db.migrate import apply_migrations

    async with opened_database(settings):
        await apply_migrations(settings)
        return await create_merchant(merchant, store, time_zone)


def migrate() -> None:
    """Bring the database up to date: tables, keys and checks. Safe to repeat."""
    from core.db.migrate import migrate as migrate_database

    applied = run_async(migrate_database(read_settings()))
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo("the database is up to date")
