// The ready-made operations. `variables` builds them from the shop; `codes` names the kinds of code that take part.

const redemption = `id status times
      coupon { id title code faceValue { amount } timesRemaining }
      channel { code name }
      discount { amount currencyCode }
      redeemedAt reversibleUntil channelReference`;

const problem = "code message staffMessage field channelCode redeemedAt retryAfterSeconds";

const redeem = `mutation Redeem($input: RedeemCouponsInput!) {
  redeemCoupons(input: $input) {
    outcome
    redemptions {
      ${redemption}
    }
    userErrors { ${problem} }
  }
}`;

const lookUp = `query LookUp($storeId: ID!, $code: String!) {
  couponLookup(storeId: $storeId, code: $code) {
    coupons {
      id channel { code name } kind title status
      faceValue { amount } paidAmount { amount }
      validFrom validUntil timesTotal timesRemaining
    }
    probes { channel { code } outcome reason }
    userErrors { ${problem} }
  }
}`;

const reverse = `mutation Reverse($input: ReverseRedemptionInput!) {
  reverseRedemption(input: $input) {
    redemption {
      ${redemption}
      reversedAt
    }
    userErrors { ${problem} }
  }
}`;

const list = `query Redemptions($filter: RedemptionFilter) {
  redemptions(first: 10, filter: $filter) {
    totalCount
    edges { cursor node {
      ${redemption}
    } }
    pageInfo { hasNextPage endCursor }
  }
}`;

const reservation = `id code status start end partySize
      store { name } service { name } staff { name } resources { name }
      checkInPayload calendarUrl`;

const bookingProblem = "code message field suggestions { token start staff { name } }";

const recommend = `query Recommend($storeId: ID!, $serviceId: ID!, $limit: Int) {
  recommendedSlots(storeId: $storeId, serviceId: $serviceId, limit: $limit) {
    token start end seatsRemaining score reasons
    staff { name }
    resources { name }
  }
}`;

const book = `mutation Book($input: BookReservationInput!) {
  bookReservation(input: $input) {
    reservation {
      ${reservation}
    }
    userErrors { ${bookingProblem} }
  }
}`;

const checkIn = `mutation CheckIn($input: CheckInReservationInput!) {
  checkInReservation(input: $input) {
    reservation {
      ${reservation}
    }
    candidates { id code start }
    redemptions { id status discount { amount } }
    userErrors { ${bookingProblem} }
  }
}`;

const day = `query Day($filter: ReservationFilter) {
  reservations(first: 20, filter: $filter) {
    totalCount
    edges { node {
      ${reservation}
    } }
    pageInfo { hasNextPage endCursor }
  }
}`;

const orderProblem = "code message field couponCode";

const quote = `query Quote($input: QuoteOrderInput!) {
  quoteOrder(input: $input) {
    subtotal { amount } discount { amount } total { amount }
    coupons { title channel { code } faceValue { amount } }
    userErrors { ${orderProblem} }
  }
}`;

const place = `mutation Place($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    order {
      id number status
      subtotal { amount } discount { amount } total { amount }
      lines { title quantity total { amount } }
    }
    redemptions {
      ${redemption}
    }
    userErrors { ${orderProblem} }
  }
}`;

const order = (shop) => ({
  storeId: shop.sku().storeId,
  lines: [{ skuId: shop.sku().id, quantity: 2 }],
  couponCodes: [shop.code("douyin", "usable"), shop.code("house", "usable")],
});

export const changes = `subscription Changes($storeId: ID!, $after: String) {
  redemptionChanged(storeId: $storeId, after: $after) {
    id status times redeemedAt reversedAt
    coupon { title code }
    channel { code name }
    store { name }
    discount { amount }
  }
}`;

