"""The standard tests, by subject. Authors subclass `core.testing.coupons.CouponChannelSuite`."""
