// What the page knows, and how it learns it: questions and writes over HTTP, changes over Server-Sent Events.

import { has, t } from "./words.js";
import { toast } from "./dom.js";

const api = "/_dingtalktest/api/";
const pageOf = 50; // messages asked for at once
const keepAtMost = 300; // messages kept while one follows the newest
const keepCalls = 300;

export const state = {
  about: { bot: "", apis: [], faultKinds: [], eventTypes: [] },
  status: null,
  people: 0,
  me: null, // a person
  groups: [],
  loaded: false, // groups were
  group: "", // the open one's ID
  messages: [],
  more: false, // there are older messages
  calls: [], // newest first
  api: "", // the filter of calls
  live: false,
};

const listeners = new Map(); // topic: functions

/** Calls f when something of the topic changed: me, groups, group, messages, status, calls, journal, truth, live, closed. */
export function on(topic, f) {
  listeners.set(topic, [...(listeners.get(topic) || []), f]);
}

export function emit(...topics) {
  for (const topic of topics) for (const f of listeners.get(topic) || []) f();
}

async function answerOf(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const key = "err" + (body.code || "").replace(/^./, (c) => c.toUpperCase());
  throw new Error(has(key) ? t(key) : body.error || `HTTP ${response.status}`);
}

/** Asks the server; what is undefined in the query is left out. */
export async function ask(name, query) {
  const q = new URLSearchParams(Object.entries(query || {}).filter(([, v]) => v !== undefined && v !== ""));
  return answerOf(await fetch(`${api}${name}?${q}`));
}

/** Changes something. An error is shown, and undefined returned. */
export async function post(name, body) {
  try {
    return await answerOf(await fetch(api + name, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Dingtalktest": "page" }, body: JSON.stringify(body),
    }));
  } catch (e) {
    toast(e instanceof TypeError ? t("errUnreachable") : e.message, "error");
    return undefined;
  }
}

export function mediaURL(id) { return `${api}media?id=${encodeURIComponent(id)}`; }

export function openGroup() { return state.groups.find((g) => g.id === state.group); }

const myID = () => state.me?.unionId || "";

/** Becomes the person. */
export async function become(person) {
  state.me = person;
  sessionStorage.setItem("person", person.unionId);
  state.messages = [];
  emit("me");
  listen();
}

/** Opens the group; "" closes it. */
export async function open(id) {
  if (state.group === id) return;
  state.group = id;
  state.messages = [];
  state.more = false;
  emit("group", "groups", "messages");
  if (id) await loadMessages();
}

let loads = 0; // questions under way whose answer replaces what updates change
let missed = []; // updates that came meanwhile

async function loading(f) {
  loads++;
  try {
    await f();
  } catch (e) {
    toast(e.message, "error");
  }
  if (--loads === 0) {
    const again = missed;
    missed = [];
    again.forEach(apply);
  }
}

async function loadMessages() {
  const group = state.group;
  const me = myID();
  const limit = Math.min(Math.max(state.messages.length, pageOf), 200);
  await loading(async () => {
    const got = await ask("messages", { group, person: me, limit });
    if (group !== state.group || me !== myID()) return;
    state.messages = got.messages;
    state.more = got.more;
    emit("messages");
  });
}

/** Loads a page of older messages. */
export async function loadEarlier() {
  const group = state.group;
  await loading(async () => {
    const got = await ask("messages", { group, person: myID(), before: state.messages[0]?.id, limit: pageOf });
    if (group !== state.group) return;
    const known = new Set(state.messages.map((m) => m.id));
    state.messages = [...got.messages.filter((m) => !known.has(m.id)), ...state.messages];
    state.more = got.more;
    emit("messages");
  });
}

/** Lets go of old messages, if there are many and nobody looks at them. */
export function trim() {
  if (state.messages.length > keepAtMost) {
    state.messages = state.messages.slice(-pageOf * 2);
    state.more = true;
  }
}

export async function loadCalls() {
  const filter = state.api;
  await loading(async () => {
    const got = await ask("calls", { api: filter, limit: 100 });
    if (filter !== state.api) return;
    state.calls = got.calls;
    emit("calls");
  });
}

async function loadAll() {
  await Promise.all([
    loading(async () => {
      const me = myID();
      const { groups } = await ask("groups", { person: me });
      if (me !== myID()) return;
      state.groups = groups;
      state.loaded = true;
      if (state.group && !openGroup()) {
        state.group = "";
        emit("closed");
      }
      emit("groups", "group");
    }),
    state.group ? loadMessages() : null,
    loadCalls(),
  ]);
  emit("journal");
}

/** Takes an update of the server in. */
function apply(u) {
  if (loads) missed.push(u);
  const topics = new Set(["status"]);
  const before = state.status;
  state.status = u.status;
  for (const g of u.groups || []) {
    const i = state.groups.findIndex((known) => known.id === g.id);
    if (i < 0) state.groups.push(g);
    else state.groups[i] = g;
    topics.add("groups");
    if (g.id === state.group) topics.add("group");
  }
  for (const m of u.messages || []) {
    if (m.groupId !== state.group) continue;
    if (m.status === "RECALLED") for (const reply of state.messages) if (reply.quoted?.id === m.id) reply.quoted = { ...reply.quoted, recalled: true, text: "" };
    const i = state.messages.findIndex((known) => known.id === m.id);
    if (i >= 0) state.messages[i] = m;
    else if (m.added) state.messages.push(m);
    topics.add("messages");
    topics.add("truth");
  }
  for (const c of u.calls || []) {
    if (state.calls.some((known) => known.seq === c.seq)) continue;
    if (!state.api || c.api === state.api) state.calls.unshift(c);
    topics.add("calls");
  }
  state.calls.sort((a, b) => b.seq - a.seq); // an update that is taken in again may be older than what was loaded
  state.calls.length = Math.min(state.calls.length, keepCalls);
  for (const d of u.dings || []) toast(t("ding", { bot: state.about.bot, text: d.content }), "ding");
  if (!before || before.violations !== u.status.violations || before.acks !== u.status.acks) topics.add("journal");
  emit(...topics);
}

let source;

/** Listens to what happens. The browser connects again by itself when the connection breaks, unless it was refused. */
function listen() {
  source?.close();
  const mine = new EventSource(`${api}events?person=${encodeURIComponent(myID())}`);
  source = mine;
  const setLive = (live) => {
    if (state.live === live) return;
    state.live = live;
    emit("live");
  };
  mine.addEventListener("hello", (e) => {
    const status = JSON.parse(e.data);
    if (state.status && state.status.server !== status.server) { location.reload(); return; } // nothing of before is there any more
    state.status = status;
    setLive(true);
    emit("status");
    loadAll();
  });
  mine.addEventListener("update", (e) => apply(JSON.parse(e.data)));
  mine.addEventListener("error", () => {
    setLive(false);
    if (mine.readyState === EventSource.CLOSED && source === mine) setTimeout(() => { if (source === mine) listen(); }, 2000);
  });
}

/** Learns whom one was last, or takes the first administrator, and begins to listen. */
export async function begin() {
  state.about = await ask("about");
  const known = sessionStorage.getItem("person");
  const { people } = await ask("people", { limit: 200 });
  const me = people.find((p) => p.unionId === known) || people.find((p) => p.admin) || people[0];
  if (me) await become(me);
  else listen();
}
