// The frame of the page: a list of chats, the open chat, and a drawer of tools.

import { begin, emit, on, open, openGroup, state } from "./state.js";
import { h, toast } from "./dom.js";
import { lang, setLang, t } from "./words.js";
import { side } from "./side.js";
import { chat } from "./chat.js";
import { drawer } from "./drawer.js";

const app = document.getElementById("app");

/** Builds everything in the language chosen. Listeners of the page before are dropped with it: the page is loaded anew. */
function build() {
  document.documentElement.lang = lang() === "zh" ? "zh-CN" : "en";
  const tools = drawer();
  app.replaceChildren(
    h("a", { class: "skip", href: "#composer", on: { click: (e) => { e.preventDefault(); document.getElementById("composer")?.focus(); } } }, t("skip")),
    h("div", { class: "notice" }, h("strong", null, t("notDingTalk")), h("span", { class: "lost", role: "alert", hidden: true })),
    h("div", { class: "panes" }, side({ changeLanguage }), chat({ toggleTools: tools.toggle, back: () => { location.hash = ""; } }), tools.element),
  );
  on("live", () => {
    const lost = app.querySelector(".lost");
    lost.hidden = state.live;
    lost.textContent = state.live ? "" : t("lost");
  });
  const retitle = () => {
    const unread = state.groups.reduce((n, g) => n + g.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ""}${openGroup()?.title || state.about.bot} · ${t("notDingTalkShort")}`;
    document.body.classList.toggle("in-chat", Boolean(openGroup()));
  };
  on("groups", retitle);
  on("group", retitle);
  // A chat that is not there for whom one has become is closed: its address must go too, so that it can be opened again.
  on("closed", () => history.replaceState(null, "", location.pathname));
}

function changeLanguage() {
  setLang(lang() === "zh" ? "en" : "zh");
  location.reload();
}

function followHash() {
  const m = /^#g=(.*)$/.exec(location.hash);
  let id = "";
  try {
    id = m ? decodeURIComponent(m[1]) : "";
  } catch {
    // A broken address opens nothing.
  }
  open(id);
}

build();
addEventListener("hashchange", followHash);
let first = true;
on("groups", () => {
  if (!first || !state.groups.length) return;
  first = false;
  // At phone width one begins with the list.
  const mine = state.groups.find((g) => g.member && g.kind !== "direct");
  if (!location.hash && mine && matchMedia("(min-width: 761px)").matches) location.replace("#g=" + encodeURIComponent(mine.id));
});
followHash();
begin().then(() => emit("me", "groups", "group"), (e) => toast(e.message, "error"));
