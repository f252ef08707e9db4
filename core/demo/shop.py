"""Opening the demo's shop through the same services that serve everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from core.access.merchants import create_merchant
from core.access.stores import create_store
from core.access.tokens import authenticate, create_token
from core.access.values import Actor, Role
from core.channels.accounts import ChannelAccountView
from core.channels.contract import Channel
from core.demo.guide import DemoCode, DemoGuide, DemoProgram, DemoStore, DemoToken
from core.demo.own_coupons import issue_own_coupons, require_result
from core.demo.trades import list_dishes, open_trades
from core.ids import encode_global_id
from core.runtime import Runtime
from core.testing.simulator import LoginSimulator, Simulator

MERCHANT = "山茶小馆"
_FIRST, _SECOND = f"{MERCHANT} · 西湖店", f"{MERCHANT} · 拱墅店"
_SALON, _GYM = "山茶造型 · 南山路店", "山茶健身 · 滨江馆"

# How many usable coupons of each channel there are to try; one of every other state.
_USABLE = 6


@dataclass(frozen=True, slots=True)
class _Shop:
    owner: Actor
    owner_token: str
    first: UUID
    second: UUID
    salon: UUID
    gym: UUID

    @property
    def stores(self) -> tuple[DemoStore, ...]:
        pairs = ((self.first, _FIRST), (self.second, _SECOND), (self.salon, _SALON), (self.gym, _GYM))
        return tuple(DemoStore(encode_global_id("Store", id_), name) for id_, name in pairs)


async def open_shop(runtime: Runtime, simulators: Mapping[str, Simulator], address: str) -> DemoGuide:
    """Opens the merchant and its stores, connects every simulated channel, issues own coupons and tokens, and sets up
    what can be booked."""
    shop = await _open_stores()
    codes: list[DemoCode] = []
    programs: list[DemoProgram] = []
    for code, simulator in simulators.items():
        account = await _connect(runtime, shop, code, simulator)
        programs += _find_programs(runtime.registry.get(code), account, simulator)
        codes += _sell_coupons(runtime.registry.get(code).name, code, simulator)
    codes += await issue_own_coupons(runtime, shop.owner, shop.first, _USABLE)
    services = await open_trades(runtime, shop.owner, shop.first, shop.salon, shop.gym)
    dishes = await list_dishes(shop.owner, shop.first)
    tokens = await _hand_out_tokens(shop)
    merchant_id = encode_global_id("Merchant", shop.owner.tenant_id)
    return DemoGuide(address, merchant_id, MERCHANT, shop.stores, tokens, codes, programs, services, dishes)


def _find_programs(channel: Channel, account: ChannelAccountView, simulator: Simulator) -> list[DemoProgram]:
    if channel.identity is None or not isinstance(simulator, LoginSimulator):
        return []
    account_id = encode_global_id("ChannelAccount", account.id)
    return [DemoProgram(channel.code, channel.name, account_id, simulator)]


async def _open_stores() -> _Shop:
    made = await create_merchant(MERCHANT, _FIRST)
    owner = await authenticate(made.token)
    second, salon, gym = [
        require_result(await create_store(owner, name)).id for name in (_SECOND, _SALON, _GYM)
    ]
    return _Shop(owner, made.token, made.store_id, second, salon, gym)


async def _connect(runtime: Runtime, shop: _Shop, code: str, simulator: Simulator) -> ChannelAccountView:
    account: ChannelAccountView = require_result(
        await runtime.accounts.connect_channel(
            shop.owner,
            code,
            f"{MERCHANT} @ {runtime.registry.get(code).name}",
            dict(simulator.credentials),
            dict(simulator.settings(simulator.address)),
        )
    )
    stores = ((shop.first, simulator.external_store_id), (shop.second, simulator.other_store_id))
    for store_id, external_id in stores:
        # A platform without stores, such as one of messages, names none.
        if external_id:
            require_result(await runtime.accounts.bind_store(shop.owner, account.id, store_id, external_id))
    return account


def _sell_coupons(name: str, channel: str, simulator: Simulator) -> list[DemoCode]:
    """Coupons in every state that the platform can hold, as its customers would have bought them."""
    if not simulator.states:
        return []
    samples = [simulator.make("usable") for _ in range(_USABLE)]
    samples += [simulator.make(state) for state in simulator.states if state != "usable"]
    return [
        # What customers show of an order with several coupons is its QR.
        DemoCode(
            channel,
            name,
            each.state,
            each.title or each.description,
            each.link if each.link and each.state == "two_coupons" else each.code,
        )
        for each in samples
    ]


async def _hand_out_tokens(shop: _Shop) -> list[DemoToken]:
    wanted: tuple[tuple[Role, str, UUID | None, tuple[str, ...]], ...] = (
        (Role.MANAGER, "周店长", None, ()),
        (Role.STAFF, "小何（西湖店）", shop.first, ("reverse",)),
        (Role.POS, "收银机（西湖店）", shop.first, ()),
        (Role.STAFF, "小陆（拱墅店）", shop.second, ()),
        (Role.POS, "收银机（拱墅店）", shop.second, ()),
        (Role.CUSTOMER, "顾客李女士", None, ()),
    )
    tokens = [DemoToken(Role.OWNER.value, "林老板", shop.owner_token)]
    for role, name, store_id, scopes in wanted:
        stores = None if store_id is None else [store_id]
        token = await create_token(shop.owner.tenant_id, role, name=name, store_ids=stores, scopes=scopes)
        shown = None if store_id is None else (encode_global_id("Store", store_id),)
        tokens.append(DemoToken(role.value, name, token, shown))
    return tokens
