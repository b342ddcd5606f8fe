// The dialogs: whom to be, a new group, a group and its members, and the truth about a message.

import { ask, become, on, openGroup, post, state } from "./state.js";
import { avatar, debounce, dialog, field, h, keyed, numberInput, toast } from "./dom.js";
import { clockSeconds, lang, number, t } from "./words.js";
import { tags, titleOf } from "./side.js";

const pageOf = 50;

/** A list that is asked for page by page: question(offset) gives {items, total}, row(item) {key, sig, make}. */
function pagedList(question, row, label) {
  const list = h("ul", { class: "people", "aria-label": label });
  const more = h("button", { type: "button", class: "link", on: { click: () => draw(shown + pageOf) } }, t("more"));
  const nothing = h("p", { class: "empty" }, t("nothing"));
  let shown = pageOf;
  let turn = 0;
  const draw = async (n = shown) => {
    shown = n;
    const mine = ++turn;
    const items = [];
    let total = 0;
    while (items.length < n) {
      const got = await question(items.length, Math.min(200, n - items.length)).catch(() => null);
      if (!got || mine !== turn) return;
      items.push(...got.items);
      total = got.total;
      if (!got.items.length || items.length >= total) break;
    }
    keyed(list, items.map(row));
    more.hidden = items.length >= total;
    nothing.hidden = items.length > 0;
  };
  return { element: h("div", { class: "paged" }, list, nothing, more), draw, reset: () => draw(pageOf) };
}

function searchField(changed) {
  return h("input", { type: "search", class: "search", placeholder: t("search"), "aria-label": t("search"), on: { input: debounce(changed, 120) } });
}

function personRow(p, ...extra) {
  return [avatar(p.unionId, p.name), h("span", { class: "person-name", title: p.name }, p.name), ...tags(p), ...extra];
}

/** Listens to a topic while the dialog is open. */
function whileOpen(box, topic, f) {
  on(topic, () => { if (box.open) f(); });
}

export function choosePerson() {
  let wanted = "";
  const list = pagedList(
    async (offset, limit) => {
      const got = await ask("people", { q: wanted, offset, limit, group: state.group });
      return { items: got.people, total: got.total };
    },
    (p) => ({
      key: p.unionId, sig: JSON.stringify([p, p.unionId === state.me?.unionId]),
      make: () => h("li", null, h("button", { type: "button", class: "row", "aria-current": p.unionId === state.me?.unionId && "true", on: { click: () => { box.close(); become(p); } } }, personRow(p))),
    }), t("choosePerson"));
  const name = h("input", { required: true, maxlength: 200, autocomplete: "off" });
  const admin = h("input", { type: "checkbox" });
  const outside = h("input", { type: "checkbox" });
  const form = h("form", {
    class: "form", on: {
      submit: async (e) => {
        e.preventDefault();
        const p = await post("people", { name: name.value, admin: admin.checked, outside: outside.checked });
        if (p) { box.close(); become(p); }
      },
    },
  }, field(t("name"), name), h("label", { class: "check" }, admin, t("isAdmin")), h("label", { class: "check" }, outside, t("isOutside")), h("button", { class: "primary" }, t("add")));
  const box = dialog(t("choosePerson"), t("close"), searchField((e) => { wanted = e.target.value; list.reset(); }), list.element, h("details", { open: !state.me }, h("summary", null, t("newPerson")), form));
  list.draw();
}

/** The fields that make people up. */
function crowdFields(people, read, over) {
  const n = numberInput(people, 20000);
  const out = numberInput(0, 20000);
  const r = numberInput(read, 20000);
  const s = numberInput(over, 3600, { step: "any" });
  return {
    element: h("fieldset", null, h("legend", null, t("crowd")), h("div", { class: "grid" }, field(t("crowdPeople"), n), field(t("crowdOutside"), out), field(t("crowdRead"), r), field(t("crowdSeconds"), s))),
    value: () => ({ people: Number(n.value), outside: Number(out.value), read: Number(r.value), seconds: Number(s.value), english: lang() !== "zh" }),
  };
}

export function newGroup() {
  const title = h("input", { required: true, maxlength: 200, autocomplete: "off" });
  const kind = h("select", null, ["Scene", "Plain", "CoolApp", "Chat"].map((k) => h("option", { value: k.replace(/^./, (c) => c.toLowerCase()) }, t("kind" + k))));
  const history = h("input", { type: "checkbox" });
  const names = h("input", { maxlength: 5000, autocomplete: "off" });
  const crowd = crowdFields(0, 0, 60);
  const form = h("form", {
    class: "form", on: {
      submit: async (e) => {
        e.preventDefault();
        const made = await post("groups", {
          title: title.value, kind: kind.value, showHistory: history.checked, people: state.me ? [state.me.unionId] : [],
          names: names.value.split(/[,，、]/).map((n) => n.trim()).filter(Boolean), crowd: crowd.value(),
        });
        if (!made) return;
        box.close();
        location.hash = "#g=" + encodeURIComponent(made.id);
      },
    },
  }, field(t("title"), title), field(t("names"), names, t("namesHint")), crowd.element, field(t("kind"), kind), h("label", { class: "check" }, history, t("showHistory")), h("button", { class: "primary" }, t("create")));
  const box = dialog(t("newGroup"), t("close"), form);
}

