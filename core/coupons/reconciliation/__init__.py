"""Comparing a store's day in our ledger with the platform's own record of uses."""
