"""What must hold in the database, whatever the program does: keys, checks, and the indexes that sweeps need.

Tortoise creates neither conditional keys nor checks, and loses indexes when it rebuilds a table on SQLite. So
they are made here, after every migration, and verified at every start. `tenant_id` leads each key.

A definition never changes under its name: a changed one gets a new name.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.db.statements import current_connection, fetch_rows, is_postgres

_NO_ACCOUNT = "'00000000-0000-0000-0000-000000000000'"
_LIVING = "status IN ('PROCESSING', 'COMPENSATING')"


@dataclass(frozen=True, slots=True)
class Index:
    """An index, or a unique key, of a table; only over the rows of `where` if it is given.

    The table is the part of the name before the double underscore: some refusals of SQLite name only the
    index.
    """

    table: str
    columns: str
    where: str = ""
    unique: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """Unique in the database."""
        kind = "key" if self.unique else "index"
        return f"{self.table}__{self.label or self.columns.replace(', ', '_')}_{kind}"

    def statements(self, *, postgres: bool) -> list[str]:
        """The same DDL on both."""
        unique = "UNIQUE " if self.unique else ""
        where = f" WHERE {self.where}" if self.where else ""
        return [f"CREATE {unique}INDEX IF NOT EXISTS {self.name} ON {self.table} ({self.columns}){where}"]

    def parts(self, *, postgres: bool) -> list[str]:
        """The names to look for in the catalogue."""
        return [self.name]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row of a table meets; `{row}` stands before each column.

    SQLite can add no check to a table that exists, so two triggers are one there.
    """

    table: str
    label: str
    condition: str

    @property
    def name(self) -> str:
        """Unique in the database."""
        return f"{self.table}__{self.label}_check"

    def statements(self, *, postgres: bool) -> list[str]:
        """A constraint on PostgreSQL, triggers on SQLite."""
        if postgres:
            condition = self.condition.format(row="")
            return [f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} CHECK ({condition})"]
        return [self._trigger(event) for event in ("INSERT", "UPDATE")]

    def parts(self, *, postgres: bool) -> list[str]:
        """The names to look for in the catalogue."""
        return [self.name] if postgres else [f"{self.name}_on_{event}" for event in ("insert", "update")]

    def _trigger(self, event: str) -> str:
        refusal = f"SELECT RAISE(ABORT, 'CHECK constraint failed: {self.name}')"
        return (
            f"CREATE TRIGGER IF NOT EXISTS {self.name}_on_{event.lower()} BEFORE {event} ON {self.table} "
            f"WHEN NOT ({self.condition.format(row='NEW.')}) BEGIN {refusal}; END"
        )


def _key(table: str, columns: str, where: str = "", label: str = "") -> Index:
    return Index(table, columns, where, unique=True, label=label)


KEYS = (
    # A token is found by its hash before the tenant is known.
    _key("access_token", "token_hash"),
    _key("failure_count", "tenant_id, scope, subject_id"),
    _key("customer", "tenant_id, phone_fingerprint", "phone_fingerprint IS NOT NULL"),
    _key("channel_credential", "tenant_id, account_id, field"),
    _key("channel_token", "tenant_id, account_id, name"),
    _key("channel_store", "tenant_id, account_id, store_id"),
    _key("channel_store", "tenant_id, account_id, external_store_id"),
    _key("inbox_event", "tenant_id, account_id, event_id"),
    _key("redemption_request", "tenant_id, actor_id, operation, idempotency_key", label="idempotency"),
    _key(
        "redemption_request",
        "tenant_id, subject_id",
        f"operation = 'reverseRedemption' AND {_LIVING}",
        label="living_reversal",
    ),
    _key(
        "redemption_claim",
        f"tenant_id, coalesce(account_id, {_NO_ACCOUNT}), coupon_key, use_number",
        label="one_use",
    ),
    _key("redemption_leg", "tenant_id, request_id, position"),
    _key("coupon_issue", "tenant_id, actor_id, idempotency_key", label="idempotency"),
    _key("house_coupon", "tenant_id, code_fingerprint"),
    _key("house_use", "tenant_id, token, number"),
    _key("customer_allowance", "tenant_id, batch_id, customer_id"),
    _key("outbox_event", "tenant_id, seq", "seq IS NOT NULL"),
)

CHECKS = (
    Check("coupon_batch", "issued", "{row}issued >= 0 AND {row}issued <= {row}quantity"),
    Check("coupon_batch", "spent", "{row}budget IS NULL OR {row}spent <= {row}budget"),
    Check("house_coupon", "times_used", "{row}times_used >= 0 AND {row}times_used <= {row}times_total"),
    Check("customer_allowance", "issued", "{row}issued >= 0"),
    Check("redemption", "times", "{row}times >= 1"),
    Check("redemption", "discount", "{row}discount >= 0"),
)

INDEXES = (
    # What sweeps look for, over all tenants.
    Index("redemption_request", "next_attempt_at", _LIVING),
    Index("redemption_leg", "settle_at", "settle_at IS NOT NULL"),
    Index("outbox_event", "id", "seq IS NULL"),
    Index("inbox_event", "next_attempt_at", "handled_at IS NULL"),
    # What lists page through and services look up.
    Index("redemption", "tenant_id, id"),
    Index("redemption", "tenant_id, store_id, id"),
    Index("redemption", "tenant_id, customer_id, id", "customer_id IS NOT NULL"),
    Index("redemption", "tenant_id, request_id"),
    Index("redemption", "tenant_id, coupon_id"),
    Index("redemption_claim", "tenant_id, redemption_id"),
    Index("coupon", "tenant_id, code_fingerprint"),
    Index("house_use", "tenant_id, coupon_id"),
    Index("store", "tenant_id"),
    Index("channel_account", "tenant_id, channel"),
    Index("channel_store", "tenant_id, store_id"),
    Index("audit_entry", "tenant_id, id"),
)

INVARIANTS: tuple[Index | Check, ...] = KEYS + CHECKS + INDEXES

_CATALOGUE_OF_POSTGRES = """
    SELECT class.relname AS name FROM pg_index
    JOIN pg_class AS class ON class.oid = pg_index.indexrelid
    JOIN pg_namespace AS space ON space.oid = class.relnamespace
    WHERE space.nspname = current_schema() AND pg_index.indisvalid
    UNION ALL
    SELECT conname FROM pg_constraint
    JOIN pg_namespace AS space ON space.oid = connamespace
    WHERE space.nspname = current_schema() AND contype = 'c' AND convalidated
"""
_CATALOGUE_OF_SQLITE = "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')"


async def ensure_invariants() -> None:
    """Creates what is missing. Raises IntegrityError where the rows of a table break an invariant."""
    connection = current_connection()
    postgres = is_postgres(connection)
    for invariant in await _find_missing(postgres=postgres):
        for statement in invariant.statements(postgres=postgres):
            await connection.execute_script(statement)


async def verify_invariants() -> list[str]:
    """The names of the invariants that the database does not enforce; empty where all is well."""
    return [invariant.name for invariant in await _find_missing(postgres=is_postgres())]


async def _find_missing(*, postgres: bool) -> list[Index | Check]:
    rows = await fetch_rows(_CATALOGUE_OF_POSTGRES if postgres else _CATALOGUE_OF_SQLITE)
    present = {row["name"] for row in rows}
    return [each for each in INVARIANTS if not present.issuperset(each.parts(postgres=postgres))]
