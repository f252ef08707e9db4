"""Ordering at the shop itself: what an order costs, placing it, paying it, cancelling it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.channels.contract import Refusal
from core.messages import refusal_text
from core.orders.cancelling import cancel_order
from core.orders.completing import complete_order
from core.orders.coupon_codes import Codes
from core.orders.placed import PlacedOrder
from core.orders.placing import OrderInput, place_order
from core.orders.problems import describe_order_problem
from core.orders.quoting import quote_order
from core.orders.values import OrderErrorCode, OrderProblem, OrderView
from core.payments.counter import record_payment
from core.payments.refunds import record_refund
from core.payments.values import PaymentMethod
from schema import order_enums as order_enums
from schema import payment_enums as payment_enums
from schema.booking import ContactInput, OrderLineInput, read_contact, read_lines
from schema.context import Info
from schema.coupons import Coupon, show_coupon
from schema.fields import mutation, resolved
from schema.ids import read_id
from schema.money import Money, read_yuan, show_money
from schema.orders import Order, show_order
from schema.redemptions import CouponCodeInput, Redemption, read_code, show_redemption

_KEY = "Chosen by the client, the same for every repeat. Kept 24 hours at least."
_CODES = "Typed or scanned, one of each."
_COUPONS = "The same with a count, the coupons of a code, or its channel."


@strawberry.type(description="Why an order is not placed or changed.")
class OrderUserError:
    code: OrderErrorCode = strawberry.field(description="What is wrong; never changes with the language.")
    message: str = strawberry.field(description="For people, in the language of Accept-Language.")
    field: list[str] | None = strawberry.field(
        description='The path inside the input, as in `["lines", "0", "skuId"]`.'
    )
    coupon_code: Refusal | None = strawberry.field(description="Why a coupon was refused.")


def show_order_problems(problems: Iterable[OrderProblem]) -> list[OrderUserError]:
    """The problems with their texts. A refused coupon is told of in the words of its reason."""
    return [
        OrderUserError(
            code=problem.code,
            message=_describe(problem),
            field=list(problem.field) or None,
            coupon_code=Refusal(problem.coupon_code) if problem.coupon_code else None,
        )
        for problem in problems
    ]


def _describe(problem: OrderProblem) -> str:
    if problem.code is OrderErrorCode.COUPON_REFUSED and problem.coupon_code and not problem.values:
        return refusal_text(Refusal(problem.coupon_code), "customer")
    return describe_order_problem(problem)


# --------------------------------------------------------------------------------------------------------------- input
@strawberry.input(description="An order to ask the price of.")
class QuoteOrderInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    lines: list[OrderLineInput] = strawberry.field(description="What is wanted.")
    coupon_codes: list[str] | None = strawberry.field(default=None, description=_CODES)
    coupons: list[CouponCodeInput] | None = strawberry.field(default=None, description=_COUPONS)


@strawberry.input(description="An order to place.")
class PlaceOrderInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    lines: list[OrderLineInput] = strawberry.field(description="What is ordered.")
    coupon_codes: list[str] | None = strawberry.field(default=None, description=_CODES)
    coupons: list[CouponCodeInput] | None = strawberry.field(default=None, description=_COUPONS)
    contact: ContactInput | None = strawberry.field(
        default=None, description="Taken from the customer's profile when absent."
    )
    note: str | None = strawberry.field(default=None, description="For the shop, 500 characters at most.")
    payment: PaymentMethod | None = strawberry.field(
        default=PaymentMethod.AT_COUNTER, description="How it is paid."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="An order to cancel.")
class CancelOrderInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    reason: str | None = strawberry.field(default=None, description="Why, 300 characters at most.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="What was paid at the counter.")
class RecordPaymentInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    amount: Decimal | None = strawberry.field(
        default=None, description="In yuan, where the terminal says it; anything but what is due is refused."
    )
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Money handed back at the counter.")
class RecordRefundInput:
    order_id: strawberry.ID = strawberry.field(description="The cancelled order.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="An order that was handed over.")
class CompleteOrderInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    idempotency_key: str = strawberry.field(description=_KEY)


# ------------------------------------------------------------------------------------------------------------- answers
@strawberry.type(description="What an order would cost. Nothing is taken, and no coupon is used.")
class OrderQuote:
    subtotal: Money = strawberry.field(description="What the lines cost that can be ordered.")
    discount: Money = strawberry.field(description="What the usable coupons take off, at most the subtotal.")
    total: Money = strawberry.field(description="What is left to pay.")
    coupons: list[Coupon] = strawberry.field(description="The coupons that would be used.")
    user_errors: list[OrderUserError] = strawberry.field(description="What placeOrder would refuse.")


@strawberry.type(description="The answer to placeOrder.")
class PlaceOrderPayload:
    order: Order | None = strawberry.field(description="The order, null if none was placed.")
    redemptions: list[Redemption] = strawberry.field(description="One per coupon.")
    payment_request: JSON | None = strawberry.field(
        description="What the mini-program hands to its payment; null where it is paid at the counter."
    )
    user_errors: list[OrderUserError] = strawberry.field(description="What speaks against it.")


@strawberry.type(description="The answer to cancelOrder.")
class CancelOrderPayload:
    order: Order | None = strawberry.field(description="The cancelled order, null if it was not cancelled.")
    redemptions: list[Redemption] = strawberry.field(
        description="Its coupons; those that are REVERSING are given back as soon as their platform answers."
    )
    user_errors: list[OrderUserError] = strawberry.field(
        description="Why it was not cancelled, or which coupon stays used."
    )


@strawberry.type(description="The answer to recordPayment.")
class RecordPaymentPayload:
    order: Order | None = strawberry.field(description="The paid order, null if nothing was noted.")
    user_errors: list[OrderUserError] = strawberry.field(description="Why nothing was noted.")


@strawberry.type(description="The answer to recordRefund.")
class RecordRefundPayload:
    order: Order | None = strawberry.field(description="The order, null if nothing was noted.")
    user_errors: list[OrderUserError] = strawberry.field(description="Why nothing was noted.")


@strawberry.type(description="The answer to completeOrder.")
class CompleteOrderPayload:
    order: Order | None = strawberry.field(description="The completed order, null if it is not completed.")
    user_errors: list[OrderUserError] = strawberry.field(description="Why it is not.")


@strawberry.type
class PlacingQueries:
    @resolved(
        description="What an order would cost with these coupons, of any channel. May: everybody; staff and pos in their"
        " stores."
    )
    async def quote_order(
        self,
        info: Info,
        given: Annotated[QuoteOrderInput, strawberry.argument(name="input", description="The order.")],
    ) -> OrderQuote:
        context = info.context
        quote = await quote_order(
            context.runtime,
            await context.sign_in(),
            read_id(given.store_id, "Store", "storeId"),
            read_lines(given.lines, "lines"),
            _read_codes(given),
        )
        return OrderQuote(
            subtotal=show_money(quote.subtotal),
            discount=show_money(quote.discount),
            total=show_money(quote.total),
            coupons=[show_coupon(view) for view in quote.coupons],
            user_errors=show_order_problems(quote.problems),
        )


@strawberry.type
class PlacingMutations:
    @mutation(
        description="Places an order of the shop's own and redeems its coupons, all or nothing, once per idempotency key."
        " While a coupon's outcome is unknown the order is PENDING_PAYMENT and keeps its stock. May: everybody; staff and"
        " pos in their stores."
    )
    async def place_order(
        self,
        info: Info,
        given: Annotated[PlaceOrderInput, strawberry.argument(name="input", description="The order.")],
    ) -> PlaceOrderPayload:
        context = info.context
        wanted = OrderInput(
            store_id=read_id(given.store_id, "Store", "storeId"),
            lines=read_lines(given.lines, "lines"),
            idempotency_key=given.idempotency_key,
            codes=_read_codes(given),
            contact=read_contact(given.contact),
            note=given.note,
            payment=given.payment or PaymentMethod.AT_COUNTER,
        )
        placed = await place_order(context.runtime, await context.sign_in(), wanted)
        return PlaceOrderPayload(
            order=show_order(placed.order) if placed.order else None,
            redemptions=_show_redemptions(placed),
            payment_request=None,
            user_errors=show_order_problems(placed.problems),
        )

    @mutation(
        description="Cancels an order of the shop's own before it is handed over: stock and coupons are given back, and"
        " what was paid is due to go back. May: owner, manager, staff, pos (their stores), customer (their own, until 30"
        " minutes after payment)."
    )
    async def cancel_order(
        self,
        info: Info,
        given: Annotated[CancelOrderInput, strawberry.argument(name="input", description="The order.")],
    ) -> CancelOrderPayload:
        context = info.context
        order_id = read_id(given.order_id, "Order", "orderId")
        cancelled = await cancel_order(
            context.runtime, await context.sign_in(), order_id, given.reason, given.idempotency_key
        )
        return CancelOrderPayload(
            order=show_order(cancelled.order) if cancelled.order else None,
            redemptions=_show_redemptions(cancelled),
            user_errors=show_order_problems(cancelled.problems),
        )

    @mutation(
        description="Notes that what is due for an order was paid at the counter: the order is PAID. May: owner, manager,"
        " staff, pos (their stores)."
    )
    async def record_payment(
        self,
        info: Info,
        given: Annotated[RecordPaymentInput, strawberry.argument(name="input", description="The payment.")],
    ) -> RecordPaymentPayload:
        context = info.context
        order_id, amount = read_id(given.order_id, "Order", "orderId"), read_yuan(given.amount, "amount")
        answer = await record_payment(
            context.runtime, await context.sign_in(), order_id, amount, given.idempotency_key
        )
        order, problems = _show_answer(answer)
        return RecordPaymentPayload(order=order, user_errors=problems)

    @mutation(
        description="Notes that what is due to go back for a cancelled order was handed over at the counter. May: owner,"
        " manager, staff (their stores)."
    )
    async def record_refund(
        self,
        info: Info,
        given: Annotated[RecordRefundInput, strawberry.argument(name="input", description="The order.")],
    ) -> RecordRefundPayload:
        context = info.context
        order_id = read_id(given.order_id, "Order", "orderId")
        answer = await record_refund(
            context.runtime, await context.sign_in(), order_id, given.idempotency_key
        )
        order, problems = _show_answer(answer)
        return RecordRefundPayload(order=order, user_errors=problems)

    @mutation(
        description="Notes that a paid order was handed over: it is COMPLETED, and nobody cancels it any more. May: owner,"
        " manager, staff, pos (their stores)."
    )
    async def complete_order(
        self,
        info: Info,
        given: Annotated[CompleteOrderInput, strawberry.argument(name="input", description="The order.")],
    ) -> CompleteOrderPayload:
        context = info.context
        order_id = read_id(given.order_id, "Order", "orderId")
        answer = await complete_order(
            context.runtime, await context.sign_in(), order_id, given.idempotency_key
        )
        order, problems = _show_answer(answer)
        return CompleteOrderPayload(order=order, user_errors=problems)


def _show_answer(answer: OrderView | OrderProblem) -> tuple[Order | None, list[OrderUserError]]:
    """The two sides of a payload."""
    if isinstance(answer, OrderView):
        return show_order(answer), []
    return None, show_order_problems([answer])


def _show_redemptions(placed: PlacedOrder) -> list[Redemption]:
    return [show_redemption(view, placed.codes.get(view.id)) for view in placed.redemptions]


def _read_codes(given: QuoteOrderInput | PlaceOrderInput) -> Codes:
    short = [CouponCodeInput(code=code) for code in given.coupon_codes or ()]
    listed = given.coupons or []
    inputs = [read_code(code, "couponCodes", str(index)) for index, code in enumerate(short)]
    inputs += [read_code(code, "coupons", str(index)) for index, code in enumerate(listed)]
    return Codes(tuple(inputs), len(short))
