"""The mini-program's people: their login and phone codes, what they agreed to receive, and what was sent to them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from adapters.wechat.simulator.state import APP_ID, APP_SECRET, OPENID, PlatformError
from core.testing.simulator import LoginSample, SentMessage

PHONE_PATH = "/wxa/business/getuserphonenumber"
MESSAGE_PATH = "/cgi-bin/message/subscribe/send"
UNIONID = "oUnIoNsImUlAtEd-0000000000001"
PHONE = "13800000000"
TEMPLATE = "SIM_TEMPLATE_BOOKING_CONFIRMED_0000000000001"
OTHER_TEMPLATE = "SIM_TEMPLATE_BOOKING_REMINDER_00000000000001"
TEMPLATES: Mapping[str, frozenset[str]] = {
    TEMPLATE: frozenset({"thing1", "time2", "character_string3"}),
    OTHER_TEMPLATE: frozenset({"thing1", "time2"}),
}
CODE_LIFE = timedelta(minutes=5)
LOGINS_A_MINUTE = 100
# The forms of the platform's page, of the kinds that the templates here have.
_FORMS: Mapping[str, re.Pattern[str]] = {
    "thing": re.compile(r"[^\x00-\x1f]{1,20}"),
    "time": re.compile(r"(\d{4}[-年/.]\d{1,2}[-月/.]\d{1,2}日?\s)?\d{1,2}:\d{2}(:\d{2})?"),
    "character_string": re.compile(r"[!-~]{1,32}"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the mini-program. `phone` is a mainland number without its country code."""

    openid: str = OPENID
    unionid: str | None = UNIONID
    phone: str = PHONE
    blocked: bool = False


@dataclass(slots=True)
class Ticket:
    """A code, whom it stands for, and whether it was used."""

    person: Person
    expires_at: datetime
    used: bool = False