export function groupSettings() {
  const group = state.group;
  const me = () => state.me?.unionId || "";
  const change = (body) => post("group", { group, person: me(), ...body });
  const button = (word, click, kind) => h("button", { type: "button", class: `small ${kind || ""}`, on: { click } }, t(word));
  let wanted = "";
  const list = pagedList(
    async (offset, limit) => {
      const got = await ask("people", { group, members: "1", q: wanted, offset, limit });
      return { items: got.people, total: got.total };
    },
    (p) => ({
      key: p.unionId, sig: JSON.stringify(p),
      make: () => h("li", { class: "row" }, personRow(p),
        h("button", { type: "button", class: "small", "aria-label": `${t("remove")}: ${p.name}`, on: { click: () => post("members", { group, do: "remove", person: me(), people: [p.unionId] }) } }, t("remove"))),
    }), t("members"));

  const head = h("div", { class: "form" });
  const crowd = crowdFields(10, 0, 60);
  const add = h("form", {
    class: "form", on: {
      submit: async (e) => {
        e.preventDefault();
        if (await post("crowd", { group, ...crowd.value() })) toast(t("done"));
      },
    },
  }, crowd.element, h("button", { class: "primary" }, t("add")));

  let sig = "";
  const draw = () => {
    const g = openGroup();
    if (!g || g.id !== group) { box.close(); return; }
    const now = JSON.stringify([g.title, g.members, g.member, g.disbanded, g.botIn, g.botOn, g.readers, g.readWithin, me()]);
    if (now === sig) return;
    sig = now;
    box.querySelector("h2").textContent = titleOf(g);
    const title = h("input", { value: g.title, maxlength: 200, required: true, "aria-label": t("title") });
    head.replaceChildren(
      h("form", { class: "inline", on: { submit: (e) => { e.preventDefault(); change({ do: "rename", title: title.value }); } } }, title, h("button", { class: "small" }, t("rename"))),
      ...(g.disbanded ? [h("p", null, t("disbanded"))] : [
        h("div", { class: "buttons" },
          g.member ? button("leave", () => confirm(t("reallyLeave")) && post("members", { group, do: "leave", person: me() }))
            : button("join", () => post("members", { group, do: "join", person: me() }), "primary"),
          g.botIn ? [button(g.botOn ? "stopBot" : "startBot", () => change({ do: g.botOn ? "stopBot" : "startBot" })), button("removeBot", () => change({ do: "removeBot" }))]
            : button("addBot", () => change({ do: "addBot" })),
          button("disband", () => confirm(t("reallyDisband")) && change({ do: "disband" }), "danger")),
        g.readers ? h("p", { class: "habit" }, t("habit", { n: number(g.readers), s: number(g.readWithin) }), " ", button("stopReading", () => change({ do: "stopReading" }))) : "",
      ]));
    add.hidden = g.disbanded;
    list.draw();
  };
  const g = openGroup();
  const box = dialog(titleOf(g), t("close"), head, h("details", null, h("summary", null, t("addPeople")), add),
    h("h3", null, t("members")), searchField((e) => { wanted = e.target.value; list.reset(); }), list.element);
  whileOpen(box, "group", draw);
  draw();
}

export function truth(m) {
  const group = m.groupId;
  let wanted = "";
  let side = "unread";
  const tabs = ["unread", "read"].map((name) => h("button", { type: "button", role: "tab", id: `truth-${name}`, "aria-controls": "truth-panel", on: { click: () => { side = name; list.reset(); } } }));
  const list = pagedList(
    async (offset, limit) => {
      const got = await ask("truth", { group, message: m.id, q: wanted, offset, limit, person: state.me?.unionId });
      tabs.forEach((tab, i) => {
        const name = ["unread", "read"][i];
        tab.textContent = t(name + "Tab", { n: number(got.counts[name]) });
        tab.setAttribute("aria-selected", String(name === side));
        tab.tabIndex = name === side ? 0 : -1;
      });
      return { items: got[side] || [], total: got[side + "Found"] };
    },
    (p) => ({
      key: side + p.unionId, sig: JSON.stringify(p),
      make: () => h("li", { class: "row" }, personRow(p, p.left && h("span", { class: "tag" }, t("left")), p.late && h("span", { class: "tag" }, t("late")),
        p.at ? h("time", { datetime: p.at }, clockSeconds(p.at))
          : !p.left && h("button", { type: "button", class: "small", "aria-label": `${t("reads")}: ${p.name}`, on: { click: () => post("let-read", { group, message: m.id, people: [p.unionId] }) } }, t("reads")))),
    }), t("truth"));
  arrows(tabs);
  const n = numberInput(3, 20000);
  const s = numberInput(0, 3600, { step: "any" });
  const form = h("form", {
    class: "inline wrap", on: {
      submit: async (e) => {
        e.preventDefault();
        await post("let-read", { group, message: m.id, number: Number(n.value), seconds: Number(s.value) });
      },
    },
  }, h("b", null, t("letRead")), field(t("letN"), n), field(t("letSeconds"), s), h("button", { class: "small primary" }, t("go")));
  const box = dialog(t("truth"), t("close"), h("p", { class: "note" }, t("truthNote")), h("div", { class: "tabs", role: "tablist", "aria-label": t("truth") }, tabs), form,
    searchField((e) => { wanted = e.target.value; list.reset(); }), h("div", { id: "truth-panel", role: "tabpanel" }, list.element));
  whileOpen(box, "truth", debounce(() => { if (box.open) list.draw(); }, 200));
  list.draw();
}

/** Lets the arrow keys move between tabs. */
export function arrows(tabs) {
  tabs.forEach((tab, i) => tab.addEventListener("keydown", (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const next = tabs[(i + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }));
}
