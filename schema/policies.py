"""How a store takes reservations: its policy, and days that are unlike its week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import strawberry

from core.reservations.setup.policies import OpenHours, find_store_policy, list_open_hours, set_store_policy
from core.reservations.setup.special_days import (
    SpecialDayView,
    list_special_days,
    remove_special_day,
    set_special_day,
)
from core.reservations.setup.wall_times import Weekday
from core.reservations.values import Policy
from schema import enums as enums
from schema.changes import read_changes
from schema.context import Info
from schema.fields import mutation, resolved
from schema.ids import read_id
from schema.problems import UserError, show_problems

_HOLD = "How many minutes a hold lives, 1 to 10; it can be extended once."
_LEAD = "How many minutes before its start a time must be booked, at most 43,200. Binds customers only."
_HORIZON = "How many days ahead it can be booked, 1 to 365. Binds customers only."
_CHANGE = "Until how many minutes before the start customers may change or cancel, at most 43,200."
_GRACE = "How many minutes after the start a guest becomes a no-show; null: never by itself."
_LIMIT = "How many open reservations one customer may have, 1 to 100; null: any number."
_DEPOSIT = "Whether the deposit of who does not come, or cancels too late, is kept."
_BEFORE = "From how many minutes before the start guests are checked in; null: all day."
_AFTER = "Until how many minutes after the start guests are checked in; null: all day."
_REMINDERS = (
    "How many minutes before the start reminders go out, 5 at most; null: a day and two hours before."
)
_SPREAD = "Whether times of less busy staff and days are preferred, or else of busier ones."
_POINTS = "How many points a guest gets for each yuan spent, at most 1,000."
_OFFER = "How many minutes a seat is kept for whom it is offered from the waitlist, 1 to 1,440."
_CUTOFF = "How many minutes before its start the waitlist of a class closes, at most 43,200: no more offers."
_HOLIDAYS = "Whether public holidays are closed days, and make-up working days open ones."
_WEEK = "When the store is open in a week, 50 entries at most; null: at all hours."


@strawberry.type(description="When a store is open on one day of the week.")
class WeekdayHours:
    weekday: Weekday = strawberry.field(description="The day on which it opens.")
    start: str = strawberry.field(description="When it opens in its own time, as in 10:00.")
    end: str = strawberry.field(description="When it closes; on the next day where that is earlier.")


@strawberry.type(description="How a store takes reservations.")
class StorePolicy:
    hold_minutes: int = strawberry.field(description=_HOLD)
    lead_minutes: int = strawberry.field(description=_LEAD)
    horizon_days: int = strawberry.field(description=_HORIZON)
    change_minutes: int = strawberry.field(description=_CHANGE)
    grace_minutes: int | None = strawberry.field(description=_GRACE)
    limit_per_customer: int | None = strawberry.field(description=_LIMIT)
    keep_deposit: bool = strawberry.field(description=_DEPOSIT)
    check_in_before_minutes: int | None = strawberry.field(description=_BEFORE)
    check_in_after_minutes: int | None = strawberry.field(description=_AFTER)
    reminder_minutes: list[int] = strawberry.field(description=_REMINDERS)
    spread_load: bool = strawberry.field(description=_SPREAD)
    points_per_yuan: int = strawberry.field(description=_POINTS)
    offer_minutes: int = strawberry.field(description=_OFFER)
    waitlist_cutoff_minutes: int = strawberry.field(description=_CUTOFF)
    close_on_holidays: bool = strawberry.field(description=_HOLIDAYS)
    weekly_hours: list[WeekdayHours] | None = strawberry.field(description=_WEEK)


def show_policy(policy: Policy) -> StorePolicy:
    hours = list_open_hours(policy)
    return StorePolicy(
        hold_minutes=policy.hold_minutes,
        lead_minutes=policy.lead_minutes,
        horizon_days=policy.horizon_days,
        change_minutes=policy.change_minutes,
        grace_minutes=policy.grace_minutes,
        limit_per_customer=policy.limit_per_customer,
        keep_deposit=policy.keep_deposit,
        check_in_before_minutes=policy.check_in_before_minutes,
        check_in_after_minutes=policy.check_in_after_minutes,
        reminder_minutes=list(policy.reminder_minutes),
        spread_load=policy.spread_load,
        points_per_yuan=policy.points_per_yuan,
        offer_minutes=policy.offer_minutes,
        waitlist_cutoff_minutes=policy.waitlist_cutoff_minutes,
        close_on_holidays=policy.close_on_holidays,
        weekly_hours=None
        if hours is None
        else [WeekdayHours(weekday=each.weekday, start=each.start, end=each.end) for each in hours],
    )


@strawberry.type(description="A day of a store that is unlike its week.")
class SpecialDay:
    day: date = strawberry.field(description="The day, by the store's calendar.")
    hours: list[DayHours] = strawberry.field(description="When the store is open; empty: not at all.")
    note: str | None = strawberry.field(description="Why, for people.")


@strawberry.type(description="When a store is open on one day.")
class DayHours:
    start: str = strawberry.field(description="When it opens in its own time, as in 10:00.")
    end: str = strawberry.field(description="When it closes; on the next day where that is earlier.")


def show_special_day(view: SpecialDayView) -> SpecialDay:
    hours = [DayHours(start=start, end=end) for start, end in view.hours]
    return SpecialDay(day=view.day, hours=hours, note=view.note)


@strawberry.input(description="When a store is open on one day of the week.")
class WeekdayHoursInput:
    weekday: Weekday = strawberry.field(description="The day on which it opens.")
    start: str = strawberry.field(description="When it opens in its own time, as in 10:00.")
    end: str = strawberry.field(
        description="When it closes, as in 22:00 or 24:00; on the next day where that is earlier."
    )


@strawberry.input(
    description="Changes of a store's policy. What is left out stays as it is; null has its meaning where there is one."
)
class SetStorePolicyInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    hold_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_HOLD)
    lead_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_LEAD)
    horizon_days: int | None = strawberry.field(default=strawberry.UNSET, description=_HORIZON)
    change_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_CHANGE)
    grace_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_GRACE)
    limit_per_customer: int | None = strawberry.field(default=strawberry.UNSET, description=_LIMIT)
    keep_deposit: bool | None = strawberry.field(default=strawberry.UNSET, description=_DEPOSIT)
    check_in_before_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_BEFORE)
    check_in_after_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_AFTER)
    reminder_minutes: list[int] | None = strawberry.field(default=strawberry.UNSET, description=_REMINDERS)
    spread_load: bool | None = strawberry.field(default=strawberry.UNSET, description=_SPREAD)
    points_per_yuan: int | None = strawberry.field(default=strawberry.UNSET, description=_POINTS)
    offer_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_OFFER)
    waitlist_cutoff_minutes: int | None = strawberry.field(default=strawberry.UNSET, description=_CUTOFF)
    close_on_holidays: bool | None = strawberry.field(default=strawberry.UNSET, description=_HOLIDAYS)
    weekly_hours: list[WeekdayHoursInput] | None = strawberry.field(
        default=strawberry.UNSET, description=_WEEK
    )


@strawberry.type(description="The answer to setStorePolicy.")
class SetStorePolicyPayload:
    store_policy: StorePolicy | None = strawberry.field(
        description="The whole policy, null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.input(description="When a store is open on one day.")
class DayHoursInput:
    start: str = strawberry.field(description="When it opens in its own time, as in 10:00.")
    end: str = strawberry.field(
        description="When it closes, as in 22:00 or 24:00; on the next day where that is earlier."
    )


@strawberry.input(description="The hours of one day, whatever the week and the holidays say.")
class SetSpecialDayInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    day: date = strawberry.field(description="The day, by the store's calendar.")
    hours: list[DayHoursInput] = strawberry.field(
        description="When the store is open, 10 entries at most; empty: not at all."
    )
    note: str | None = strawberry.field(default=None, description="Why, for people; 120 characters at most.")


@strawberry.type(description="The answer to setSpecialDay.")
class SetSpecialDayPayload:
    special_day: SpecialDay | None = strawberry.field(description="The day, null if nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.input(description="A day that is to be like others of its week again.")
class RemoveSpecialDayInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    day: date = strawberry.field(description="The day, by the store's calendar.")


@strawberry.type(description="The answer to removeSpecialDay.")
class RemoveSpecialDayPayload:
    day: date | None = strawberry.field(description="The day, null if nothing was changed.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type
class PolicyQueries:
    @resolved(description="How a store takes reservations.")
    async def store_policy(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
    ) -> StorePolicy:
        actor = await info.context.sign_in()
        return show_policy(await find_store_policy(actor, read_id(store_id, "Store", "storeId")))

    @resolved(description="The days of a store that are unlike its week, earliest first.")
    async def special_days(
        self,
        info: Info,
        store_id: Annotated[strawberry.ID, strawberry.argument(description="The store.")],
        from_: Annotated[date, strawberry.argument(name="from", description="The first day.")],
        to: Annotated[
            date, strawberry.argument(description="The day after the last, 366 days later at most.")
        ],
    ) -> list[SpecialDay]:
        actor = await info.context.sign_in()
        found = await list_special_days(actor, read_id(store_id, "Store", "storeId"), from_, to)
        return [show_special_day(view) for view in found]


@strawberry.type
class PolicyMutations:
    @mutation(description="Changes how a store takes reservations. May: owner, manager.")
    async def set_store_policy(
        self,
        info: Info,
        given: Annotated[SetStorePolicyInput, strawberry.argument(name="input", description="The changes.")],
    ) -> SetStorePolicyPayload:
        actor = await info.context.sign_in()
        store_id = read_id(given.store_id, "Store", "storeId")
        answer = await set_store_policy(actor, store_id, _read_policy_changes(given))
        if isinstance(answer, Policy):
            return SetStorePolicyPayload(store_policy=show_policy(answer), user_errors=[])
        return SetStorePolicyPayload(store_policy=None, user_errors=show_problems(answer))

    @mutation(description="Sets the hours of one day of a store, or closes it. May: owner, manager.")
    async def set_special_day(
        self,
        info: Info,
        given: Annotated[SetSpecialDayInput, strawberry.argument(name="input", description="The day.")],
    ) -> SetSpecialDayPayload:
        actor = await info.context.sign_in()
        store_id = read_id(given.store_id, "Store", "storeId")
        hours = [(each.start, each.end) for each in given.hours]
        answer = await set_special_day(actor, store_id, given.day, hours, given.note)
        if isinstance(answer, SpecialDayView):
            return SetSpecialDayPayload(special_day=show_special_day(answer), user_errors=[])
        return SetSpecialDayPayload(special_day=None, user_errors=show_problems(answer))

    @mutation(description="Makes a day one like others of its week again. May: owner, manager.")
    async def remove_special_day(
        self,
        info: Info,
        given: Annotated[RemoveSpecialDayInput, strawberry.argument(name="input", description="The day.")],
    ) -> RemoveSpecialDayPayload:
        actor = await info.context.sign_in()
        problems = await remove_special_day(actor, read_id(given.store_id, "Store", "storeId"), given.day)
        return RemoveSpecialDayPayload(
            day=None if problems else given.day, user_errors=show_problems(problems)
        )


_CLEARABLE = frozenset(
    {
        "grace_minutes",
        "limit_per_customer",
        "check_in_before_minutes",
        "check_in_after_minutes",
        "reminder_minutes",
        "weekly_hours",
    }
)


def _read_policy_changes(given: SetStorePolicyInput) -> Mapping[str, Any]:
    changes = read_changes(given, ("store_id",), _CLEARABLE)
    if changes.get("weekly_hours") is not None:
        changes["weekly_hours"] = tuple(
            OpenHours(each.weekday, each.start, each.end) for each in changes["weekly_hours"]
        )
    return changes
