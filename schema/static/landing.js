// The demo's own page. It reads the shop from demo.json, runs operations, and shows what changes.

import { post, watch } from "./graphql.js";
import { changes, operations } from "./operations.js";
import { texts } from "./texts.js";

const at = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search);

const page = {
  language: wanted.get("lang") ?? localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en"),
  shop: null,
  store: null,
  person: null,
  operation: operations[0],
  channel: "douyin",
  spent: new Set(),
  ticks: [],
  lastRedemption: null,
  lastSlot: null,
  lastReservation: null,
  sent: null,
  stopWatching: () => {},
};
if (!(page.language in texts)) page.language = "en";

const text = (key, values = {}) =>
  texts[page.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const named = (group, key, otherwise = key) => texts[page.language][group][key] ?? otherwise;
const channelName = (channel) => named("channels", channel.code, channel.name);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------------------------------------------------- the shop
// What operations may ask of the shop: the store, something to book there, a fresh code of a kind, what came of the last ones.
const shopView = () => ({
  storeId: page.store.id,
  lastRedemption: page.lastRedemption,
  lastSlot: page.lastSlot,
  lastReservation: page.lastReservation,
  sku: () => page.shop.skus[0],
  service: () => page.shop.services.find((each) => each.storeId === page.store.id) ?? page.shop.services[0],
  code(channel, state) {
    const all = page.shop.codes.filter((each) => each.channel === channel && each.state === state);
    return (all.find((each) => !page.spent.has(each.code)) ?? all[0])?.code ?? "";
  },
  channels: () => channelsOfShop().map((each) => each.code),
});

function channelsOfShop() {
  const names = new Map(page.shop.codes.map((each) => [each.channel, each.channelName]));
  return [...names].map(([code, name]) => ({ code, name }));
}

function peopleOf(store) {
  return page.shop.tokens.filter((each) => !each.storeIds || each.storeIds.includes(store.id));
}

function showStores() {
  at("store").replaceChildren(
    ...page.shop.stores.map((store) => element("option", { value: store.id, textContent: store.name })),
  );
}

function showRoles() {
  const people = peopleOf(page.store);
  page.person = people.find((each) => each.role === page.person?.role) ?? people.find((each) => each.role === "MANAGER") ?? people[0];
  at("roles").replaceChildren(...people.map((person) => {
    const button = element("button", { type: "button", textContent: named("roles", person.role), title: person.name });
    button.setAttribute("aria-pressed", String(person === page.person));
    button.onclick = () => choosePerson(person);
    return button;
  }));
  at("token").textContent = page.person.token;
}

function choosePerson(person) {
  page.person = person;
  showRoles();
  startWatching();
}

async function copy(value, button) {
  try {
    await navigator.clipboard.writeText(value);
  } catch {
    const field = element("textarea", { value });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = text("copied");
  setTimeout(() => { button.textContent = text("copy"); }, 1200);
}

// ------------------------------------------------------------------------------------------------------------- codes
const chipOf = { usable: "good", times_card: "good", two_coupons: "good", not_yet_valid: "wait" };

function showChannels() {
  at("channels").replaceChildren(...channelsOfShop().map((channel) => {
    const button = element("button", { type: "button", textContent: channelName(channel) });
    button.setAttribute("aria-pressed", String(channel.code === page.channel));
    button.onclick = () => { page.channel = channel.code; showCodes(); };
    return button;
  }));
}

function showCodes() {
  showChannels();
  const seen = new Set();
  const shown = page.shop.codes.filter((each) => {
    if (each.channel !== page.channel) return false;
    const kind = `${each.channel}|${each.state}`;
    if (each.state === "usable" && page.spent.has(each.code)) return false;
    return !seen.has(kind) && seen.add(kind);
  });
  at("codes").replaceChildren(...shown.map(card));
}

function card(code) {
  const qr = element("button", { type: "button", className: "qr", title: code.code, innerHTML: code.qr });
  qr.setAttribute("aria-label", "QR");
  qr.onclick = () => enlarge(code);
  const copyButton = element("button", { type: "button", textContent: text("copy") });
  copyButton.onclick = () => copy(code.code, copyButton);
  const useButton = element("button", { type: "button", textContent: text("use") });
  useButton.onclick = () => useCode(code);
  const chip = element("span", { className: `chip ${chipOf[code.state] ?? "bad"}`, textContent: named("states", code.state) });
  return element("article", { className: page.spent.has(code.code) ? "card spent" : "card" },
    qr,
    element("div", { className: "meta" }, chip, element("span", { textContent: channelName({ code: code.channel, name: code.channelName }) })),
    element("div", { className: "title", textContent: code.title }),
    element("code", { textContent: code.code, title: code.code }),
    element("div", { className: "buttons" }, useButton, copyButton),
  );
}

function enlarge(code) {
  const dialog = element("dialog");
  const close = element("button", { type: "button", textContent: text("close") });
  close.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.append(element("div", { innerHTML: code.qr }), element("code", { textContent: code.code }), close);
  document.body.append(dialog);
  dialog.showModal();
}

function useCode(code) {
  const suited = { times_card: "times-card", two_coupons: "two-coupons", usable: "basket" }[code.state] ?? "refused";
  const own = code.channel === "house" && suited === "basket" ? "look-up" : suited;
  const keep = page.operation.id === "look-up" || page.operation.id === "refused";
  chooseOperation(keep ? page.operation : operations.find((each) => each.id === own), code.code);
  at("play-title").scrollIntoView({ behavior: "smooth" });
}

// -------------------------------------------------------------------------------------------------------- operations
function showOperations() {
  at("operations").replaceChildren(...operations.map((operation) => {
    const button = element("button", { type: "button", role: "tab", textContent: operation.name[page.language] });
    button.setAttribute("aria-selected", String(operation === page.operation));
    button.onclick = () => chooseOperation(operation);
    return button;
  }));
  const chosen = at("operations").querySelector("[aria-selected=true]");
  at("operations").scrollTo({ left: chosen.offsetLeft - 60 });
  at("operation-name").textContent = page.operation.name[page.language];
  at("operation-hint").textContent = page.operation.hint[page.language];
}

function chooseOperation(operation, code) {
  page.operation = operation;
  page.sent = null;
  at("answer").replaceChildren();
  tell("idle", text("waiting"));
  at("repeat").hidden = true;
  at("document").textContent = operation.document;
  fillVariables(operation.variables(shopView(), code));
  showOperations();
}

function fillVariables(variables) {
  const shown = JSON.stringify(variables, null, 2);
  at("variables").value = shown;
  at("variables").rows = Math.min(shown.split("\n").length + 1, 20);
}

async function run(repeated) {
  let variables;
  try {
    variables = repeated ? page.sent : freshKey(JSON.parse(at("variables").value));
  } catch {
    return tell("bad", text("badVariables"));
  }
  at("run").disabled = true;
  try {
    const answer = await post(page.operation.document, variables, page.person.token, page.language);
    page.sent = variables;
    show(answer, repeated);
    at("repeat").hidden = !variables.input?.idempotencyKey;
  } catch {
    tell("bad", text("unreachable"));
  } finally {
    at("run").disabled = false;
  }
}

// A new wish needs a new key; only "again with the same key" keeps it.
function freshKey(variables) {
  if (page.sent?.input && variables.input?.idempotencyKey === page.sent.input.idempotencyKey) {
    variables.input.idempotencyKey = `demo-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    fillVariables(variables);
  }
  return variables;
}

// ------------------------------------------------------------------------------------------------------------ answers
function tell(kind, headline, detail = "") {
  at("outcome").className = `outcome ${kind}`;
  at("outcome").replaceChildren(headline, ...(detail ? [element("small", { textContent: detail })] : []));
}

const said = (problem) => `${problem.code}${problem.staffMessage || problem.message ? " · " : ""}${problem.staffMessage ?? problem.message ?? ""}`;

function show(answer, repeated) {
  at("answer").innerHTML = paint(answer);
  const judged = judge(answer);
  tell(judged.kind, judged.headline, repeated && judged.kind === "good" ? text("replayed") : judged.detail);
}

function judge(answer) {
  if (answer.errors?.length) {
    const fault = answer.errors[0];
    return { kind: "bad", headline: `${text("fault")}: ${fault.extensions?.code ?? ""}`, detail: fault.message };
  }
  const { couponLookup, redeemCoupons, reverseRedemption, redemptions } = answer.data;
  const { recommendedSlots, bookReservation, checkInReservation, reservations } = answer.data;
  const { quoteOrder, placeOrder } = answer.data;
  if (redemptions) return { kind: "good", headline: text("listed", { n: redemptions.edges.length }) };
  if (quoteOrder ?? placeOrder) return judgeOrder(quoteOrder ?? placeOrder.order, (quoteOrder ?? placeOrder).userErrors, placeOrder);
  if (recommendedSlots) return judgeSlots(recommendedSlots);
  if (reservations) return { kind: "good", headline: text("booked", { n: reservations.edges.length }) };
  if (bookReservation ?? checkInReservation) return judgeReservation(bookReservation ?? checkInReservation);
  if (redeemCoupons) return judgeRedeem(redeemCoupons);
  const refused = (couponLookup ?? reverseRedemption).userErrors;
  if (refused.length) return { kind: "bad", headline: named("outcomes", "DECLINED"), detail: refused.map(said).join(text("and")) };
  if (couponLookup) return { kind: "good", headline: text("found", { n: couponLookup.coupons.length }), detail: couponLookup.coupons.map((each) => each.title).join("、") };
  freeAgain(reverseRedemption.redemption);
  return { kind: "good", headline: named("outcomes", "REVERSED"), detail: reverseRedemption.redemption.coupon.title };
}

const clock = (instant) => new Date(instant).toLocaleString(page.language, { timeZone: "Asia/Shanghai", dateStyle: "medium", timeStyle: "short" });

function judgeSlots(slots) {
  page.lastSlot = slots[0]?.token ?? null;
  if (!slots.length) return { kind: "bad", headline: text("noSlots") };
  return { kind: "good", headline: text("slots", { n: slots.length }), detail: slots.map((each) => `${clock(each.start)} ${each.staff?.name ?? ""}`.trim()).join(text("and")) };
}

function judgeOrder(order, userErrors, placed) {
  const problems = userErrors.map(said).join(text("and"));
  if (!order) return { kind: "bad", headline: text("notBooked"), detail: problems };
  if (placed) {
    for (const code of page.sent.input.couponCodes ?? []) page.spent.add(code);
    rememberSpent();
  }
  const sum = `¥${order.subtotal.amount} − ¥${order.discount.amount} = ¥${order.total.amount}`;
  return { kind: problems ? "wait" : "good", headline: placed ? `${text("placed")} · ${order.number}` : text("quoted"), detail: [sum, problems].filter(Boolean).join(text("and")) };
}

function judgeReservation(payload) {
  const made = payload.reservation;
  const problems = payload.userErrors.map(said).join(text("and"));
  if (!made) return { kind: "bad", headline: text("notBooked"), detail: problems };
  const store = page.shop.stores.find((each) => each.name === made.store.name);
  page.lastReservation = { code: made.code, storeId: store?.id };
  const what = `${made.service.name} ${clock(made.start)} ${made.staff?.name ?? made.resources.map((each) => each.name).join("、")}`;
  return { kind: "good", headline: `${named("reservationStatuses", made.status)} · ${made.code}`, detail: [what, problems].filter(Boolean).join(text("and")) };
}

function judgeRedeem(payload) {
  const kind = { REDEEMED: "good", DECLINED: "bad" }[payload.outcome] ?? "wait";
  if (payload.outcome === "REDEEMED") {
    page.lastRedemption = payload.redemptions.at(-1).id;
    for (const each of page.sent.input.codes) if (!isCard(each.code)) page.spent.add(each.code);
    rememberSpent();
  }
  const lines = payload.redemptions.map((each) => `${channelName(each.channel)} ${each.coupon.title} ×${each.times} −¥${each.discount.amount}`);
  return { kind, headline: named("outcomes", payload.outcome), detail: [...lines, ...payload.userErrors.map(said)].join(text("and")) };
}

const isCard = (code) => page.shop.codes.some((each) => each.code === code && each.state === "times_card");

function freeAgain(redemption) {
  for (const code of page.spent) if (code.replaceAll("-", "").endsWith(redemption.coupon.code.slice(-4))) page.spent.delete(code);
  rememberSpent();
}

// A reload must not offer a used code as a usable one. Another demo has other codes.
function rememberSpent() {
  localStorage.setItem("spent", JSON.stringify([page.shop.merchant.id, ...page.spent]));
  showCodes();
}

function recallSpent() {
  const [merchant, ...codes] = JSON.parse(localStorage.getItem("spent") ?? "[]");
  if (merchant === page.shop.merchant.id) page.spent = new Set(codes);
}

const good = /^(REDEEMED|SUCCEEDED|FOUND|AVAILABLE|REVERSED|CONFIRMED|CHECKED_IN|USUAL_TIME|USUAL_STAFF|FILLS_GAP|LEAST_BUSY|EARLIEST)$/;
const bad = /^(DECLINED|REFUSED|UNAVAILABLE|UNKNOWN|NEEDS_ATTENTION|[A-Z]+(_[A-Z]+)+)$/;

// JSON with its keys, values and outcomes coloured. Everything is escaped before it becomes markup.
function paint(value) {
  const escaped = JSON.stringify(value, null, 2).replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
  return escaped.replace(/("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?/g, (whole, string, colon, word) => {
    if (colon) return `<span class="key">${string}</span>${colon}`;
    if (word) return `<span class="word">${word}</span>`;
    if (!string) return `<span class="number">${whole}</span>`;
    const content = string.slice(1, -1);
    const kind = good.test(content) ? "mark-good" : bad.test(content) && !/^(SET_MEAL|CASH_VOUCHER|TIMES_CARD|PENDING_PAYMENT)$/.test(content) ? "mark-bad" : "string";
    return `<span class="${kind}">${string}</span>`;
  });
}

// --------------------------------------------------------------------------------------------------------------- live
function startWatching() {
  page.stopWatching();
  page.stopWatching = watch(changes, { storeId: page.store.id }, page.person.token, {
    state: (on) => at("connection").classList.toggle("on", on),
    next: (payload) => payload.data && tick(payload.data.redemptionChanged),
    error: () => at("connection").classList.remove("on"),
  });
}

const tone = { SUCCEEDED: "good", REVERSED: "wait", DECLINED: "bad", NEEDS_ATTENTION: "bad" };

const longest = 10;

function tick(redemption) {
  page.ticks = [{ redemption, at: new Date() }, ...page.ticks].slice(0, longest);
  at("ticker").querySelector(".empty")?.remove();
  at("ticker").prepend(line(page.ticks[0]));
  while (at("ticker").children.length > longest) at("ticker").lastElementChild.remove();
}

function showTicks() {
  const quiet = element("li", { className: "empty", textContent: text("quiet") });
  at("ticker").replaceChildren(...(page.ticks.length ? page.ticks.map(line) : [quiet]));
}

function line({ redemption, at: time }) {
  return element("li", {},
    element("time", { textContent: time.toLocaleTimeString(page.language, { hour12: false }) }),
    element("span", { className: `chip ${tone[redemption.status] ?? "wait"}`, textContent: named("statuses", redemption.status) }),
    element("span", { className: "title", textContent: `${redemption.coupon.title} ×${redemption.times}` }),
    element("span", { className: "channel", textContent: `${channelName(redemption.channel)} · ${redemption.store.name}` }),
  );
}

// -------------------------------------------------------------------------------------------------------------- begin
function showTexts() {
  document.documentElement.lang = page.language;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = text(each.dataset.text);
  for (const each of document.querySelectorAll("[data-language]")) each.setAttribute("aria-pressed", String(each.dataset.language === page.language));
  if (at("outcome").classList.contains("idle")) at("outcome").textContent = text("waiting");
  showTicks();
}

function chooseLanguage(language) {
  page.language = language;
  localStorage.setItem("language", language);
  showTexts();
  showRoles();
  showCodes();
  showOperations();
}

function chooseStore(id) {
  page.store = page.shop.stores.find((store) => store.id === id);
  showRoles();
  chooseOperation(page.operation);
  startWatching();
}

async function begin() {
  showTexts();
  const answer = await fetch("demo.json");
  if (!answer.ok) return setTimeout(begin, 500);
  page.shop = await answer.json();
  recallSpent();
  showStores();
  page.operation = operations.find((each) => each.id === wanted.get("operation")) ?? operations[0];
  chooseStore(page.shop.stores[0].id);
  showCodes();
  at("store").onchange = (event) => chooseStore(event.target.value);
  at("copy-token").onclick = (event) => copy(page.person.token, event.target);
  at("run").onclick = () => run(false);
  at("repeat").onclick = () => run(true);
  for (const each of document.querySelectorAll("[data-language]")) each.onclick = () => chooseLanguage(each.dataset.language);
  if (wanted.has("run")) await run(false);
}

begin();
