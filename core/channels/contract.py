"""The port between core and channels: what an adapter implements, and the values that pass through.

An adapter hands core one `Channel` object. It carries one small implementation per capability; core never sees the
platform's own names. Three rules hold everywhere:

- **A refusal is data, a failure is an exception.** A used coupon is a `Refused`; a time-out is a `ChannelFailure`.
- **An unknown platform value is never success.** Tables end in `Refusal.REFUSED_BY_CHANNEL` or `UNRECOGNISED`.
- **Core owns the network.** Adapters send requests through `ChannelSession.http` only.

Money is integer fen, instants are aware and in UTC, ids of platforms are strings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from core.clock import Clock
from core.keys import KeyRing


# ------------------------------------------------------------------------------------------------------- vocabulary
class Capability(StrEnum):
    """What a channel can do. Declared by the channel, checked at start, tested by the kit."""

    COUPONS = "COUPONS"
    ORDERS = "ORDERS"
    RESERVATIONS = "RESERVATIONS"
    IDENTITY = "IDENTITY"
    NOTIFICATIONS = "NOTIFICATIONS"
    WEBHOOKS = "WEBHOOKS"
    SCORES = "SCORES"


class Recognition(StrEnum):
    """How sure a channel is, by looks alone, that a code is its own."""

    LIKELY = "LIKELY"
    POSSIBLE = "POSSIBLE"
    NO = "NO"


class CouponKind(StrEnum):
    CASH_VOUCHER = "CASH_VOUCHER"
    SET_MEAL = "SET_MEAL"
    TIMES_CARD = "TIMES_CARD"
    DISCOUNT = "DISCOUNT"
    EXCHANGE = "EXCHANGE"
    UNRECOGNISED = "UNRECOGNISED"


class CouponStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    NOT_YET_VALID = "NOT_YET_VALID"
    LOCKED = "LOCKED"
    REDEEMED = "REDEEMED"
    PARTLY_REDEEMED = "PARTLY_REDEEMED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"
    UNRECOGNISED = "UNRECOGNISED"


class Refusal(StrEnum):
    """Why a coupon is not redeemed or a redemption not reversed: the closed set that clients see."""

    UNKNOWN_CODE = "UNKNOWN_CODE"
    AMBIGUOUS_CODE = "AMBIGUOUS_CODE"
    CHANNEL_NOT_CONNECTED = "CHANNEL_NOT_CONNECTED"
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    ALREADY_REDEEMED = "ALREADY_REDEEMED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"
    LOCKED = "LOCKED"
    TIMES_USED_UP = "TIMES_USED_UP"
    WRONG_STORE = "WRONG_STORE"
    WRONG_ITEM = "WRONG_ITEM"
    NOT_STACKABLE = "NOT_STACKABLE"
    MINIMUM_SPEND_NOT_MET = "MINIMUM_SPEND_NOT_MET"
    RISK_BLOCKED = "RISK_BLOCKED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    NOT_REVERSIBLE = "NOT_REVERSIBLE"
    REVERSAL_WINDOW_CLOSED = "REVERSAL_WINDOW_CLOSED"
    ALREADY_REVERSED = "ALREADY_REVERSED"
    REFUSED_BY_CHANNEL = "REFUSED_BY_CHANNEL"


# --------------------------------------------------------------------------------------------------------- failures
class ChannelFailure(Exception):
    """A call that gave no usable answer. Never a statement about the coupon.

        ChannelFailure
        ├── NothingSent            the platform did nothing: safe to send again
        │   ├── Misconfigured      a setting is wrong; a person must mend it
        │   ├── CredentialsRefused the platform does not accept our keys or token
        │   ├── RateLimited        too many calls; `retry_after` seconds
        │   └── ChannelUnavailable not reachable, breaker open, or a read without an answer
        ├── ProtocolFailure        an answer that cannot be read
        └── OutcomeUnknown         sent, and nobody knows what it did: look before sending anything but a repeat

    `platform_message` must be free of secrets and phone numbers.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        platform_code: str | None = None,
        platform_message: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.platform_code = platform_code
        self.platform_message = platform_message
        self.retry_after = retry_after


