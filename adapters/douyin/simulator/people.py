"""The mini-app and its people: their login and phone codes, and the numbers that Douyin seals for it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from starlette.responses import Response

from adapters.douyin.simulator.state import PlatformError, TokenDesk
from core.testing.simulator import Call, Endpoint, LoginSample, write_json

MINI_APP_ID = "tt0123456789abcdef01"
MINI_APP_SECRET = "90a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3"  # noqa: S105  # made up, known to everybody
OPENID = "_000SiMuLaTeDoPeNiD0000000000000001"
UNIONID = "7f2rl-simulated-union-000000000001"
PHONE = "13800000000"
CODE_LIFE = timedelta(minutes=5)
# The last two numbers are INFERRED: no page says how an unknown code and one of the other kind are told.
WORDS: Mapping[int, str] = {
    0: "success",
    40014: "bad parameters",
    40015: "bad appid",
    40017: "bad secret",
    40018: "bad code",
    28001003: "access_token无效",
    28001008: "access_token过期,请刷新或重新授权",
    28003018: "请求频率过高",
    28001007: "参数不合法",
    28005187: "code已过期",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the mini-app. `phone` is a mainland number without its country code."""

    openid: str = OPENID
    unionid: str | None = UNIONID
    phone: str = PHONE


@dataclass(slots=True)
class Ticket:
    """A code, whom it stands for, and whether it was used."""

    person: Person
    expires_at: datetime
    used: bool = False


