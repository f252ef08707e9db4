"""The channel `youzan`: coupons, e-tickets and codes of virtual goods of a Youzan shop (有赞)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from adapters.youzan.client import YouzanClient
from adapters.youzan.parse import (
    UNSEEN,
    Answer,
    Handle,
    Shown,
    clean_message,
    find_obstacle,
    find_order,
    is_missing,
    parse_handle,
    parse_shown,
)
from adapters.youzan.reservations import YouzanReservations
from adapters.youzan.tables import (
    LISTS_USES,
    REFUSAL_BY_CODE,
    USE_ALL_TICKETS,
    USE_CODE,
    USE_COUPON,
    USE_TICKET,
    VAGUE_CODES,
    Kind,
)
from adapters.youzan.webhook import YouzanWebhooks
from core.channels.contract import (
    Capability,
    Channel,
    ChannelFailure,
    ChannelModel,
    ChannelSession,
    CouponBehaviour,
    Coupons,
    CouponState,
    Found,
    Idempotency,
    LookUp,
    Misconfigured,
    NotMine,
    OutcomeUnknown,
    ProtocolFailure,
    Receipt,
    Recognition,
    Redeemed,
    RedeemItem,
    RedeemOrder,
    RedeemRefused,
    Refusal,
    Refused,
    RegisterChannel,
    RequestRate,
    ReversalAnswer,
    ReversalOrder,
    ReversalRefused,
    Reversibility,
    Scanned,
    StatusBy,
    StatusQuery,
    parse_link,
)
from core.channels.hookspec import hookimpl

# One shape for each kind, so that a code is asked about once. From the samples of the official pages; the letters of
# the last two come from a sample and from a public receiver of pushes, and no rule for them is documented.
_SHAPES: Mapping[Kind, re.Pattern[str]] = {
    Kind.TICKET: re.compile(r"\d{20}", re.ASCII),
    Kind.CODE: re.compile(r"E20\d{20,22}", re.ASCII),
    Kind.COUPON: re.compile(r"\d{12}|[A-Z]{8}\d{8}|ZAN\d{13}", re.ASCII),
}
# The number of a Youzan order: E and the second it was made, in Beijing, and 9 digits more.
_ORDER_NUMBER = re.compile(
    r"E20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d\d{9}", re.ASCII
)
# How far the clocks may differ before a use that a success shows is taken for an older one.
_CLOCK_SKEW = timedelta(seconds=60)

Outcome = Redeemed | RedeemRefused


class YouzanCredentials(ChannelModel):
    """The self-use app on youzanyun.com, and the shop that granted it: `grant_id` is the shop's kdt_id.

    `beauty_token` is the `m_token` of shops of the beauty trade; with it their bookings come in, and ours go out.
    """

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    grant_id: str = Field(min_length=1)
    beauty_token: SecretStr | None = Field(default=None, min_length=1)


class YouzanSettings(ChannelModel):
    """Where Youzan is."""

    base_url: str = "https://open.youzanyun.com"

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Refuses what is no http(s) address."""
        if parse_link(value) is None:
            raise ValueError("baseUrl must be an http or https address")
        return value


Session = ChannelSession[YouzanCredentials, YouzanSettings]


@dataclass(frozen=True, slots=True)
class UseCall:
    """One redeeming call of Youzan, and the coupons of the leg that it uses."""

    api: str
    body: Mapping[str, str]
    handle: Handle
    items: tuple[RedeemItem, ...]


