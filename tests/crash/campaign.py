"""A seeded campaign: tills that send every wish twice and more, faults at the platform, servers killed at random."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import httpx

from tests.crash.platform import PlatformControl
from tests.crash.processes import Server, Servers
from tests.crash.shop import Answer, Basket, Reversal, Shop, Till

TILLS = 5
BASKETS_BETWEEN_KILLS = 14
REST_SECONDS = (0.1, 0.9)  # between two kills
INVALID = 0.12
SHARED = 0.15
TAKEN_BACK = 0.15

# A quarter each: lost before it is applied; applied, and the answer lost; applied after the caller gave up;
# HTTP 500. A call that is applied late must land within the settle time.
_BROKEN = ["LOSE", "DROP_AFTER_APPLY", {"kind": "APPLY_LATE", "seconds": 0.9}, "ERROR_500"]


@dataclass(frozen=True)
class Goods:
    """What there is to redeem, and how often each of the platform's coupons may be used."""

    single: Sequence[str]
    cards: Sequence[str]
    pairs: Sequence[str]
    refused: Sequence[str]
    own: Sequence[str]
    times: dict[str, int]


def buy_goods(shop: Shop, platform: PlatformControl, count: int) -> Goods:
    """Coupons of every kind, so many that some are left over."""
    sold = platform.seed(
        usable=count, times_card=count // 8, two_coupons=count // 8, snatched=count // 12, expired=3
    )
    times = {each["reference"]: each["times_total"] for each in itertools.chain(*sold.values())}
    unknown = [f"9999{number:011d}" for number in range(count // 12)]
    codes = {state: [each["code"] for each in samples] for state, samples in sold.items()}
    refused = [*codes["snatched"], *codes["expired"], *unknown]
    own = [*shop.own_codes, *shop.own_cards]
    return Goods(codes["usable"], codes["times_card"], codes["two_coupons"], refused, own, times)


def make_baskets(random: Random, goods: Goods, count: int) -> Iterator[Basket]:
    """Baskets of one to three codes. Some codes are in several of them."""
    fresh = iter(random.sample(goods.single, len(goods.single)))
    seen: list[str] = []
    for number in range(count):
        codes: dict[str, int] = {}
        for _ in range(random.choice((1, 1, 2, 3))):
            code, uses = _pick_code(random, goods, fresh, seen)
            codes.setdefault(code, uses)
        yield Basket(f"basket {number}", tuple(codes.items()))


def _pick_code(random: Random, goods: Goods, fresh: Iterator[str], seen: list[str]) -> tuple[str, int]:
    chance = random.random()
    if chance < INVALID:
        return random.choice(goods.refused), 1
    if chance < INVALID + SHARED and seen:
        return random.choice(seen), 1
    if chance < 0.4:
        return random.choice(goods.cards), random.choice((1, 1, 2))
    if chance < 0.5:
        return random.choice(goods.pairs), random.choice((1, 2))
    if chance < 0.7:
        return random.choice(goods.own), 1
    seen.append(next(fresh))
    return seen[-1], 1


@dataclass
class Campaign:
    """The run of one seed. `told` keeps every final answer by its key, as often as it was given."""

    seed: int
    kills: int
    shop: Shop
    servers: Servers
    platform: PlatformControl
    told: dict[str, list[Answer]] = field(default_factory=dict)
    wishes: list[Basket | Reversal] = field(default_factory=list)
    living: list[Server] = field(default_factory=list)
    kills_done: int = 0

    async def run(self) -> None:
        """Sends, breaks and kills until the kills are done; then everything is sent again and settles."""
        random = Random(self.seed)
        goods = buy_goods(self.shop, self.platform, self.kills * BASKETS_BETWEEN_KILLS)
        self.times = goods.times
        self.platform.plan(self._faults())
        self.living = [self.servers.start(), self.servers.start()]
        baskets = make_baskets(random, goods, self.kills * BASKETS_BETWEEN_KILLS)
        sending = [
            asyncio.create_task(self._keep_sending(baskets, Random(f"{self.seed} {n}"))) for n in range(TILLS)
        ]
        await self._keep_killing(Random(f"{self.seed} kills"))
        for each in sending:
            each.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        self.platform.plan({})

    async def finish(self) -> None:
        """Every key once more at every server, until each has its final answer."""
        gate = asyncio.Semaphore(8)
        await asyncio.gather(
            *(self._settle(gate, server, wish) for server in self.living for wish in self.wishes)
        )

    def find_contradictions(self) -> list[str]:
        """Keys that were told two different final answers."""
        return [
            f"{key} was told {sorted(map(str, set(answers)))}"
            for key, answers in self.told.items()
            if len(set(answers)) > 1
        ]

    def _faults(self) -> dict[str, object]:
        mixture = {"share": 0.3, "faults": _BROKEN, "seed": self.seed}
        looking = {"share": 0.05, "faults": _BROKEN, "seed": self.seed}
        return {"mix": {"redeem": mixture, "reverse": mixture, "status": mixture, "look_up": looking}}

    async def _keep_killing(self, random: Random) -> None:
        while self.kills_done < self.kills:
            await asyncio.sleep(random.uniform(*REST_SECONDS))
            victim = random.randrange(len(self.living))
            await asyncio.to_thread(self.living[victim].kill)
            self.living[victim] = await asyncio.to_thread(self.servers.start)
            self.kills_done += 1

    async def _keep_sending(self, baskets: Iterator[Basket], random: Random) -> None:
        for basket in baskets:
            self.wishes.append(basket)
            answer = await self._send_twice(basket, random)
            if answer is not None and answer.outcome == "REDEEMED" and random.random() < TAKEN_BACK:
                reversal = Reversal(f"back {basket.key}", random.choice(answer.redemptions))
                self.wishes.append(reversal)
                await self._send_twice(reversal, random)
            if random.random() < 0.3:
                await self._send_twice(random.choice(self.wishes), random)

    async def _send_twice(self, wish: Basket | Reversal, random: Random) -> Answer | None:
        """To both servers at once, or twice to one."""
        addresses = random.choices([server.address for server in self.living], k=2)
        answers = await asyncio.gather(*(self._send(address, wish) for address in addresses))
        return next((answer for answer in answers if answer is not None and answer.is_final), None)

    async def _send(self, address: str, wish: Basket | Reversal) -> Answer | None:
        """What was told; None where the server was killed meanwhile."""
        async with Till(address, self.shop) as till:
            try:
                answer = await till.submit(wish)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                return None
        self._note(wish, answer)
        return answer

    async def _settle(self, gate: asyncio.Semaphore, server: Server, wish: Basket | Reversal) -> None:
        async with gate, Till(server.address, self.shop) as till:
            self._note(wish, await till.settle(wish, within=30))

    def _note(self, wish: Basket | Reversal, answer: Answer) -> None:
        if answer.is_final:
            self.told.setdefault(wish.key, []).append(answer)


def pick_seed(given: str | None) -> int:
    """The seed to repeat, or a new one."""
    return int(given) if given else time.time_ns() % 1_000_000