@cache
def mini_app_key(number: int = 1) -> rsa.RSAPrivateKey:
    """The key pair whose public half the mini-app has uploaded; another number is the one after a change."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def write_mini_app_key() -> str:
    """Its private half in PEM."""
    formats = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return mini_app_key().private_bytes(*formats).decode()


class PeopleDesk:
    """What the platform answers about persons. Codes are good once and for five minutes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.tokens = TokenDesk()
        self.public_key = mini_app_key().public_key()
        self._now = now
        self._logins: dict[str, Ticket] = {}
        self._phones: dict[str, Ticket] = {}
        self._keys: dict[str, bytes] = {}
        self._people: dict[str, Person] = {}
        self._number = 0

    @property
    def credentials(self) -> Mapping[str, str]:
        """What an account is connected with."""
        return {
            "miniAppId": MINI_APP_ID,
            "miniAppSecret": MINI_APP_SECRET,
            "miniAppPrivateKey": write_mini_app_key(),
        }

    def endpoints(self) -> Sequence[Endpoint]:
        """The mini-app's two calls."""
        login, phone = "/api/apps/v2/jscode2session", "/api/apps/v1/get_phonenumber_info/"
        return (
            Endpoint("POST", login, "identify", "identify", self._log_in),
            Endpoint("POST", phone, "find_phone", "find_phone", self._tell_phone),
        )

    # --------------------------------------------------------------------------------------------- in the mini-app
    def open_program(self, subject: str | None = None) -> LoginSample:
        """Somebody opens the mini-app and presses its phone button: a new person, or the one with this openid."""
        person = self._people.get(subject or "") or self._make_person(subject)
        codes = self.make_login(person), self.make_phone_code(person)
        return LoginSample(codes[0], person.openid, person.unionid, codes[1], f"+86{person.phone}")

    def make_login(self, person: Person | None = None) -> str:
        """What tt.login gives this person. It brings a new session key."""
        return self._write_code(self._logins, person or Person())

    def make_phone_code(self, person: Person | None = None) -> str:
        """What the phone button gives this person."""
        return self._write_code(self._phones, person or Person())

    def seal_phone(self, person: Person | None = None, app_id: str = MINI_APP_ID) -> str:
        """What the phone button gives besides: the number, sealed with the session key of the last login."""
        person, start, padder = person or Person(), b"sixteen bytes iv", PKCS7(128).padder()
        content = padder.update(self._show_phone(person, app_id)) + padder.finalize()
        sealer = Cipher(AES(self._keys[person.openid]), CBC(start)).encryptor()
        sealed = base64.b64encode(sealer.update(content) + sealer.finalize()).decode()
        return orjson.dumps({"encryptedData": sealed, "iv": base64.b64encode(start).decode()}).decode()

    # ------------------------------------------------------------------------------------------------------ answers
    def _log_in(self, call: Call) -> Response:
        try:
            return write_json({"err_no": 0, "err_tips": "success", "data": self._identify(_read_form(call))})
        except PlatformError as error:
            words = {"err_no": error.code, "err_tips": WORDS[error.code]}
            return write_json({**words, "log_id": "20260302sim", "data": {"session_key": "", "openid": ""}})

    def _identify(self, form: Mapping[str, object]) -> dict[str, Any]:
        if not form.get("code"):
            raise PlatformError(40014)
        if form.get("appid") != MINI_APP_ID:
            raise PlatformError(40015)
        if form.get("secret") != MINI_APP_SECRET:
            raise PlatformError(40017)
        ticket = self._logins.get(str(form["code"]))
        if ticket is None or ticket.used or ticket.expires_at <= self._now():
            raise PlatformError(40018)
        ticket.used = True
        person, self._number = ticket.person, self._number + 1
        key = hashlib.md5(b"%d" % self._number, usedforsecurity=False).digest()
        self._keys[person.openid] = key
        told = {"openid": person.openid, "unionid": person.unionid or "", "anonymous_openid": ""}
        return {**told, "session_key": base64.b64encode(key).decode(), "dopamine": ""}

    def _tell_phone(self, call: Call) -> Response:
        try:
            self._check_token(call.headers.get("access-token", ""))
            words: dict[str, Any] = {"err_no": 0, "err_msg": "success"}
            words["data"] = self._seal_for_app(self._take_phone(_read_form(call)))
        except PlatformError as error:
            words = {"err_no": error.code, "err_msg": WORDS[error.code], "data": ""}
        return write_json({**words, "log_id": "20260302sim"})

    def _check_token(self, token: str) -> None:
        try:
            self.tokens.check(token, self._now())
        except PlatformError as error:
            # The newer interfaces have newer numbers for the same.
            raise PlatformError(28001008 if error.code == 2190008 else 28001003) from None

    def _take_phone(self, form: Mapping[str, object]) -> Person:
        ticket = self._phones.get(str(form.get("code")))
        if ticket is None:
            raise PlatformError(28001007)
        if ticket.used or ticket.expires_at <= self._now():
            raise PlatformError(28005187)
        ticket.used = True
        return ticket.person

    # -------------------------------------------------------------------------------------------------------- parts
    def _make_person(self, subject: str | None) -> Person:
        number = len(self._people) + 1
        openid = subject or f"_000SiMuLaTeDpErSoN{number:016d}"
        person = Person(openid, f"7f2rl-simulated-person-{number:011d}", f"139{number:08d}")
        self._people[openid] = person
        return person

    def _write_code(self, tickets: dict[str, Ticket], person: Person) -> str:
        self._number += 1
        code = hashlib.sha256(b"code%d" % self._number).hexdigest()[:43]
        tickets[code] = Ticket(person, self._now() + CODE_LIFE)
        return code

    def _seal_for_app(self, person: Person) -> str:
        content, size = self._show_phone(person, MINI_APP_ID), self.public_key.key_size // 8 - 11
        blocks = [content[at : at + size] for at in range(0, len(content), size)]
        return base64.b64encode(
            b"".join(self.public_key.encrypt(block, PKCS1v15()) for block in blocks)
        ).decode()

    def _show_phone(self, person: Person, app_id: str) -> bytes:
        numbers = {"phoneNumber": f"+86{person.phone}", "purePhoneNumber": person.phone, "countryCode": "86"}
        mark = {"appid": app_id, "timestamp": int(self._now().timestamp())}
        return orjson.dumps({**numbers, "watermark": mark})


def _read_form(call: Call) -> dict[str, object]:
    try:
        form = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return {}
    return form if isinstance(form, dict) else {}
