"""State → the platform's documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.douyin.simulator.state import (
    ACCOUNT_ID,
    POI_ID,
    REVERSAL_WINDOW,
    WORDS,
    Certificate,
)
from core.testing.simulator import Use

ORIGINAL, PAID, DISCOUNT = 9900, 8800, 300  # fen, for one use
SERVICE_FEE, HANDLING_FEE = 223, 55  # fen, of one use
BY_HAND, BY_API = 2, 4


def write_certificate(certificate: Certificate, now: datetime, *, coded: bool = True) -> dict[str, Any]:
    """A certificate as prepare (without its code) and certificate/get show it."""
    recipe, living = certificate.recipe, certificate.living()
    wire: dict[str, Any] = {
        "encrypted_code": certificate.encrypted_code,
        "certificate_id": certificate.certificate_id,
        "status": certificate.status(),
        "start_time": int(certificate.starts_at.timestamp()),
        "expire_time": int(certificate.expires_at.timestamp()),
        "sku": {
            "sku_id": "1800000000000001",
            "title": recipe.title,
            "groupon_type": recipe.groupon_type,
            "market_price": 12800 * recipe.times,
            "account_id": ACCOUNT_ID,
        },
        "amount": write_amount(recipe.times),
    }
    if recipe.times > 1:
        wire["time_card"] = {"times_count": recipe.times, "times_used": len(living)}
        wire["verify_records"] = [write_use(certificate, use, now) for use in living]
    if living:
        wire["verify"] = write_use(certificate, living[-1], now)
    # The code shows once the use cannot be taken back any more.
    if coded and living and now - living[-1].used_at > REVERSAL_WINDOW:
        wire["code"] = certificate.code
    return wire


def write_amount(uses: int) -> dict[str, Any]:
    """The amounts of so many uses."""
    return {
        "original_amount": ORIGINAL * uses,
        "pay_amount": PAID * uses,
        "payment_discount_amount": DISCOUNT * uses,
        "coupon_pay_amount": (PAID + DISCOUNT) * uses,
    }


def write_use(certificate: Certificate, use: Use, now: datetime) -> dict[str, Any]:
    """One use as a certificate shows it."""
    return {
        "verify_id": use.receipt,
        "certificate_id": str(certificate.certificate_id),
        "verify_time": int(use.used_at.timestamp()),
        "can_cancel": now - use.used_at <= REVERSAL_WINDOW,
        "verify_type": BY_API if use.token else BY_HAND,
        "verifier_unique_id": "开放平台API" if use.token else "",
        "poi_id": use.store,
    }


def write_record(certificate: Certificate, use: Use) -> dict[str, Any]:
    """One use as the history of uses shows it, taken back or not."""
    recipe = certificate.recipe
    record = {
        "cursor": use.receipt,
        "verify_id": use.receipt,
        "certificate_id": str(certificate.certificate_id),
        "verify_time": int(use.used_at.timestamp()),
        "verify_type": BY_API if use.token else BY_HAND,
        "status": 2 if use.reversed_at else 1,
        "code": certificate.code,
        "amount": write_amount(recipe.times),
        "sku": {
            "sku_id": "1800000000000001",
            "title": recipe.title,
            "groupon_type": recipe.groupon_type,
            "account_id": ACCOUNT_ID,
        },
    }
    if use.reversed_at:
        record["cancel_time"] = int(use.reversed_at.timestamp())
    if recipe.times > 1:
        record["verify_amount_info"] = {"times_card_serial_amount": {"amount": write_amount(1)}}
    return record


def write_share(certificate: Certificate, use: Use) -> dict[str, Any]:
    """What becomes of the money of one use."""
    return {
        "ledger_id": f"9{use.receipt[1:]}",
        "verify_id": use.receipt,
        "certificate_id": str(certificate.certificate_id),
        "verify_time": int(use.used_at.timestamp()),
        "status": 1,
        "amount": {"original": ORIGINAL, "pay": PAID + DISCOUNT, "merchant_ticket": 0},
        "fund_amount": {
            "goods": PAID + DISCOUNT - SERVICE_FEE - HANDLING_FEE,
            "pay_handling": HANDLING_FEE,
            "total_merchant_platform_service": SERVICE_FEE,
            "talent_commission": 0,
            "total_agent_merchant": 0,
        },
    }


def write_result(
    certificate: Certificate, result: int, order_id: str, use: Use | None = None
) -> dict[str, Any]:
    """One row of verify_results."""
    wire: dict[str, Any] = {
        "result": result,
        "msg": "验券成功" if result == 0 else WORDS[result],
        "code": certificate.encrypted_code,
        "verify_id": use.receipt if use else "",
        "certificate_id": str(certificate.certificate_id),
        "origin_code": certificate.code if use else "",
        "account_id": ACCOUNT_ID,
        "order_id": order_id,
    }
    if use and certificate.recipe.times > 1:
        serial = {"serial_numb": len(certificate.living()), "amount": write_amount(1)}
        wire["verify_amount_info"] = {"times_card_serial_amount": serial}
    return wire


def write_shop(account_id: str) -> dict[str, Any]:
    """The one shop of the merchant."""
    parent = {"account_id": account_id, "account_name": "示例茶饮", "account_type": "Trademark"}
    own = {"account_id": "7200000000000000002", "account_name": "示例茶饮(一店)", "account_type": "Shop"}
    poi = {"poi_id": POI_ID, "poi_name": "示例茶饮(一店)", "address": "示例路1号"}
    return {"account": {"parent_account": parent, "poi_account": own}, "poi": poi}
