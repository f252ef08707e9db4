"""The closed sets of what belongs to payments, as GraphQL enums: see `schema.enums`."""

from __future__ import annotations

from core.payments.values import PaymentMethod
from schema.enums import describe_enum

describe_enum(
    PaymentMethod,
    "How an order of the shop's own is paid.",
    {
        PaymentMethod.AT_COUNTER: "At the counter, to the shop's staff.",
        PaymentMethod.WECHAT_PAY: "In the mini-program, with WeChat Pay.",
    },
)
