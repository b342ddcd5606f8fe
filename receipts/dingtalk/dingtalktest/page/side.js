// The left side: who one is, the chats, and the clock.

import { on, openGroup, state } from "./state.js";
import { avatar, botAvatar, coalesce, h, icon, iconButton, keyed } from "./dom.js";
import { clockTime, lang, t } from "./words.js";
import { choosePerson, newGroup } from "./dialogs.js";
import { clock } from "./clock.js";

const shown = 200; // chats in the list at once

export function side({ changeLanguage }) {
  const me = h("button", { type: "button", class: "me", on: { click: choosePerson } });
  const search = h("input", { type: "search", class: "search", placeholder: t("searchGroups"), "aria-label": t("searchGroups"), on: { input: () => draw() } });
  const mine = h("ul", { class: "chats", "aria-label": t("myGroups") });
  const others = h("ul", { class: "chats" , "aria-label": t("otherGroups") });
  const othersTitle = h("h2", null, t("otherGroups"));
  const empty = h("p", { class: "empty" }, t("noGroups"));

  const drawMe = () => {
    const who = state.me;
    me.replaceChildren(
      who ? avatar(who.unionId, who.name) : h("span", { class: "avatar c0" }, "?"),
      h("span", { class: "me-name" }, h("small", null, t("youAre")), h("b", { title: who?.name }, who ? who.name : t("nobody"))),
      ...(who ? tags(who) : []), icon("down"));
    me.setAttribute("aria-label", `${t("youAre")}: ${who ? who.name : t("nobody")}. ${t("choosePerson")}`);
  };

  const draw = coalesce(() => {
    const wanted = search.value.trim().toLowerCase();
    const list = state.groups.filter((g) => titleOf(g).toLowerCase().includes(wanted));
    const recent = (a, b) => (b.kind === "direct") - (a.kind === "direct") || (b.last ? Date.parse(b.last.at) : 0) - (a.last ? Date.parse(a.last.at) : 0);
    const items = (groups) => groups.slice(0, shown).map((g) => ({
      key: g.id,
      sig: JSON.stringify([g.title, g.unread, g.mentioned, g.last?.id, g.last?.status, g.members, g.disbanded, g.id === state.group, g.member]),
      make: () => h("li", null, chatButton(g)),
    }));
    const inside = list.filter((g) => g.member).sort(recent);
    const outside = list.filter((g) => !g.member);
    keyed(mine, items(inside));
    keyed(others, items(outside));
    othersTitle.hidden = others.hidden = !outside.length;
    empty.hidden = !state.loaded || state.groups.some((g) => g.kind !== "direct");
    search.hidden = state.groups.length < 8 && !search.value;
  });
  on("me", () => { drawMe(); draw(); });
  on("groups", draw);
  drawMe();

  return h("nav", { class: "side", "aria-label": t("groups") },
    h("div", { class: "side-top" }, me, h("button", { type: "button", class: "language", lang: lang() === "zh" ? "en" : "zh-CN", on: { click: changeLanguage } }, t("language"))),
    h("div", { class: "side-head" }, h("h2", null, t("myGroups")), iconButton("plus", t("newGroup"), newGroup)),
    search, h("div", { class: "side-list" }, mine, othersTitle, others, empty), clock());
}

export function tags(who) {
  return [
    who.admin && h("span", { class: "tag" }, t("admin")),
    who.outside && h("span", { class: "tag outside" }, t("outside")),
  ].filter(Boolean);
}

export function titleOf(g) { return g.kind === "direct" ? state.about.bot : g.title; }

function chatButton(g) {
  const title = titleOf(g);
  const last = g.last;
  const preview = !last ? "" : (last.via === "client" ? (g.kind === "direct" ? "" : last.from.name + ": ") : g.kind === "direct" ? "" : state.about.bot + ": ") +
    (last.text || kindWord(last.type));
  const label = [title, g.disbanded && t("disbandedTag"), g.unread && t("unread", { n: g.unread }), preview].filter(Boolean).join(", ");
  return h("button", {
    type: "button", class: "chat-button", "aria-label": label, "aria-current": g.id === openGroup()?.id && "true", dataset: { focus: "chat", group: g.id },
    on: { click: () => { location.hash = "#g=" + encodeURIComponent(g.id); } },
  },
  g.kind === "direct" ? botAvatar() : avatar(g.id, title, "square"),
  h("span", { class: "chat-text" },
    h("span", { class: "chat-line" }, h("b", { title }, title), last && h("time", null, clockTime(last.at))),
    h("span", { class: "chat-line" },
      h("span", { class: "preview" }, g.mentioned && h("em", null, t("mentionedYou") + " "), g.disbanded ? t("disbandedTag") : preview || (g.kind === "direct" ? t("direct") : t("membersN", { n: g.members }))),
      g.unread ? h("span", { class: "badge" }, g.unread > 99 ? "99+" : g.unread) : null)));
}

export function kindWord(type) {
  return { sampleImageMsg: t("picture"), picture: t("picture"), sampleFile: t("file"), sampleAudio: t("audio"), sampleVideo: t("video") }[type] || "";
}
