"""The closed sets of what belongs to orders, as GraphQL enums: see `schema.enums`."""

from __future__ import annotations

from core.channels.contract import OrderStatus, OrderType, RefundStatus
from core.orders.values import FulfilmentRisk, OrderErrorCode
from schema.enums import describe_enum

describe_enum(
    OrderType,
    "How an order reaches its buyer.",
    {
        OrderType.SHIPPED: "By parcel.",
        OrderType.TAKEAWAY: "By a courier, at once.",
        OrderType.IN_STORE: "It is used up in the store.",
        OrderType.PICKUP: "The buyer fetches it.",
        OrderType.VOUCHER: "It is a coupon.",
        OrderType.UNRECOGNISED: "The channel says something that is not understood.",
    },
)
describe_enum(
    OrderStatus,
    "How far an order has come.",
    {
        OrderStatus.PENDING_PAYMENT: "It is to be paid, or a coupon's outcome is not known yet.",
        OrderStatus.PAID: "It is paid.",
        OrderStatus.PREPARING: "The shop has begun with it.",
        OrderStatus.PARTLY_SHIPPED: "A part of it is on its way.",
        OrderStatus.SHIPPED: "It is on its way.",
        OrderStatus.DELIVERED: "The buyer has it.",
        OrderStatus.COMPLETED: "It is done.",
        OrderStatus.CANCELLED: "It was cancelled.",
        OrderStatus.CLOSED: "It ended without being completed, such as one that was never paid or wholly refunded.",
        OrderStatus.UNRECOGNISED: "The channel says something that is not understood.",
    },
)
describe_enum(
    RefundStatus,
    "How far a refund has come.",
    {
        RefundStatus.REQUESTED: "The buyer asks for it.",
        RefundStatus.APPROVED: "The shop agrees; the money is on its way.",
        RefundStatus.REJECTED: "The shop does not agree.",
        RefundStatus.COMPLETED: "The buyer has the money.",
        RefundStatus.CANCELLED: "The buyer does not ask any more.",
        RefundStatus.UNRECOGNISED: "The channel says something that is not understood.",
    },
)
describe_enum(
    FulfilmentRisk,
    "How an order or a line stands to the day by which it is promised.",
    {
        FulfilmentRisk.NONE: "Nothing is left to be shipped, or nothing was promised.",
        FulfilmentRisk.ON_TRACK: "There is time enough.",
        FulfilmentRisk.AT_RISK: "Less time is left than nine of ten orders take the shop, in working hours.",
        FulfilmentRisk.LATE: "The promised day is over.",
    },
)
describe_enum(
    OrderErrorCode,
    "Why an order was not placed or changed.",
    {
        OrderErrorCode.OUT_OF_STOCK: "There is not so much left.",
        OrderErrorCode.UNKNOWN_SKU: "The store does not sell that.",
        OrderErrorCode.PRESALE_CLOSED: "The presale is over, paused, or has not begun.",
        OrderErrorCode.PRESALE_SOLD_OUT: "The presale is sold out.",
        OrderErrorCode.COUPON_REFUSED: "A coupon was refused; `couponCode` says why.",
        OrderErrorCode.COUPON_OUTCOME_UNKNOWN: "It is not known yet whether a coupon was redeemed; it settles by itself.",
        OrderErrorCode.PAYMENT_UNAVAILABLE: "That way of paying is not available.",
        OrderErrorCode.NOT_CANCELLABLE: "It cannot be cancelled any more.",
        OrderErrorCode.INVALID: "Something about the input is not right.",
    },
)
