"""What a running program is made of: the parts that live as long as the process, handed to every service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.access.failures import FailureLimits
    from core.access.rates import ActorRates
    from core.channels.accounts import AccountService
    from core.channels.registry import ChannelRegistry
    from core.clock import Clock
    from core.events.bus import EventBus
    from core.keys import KeyRing
    from core.settings import Settings
    from core.work.scheduler import Work


@dataclass(frozen=True, slots=True)
class Runtime:
    """What services may use beside the database. `core.program` puts it together.

    accounts  connected channels, their sessions and health
    events    commits become visible to subscribers through it
    work      background tasks, kicked after commit
    """

    settings: Settings
    clock: Clock
    keys: KeyRing
    registry: ChannelRegistry
    accounts: AccountService
    failures: FailureLimits
    rates: ActorRates
    events: EventBus
    work: Work
