"""Who may do what, with real tokens: every operation × every role × own store, other store, other merchant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from core.access.values import Role
from core.ids import encode_global_id, new_id

OWNER, MANAGER, STAFF, POS, CUSTOMER = Role.OWNER, Role.MANAGER, Role.STAFF, Role.POS, Role.CUSTOMER
EVERYBODY, MANAGEMENT = tuple(Role), (OWNER, MANAGER)
BOUND = (STAFF, POS)

# `$store` and `$other…` are filled in for each case; `%s` stands for the place that the case is about.
STORE_BOUND = {
    "couponLookup": 'query { couponLookup(storeId: "%s", code: "123456789012") { coupons { id } } }',
    "redeemCoupons": 'mutation { redeemCoupons(input: {storeId: "%s", idempotencyKey: "$key",'
    ' codes: [{code: "123456789012"}]}) { outcome } }',
    "redemptions": 'query { redemptions(filter: {storeId: "%s"}) { totalCount } }',
    "reservations": 'query { reservations(filter: {storeId: "%s"}) { totalCount } }',
    "quoteOrder": 'query { quoteOrder(input: {storeId: "%s", lines: []}) { userErrors { code } } }',
    "placeOrder": 'mutation { placeOrder(input: {storeId: "%s", lines: [], idempotencyKey: "$key"})'
    " { userErrors { code } } }",
    "orders": 'query { orders(filter: {storeId: "%s"}) { totalCount } }',
    "services": 'query { services(storeId: "%s") { id } }',
    "staffMembers": 'query { staffMembers(storeId: "%s") { id } }',
    "resources": 'query { resources(storeId: "%s") { id } }',
    "products": 'query { products(storeId: "%s") { totalCount } }',
    "storePolicy": 'query { storePolicy(storeId: "%s") { holdMinutes } }',
    "shifts": 'query { shifts(storeId: "%s", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { start } }',
    "specialDays": 'query { specialDays(storeId: "%s", from: "2026-01-01", to: "2026-01-02") { day } }',
    "presaleCampaigns": 'query { presaleCampaigns(storeId: "%s") { totalCount } }',
    "classSessions": (
        'query { classSessions(storeId: "%s", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { id } }'
    ),
}
MANAGED = {
    "channelAccounts": "query { channelAccounts { id } }",
    "connectChannel": 'mutation { connectChannel(input: {channel: "none", name: "n", credentials: {}})'
    " { userErrors { code } } }",
    "bindChannelStore": 'mutation { bindChannelStore(input: {accountId: "$account", storeId: "$store",'
    ' externalStoreId: "e"}) { userErrors { code } } }',
    "createCouponBatch": 'mutation { createCouponBatch(input: {name: "n", kind: EXCHANGE, quantity: 1})'
    " { batch { id } } }",
    "issueCoupons": 'mutation { issueCoupons(input: {batchId: "$batch", quantity: 1, idempotencyKey: "k"})'
    " { codes } }",
    "createStore": 'mutation { createStore(input: {name: "n"}) { store { id } } }',
    "setNotificationTemplate": 'mutation { setNotificationTemplate(input: {accountId: "$account",'
    ' kind: PICKUP_READY, template: "t"}) { userErrors { code } } }',
}
# operation → what each role is told; the account is of nobody.
MESSAGES = {
    "notifications": ("query { notifications { totalCount } }", {POS: "FORBIDDEN", CUSTOMER: "FORBIDDEN"}),
    "notificationTemplates": (
        'query { notificationTemplates(accountId: "$account") { kind } }',
        {OWNER: "NOT_FOUND", MANAGER: "NOT_FOUND", **dict.fromkeys((STAFF, POS, CUSTOMER), "FORBIDDEN")},
    ),
    "recordMessageConsent": (
        (
            'mutation { recordMessageConsent(input: {accountId: "$account", grants: [{template: "t",'
            " accepted: true}]}) { userErrors { code } } }"
        ),
        dict.fromkeys((OWNER, MANAGER, STAFF, POS), "FORBIDDEN"),
    ),
}
# Staff may too, with the scope reports: see test_reconciliation.py.
FIGURES = {
    "reconciliations": "query { reconciliations { totalCount } }",
    "reconcileChannel": 'mutation { reconcileChannel(input: {channel: "house", storeId: "$store",'
    ' day: "2026-01-01"}) { userErrors { code } } }',
    "reservationReport": 'query { reservationReport(storeId: "$store", from: "2026-01-01", to: "2026-01-02") { key } }',
}
_NOTHING = dict.fromkeys(EVERYBODY, "NOT_FOUND")
_SLOTS = 'storeId: "$store", serviceId: "' + encode_global_id("Service", new_id()) + '"'
_HOLD, _RESERVATION = (encode_global_id(name, new_id()) for name in ("SlotHold", "Reservation"))
# operation → what each role is told; service, hold and reservation are of nobody. By store: see test_reservations.py.
BOOKING: dict[str, tuple[str, dict[Role, str]]] = {
    "availability": (
        (
            f"query {{ availability(input: {{{_SLOTS},"
            ' from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"}) { start } }'
        ),
        _NOTHING,
    ),
    "recommendedSlots": (f"query {{ recommendedSlots({_SLOTS}) {{ start }} }}", _NOTHING),
    "holdSlot": (
        'mutation { holdSlot(input: {slotToken: "t", idempotencyKey: "k"}) { userErrors { code } } }', {},
    ),
    "extendHold": (f'mutation {{ extendHold(input: {{holdId: "{_HOLD}"}}) {{ userErrors {{ code }} }} }}', {}),
    "releaseHold": (f'mutation {{ releaseHold(input: {{holdId: "{_HOLD}"}}) {{ userErrors {{ code }} }} }}', {}),
    "bookReservation": (
        'mutation { bookReservation(input: {slotToken: "t", idempotencyKey: "k"}) { userErrors { code } } }', {},
    ),
    "bookWalkIn": (
        f'mutation {{ bookWalkIn(input: {{{_SLOTS}, idempotencyKey: "k"}}) {{ userErrors {{ code }} }} }}',
        {CUSTOMER: "FORBIDDEN"},
    ),
    "rescheduleReservation": (
        (
            f'mutation {{ rescheduleReservation(input: {{reservationId: "{_RESERVATION}", slotToken: "t",'
            ' idempotencyKey: "k"}) { userErrors { code } } }'
        ),
        {},
    ),
    "cancelReservation": (
        f'mutation {{ cancelReservation(input: {{reservationId: "{_RESERVATION}"}}) {{ userErrors {{ code }} }} }}',
        {},
    ),
}  # fmt: skip
_CUSTOMER = encode_global_id("Customer", new_id())
# The same of visits; a customer may only rate.
VISITS: dict[str, tuple[str, dict[Role, str]]] = {
    "checkInReservation": (
        (
            'mutation { checkInReservation(input: {storeId: "$store", code: "NOBODY", idempotencyKey: "k"})'
            " { userErrors { code } } }"
        ),
        {CUSTOMER: "FORBIDDEN"},
    ),
    "undoCheckIn": (
        (
            f'mutation {{ undoCheckIn(input: {{reservationId: "{_RESERVATION}", idempotencyKey: "k"}})'
            " { userErrors { code } } }"
        ),
        {CUSTOMER: "FORBIDDEN"},
    ),
    "settleReservation": (
        (
            f'mutation {{ settleReservation(input: {{reservationId: "{_RESERVATION}", idempotencyKey: "k"}})'
            " { userErrors { code } } }"
        ),
        {CUSTOMER: "FORBIDDEN"},
    ),
    "recordDeposit": (
        f'mutation {{ recordDeposit(input: {{reservationId: "{_RESERVATION}"}}) {{ userErrors {{ code }} }} }}',
        {CUSTOMER: "FORBIDDEN"},
    ),
    "rateReservation": (
        (
            f'mutation {{ rateReservation(input: {{reservationId: "{_RESERVATION}", stars: 5}})'
            " { userErrors { code } } }"
        ),
        {},
    ),
    "customerProfile": (f'query {{ customerProfile(customerId: "{_CUSTOMER}") {{ visits }} }}', _NOTHING),
    "calendarFeedUrl": ('query { calendarFeedUrl(storeId: "$store") }', {CUSTOMER: "FORBIDDEN"}),
}
_LINK, _CONFLICT = (encode_global_id(name, new_id()) for name in ("BookingLink", "BookingConflict"))
_NO_MANAGEMENT = dict.fromkeys((STAFF, POS, CUSTOMER), "FORBIDDEN")
# operation → what each role is told of bookings of platforms; account, link and conflict are of nobody.
CHANNEL_BOOKINGS: dict[str, tuple[str, dict[Role, str]]] = {
    "bookingLinks": ('query { bookingLinks(accountId: "$account") { id } }', _NO_MANAGEMENT),
    "linkBookingService": (
        (
            'mutation { linkBookingService(input: {accountId: "$account", storeId: "$store", reference: "r"})'
            " { userErrors { code } } }"
        ),
        _NO_MANAGEMENT,
    ),
    "unlinkBookingService": (
        f'mutation {{ unlinkBookingService(input: {{linkId: "{_LINK}"}}) {{ userErrors {{ code }} }} }}',
        {OWNER: "NOT_FOUND", MANAGER: "NOT_FOUND", **_NO_MANAGEMENT},
    ),
    "bookingConflicts": ('query { bookingConflicts(storeId: "$store") { id } }', {CUSTOMER: "FORBIDDEN"}),
    "resolveBookingConflict": (
        f'mutation {{ resolveBookingConflict(input: {{conflictId: "{_CONFLICT}"}}) {{ userErrors {{ code }} }} }}',
        {**_NOTHING, POS: "FORBIDDEN", CUSTOMER: "FORBIDDEN"},
    ),
    "syncChannel": (
        'mutation { syncChannel(input: {accountId: "$account"}) { finished } }',
        {OWNER: "NOT_FOUND", MANAGER: "NOT_FOUND", **_NO_MANAGEMENT},
    ),
}
_ENTRY, _CLASS, _PACKAGE = (
    encode_global_id(name, new_id()) for name in ("WaitlistEntry", "ClassSession", "CustomerPackage")
)
# The same of waitlists and packages; class, entry, package and customer are of nobody.
PREPAID: dict[str, tuple[str, dict[Role, str]]] = {
    "joinWaitlist": (
        (
            f'mutation {{ joinWaitlist(input: {{sessionId: "{_CLASS}", idempotencyKey: "k"}})'
            " { userErrors { code } } }"
        ),
        _NOTHING,
    ),
    "leaveWaitlist": (
        f'mutation {{ leaveWaitlist(input: {{entryId: "{_ENTRY}"}}) {{ userErrors {{ code }} }} }}',
        _NOTHING,
    ),
    "acceptWaitlistOffer": (
        (
            f'mutation {{ acceptWaitlistOffer(input: {{entryId: "{_ENTRY}", idempotencyKey: "k"}})'
            " { userErrors { code } } }"
        ),
        _NOTHING,
    ),
    "waitlist": (
        f'query {{ waitlist(sessionId: "{_CLASS}") {{ id }} }}',
        {**_NOTHING, CUSTOMER: "FORBIDDEN"},
    ),
    "myWaitlist": (
        "query { myWaitlist { id } }",
        dict.fromkeys((OWNER, MANAGER, STAFF, POS), "FORBIDDEN"),
    ),
    "sellPackage": (
        (
            f'mutation {{ sellPackage(input: {{customerId: "{_CUSTOMER}", storeId: "$store", name: "n",'
            " serviceIds: []}) { userErrors { code } } }"
        ),
        {CUSTOMER: "FORBIDDEN"},
    ),
    "closePackage": (
        (
            f'mutation {{ closePackage(input: {{packageId: "{_PACKAGE}", reason: "r"}})'
            " { userErrors { code } } }"
        ),
        {**_NOTHING, **dict.fromkeys((STAFF, POS, CUSTOMER), "FORBIDDEN")},
    ),
    "customerPackages": (f'query {{ customerPackages(customerId: "{_CUSTOMER}") {{ id }} }}', {}),
}
_ORDER = encode_global_id("Order", new_id())
_OF_ORDER = f'(input: {{orderId: "{_ORDER}", idempotencyKey: "k"}}) {{ userErrors {{ code }} }} }}'
# The same of an order of nobody.
ORDERING: dict[str, tuple[str, dict[Role, str]]] = {
    "cancelOrder": (f"mutation {{ cancelOrder{_OF_ORDER}", _NOTHING),
    "recordPayment": (f"mutation {{ recordPayment{_OF_ORDER}", {**_NOTHING, CUSTOMER: "FORBIDDEN"}),
    "completeOrder": (f"mutation {{ completeOrder{_OF_ORDER}", {**_NOTHING, CUSTOMER: "FORBIDDEN"}),
    "recordRefund": (
        f"mutation {{ recordRefund{_OF_ORDER}", {**_NOTHING, POS: "FORBIDDEN", CUSTOMER: "FORBIDDEN"},
    ),
}  # fmt: skip
# What management sets up in a store, and nobody else; `%s` is the store.
SET_UP_STORES = {
    "createService": 'mutation { createService(input: {storeId: "%s", name: "n", kind: ROOM, durationMinutes: 60})'
    " { service { id } } }",
    "createStaffMember": 'mutation { createStaffMember(input: {storeId: "%s", name: "n"}) { staffMember { id } } }',
    "createResource": 'mutation { createResource(input: {storeId: "%s", name: "n", kind: "k"}) { resource { id } } }',
    "createProduct": 'mutation { createProduct(input: {storeId: "%s", title: "t", skus: [{name: "n", price: "1"}]})'
    " { product { id } } }",
    "setStorePolicy": 'mutation { setStorePolicy(input: {storeId: "%s"}) { storePolicy { holdMinutes } } }',
    "setSpecialDay": 'mutation { setSpecialDay(input: {storeId: "%s", day: "2026-01-01", hours: []})'
    " { specialDay { day } } }",
    "removeSpecialDay": 'mutation { removeSpecialDay(input: {storeId: "%s", day: "2026-01-01"}) { day } }',
    "setStoreWeek": 'mutation { setStoreWeek(input: {storeId: "%s", weekStart: "2026-01-05", shifts: []})'
    " { storeWeek { weekStart } } }",
    "copyStoreWeek": 'mutation { copyStoreWeek(input: {storeId: "%s", fromWeek: "2026-01-05", weeks: 1})'
    " { storeWeeks { weekStart } } }",
}
# Wrong input is told of after who may.
SET_UP_STORES |= {
    "createPresaleCampaign": (
        'mutation { createPresaleCampaign(input: {storeId: "%s", name: "", mode: TIERED, skuIds: [],'
        ' startsAt: "2026-01-02T00:00:00Z", endsAt: "2026-01-01T00:00:00Z", waves: [],'
        ' disclosures: {title: "", detail: "", liveRoom: ""}}) { userErrors { code } } }'
    ),
    "setPresaleGuardRule": (
        'mutation { setPresaleGuardRule(input: {storeId: "%s", figure: LATE, act: PAUSE, threshold: "2"})'
        " { userErrors { code } } }"
    ),
    "importScores": 'mutation { importScores(input: {storeId: "%s", rows: []}) { userErrors { code } } }',
    "importReviews": 'mutation { importReviews(input: {storeId: "%s", rows: []}) { userErrors { code } } }',
}
_SERVICE, _MEMBER, _RESOURCE, _SESSION, _BLOCK = (
    encode_global_id(name, new_id())
    for name in ("Service", "StaffMember", "Resource", "ClassSession", "TimeBlock")
)
_SPAN = 'from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"'
# The same of things that nobody has: management is told that there are none.
SET_UP_THINGS = {
    "updateService": f'mutation {{ updateService(input: {{serviceId: "{_SERVICE}"}}) {{ service {{ id }} }} }}',
    "updateStaffMember": f'mutation {{ updateStaffMember(input: {{staffId: "{_MEMBER}"}}) {{ userErrors {{ code }} }} }}',
    "updateResource": f'mutation {{ updateResource(input: {{resourceId: "{_RESOURCE}"}}) {{ userErrors {{ code }} }} }}',
    "setShifts": f'mutation {{ setShifts(input: {{staffId: "{_MEMBER}", {_SPAN}, shifts: []}})'
    " { userErrors { code } } }",
    "scheduleClass": f'mutation {{ scheduleClass(input: {{serviceId: "{_SERVICE}", start: "2030-01-01T00:00:00Z"}})'
    " { userErrors { code } } }",
    "cancelClass": f'mutation {{ cancelClass(input: {{sessionId: "{_SESSION}", reason: "r"}})'
    " { userErrors { code } } }",
}
_CAMPAIGN = encode_global_id("PresaleCampaign", new_id())
SET_UP_THINGS |= {
    name: f'mutation {{ {name}(input: {{campaignId: "{_CAMPAIGN}"}}) {{ userErrors {{ code }} }} }}'
    for name in (
        "publishPresaleCampaign",
        "pausePresaleCampaign",
        "resumePresaleCampaign",
        "closePresaleCampaign",
    )
}
# The counter blocks time as well as management; customers do not.
BLOCKING = {
    "blockTime": f'mutation {{ blockTime(input: {{storeId: "$store", staffId: "{_MEMBER}",'
    ' start: "2030-01-01T00:00:00Z", end: "2030-01-02T00:00:00Z"}) { userErrors { code } } }',
    "unblockTime": f'mutation {{ unblockTime(input: {{blockId: "{_BLOCK}"}}) {{ userErrors {{ code }} }} }}',
}
TIME_BLOCKS = f'query {{ timeBlocks(storeId: "%s", {_SPAN}) {{ id }} }}'
# What management may read of a store, and staff with the scope reports.
STORE_FIGURES = {
    "presaleHealth": 'query { presaleHealth(storeId: "%s") { level } }',
    "presaleGuardRules": 'query { presaleGuardRules(storeId: "%s") { act } }',
    "presaleGuardActions": 'query { presaleGuardActions(storeId: "%s") { totalCount } }',
    "storeScores": 'query { storeScores(storeId: "%s") { latest } }',
}
# Whoever logs in has no token yet, or a stale one.
OPEN = {
    "loginWithMiniProgram": 'mutation { loginWithMiniProgram(input: {accountId: "$account", code: "c"})'
    " { userErrors { code } } }",
    "refreshLogin": 'mutation { refreshLogin(input: {refreshToken: "r"}) { userErrors { code } } }',
    "logout": 'mutation { logout(input: {refreshToken: "r"}) { ended } }',
}
FREE = {"channels": "query { channels { code } }", "stores": "query { stores { id } }"}
NODE = 'query { node(id: "%s") { id } }'


@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_store_operations(shop: Any, rival: Any, role: Role) -> None:
    client = shop.client(role)
    for name, query in STORE_BOUND.items():
        stores = (shop.store, shop.other_store, rival.store)
        own, other, foreign = [await client.ask((query % each).replace("$key", each)) for each in stores]
        assert read_code(own) is None, (name, own)
        assert read_code(other) == ("NOT_FOUND" if role in BOUND else None), (name, other)
        assert read_code(foreign) == "NOT_FOUND", (name, foreign)


@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_management_operations(shop: Any, role: Role) -> None:
    client, ids = shop.client(role), await make_things(shop)
    for name, query in {**MANAGED, **FIGURES}.items():
        answer = await client.ask(ids.fill(query))
        assert read_code(answer) == (None if role in MANAGEMENT else "FORBIDDEN"), (name, answer)


@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_operations_for_everybody(shop: Any, rival: Any, role: Role) -> None:
    for name, query in FREE.items():
        assert read_code(await shop.client(role).ask(query)) is None, name
    seen = {store["id"] for store in (await shop.client(role).fetch(FREE["stores"]))["stores"]}
    assert seen == ({shop.store} if role in BOUND else {shop.store, shop.other_store})


async def test_nothing_without_a_token(shop: Any) -> None:
    ids = await make_things(shop)
    store_bound = {name: query % shop.store for name, query in STORE_BOUND.items()}
    managed = {name: ids.fill(query) for name, query in {**MANAGED, **FIGURES}.items()}
    for name, query in {**store_bound, **managed, **FREE, "node": NODE % shop.store}.items():
        assert read_code(await shop.client(None).ask(query)) == "UNAUTHENTICATED", name


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_logging_in_needs_no_token(shop: Any, role: Role | None) -> None:
    client, ids = shop.client(role), await make_things(shop)
    answers = {name: await client.ask(ids.fill(query)) for name, query in OPEN.items()}
    assert [name for name, answer in answers.items() if read_code(answer)] == []
    [error] = answers["loginWithMiniProgram"]["data"]["loginWithMiniProgram"]["userErrors"]
    assert error["code"] == "NOT_FOUND"


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_messages(shop: Any, role: Role | None) -> None:
    client, ids = shop.client(role), await make_things(shop)
    for name, (query, told) in MESSAGES.items():
        answer = await client.ask(ids.fill(query))
        assert read_code(answer) == (told.get(role) if role else "UNAUTHENTICATED"), (name, answer)


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_booking(shop: Any, role: Role | None) -> None:
    client, ids = shop.client(role), await make_things(shop)
    for name, (query, told) in {**BOOKING, **VISITS, **PREPAID, **CHANNEL_BOOKINGS, **ORDERING}.items():
        answer = await client.ask(ids.fill(query))
        assert read_code(answer) == (told.get(role) if role else "UNAUTHENTICATED"), (name, answer)


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_setting_up(shop: Any, rival: Any, role: Role | None) -> None:
    client, ids = shop.client(role), await make_things(shop)
    refused = "FORBIDDEN" if role else "UNAUTHENTICATED"
    for name, query in SET_UP_STORES.items():
        own, foreign = [await client.ask(query % store) for store in (shop.store, rival.store)]
        assert read_code(own) == (None if role in MANAGEMENT else refused), (name, own)
        assert read_code(foreign) == ("NOT_FOUND" if role in MANAGEMENT else refused), (name, foreign)
    for name, query in SET_UP_THINGS.items():
        answer = await client.ask(ids.fill(query))
        assert read_code(answer) == ("NOT_FOUND" if role in MANAGEMENT else refused), (name, answer)


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_blocking(shop: Any, role: Role | None) -> None:
    client, ids = shop.client(role), await make_things(shop)
    told = {None: "UNAUTHENTICATED", CUSTOMER: "FORBIDDEN"}
    for name, query in BLOCKING.items():
        answer = await client.ask(ids.fill(query))
        assert read_code(answer) == told.get(role, "NOT_FOUND"), (name, answer)


@pytest.mark.parametrize("role", [None, OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_blocks_seen(shop: Any, rival: Any, role: Role | None) -> None:
    told = {None: ("UNAUTHENTICATED",) * 3, CUSTOMER: ("FORBIDDEN",) * 3}
    told |= dict.fromkeys(MANAGEMENT, (None, None, "NOT_FOUND"))
    told |= dict.fromkeys(BOUND, (None, "NOT_FOUND", "NOT_FOUND"))
    stores = (shop.store, shop.other_store, rival.store)
    codes = [read_code(await shop.client(role).ask(TIME_BLOCKS % store)) for store in stores]
    assert tuple(codes) == told[role]


@pytest.mark.parametrize("scopes", [(), ("reports",)])
@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_figures_of_a_store(shop: Any, rival: Any, role: Role, scopes: tuple[str, ...]) -> None:
    client = shop.client(role)
    client.token = await shop.token(role, scopes=scopes)
    told = ("FORBIDDEN",) * 3
    if role in MANAGEMENT:
        told = (None, None, "NOT_FOUND")
    elif role is STAFF and scopes:
        told = (None, "NOT_FOUND", "NOT_FOUND")
    for name, query in STORE_FIGURES.items():
        codes = [
            read_code(await client.ask(query % store))
            for store in (shop.store, shop.other_store, rival.store)
        ]
        assert tuple(codes) == told, name


async def test_table_is_complete(shop: Any) -> None:
    fields = await shop.client(None).fetch(
        "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }"
    )
    schema = fields["__schema"]
    names = {each["name"] for kind in ("queryType", "mutationType") for each in schema[kind]["fields"]}
    others = {"node", "reverseRedemption", "resolveRedemption", "timeBlocks"}
    others |= set(ORDERING)
    others |= {*BLOCKING, *STORE_FIGURES, *SET_UP_STORES, *SET_UP_THINGS, *CHANNEL_BOOKINGS, *PREPAID}
    assert names == {*OPEN, *STORE_BOUND, *MANAGED, *MESSAGES, *FIGURES, *FREE, *BOOKING, *VISITS, *others}


@pytest.mark.parametrize(
    ("role", "scopes", "elsewhere", "code"),
    [
        (OWNER, (), False, None),
        (MANAGER, (), False, None),
        (STAFF, ("reverse",), False, None),
        (STAFF, ("reverse",), True, "NOT_FOUND"),
        (STAFF, (), False, "FORBIDDEN"),
        (POS, ("reverse",), False, "FORBIDDEN"),
        (CUSTOMER, (), False, "FORBIDDEN"),
    ],
)
async def test_reversal(
    shop: Any, role: Role, scopes: tuple[str, ...], elsewhere: bool, code: str | None
) -> None:
    redemption = await redeem(shop, shop.client(OWNER), shop.other_store if elsewhere else shop.store)
    client = shop.client(role)
    client.token = await shop.token(role, scopes=scopes)
    answer = await client.ask(REVERSE % redemption)
    assert read_code(answer) == code
    status = (await shop.client(OWNER).fetch(STATUS % redemption))["node"]["status"]
    assert status == ("REVERSED" if code is None else "SUCCEEDED")


async def test_reversal_of_another_merchant(shop: Any, rival: Any) -> None:
    redemption = await redeem(shop, shop.client(OWNER), shop.store)
    assert read_code(await rival.client(OWNER).ask(REVERSE % redemption)) == "NOT_FOUND"
    assert (await shop.client(OWNER).fetch(STATUS % redemption))["node"]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_redemptions_seen(shop: Any, rival: Any, role: Role) -> None:
    """Edges and nodes alike: own store, other store, other merchant, and a customer's own."""
    redeemed = {
        "own store": await redeem(shop, shop.client(POS), shop.store),
        "other store": await redeem(shop, shop.client(OWNER), shop.other_store),
        "own": await redeem(shop, shop.client(CUSTOMER), shop.other_store),
        "other merchant": await redeem(rival, rival.client(OWNER), rival.store),
    }
    visible = {
        OWNER: {"own store", "other store", "own"},
        MANAGER: {"own store", "other store", "own"},
        STAFF: {"own store"},
        POS: {"own store"},
        CUSTOMER: {"own"},
    }[role]
    client = shop.client(role)
    listed = await client.fetch(
        "{ redemptions { totalCount edges { node { id coupon { id } store { id } } } } }"
    )
    edges = listed["redemptions"]["edges"]
    assert {edge["node"]["id"] for edge in edges} == {redeemed[name] for name in visible}
    assert listed["redemptions"]["totalCount"] == len(visible)
    for name, redemption in redeemed.items():
        assert read_code(await client.ask(NODE % redemption)) == (None if name in visible else "NOT_FOUND"), (
            name
        )


