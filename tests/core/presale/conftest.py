"""A shop that sells beforehand."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from presale_shop import PresaleShop, open_presale_shop


@pytest.fixture
async def shop(database: Settings) -> AsyncIterator[PresaleShop]:
    """See `presale_shop`."""
    async with open_presale_shop(database) as opened:
        yield opened
