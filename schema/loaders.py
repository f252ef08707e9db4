"""One reading per kind and request, however many fields ask: what an actor may see, in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from core.access.customers import CustomerService
from core.access.stores import load_stores
from core.access.values import Actor, CustomerView, StoreView
from core.catalogue.products import ProductView, SkuView, load_product_skus, load_products, load_skus
from core.channels.accounts import ChannelAccountView
from core.coupons.batches import BatchView, load_batches
from core.coupons.ledger import load_coupons, load_redemptions
from core.coupons.values import CouponView, RedemptionView
from core.orders.order_parts import load_order_lines, load_order_refunds, load_order_shipments
from core.orders.order_redemptions import load_order_redemptions
from core.orders.order_rows import load_orders
from core.orders.values import LineView, OrderView, RefundView, ShipmentView
from core.presale.campaign_rows import load_campaigns, load_own_sku_ids, load_own_waves
from core.presale.values import CampaignView, WaveView
from core.reservations.details import (
    AttachedView,
    PreorderView,
    RevisionView,
    load_attached,
    load_preorders,
    load_revisions,
    load_spends,
)
from core.reservations.packages import DrawView, PackageView, load_draws, load_packages
from core.reservations.reservation_rows import load_reservations
from core.reservations.setup.classes import ClassView, load_classes
from core.reservations.setup.resources import load_resources
from core.reservations.setup.services import load_services
from core.reservations.setup.staff import load_staff_members
from core.reservations.values import ReservationView, ResourceView, ServiceView, StaffView
from core.reservations.waitlist.rows import EntryView, load_entries

if TYPE_CHECKING:
    from core.runtime import Runtime

View = TypeVar("View")
Load = Callable[[Actor, list[UUID]], Awaitable[Mapping[UUID, View]]]


class Loaders:
    """Loaders of one actor for one request, made when they are first used. What the actor may not see is None."""

    def __init__(self, runtime: Runtime, actor: Actor) -> None:
        self._runtime = runtime
        self._actor = actor

    @cached_property
    def coupons(self) -> DataLoader[UUID, CouponView | None]:
        return _load_with(load_coupons, self._actor)

    @cached_property
    def redemptions(self) -> DataLoader[UUID, RedemptionView | None]:
        return _load_with(load_redemptions, self._actor)

    @cached_property
    def stores(self) -> DataLoader[UUID, StoreView | None]:
        return _load_with(load_stores, self._actor)

    @cached_property
    def batches(self) -> DataLoader[UUID, BatchView | None]:
        return _load_with(load_batches, self._actor)

    @cached_property
    def accounts(self) -> DataLoader[UUID, ChannelAccountView | None]:
        return _load_with(self._runtime.accounts.load_accounts, self._actor)

    @cached_property
    def customers(self) -> DataLoader[UUID, CustomerView | None]:
        return _load_with(CustomerService(self._runtime.keys).load_customers, self._actor)

    @cached_property
    def reservations(self) -> DataLoader[UUID, ReservationView | None]:
        return _load_with(load_reservations, self._actor)

    @cached_property
    def preorders(self) -> DataLoader[UUID, tuple[PreorderView, ...] | None]:
        return _load_with(load_preorders, self._actor)

    @cached_property
    def spends(self) -> DataLoader[UUID, int | None]:
        return _load_with(load_spends, self._actor)

    @cached_property
    def attached(self) -> DataLoader[UUID, tuple[AttachedView, ...] | None]:
        return _load_with(load_attached, self._actor)

    @cached_property
    def revisions(self) -> DataLoader[UUID, tuple[RevisionView, ...] | None]:
        return _load_with(load_revisions, self._actor)

    @cached_property
    def packages(self) -> DataLoader[UUID, PackageView | None]:
        return _load_with(load_packages, self._actor)

    @cached_property
    def draws(self) -> DataLoader[UUID, tuple[DrawView, ...] | None]:
        return _load_with(load_draws, self._actor)

    @cached_property
    def classes(self) -> DataLoader[UUID, ClassView | None]:
        return _load_with(load_classes, self._actor)

    @cached_property
    def waitlist(self) -> DataLoader[UUID, EntryView | None]:
        return _load_with(load_entries, self._actor)

    @cached_property
    def services(self) -> DataLoader[UUID, ServiceView | None]:
        return _load_with(load_services, self._actor)

    @cached_property
    def staff(self) -> DataLoader[UUID, StaffView | None]:
        return _load_with(load_staff_members, self._actor)

    @cached_property
    def resources(self) -> DataLoader[UUID, ResourceView | None]:
        return _load_with(load_resources, self._actor)

    @cached_property
    def products(self) -> DataLoader[UUID, ProductView | None]:
        return _load_with(load_products, self._actor)

    @cached_property
    def skus(self) -> DataLoader[UUID, SkuView | None]:
        return _load_with(load_skus, self._actor)

    @cached_property
    def campaigns(self) -> DataLoader[UUID, CampaignView | None]:
        return _load_with(load_campaigns, self._actor)

    @cached_property
    def campaign_waves(self) -> DataLoader[UUID, tuple[WaveView, ...] | None]:
        return _load_with(load_own_waves, self._actor)

    @cached_property
    def campaign_sku_ids(self) -> DataLoader[UUID, tuple[UUID, ...] | None]:
        return _load_with(load_own_sku_ids, self._actor)

    @cached_property
    def product_skus(self) -> DataLoader[UUID, tuple[SkuView, ...] | None]:
        return _load_with(load_product_skus, self._actor)

    @cached_property
    def orders(self) -> DataLoader[UUID, OrderView | None]:
        return _load_with(load_orders, self._actor)

    @cached_property
    def order_lines(self) -> DataLoader[UUID, tuple[LineView, ...] | None]:
        return _load_with(load_order_lines, self._actor)

    @cached_property
    def order_refunds(self) -> DataLoader[UUID, tuple[RefundView, ...] | None]:
        return _load_with(load_order_refunds, self._actor)

    @cached_property
    def order_shipments(self) -> DataLoader[UUID, tuple[ShipmentView, ...] | None]:
        return _load_with(load_order_shipments, self._actor)

    @cached_property
    def order_redemptions(self) -> DataLoader[UUID, tuple[RedemptionView, ...] | None]:
        return _load_with(load_order_redemptions, self._actor)


def _load_with(load: Load[View], actor: Actor) -> DataLoader[UUID, View | None]:
    async def load_batch(ids: list[UUID]) -> list[View | None]:
        found = await load(actor, ids)
        return [found.get(row_id) for row_id in ids]

    return DataLoader(load_batch)
