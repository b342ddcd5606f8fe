// The drawer: what the client calls, what goes wrong on purpose, what the client did wrong, and its connections.

import { ask, loadCalls, on, post, state } from "./state.js";
import { coalesce, field, h, iconButton, keyed, numberInput, toast } from "./dom.js";
import { clockSeconds, number, t } from "./words.js";
import { arrows } from "./dialogs.js";

const stages = [
  ["slow", "dropBefore", "ipBanHTML", "ipBanJSON"],
  ["throttled", "throttledPlatform", "throttledPerMinute", "quotaSpent", "permissionDenied", "notInWhiteList"],
  ["serverError", "code"],
  ["shortPages", "emptyPage", "repeatedCursor", "endlessCursor"],
  ["dropAfter", "doneButError", "slowAnswer", "truncatedBody", "wrongContentType"],
];

/** Which parameters a kind of fault has, besides api, times and skip. */
const parameters = {
  slow: ["delay"], slowAnswer: ["delay"], shortPages: ["size"], ipBanHTML: ["status"], ipBanJSON: ["status"], code: ["status", "code", "message"], doneButError: ["status", "code", "message"],
};

const paging = ["robot/groupMessages/query", "im/sceneGroups/members/batchQuery"];

export function drawer() {
  const parts = { calls: calls(), faults: faults(), violations: violations(), connections: connections() };
  const names = Object.keys(parts);
  const counts = Object.fromEntries(names.map((n) => [n, h("span", { class: "badge", hidden: true })]));
  const tabs = names.map((n) => h("button", { type: "button", role: "tab", id: `tab-${n}`, "aria-controls": `panel-${n}`, on: { click: () => show(n) } }, t(n), counts[n]));
  const panels = names.map((n) => h("div", { role: "tabpanel", id: `panel-${n}`, "aria-labelledby": `tab-${n}`, class: "panel", tabindex: 0 }, parts[n].element));
  arrows(tabs);

  const show = (name) => {
    names.forEach((n, i) => {
      tabs[i].setAttribute("aria-selected", String(n === name));
      tabs[i].tabIndex = n === name ? 0 : -1;
      panels[i].hidden = n !== name;
      parts[n].visible = n === name;
    });
    parts[name].draw();
  };
  const isOpen = () => !element.hidden;
  const toggle = () => {
    element.hidden = isOpen();
    sessionStorage.setItem("tools", isOpen() ? "open" : "");
    const button = document.getElementById("tools-button");
    button?.setAttribute("aria-expanded", String(isOpen()));
    if (isOpen()) tabs.find((tab) => tab.tabIndex === 0).focus();
    else button?.focus();
  };
  const element = h("aside", { class: "drawer", "aria-label": t("tools"), hidden: sessionStorage.getItem("tools") !== "open", on: { keydown: (e) => { if (e.key === "Escape") toggle(); } } },
    h("header", null, h("h2", null, t("tools")), iconButton("close", t("close"), toggle)), budget(),
    h("div", { class: "tabs", role: "tablist", "aria-label": t("tools") }, tabs), panels);
  const redraw = (...which) => () => which.forEach((n) => { if (parts[n].visible) parts[n].draw(); });
  on("calls", redraw("calls"));
  on("status", redraw("faults", "connections"));
  on("journal", redraw("violations", "connections"));
  on("status", () => {
    const s = state.status;
    const count = (name, n) => { counts[name].hidden = !n; counts[name].textContent = number(n); };
    count("faults", s.faults.length);
    count("violations", s.violations);
    count("connections", s.connections.length);
    counts.connections.classList.add("calm");
  });
  show("calls");
  return { element, toggle };
}

