"""The mini-program's people: their login codes, and their phone numbers as my.getPhoneNumber hands them over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from adapters.koubei.client import sign_text
from adapters.koubei.sealing import read_aes_key, seal_text, write_signed_seal
from adapters.koubei.simulator.keys import make_key
from adapters.koubei.simulator.state import AES_KEY, OPEN_ID, Fields, PlatformError
from core.testing.simulator import LoginSample

USER_ID = "2088102150477652"
PHONE = "13800000000"
CODE_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the mini-program. Apps of the newer kind are told `open_id`, those of the older `user_id`."""

    open_id: str | None = OPEN_ID
    user_id: str | None = None
    union_id: str | None = None
    phone: str = PHONE


@dataclass(slots=True)
class Ticket:
    """A code, whom it stands for, and whether it was used."""

    person: Person
    expires_at: datetime
    used: bool = False


class PeopleDesk:
    """What the platform answers about persons. A code is good once and for a day."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._tickets: dict[str, Ticket] = {}
        self._people: dict[str, Person] = {}

    def open_program(self, subject: str | None = None) -> LoginSample:
        """Somebody opens the mini-program and hands over a phone number: a new person, or the one with this open id."""
        number = len(self._people) + 1
        open_id = subject or f"074a1simulatedperson{number:012d}"
        person = self._people.setdefault(open_id, Person(open_id, phone=f"139{number:08d}"))
        handed_over = self.hand_over_phone(person)
        return LoginSample(self.make_login(person), open_id, None, handed_over, f"+86{person.phone}")

    def make_login(self, person: Person | None = None) -> str:
        """What my.getAuthCode gives this person."""
        code = hashlib.sha256(b"login%d" % len(self._tickets)).hexdigest()[:32]
        self._tickets[code] = Ticket(person or Person(), self._now() + CODE_LIFE)
        return code

    def hand_over(self, fields: Mapping[str, object], aes_key: str = AES_KEY) -> str:
        """These fields as my.getPhoneNumber gives them: sealed and signed."""
        sealed = seal_text(orjson.dumps(fields), read_aes_key(aes_key))
        sign = sign_text(write_signed_seal(sealed), make_key("alipay"))
        kinds = {"sign_type": "RSA2", "encrypt_type": "AES", "charset": "UTF-8"}
        return orjson.dumps({"response": sealed, "sign": sign, **kinds}).decode()

    def hand_over_phone(self, person: Person | None = None) -> str:
        """The person's phone number."""
        return self.hand_over({"code": "10000", "msg": "Success", "mobile": (person or Person()).phone})

    def log_in(self, form: Mapping[str, str]) -> Fields:
        """The fields of a success; raises PlatformError."""
        if form.get("grant_type") != "authorization_code":
            raise PlatformError("isv.grant-type-invalid", "40002")
        ticket = self._tickets.get(form.get("code", ""))
        if ticket is None or ticket.used or ticket.expires_at <= self._now():
            raise PlatformError("isv.code-invalid", "40002")
        ticket.used = True
        person = ticket.person
        ids = {"open_id": person.open_id, "user_id": person.user_id, "union_id": person.union_id}
        told = {name: value for name, value in ids.items() if value}
        tokens = {"access_token": "authbseSIMULATED", "refresh_token": "authbseREFRESH"}
        return {**told, **tokens, "expires_in": 1296000, "re_expires_in": 2592000}
