"""Login of Alipay's mini-program, and the phone number that it hands over sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from adapters.koubei.client import KoubeiClient, load_public_key, matches_signature
from adapters.koubei.parse_people import parse_identity, parse_phone, read_handed_over
from adapters.koubei.sealing import open_sealed, read_aes_key, write_signed_seal
from adapters.koubei.wire import Fields
from core.channels.contract import (
    ChannelSession,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    Misconfigured,
    PhoneFound,
    ProtocolFailure,
)

if TYPE_CHECKING:
    from adapters.koubei.channel import KoubeiCredentials, KoubeiSettings

    Session = ChannelSession[KoubeiCredentials, KoubeiSettings]


class KoubeiIdentity(Identity):
    """`subject` is the open id, or the user id with apps of the older kind, whose one id all programs share."""

    async def identify(self, session: Session, code: str) -> Identified | LoginRefused:
        """See `Identity.identify`. The code is the `authCode` of my.getAuthCode with the scope auth_base or auth_user."""
        return parse_identity(await KoubeiClient(session).exchange_code(code))

    async def find_phone(
        self, session: Session, phone_code: str, person: Identified
    ) -> PhoneFound | LoginRefused:
        """See `Identity.find_phone`. Calls nobody.

        `phone_code` is what my.getPhoneNumber gave, whole: a JSON object with `response` and `sign`. Alipay seals no
        person into it, so that the mini-program alone answers for whose it is.

        Raises Misconfigured naming aesKey where there is none, or one that does not open what Alipay signed.
        """
        handed_over = read_handed_over(phone_code)
        if handed_over is None:
            return LoginRefused(LoginRefusal.CODE_INVALID)
        response = handed_over.get("response")
        if isinstance(response, dict):
            # Only errors come open, and unsigned. An open phone number is not believed.
            return parse_phone({**response, "mobile": None})
        return _open_phone(session, str(response), str(handed_over.get("sign")))


def _open_phone(session: Session, sealed: str, sign: str) -> PhoneFound | LoginRefused:
    key = session.credentials.aes_key
    if key is None:
        raise Misconfigured("the Alipay app's AES key is not set up for this account", setting="aesKey")
    public = load_public_key(session.credentials.alipay_public_key)
    if not matches_signature(write_signed_seal(sealed), sign, public):
        return LoginRefused(LoginRefusal.CODE_INVALID)
    return parse_phone(_read_opened(sealed, key.get_secret_value()))


def _read_opened(sealed: str, key: str) -> Fields:
    try:
        fields = orjson.loads(open_sealed(sealed, read_aes_key(key)))
    except ValueError:
        message = "the aesKey does not open what Alipay signed"
        raise Misconfigured(message, setting="aesKey", operation="find_phone") from None
    if not isinstance(fields, Mapping):
        raise ProtocolFailure("the sealed text is no object", path="response")
    return dict(fields)
