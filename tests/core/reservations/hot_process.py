"""One process of a chain that books: started by `test_hot_day` with the database's URL and a shop that is there."""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import orjson

from core.access.tokens import authenticate
from core.channels.registry import build_registry
from core.channels.transport.network import Network
from core.db.lifecycle import opened_database
from core.program import build_runtime
from core.reservations.setup_rows import find_service
from core.settings import Settings
from core.testing.clock import ManualClock

sys.path.insert(0, str(Path(__file__).parent))

from salon import MORNING, Salon
from test_hot_day import Day


async def run(given: dict[str, str | list[str]]) -> None:
    """Sixty bookers, each with the owner's token, on the slots of a day; what went wrong goes to stderr."""
    settings = Settings(database_url=str(given["url"]), secret_key=str(given["secret"]))
    async with opened_database(settings), Network(settings) as network:
        clock = ManualClock(MORNING)
        runtime = build_runtime(settings, network, registry=build_registry(only=["house"]), clock=clock)
        owner = await authenticate(str(given["token"]))
        staff = replace(owner, actor_id=UUID(int=random.getrandbits(128)))  # noqa: S311
        salon = Salon(runtime, clock, UUID(str(given["store"])), owner, staff, staff)
        day = Day(salon)
        day.random = random.Random(int(str(given["seed"])))  # noqa: S311
        day.staff = [UUID(each) for each in given["staff"]]
        day.rooms = [UUID(each) for each in given["rooms"]]
        found = [await find_service(owner.tenant_id, UUID(each)) for each in given["services"]]
        day.services = [each for each in found if each is not None]
        day.classes = []
        salon.keys = SimpleNamespace(__next__=None)
        salon.key = lambda: f"{given['seed']}-{random.getrandbits(64)}"  # type: ignore[method-assign]  # noqa: S311
        await asyncio.gather(*(day.book(staff) for _ in range(60)))
        codes = sorted({each.code for each in day.answers})
        sys.stdout.write(orjson.dumps({"answers": len(day.answers), "codes": codes}).decode())


if __name__ == "__main__":
    asyncio.run(run(orjson.loads(sys.argv[1])))
