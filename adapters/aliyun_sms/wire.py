"""Aliyun's own shapes, in its own names. Parameters travel in the query, answers are JSON.

Source: help.aliyun.com/document_detail/55284.html, and the generated official SDKs (dysmsapi20170525).
"""

from __future__ import annotations

from typing import TypedDict


class SendSmsParams(TypedDict):
    """SendSms. `PhoneNumbers`: 11 digits, or country code and number; `TemplateParam`: a JSON object of texts.

    `OutId` is a number of the caller's own, which comes back in receipts and prevents nothing.
    """

    PhoneNumbers: str
    SignName: str
    TemplateCode: str
    TemplateParam: str
    OutId: str


class SendSmsAnswer(TypedDict, total=False):
    """`Code` is OK where the message was taken; `BizId` is then its number."""

    Code: str
    Message: str
    BizId: str
    RequestId: str


class SmsSignAnswer(TypedDict, total=False):
    """QuerySmsSign."""

    Code: str
    Message: str
    SignName: str
    SignStatus: int
    Reason: str
    RequestId: str
