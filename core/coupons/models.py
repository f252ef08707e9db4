"""The redemption ledger, and the chain's own coupons. Money in fen. Unique keys: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class Coupon(TenantRow):
    """A coupon as a channel last showed it. The code itself is not kept: a keyed fingerprint and its last four are.

    The id follows from (tenant, account, reference): see `core.coupons.values.coupon_id`.
    """

    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32)
    reference = fields.CharField(max_length=128)
    handle_sealed = fields.BinaryField()
    code_fingerprint = fields.CharField(max_length=32)
    code_tail = fields.CharField(max_length=4)
    kind = fields.CharField(max_length=16)
    title = fields.CharField(max_length=200)
    status = fields.CharField(max_length=20)
    face_value = fields.IntField(null=True)
    paid_amount = fields.IntField(null=True)
    valid_from = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    times_total = fields.IntField(default=1)
    times_remaining = fields.IntField(default=1)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "coupon"


class RedemptionRequest(TenantRow):
    """One wish of a person, as a saga: to redeem a basket of codes, or to reverse one redemption.

    operation  "redeemCoupons" or "reverseRedemption"
    status     PROCESSING, COMPENSATING, then SUCCEEDED, FAILED or NEEDS_REVIEW; see `core.coupons.states`
    answer     what was told at the end (outcome and errors), kept for repeats with the same key
    fence      raised by every take-over; a holder's writes carry it, so that a zombie's write nothing
    next_attempt_at  when it is due, or when another may take it over from a holder who gave no sign; null at the end
    """

    store_id = fields.UUIDField()
    actor_id = fields.UUIDField()
    token_id = fields.UUIDField(null=True)
    role = fields.CharField(max_length=16)
    customer_id = fields.UUIDField(null=True)
    order_id = fields.UUIDField(null=True)
    operation = fields.CharField(max_length=32)
    idempotency_key = fields.CharField(max_length=255)
    input_hash = fields.CharField(max_length=64)
    subject_id = fields.UUIDField(null=True)
    reason = fields.CharField(max_length=500, null=True)
    status = fields.CharField(max_length=16)
    answer = fields.JSONField[dict[str, object]](null=True)
    fence = fields.IntField(default=1)
    next_attempt_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "redemption_request"


class RedemptionLeg(TenantRow):
    """One platform call: the coupons of one platform order. `order_sealed` is the RedeemOrder to send again, sealed.

    position   the order in which legs are sent; `input_index` is the code's place in the basket
    status     INTENT, SENT, UNKNOWN, then SUCCEEDED, REJECTED or NEEDS_REVIEW
    settle_at  when a leg that failed after an uncertain sending is looked at once more
    """

    request_id = fields.UUIDField()
    position = fields.IntField()
    input_index = fields.IntField(default=0)
    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32)
    external_store_id = fields.CharField(max_length=128, null=True)
    status = fields.CharField(max_length=16)
    token = fields.CharField(max_length=255)
    order_sealed = fields.BinaryField()
    attempts = fields.IntField(default=0)
    uncertain = fields.BooleanField(default=False)
    sent_at = fields.DatetimeField(null=True)
    settle_at = fields.DatetimeField(null=True)
    last_error = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "redemption_leg"


class Redemption(TenantRow):
    """One coupon of a leg: `times` uses of it.

    status    PENDING, SUCCEEDED, DECLINED, UNKNOWN, REVERSING, REVERSED or NEEDS_ATTENTION
    receipts  the platform's receipt of each use: [{"reference": …, "redeemed_at": …}]
    """

    request_id = fields.UUIDField()
    leg_id = fields.UUIDField()
    store_id = fields.UUIDField()
    coupon_id = fields.UUIDField()
    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32)
    customer_id = fields.UUIDField(null=True)
    order_id = fields.UUIDField(null=True)
    actor_id = fields.UUIDField()
    status = fields.CharField(max_length=16)
    times = fields.IntField(default=1)
    discount = fields.IntField(default=0)
    paid_amount = fields.IntField(null=True)
    receipts = fields.JSONField[list[dict[str, object]]](default=list)
    decline_code = fields.CharField(max_length=32, null=True)
    channel_code = fields.CharField(max_length=64, null=True)
    attribution = fields.CharField(max_length=16, default="CONFIRMED")
    redeemed_at = fields.DatetimeField(null=True)
    reversed_at = fields.DatetimeField(null=True)
    reversible_until = fields.DatetimeField(null=True)

    class Meta:
        table = "redemption"


class RedemptionClaim(TenantRow):
    """One use of one coupon is claimed by one living redemption. Deleted when that is DECLINED or REVERSED.

    `coupon_key` is the platform's certificate id, or the code's fingerprint where there is none.
    """

    account_id = fields.UUIDField(null=True)
    coupon_key = fields.CharField(max_length=128)
    use_number = fields.IntField()
    redemption_id = fields.UUIDField()
    request_id = fields.UUIDField()

    class Meta:
        table = "redemption_claim"


class RedemptionAttempt(TenantRow):
    """One call to a platform for one leg. Append only; holds no codes and no secrets."""

    leg_id = fields.UUIDField()
    operation = fields.CharField(max_length=16)
    outcome = fields.CharField(max_length=16)
    message = fields.CharField(max_length=300, null=True)
    milliseconds = fields.IntField()

    class Meta:
        table = "redemption_attempt"


class StackingRule(TenantRow):
    """What may combine on one order, as data. See `core.coupons.stacking`.

    `rule` is one of the kinds there ("max_per_order", "exclusive_channel", "exclusive_kind", "never_together");
    `parameters` are its own.
    """

    rule = fields.CharField(max_length=32)
    parameters = fields.JSONField[dict[str, object]](default=dict)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "stacking_rule"


class CouponBatch(TenantRow):
    """Own coupons of one kind. Counters move by conditional updates only.

    `budget` (fen) limits what all coupons of the batch may take off; `per_customer` how many one customer may hold;
    `store_ids` null: every store; `face_value` null for kinds without an amount.
    """

    name = fields.CharField(max_length=120)
    kind = fields.CharField(max_length=16)
    face_value = fields.IntField(null=True)
    quantity = fields.IntField()
    issued = fields.IntField(default=0)
    times_each = fields.IntField(default=1)
    per_customer = fields.IntField(null=True)
    budget = fields.IntField(null=True)
    spent = fields.IntField(default=0)
    valid_from = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    store_ids = fields.JSONField[list[str]](null=True)

    class Meta:
        table = "coupon_batch"


class CouponIssue(TenantRow):
    """One answered `issueCoupons`: a repeat with the same key gets the same codes. `codes_sealed` is a JSON list."""

    batch_id = fields.UUIDField()
    actor_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    idempotency_key = fields.CharField(max_length=255)
    input_hash = fields.CharField(max_length=64)
    quantity = fields.IntField()
    codes_sealed = fields.BinaryField()

    class Meta:
        table = "coupon_issue"


class HouseCoupon(TenantRow):
    """One own coupon. Its code is found by its fingerprint. `times_used` moves by conditional updates only."""

    batch_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    code_fingerprint = fields.CharField(max_length=32)
    code_tail = fields.CharField(max_length=4)
    times_total = fields.IntField(default=1)
    times_used = fields.IntField(default=0)
    status = fields.CharField(max_length=20, default="AVAILABLE")

    class Meta:
        table = "house_coupon"


class HouseUse(TenantRow):
    """One use of an own coupon, unique on (tenant, token, number): what makes a repeat harmless."""

    coupon_id = fields.UUIDField()
    batch_id = fields.UUIDField()
    token = fields.CharField(max_length=255)
    number = fields.IntField()
    store_id = fields.UUIDField()
    amount = fields.IntField(default=0)
    used_at = fields.DatetimeField()
    reversed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "house_use"


class CustomerAllowance(TenantRow):
    """How many coupons of a batch a customer holds; moved by a conditional update, so the limit cannot be passed."""

    batch_id = fields.UUIDField()
    customer_id = fields.UUIDField()
    issued = fields.IntField(default=0)

    class Meta:
        table = "customer_allowance"


class ReconciliationRun(TenantRow):
    """One store's local day at one account, compared with the platform's own record of uses.

    account_id   null for a channel that needs no account; `day` is YYYY-MM-DD, `since` … `until` the same in UTC
    status       RUNNING, DONE or FAILED; `failure` is the key of a text, set with FAILED
    fence        raised by every reading, so that a reader who was thought dead writes nothing
    next_attempt_at  while RUNNING: when another may take over; else when it is due again, null for never
    completed_at, pages, the counts and amounts (fen) are those of the last complete reading, null before it
    payout_basis what `payout` was made of; see `core.coupons.reconciliation.values`
    """

    account_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=32)
    store_id = fields.UUIDField()
    day = fields.CharField(max_length=10)
    since = fields.DatetimeField()
    until = fields.DatetimeField()
    status = fields.CharField(max_length=16)
    fence = fields.IntField(default=1)
    attempts = fields.IntField(default=1)
    next_attempt_at = fields.DatetimeField(null=True)
    failure = fields.CharField(max_length=64, null=True)
    completed_at = fields.DatetimeField(null=True)
    pages = fields.IntField(null=True)
    ours_count = fields.IntField(null=True)
    theirs_count = fields.IntField(null=True)
    matched_count = fields.IntField(null=True)
    outside_count = fields.IntField(null=True)
    difference_count = fields.IntField(null=True)
    ours_amount = fields.BigIntField(null=True)
    theirs_amount = fields.BigIntField(null=True)
    payout = fields.BigIntField(null=True)
    payout_basis = fields.CharField(max_length=16, null=True)
    fee = fields.BigIntField(null=True)

    class Meta:
        table = "reconciliation_run"


class ReconciliationItem(TenantRow):
    """One use on which a day's books and the platform's disagree. Once per run and `item_key`, however often read.

    fence        the reading that saw it last; a later complete one that does not see it resolves it
    ours, theirs  what either side has for it, in fen, null where it is not there or not shown
    """

    run_id = fields.UUIDField()
    item_key = fields.CharField(max_length=32)
    kind = fields.CharField(max_length=20)
    receipt = fields.CharField(max_length=255)
    redemption_id = fields.UUIDField(null=True)
    used_at = fields.DatetimeField(null=True)
    ours = fields.BigIntField(null=True)
    theirs = fields.BigIntField(null=True)
    fence = fields.IntField()
    resolved_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reconciliation_item"
