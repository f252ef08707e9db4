"""The simulated platform's calls, with its memory of request numbers.

WeChat documents no errors for the voucher calls; the numbers here are INFERRED, and the adapter does not depend on them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import orjson
from starlette.responses import Response

from adapters.wechat.simulator.pay import (
    MCH_SERIAL,
    PayError,
    check_call,
    platform_key,
    seal_certificate,
    sign_answer,
    write_merchant_key,
)
from adapters.wechat.simulator.people import MESSAGE_PATH, PHONE_PATH, PeopleDesk
from adapters.wechat.simulator.state import (
    AES_KEY,
    API_V3_KEY,
    APP_ID,
    APP_SECRET,
    COUPONS,
    DISCOUNT,
    MCH_ID,
    MOST_CYCLES,
    OPENID,
    OTHER_STORE_ID,
    PUSH_TOKEN,
    SKU_ID,
    STORE_ID,
    VOUCHERS,
    WORTH,
    Item,
    PlatformError,
    Recipe,
    TokenDesk,
    read_state,
    read_status,
    write_coupon,
    write_time,
    write_voucher,
)
from core.testing.simulator import (
    Call,
    Consumption,
    Endpoint,
    LoginSample,
    Sample,
    SentMessage,
    Simulator,
    SimulatorClock,
    Use,
    write_json,
)

_BUSIFAVOR = "/v3/marketing/busifavor"
_FAILED = 10020000  # INFERRED, like the numbers beside it: no page lists them
_RET_CODES = {2: "10020001", 3: "10020002", 4: "10020003", 1: "10020004"}
Answer = dict[str, Any]


class WechatSimulator(Simulator):
    """WeChat for one mini-program, its shop and its WeChat Pay merchant. `seed()` fills it."""

    external_store_id = STORE_ID
    other_store_id = OTHER_STORE_ID
    states: ClassVar[tuple[str, ...]] = (*VOUCHERS, *COUPONS)

    def __init__(self, clock: SimulatorClock | None = None) -> None:
        self.people = PeopleDesk(lambda: self.clock.now())
        super().__init__(clock)
        self.credentials: Mapping[str, str] = {
            "appId": APP_ID,
            "appSecret": APP_SECRET,
            "token": PUSH_TOKEN,
            "encodingAesKey": AES_KEY,
            "mchId": MCH_ID,
            "mchSerialNo": MCH_SERIAL,
            "mchPrivateKey": write_merchant_key(),
            "apiV3Key": API_V3_KEY,
        }
        self.tokens = TokenDesk()
        self.vouchers: list[Item] = []
        self.coupons: list[Item] = []
        self.platform_key = platform_key()
        self._answers: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self._number = 0

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Simulator.endpoints`."""
        voucher = "/channels/ec/voucher"
        coupon = f"{_BUSIFAVOR}/users/{{openid}}/coupons/{{coupon_code}}/appids/{{appid}}"
        return (
            Endpoint("POST", "/cgi-bin/stable_token", "token", "token", self._give_token),
            Endpoint("GET", "/sns/jscode2session", "identify", "identify", self._log_in),
            self._serve_app(PHONE_PATH, "find_phone", "find_phone", self.people.tell_phone),
            self._serve_app(MESSAGE_PATH, "send_message", "send", self.people.take_message),
            self._serve_app(f"{voucher}/get", "voucher_get", "look_up", self._get),
            self._serve_app(f"{voucher}/get_list", "voucher_list", "look_up", self._list),
            self._serve_app(f"{voucher}/consume", "consume", "redeem", self._consume),
            self._serve_app(f"{voucher}/revoke", "revoke", "reverse", self._revoke),
            self._serve_pay("GET", "/v3/certificates", "certificates", "token", self._give_certificates),
            self._serve_pay("GET", coupon, "coupon_get", "look_up", self._get_coupon),
            self._serve_pay("POST", f"{_BUSIFAVOR}/coupons/use", "coupon_use", "redeem", self._use),
            self._serve_pay("POST", f"{_BUSIFAVOR}/coupons/return", "coupon_return", "reverse", self._return),
        )

    def settings(self, address: str) -> Mapping[str, Any]:
        """See `Simulator.settings`."""
        return {"baseUrl": address, "payBaseUrl": address}

    def make(self, state: str) -> Sample:
        """See `Simulator.make`. A voucher's QR is the path of the shop's mini-program page."""
        recipe = VOUCHERS.get(state)
        if recipe is None:
            return self._make_coupon(state, COUPONS[state])
        order_id = f"3700{self._next():015d}"
        made = [self._make_item(recipe, order_id=order_id) for _ in range(recipe.vouchers)]
        self.vouchers += made
        path = f"pages/voucher/index?encrypted_codes={quote(','.join(each.encrypted_code for each in made))}"
        first = made[0]
        return Sample(
            state, first.encrypted_code, first.code, recipe.description, path, WORTH, title="200元代金券"
        )

    def _make_coupon(self, state: str, recipe: Recipe) -> Sample:
        item = self._make_item(recipe, stock_id="1290000000000001")
        self.coupons.append(item)
        text = urlencode({"coupon_code": item.code, "openid": OPENID})
        return Sample(state, text, item.code, recipe.description, None, DISCOUNT, title="满50减10商家券")

    def _make_item(self, recipe: Recipe, order_id: str = "", stock_id: str = "") -> Item:
        now, number = self.clock.now(), self._next()
        earlier = [Use(f"OTHER{number:06d}", f"OTHER{number:06d}", STORE_ID, now - timedelta(hours=2))]
        return Item(
            code=f"WX{'C' if stock_id else 'V'}{number:05d}{number * 7919 % 100000:05d}",
            recipe=recipe,
            starts_at=now + recipe.starts_in,
            expires_at=now + recipe.expires_in,
            order_id=order_id,
            encrypted_code=_scramble(f"voucher{number}"),
            stock_id=stock_id,
            uses=earlier if recipe.used else [],
        )

    def consumptions(self) -> Sequence[Consumption]:
        """See `Simulator.consumptions`."""
        return [
            Consumption(each.code, each.code, 1, len(each.living()), each.uses)
            for each in (*self.vouchers, *self.coupons)
        ]

    def make_login(self, subject: str | None = None) -> LoginSample:
        """See `LoginSimulator.make_login`."""
        return self.people.open_program(subject)

    def list_messages(self) -> Sequence[SentMessage]:
        """See `MessageSimulator.list_messages`."""
        return self.people.list_messages()

    def refuse_rate(self, call: Call) -> Response:
        """See `Simulator.refuse_rate`."""
        if call.operation.startswith(("coupon", "certificates")):
            return _write_pay_error(PayError(429, "FREQUENCY_LIMITED", "频率超限"))
        return _write_error(PlatformError(45011, "api minute-quota reach limit"))

    def expire_tokens(self) -> None:
        """See `Simulator.expire_tokens`."""
        self.tokens.expire(self.clock.now())

    # ---------------------------------------------------------------------------------------- the mini-program's
    def _give_token(self, call: Call) -> Response:
        form = _read_body(call)
        if form.get("appid") != APP_ID:
            return _write_error(PlatformError(40013, "invalid appid"))
        if form.get("secret") != APP_SECRET or form.get("grant_type") != "client_credential":
            return _write_error(PlatformError(40125, "invalid appsecret"))
        give = self.tokens.force if form.get("force_refresh") else self.tokens.give
        try:
            token, seconds = give(self.clock.now())
        except PlatformError as error:
            return _write_error(error)
        return write_json({"access_token": token, "expires_in": seconds})

    def _log_in(self, call: Call) -> Response:
        try:
            return write_json(self.people.log_in(call.params))
        except PlatformError as error:
            return _write_error(error)

    def _serve_app(
        self, path: str, operation: str, piece: str, answer: Callable[[Answer], Answer]
    ) -> Endpoint:
        """An endpoint that checks the access token and wraps what it answers or raises."""

        def handle(call: Call) -> Response:
            try:
                self.tokens.check(call.params.get("access_token", ""), self.clock.now())
                return write_json({"errcode": 0, "errmsg": "ok", **answer(_read_body(call))})
            except PlatformError as error:
                return _write_error(error)

        return Endpoint("POST", path, operation, piece, handle)

    def _get(self, body: Answer) -> Answer:
        return {"voucher": write_voucher(self._find_voucher(body), self.clock.now())}

    def _list(self, body: Answer) -> Answer:
        if body.get("openid") != OPENID or not 1 <= int(body.get("page_size") or 0) <= 50:
            raise PlatformError(40003, "invalid openid")
        start = int(body.get("page_ctx") or 0)
        page = self.vouchers[start : start + body["page_size"]]
        more = start + len(page) < len(self.vouchers)
        rows = [write_voucher(each, self.clock.now()) for each in page]
        return {"openid": OPENID, "voucher_list": rows, "page_ctx": str(start + len(page)) if more else ""}

    def _find_voucher(self, name: Answer) -> Item:
        for each in self.vouchers:
            by_code = name.get("code") == each.code and str(name.get("sku_id")) == str(SKU_ID)
            if name.get("encrypted_code") == each.encrypted_code or by_code:
                return each
        raise PlatformError(47003, "argument invalid")

    def _consume(self, body: Answer) -> Answer:
        number = body.get("consume_request_no")
        names = [{"code": code, "sku_id": body.get("sku_id")} for code in body.get("codes") or ()]
        if not number or not 1 <= len(names) <= 10:
            raise PlatformError(47003, "argument invalid")
        found = [self._find_voucher(name) for name in names]
        if repeated := self._repeat("consume", number, body):
            return repeated
        now = self.clock.now()
        self._refuse_unless(found, 1, lambda each: now >= each.starts_at and len(each.uses) < MOST_CYCLES)
        for each in found:
            each.uses.append(Use(number, number, str(body.get("out_store_id", "")), now))
        return self._remember("consume", number, body, self._list_changed(found))

    def _revoke(self, body: Answer) -> Answer:
        number, names = body.get("revoke_request_no"), body.get("reovke_vouchers")
        if not number or not names:
            raise PlatformError(47003, "argument invalid")
        found = [self._find_voucher(name) for name in names]
        if repeated := self._repeat("revoke", number, body):
            return repeated
        self._refuse_unless(found, 2)
        for each in found:
            # As a plain voucher is said to behave: the last use is taken back, whatever number is named.
            each.living()[-1].reversed_at = self.clock.now()
            each.last_return = number
        return self._remember("revoke", number, body, self._list_changed(found))

    def _refuse_unless(
        self, found: Sequence[Item], status: int, allows: Callable[[Item], bool] = lambda each: True
    ) -> None:
        """All or nothing."""
        now = self.clock.now()
        failed = [
            {
                "code": each.code,
                "sku_id": str(SKU_ID),
                "ret_code": _RET_CODES[read_status(each, now)],
                "ret_msg": "券状态不可操作",
            }
            for each in found
            if read_status(each, now) != status or not allows(each)
        ]
        if failed:
            raise PlatformError(_FAILED, "voucher can not be operated", failed)

    def _list_changed(self, found: Sequence[Item]) -> Answer:
        rows = [write_voucher(each, self.clock.now()) for each in found]
        return {"voucher_list": rows, "fail_voucher_list": []}

    # ------------------------------------------------------------------------------------------ the merchant's
    def _serve_pay(
        self, method: str, path: str, operation: str, piece: str, answer: Callable[[Call], Answer]
    ) -> Endpoint:
        """An endpoint that checks the merchant's signature, and signs what it answers."""

        def handle(call: Call) -> Response:
            now = self.clock.now()
            try:
                asked = path.format(**{name: quote(each, safe="") for name, each in call.path.items()})
                check_call(call, method, asked, now)
                content = orjson.dumps(answer(call))
            except PayError as error:
                return _write_pay_error(error)
            return sign_answer(content, self.platform_key, now, f"nonce{self._next()}")

        return Endpoint(method, path, operation, piece, handle)

    def _give_certificates(self, call: Call) -> Answer:
        return {"data": [seal_certificate(self.platform_key)]}

    def _get_coupon(self, call: Call) -> Answer:
        if call.path["appid"] != APP_ID:
            raise PayError(400, "APPID_MCHID_NOT_MATCH", "AppID与请求方商户无关联关系")
        if call.path["openid"] != OPENID:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "券不存在")
        return write_coupon(self._find_coupon(call.path["coupon_code"]), self.clock.now())

    def _find_coupon(self, code: object) -> Item:
        found = next((each for each in self.coupons if each.code == code), None)
        if found is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "券不存在")
        return found

    def _use(self, call: Call) -> Answer:
        body = _read_body(call)
        number = body.get("use_request_no")
        if not number or not _is_time(body.get("use_time")):
            raise PayError(400, "PARAM_ERROR", "参数错误")
        if body.get("appid") != APP_ID:
            raise PayError(400, "APPID_MCHID_NOT_MATCH", "AppID与请求方商户无关联关系")
        item, now = self._find_coupon(body.get("coupon_code")), self.clock.now()
        if repeated := self._repeat("use", number, body):
            return repeated
        state = read_state(item, now)
        if state == "USED":
            raise PayError(400, "RESOURCE_ALREADY_EXISTS", "券已被其他订单核销")
        if state != "SENDED" or now < item.starts_at or body.get("stock_id") != item.stock_id:
            raise PayError(400, "INVALID_REQUEST", "券当前状态不可核销")
        item.uses.append(Use(number, number, "", now))
        answer = {"stock_id": item.stock_id, "openid": OPENID, "wechatpay_use_time": write_time(now)}
        return self._remember("use", number, body, answer)

    def _return(self, call: Call) -> Answer:
        body = _read_body(call)
        number = body.get("return_request_no")
        item, now = self._find_coupon(body.get("coupon_code")), self.clock.now()
        if not number or body.get("stock_id") != item.stock_id:
            raise PayError(400, "PARAM_ERROR", "参数错误")
        if repeated := self._repeat("return", number, body):
            return repeated
        if read_state(item, now) != "USED":
            raise PayError(400, "INVALID_REQUEST", "券当前状态不可退券")
        item.living()[-1].reversed_at = now
        return self._remember("return", number, body, {"wechatpay_return_time": write_time(now)})

    # ---------------------------------------------------------------------------------------------------- both
    def _repeat(self, call: str, number: str, body: Answer) -> Answer | None:
        """The first answer to this request number, where the body is the same."""
        known = self._answers.get((call, number))
        return known[1] if known and known[0] == orjson.dumps(body) else None

    def _remember(self, call: str, number: str, body: Answer, answer: Answer) -> Answer:
        self._answers[call, number] = (orjson.dumps(body), answer)
        return answer

    def _next(self) -> int:
        self._number += 1
        return self._number


def _read_body(call: Call) -> Answer:
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _write_error(error: PlatformError) -> Response:
    words = f"{error.words} rid: 00000000-00000000-00000000"
    failed = {"voucher_list": [], "fail_voucher_list": error.failed} if error.failed else {}
    return write_json({"errcode": error.errcode, "errmsg": words, **failed})


def _write_pay_error(error: PayError) -> Response:
    return write_json({"code": error.code, "message": error.words}, error.status)


def _is_time(text: object) -> bool:
    try:
        return datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def _scramble(text: str) -> str:
    # Base64 with "+", "/" and "=": what must be escaped in paths.
    return base64.b64encode(b"\xfb\xef\xbe\xff" + hashlib.sha256(text.encode()).digest()).decode()
