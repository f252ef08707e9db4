"""Login of the mini-program, and the phone number that its button gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.wechat.mini_program import MiniProgramClient, read_sealed
from adapters.wechat.parse_people import parse_identity, parse_opened, parse_phone
from adapters.wechat.signing import open_sealed
from core.channels.contract import (
    ChannelSession,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    PhoneFound,
)

if TYPE_CHECKING:
    from adapters.wechat.channel import WechatCredentials, WechatSettings

    Session = ChannelSession[WechatCredentials, WechatSettings]


class WechatIdentity(Identity):
    """`subject` is the openid, `union_subject` the unionid that the merchant's apps share on the open platform."""

    async def identify(self, session: Session, code: str) -> Identified | LoginRefused:
        """See `Identity.identify`. The code is that of wx.login."""
        return parse_identity(await MiniProgramClient(session).exchange_code(code))

    async def find_phone(
        self, session: Session, phone_code: str, person: Identified
    ) -> PhoneFound | LoginRefused:
        """See `Identity.find_phone`.

        `phone_code` is the `code` of the phone button, good once and for 5 minutes; or a JSON object of the
        `encryptedData` and `iv` of the same event, which only this person's session key opens.
        """
        app_id = session.credentials.app_id
        if sealed := read_sealed(phone_code):
            return _open_phone(sealed, person.session_key, app_id)
        document = await MiniProgramClient(session).exchange_phone_code(phone_code, person.subject)
        return parse_phone(document, app_id)


def _open_phone(sealed: dict[str, str], session_key: str | None, app_id: str) -> PhoneFound | LoginRefused:
    """Every wx.login brings a new session key: what was sealed with an older one is invalid."""
    if session_key is None:
        return LoginRefused(LoginRefusal.CODE_EXPIRED)
    try:
        content = open_sealed(session_key, sealed["iv"], sealed["encryptedData"])
    except ValueError:
        return LoginRefused(LoginRefusal.CODE_INVALID)
    return parse_opened(content, app_id)
