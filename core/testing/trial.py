"""Standard tests outside pytest: one rule, one channel, one verdict. This is how the kit itself is tried."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from core.channels.contract import Channel
from core.testing.coupons import CouponChannelSuite
from core.testing.platform_bench import expect_silence
from core.testing.platforms import Platform
from core.testing.suites import ChannelSuite, list_tests
from core.testing.transcript import Transcript


async def try_rule(
    rule: str,
    channel: Channel,
    platform: Platform,
    foreign_samples: Mapping[str, tuple[str, ...]] | None = None,
    suite: type[ChannelSuite] = CouponChannelSuite,
) -> Exception | None:
    """Runs one standard test. None where the rule is kept, else what broke it. `platform` must be new."""
    test, transcript = list_tests(suite)[rule], Transcript()
    wanted = inspect.signature(test).parameters
    given = {"foreign_samples": foreign_samples or {}} if "foreign_samples" in wanted else {}
    try:
        with transcript.listen():
            bench = suite.bench_type(channel, platform, transcript)
            await test(suite(), bench, **given)
        expect_silence(bench)
    except Exception as broken:
        return broken
    return None
