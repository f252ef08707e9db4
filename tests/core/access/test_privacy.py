"""Phones: one spelling, sealed to their row, found by fingerprint, masked for readers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.access.customers import CustomerService
from core.access.privacy import fingerprint_phone, mask_phone, normalise_phone, open_phone, seal_phone
from core.access.values import Role
from core.db.statements import fetch_rows
from core.errors import BadInput
from core.ids import new_id
from core.keys import KeyRing
from core.rotation import rotate_seals


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("0086(138)00138000", "+8613800138000"),
        ("８６１３８００１３８０００", "+8613800138000"),
        ("+852 9123 4567", "+85291234567"),
        ("001 650 253 0000", "+16502530000"),
    ],
)
def test_spellings_become_one(text, phone):
    assert normalise_phone(text) == phone


@pytest.mark.parametrize(
    "text",
    ["", "12345", "23800138000", "138001380001", "13800138000,1234", "138****8000", "+86 12345", "abc", "+1"],
)
def test_other_text_refused(text):
    with pytest.raises(ValueError, match="not a phone number") as refused:
        normalise_phone(text)
    assert not text or text not in str(refused.value)


def test_middle_is_hidden():
    assert mask_phone("+8613800138000") == "138****8000"
    assert mask_phone("+85291234567") == "+85****4567"


def test_seal_binds_row(keys):
    tenant, customer = new_id(), new_id()
    sealed = seal_phone(keys, tenant, customer, "+8613800138000")
    assert open_phone(keys, tenant, customer, sealed.sealed) == "+8613800138000"
    assert sealed.tail == "8000"
    assert b"13800138000" not in sealed.sealed
    assert "13800138000" not in repr(sealed)
    with pytest.raises(ValueError, match="another row"):
        open_phone(keys, tenant, new_id(), sealed.sealed)


def test_merchants_cannot_join(keys):
    mine, theirs = new_id(), new_id()
    assert fingerprint_phone(keys, mine, "+8613800138000") == fingerprint_phone(keys, mine, "+8613800138000")
    assert fingerprint_phone(keys, mine, "+8613800138000") != fingerprint_phone(
        keys, theirs, "+8613800138000"
    )


async def test_same_phone_same_customer(owner, keys):
    customers = CustomerService(keys)
    first = await customers.ensure_customer(owner.tenant_id, "138 0013 8000", "Lin")
    second = await customers.ensure_customer(owner.tenant_id, "+8613800138000")
    [row] = await fetch_rows("SELECT * FROM customer")
    assert first == second
    assert (row["name"], row["phone_tail"]) == ("Lin", "8000")
    assert "13800138000" not in str(row)


async def test_scope_unmasks(owner, keys):
    customers = CustomerService(keys)
    lin = await customers.ensure_customer(owner.tenant_id, "13800138000", "Lin")
    [masked] = (await customers.load_customers(owner, [lin])).values()
    scoped = replace(owner, scopes=frozenset({"phones"}))
    [whole] = (await customers.load_customers(scoped, [lin])).values()
    assert masked.phone == "138****8000"
    assert whole.phone == "+8613800138000"
    assert "138" not in repr(whole)


async def test_customers_see_themselves(owner, keys):
    customers = CustomerService(keys)
    lin = await customers.ensure_customer(owner.tenant_id, "13800138000", "Lin")
    mei = await customers.ensure_customer(owner.tenant_id, "13900139000", "Mei")
    actor = replace(owner, role=Role.CUSTOMER, actor_id=lin, customer_id=lin)
    stranger = replace(owner, tenant_id=new_id())
    assert set(await customers.load_customers(actor, [lin, mei])) == {lin}
    assert set(await customers.load_customers(owner, [lin, mei])) == {lin, mei}
    assert await customers.load_customers(stranger, [lin, mei]) == {}


async def test_wrong_phone_told(owner, keys):
    with pytest.raises(BadInput) as refused:
        await CustomerService(keys).ensure_customer(owner.tenant_id, "12345")
    assert refused.value.field == ("phone",)
    assert "12345" not in refused.value.message
    assert await fetch_rows("SELECT id FROM customer") == []


async def test_phones_change_key(owner, keys):
    lin = await CustomerService(keys).ensure_customer(owner.tenant_id, "13800138000", "Lin")
    new = KeyRing("another secret key, 32 characters", ["a secret key for tests, 32 characters or more"])
    result = await rotate_seals(new)
    assert (result.resealed, result.unreadable) == (1, 0)
    after = CustomerService(KeyRing("another secret key, 32 characters"))
    assert (await after.load_customers(owner, [lin]))[lin].phone == "138****8000"
    assert await CustomerService(new).ensure_customer(owner.tenant_id, "13800138000") == lin
