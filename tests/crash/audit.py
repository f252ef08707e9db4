"""The promises that hold after recovery, whatever was killed: the ledger against the platform, row by row."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.coupons.states import OPEN_REQUESTS
from core.db.lifecycle import opened_database
from core.db.statements import as_json, fetch_row, fetch_rows
from core.settings import Settings

Row = dict[str, Any]
Uses = Mapping[str, list[dict[str, Any]]]

_LIVING = {"SUCCEEDED", "REVERSING", "UNKNOWN", "PENDING", "NEEDS_ATTENTION"}
_TERMINAL = {"SUCCEEDED", "DECLINED", "REVERSED", "NEEDS_ATTENTION"}
_UNFINISHED = """
SELECT (SELECT count(*) FROM redemption_request WHERE status IN ('PROCESSING','COMPENSATING'))
     + (SELECT count(*) FROM redemption_leg WHERE settle_at IS NOT NULL)
     + (SELECT count(*) FROM outbox_event WHERE seq IS NULL) AS unfinished"""


@dataclass(frozen=True)
class Books:
    """All rows of the ledger."""

    requests: list[Row]
    legs: list[Row]
    redemptions: list[Row]
    claims: list[Row]
    events: list[Row]
    own_uses: list[Row]
    own_coupons: list[Row]
    coupons: list[Row]

    def of_request(self, request: Row) -> list[Row]:
        return [each for each in self.redemptions if str(each["request_id"]) == str(request["id"])]


async def wait_until_quiet(settings: Settings, within: float = 20) -> None:
    """Returns once nothing is open, nothing is to be looked at again, and every event has its number."""
    async with opened_database(settings), asyncio.timeout(within):
        while (row := await fetch_row(_UNFINISHED)) is None or row["unfinished"]:
            await asyncio.sleep(0.1)


async def read_books(settings: Settings) -> Books:
    """The ledger as it stands."""
    async with opened_database(settings):
        redemptions = await fetch_rows(
            "SELECT r.*, c.reference FROM redemption r JOIN coupon c ON c.id = r.coupon_id ORDER BY r.id"
        )
        return Books(
            requests=await fetch_rows("SELECT * FROM redemption_request ORDER BY id"),
            legs=await fetch_rows("SELECT * FROM redemption_leg ORDER BY id"),
            redemptions=redemptions,
            claims=await fetch_rows("SELECT * FROM redemption_claim"),
            events=await fetch_rows("SELECT * FROM outbox_event ORDER BY seq"),
            own_uses=await fetch_rows("SELECT * FROM house_use"),
            own_coupons=await fetch_rows("SELECT * FROM house_coupon"),
            coupons=await fetch_rows("SELECT * FROM coupon"),
        )


def find_violations(books: Books, uses: Uses, times: Mapping[str, int]) -> list[str]:
    """Every broken promise, in words. `uses`: the platform's record; `times`: how often a coupon may be used."""
    return [
        *_check_open(books),
        *_check_platform(books, uses, times),
        *_check_own(books),
        *_check_requests(books),
        *_check_claims(books),
        *_check_events(books),
    ]


def _check_open(books: Books) -> Iterator[str]:
    for request in books.requests:
        if request["status"] in OPEN_REQUESTS or request["answer"] is None:
            yield f"request {request['idempotency_key']} is {request['status']} without an end"
        if request["status"] == "NEEDS_REVIEW":
            yield f"request {request['idempotency_key']} waits for a person"
    for leg in books.legs:
        if leg["status"] not in {"SUCCEEDED", "REJECTED"} or leg["settle_at"] is not None:
            yield f"leg {leg['id']} is {leg['status']}, to be looked at: {leg['settle_at']}"
    for redemption in books.redemptions:
        if redemption["status"] not in {"SUCCEEDED", "DECLINED", "REVERSED"}:
            yield f"redemption {redemption['id']} is {redemption['status']}"


def _check_platform(books: Books, uses: Uses, times: Mapping[str, int]) -> Iterator[str]:
    """The ledger's successes are exactly the uses of ours that stand at the platform."""
    ledger: dict[str, list[str]] = defaultdict(list)
    for redemption in books.redemptions:
        if redemption["channel"] == "douyin" and redemption["status"] == "SUCCEEDED":
            ledger[redemption["reference"]] += _receipts(redemption)
            if len(_receipts(redemption)) != redemption["times"]:
                yield f"redemption {redemption['id']} has {_receipts(redemption)} for {redemption['times']} uses"
    for reference, allowed in times.items():
        living = [use for use in uses[reference] if use["reversed_at"] is None]
        ours = sorted(use["receipt"] for use in living if use["token"])
        if len(living) > allowed:
            yield f"coupon {reference} was consumed {len(living)} times of {allowed}"
        if ours != sorted(ledger[reference]):
            yield f"coupon {reference}: the platform has {ours}, the ledger {sorted(ledger[reference])}"


