"""Lists by day and offset: cut at local midnight, and read whole while rows come and go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.channels.contract import ChannelUnavailable, ProtocolFailure, RecordedUse, UsePage, UseQuery
from core.channels.day_lists import DayLists, DayPlace, DayRows

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)  # begins 2 March in China
DAY = timedelta(days=1)


def make_uses(count: int, start: datetime = MIDNIGHT, prefix: str = "u") -> list[RecordedUse]:
    return [RecordedUse(f"{prefix}{n}", start + timedelta(minutes=n)) for n in range(count)]


class Platform:
    """Lists of uses by day. `before` is called with the number of each call, and may change `uses`."""

    def __init__(
        self, uses: list[RecordedUse], limit: int = 10, tells_total: bool = True, missing: int = 0
    ) -> None:
        self.uses = uses
        self.limit = limit
        self.tells_total = tells_total
        self.missing = missing
        self.before: Callable[[int], object] = lambda call: None
        self.places: list[DayPlace] = []

    async def fetch(self, place: DayPlace) -> DayRows:
        self.before(len(self.places))
        self.places.append(place)
        rows = [
            use for use in self.uses if use.used_at.astimezone(CHINA).date() == place.day and not place.part
        ]
        total = len(rows) + self.missing if self.tells_total else None
        return DayRows(rows[place.offset : place.offset + self.limit], total)


async def read_all(platform: Platform, lists: DayLists, since: datetime, until: datetime) -> list[str]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await lists.read(UseQuery(since, until, cursor), platform.fetch)
        seen += [use.receipt for use in page.uses]
        if page.next_cursor is None:
            return seen
        cursor = page.next_cursor


def names(uses: list[RecordedUse]) -> list[str]:
    return [use.receipt for use in uses]


# --------------------------------------------------------------------------------------------------------- quiet lists
@given(st.integers(0, 60), st.integers(1, 13), st.booleans())
async def test_every_row_comes_once(count: int, limit: int, tells_total: bool) -> None:
    platform = Platform(make_uses(count), limit, tells_total)
    assert await read_all(platform, DayLists(CHINA, limit), MIDNIGHT, MIDNIGHT + DAY) == names(platform.uses)


@given(st.integers(0, 60), st.integers(1, 13))
async def test_platform_may_send_fewer_than_asked(count: int, limit: int) -> None:
    platform = Platform(make_uses(count), limit)
    assert await read_all(platform, DayLists(CHINA, 300), MIDNIGHT, MIDNIGHT + DAY) == names(platform.uses)


async def test_one_call_for_a_short_list() -> None:
    platform = Platform(make_uses(9))
    await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)
    assert len(platform.places) == 1


async def test_every_list_of_every_day_is_asked_for() -> None:
    platform = Platform([])
    await read_all(platform, DayLists(CHINA, 10, parts=2), MIDNIGHT, MIDNIGHT + 2 * DAY)
    asked = [(place.day, place.part) for place in platform.places]
    first, second = date(2026, 3, 2), date(2026, 3, 3)
    assert asked == [(first, 0), (first, 1), (second, 0), (second, 1)]


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (MIDNIGHT, MIDNIGHT + DAY, [2]),
        (MIDNIGHT, MIDNIGHT + DAY + timedelta(microseconds=1), [2, 3]),
        (MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + DAY, [1, 2]),
        (NOON, NOON + timedelta(seconds=1), [2]),
        (NOON, NOON, []),
        (NOON, NOON - DAY, []),
    ],
)
async def test_windows_are_cut_into_local_days(since: datetime, until: datetime, days: list[int]) -> None:
    platform = Platform([])
    await read_all(platform, DayLists(CHINA, 10), since, until)
    assert [place.day.day for place in platform.places] == days


async def test_window_is_kept_to_the_instant() -> None:
    platform = Platform(make_uses(3))
    since, until = MIDNIGHT + timedelta(minutes=1), MIDNIGHT + timedelta(minutes=2)
    assert await read_all(platform, DayLists(CHINA, 10), since, until) == ["u1"]


# -------------------------------------------------------------------------------------------------------- lists that move
@given(st.data())
async def test_rows_that_go_hide_no_others(data: st.DataObject) -> None:
    platform = Platform(make_uses(45))
    gone: set[str] = set()

    def take_some_back(call: int) -> None:
        if call not in {1, 2}:
            return
        for index in data.draw(st.sets(st.integers(0, len(platform.uses) - 1), max_size=12)):
            gone.add(platform.uses[index].receipt)
        platform.uses = [use for use in platform.uses if use.receipt not in gone]

    platform.before = take_some_back
    seen = await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)
    assert set(names(platform.uses)) <= set(seen)


@given(st.sets(st.integers(0, 20), max_size=12), st.booleans())
async def test_rows_that_come_hide_no_others(places: set[int], tells_total: bool) -> None:
    platform = Platform(make_uses(25), 10, tells_total)
    old = names(platform.uses)

    def use_more(call: int) -> None:
        if call == 1:
            for place in places:
                platform.uses.insert(place, RecordedUse(f"new{place}", NOON))

    platform.before = use_more
    seen = await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)
    assert set(old) <= set(seen)


async def test_list_is_begun_again_where_rows_were_skipped() -> None:
    platform = Platform(make_uses(30))

    def take_ten_back(call: int) -> None:
        if call == 1:
            platform.uses = platform.uses[10:]

    platform.before = take_ten_back
    await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)
    assert [(place.offset, place.restarts) for place in platform.places[:3]] == [(0, 0), (5, 0), (0, 1)]


async def test_list_that_never_holds_still() -> None:
    platform = Platform(make_uses(20))

    def replace_all(call: int) -> None:
        platform.uses = make_uses(20, prefix=f"{call}-")

    platform.before = replace_all
    with pytest.raises(ChannelUnavailable, match="hold still"):
        await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)


async def test_list_that_ends_before_its_total() -> None:
    with pytest.raises(ChannelUnavailable, match="hold still"):
        await read_all(Platform(make_uses(13), missing=1), DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)


@given(st.lists(st.booleans(), max_size=40), st.booleans())
async def test_rows_without_a_use_are_passed_over(shows: list[bool], tells_total: bool) -> None:
    rows = [use if shown else use.receipt for use, shown in zip(make_uses(40), shows, strict=False)]
    total = len(rows) if tells_total else None

    async def fetch(place: DayPlace) -> DayRows:
        return DayRows(rows[place.offset : place.offset + 10], total)

    platform = Platform([])
    platform.fetch = fetch  # type: ignore[method-assign]
    seen = await read_all(platform, DayLists(CHINA, 10), MIDNIGHT, MIDNIGHT + DAY)
    assert seen == names([use for use in rows if isinstance(use, RecordedUse)])


# -------------------------------------------------------------------------------------------------------------- cursors
async def test_cursor_says_no_receipt() -> None:
    platform = Platform([RecordedUse(f"{n}123456789012", NOON) for n in range(10)])
    page = await DayLists(CHINA, 10).read(UseQuery(MIDNIGHT, MIDNIGHT + DAY), platform.fetch)
    assert page.next_cursor
    assert "123456789012" not in page.next_cursor


@given(st.dates(date(1000, 1, 1)), st.integers(0, 99), st.integers(0, 10**9 - 1), st.integers(0, 9))
def test_cursor_survives(day: date, part: int, offset: int, restarts: int) -> None:
    for seen in ((), ("0a", "ff12")):
        place = DayPlace(day, part, offset, restarts, seen)
        assert DayPlace.unpack(place.pack()) == place


@pytest.mark.parametrize(
    "cursor", ["x", "2026-02-30.0.0.0.", "2026-03-02.0.-1.0.", "2026-03-02.0.0.0.ü", "\x00"]
)
async def test_other_cursors_are_refused(cursor: str) -> None:
    with pytest.raises(ProtocolFailure, match="not a cursor"):
        await DayLists(CHINA, 10).read(UseQuery(MIDNIGHT, NOON, cursor), Platform([]).fetch)


async def test_empty_cursor_begins() -> None:
    page = await DayLists(CHINA, 10).read(UseQuery(MIDNIGHT, NOON, ""), Platform([]).fetch)
    assert page == UsePage(())
