"""What a reservation has beside its time: pre-orders, money, coupons, package and history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import strawberry

from core.access.values import Role
from core.channels.contract import Refusal
from core.reservations.details import AttachedView, PreorderView, RevisionView, StateView, find_shortfall
from core.reservations.values import DepositStatus, ReservationStatus, ReservationView, ServiceView
from core.reservations.visits.attached_coupons import AttachedStatus
from schema import reservation_enums as reservation_enums
from schema.context import Info
from schema.fields import resolved
from schema.money import Money, show_money, show_optional_money
from schema.packages import CustomerPackage, show_package
from schema.products import Sku, show_sku
from schema.resources import Resource, show_resource
from schema.staff import StaffMember, show_staff_member


@strawberry.type(description="One line of what was ordered with a reservation.")
class PreorderLine:
    view: strawberry.Private[PreorderView]
    title: str = strawberry.field(description="What it was called when it was ordered.")
    quantity: int = strawberry.field(description="How many were ordered.")
    unit_price: Money = strawberry.field(description="What one cost when it was ordered.")
    total: Money = strawberry.field(description="What all of them cost.")

    @resolved(description="The variant as it is now.")
    async def sku(self, info: Info) -> Sku | None:
        view = await (await info.context.load()).skus.load(self.view.sku_id)
        return show_sku(view) if view else None


@strawberry.type(description="A coupon that is redeemed when the guest checks in.")
class AttachedCoupon:
    tail: str = strawberry.field(description="The last four characters of its code.")
    status: AttachedStatus = strawberry.field(description="How far it has come.")
    refusal: Refusal | None = strawberry.field(description="Why check-in could not redeem it.")


@strawberry.type(description="What a reservation was at one time.")
class ReservationState:
    view: strawberry.Private[StateView]
    status: ReservationStatus = strawberry.field(description="How far it had come.")
    start: datetime = strawberry.field(description="When the service was to begin.")
    end: datetime = strawberry.field(description="When it was to end.")
    party_size: int = strawberry.field(description="How many people were to come.")

    @resolved(description="Who was to give it.")
    async def staff(self, info: Info) -> StaffMember | None:
        if self.view.staff_id is None:
            return None
        view = await (await info.context.load()).staff.load(self.view.staff_id)
        return show_staff_member(view) if view else None

    @resolved(description="What it took.")
    async def resources(self, info: Info) -> list[Resource]:
        found = await (await info.context.load()).resources.load_many(list(self.view.resource_ids))
        return [show_resource(view) for view in found if view is not None]


@strawberry.type(description="One change of a reservation.")
class ReservationRevision:
    at: datetime = strawberry.field(description="When it was changed.")
    action: str = strawberry.field(description="By which operation or rule, as in `cancelReservation`.")
    role: Role | None = strawberry.field(description="The role of who did it; null for a rule or a channel.")
    before: ReservationState | None = strawberry.field(
        description="What it was; null where it came into being."
    )
    after: ReservationState = strawberry.field(description="What it became.")


@strawberry.type
class ReservationDetails:
    """The fields of Reservation that come from other tables than its own."""

    view: strawberry.Private[ReservationView]

    @resolved(description="What was ordered with it.")
    async def preorder(self, info: Info) -> list[PreorderLine]:
        return [_show_line(line) for line in await _load_lines(info, self.view.id)]

    @resolved(description="What everything ordered with it costs.")
    async def preorder_total(self, info: Info) -> Money:
        return show_money(sum(line.total for line in await _load_lines(info, self.view.id)))

    @resolved(
        description="What the guest is to spend at least, as the service says now; null: nothing is said."
    )
    async def minimum_spend(self, info: Info) -> Money | None:
        service = await _load_service(info, self.view)
        return show_optional_money(service.minimum_spend if service else None)

    @resolved(
        description="How much is missing to the minimum spend: by what was ordered, and once it is settled by what was"
        " spent. Null where there is no minimum."
    )
    async def spend_shortfall(self, info: Info) -> Money | None:
        service = await _load_service(info, self.view)
        if service is None:
            return None
        lines = await _load_lines(info, self.view.id)
        spent = await (await info.context.load()).spends.load(self.view.id)
        return show_optional_money(find_shortfall(service, lines, spent))

    @resolved(description="What is paid beforehand.")
    def deposit(self, info: Info) -> Money:
        return show_money(self.view.deposit)

    @resolved(description="What became of the deposit.")
    def deposit_status(self, info: Info) -> DepositStatus:
        return DepositStatus(self.view.deposit_status)

    @resolved(description="The package that its visit was drawn from.")
    async def package(self, info: Info) -> CustomerPackage | None:
        if self.view.package_id is None:
            return None
        view = await (await info.context.load()).packages.load(self.view.package_id)
        return show_package(view) if view else None

    @resolved(description="The coupons that are redeemed at check-in, or were.")
    async def attached_coupons(self, info: Info) -> list[AttachedCoupon]:
        found = await (await info.context.load()).attached.load(self.view.id)
        return [_show_attached(view) for view in found or ()]

    @resolved(description="Its changes, oldest first; null for customers.")
    async def history(self, info: Info) -> list[ReservationRevision] | None:
        found = await (await info.context.load()).revisions.load(self.view.id)
        return None if found is None else show_revisions(found)


def show_revisions(views: Iterable[RevisionView]) -> list[ReservationRevision]:
    return [
        ReservationRevision(
            at=view.at,
            action=view.action,
            role=view.role,
            before=_show_state(view.before) if view.before else None,
            after=_show_state(view.after),
        )
        for view in views
    ]


async def _load_lines(info: Info, reservation_id: UUID) -> tuple[PreorderView, ...]:
    return await (await info.context.load()).preorders.load(reservation_id) or ()


async def _load_service(info: Info, view: ReservationView) -> ServiceView | None:
    return await (await info.context.load()).services.load(view.service_id)


def _show_line(view: PreorderView) -> PreorderLine:
    return PreorderLine(
        view=view,
        title=view.title,
        quantity=view.quantity,
        unit_price=show_money(view.unit_price),
        total=show_money(view.total),
    )


def _show_attached(view: AttachedView) -> AttachedCoupon:
    return AttachedCoupon(tail=view.tail, status=view.status, refusal=view.refusal)


def _show_state(view: StateView) -> ReservationState:
    return ReservationState(
        view=view, status=view.status, start=view.start, end=view.end, party_size=view.party_size
    )
