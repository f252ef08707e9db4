"""Standard tests outside pytest: one rule, one channel, one verdict. This is how the kit itself is tried."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from core.channels.contract import Channel
from core.testing.bench import Bench
from core.testing.coupons import STANDARD_TESTS, CouponChannelSuite
from core.testing.platforms import CouponPlatform
from core.testing.rules.secrecy import expect_silence
from core.testing.transcript import Transcript


async def try_rule(
    rule: str,
    channel: Channel,
    platform: CouponPlatform,
    foreign_samples: Mapping[str, tuple[str, ...]] | None = None,
) -> Exception | None:
    """Runs one standard test. None where the rule is kept, else what broke it. `platform` must be new."""
    test, transcript = STANDARD_TESTS[rule], Transcript()
    wanted = inspect.signature(test).parameters
    given = {"foreign_samples": foreign_samples or {}} if "foreign_samples" in wanted else {}
    try:
        with transcript.listen():
            bench = Bench(channel, platform, transcript)
            await test(CouponChannelSuite(), bench, **given)
        expect_silence(bench)
    except Exception as broken:
        return broken
    return None
