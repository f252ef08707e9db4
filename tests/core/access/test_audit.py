"""The audit trail: who, with which token, did what; written with the change or not at all."""

from __future__ import annotations

import pytest

from core.access.audit import build_entry, record
from core.access.values import Role
from core.db.statements import GuardFailed, Write, as_json, as_uuid, fetch_rows, write_together
from core.ids import new_id


async def test_entry_names_actor(database, make_actor):
    actor, subject = make_actor(Role.MANAGER), new_id()
    await record(actor, "createStore", "Store", subject, {"name": "Bund"})
    [entry] = await fetch_rows("SELECT * FROM audit_entry")
    assert as_uuid(entry["tenant_id"]) == actor.tenant_id
    assert (as_uuid(entry["actor_id"]), as_uuid(entry["token_id"])) == (actor.actor_id, actor.token_id)
    assert (entry["role"], entry["action"], entry["subject_type"]) == ("MANAGER", "createStore", "Store")
    assert (as_uuid(entry["subject_id"]), as_json(entry["details"])) == (subject, {"name": "Bund"})


async def test_rule_has_no_actor(database, tenant_id):
    await record(tenant_id, "sweep", "Redemption")
    [entry] = await fetch_rows("SELECT * FROM audit_entry")
    assert as_uuid(entry["tenant_id"]) == tenant_id
    assert [entry[name] for name in ("actor_id", "token_id", "role", "subject_id")] == [None] * 4
    assert as_json(entry["details"]) == {}


async def test_entry_falls_with_change(database, make_actor):
    actor = make_actor()
    missing = Write("UPDATE store SET name = $1 WHERE id = $2", ("x", new_id()), expects=1)
    with pytest.raises(GuardFailed):
        await write_together([build_entry(actor, "renameStore", "Store"), missing])
    assert await fetch_rows("SELECT id FROM audit_entry") == []
