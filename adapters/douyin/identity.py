"""Login of the Douyin mini-app, and the phone number that its button gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.douyin.mini_app import MiniAppClient
from adapters.douyin.parse_people import (
    parse_identity,
    parse_opened,
    parse_phone,
    parse_refusal,
    read_handed_over,
    read_sealed_number,
)
from adapters.douyin.sealing import open_by_key, open_by_session, read_private_key
from core.channels.contract import (
    ChannelSession,
    Identified,
    Identity,
    LoginRefusal,
    LoginRefused,
    Misconfigured,
    PhoneFound,
)

if TYPE_CHECKING:
    from adapters.douyin.channel import DouyinCredentials, DouyinSettings, MiniApp

    Session = ChannelSession[DouyinCredentials, DouyinSettings]


class DouyinIdentity(Identity):
    """`subject` is the openid, `union_subject` the unionid that the developer's mini-apps share.

    Both methods raise Misconfigured naming miniAppId where the account has no mini-app.
    """

    async def identify(self, session: Session, code: str) -> Identified | LoginRefused:
        """See `Identity.identify`. The code is that of tt.login, not the anonymous one."""
        document = await MiniAppClient(session, _get_app(session)).exchange_code(code)
        return parse_refusal(document) or parse_identity(document)

    async def find_phone(
        self, session: Session, phone_code: str, person: Identified
    ) -> PhoneFound | LoginRefused:
        """See `Identity.find_phone`.

        `phone_code` is the `code` of the phone button (base library 3.51), good once and for 5 minutes; or a JSON object
        of the `encryptedData` and `iv` of the same event, which only this person's session key opens. Douyin does not
        check whose code it is.
        """
        app = _get_app(session)
        if handed_over := read_handed_over(phone_code):
            return _open_by_session(handed_over, person.session_key, app)
        if app.private_key is None:
            message = "the private key of the Douyin mini-app is not set up for this account"
            raise Misconfigured(message, setting="miniAppPrivateKey", operation="find_phone")
        document = await MiniAppClient(session, app).exchange_phone_code(phone_code)
        refused = parse_refusal(document)
        return refused or _open_by_key(read_sealed_number(document), app, app.private_key.get_secret_value())


def _get_app(session: Session) -> MiniApp:
    app = session.credentials.mini_app
    if app is None:
        raise Misconfigured("no Douyin mini-app is set up for this account", setting="miniAppId")
    return app


def _open_by_session(
    handed_over: tuple[str, str], session_key: str | None, app: MiniApp
) -> PhoneFound | LoginRefused:
    """Every tt.login brings a new session key: what was sealed with an older one is invalid."""
    if session_key is None:
        return LoginRefused(LoginRefusal.CODE_EXPIRED)
    sealed, start = handed_over
    try:
        document = parse_opened(open_by_session(session_key, start, sealed))
    except ValueError:
        return LoginRefused(LoginRefusal.CODE_INVALID)
    return parse_phone(document, app.app_id)


def _open_by_key(sealed: str, app: MiniApp, key: str) -> PhoneFound:
    try:
        document = parse_opened(open_by_key(sealed, read_private_key(key)))
    except ValueError:
        # Douyin seals with a new public key as soon as it is uploaded.
        message = "the miniAppPrivateKey does not open what Douyin sealed"
        raise Misconfigured(message, setting="miniAppPrivateKey", operation="find_phone") from None
    return parse_phone(document, app.app_id)
