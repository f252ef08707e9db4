"""Who gets what of a use (settle/ledger/query_record_by_cert) → core's values. Pure.

Source: https://developer.open-douyin.com/docs/resource/zh-CN/local-life/develop/OpenAPI/general-capabilities/
life.capacity.billing/ledger.query-record-by-cert, read 2026-11, and the types of the public clients owen-gxz/douyin-sdk
(`fund_amount` beside `amount`) and SKIT.FlurlHttpClient.ByteDance (within it): both are read. A use has its shares one
hour later, and several of them where the deal is good at many merchants: they are added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.douyin.parse import (
    read_code,
)
from adapters.douyin.tables import PLATFORM_SHARES, SHARE_STANDS
from adapters.douyin.wire import Envelope
from core.channels.contract import UsePage
from core.channels.wire import (
    read_id,
    read_number,
    read_part,
    read_rows,
)

_PATH = "data.records"


@dataclass(frozen=True, slots=True)
class Shares:
    """What the merchant is to receive for one use, and what Douyin keeps of it, in fen; None where unknown."""

    payout: int | None = 0
    fee: int | None = 0


def list_settled(page: UsePage) -> list[str]:
    """The certificate ids of the uses that stand: the others are paid for by nobody."""
    return sorted({use.reference for use in page.uses if use.reference and not use.reversed})


def add_shares(page: UsePage, envelope: Envelope) -> UsePage:
    """The page with the shares of its uses. Where Douyin refuses to tell, or has none yet, they stay unknown."""
    if read_code(envelope):
        return page
    shares = parse_shares(envelope)
    unknown = Shares(None, None)
    uses = [(use, unknown if use.reversed else shares.get(use.receipt, unknown)) for use in page.uses]
    return replace(page, uses=tuple(replace(use, payout=own.payout, fee=own.fee) for use, own in uses))


def parse_shares(envelope: Envelope) -> Mapping[str, Shares]:
    """The shares by the `verify_id` of the use. Raises ProtocolFailure for what cannot be read."""
    found: dict[str, Shares] = {}
    for row in read_rows(envelope["data"], "records", "data"):
        stands = SHARE_STANDS.get(read_number(row.get("status"), f"{_PATH}.status"))
        if stands is not False:
            receipt = read_id(row.get("verify_id"), f"{_PATH}.verify_id")
            own = _read_shares(row) if stands else Shares(None, None)
            found[receipt] = _add(found.get(receipt, Shares()), own)
    return found


def _read_shares(row: Mapping[str, Any]) -> Shares:
    funds = read_part(row, "fund_amount", _PATH) or read_part(
        read_part(row, "amount", _PATH), "fund_amount", _PATH
    )
    amounts = {
        key: read_number(funds.get(key), f"{_PATH}.fund_amount.{key}") for key in ("goods", *PLATFORM_SHARES)
    }
    kept = [amounts[key] for key in PLATFORM_SHARES]
    return Shares(amounts["goods"], sum(each or 0 for each in kept) if kept != [None] * len(kept) else None)


def _add(one: Shares, other: Shares) -> Shares:
    return Shares(_sum(one.payout, other.payout), _sum(one.fee, other.fee))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
