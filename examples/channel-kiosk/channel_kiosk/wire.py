"""Kiosk's own shapes and names. Every answer is `{"code": int, "message": str, "data": {...}}`; code 0 is success."""

from __future__ import annotations

from typing import Any, TypedDict


class WireUse(TypedDict):
    """One use. `used_at` counts seconds; `request_id` is the caller's."""

    use_id: str
    used_at: int
    request_id: str


class WireRecord(TypedDict):
    """A use as the shop's list has it. `paid` is yuan as text; `undone` once it was taken back."""

    use_id: str
    ticket_id: str
    used_at: int
    paid: str
    undone: bool


class WireTicket(TypedDict):
    """A ticket. `price` and `paid` are yuan as text ("99.00"); `valid_to` counts seconds."""

    ticket_id: str
    name: str
    state: str
    price: str
    paid: str
    valid_to: int
    times: int
    times_left: int
    uses: list[WireUse]


class WireAnswer(TypedDict):
    code: int
    message: str
    data: dict[str, Any]
