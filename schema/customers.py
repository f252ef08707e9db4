"""Customers."""

from __future__ import annotations

import strawberry

from core.access.values import CustomerView
from schema.ids import Node, show_id


@strawberry.type(description="A customer of the merchant.")
class Customer(Node):
    name: str | None = strawberry.field(description="As the customer gave it.")
    phone: str | None = strawberry.field(
        description="Masked (138****1234) unless the token has the scope phones."
    )


def show_customer(customer: CustomerView) -> Customer:
    return Customer(id=show_id("Customer", customer.id), name=customer.name, phone=customer.phone)