class PeopleDesk:
    """What the platform answers about persons. Codes are good once and for five minutes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.consents: Counter[tuple[str, str]] = Counter()
        self.sent: list[dict[str, Any]] = []
        self._now = now
        self._logins: dict[str, Ticket] = {}
        self._phones: dict[str, Ticket] = {}
        self._known = {OPENID}
        self._people: dict[str, Person] = {}
        self._times: list[tuple[str, datetime]] = []
        self._keys: dict[str, str] = {}
        self._number = 0

    # ------------------------------------------------------------------------------------- in the mini-program
    def open_program(self, subject: str | None = None) -> LoginSample:
        """Somebody opens the mini-program and presses its phone button: a new person, or the one with this openid."""
        person = self._people.get(subject or "") or self._make_person(subject)
        codes = self.make_login(person), self.make_phone_code(person)
        return LoginSample(codes[0], person.openid, person.unionid, codes[1], f"+86{person.phone}")

    def make_login(self, person: Person | None = None) -> str:
        """What wx.login gives this person. It brings a new session key."""
        return self._write_code(self._logins, person or Person(), "0a1SIM")

    def make_phone_code(self, person: Person | None = None) -> str:
        """What the phone button gives this person."""
        return self._write_code(self._phones, person or Person(), "e31SIM")

    def seal_phone(self, person: Person | None = None, app_id: str = APP_ID) -> str:
        """What the phone button gives besides: the number, sealed with the session key of the last login."""
        person, start = person or Person(), b"sixteen bytes iv"
        padder, key = PKCS7(128).padder(), base64.b64decode(self._keys[person.openid])
        content = padder.update(orjson.dumps(self._show_phone(person, app_id))) + padder.finalize()
        sealer = Cipher(AES(key), CBC(start)).encryptor()
        sealed = base64.b64encode(sealer.update(content) + sealer.finalize()).decode()
        return orjson.dumps({"encryptedData": sealed, "iv": base64.b64encode(start).decode()}).decode()

    def agree(self, openid: str = OPENID, template: str = TEMPLATE) -> None:
        """The person agrees to one message of this template."""
        self.consents[openid, template] += 1

    # ------------------------------------------------------------------------------------------------- answers
    def log_in(self, params: Mapping[str, str]) -> dict[str, Any]:
        """The answer to jscode2session. It has no errcode where all is well."""
        if params.get("appid") != APP_ID:
            raise PlatformError(40013, "invalid appid")
        if params.get("secret") != APP_SECRET or params.get("grant_type") != "authorization_code":
            raise PlatformError(40125, "invalid appsecret")
        person = self._take(self._logins, params.get("js_code", ""))
        self._count_login(person.openid)
        if person.blocked:
            raise PlatformError(40226, "code blocked")
        self._known.add(person.openid)
        self._number += 1
        key = base64.b64encode(hashlib.md5(b"%d" % self._number, usedforsecurity=False).digest()).decode()
        self._keys[person.openid] = key
        union = {"unionid": person.unionid} if person.unionid else {}
        return {"openid": person.openid, "session_key": key, **union}

    def tell_phone(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to getuserphonenumber."""
        ticket = self._phones.get(str(body.get("code")))
        if ticket and body.get("openid", ticket.person.openid) != ticket.person.openid:
            raise PlatformError(40003, "invalid openid")
        person = self._take(self._phones, str(body.get("code")))
        return {"phone_info": self._show_phone(person, APP_ID)}

    def take_message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to subscribe/send. A message uses up one consent."""
        openid, template, data = str(body.get("touser")), str(body.get("template_id")), body.get("data")
        if openid not in self._known:
            raise PlatformError(40003, "invalid openid")
        if template not in TEMPLATES:
            raise PlatformError(40037, "invalid template_id")
        self._check_data(data if isinstance(data, dict) else {}, TEMPLATES[template])
        if not self.consents[openid, template]:
            raise PlatformError(43101, "user refuse to accept the msg")
        self.consents[openid, template] -= 1
        self.sent.append(dict(body))
        return {"msgid": 1988000000000000000 + len(self.sent)}

    def list_messages(self) -> Sequence[SentMessage]:
        """What was sent, oldest first."""
        return [
            SentMessage(
                recipient=body["touser"],
                template=body["template_id"],
                values={key: value["value"] for key, value in body["data"].items()},
                page=body.get("page"),
            )
            for body in self.sent
        ]

    # ---------------------------------------------------------------------------------------------------- parts
    def _make_person(self, subject: str | None) -> Person:
        number = len(self._people) + 1
        openid = subject or f"oSiMuLaTeD_person-{number:010d}"
        person = Person(openid, f"oUnIoNsImUlAtEd-{number:013d}", f"139{number:08d}")
        self._people[openid] = person
        return person

    def _write_code(self, tickets: dict[str, Ticket], person: Person, start: str) -> str:
        self._number += 1
        code = f"{start}{hashlib.sha256(b'code%d' % self._number).hexdigest()[:26]}"
        tickets[code] = Ticket(person, self._now() + CODE_LIFE)
        return code

    def _take(self, tickets: dict[str, Ticket], code: str) -> Person:
        ticket = tickets.get(code)
        if ticket is None or ticket.used or ticket.expires_at <= self._now():
            raise PlatformError(40029, "invalid code")
        ticket.used = True
        return ticket.person

    def _count_login(self, openid: str) -> None:
        now = self._now()
        self._times = [(who, at) for who, at in self._times if now - at < timedelta(minutes=1)]
        if sum(who == openid for who, _ in self._times) >= LOGINS_A_MINUTE:
            raise PlatformError(45011, "api minute-quota reach limit")
        self._times.append((openid, now))

    def _show_phone(self, person: Person, app_id: str) -> dict[str, Any]:
        # The page's table calls the country code a text, its example has a number.
        mark = {"timestamp": int(self._now().timestamp()), "appid": app_id}
        number = person.phone
        return {"phoneNumber": number, "purePhoneNumber": number, "countryCode": 86, "watermark": mark}

    def _check_data(self, data: Mapping[str, Any], keys: frozenset[str]) -> None:
        for key in sorted(keys):
            value = data.get(key)
            text = str(value.get("value", "")) if isinstance(value, dict) else ""
            if not _FORMS[key.rstrip("0123456789")].fullmatch(text):
                raise PlatformError(47003, f"argument invalid! data.{key}.value")