class NothingSent(ChannelFailure):
    """The platform certainly did nothing."""


class Misconfigured(NothingSent):
    """A setting of the account is wrong. `setting` names it."""

    def __init__(self, message: str, *, setting: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.setting = setting


class CredentialsRefused(NothingSent):
    """The platform refused our keys or token. `setting` names the credential where the platform says which."""

    def __init__(self, message: str, *, setting: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.setting = setting


class RateLimited(NothingSent):
    """The platform, or our own limiter, refused the call for its rate."""


class ChannelUnavailable(NothingSent):
    """The platform cannot be reached, or a call without effect got no answer."""


class ProtocolFailure(ChannelFailure):
    """The answer has not the documented form. `path` names the place, as in "data.certificates[0].amount"."""

    def __init__(self, message: str, *, path: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.path = path


class OutcomeUnknown(ChannelFailure):
    """A call with effect was sent and not answered in a way that tells what happened."""


# ----------------------------------------------------------------------------------------------------------- network
class Effect(StrEnum):
    """Whether a call can change anything at the platform: it decides what a time-out means."""

    READ = "READ"
    WRITE = "WRITE"


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """One HTTP call. `url` is absolute and without a query; `content` goes out byte for byte."""

    operation: str
    method: str
    url: str = field(repr=False)
    effect: Effect
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What came back, whatever its HTTP status. Header names are lower case."""

    operation: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises ProtocolFailure if it is none."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise ProtocolFailure("the answer is not JSON", operation=self.operation) from None


class ChannelHttp(Protocol):
    """The one way out. Bound to a channel account: its rate limit, its breaker, its allowed hosts."""

    async def send(self, request: ChannelRequest) -> ChannelAnswer:
        """Sends and answers, following no redirect. HTTP error statuses are answers too.

        Raises Misconfigured for an address that may not be called, ChannelUnavailable when nothing was sent or
        a READ got no answer, RateLimited when the account's own rate is used up, and OutcomeUnknown when a
        WRITE was sent and its answer did not arrive whole in time.
        """
        ...

    async def follow_link(self, url: str, *, until_parameter: str) -> str:
        """The first URL, along the redirects of `url`, whose query carries `until_parameter`; it is not fetched.

        Every host on the way must be one that the channel or the account's owner lists, with a public address.
        Raises ChannelUnavailable when a host does not answer, and ProtocolFailure when the way leads to a host that
        is not listed, is too long, or ends without the parameter.
        """
        ...


class AccessTokens(Protocol):
    """The account's access tokens, shared by all tasks and processes, refreshed by one at a time."""

    async def get(self, name: str, fetch: TokenFetch) -> str:
        """The cached token of this name, or what `fetch` brings. Concurrent callers share one fetch."""
        ...

    async def drop(self, name: str, token: str) -> None:
        """Forgets `token`, because the platform refused it. Does nothing if another has taken its place."""
        ...


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A token as the platform gave it. `lifetime` counts from now."""

    value: str
    lifetime: timedelta

    def __repr__(self) -> str:
        return f"FreshToken(lifetime={self.lifetime!r})"


class TokenFetch(Protocol):
    async def __call__(self) -> FreshToken: ...


# ---------------------------------------------------------------------------------------------------------- accounts
class ChannelModel(BaseModel):
    """Base of a channel's credentials and settings: camelCase keys outside, unknown keys refused, never altered.

    Secrets are `pydantic.SecretStr`, so that they show in no log.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


class NoCredentials(ChannelModel):
    """A channel that needs none."""


class NoSettings(ChannelModel):
    """A channel that has none."""


CredentialsT = TypeVar("CredentialsT", bound=ChannelModel)
SettingsT = TypeVar("SettingsT", bound=ChannelModel)


@dataclass(frozen=True, slots=True)
class ChannelSession(Generic[CredentialsT, SettingsT]):
    """Everything an adapter may use during one piece of work for one account.

    `external_store_id` is the platform's id of the store at hand, None where the work belongs to no store.
    """

    tenant_id: UUID
    account_id: UUID
    credentials: CredentialsT
    settings: SettingsT
    http: ChannelHttp
    tokens: AccessTokens
    clock: Clock
    external_store_id: str | None = None


# ------------------------------------------------------------------------------------------------------------- codes
@dataclass(frozen=True, slots=True)
class Scanned:
    """What a person typed or a scanner read, cleaned up by core.

    `text` is the input after Unicode NFKC (full-width digits become ASCII) and trimming; `code` is the text in upper
    case without blanks and dashes; `link` is set where the text is an http(s) URL.
    """

    text: str
    code: str
    link: SplitResult | None = None

    def __repr__(self) -> str:
        return f"Scanned(…{self.code[-4:]})"

    def link_parameter(self, name: str) -> str | None:
        """The value of a query parameter of the link, decoded; None where there is none."""
        values = parse_qs(self.link.query).get(name) if self.link else None
        return values[0] if values else None


def parse_link(text: str) -> SplitResult | None:
    """`text` as an http(s) URL with a host, or None."""
    try:
        parts = urlsplit(text)
        return parts if parts.scheme in {"http", "https"} and parts.hostname else None
    except ValueError:
        return None


# ----------------------------------------------------------------------------------------------------------- coupons
@dataclass(frozen=True, slots=True)
class ChannelCoupon:
    """One coupon as a channel shows it.

    reference        the platform's certificate id: the same for ever; the code itself where the platform has none
    handle           what the platform wants to be sent for redeeming or asking about it (an encrypted code, say)
    kind, status     in our words; unknown ones UNRECOGNISED
    face_value       fen: what it takes off, or what the deal is listed at; None where unknown
    paid_amount      fen: what the customer paid, after the platform's own discounts; None where unknown
    times_total      1, or how often a times card may be used in all; times_remaining counts down to 0
    raw              the platform's own document, for disputes
    """

    reference: str
    handle: str = field(repr=False)
    kind: CouponKind
    title: str
    status: CouponStatus
    face_value: int | None = None
    paid_amount: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    times_total: int = 1
    times_remaining: int = 1
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Mine, and at least one coupon can be used here and now.

    coupons          the usable ones, in the platform's order; all of one platform order
    order_reference  the platform's order id, None where it has none
    redeem_token     what the platform's own prepare step gave; None where it has no such step
    """

    coupons: tuple[ChannelCoupon, ...]
    order_reference: str | None = None
    redeem_token: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Mine, but refused. `vague` marks a refusal that covers several reasons at once, so that core looks closer.

    The platform's own code and words are kept beside ours; coupons are listed where the platform shows them.
    """

    reason: Refusal
    platform_code: str | None = None
    platform_message: str | None = None
    redeemed_at: datetime | None = None
    coupons: tuple[ChannelCoupon, ...] = ()
    vague: bool = False


@dataclass(frozen=True, slots=True)
class NotMine:
    """No coupon of this channel, or of this account."""


LookUp = Found | Refused | NotMine


@dataclass(frozen=True, slots=True)
class RedeemItem:
    """One coupon of a leg; `times` uses of it (1 except for times cards). `used` counts uses before this leg."""

    reference: str
    handle: str = field(repr=False)
    times: int = 1
    used: int = 0


@dataclass(frozen=True, slots=True)
class RedeemOrder:
    """One leg: the coupons of one platform order, redeemed by one platform call.

    token     stable across repeats: the platform's redeem_token where its prepare gave one, else our leg's id
    attempt   1 for the first sending; a repeat carries the identical rest
    code      what was scanned, for platforms that want it again
    """

    token: str
    items: tuple[RedeemItem, ...]
    code: str
    order_reference: str | None = None
    attempt: int = 1

    def __repr__(self) -> str:
        return f"RedeemOrder(items={len(self.items)}, attempt={self.attempt})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's proof of one use: its id as needed for the reversal, and the amounts of this use in fen."""

    reference: str
    redeemed_at: datetime | None = None
    face_value: int | None = None
    paid_amount: int | None = None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """This coupon was used by this leg: one receipt per use. `reversible_until` as far as the platform says."""

    reference: str
    receipts: tuple[Receipt, ...]
    reversible_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RedeemRefused:
    """This coupon was certainly not used by this leg."""

    reference: str
    refusal: Refused


@dataclass(frozen=True, slots=True)
class PlatformUse:
    """One living (not reversed) use of a coupon as the platform records it; None where it does not say.

    token          our leg's token, where the platform shows it
    by_merchant_api  whether it came in through the interface (not a person at the platform's own till)
    """

    receipt: str
    used_at: datetime | None = None
    token: str | None = None
    external_store_id: str | None = None
    by_merchant_api: bool | None = None


@dataclass(frozen=True, slots=True)
class CouponState:
    """What the platform says of a coupon now: its status and its living uses, oldest first."""

    reference: str
    status: CouponStatus
    uses: tuple[PlatformUse, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Asks about one coupon; `token` is that of the leg in doubt, for platforms that can be asked by it."""

    reference: str
    handle: str = field(repr=False)
    code: str
    order_reference: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return f"StatusQuery(…{self.reference[-4:]})"


@dataclass(frozen=True, slots=True)
class ReversalOrder:
    """Takes back the uses named by `receipts`, all of one coupon. `token` is stable across repeats."""

    token: str
    reference: str
    handle: str = field(repr=False)
    receipts: tuple[str, ...]
    order_reference: str | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Reversed:
    """All uses of the order are taken back."""


@dataclass(frozen=True, slots=True)
class ReversalRefused:
    """Not taken back. ALREADY_REVERSED where the platform says that there is nothing to take back."""

    refusal: Refused


ReversalAnswer = Reversed | ReversalRefused


class Idempotency(StrEnum):
    """What the platform does with a repeated redeem call."""

    TOKEN = "TOKEN"  # noqa: S105  # a word, not a secret: it remembers the leg's token and repeats its first effect
    NATURAL_SINGLE_USE = "NATURAL_SINGLE_USE"
    NONE = "NONE"


class StatusBy(StrEnum):
    """How a coupon's state can be asked for afterwards, and whether the answer shows that a use was ours."""

    TOKEN = "TOKEN"  # noqa: S105
    CODE_WITH_REFERENCE = "CODE_WITH_REFERENCE"
    CODE_ONLY = "CODE_ONLY"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Reversibility:
    """Whether a use can be taken back, and for how long after it (None: as long as the coupon lives)."""

    possible: bool
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CouponBehaviour:
    """How the platform behaves. Core picks its policy for lost answers from this, so declare what was proved.

    in_flight       the longest time after our time-out in which a lost call may still take effect
    token_lifetime  how long a repeat with the same token is recognised
    batch_atomic    whether the coupons of one call are redeemed all or none
    """

    idempotency: Idempotency
    status_by: StatusBy
    reversal: Reversibility
    in_flight: timedelta = timedelta(seconds=30)
    token_lifetime: timedelta = timedelta(minutes=10)
    batch_atomic: bool = False


class Coupons(ABC):
    """Redeeming coupons. Each method is one piece of work at the platform and may raise any ChannelFailure."""

    behaviour: ClassVar[CouponBehaviour]

    @abstractmethod
    async def look_up(self, session: ChannelSession[Any, Any], scanned: Scanned) -> LookUp:
        """Asks the platform about a code without using it up.

        Answers NotMine for a code that the platform does not know; `Found` with the usable coupons; `Refused` where
        the code is known and nothing of it can be used. Must be safe to repeat and to cancel.
        """

    @abstractmethod
    async def redeem(
        self, session: ChannelSession[Any, Any], order: RedeemOrder
    ) -> Sequence[Redeemed | RedeemRefused]:
        """Uses the coupons of one leg, in one call; one answer per item, in any order.

        A repeat (`order.attempt > 1`) sends the identical body. Where the platform then says "already used" in a way
        that proves our own first call, answer `Redeemed`; where it does not prove it, answer `RedeemRefused` with
        ALREADY_REDEEMED: core then asks for the state. Raises OutcomeUnknown where the answer leaves it open.
        """

    @abstractmethod
    async def status(self, session: ChannelSession[Any, Any], query: StatusQuery) -> CouponState:
        """What the platform records about one coupon now. Only called where `behaviour.status_by` is not NONE."""

    @abstractmethod
    async def reverse(self, session: ChannelSession[Any, Any], order: ReversalOrder) -> ReversalAnswer:
        """Takes uses back. Only called where `behaviour.reversal.possible`. Repeats must be harmless."""


# ---------------------------------------------------------------------------------------------------------- webhooks
class WebhookRejected(Exception):
    """A delivery that is not authentic: wrong, missing or stale signature. Carries a sentence without secrets."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A delivery as it arrived. `body` are the raw bytes; header names are lower case."""

    method: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """The acknowledgement in the platform's own form."""

    body: bytes
    status: int = 200
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One fact out of a delivery.

    event_id  the platform's id of this event, by which repeats are dropped
    kind      in our words: "coupon.redeemed", "coupon.reversed", "coupon.refunded", or "unrecognised"
    subject   the platform's id of what it is about
    """

    event_id: str
    kind: str
    subject: str | None
    occurred_at: datetime | None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Webhooks(ABC):
    """Taking deliveries of the platform. All methods are pure: no network, no clock, no state."""

    @abstractmethod
    def verify(self, delivery: WebhookDelivery, credentials: Sequence[ChannelModel], now: datetime) -> None:
        """Raises WebhookRejected unless one of the active credentials proves the delivery authentic."""

    @abstractmethod
    def parse(self, delivery: WebhookDelivery) -> Sequence[ChannelEvent]:
        """The events of an authentic delivery; none for a mere test of the address. Raises ProtocolFailure."""

    @abstractmethod
    def acknowledge(self, delivery: WebhookDelivery) -> WebhookReply:
        """What to answer once the events are stored."""


# ----------------------------------------------------------------------------------------------------------- channel
@dataclass(frozen=True, slots=True)
class RequestRate:
    """How fast one account may call: `per_second` on average, `burst` at once."""

    per_second: float = 20
    burst: int = 40


class Channel(ABC):
    """What an adapter registers: who it is, how it is set up, what it can do.

    code            stable and lower case, as in `connectChannel(channel: "douyin")`
    name            for people
    capabilities    what it can do; for each there must be an implementation (checked at start)
    simulator       import string of an ASGI factory that plays the platform, such as "adapters.douyin.simulator:app"
    link_hosts      hosts whose short links the channel's QR codes carry; "*.example.com" covers subdomains
    samples         codes of this channel's own shape, made up, for other channels' tests
    """

    code: ClassVar[str]
    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    credentials_model: ClassVar[type[ChannelModel]] = NoCredentials
    settings_model: ClassVar[type[ChannelModel]] = NoSettings
    simulator: ClassVar[str | None] = None
    link_hosts: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[tuple[str, ...]] = ()
    request_rate: ClassVar[RequestRate] = RequestRate()
    needs_account: ClassVar[bool] = True

    coupons: Coupons | None = None
    webhooks: Webhooks | None = None

    @abstractmethod
    def recognise(self, scanned: Scanned) -> Recognition:
        """Whether this may be one of the channel's codes, by its looks. Pure and offline."""

    def attach(self, keys: KeyRing) -> None:
        """Called once, when the program is put together, with its keys. Only a channel that lives on our own tables
        needs them."""
        return

    async def check_account(self, session: ChannelSession[Any, Any]) -> None:
        """Asks the platform whether the credentials work, when an account is connected.

        Raises CredentialsRefused (naming the setting where known), Misconfigured or ChannelUnavailable.
        """
        return


CAPABILITY_ATTRIBUTES: Mapping[Capability, str] = {
    Capability.COUPONS: "coupons",
    Capability.WEBHOOKS: "webhooks",
}


@runtime_checkable
class RegisterChannel(Protocol):
    """What `register_channels` is handed: call it with each Channel object."""

    def __call__(self, channel: Channel) -> None: ...
