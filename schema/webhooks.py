"""Deliveries of platforms at /webhooks/{channel}/{account}: raw bytes in, the platform's own acknowledgement out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.channels.contract import WebhookDelivery
from core.errors import BadInput, Fault, Forbidden, NotFound, Unauthenticated
from core.ids import decode_id
from core.work.inbox import take_delivery
from schema.errors import mask_error
from schema.http import ClientGone, receive_body

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_DELIVERY_BYTES: Final = 1024 * 1024
_STATUS: Final[dict[type[Fault], int]] = {NotFound: 404, Unauthenticated: 401, Forbidden: 401, BadInput: 400}


async def take_webhook(request: Request) -> Response:
    """One delivery. What is not proved authentic gets 401, an address that is none 404, and neither says why."""
    runtime: Runtime = request.app.state.runtime
    try:
        account_id = decode_id(request.path_params["account"], "ChannelAccount")
        delivery = await _read_delivery(request)
        reply = await take_delivery(runtime, request.path_params["channel"], account_id, delivery)
    except ValueError:
        return PlainTextResponse("not found", 404)
    except Fault as fault:
        return PlainTextResponse(fault.code.lower().replace("_", " "), _STATUS.get(type(fault), 500))
    except ClientGone:
        return Response(status_code=400)
    except Exception as error:
        mask_error(error)
        return PlainTextResponse("internal server error", 500)
    return Response(reply.body, reply.status, media_type=reply.media_type)


async def _read_delivery(request: Request) -> WebhookDelivery:
    declared = request.headers.get("content-length", "")
    return WebhookDelivery(
        method=request.method,
        headers={name.lower(): value for name, value in request.headers.items()},
        params=dict(request.query_params),
        body=await receive_body(request.receive, MAX_DELIVERY_BYTES, declared),
    )