@pytest.mark.parametrize("role", [OWNER, MANAGER, STAFF, POS, CUSTOMER])
async def test_nodes_of_set_up(shop: Any, rival: Any, role: Role) -> None:
    client, own, foreign = shop.client(role), await make_things(shop), await make_things(rival)
    expected = {
        own.batch: None if role is not CUSTOMER else "NOT_FOUND",
        own.customer: None if role is not CUSTOMER else "NOT_FOUND",
        shop.store: None,
        shop.other_store: "NOT_FOUND" if role in BOUND else None,
        own.account: "NOT_FOUND" if role in MANAGEMENT else "FORBIDDEN",
        foreign.batch: "NOT_FOUND",
        foreign.customer: "NOT_FOUND",
        rival.store: "NOT_FOUND",
        encode_global_id("Nothing", new_id()): "NOT_FOUND",
    }
    for global_id, code in expected.items():
        answer = await client.ask(NODE % global_id)
        assert read_code(answer) == code, answer


async def test_customer_sees_themselves(shop: Any) -> None:
    from core.access.tokens import authenticate

    actor = await authenticate(shop.tokens[CUSTOMER])
    own = encode_global_id("Customer", actor.actor_id)
    query = "query($id: ID!) { node(id: $id) { ... on Customer { name phone } } }"
    found = await shop.client(CUSTOMER).fetch(query, id=own)
    assert found["node"] == {"name": None, "phone": None}


