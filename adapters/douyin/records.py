"""The merchant's record of uses (certificate/verify_record/query) → core's values. Pure.

Source: https://developer.open-douyin.com/docs/resource/zh-CN/local-life/develop/OpenAPI/general-capabilities/
life.capacity.billing/certificate.verifyrecord.query, read 2025-10; that `poi_ids` are joined by commas: the public Java
SDK fengwensheng100/douyin-java-sdk. A record has a cursor of its own, from which the next page goes on, so that new
uses move nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from adapters.douyin.parse import (
    keep_raw,
    quote_code,
    read_amounts,
    read_code,
)
from adapters.douyin.tables import (
    CANCELLED_BY_RECORD_STATUS,
    KIND_BY_GROUPON_TYPE,
    LONGEST_PAGE,
    MERCHANT_API,
)
from adapters.douyin.wire import Envelope, ListedRecord
from core.channels.contract import CouponKind, ProtocolFailure, RecordedUse, UsePage, UseQuery
from core.channels.wire import (
    read_epoch,
    read_id,
    read_number,
    read_part,
    read_rows,
)

_FIRST = "0"
_PATH = "data.records"


def write_record_query(query: UseQuery, poi_id: str) -> dict[str, str]:
    """What a page is asked for with. Whether `end_time` is in or out is not documented: asked for a second too many."""
    return {
        "cursor": query.cursor or _FIRST,
        "size": str(LONGEST_PAGE),
        "start_time": str(math.floor(query.since.timestamp())),
        "end_time": str(math.ceil(query.until.timestamp())),
        "poi_ids": poi_id,
    }


def parse_records(envelope: Envelope, query: UseQuery, poi_id: str) -> UsePage:
    """A page of uses at one store. Raises ProtocolFailure for a refusal, and where a use cannot be read.

    An empty page is the last one: whether pages before it are always full is not documented.
    """
    if read_code(envelope):
        raise ProtocolFailure(
            "Douyin lists no uses", operation="verify_record", platform_code=quote_code(envelope)
        )
    rows = _read_records(envelope["data"])
    if not rows and query.cursor is None and read_number(envelope["data"].get("total"), "data.total"):
        raise ProtocolFailure("a total without records", path="data.records", operation="verify_record")
    uses = [_parse_record(cast(ListedRecord, row), poi_id) for row in rows]
    within = tuple(
        use for use in uses if query.since <= use.used_at < query.until and use.external_store_id == poi_id
    )
    return UsePage(within, _read_cursor(rows[-1], query) if rows else None)


def _read_records(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records; `records_v2`, which no page explains, where it has more of them."""
    return max(read_rows(data, "records", "data"), read_rows(data, "records_v2", "data"), key=len)


def _read_cursor(last: Mapping[str, Any], query: UseQuery) -> str:
    cursor = read_id(last.get("cursor"), f"{_PATH}.cursor")
    if cursor == query.cursor:
        raise ProtocolFailure("the list of uses does not go on", path=f"{_PATH}.cursor")
    return cursor


def _parse_record(wire: ListedRecord, poi_id: str) -> RecordedUse:
    """One use. Records without a `poi_id` are at the store that was asked for."""
    verify_type = read_number(wire.get("verify_type"), f"{_PATH}.verify_type") or None
    face_value, paid_amount = _read_use_amounts(wire)
    poi = wire.get("poi_id")
    return RecordedUse(
        receipt=read_id(wire.get("verify_id"), f"{_PATH}.verify_id"),
        used_at=_read_moment(wire),
        reference=read_id(wire.get("certificate_id"), f"{_PATH}.certificate_id"),
        external_store_id=read_id(poi, f"{_PATH}.poi_id") if poi else poi_id,
        face_value=face_value,
        paid_amount=paid_amount,
        reversed=_is_cancelled(wire),
        by_merchant_api=None if verify_type is None else verify_type == MERCHANT_API,
        raw=keep_raw(wire),
    )


def _read_moment(wire: ListedRecord) -> datetime:
    moment = read_epoch(wire.get("verify_time"), f"{_PATH}.verify_time")
    if moment is None:
        raise ProtocolFailure("a use without a time", path=f"{_PATH}.verify_time")
    return moment


def _is_cancelled(wire: ListedRecord) -> bool:
    if read_epoch(wire.get("cancel_time"), f"{_PATH}.cancel_time"):
        return True
    cancelled = CANCELLED_BY_RECORD_STATUS.get(read_number(wire.get("status"), f"{_PATH}.status"))
    if cancelled is None:
        raise ProtocolFailure("an unlisted state of a use", path=f"{_PATH}.status")
    return cancelled


def _read_use_amounts(wire: ListedRecord) -> tuple[int | None, int | None]:
    """`(face value, paid amount)` of one use. `amount` is the whole coupon's, so it says nothing of a times card's."""
    info = read_part(wire, "verify_amount_info", _PATH)
    box = read_part(info, "times_card_serial_amount", _PATH) or read_part(info, "time_card_amount", _PATH)
    if box:
        return read_amounts(box, _PATH)
    groupon_type = read_part(wire, "sku", _PATH).get("groupon_type")
    kind = KIND_BY_GROUPON_TYPE.get(read_number(groupon_type, f"{_PATH}.sku.groupon_type") or 0)
    return (None, None) if kind is CouponKind.TIMES_CARD else read_amounts(wire, _PATH)
