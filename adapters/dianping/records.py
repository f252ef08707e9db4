"""A shop's uses of one day (querylistbydate) → core's values. Pure.

Source: the page with docId 6000179 of open.dianping.com, by the public Go client; read 2025-10. Records are those of
getconsumed. No source says how a use that was taken back is shown: taken to be in the list no more (INFERRED).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from adapters.dianping.parse import keep_raw, quote_refusal, read_amounts, read_mark, write_receipt
from adapters.dianping.tables import LISTED_BIZ_TYPES, LONGEST_PAGE, SUCCESS, THIRD_PARTY_TILL
from adapters.dianping.values import (
    read_deal_id,
    read_object,
    read_rows,
    read_time,
)
from adapters.dianping.wire import ConsumedReceipt, Envelope, ListQuery
from core.channels.contract import ProtocolFailure, RecordedUse, UsePage
from core.channels.day_lists import DayLists, DayPlace, DayRows
from core.channels.wire import (
    CHINA,
    read_id,
    read_number,
)

DAY_LISTS = DayLists(CHINA, LONGEST_PAGE, len(LISTED_BIZ_TYPES))
_PATH = "data.records"


def write_list_query(place: DayPlace) -> ListQuery:
    """What one page is asked for with. Plain coupons are asked for without `biz_type`, as in the examples."""
    query: ListQuery = {
        "date": place.day.isoformat(),
        "type": "0",
        "offset": str(place.offset),
        "limit": str(LONGEST_PAGE),
    }
    if biz_type := LISTED_BIZ_TYPES[place.part]:
        query["biz_type"] = biz_type
    return query


def parse_records(envelope: Envelope) -> DayRows:
    """The uses of one page. Raises ProtocolFailure for a refusal, and where a use cannot be read."""
    if envelope["code"] != SUCCESS:
        raise ProtocolFailure(
            "Dianping lists no uses", operation="querylistbydate", **quote_refusal(envelope)
        )
    data = read_object(envelope["data"], "data")
    rows = read_rows(data.get("records"), _PATH)
    uses = [_parse_record(cast(ConsumedReceipt, row)) for row in rows]
    return DayRows(uses, read_number(data.get("total_count"), "data.total_count"))


def keep_store(page: UsePage, store: str | None) -> UsePage:
    """The page without uses that name another shop. Most records name none: the question did."""
    uses = tuple(use for use in page.uses if use.external_store_id in {None, store})
    return replace(page, uses=tuple(replace(use, external_store_id=store) for use in uses))


def _parse_record(wire: ConsumedReceipt) -> RecordedUse:
    code = read_id(wire.get("receipt_code"), f"{_PATH}.receipt_code")
    face_value, paid_amount = read_amounts(wire, _PATH)
    channel = wire.get("verify_channel")
    return RecordedUse(
        receipt=_name_use(wire, code),
        used_at=_read_moment(wire),
        reference=code,
        external_store_id=str(wire.get("open_shop_uuid") or "") or None,
        face_value=face_value,
        paid_amount=paid_amount,
        by_merchant_api=None if channel in (None, "") else str(channel) == THIRD_PARTY_TILL,
        raw=keep_raw(wire),
    )


def _name_use(wire: ConsumedReceipt, code: str) -> str:
    """The receipt as redeeming named it; that of a use which came in elsewhere is its code."""
    token = read_mark(wire.get("verify_account"))
    return write_receipt(read_deal_id(wire, _PATH), token) if token else code


def _read_moment(wire: Mapping[str, Any]) -> datetime:
    moment = read_time(wire.get("verify_time"), f"{_PATH}.verify_time")
    if moment is None:
        raise ProtocolFailure("a use without a time", path=f"{_PATH}.verify_time")
    return moment
