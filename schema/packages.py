"""Prepaid visits: selling, closing and seeing them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from core.reservations.package_sales import PackageInput, close_package, sell_package
from core.reservations.packages import DrawStatus, DrawView, PackageView, list_packages
from schema import reservation_enums as reservation_enums
from schema.context import Context, Info
from schema.customers import Customer, show_customer
from schema.fields import mutation, resolved
from schema.ids import Node, read_id, read_ids, read_optional_id, show_id
from schema.problems import UserError, show_problems
from schema.services import Service, show_service
from schema.stores import Store, show_store

if TYPE_CHECKING:
    from schema.reservations import Reservation

_KEY = "Chosen by the client, the same for every repeat. Kept 24 hours at least. Without one every call sells another."
_RESERVATION = strawberry.lazy("schema.reservations")


@strawberry.type(description="A visit that a reservation drew from a package.")
class PackageDraw:
    view: strawberry.Private[DrawView]
    status: DrawStatus = strawberry.field(description="What became of it.")
    drawn_at: datetime = strawberry.field(description="When it was drawn.")

    @resolved(description="The reservation; null where it is out of the reader's sight.")
    async def reservation(self, info: Info) -> Annotated[Reservation, _RESERVATION] | None:
        from schema.reservations import show_reservation

        view = await (await info.context.load()).reservations.load(self.view.reservation_id)
        return show_reservation(view) if view else None


@strawberry.type(description="Prepaid visits of a customer: lessons, or the visits of a course.")
class CustomerPackage(Node):
    view: strawberry.Private[PackageView]
    name: str = strawberry.field(description="What was sold.")
    sessions_total: int = strawberry.field(description="How many visits were sold.")
    sessions_left: int = strawberry.field(description="How many of them can still be drawn.")
    valid_from: datetime | None = strawberry.field(
        description="Good for visits that begin at this instant or later; null: at once."
    )
    valid_until: datetime | None = strawberry.field(
        description="Good for visits that begin before this instant; null: for ever."
    )
    closed: bool = strawberry.field(description="Whether it was closed: nothing can be drawn any more.")

    @resolved(description="Whose it is.")
    async def customer(self, info: Info) -> Customer | None:
        view = await (await info.context.load()).customers.load(self.view.customer_id)
        return show_customer(view) if view else None

    @resolved(description="Where it is good; null: at every store.")
    async def store(self, info: Info) -> Store | None:
        if self.view.store_id is None:
            return None
        view = await (await info.context.load()).stores.load(self.view.store_id)
        return show_store(view) if view else None

    @resolved(description="What its visits can be spent on.")
    async def services(self, info: Info) -> list[Service]:
        found = await (await info.context.load()).services.load_many(list(self.view.service_ids))
        return [show_service(view) for view in found if view is not None]

    @resolved(description="What was drawn from it, oldest first.")
    async def draws(self, info: Info) -> list[PackageDraw]:
        found = await (await info.context.load()).draws.load(self.view.id)
        return [PackageDraw(view=view, status=view.status, drawn_at=view.drawn_at) for view in found or ()]


def show_package(view: PackageView) -> CustomerPackage:
    return CustomerPackage(
        id=show_id("CustomerPackage", view.id),
        view=view,
        name=view.name,
        sessions_total=view.sessions_total,
        sessions_left=view.sessions_left,
        valid_from=view.valid_from,
        valid_until=view.valid_until,
        closed=not view.active,
    )


async def find_own_package(context: Context, row_id: UUID) -> CustomerPackage | None:
    """A package that the caller may see."""
    view = await (await context.load()).packages.load(row_id)
    return show_package(view) if view else None


@strawberry.input(description="Prepaid visits for a customer.")
class SellPackageInput:
    customer_id: strawberry.ID = strawberry.field(description="Who bought them.")
    store_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where they are good; null: at every store, for owners and managers."
    )
    name: str = strawberry.field(description="What was sold, 120 characters at most.")
    service_ids: list[strawberry.ID] = strawberry.field(
        description="What they can be spent on, 1 to 50 services."
    )
    sessions: int | None = strawberry.field(
        default=None, description="How many, 1 to 1,000; null for one COURSE: as many visits as it has."
    )
    valid_from: datetime | None = strawberry.field(
        default=None, description="For visits that begin at this instant or later."
    )
    valid_until: datetime | None = strawberry.field(
        default=None, description="For visits that begin before this instant."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="The answer to sellPackage.")
class SellPackagePayload:
    customer_package: CustomerPackage | None = strawberry.field(
        description="The package, null if none was sold."
    )
    user_errors: list[UserError] = strawberry.field(description="Why none was sold.")


@strawberry.input(description="A package that is not to be spent any more.")
class ClosePackageInput:
    package_id: strawberry.ID = strawberry.field(description="The package.")
    reason: str = strawberry.field(description="Why, for the audit trail; 200 characters at most.")


@strawberry.type(description="The answer to closePackage.")
class ClosePackagePayload:
    customer_package: CustomerPackage | None = strawberry.field(
        description="The closed package, null if it was not closed."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was not closed.")


@strawberry.type
class PackageQueries:
    @resolved(
        description="A customer's last 200 packages, newest first. May: owner, manager, staff, pos (those good at their"
        " stores), customer (their own)."
    )
    async def customer_packages(
        self,
        info: Info,
        customer_id: Annotated[strawberry.ID, strawberry.argument(description="The customer.")],
    ) -> list[CustomerPackage]:
        actor = await info.context.sign_in()
        found = await list_packages(actor, read_id(customer_id, "Customer", "customerId"))
        return [show_package(view) for view in found]


@strawberry.type
class PackageMutations:
    @mutation(
        description="Puts prepaid visits into a customer's name; the payment is the till's business. May: owner, manager,"
        " staff, pos (their stores)."
    )
    async def sell_package(
        self,
        info: Info,
        given: Annotated[SellPackageInput, strawberry.argument(name="input", description="The package.")],
    ) -> SellPackagePayload:
        context = info.context
        answer = await sell_package(context.runtime, await context.sign_in(), _read_package(given))
        if isinstance(answer, PackageView):
            return SellPackagePayload(customer_package=show_package(answer), user_errors=[])
        return SellPackagePayload(customer_package=None, user_errors=show_problems(answer))

    @mutation(
        description="Ends a package: no visit can be drawn from it any more. A repeat changes nothing. May: owner,"
        " manager."
    )
    async def close_package(
        self,
        info: Info,
        given: Annotated[ClosePackageInput, strawberry.argument(name="input", description="The package.")],
    ) -> ClosePackagePayload:
        actor = await info.context.sign_in()
        package_id = read_id(given.package_id, "CustomerPackage", "packageId")
        answer = await close_package(actor, package_id, given.reason)
        if isinstance(answer, PackageView):
            return ClosePackagePayload(customer_package=show_package(answer), user_errors=[])
        return ClosePackagePayload(customer_package=None, user_errors=show_problems(answer))


def _read_package(given: SellPackageInput) -> PackageInput:
    return PackageInput(
        customer_id=read_id(given.customer_id, "Customer", "customerId"),
        name=given.name,
        service_ids=read_ids(given.service_ids, "Service", "serviceIds"),
        sessions=given.sessions,
        store_id=read_optional_id(given.store_id, "Store", "storeId"),
        valid_from=given.valid_from,
        valid_until=given.valid_until,
        idempotency_key=given.idempotency_key,
    )
