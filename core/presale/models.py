"""Presales, the marks platforms give a store, and the guard. Money in fen, instants in UTC. Keys: `core.db.invariants`."""

from __future__ import annotations

from tortoise import fields

from core.db.rows import TenantRow


class PresaleCampaign(TenantRow):
    """Goods sold before they are there.

    status        DRAFT, PUBLISHED, PAUSED, CLOSED; every change is guarded by `version`
    deposit       what is paid first, for the mode DEPOSIT only
    disclosures   the texts that tell buyers of it: title, detail, live_room
    paused_by     PERSON or GUARD, while it is paused
    """

    store_id = fields.UUIDField()
    name = fields.CharField(max_length=120)
    mode = fields.CharField(max_length=16)
    category = fields.CharField(max_length=32, null=True)
    status = fields.CharField(max_length=16)
    version = fields.IntField(default=1)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    deposit = fields.IntField(null=True)
    disclosures = fields.JSONField[dict[str, str]](default=dict)
    paused_by = fields.CharField(max_length=16, null=True)

    class Meta:
        table = "presale_campaign"


class CampaignSku(TenantRow):
    """A variant that a campaign sells, in the campaign's period. No two `active` ones of a variant overlap in time."""

    store_id = fields.UUIDField()
    campaign_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    start_at = fields.DatetimeField()
    end_at = fields.DatetimeField()
    active = fields.BooleanField(default=True)

    class Meta:
        table = "campaign_sku"


class PresaleWave(TenantRow):
    """So many of a campaign's goods, which ship by one day. `sold` moves by conditional updates only."""

    campaign_id = fields.UUIDField()
    position = fields.IntField()
    quantity = fields.IntField()
    sold = fields.IntField(default=0)
    promised_ship_at = fields.DatetimeField()

    class Meta:
        table = "presale_wave"


class WaveSale(TenantRow):
    """What one order line has of a wave. Given back once, by setting `returned`."""

    wave_id = fields.UUIDField()
    order_line_id = fields.UUIDField()
    quantity = fields.IntField()
    returned = fields.BooleanField(default=False)

    class Meta:
        table = "wave_sale"


class StoreScore(TenantRow):
    """One mark of a store as a platform reported it at an instant. `value` in hundredths: 487 is 4.87."""

    store_id = fields.UUIDField()
    source = fields.CharField(max_length=32)
    dimension = fields.CharField(max_length=16)
    value = fields.IntField()
    at = fields.DatetimeField()

    class Meta:
        table = "store_score"


class Review(TenantRow):
    """One buyer's review as a platform reported it; `reference` is the platform's id of it."""

    store_id = fields.UUIDField()
    source = fields.CharField(max_length=32)
    reference = fields.CharField(max_length=128)
    stars = fields.IntField()
    bad = fields.BooleanField()
    at = fields.DatetimeField()
    order_id = fields.UUIDField(null=True)

    class Meta:
        table = "review"


class GuardRule(TenantRow):
    """What the guard does at a store when a figure goes above `threshold`, in hundredths of a per cent: 200 is 2 %.

    dry_run  it writes down what it would have done, and does nothing
    """

    store_id = fields.UUIDField()
    figure = fields.CharField(max_length=16)
    act = fields.CharField(max_length=16)
    threshold = fields.IntField()
    dry_run = fields.BooleanField(default=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "guard_rule"


class GuardAction(TenantRow):
    """What the guard did, or would have done, to one campaign; at most once in a day for each figure.

    value, threshold  in hundredths of a per cent
    day               the store's own
    """

    store_id = fields.UUIDField()
    campaign_id = fields.UUIDField()
    figure = fields.CharField(max_length=16)
    act = fields.CharField(max_length=16)
    dry_run = fields.BooleanField()
    value = fields.IntField()
    threshold = fields.IntField()
    day = fields.DateField()

    class Meta:
        table = "guard_action"
