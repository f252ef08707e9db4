"""What Alipay's words mean: platform → ours.

INFERRED marks our own conclusion, to be mended by a real answer. Alipay publishes no list of the business codes
of the ticket interfaces; those below are taken over from sister interfaces or made likely by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from core.channels.contract import (
    CouponBehaviour,
    CouponKind,
    CouponStatus,
    Idempotency,
    LoginRefusal,
    Refusal,
    Reversibility,
    StatusBy,
)

SUCCESS = "10000"
BUSINESS_FAILED = "40004"


class Trouble(StrEnum):
    """What kind of failure a code is: something about the call, not about the coupon."""

    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"
    MISCONFIGURED = "MISCONFIGURED"
    NOT_PERMITTED = "NOT_PERMITTED"
    RATE_LIMITED = "RATE_LIMITED"
    BUSY = "BUSY"


# platform → ours. `code`: the gateway's families.
# Source: Alipay's public return codes, copy at https://open.alitrip.com/docs/doc.htm?articleId=105806, read 2026-11
# Families that are not listed: 4xxxx is a refusal of what was asked, everything else the platform's own trouble.
TROUBLE_BY_CODE: Mapping[str, Trouble] = {
    "20000": Trouble.BUSY,
    "20001": Trouble.CREDENTIALS_REFUSED,  # the app_auth_token, unless the sub code says more
    "40003": Trouble.MISCONFIGURED,  # the app's state, or no public key was uploaded
    "40005": Trouble.RATE_LIMITED,
    "40006": Trouble.NOT_PERMITTED,
}

# platform → ours. `sub_code`, looked at before `code`; same source. SYSTEM_ERROR: https://apifox.com/apidoc/
# docs-site/3618910/api-126930871 ("repeat the same request"), read 2026-11
TROUBLE_BY_SUB_CODE: Mapping[str, Trouble] = {
    "SYSTEM_ERROR": Trouble.BUSY,
    "isp.unknow-error": Trouble.BUSY,
    "aop.unknow-error": Trouble.BUSY,
    "aop.invalid-app-auth-token-no-api": Trouble.NOT_PERMITTED,
    "aop.no-product-reg-by-partner": Trouble.NOT_PERMITTED,
    "isv.missing-signature-key": Trouble.MISCONFIGURED,
    "isv.missing-signature-config": Trouble.MISCONFIGURED,
    "isv.missing-app-id": Trouble.CREDENTIALS_REFUSED,
    "isv.invalid-app-id": Trouble.CREDENTIALS_REFUSED,
    "isv.invalid-signature": Trouble.CREDENTIALS_REFUSED,
    "isv.missing-signature": Trouble.CREDENTIALS_REFUSED,
    "isv.invalid-signature-type": Trouble.CREDENTIALS_REFUSED,
    "isv.app-call-limited": Trouble.RATE_LIMITED,
    "isv.method-call-limited": Trouble.RATE_LIMITED,
    "app-call-limited": Trouble.RATE_LIMITED,
    "method-call-limited": Trouble.RATE_LIMITED,
}

# Which credential a refused call speaks of; without an entry it is the app_auth_token.
SETTING_BY_SUB_CODE: Mapping[str, str] = {
    "isv.missing-app-id": "appId",
    "isv.invalid-app-id": "appId",
    "isv.invalid-signature": "privateKey",
    "isv.missing-signature": "privateKey",
    "isv.invalid-signature-type": "privateKey",
    "isv.missing-signature-key": "privateKey",
    "isv.missing-signature-config": "privateKey",
    "isv.invalid-app-state": "appId",
    "isv.insufficient-isv-permissions": "appId",
}

# What to tell the person who must mend it.
MEND_BY_SETTING: Mapping[str, str] = {
    "appId": "the Alipay app lacks something: check its id, its state and its interfaces for coupons",
    "privateKey": "Alipay does not know the public key that belongs to privateKey; upload it to the app",
    "appAuthToken": "the merchant has not authorised the Alipay app for this interface",
}

# platform → ours. `sub_code` beside 40004, and `result` of a single certificate alike.
# CERTIFICATE_*, INVALID_PARAMETER: https://apifox.com/apidoc/docs-site/3618910/api-126930871 (use, v3; INFERRED
# that the older gateway and the other certificate interfaces say the same), read 2026-11.
# TICKET_CODE_INVALID, TICKET_ALREADY_USED: documented for alibaba.alsc.daodian.ticket.consult and
# alibaba.alsc.merchant.ext.ticketcode.use; here INFERRED. All other TICKET_*: INFERRED.
REFUSAL_BY_SUB_CODE: Mapping[str, Refusal] = {
    "TICKET_CODE_INVALID": Refusal.UNKNOWN_CODE,
    "TICKET_ALREADY_USED": Refusal.ALREADY_REDEEMED,
    "TICKET_EXPIRED": Refusal.EXPIRED,
    "TICKET_SHOP_NOT_MATCH": Refusal.WRONG_STORE,
    "TICKET_CANCEL_TIME_EXCEEDED": Refusal.REVERSAL_WINDOW_CLOSED,
    "CERTIFICATE_NOT_EXIST": Refusal.UNKNOWN_CODE,
    "CERTIFICATE_IS_USED": Refusal.ALREADY_REDEEMED,
    "CERTIFICATE_IS_INVALID": Refusal.CANCELLED,  # "void": refunded, expired or taken back
    "INVALID_PARAMETER": Refusal.REFUSED_BY_CHANNEL,
}

# Refusals that cover several reasons at once.
VAGUE_SUB_CODES = frozenset({"CERTIFICATE_IS_INVALID"})

# platform → ours. `sub_code` of alipay.system.oauth.token.
# Source: https://zhifubao.apifox.cn/api-127203914, read 2026-11. INFERRED that the older gateway says the same.
LOGIN_REFUSAL_BY_SUB_CODE: Mapping[str, LoginRefusal] = {
    "isv.code-invalid": LoginRefusal.CODE_INVALID,  # wrong, used or over: the code does not tell
    "isv.unmatched-app-id": LoginRefusal.CODE_INVALID,  # another app's
}

# platform → ours. `subCode` of an error that my.getPhoneNumber hands over.
# Source: https://opendocs.alipay.com/mini/api/getphonenumber, read 2026-11
PHONE_REFUSAL_BY_SUB_CODE: Mapping[str, LoginRefusal] = {
    "isv.invalid-auth-relations": LoginRefusal.NOT_PERMITTED,  # the customer did not agree
}

# platform → ours. `ticket_status`. Whether the shop fits is beside it: see `UNFIT_SHOP`.
# Source: https://docs.open.alipay.com/api_1/koubei.trade.ticket.ticketcode.query, read 2025-10
STATUS_BY_TICKET_STATUS: Mapping[str, CouponStatus] = {
    "EFFECTIVE": CouponStatus.AVAILABLE,
    "UN_EFFECTIVE": CouponStatus.AVAILABLE,
    "USED": CouponStatus.REDEEMED,
    "USING": CouponStatus.LOCKED,
    "REFUNDED": CouponStatus.REFUNDED,
    "REFUNDING": CouponStatus.LOCKED,
}
UNFIT_SHOP = "UN_EFFECTIVE"  # unused, and not to be used in the shop that asks
BEING_USED = "USING"

# `ticket_trans_type` of a use. INFERRED: the list of types is published nowhere.
USE_TYPES = frozenset({"USE"})

# platform → ours. `status` of a certificate in batchquery. INFERRED: the documents name no values.
STATUS_BY_CERTIFICATE_STATUS: Mapping[str, CouponStatus] = {
    "VALID": CouponStatus.AVAILABLE,
    "USED": CouponStatus.REDEEMED,
    "INVALID": CouponStatus.CANCELLED,
    "EXPIRED": CouponStatus.EXPIRED,
    "REFUNDED": CouponStatus.REFUNDED,
}

# platform → ours. `sku_info.item_type`: the class CertificateSkuInfo of the Java SDK lists "1. set meal, 2. cash
# voucher"; INFERRED that the digits are the values.
KIND_BY_ITEM_TYPE: Mapping[str, CouponKind] = {
    "1": CouponKind.SET_MEAL,
    "2": CouponKind.CASH_VOUCHER,
}

# `result` of one certificate in use and refund; documented for use, INFERRED for refund.
RESULT_SUCCESS = "SUCCESS"

# ours. Why a coupon in this state cannot be used.
REFUSAL_BY_STATUS: Mapping[CouponStatus, Refusal] = {
    CouponStatus.NOT_YET_VALID: Refusal.NOT_YET_VALID,
    CouponStatus.LOCKED: Refusal.LOCKED,
    CouponStatus.REDEEMED: Refusal.ALREADY_REDEEMED,
    CouponStatus.EXPIRED: Refusal.EXPIRED,
    CouponStatus.REFUNDED: Refusal.REFUNDED,
    CouponStatus.CANCELLED: Refusal.CANCELLED,
    CouponStatus.UNRECOGNISED: Refusal.REFUSED_BY_CHANNEL,
}

# How both interfaces behave. Tokens: request_id ("BIZ_ALREADY_SUCCESS", class KoubeiTradeTicketTicketcodeUseResponse)
# and out_biz_no ("the same number and content returns the earlier result", class
# AlipayMarketingCertificateCertificationUseModel). No end of a token's life and no reversal window are published:
# INFERRED that tokens live longer than anybody waits, and that a window shows in the refusal alone. in_flight: INFERRED.
# lists_uses: both interfaces ask by code, order or customer only; Alipay's bill (alipay.data.dataservice.bill.downloadurl)
# is a file of payments and names no ticket.
BEHAVIOUR = CouponBehaviour(
    idempotency=Idempotency.TOKEN,
    status_by=StatusBy.CODE_ONLY,
    reversal=Reversibility(possible=True),
    in_flight=timedelta(seconds=30),
    token_lifetime=timedelta(minutes=10),
    batch_atomic=False,
    lists_uses=False,
)
