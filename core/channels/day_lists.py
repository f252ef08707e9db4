"""Records of uses that a platform lists by its own local day, from an offset on: read whole, though they move.

Rows come and go while a list is read, and an offset then skips some. So every page begins with the last rows of the
page before it: where none of them shows, something was skipped, and that list is read again from its start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from core.channels.contract import ChannelUnavailable, ProtocolFailure, RecordedUse, UsePage, UseQuery

_OVERLAP = 5
_MOST_RESTARTS = 3
_MARK_BYTES = 6
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d{1,2})\.(\d{1,9})\.(\d)\.([0-9a-f-]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DayPlace:
    """Where the reading stands: row `offset` of the list number `part` of the local day `day`.

    restarts  how often this list was begun again
    seen      marks of the rows read before that this page must begin with; none on a list's first page
    """

    day: date
    part: int = 0
    offset: int = 0
    restarts: int = 0
    seen: tuple[str, ...] = ()

    def pack(self) -> str:
        """As a cursor."""
        return f"{self.day.isoformat()}.{self.part}.{self.offset}.{self.restarts}.{'-'.join(self.seen)}"

    @classmethod
    def unpack(cls, cursor: str) -> DayPlace:
        """Of a cursor. Raises ProtocolFailure for any other text."""
        match = _CURSOR.fullmatch(cursor)
        try:
            if match is None:
                raise ValueError(cursor)
            day, part, offset, restarts, seen = match.groups()
            marks = tuple(seen.split("-")) if seen else ()
            return cls(date.fromisoformat(day), int(part), int(offset), int(restarts), marks)
        except ValueError:
            raise ProtocolFailure("not a cursor of this list", path="cursor") from None


@dataclass(frozen=True, slots=True)
class DayRows:
    """All rows of one page, as the platform sent them, and how many the whole list has where it says so.

    A text is a row that shows no use, such as a coupon whose use was taken back without a trace, by its name.
    """

    uses: Sequence[RecordedUse | str]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class DayLists:
    """How a platform lists its uses.

    zone   whose days they are
    limit  how many rows are asked for at once
    parts  how many lists a day has, such as one for each kind of coupon
    """

    zone: tzinfo
    limit: int
    parts: int = 1

    async def read(self, query: UseQuery, fetch: Callable[[DayPlace], Awaitable[DayRows]]) -> UsePage:
        """The page that `query` asks for; `fetch` makes the one call for it.

        Every row comes at least once, rows that moved may come twice. Raises what `fetch` raises, and
        ChannelUnavailable for a list that does not hold still, or ends before its own total.
        """
        if query.since >= query.until:
            return UsePage(())
        place = DayPlace.unpack(query.cursor) if query.cursor else DayPlace(self._find_day(query.since))
        rows = await fetch(place)
        marks = [_mark_use(use) for use in rows.uses]
        if place.seen and not _find_seen(place, marks):
            return UsePage((), _start_again(place).pack())
        follower = self._follow(place, marks, rows.total, query)
        news = [use for use, mark in zip(rows.uses, marks, strict=True) if mark not in place.seen]
        uses = [use for use in news if isinstance(use, RecordedUse)]
        within = tuple(use for use in uses if query.since <= use.used_at < query.until)
        return UsePage(within, follower.pack() if follower else None)

    def _find_day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _follow(
        self, place: DayPlace, marks: Sequence[str], total: int | None, query: UseQuery
    ) -> DayPlace | None:
        """The place after this page; None after the last one."""
        end = place.offset + len(marks)
        news = len(marks) - max(_find_seen(place, marks), default=0)
        if not news and (len(marks) > len(place.seen) or (total is not None and end < total)):
            return _start_again(place)
        if news and (len(marks) >= self.limit or total is None or end < total):
            overlap = min(_OVERLAP, len(marks) // 2)
            seen = tuple(marks[len(marks) - overlap :])
            return replace(place, offset=end - overlap, seen=seen)
        if place.part + 1 < self.parts:
            return DayPlace(place.day, place.part + 1)
        last_day = self._find_day(query.until - timedelta(microseconds=1))
        return DayPlace(place.day + timedelta(days=1)) if place.day < last_day else None


def _find_seen(place: DayPlace, marks: Sequence[str]) -> list[int]:
    """The numbers, from 1, of the rows that were seen before."""
    return [number for number, mark in enumerate(marks, 1) if mark in place.seen]


def _start_again(place: DayPlace) -> DayPlace:
    if place.restarts >= _MOST_RESTARTS:
        raise ChannelUnavailable("the list of uses does not hold still while it is read")
    return DayPlace(place.day, place.part, 0, place.restarts + 1)


def _mark_use(use: RecordedUse | str) -> str:
    """What a row is known again by, also when its use was taken back meanwhile. Hashed: a receipt may be a code."""
    text = use if isinstance(use, str) else f"{use.receipt}\n{use.used_at.timestamp()}"
    return hashlib.blake2b(text.encode(), digest_size=_MARK_BYTES).hexdigest()
