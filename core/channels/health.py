"""How accounts are doing, noted in memory with every call and written down every few seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from core.channels.bindings import AccountStatus, BoundAccount
from core.channels.contract import ChannelFailure, CredentialsRefused, Misconfigured
from core.clock import Clock
from core.db.statements import execute
from core.messages import Language, text

WRITE_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person must mend about an account: the key of a text, and the setting it is about."""

    key: str
    setting: str | None = None

    def __str__(self) -> str:
        """As it is stored."""
        return f"{self.key} {self.setting}" if self.setting else self.key

    def message(self, language: Language | None = None) -> str:
        return text(self.key, language, name=self.setting or "")


def read_attention(stored: str | None) -> Attention | None:
    """What `str()` of an Attention gave."""
    if stored is None:
        return None
    key, _, setting = stored.partition(" ")
    return Attention(key, setting or None)


@dataclass(frozen=True, slots=True)
class _Note:
    """What has happened since the last writing. `status` None: what happened says nothing about it."""

    tenant_id: UUID
    success_at: datetime | None = None
    failure_at: datetime | None = None
    status: AccountStatus | None = None
    attention: Attention | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    at: datetime
    status: AccountStatus | None


class AccountHealth:
    """A status that changes is written with the next flush, mere times every few seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notes: dict[UUID, _Note] = {}
        self._written: dict[UUID, _Written] = {}

    def note_success(self, account: BoundAccount) -> None:
        """The platform answered in a way that proves the credentials good."""
        if account.account_id is not None:
            note = self._notes.get(account.account_id) or _Note(account.tenant_id)
            self._notes[account.account_id] = replace(
                note, success_at=self._clock.now(), status=AccountStatus.ACTIVE, attention=None
            )

    def note_failure(self, account: BoundAccount, failure: ChannelFailure) -> None:
        """A call failed. Refused credentials and wrong settings need a person; the rest is remembered."""
        if account.account_id is None:
            return
        note = self._notes.get(account.account_id) or _Note(account.tenant_id)
        note = replace(note, failure_at=self._clock.now())
        attention = _find_attention(failure)
        if attention is not None:
            note = replace(note, status=AccountStatus.NEEDS_ATTENTION, attention=attention)
        self._notes[account.account_id] = note

    async def flush(self, *, everything: bool = False) -> frozenset[UUID]:
        """Writes what is due, or everything, and answers the merchants whose accounts' status may differ."""
        changed: set[UUID] = set()
        for account_id, note in list(self._notes.items()):
            if not everything and not self._is_due(account_id, note):
                continue
            if self._has_new_status(account_id, note):
                changed.add(note.tenant_id)
            await _write_note(account_id, note)
            self._forget(account_id, note)
        return frozenset(changed)

    def _is_due(self, account_id: UUID, note: _Note) -> bool:
        written = self._written.get(account_id)
        late = written is None or self._clock.now() - written.at >= WRITE_EVERY
        return late or self._has_new_status(account_id, note)

    def _has_new_status(self, account_id: UUID, note: _Note) -> bool:
        written = self._written.get(account_id)
        return note.status is not None and (written is None or written.status is not note.status)

    def _forget(self, account_id: UUID, note: _Note) -> None:
        before = self._written.get(account_id)
        status = note.status or (before.status if before else None)
        self._written[account_id] = _Written(self._clock.now(), status)
        # A call may have been noted while this one was being written.
        if self._notes.get(account_id) is note:
            del self._notes[account_id]


def _find_attention(failure: ChannelFailure) -> Attention | None:
    if isinstance(failure, CredentialsRefused):
        key = "account.credential_refused" if failure.setting else "account.credentials_refused"
        return Attention(key, failure.setting)
    if isinstance(failure, Misconfigured):
        return Attention(
            "account.setting_wrong" if failure.setting else "account.misconfigured", failure.setting
        )
    return None


async def _write_note(account_id: UUID, note: _Note) -> None:
    await execute(
        "UPDATE channel_account SET last_success_at = COALESCE($1, last_success_at),"
        " last_failure_at = COALESCE($2, last_failure_at),"
        " status = CASE WHEN status = 'DISABLED' THEN status ELSE COALESCE($3, status) END,"
        " attention = CASE WHEN $4 THEN $5 ELSE attention END"
        " WHERE tenant_id = $6 AND id = $7",
        note.success_at,
        note.failure_at,
        note.status.value if note.status else None,
        note.status is not None,
        str(note.attention) if note.attention else None,
        note.tenant_id,
        account_id,
    )