def _check_own(books: Books) -> Iterator[str]:
    """The same for own coupons, whose platform is our own database."""
    ledger = sorted(
        receipt
        for redemption in books.redemptions
        if redemption["channel"] == "house" and redemption["status"] == "SUCCEEDED"
        for receipt in _receipts(redemption)
    )
    living = [use for use in books.own_uses if use["reversed_at"] is None]
    if ledger != sorted(str(use["id"]) for use in living):
        yield f"own coupons: {len(living)} uses stand, the ledger has {len(ledger)}"
    used = Counter(str(use["coupon_id"]) for use in living)
    for coupon in books.own_coupons:
        if coupon["times_used"] != used[str(coupon["id"])] or coupon["times_used"] > coupon["times_total"]:
            yield f"own coupon {coupon['id']}: {coupon['times_used']} counted, {used[str(coupon['id'])]} stand"


def _check_requests(books: Books) -> Iterator[str]:
    """A basket is redeemed whole, but for what a person took back later; or not at all."""
    taken_back = {
        str(each["subject_id"])
        for each in books.requests
        if each["operation"] == "reverseRedemption" and each["status"] == "SUCCEEDED"
    }
    for request in books.requests:
        own = books.of_request(request)
        statuses = Counter(each["status"] for each in own)
        key = request["idempotency_key"]
        lost = [each for each in own if each["status"] != "SUCCEEDED" and str(each["id"]) not in taken_back]
        if request["operation"] == "redeemCoupons" and request["status"] == "SUCCEEDED" and (lost or not own):
            yield f"request {key} succeeded with {dict(statuses)}"
        if (
            request["operation"] == "redeemCoupons"
            and request["status"] == "FAILED"
            and statuses["SUCCEEDED"]
        ):
            yield f"request {key} failed with {dict(statuses)}"
    by_id = {str(each["id"]): each for each in books.redemptions}
    for id_ in taken_back:
        if by_id[id_]["status"] != "REVERSED":
            yield f"redemption {id_} was taken back and is {by_id[id_]['status']}"


def _check_claims(books: Books) -> Iterator[str]:
    """Every living use holds its claim, and nothing else does."""
    held = Counter(str(claim["redemption_id"]) for claim in books.claims)
    for redemption in books.redemptions:
        wanted = redemption["times"] if redemption["status"] in _LIVING else 0
        if held[str(redemption["id"])] != wanted:
            found = held[str(redemption["id"])]
            yield f"redemption {redemption['id']} ({redemption['status']}) holds {found} claims"
    strangers = held.keys() - {str(each["id"]) for each in books.redemptions}
    if strangers:
        yield f"claims of no redemption: {sorted(strangers)}"


def _check_events(books: Books) -> Iterator[str]:
    """One event for each end that a redemption came to, the last of them its present state; numbers without gaps."""
    numbers = [each["seq"] for each in books.events]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"events are numbered {numbers}"
    told: dict[str, list[str]] = defaultdict(list)
    for event in books.events:
        status = as_json(event["payload"])["status"]
        if event["kind"] == "redemption.changed" and status in _TERMINAL:
            told[str(event["subject_id"])].append(status)
    refused = Counter(
        str(each["subject_id"])
        for each in books.requests
        if each["operation"] == "reverseRedemption" and each["status"] == "FAILED"
    )
    for redemption in books.redemptions:
        id_, statuses = str(redemption["id"]), told[str(redemption["id"])]
        doubled = [status for status, count in Counter(statuses).items() if count > 1]
        may_repeat = {"SUCCEEDED"} if refused[id_] else set[str]()
        if statuses[-1:] != [redemption["status"]] or set(doubled) - may_repeat:
            yield f"redemption {id_} is {redemption['status']}, its events say {statuses}"


def describe(books: Books, violations: Iterable[str]) -> str:
    """A report for whoever has to find out why."""
    requests = Counter((each["operation"], each["status"]) for each in books.requests)
    attempts = sum(each["attempts"] - 1 for each in books.legs if each["attempts"] > 1)
    uncertain = sum(bool(each["uncertain"]) for each in books.legs)
    lines = [f"{operation} {status}: {count}" for (operation, status), count in sorted(requests.items())]
    lines += [f"legs: {len(books.legs)}, in doubt {uncertain}, sent again {attempts}"]
    return "\n".join([*lines, *(f"VIOLATION {each}" for each in violations)])


def _receipts(redemption: Row) -> list[str]:
    return [str(receipt["reference"]) for receipt in as_json(redemption["receipts"])]
