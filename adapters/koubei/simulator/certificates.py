"""The certificate calls of the simulated platform. Codes that no document lists are marked INFERRED."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.koubei.simulator.state import OPEN_ID, Coupon, Fields, Memory, Order, PlatformError, require
from core.channels.contract import ProtocolFailure
from core.channels.wire import (
    read_china_time,
    write_china_time,
)
from core.money import format_yuan
from core.testing.simulator import SimulatorClock, Use

ORIGINAL, SALE, PAID, RECEIPT = 9900, 8800, 8000, 8500  # fen, for one use


class CertificateDesk:
    """Prepareuse, use, refund and batchquery over the orders of the simulator."""

    def __init__(
        self, orders: Sequence[Order], clock: SimulatorClock, draw_number: Callable[[], int]
    ) -> None:
        self._orders = orders
        self._clock = clock
        self._draw_number = draw_number
        self._uses, self._refunds = Memory(), Memory()

    def prepare(self, body: Fields) -> Fields:
        """alipay.marketing.certificate.certification.prepareuse"""
        if bool(body.get("code")) == bool(body.get("encrypted_data")):
            raise PlatformError("INVALID_PARAMETER")
        order = self._find_order(body)
        if order.recipe.status:
            raise PlatformError("CERTIFICATE_IS_INVALID")
        unused = [each for each in order.coupons if each.left()]
        if not unused:
            raise PlatformError("CERTIFICATE_IS_USED")
        rows = [{**write_certificate(each), "order_id": order.order_no} for each in unused]
        return {"order_id": order.order_no, "open_id": OPEN_ID, "certificate_prepare_info_list": rows}

    def use(self, body: Fields) -> Fields:
        """alipay.marketing.certificate.certification.use"""
        require(body, "out_biz_no", "order_id", "shop_id", "biz_dt", "open_id", "certificate_use_info_list")
        _check_time(body["biz_dt"])
        known = self._uses.recall(body["out_biz_no"], body)
        return known or self._uses.keep(body["out_biz_no"], body, lambda: self._use(body))

    def refund(self, body: Fields) -> Fields:
        """alipay.marketing.certificate.certification.refund"""
        require(body, "out_biz_no", "open_id", "certificate_reverse_info_list")
        known = self._refunds.recall(body["out_biz_no"], body)
        return known or self._refunds.keep(body["out_biz_no"], body, lambda: self._refund(body))

    def query(self, body: Fields) -> Fields:
        """alipay.marketing.certificate.certification.batchquery"""
        require(body, "certificate_id_list", "open_id")
        pairs = [(order, each) for order in self._sold() for each in order.coupons]
        found = [pair for pair in pairs if pair[1].reference in body["certificate_id_list"]]
        if not found:
            raise PlatformError("CERTIFICATE_NOT_EXIST")
        return {
            "certificate_info_list": [
                {**write_certificate(each), "status": _judge(each)} for _, each in found
            ]
        }

    def _sold(self) -> list[Order]:
        return [order for order in self._orders if order.recipe.certificate]

    def _find_order(self, body: Fields) -> Order:
        for order in self._sold():
            if body.get("encrypted_data") == order.encrypted_data:
                return order
            if body.get("code") in [each.code for each in order.coupons]:
                return order
        raise PlatformError("CERTIFICATE_NOT_EXIST")

    def _use(self, body: Fields) -> Fields:
        order = next((each for each in self._sold() if each.order_no == body["order_id"]), None)
        if order is None or body["open_id"] != OPEN_ID:
            raise PlatformError("CERTIFICATE_NOT_EXIST")
        if body["shop_id"] != order.recipe.shop_id:
            raise PlatformError("INVALID_PARAMETER")  # INFERRED
        # One number for the whole call: what is taken back must name the certificate too.
        number = f"2023052100{self._draw_number():010d}"
        rows = [self._use_one(order, info, body, number) for info in body["certificate_use_info_list"]]
        if all(row["result"] != "SUCCESS" for row in rows):
            raise PlatformError(rows[0]["result"])
        return {"certificate_use_result_list": rows}

    def _use_one(self, order: Order, info: Fields, body: Fields, number: str) -> Fields:
        coupon = next(
            (each for each in order.coupons if each.encrypted_code == info.get("encrypted_code")), None
        )
        if coupon is None:
            raise PlatformError("CERTIFICATE_NOT_EXIST")
        count, now = int(info.get("use_count") or 1), self._clock.now()
        row = {"certificate_id": coupon.reference, "encrypted_code": coupon.encrypted_code}
        if order.recipe.status or not coupon.is_current(now):
            return {**row, "result": "CERTIFICATE_IS_INVALID", "msg": "凭证已作废"}
        if count > coupon.left():
            return {**row, "result": "CERTIFICATE_IS_USED", "msg": "凭证已核销"}
        serials = [str(len(coupon.uses) + n) for n in range(1, count + 1)] if order.recipe.times > 1 else [""]
        for serial in serials:
            name = f"{number}#{serial}" if serial else number
            coupon.uses.append(Use(name, body["out_biz_no"], body["shop_id"], now))
        row |= {"use_order_no": number, "result": "SUCCESS", "msg": "核销成功", "order_id": order.order_no}
        rows = [{"serial_no": serial, "amount_info": _write_amounts(1)} for serial in serials if serial]
        return {**row, "amount_info": _write_amounts(count), "serial_info_list": rows}

    def _refund(self, body: Fields) -> Fields:
        infos = body["certificate_reverse_info_list"]
        found = [use for info in infos for use in self._find_uses(info)]
        for use in found:
            use.reversed_at = self._clock.now()
        rows = [
            {
                **{key: info[key] for key in ("certificate_id", "use_order_no")},
                "result": "SUCCESS",
                "msg": "撤销成功",
            }
            for info in infos
        ]
        return {"certificate_reverse_result_list": rows}

    def _find_uses(self, info: Fields) -> list[Use]:
        serials = info.get("serial_no_list") or [""]
        names = {f"{info['use_order_no']}#{serial}" if serial else info["use_order_no"] for serial in serials}
        coupons = [each for order in self._sold() for each in order.coupons]
        uses = [
            use
            for each in coupons
            if each.reference == info["certificate_id"]
            for use in each.living()
            if use.receipt in names
        ]
        if len(uses) != len(names) or info.get("times_card_cancel_count", len(uses)) != len(uses):
            raise PlatformError("INVALID_PARAMETER")  # INFERRED
        return uses


def write_certificate(certificate: Coupon) -> Fields:
    """A certificate as prepareuse and batchquery show it."""
    recipe = certificate.recipe
    wire: Fields = {
        "certificate_id": certificate.reference,
        "encrypted_code": certificate.encrypted_code,
        "valid_begin_time": write_china_time(certificate.starts_at),
        "valid_end_time": write_china_time(certificate.expires_at),
        "amount_info": _write_amounts(recipe.times),
        "sku_info": {"item_id": "i1", "sku_id": "s1", "title": recipe.title, "item_type": "1"},
    }
    if recipe.times > 1:
        wire["times_card_info"] = {"total_count": recipe.times, "used_count": len(certificate.living())}
    return wire


def _judge(certificate: Coupon) -> str:
    return certificate.recipe.status or ("VALID" if certificate.left() else "USED")  # INFERRED


def _write_amounts(uses: int) -> Fields:
    return {
        "original_price": format_yuan(ORIGINAL * uses),
        "sale_price": format_yuan(SALE * uses),
        "pay_amount": format_yuan(PAID * uses),
        "receipt_amount": format_yuan(RECEIPT * uses),
    }


def _check_time(text: object) -> None:
    try:
        read_china_time(text, "biz_dt")
    except ProtocolFailure:
        raise PlatformError("INVALID_PARAMETER") from None
