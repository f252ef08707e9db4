"""Server processes on a fresh database, and a platform that outlives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from tests.crash.platform import PlatformControl
from tests.crash.processes import Servers, start_platform
from tests.crash.shop import Shop, open_shop


@pytest.fixture(scope="session")
def _platform_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_platform(tmp_path_factory.mktemp("platform"))
    yield server.address
    server.kill()


@pytest.fixture
def platform(_platform_address: str) -> Iterator[PlatformControl]:
    """The platform, without faults. Coupons of earlier tests are still there."""
    control = PlatformControl(_platform_address)
    control.plan({})
    yield control
    control.plan({})
    control.close()


@pytest.fixture
def servers(database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Servers]:
    """The servers of one test; all of them end with it."""
    servers = Servers(settings, tmp_path)
    yield servers
    servers.kill_all()


@pytest.fixture
async def shop(database_url: str, settings: Settings, platform: PlatformControl) -> Shop:
    """A shop on the test's database."""
    return await open_shop(settings, platform)
