"""The merchant's record of uses, newest first, and who gets what of them: verify_record/query and the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.douyin.simulator.state import ACCOUNT_ID, Certificate, PlatformError
from adapters.douyin.simulator.write import write_record, write_share
from core.channels.wire import CHINA

LARGEST_SIZE = 20
MOST_CERTIFICATES = 50
LEDGER_DELAY = timedelta(hours=1)


def list_records(
    params: Mapping[str, str], certificates: Iterable[Certificate], now: datetime
) -> dict[str, Any]:
    """One page of the uses between two seconds, both in; of today where the caller says nothing."""
    cursor, size = params.get("cursor", ""), params.get("size", "")
    if not cursor.isdecimal() or size not in map(str, range(1, LARGEST_SIZE + 1)):
        raise PlatformError(2119001)
    if params.get("account_id") != ACCOUNT_ID:
        raise PlatformError(2119005)
    starts, ends = _read_span(params, now)
    wanted = params.get("poi_ids")
    rows = [
        write_record(certificate, use)
        for certificate in certificates
        for use in certificate.uses
        if starts <= int(use.used_at.timestamp()) <= ends and wanted in {None, use.store}
    ]
    rows.sort(key=lambda row: int(row["cursor"]), reverse=True)
    older = [row for row in rows if cursor == "0" or int(row["cursor"]) < int(cursor)]
    return {"total": len(rows), "records": older[: int(size)]}


def list_shares(
    params: Mapping[str, str], certificates: Iterable[Certificate], now: datetime
) -> dict[str, Any]:
    """Who gets what of the uses that stand, from an hour after them on."""
    wanted = params.get("certificate_ids", "").split(",")
    if not all(each.isdecimal() for each in wanted) or len(wanted) > MOST_CERTIFICATES:
        raise PlatformError(2119001)
    found = [each for each in certificates if str(each.certificate_id) in wanted]
    records = [
        write_share(certificate, use)
        for certificate in found
        for use in certificate.living()
        if now - use.used_at >= LEDGER_DELAY
    ]
    return {"total": len(records), "records": records}


def _read_span(params: Mapping[str, str], now: datetime) -> tuple[int, int]:
    today = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = today + timedelta(days=1)
    starts = params.get("start_time", str(int(today.timestamp())))
    ends = params.get("end_time", str(int(tomorrow.timestamp()) - 1))
    if not (starts.isdecimal() and ends.isdecimal()) or int(starts) > int(ends):
        raise PlatformError(2119001)
    return int(starts), int(ends)