class YouzanCoupons(Coupons):
    """The `get` and redeeming calls of three kinds of code. None of them takes a key or a store.

    A receipt is `consume_id` of a coupon; for the others, whose uses have no number, the digits of their time.
    Uses are not listed: see LISTS_USES.
    """

    # That every kind is refused a second time is documented for virtual codes and INFERRED for the others; in_flight
    # is INFERRED. Coupons could be given back by a newer call, of which no parameters are published; the other kinds
    # cannot, and a channel declares one behaviour for all it sells.
    behaviour: ClassVar[CouponBehaviour] = CouponBehaviour(
        idempotency=Idempotency.NATURAL_SINGLE_USE,
        status_by=StatusBy.CODE_ONLY,
        reversal=Reversibility(possible=False),
        in_flight=timedelta(seconds=30),
        batch_atomic=False,
        lists_uses=LISTS_USES,
    )

    async def look_up(self, session: Session, scanned: Scanned) -> LookUp:
        """See `Coupons.look_up`. A ticket's own 12 digits cannot be looked up: scan the QR that it came with."""
        kind = guess_kind(scanned)
        if kind is None:
            return NotMine()
        answer = await YouzanClient(session).get(kind, scanned.code)
        if is_missing(answer):
            return NotMine()
        if answer.code:
            return _refuse(answer, Refusal.REFUSED_BY_CHANNEL)
        return _list_usable(kind, answer, parse_shown(kind, scanned.code, answer.body, session.clock.now()))

    async def redeem(self, session: Session, order: RedeemOrder) -> Sequence[Outcome]:
        """See `Coupons.redeem`. One call, but for some tickets of a QR with more: Youzan takes them one by one.

        The first refusal ends it. Raises OutcomeUnknown where a success shows a use that is older than the call.
        """
        outcomes: list[Outcome] = []
        for call in plan_calls(order):
            if any(isinstance(outcome, RedeemRefused) for outcome in outcomes):
                not_sent = Refused(Refusal.REFUSED_BY_CHANNEL)
                outcomes += [RedeemRefused(item.reference, not_sent) for item in call.items]
            else:
                outcomes += await self._use(session, call, order.attempt)
        return outcomes

    async def status(self, session: Session, query: StatusQuery) -> CouponState:
        """See `Coupons.status`. Raises ProtocolFailure where Youzan does not show the coupon."""
        handle = _open_handle(query.handle)
        shown = (await _look(session, handle)).get(query.reference)
        if shown is None:
            raise ProtocolFailure("Youzan does not show this coupon", operation="status")
        uses = (shown.use,) if shown.use else ()
        return CouponState(query.reference, shown.coupon.status, uses, shown.coupon.raw)

    async def reverse(self, session: Session, order: ReversalOrder) -> ReversalAnswer:
        """See `Coupons.reverse`. Nothing is sent: what is used stays used."""
        return ReversalRefused(Refused(Refusal.NOT_REVERSIBLE))

    async def _use(self, session: Session, call: UseCall, attempt: int) -> list[Outcome]:
        sent_at = session.clock.now()
        answer = await YouzanClient(session).use(call.api, call.body)
        if not answer.code:
            _expect_success(call, answer)
            return await self._show_receipts(session, call, sent_at)
        if answer.code in VAGUE_CODES:
            return await self._look_closer(session, call, answer, attempt)
        reason = REFUSAL_BY_CODE.get(answer.code)
        if reason is None and attempt > 1:
            raise OutcomeUnknown(
                "an unlisted code on a repeat", operation=call.api, platform_code=str(answer.code)
            )
        refused = _refuse(answer, reason or Refusal.REFUSED_BY_CHANNEL)
        return [RedeemRefused(item.reference, refused) for item in call.items]

    async def _show_receipts(self, session: Session, call: UseCall, sent_at: datetime) -> list[Outcome]:
        """A success says nothing else, so the proof is looked at. Without a look it is a success all the same."""
        try:
            seen = await _look(session, call.handle)
        except ChannelFailure:
            seen = {}
        return [_make_redeemed(item, seen.get(item.reference), sent_at) for item in call.items]

    async def _look_closer(
        self, session: Session, call: UseCall, answer: Answer, attempt: int
    ) -> list[Outcome]:
        """Why a call was refused, where its code alone does not tell."""
        try:
            seen = await _look(session, call.handle)
        except ChannelFailure as failure:
            if attempt > 1:
                raise OutcomeUnknown("the coupon cannot be looked at", operation=call.api) from failure
            refused = _refuse(answer, Refusal.REFUSED_BY_CHANNEL)
            return [RedeemRefused(item.reference, refused) for item in call.items]
        return [_explain(item, seen.get(item.reference), answer) for item in call.items]


class YouzanChannel(Channel):
    """Youzan as core sees it."""

    code = "youzan"
    name = "Youzan (有赞)"
    capabilities = frozenset({Capability.COUPONS, Capability.WEBHOOKS, Capability.RESERVATIONS})
    credentials_model = YouzanCredentials
    settings_model = YouzanSettings
    simulator = "adapters.youzan.simulator:app"
    samples = ("20181116181738766802", "E20171019171452069700007", "493205818731", "SEVJXOPD86096935")
    request_rate = RequestRate(per_second=20, burst=40)  # no figure is documented

    def __init__(self) -> None:
        self.coupons = YouzanCoupons()
        self.webhooks = YouzanWebhooks()
        self.reservations = YouzanReservations()

    def recognise(self, scanned: Scanned) -> Recognition:
        """By the code's shape. Only an order number is Youzan's alone."""
        if guess_kind(scanned) is None:
            return Recognition.NO
        return Recognition.LIKELY if _ORDER_NUMBER.fullmatch(scanned.code) else Recognition.POSSIBLE

    async def check_account(self, session: Session) -> None:
        """Fetches a token. Raises CredentialsRefused naming the credential that Youzan complains of."""
        await YouzanClient(session).fetch_token()


