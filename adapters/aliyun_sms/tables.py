"""What Aliyun's words mean: platform → ours.

Source unless an entry says otherwise: help.aliyun.com/document_detail/55284.html (SendSms, version 2017-05-25) and the
error list of document_detail/101346.html, as quoted in public SDKs and compared 2026-11; the gateway's codes from
document_detail/2593177.html (signature ACS3) and the common errors of RPC products. INFERRED marks our own conclusion,
to be mended by a real answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from core.channels.contract import DeliveryRefusal

VERSION = "2017-05-25"
SEND = "SendSms"
QUERY_SIGN = "QuerySmsSign"
ALGORITHM = "ACS3-HMAC-SHA256"
OK = "OK"

# How far x-acs-date may be off before InvalidTimeStamp.Expired.
CLOCK_TOLERANCE = timedelta(minutes=15)

# A variable of a template. 35 is what the console allows since 2020 for most kinds; INFERRED for all of them.
LONGEST_VALUE = 35

# platform → ours. Why one message is refused; what is not here is REFUSED_BY_CHANNEL.
REFUSAL_BY_CODE: Mapping[str, DeliveryRefusal] = {
    "isv.MOBILE_NUMBER_ILLEGAL": DeliveryRefusal.UNREACHABLE,
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": DeliveryRefusal.UNREACHABLE,
    "isv.CUSTOMER_REFUSED": DeliveryRefusal.NO_CONSENT,  # has unsubscribed
    "isv.SMS_TEMPLATE_ILLEGAL": DeliveryRefusal.TEMPLATE_UNKNOWN,
    "isv.TEMPLATE_MISSING_PARAMETERS": DeliveryRefusal.CONTENT_REFUSED,
    "isv.TEMPLATE_PARAMS_ILLEGAL": DeliveryRefusal.CONTENT_REFUSED,
    "isv.INVALID_JSON_PARAM": DeliveryRefusal.CONTENT_REFUSED,
    "isv.INVALID_PARAMETERS": DeliveryRefusal.CONTENT_REFUSED,
    "isv.PARAM_LENGTH_LIMIT": DeliveryRefusal.CONTENT_REFUSED,
    "isv.PARAM_NOT_SUPPORT_URL": DeliveryRefusal.CONTENT_REFUSED,
    # "a variable holds words that may not be sent"; some take it for a list of numbers.
    "isv.BLACK_KEY_CONTROL_LIMIT": DeliveryRefusal.CONTENT_REFUSED,
    "isv.SMS_CONTENT_ILLEGAL": DeliveryRefusal.CONTENT_REFUSED,
    "isv.UNSUPPORTED_CONTENT": DeliveryRefusal.CONTENT_REFUSED,
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE": DeliveryRefusal.CONTENT_REFUSED,
    # Per number: one a minute, five an hour, ten a day for codes; 50 a day and template for notices.
    "isv.BUSINESS_LIMIT_CONTROL": DeliveryRefusal.TOO_MANY,
    "isv.DAY_LIMIT_CONTROL": DeliveryRefusal.TOO_MANY,  # the limit that the owner set for the account
    "isv.MONTH_LIMIT_CONTROL": DeliveryRefusal.TOO_MANY,
}

# platform → ours. The credential that the gateway does not accept.
CREDENTIAL_BY_CODE: Mapping[str, str] = {
    "InvalidAccessKeyId": "accessKeyId",
    "InvalidAccessKeyId.NotFound": "accessKeyId",
    "InvalidAccessKeyId.Inactive": "accessKeyId",
    "Forbidden.AccessKeyDisabled": "accessKeyId",
    "SignatureDoesNotMatch": "accessKeySecret",
    "IncompleteSignature": "accessKeySecret",
    "isv.ACCOUNT_NOT_EXISTS": "accessKeyId",
}

# platform → ours. What a person must mend: what to tell them, and the setting where there is one.
MEND_BY_CODE: Mapping[str, tuple[str, str | None]] = {
    "isp.RAM_PERMISSION_DENY": ("the access key may not send SMS: grant it the right in RAM", "accessKeyId"),
    "Forbidden.RAM": ("the access key may not send SMS: grant it the right in RAM", "accessKeyId"),
    "isv.SMS_SIGNATURE_ILLEGAL": ("the signature is not one of the account's, or not approved", "signName"),
    "isv.SIGN_NAME_ILLEGAL": ("the signature is not one of the account's, or not approved", "signName"),
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": ("the signature is not approved for this kind of message", "signName"),
    "isv.AMOUNT_NOT_ENOUGH": ("the Aliyun account has no money left", None),
    "isv.OUT_OF_SERVICE": ("Aliyun has suspended the account, mostly for want of money", None),
    "isv.PRODUCT_UN_SUBSCRIPT": ("the Aliyun account has not opened the SMS service", None),
    "isv.PRODUCT_UNSUBSCRIBE": ("the Aliyun account has not opened the SMS service", None),
    "isv.ACCOUNT_ABNORMAL": ("Aliyun reports trouble with the account", None),
    "isv.DENY_IP_RANGE": ("Aliyun does not take calls from where this server is", None),
    "InvalidTimeStamp.Expired": ("this server's clock is off by more than 15 minutes", None),
    "InvalidVersion": ("Aliyun does not know this interface; is the base URL right?", "baseUrl"),
    "InvalidAction.NotFound": ("Aliyun does not know this interface; is the base URL right?", "baseUrl"),
}

# platform → ours. Too many calls of the account, not messages to one number.
THROTTLED = frozenset({"Throttling", "Throttling.User", "Throttling.Api"})

# platform → ours. Codes after which nobody knows: an error inside, which may come after the message was taken (INFERRED),
# and a number of ours that was seen before, so that an earlier copy of the very same call has arrived.
DOUBTFUL = frozenset({"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "SignatureNonceUsed", "ServiceUnavailable"})

# platform → ours. `SignStatus` of QuerySmsSign: 0 being checked, 1 approved, 2 refused, 10 withdrawn.
SIGN_APPROVED = 1
