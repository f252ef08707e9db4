"""The hooks of Hexiao. A plugin is a module or object named in the entry-point group `hexiao.channels`.

There are no `firstresult` and no async hooks: pluggy takes an un-awaited coroutine for an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from core.channels.contract import RegisterChannel
    from core.channels.observers import CouponRedeemed, CouponReversed

PROJECT_NAME = "hexiao"
ENTRY_POINT_GROUP = "hexiao.channels"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def register_channels(register: RegisterChannel) -> None:
    """Called once while the program starts. Call `register(channel)` for each Channel the plugin brings.

    `register` raises for an object that is no Channel, for a code that is taken, and for a declared capability
    without an implementation; such an error stops the start with a sentence. The return value is ignored.
    """


@hookspec
def coupon_redeemed(event: CouponRedeemed) -> None:
    """A coupon was redeemed and this is committed. Synchronous, must not block; the return value is ignored.

    A plugin that raises here is fenced off: the fault is logged and shown in `hexiao doctor`, nothing else happens.
    """


@hookspec
def coupon_reversed(event: CouponReversed) -> None:
    """A redemption was taken back and this is committed. Rules as for `coupon_redeemed`."""