@hookimpl
def register_channels(register: RegisterChannel) -> None:
    """Brings the channel `youzan`."""
    register(YouzanChannel())


def guess_kind(scanned: Scanned) -> Kind | None:
    """The kind of code that this looks like; None where it is none of Youzan's."""
    if scanned.link is not None:
        return None
    return next((kind for kind, shape in _SHAPES.items() if shape.fullmatch(scanned.code)), None)


def plan_calls(order: RedeemOrder) -> list[UseCall]:
    """The calls that use the coupons of a leg: the whole QR at once where all its tickets are wanted.

    Raises Misconfigured for coupons that this channel did not look up, and for several uses of one.
    """
    handles = [_open_handle(item.handle) for item in order.items]
    if any(item.times != 1 for item in order.items):
        raise Misconfigured("a Youzan code can be used once", operation="redeem")
    first = handles[0]
    if first.kind is Kind.TICKET and 1 < len(order.items) == first.tickets:
        return [UseCall(USE_ALL_TICKETS, {"code": first.code}, first, order.items)]
    return [_plan_call(handle, item) for handle, item in zip(handles, order.items, strict=True)]


def _plan_call(handle: Handle, item: RedeemItem) -> UseCall:
    match handle.kind:
        case Kind.TICKET:
            return UseCall(USE_TICKET, {"ticket_code": handle.ticket}, handle, (item,))
        case Kind.CODE:
            return UseCall(USE_CODE, {"code": handle.code}, handle, (item,))
        case Kind.COUPON:
            return UseCall(USE_COUPON, {"code": handle.code}, handle, (item,))


def _open_handle(text: str) -> Handle:
    try:
        return parse_handle(text)
    except ValueError:
        raise Misconfigured("the coupon was not looked up by this channel", operation="redeem") from None


async def _look(session: Session, handle: Handle) -> dict[str, Shown]:
    """What Youzan shows of the code behind a handle now, by reference; nothing where it knows no such code."""
    answer = await YouzanClient(session).get(handle.kind, handle.code)
    if is_missing(answer):
        return {}
    if answer.code:
        raise ProtocolFailure("Youzan tells no state", operation="status", platform_code=str(answer.code))
    shown = parse_shown(handle.kind, handle.code, answer.body, session.clock.now())
    return {each.coupon.reference: each for each in shown}


def _list_usable(kind: Kind, answer: Answer, shown: Sequence[Shown]) -> LookUp:
    usable = tuple(each.coupon for each in shown if find_obstacle(each) is None)
    if usable:
        return Found(usable, find_order(kind, answer.body))
    first = shown[0]
    reason = find_obstacle(first) or Refusal.REFUSED_BY_CHANNEL
    used_at = first.use.used_at if first.use else None
    return Refused(reason, redeemed_at=used_at, coupons=tuple(each.coupon for each in shown))


def _refuse(answer: Answer, reason: Refusal) -> Refused:
    return Refused(reason, str(answer.code), clean_message(answer.message))


def _expect_success(call: UseCall, answer: Answer) -> None:
    """Raises OutcomeUnknown unless the call says, in its own way, that it was done."""
    if call.api == USE_ALL_TICKETS:
        done = answer.body.get("successful") is True and answer.body.get("code") == 1
    else:
        done = answer.body.get("is_success") is True
    if not done:
        raise OutcomeUnknown("neither a success nor a refusal", operation=call.api)


def _make_redeemed(item: RedeemItem, shown: Shown | None, sent_at: datetime) -> Redeemed:
    """Raises OutcomeUnknown where the use that is shown is older than the call: it may be somebody else's."""
    if shown is None or shown.use is None:
        return Redeemed(item.reference, (Receipt(UNSEEN),))
    used_at = shown.use.used_at
    if used_at and used_at < sent_at - _CLOCK_SKEW:
        raise OutcomeUnknown("the use that Youzan shows is older than this call", operation="redeem")
    return Redeemed(item.reference, (Receipt(shown.use.receipt or UNSEEN, used_at, shown.used_value),))


def _explain(item: RedeemItem, shown: Shown | None, answer: Answer) -> RedeemRefused:
    if shown is None:
        return RedeemRefused(item.reference, _refuse(answer, Refusal.UNKNOWN_CODE))
    reason = find_obstacle(shown) or VAGUE_CODES[answer.code]
    used_at = shown.use.used_at if shown.use else None
    message = clean_message(answer.message)
    return RedeemRefused(item.reference, Refused(reason, str(answer.code), message, redeemed_at=used_at))
