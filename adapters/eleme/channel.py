"""The channel `eleme`: vouchers of Ele.me and Koubei local life (饿了么/口碑到店), on the Taobao open platform."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar
from uuid import NAMESPACE_OID, uuid5

from pydantic import Field, SecretStr, field_validator

from adapters.eleme.client import ElemeClient
from adapters.eleme.parse import (
    list_transactions,
    parse_found,
    parse_outcomes,
    parse_refusal,
    parse_reversal_refusal,
    parse_state,
)
from adapters.eleme.tables import LISTS_USES, STATUS_BY_REFUSAL
from adapters.eleme.wire import ReverseRequest, UseRequest
from core.channels.contract import (
    Capability,
    Channel,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Idempotency,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Recognition,
    Redeemed,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    RegisterChannel,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversed,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl

# "12 digits, unique", the page of use says; codes of Meituan catering and of others look the same.
_CODE = re.compile(r"\d{12}", re.ASCII)
_NOBODYS_CODE = "000000000000"


class ElemeCredentials(ChannelModel):
    """The app on open.taobao.com and the merchant's session key. The other three are for takeaway orders only."""

    top_app_key: str = Field(min_length=1)
    top_app_secret: SecretStr = Field(min_length=1)
    top_session: SecretStr = Field(min_length=1)
    app_key: str | None = None
    app_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None


class ElemeSettings(ChannelModel):
    """`top_base_url` is the whole address of the TOP gateway (INFERRED default), `base_url` that of takeaway orders."""

    top_base_url: str = "https://eco.taobao.com/router/rest"
    base_url: str = "https://open-api.shop.ele.me"

    @field_validator("top_base_url", "base_url")
    @classmethod
    def check_address(cls, value: str) -> str:
        """Refuses what is no http(s) address, or one with a query."""
        link = parse_link(value)
        if link is None or link.query:
            raise ValueError("must be an http or https address without a query")
        return value


Session = ChannelSession[ElemeCredentials, ElemeSettings]


