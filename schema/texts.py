"""What the endpoint itself has to say about a request: key → (zh-CN, en). Everything else is in `core.messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.messages import LANGUAGES, current_language

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "body_not_json": ("请求正文必须是 UTF-8 编码的 JSON。", "The body must be JSON in UTF-8."),
    "body_not_object": (
        '请求正文必须是一个 JSON 对象，例如 {{"query": "…"}}。',
        'The body must be one JSON object, as in {{"query": "…"}}.',
    ),
    "body_too_large": ("请求正文不能超过 {limit} 字节。", "The body may have {limit} bytes at most."),
    "batch_refused": (
        "不支持批量请求，请逐个发送。",
        "Batches are not served. Send one operation at a time.",
    ),
    "content_type": (
        "请以 Content-Type: application/json 发送。",
        "Send it with Content-Type: application/json.",
    ),
    "method": ("请使用 GET 或 POST。", "Use GET or POST."),
    "mutation_by_get": ("GET 只能用于查询，请用 POST。", "GET serves queries only. Use POST."),
    "subscription_by_http": (
        "订阅请通过 WebSocket（graphql-transport-ws）在同一地址进行。",
        "Subscriptions are served over WebSocket (graphql-transport-ws) at the same address.",
    ),
    "query_missing": ("缺少字符串参数“query”。", "The parameter “query” must be a string and is required."),
    "persisted_hash": (
        "extensions.persistedQuery 应为 {{version: 1, sha256Hash}}，且与文档相符。",
        "extensions.persistedQuery must be {{version: 1, sha256Hash}} and the hash that of the document.",
    ),
    "parameter_type": ("参数“{name}”的类型应为 {kind}。", "The parameter “{name}” must be {kind}."),
    "operation_unknown": (
        "文档中没有这个操作，或有多个操作而没有指定 operationName。",
        "The document has no such operation, or several and no operationName was given.",
    ),
    "cost_exceeded": (
        "查询的开销为 {requested}，上限是 {limit}。请减小分页或字段数量。",
        "This operation costs {requested}; {limit} is the limit. Ask for fewer fields or smaller pages.",
    ),
    "depth_exceeded": (
        "查询嵌套了 {depth} 层，上限是 {limit} 层。",
        "This operation is nested {depth} deep; {limit} is the limit.",
    ),
    "redeem_twice": (
        "一个文档最多包含一个 redeemCoupons；多个券码请放在同一个 input.codes 中。",
        "A document may hold one redeemCoupons at most. Put several codes into one input.codes.",
    ),
    "value_missing": ("缺少“{path}”。", "“{path}” is required."),
    "value_unknown": ("“{path}”不是已知的输入项。", "“{path}” is not a known input."),
    "value_type": ("“{path}”应为 {type}。", "“{path}” must be of type {type}."),
    "instant": (
        "时间必须是带时区偏移的 ISO-8601，例如 2026-05-01T10:00:00+08:00。",
        "An instant must be ISO-8601 with an offset, as in 2026-05-01T10:00:00+08:00.",
    ),
    "day": ("日期必须形如 2026-05-01。", "A day must be written as in 2026-05-01."),
    "decimal": (
        '金额必须是十进制字符串，最多两位小数，例如 "88.00"。',
        'An amount must be a decimal string with at most two decimals, as in "88.00".',
    ),
    "id": ("“{path}”不是有效的 {type} id。", "“{path}” is not the id of a {type}."),
    "node_id": ("这不是有效的 id。", "This is not an id that was given out here."),
    "cursor": ("这个游标无效，请从头开始。", "This cursor is not valid. Start from the beginning."),
    "page_size": (
        "“first”必须在 1 到 {limit} 之间。",
        "“first” must be between 1 and {limit}.",
    ),
    "time_limit": ("处理超时，请稍后重试。", "This took too long and was stopped. Try again."),
    "subscription_limit": (
        "一个连接最多同时进行 {limit} 个操作。",
        "A connection may run {limit} operations at a time.",
    ),
}


def say(key: str, **values: Any) -> str:
    """The sentence for `key` in the language of whoever is being answered."""
    return SENTENCES[key][LANGUAGES.index(current_language())].format(**values)
