"""A shop on the tested database, and a till that sends its redemptions over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from core.access.merchants import create_merchant
from core.access.tokens import authenticate
from core.channels.accounts import ChannelAccountView
from core.channels.contract import CouponKind
from core.coupons.batches import BatchView, create_batch, issue_coupons
from core.ids import encode_global_id
from core.program import open_runtime
from core.settings import Settings
from tests.crash.platform import PlatformControl

_REDEEM = """
mutation ($input: RedeemCouponsInput!) {
  redeemCoupons(input: $input) { outcome redemptions { id status } userErrors { code field } }
}"""
_REVERSE = """
mutation ($input: ReverseRedemptionInput!) {
  reverseRedemption(input: $input) { redemption { id status } userErrors { code field } }
}"""
SETTLING = {"LOCKED", "OUTCOME_UNKNOWN"}


@dataclass(frozen=True)
class Shop:
    """One merchant with one store, an account at the platform, and own coupons."""

    settings: Settings
    tenant_id: UUID
    store: str
    token: str
    own_codes: tuple[str, ...]
    own_cards: tuple[str, ...]


async def open_shop(settings: Settings, platform: PlatformControl, own: int = 5) -> Shop:
    """A new shop on an empty database, made through the services that serve everybody."""
    allowing = settings.model_copy(update={"allow_private_hosts": True})
    connection = platform.connection()
    async with open_runtime(allowing, scheduled=False) as runtime:
        new = await create_merchant("Camellia", "First")
        owner = await authenticate(new.token)
        account = await runtime.accounts.connect_channel(
            owner, "douyin", "Douyin", connection["credentials"], connection["settings"]
        )
        assert isinstance(account, ChannelAccountView), account
        store_id, external_id = new.store_id, connection["externalStoreId"]
        bound = await runtime.accounts.bind_store(owner, account.id, store_id, external_id)
        assert isinstance(bound, ChannelAccountView), bound
        codes: list[tuple[str, ...]] = []
        for kind, times in ((CouponKind.CASH_VOUCHER, 1), (CouponKind.TIMES_CARD, 3)):
            batch = await create_batch(
                runtime, owner, name=kind, kind=kind, quantity=own, face_value=3000, times_each=times
            )
            assert isinstance(batch, BatchView), batch
            issued = await issue_coupons(runtime, owner, batch.id, own, kind)
            assert isinstance(issued, tuple), issued
            codes.append(issued)
    return Shop(settings, owner.tenant_id, encode_global_id("Store", store_id), new.token, *codes)


@dataclass(frozen=True)
class Basket:
    """What one key asks for: codes with how many uses of each."""

    key: str
    codes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Reversal:
    """What one key takes back."""

    key: str
    redemption_id: str


@dataclass(frozen=True)
class Answer:
    """What a client was told. Ids of redemptions, not their states: those may change later."""

    outcome: str
    redemptions: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]

    @property
    def is_final(self) -> bool:
        """Whether every repeat must get the same."""
        return self.outcome != "UNKNOWN" and not any(code in SETTLING for code, _ in self.errors)


class Till:
    """A client of one server. Raises httpx.TransportError where the server goes away."""

    def __init__(self, address: str, shop: Shop) -> None:
        self._store = shop.store
        headers = {"authorization": f"Bearer {shop.token}"}
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.AsyncClient(
            base_url=address, headers=headers, trust_env=False, verify=False, timeout=10, limits=limits
        )

    async def __aenter__(self) -> Till:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def submit(self, wish: Basket | Reversal) -> Answer:
        """One request, and its answer whatever it is."""
        return await (self._redeem(wish) if isinstance(wish, Basket) else self._reverse(wish))

    async def settle(self, wish: Basket | Reversal, within: float = 20) -> Answer:
        """Asks with the same key until the answer is final, as a till does."""
        async with asyncio.timeout(within):
            while not (answer := await self.submit(wish)).is_final:
                await asyncio.sleep(0.1)
        return answer

    async def _redeem(self, basket: Basket) -> Answer:
        given = {
            "storeId": self._store,
            "codes": [{"code": code, "count": count} for code, count in basket.codes],
            "idempotencyKey": basket.key,
        }
        told = await self._ask(_REDEEM, given, "redeemCoupons")
        ids = tuple(each["id"] for each in told["redemptions"])
        return Answer(told["outcome"], ids, _read_errors(told["userErrors"]))

    async def _reverse(self, reversal: Reversal) -> Answer:
        given = {
            "redemptionId": reversal.redemption_id,
            "reason": "ordered by mistake",
            "idempotencyKey": reversal.key,
        }
        told = await self._ask(_REVERSE, given, "reverseRedemption")
        errors = _read_errors(told["userErrors"])
        return Answer("DECLINED" if errors else "REDEEMED", (reversal.redemption_id,), errors)

    async def _ask(self, query: str, given: dict[str, Any], field: str) -> dict[str, Any]:
        response = await self._client.post("/graphql", json={"query": query, "variables": {"input": given}})
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"][field])


def _read_errors(errors: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((error["code"], ".".join(error["field"] or ())) for error in errors)