class ElemeCoupons(Coupons):
    """Consult, use and reserve (which reverses) of the voucher services.

    A reference is a `ticket_id`; a handle is the same with the number of its uses behind a "*"; a receipt is a
    `ticket_trans_id`, or stands for one where the platform gives none. A redeem token becomes `ticket_request_id`.
    Uses are not listed: see LISTS_USES.
    """

    # "Never the same" is documented for ticket_request_id, and a biz_code for its repeats; how long they are known is
    # not, nor how late a call may land: token_lifetime and in_flight are INFERRED. There is no query of uses, so
    # `status` tells of unused vouchers only. No limit of time is documented for reversals.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.TOKEN,
        status_by=StatusBy.UNUSED_ONLY,
        reversal=Reversibility(possible=True),
        in_flight=timedelta(seconds=30),
        token_lifetime=timedelta(minutes=10),
        batch_atomic=False,
        lists_uses=LISTS_USES,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. Raises Misconfigured where the store has no shop id at the platform."""
        if scanned.link is not None:
            return NotMine()
        answer = await ElemeClient(session).consult(_require_shop(session, "consult"), scanned.code)
        if answer.code is None:
            return parse_found(answer.body, scanned.code)
        refused = parse_refusal(answer)
        return NotMine() if refused.reason is Refusal.UNKNOWN_CODE else refused

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Redeemed | RedeemRefused]:
        """See `Coupons.redeem`. One call; for several vouchers of an order it carries their number only.

        The platform then picks the vouchers. OutcomeUnknown where it used another than was asked for.
        """
        request = _write_use(order, _require_shop(session, "use"))
        answer = await ElemeClient(session).use(request)
        try:
            return parse_outcomes(answer, order, request["ticket_request_id"], session.clock.now())
        except ProtocolFailure as failure:
            code = failure.platform_code
            raise OutcomeUnknown(failure.message, operation="use", platform_code=code) from failure

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Consult shows the vouchers that can be used, and no uses."""
        answer = await ElemeClient(session).consult(_require_shop(session, "consult"), query.code)
        if answer.code is None:
            return parse_state(answer.body, query.code, query.reference)
        status = STATUS_BY_REFUSAL.get(parse_refusal(answer).reason)
        if status is None:
            code = answer.quoted_code
            raise ProtocolFailure("consult tells no state", operation="status", platform_code=code)
        return CouponState(query.reference, status)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. One call per use; the first that is refused ends it.

        NOT_REVERSIBLE, without a call, for uses that the platform did not number and that have others beside them.
        """
        transactions = list_transactions(order)
        if transactions is None:
            return ReversalRefused(Refused(Refusal.NOT_REVERSIBLE))
        for transaction in transactions:
            refused = await self._take_back(session, order, transaction)
            if refused:
                return ReversalRefused(refused)
        return Reversed()

    async def _take_back(
        self, session: Session, order: ReversalOrder, transaction: str | None
    ) -> Refused | None:
        """Takes one use back; None where it is taken back now, by this call or an earlier one of ours."""
        answer = await ElemeClient(session).reverse(_write_reverse(order, transaction))
        if answer.code is None:
            return None
        refused = parse_reversal_refusal(answer)
        if order.attempt == 1:
            return refused
        if refused.reason is Refusal.ALREADY_REVERSED:
            return None
        if refused.reason is Refusal.REFUSED_BY_CHANNEL:
            # It may be the platform's word for "taken back already", by our own first call.
            code = refused.platform_code
            raise OutcomeUnknown("an unlisted refusal on a repeat", operation="reverse", platform_code=code)
        return refused


class ElemeChannel(Channel):
    """Ele.me and Koubei local life as core sees them."""

    code = "eleme"
    name = "Ele.me (饿了么)"
    capabilities = frozenset({Capability.COUPONS})
    credentials_model = ElemeCredentials
    settings_model = ElemeSettings
    simulator = "adapters.eleme.simulator:app"
    samples = ("882461099001", "8824 6109 9002")

    def __init__(self) -> None:
        self.coupons = ElemeCoupons()

    def recognise(self, scanned: Scanned) -> Recognition:
        """Codes by their length, which others share; links are never vouchers."""
        is_code = scanned.link is None and _CODE.fullmatch(scanned.code)
        return Recognition.POSSIBLE if is_code else Recognition.NO

    async def check_account(self, session: Session) -> None:
        """Asks about a code that is nobody's: the gateway checks key, signature and session before the service.

        Raises CredentialsRefused naming topAppKey, topAppSecret or topSession.
        """
        await ElemeClient(session).consult(session.external_store_id or "0", _NOBODYS_CODE)


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `eleme`."""
    register(ElemeChannel())


def _require_shop(session: Session, operation: str) -> str:
    if not session.external_store_id:
        message = "the store has no shop id (alsc_store_id) at the platform"
        raise Misconfigured(message, setting="externalStoreId", operation=operation)
    return session.external_store_id


def _write_use(order: RedeemOrder, shop_id: str) -> UseRequest:
    request: UseRequest = {
        # Letters and digits only, says the page: our token is a UUID with dashes.
        "ticket_request_id": re.sub(r"[^0-9A-Za-z]", "", order.token),
        "shop_id": shop_id,
        "ticket_code": order.code,
        "quantity": str(sum(item.times for item in order.items)),
    }
    if len(order.items) == 1:
        request["ticket_id"] = order.items[0].reference
    return request


def _write_reverse(order: ReversalOrder, transaction: str | None) -> ReverseRequest:
    name = f"{order.token}/{order.reference}/{transaction or ''}"
    request: ReverseRequest = {
        "request_id": uuid5(NAMESPACE_OID, name).hex,
        "ticket_id": order.reference,
    }
    if transaction is not None:
        request["ticket_use_trans_id"] = transaction
    return request