const newKey = () => `demo-${crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`}`;

const basket = (shop, ...codes) => ({ input: { storeId: shop.storeId, codes, idempotencyKey: newKey() } });

export const operations = [
  {
    id: "look-up", document: lookUp,
    name: { "zh-CN": "查一个码", en: "Look up a code" },
    hint: {
      "zh-CN": "不说是哪个平台的，也不会用掉它：核心自己找渠道，去问，并告诉你问过谁。",
      en: "Nobody says which platform sold it, and asking does not use it up: the core finds the channel, asks, and says whom it asked.",
    },
    variables: (shop, code) => ({ storeId: shop.storeId, code: code ?? shop.code("douyin", "usable") }),
  },
  {
    id: "basket", document: redeem,
    name: { "zh-CN": "抖音券 + 自有券一起核销", en: "Douyin + own coupon in one basket" },
    hint: {
      "zh-CN": "两个渠道，一个篮子，要么都成，要么都不成。改坏其中一个码再试：另一张不会被用掉。",
      en: "Two channels in one basket, all or nothing. Spoil one of the codes and run again: the other one is not used up.",
    },
    variables: (shop, code) => basket(shop, { code: code ?? shop.code("douyin", "usable") }, { code: shop.code("house", "usable") }),
  },
  {
    id: "every-channel", document: redeem,
    name: { "zh-CN": "每个渠道各一张，一起核销", en: "One coupon of every channel" },
    hint: {
      "zh-CN": "全部渠道，同一个接口，一个篮子。不可撤销的那张最后才发出。",
      en: "All channels, one mutation, one basket. The one that could not be taken back is sent last.",
    },
    variables: (shop) => basket(shop, ...shop.channels().map((channel) => ({ code: shop.code(channel, "usable"), channel }))),
  },
  {
    id: "times-card", document: redeem,
    name: { "zh-CN": "次卡核销两次", en: "Two uses of a times card" },
    hint: { "zh-CN": "count 就是次数；剩余次数会减二。", en: "count says how many uses; the remaining ones go down by two." },
    variables: (shop, code) => basket(shop, { code: code ?? shop.code("douyin", "times_card"), count: 2 }),
  },
  {
    id: "two-coupons", document: redeem,
    name: { "zh-CN": "一个二维码，两张券", en: "One QR, two coupons" },
    hint: {
      "zh-CN": "扫出来的是短链接。count 为 1 时只核销第一张，为 2 时两张一起。",
      en: "The QR holds a short link. With count 1 the first coupon is redeemed, with 2 both.",
    },
    variables: (shop, code) => basket(shop, { code: code ?? shop.code("douyin", "two_coupons"), count: 2 }),
  },
  {
    id: "refused", document: redeem,
    name: { "zh-CN": "一张会被拒的券", en: "A coupon that is refused" },
    hint: {
      "zh-CN": "拒绝是数据：固定的原因代码，给顾客一句话，给店员一句话，旁边保留平台自己的代码。",
      en: "A refusal is data: a closed reason code, one sentence for the customer, one for staff, and the platform’s own code beside them.",
    },
    variables: (shop, code) => basket(shop, { code: code ?? shop.code("douyin", "expired") }),
  },
  {
    id: "reverse", document: reverse,
    name: { "zh-CN": "撤销一次核销", en: "Reverse a redemption" },
    hint: {
      "zh-CN": "默认是刚刚核销的那一笔。需要店主或店长的身份。",
      en: "By default the one you made last. It takes the owner or the manager.",
    },
    variables: (shop) => ({ input: { redemptionId: shop.lastRedemption ?? "", reason: "客人改变主意", idempotencyKey: newKey() } }),
  },
  {
    id: "list", document: list,
    name: { "zh-CN": "核销记录", en: "List redemptions" },
    hint: { "zh-CN": "最新的在前；用游标翻页。", en: "Newest first, paged by cursor." },
    variables: (shop) => ({ filter: { storeId: shop.storeId } }),
  },
  {
    id: "quote", document: quote,
    name: { "zh-CN": "点单试算", en: "Quote an order" },
    hint: {
      "zh-CN": "两道菜，一张抖音券，一张自有券：能不能用、抵多少，先算清楚；不会用掉券。",
      en: "Two dishes, a Douyin coupon and one of the shop’s own: whether they can be used and what they take off. Nothing is used up.",
    },
    variables: (shop) => ({ input: order(shop) }),
  },
  {
    id: "place", document: place,
    name: { "zh-CN": "下单并核销", en: "Place it, coupons redeemed" },
    hint: {
      "zh-CN": "下单即核销，不用店员再扫码。券被拒、库存不够，都和没下过单一样。",
      en: "Placing the order redeems the coupons; nobody scans anything. A refused coupon or missing stock leaves everything as it was.",
    },
    variables: (shop) => ({ input: { ...order(shop), idempotencyKey: newKey() } }),
  },
  {
    id: "recommend", document: recommend,
    name: { "zh-CN": "预约第一步：推荐时段", en: "Booking, step 1: recommended slots" },
    hint: {
      "zh-CN": "按顾客习惯、员工空闲和不留碎片时间来排序，每个时段都说明理由。换一个门店试试：餐厅包间、美发、健身。",
      en: "Ranked by the guest’s habits, idle staff and gaps that nobody could book, each with its reasons. Try another store: private rooms, hair, fitness.",
    },
    variables: (shop) => ({ storeId: shop.service().storeId, serviceId: shop.service().id, limit: 3 }),
  },
  {
    id: "book", document: book,
    name: { "zh-CN": "预约第二步：一次下单", en: "Booking, step 2: book it" },
    hint: {
      "zh-CN": "用上一步第一个时段的令牌；员工、房间、设备要么一起占住，要么都不占。附上的券到店签到时才核销。",
      en: "With the token of the first slot above. Staff, room and equipment are taken together or not at all. An attached coupon is redeemed at check-in.",
    },
    variables: (shop) => ({
      input: {
        slotToken: shop.lastSlot ?? "", contact: { name: "李女士", phone: "13800138000" }, couponCodes: [shop.code("house", "usable")],
        idempotencyKey: newKey(),
      },
    }),
  },
  {
    id: "check-in", document: checkIn,
    name: { "zh-CN": "到店签到", en: "Check in" },
    hint: {
      "zh-CN": "预约码、二维码文本、手机号（或后四位）三选一。只能在预约当天；附上的券随之核销。",
      en: "By code, QR text or phone (or its last four digits). On the day itself; attached coupons are redeemed with it.",
    },
    variables: (shop) => ({
      input: { storeId: shop.lastReservation?.storeId ?? shop.storeId, code: shop.lastReservation?.code ?? "", idempotencyKey: newKey() },
    }),
  },
  {
    id: "day", document: day,
    name: { "zh-CN": "预约列表", en: "List reservations" },
    hint: { "zh-CN": "按开始时间；可按门店、日期、员工、服务、状态、手机尾号筛选。", en: "By start; filtered by store, day, staff, service, status or the end of a phone number." },
    variables: (shop) => ({ filter: { storeId: shop.service().storeId } }),
  },
];