/** What of the month is used. */
function budget() {
  const meter = (word, used, most) => {
    const limit = most || 0;
    return h("div", null, h("span", null, t(word)), h("b", null, `${number(used)} / ${limit ? number(limit) : t("unlimited")}`), limit ? h("meter", { min: 0, max: limit, high: limit * 0.8, optimum: 0, value: Math.min(used, limit), "aria-label": t(word) }) : null);
  };
  const box = h("div", { class: "budget" });
  on("status", () => {
    const s = state.status;
    box.replaceChildren(meter("countedN", s.counted, s.callsPerMonth), meter("pushedN", s.pushed, s.pushesPerMonth));
  });
  return box;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function calls() {
  const filter = h("select", { "aria-label": t("filterAPI"), on: { change: () => { state.api = filter.value; loadCalls(); } } });
  const list = h("ul", { class: "calls", "aria-label": t("calls") });
  const empty = h("p", { class: "empty" }, t("noCalls"));
  const row = (c) => ({
    key: String(c.seq), sig: "",
    make: () => h("li", null, h("details", null,
      h("summary", null, h("time", { datetime: c.at }, clockSeconds(c.at)), h("span", { class: "call-api", title: `${c.method} ${c.api}` }, c.api),
        h("span", { class: `dot ${c.counted ? "on" : ""}`, title: t(c.counted ? "counted" : "free"), role: "img", "aria-label": t(c.counted ? "counted" : "free") }),
        h("span", { class: `status ${!c.status || c.status >= 400 || c.code ? "bad" : ""}` }, c.status || t("noAnswer")),
        h("span", { class: "took" }, `${(c.took / 1e6).toFixed(c.took < 1e7 ? 1 : 0)} ms`)),
      c.code ? h("p", { class: "call-code" }, c.code) : null,
      c.request ? [h("h4", null, t("request")), h("pre", { tabindex: 0 }, pretty(c.request))] : null,
      c.response ? [h("h4", null, t("response")), h("pre", { tabindex: 0 }, pretty(c.response))] : null,
      !c.request && !c.response ? h("p", { class: "note" }, t("bodiesHidden")) : null)),
  });
  return {
    element: h("div", null, filter, list, empty),
    draw: coalesce(() => {
      if (filter.children.length !== state.about.apis.length + 1) {
        filter.replaceChildren(h("option", { value: "" }, t("everyAPI")), ...state.about.apis.map((a) => h("option", { value: a }, a)));
        filter.value = state.api;
      }
      keyed(list, state.calls.map(row));
      empty.hidden = state.calls.length > 0;
    }),
  };
}

/** A switch: a checkbox that says so. */
function toggle(label, changed) {
  const input = h("input", { type: "checkbox", role: "switch", on: { change: () => changed(input.checked) } });
  return { input, element: h("label", { class: "switch" }, input, h("span", { class: "track", "aria-hidden": "true" }), h("span", null, label)) };
}

/** A number that is sent when one changes it. */
function sentNumber(label, name) {
  const input = numberInput(0, 1000000, { on: { change: () => input.reportValidity() && post("switches", { [name]: Number(input.value) }) } });
  return { element: field(label, input), draw: (value) => { if (document.activeElement !== input) input.value = value; } };
}

function faults() {
  const rows = new Map();
  const built = h("div");
  const permissions = new Map();
  const permissionBox = h("div", { class: "switches" });
  const build = () => {
    built.replaceChildren(...stages.map((kinds, i) => h("fieldset", { class: "faults" }, h("legend", null, t("stage" + i)), kinds.map((k) => {
      const r = faultRow(k);
      rows.set(k, r);
      return r.element;
    }))));
  };
  const events = new Map();
  const eventBox = h("div", { class: "switches" });
  const refuse = toggle(t("refuseGateway"), (on) => post("switches", { refuseGateway: on }));
  const mute = toggle(t("muteWebhooks"), (on) => post("switches", { muteWebhooks: on }));
  const publicTemplate = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema";
  const cardReads = toggle(t("cardReads"), (on) => post("switches", { cardReads: on }));
  const cardTemplate = toggle(t("cardTemplate"), (on) => post("switches", { templates: { [publicTemplate]: on ? "published" : "missing" } }));
  const cardLong = toggle(t("cardLong"), (on) => post("switches", { cardValueBytes: on ? -1 : 1024 }));
  const duplicate = sentNumber(t("duplicate"), "duplicate");
  const lose = sentNumber(t("lose"), "lose");
  const quotaCalls = sentNumber(t("quotaCalls"), "callsPerMonth");
  const quotaPushes = sentNumber(t("quotaPushes"), "pushesPerMonth");
  const action = (word, what) => h("button", { type: "button", class: "small", on: { click: async () => { if (await post("actions", { do: what })) toast(`${t(word)}: ${t("done")}`); } } }, t(word));
  const all = toggle(t("allEvents"), (on) => post("switches", { events: Object.fromEntries(state.about.eventTypes.map((e) => [e, on])) }));
  const buildEvents = () => {
    eventBox.replaceChildren(all.element, ...state.about.eventTypes.map((e) => {
      const s = toggle(e, (on) => post("switches", { events: { [e]: on } }));
      events.set(e, s.input);
      return s.element;
    }));
  };
  const buildPermissions = (all) => {
    permissionBox.replaceChildren(...Object.keys(all).map((name) => {
      const s = toggle(name, (granted) => post("switches", { permissions: { [name]: granted } }));
      permissions.set(name, s.input);
      return s.element;
    }));
  };
  return {
    element: h("div", { class: "fault-panel" },
      h("div", { class: "panel-head" }, h("h3", null, t("apiFaults")), h("button", { type: "button", class: "small", on: { click: () => post("faults/clear", {}) } }, t("clearFaults"))), built,
      h("h3", null, t("pushFaults")), h("div", { class: "grid" }, duplicate.element, lose.element), h("div", { class: "switches" }, refuse.element, mute.element),
      h("fieldset", null, h("legend", null, t("events")), eventBox),
      h("fieldset", null, h("legend", null, t("permissions")), permissionBox),
      h("fieldset", null, h("legend", null, t("cards")), h("div", { class: "switches" }, cardReads.element, cardTemplate.element, cardLong.element)),
      h("h3", null, t("quotas")), h("div", { class: "grid" }, quotaCalls.element, quotaPushes.element),
      h("h3", null, t("atOnce")), h("div", { class: "buttons" }, action("disconnectAll", "disconnect"), action("dropAll", "drop"), action("ping", "ping"), action("expireTokens", "expireTokens"), action("expireWebhooks", "expireWebhooks"))),
    draw: coalesce(() => {
      const s = state.status;
      if (!s) return;
      if (!rows.size) build();
      if (events.size !== state.about.eventTypes.length) buildEvents();
      if (!permissions.size) buildPermissions(s.permissions);
      for (const [name, input] of permissions) input.checked = s.permissions[name];
      for (const [kind, r] of rows) r.draw(s.faults.filter((f) => f.kind === kind));
      for (const [e, input] of events) input.checked = s.events[e];
      all.input.checked = Object.values(s.events).every(Boolean);
      cardReads.input.checked = s.cardReads;
      cardTemplate.input.checked = s.templates.includes(publicTemplate);
      cardLong.input.checked = s.cardValueBytes < 0 || s.cardValueBytes > 1024;
      refuse.input.checked = s.refuseGateway;
      mute.input.checked = s.muteWebhooks;
      duplicate.draw(s.duplicate);
      lose.draw(s.lose);
      quotaCalls.draw(s.callsPerMonth);
      quotaPushes.draw(s.pushesPerMonth);
    }),
  };
}

/** One kind of fault: its switch, and its parameters under it. */
function faultRow(kind) {
  const apis = stages[3].includes(kind) ? paging : state.about.apis;
  const api = h("select", null, h("option", { value: "" }, t("everyAPI")), apis.map((a) => h("option", { value: a }, a)));
  const times = numberInput(0, 1000000);
  const skip = numberInput(0, 1000000);
  const extra = {
    delay: numberInput(kind === "slow" ? 5 : 10, 60, { step: "any" }), size: numberInput(1, 1000), status: numberInput(0, 599),
    code: h("input", { maxlength: 200 }), message: h("input", { maxlength: 200 }),
  };
  const words = { delay: "faultDelay", size: "faultSize", status: "faultStatus", code: "faultCode", message: "faultMessage" };
  const mine = parameters[kind] || [];
  const inject = () => {
    const body = { kind, api: api.value, times: Number(times.value), skip: Number(skip.value) };
    for (const name of mine) body[name] = extra[name].type === "number" ? Number(extra[name].value) : extra[name].value;
    return post("faults", body);
  };
  const s = toggle(t(kind), async (on) => {
    const ok = on ? await inject() : await post("faults/clear", { kinds: [kind] });
    if (!ok) s.input.checked = !on;
  });
  const left = h("span", { class: "left" });
  const again = (e) => { if (s.input.checked && e.target.reportValidity()) inject(); };
  const element = h("div", { class: "fault", dataset: { fault: kind } }, h("div", { class: "fault-line" }, s.element, left),
    h("details", { on: { change: again } }, h("summary", null, t("parameters")),
      h("div", { class: "grid" }, field(t("faultAPI"), api), field(t("faultTimes"), times), field(t("faultSkip"), skip), mine.map((name) => field(t(words[name]), extra[name])))));
  return {
    element,
    draw(active) {
      const f = active[0];
      s.input.checked = Boolean(f);
      left.textContent = !f ? "" : (f.times ? t("hits", { n: f.times }) : t("forever")) + (f.api ? ` · ${f.api}` : "");
      element.classList.toggle("active", Boolean(f));
    },
  };
}

function violations() {
  const list = h("ul", { class: "entries", "aria-label": t("violations") });
  const empty = h("p", { class: "empty" }, t("noViolations"));
  return {
    element: h("div", null, list, empty),
    draw: coalesce(async () => {
      const got = await ask("violations").catch(() => null);
      if (!got) return;
      keyed(list, got.violations.map((v, i) => ({ key: `${got.violations.length - i}`, sig: v.at + v.what, make: () => h("li", null, h("time", { datetime: v.at }, clockSeconds(v.at)), h("b", null, v.api), h("p", null, v.what)) })));
      empty.hidden = got.violations.length > 0;
    }),
  };
}

function connections() {
  const list = h("ul", { class: "entries", "aria-label": t("connections") });
  const empty = h("p", { class: "empty" }, t("noConnections"));
  const acks = h("ul", { class: "entries", "aria-label": t("acks") });
  const act = (word, what, c) => h("button", { type: "button", class: "small", on: { click: () => post("actions", { do: what, connections: [c.id] }) } }, t(word));
  return {
    element: h("div", null, list, empty, h("h3", null, t("acks")), acks),
    draw: coalesce(async () => {
      const open = state.status?.connections || [];
      keyed(list, open.map((c) => ({
        key: c.id, sig: "", make: () => h("li", null, h("b", { title: c.id }, c.userAgent || c.id.slice(0, 8)), h("small", null, `${t("since", { time: clockSeconds(c.since) })} · ${c.localIp || c.id.slice(0, 8)}`),
          h("small", null, (c.subscriptions || []).join(", ")), h("div", { class: "buttons" }, act("disconnect", "disconnect", c), act("drop", "drop", c))),
      })));
      empty.hidden = open.length > 0;
      const got = await ask("acks").catch(() => null);
      if (!got) return;
      keyed(acks, got.acks.map((a) => ({
        key: a.messageId, sig: "", make: () => h("li", null, h("time", { datetime: a.at }, clockSeconds(a.at)), h("b", null, a.eventType || a.topic || a.type),
          h("small", null, `${a.type} · ${a.code} · ${t("attempt", { n: a.attempt })}`)),
      })));
    }),
  };
}