@dataclass(frozen=True)
class Things:
    store: str
    batch: str
    customer: str
    account: str

    def fill(self, query: str) -> str:
        for name in ("store", "batch", "account"):
            query = query.replace(f"${name}", getattr(self, name))
        return query


async def make_things(shop: Any) -> Things:
    """One of each kind in the merchant; the account is of nobody."""
    from core.access.tokens import authenticate

    created = await shop.client(OWNER).fetch(MANAGED["createCouponBatch"])
    customer = await authenticate(await shop.token(CUSTOMER))
    return Things(
        shop.store,
        created["createCouponBatch"]["batch"]["id"],
        encode_global_id("Customer", customer.actor_id),
        encode_global_id("ChannelAccount", new_id()),
    )


async def redeem(shop: Any, client: Any, store: str) -> str:
    """Redeems a fresh coupon and answers the redemption's id."""
    (code,) = await shop.issue()
    query = "mutation($input: RedeemCouponsInput!) { redeemCoupons(input: $input)"
    basket = {"storeId": store, "idempotencyKey": code, "codes": [{"code": code}]}
    answer = await client.fetch(query + " { outcome redemptions { id } userErrors { code } } }", input=basket)
    done = answer["redeemCoupons"]
    assert done["outcome"] == "REDEEMED", done
    return str(done["redemptions"][0]["id"])


REVERSE = (
    'mutation { reverseRedemption(input: {redemptionId: "%s", reason: "r", idempotencyKey: "k"})'
    " { redemption { status } userErrors { code } } }"
)
STATUS = 'query { node(id: "%s") { ... on Redemption { status } } }'


def read_code(answer: dict[str, Any]) -> str | None:
    """The code of the first error, None for an answer without."""
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if errors else None
