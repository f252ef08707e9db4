"""Kuaishou local life's own shapes, in its own names. Money is fen; ids are sent as int or as text.

Source: the public PHP packages lucymao9/kuaishou @69e7a95 (token, verify) and two public callers (prepare, cancel),
read 2026-11; no page of open.kwailocallife.com could be read. Seen in use are `verify_token`, `order_id`,
`certificates[]` with `encrypted_code` and `sku.title`, and `verify_results[]` with `verify_id` and `certificate_id`.
All other keys follow the same interface of Douyin Life and are INFERRED.
"""

from __future__ import annotations

from typing import Any, TypedDict

Int64 = int | str


class Amount(TypedDict, total=False):
    original_amount: Int64
    pay_amount: Int64
    coupon_pay_amount: Int64


class Sku(TypedDict, total=False):
    sku_id: Int64
    title: str
    groupon_type: int


class TimeCard(TypedDict, total=False):
    times_count: int
    times_used: int


class Certificate(TypedDict, total=False):
    encrypted_code: str
    certificate_id: Int64
    status: int
    start_time: int
    expire_time: int
    sku: Sku
    amount: Amount
    time_card: TimeCard


class VerifyResult(TypedDict, total=False):
    result: int
    msg: str
    code: str
    verify_id: Int64
    certificate_id: Int64
    order_id: Int64


class VerifyBody(TypedDict):
    verify_token: str
    poi_id: str
    order_id: str
    encrypted_codes: list[str]


class CancelBody(TypedDict):
    verify_id: str
    certificate_id: str


class Extra(TypedDict, total=False):
    error_code: int
    description: str
    sub_error_code: int
    sub_description: str
    now: int


class Envelope(TypedDict):
    """Every answer below /goodlife/, failures with HTTP 200 too. `result` is 1, in some calls 0, where all went well."""

    result: int | None
    error_msg: str
    data: dict[str, Any]
    extra: Extra


class GrantAnswer(TypedDict, total=False):
    """The answer to /oauth2/refresh_token: no envelope, `result` other than 1 for a failure."""

    result: int
    error_msg: str
    access_token: str
    expires_in: int
    refresh_token: str
    refresh_token_expires_in: int
