"""The shop of the coupon tests, with something to sell."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_COUPONS = Path(__file__).parents[2] / "coupons"
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(_COUPONS))

from till import Till, open_till  # noqa: E402  # found by the path above

_spec = spec_from_file_location("coupon_shop", _COUPONS / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_module = module_from_spec(_spec)
sys.modules["coupon_shop"] = _module  # dataclasses look their module up
_spec.loader.exec_module(_module)

shop = _module.shop


@pytest.fixture
async def till(shop) -> Till:
    """Tea at 30 yuan of which there are ten, cake at 20 that nobody counts."""
    shop.hurry()
    return await open_till(shop)
