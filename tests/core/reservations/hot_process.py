"""One process of a chain that books: `test_hot_day` starts several on one database, with a shop that is there."""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from core.access.tokens import authenticate
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.lifecycle import opened_database
from core.ids import new_id
from core.program import build_runtime
from core.reservations.setup.rows import find_service
from core.reservations.values import ReservationView
from core.settings import Settings
from core.testing.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parent))

from salon import MORNING, Salon
from test_hot_day import Day

BOOKERS = 60


async def run(given: dict[str, Any]) -> dict[str, Any]:
    """Bookers on the slots of one day. Whatever is no answer ends the process."""
    settings = Settings(database_url=given["url"], secret_key=given["secret"])
    async with opened_database(settings), Network(settings) as network:
        registry = build_registry(only=["house"])
        runtime = build_runtime(settings, network, registry=registry, clock=ManualClock(MORNING))
        owner = await authenticate(given["token"])
        # Keys are each actor's own.
        clerk = replace(owner, actor_id=new_id())
        day = Day(Salon(runtime, ManualClock(MORNING), UUID(given["store"]), owner, clerk, clerk))
        day.random = random.Random(given["seed"])
        day.staff, day.rooms = ([UUID(each) for each in given[name]] for name in ("staff", "rooms"))
        day.services = [await find_service(owner.tenant_id, UUID(each)) for each in given["services"]]
        await asyncio.gather(*(day.book(clerk) for _ in range(BOOKERS)))
        made = [each for each in day.answers if isinstance(each, ReservationView)]
        refused = {each.code for each in day.answers if not isinstance(each, ReservationView)}
        return {"made": len(made), "refused": sorted(refused)}


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(asyncio.run(run(orjson.loads(sys.argv[1])))).decode())
