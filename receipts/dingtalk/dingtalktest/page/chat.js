// The open chat: its messages, and the box to say something.

import { ask, loadEarlier, on, openGroup, post, state, trim } from "./state.js";
import { avatar, botAvatar, coalesce, debounce, h, icon, iconButton, keyed } from "./dom.js";
import { day, t } from "./words.js";
import { fromBot, isMine, lineOf, messageElement, signature } from "./message.js";
import { groupSettings } from "./dialogs.js";
import { titleOf } from "./side.js";

const nearBottom = 90; // pixels

export function chat({ toggleTools, back }) {
  const title = h("h1");
  const count = h("button", { type: "button", class: "count", on: { click: () => groupSettings() } });
  const settings = iconButton("people", t("groupSettings"), () => groupSettings());
  const banner = h("div", { class: "banner", hidden: true });
  const earlier = h("button", { type: "button", class: "earlier", hidden: true, on: { click: () => loadEarlier() } }, t("earlier"));
  const list = h("div", { class: "messages" });
  const nothing = h("p", { class: "empty", hidden: true }, t("noMessages"));
  const log = h("div", { class: "log", role: "log", tabindex: 0, "aria-label": t("messages"), "aria-live": "polite", "aria-relevant": "additions" }, earlier, nothing, list);
  const above = h("button", { type: "button", class: "jump above", hidden: true, on: { click: () => toUnread() } }, icon("up"), h("span"));
  const below = h("button", { type: "button", class: "jump below", hidden: true, on: { click: () => toBottom() } }, icon("down"), t("newBelow"));
  const box = composer();

  let nodes = new Map(); // by message
  let bottom = true; // one follows the newest message
  let newest = "";
  let group = "";

  const toBottom = () => { log.scrollTop = log.scrollHeight; };
  log.addEventListener("scroll", () => {
    bottom = log.scrollHeight - log.scrollTop - log.clientHeight < nearBottom;
    if (bottom) { below.hidden = true; trim(); }
    drawAbove();
  }, { passive: true });

  const jump = (id) => {
    const node = nodes.get(id);
    if (!node) return;
    node.scrollIntoView({ block: "center" });
    node.classList.add("flash");
    setTimeout(() => node.classList.remove("flash"), 1500);
  };

  // Reading: a message is read when enough of it was on the screen, by whoever one is.
  const waiting = new Set();
  const readNow = debounce(async () => {
    const g = openGroup();
    if (!g?.member || g.disbanded || document.visibilityState !== "visible") return;
    const ids = [...waiting];
    waiting.clear();
    if (ids.length) await post("read", { group: g.id, person: state.me.unionId, messages: ids.slice(0, 500) });
  }, 150);
  const look = (node) => {
    const m = state.messages.find((known) => known.id === node.dataset.message);
    if (m && !m.seen && m.status !== "RECALLED") { waiting.add(m.id); readNow(); }
  };
  const onScreen = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const e of entries) {
      if (e.isIntersecting && (e.intersectionRatio >= 0.5 || e.intersectionRect.height > 80)) { onScreen.add(e.target); look(e.target); }
      else onScreen.delete(e.target);
    }
    drawAbove();
  }, { root: log, threshold: [0, 0.1, 0.25, 0.5, 0.75] });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") onScreen.forEach(look); });

  const unreadAbove = () => state.messages.filter((m) => !m.seen && m.status !== "RECALLED");
  const drawAbove = coalesce(() => {
    const g = openGroup();
    const n = g?.member ? g.unread - waiting.size : 0;
    // What is unread below is what came while one was looking at something older.
    const top = log.getBoundingClientRect().top;
    const some = state.more || unreadAbove().some((m) => {
      const node = nodes.get(m.id);
      return node && node.getBoundingClientRect().bottom < top + 40;
    });
    above.hidden = !(n > 0 && some && nodes.size);
    above.lastElementChild.textContent = t("unreadAbove", { n });
  });
  const toUnread = async () => {
    for (let i = 0; state.more && i < 4 && state.messages[0] && !state.messages[0].seen; i++) await loadEarlier();
    const target = unreadAbove()[0];
    requestAnimationFrame(() => { if (target) jump(target.id); else log.scrollTop = 0; });
  };

  const drawMessages = coalesce(() => {
    const fresh = group !== state.group + (state.me?.unionId || "");
    if (fresh) {
      group = state.group + (state.me?.unionId || "");
      list.replaceChildren();
      observer.disconnect();
      nodes = new Map();
      onScreen.clear();
      waiting.clear();
      bottom = true;
      newest = "";
    }
    const items = [];
    let date = "";
    for (const m of state.messages) {
      const d = day(m.at);
      if (d !== date) items.push({ key: "day " + d + m.id, sig: d, make: () => h("div", { class: "day" }, h("span", null, d)) });
      date = d;
      items.push({ key: m.id, sig: signature(m), make: () => { const n = messageElement(m, { choose: box.quote, jump }); observer.observe(n); return n; } });
    }
    const height = log.scrollHeight;
    const at = log.scrollTop;
    const oldest = nodes.keys().next().value;
    keyed(list, items);
    const before = nodes;
    nodes = new Map([...list.children].filter((n) => n.dataset.message).map((n) => [n.dataset.message, n]));
    for (const [id, n] of before) if (nodes.get(id) !== n) { observer.unobserve(n); onScreen.delete(n); }
    for (const m of state.messages) nodes.get(m.id).update(m);
    earlier.hidden = !state.more;
    nothing.hidden = state.messages.length > 0;
    const lastMessage = state.messages.at(-1);
    const came = lastMessage && lastMessage.id !== newest;
    if (bottom || (came && newest && isMine(lastMessage))) toBottom();
    else if (oldest && oldest !== state.messages[0]?.id) log.scrollTop = at + log.scrollHeight - height; // older ones came above
    else if (came && newest) below.hidden = false;
    newest = lastMessage?.id || "";
    onScreen.forEach(look);
    drawAbove();
  });
  // Pictures that arrive late make the log longer.
  log.addEventListener("load", () => { if (bottom) toBottom(); }, true);
  new ResizeObserver(() => { if (bottom) toBottom(); }).observe(log);

  const drawHead = () => {
    const g = openGroup();
    pane.classList.toggle("none", !g);
    pane.classList.toggle("loading", !state.loaded);
    if (!g) return;
    title.textContent = title.title = titleOf(g);
    count.hidden = settings.hidden = g.kind === "direct";
    count.textContent = t("membersN", { n: g.members });
    const notes = [
      g.disbanded ? t("disbanded") : !g.member ? t("notMember") : null,
      !g.disbanded && !g.botIn ? t("botGone") : !g.disbanded && !g.botOn ? t("botStopped") : null,
    ].filter(Boolean);
    banner.hidden = !notes.length;
    banner.replaceChildren(h("span", null, notes.join(" ")),
      !g.disbanded && !g.member && state.me ? h("button", { type: "button", class: "small primary", on: { click: () => post("members", { group: g.id, do: "join", person: state.me.unionId }) } }, t("join")) : "");
    box.enable(g.member && !g.disbanded && Boolean(state.me), g);
    drawMessages();
  };
  on("group", drawHead);
  on("groups", drawAbove);
  on("me", drawHead);
  on("messages", drawMessages);

  const pane = h("main", { class: "chat none loading" },
    h("header", { class: "chat-head" },
      iconButton("back", t("back"), back, { class: "icon-button back" }), h("div", { class: "chat-title" }, title, count), settings,
      iconButton("tools", t("tools"), toggleTools, { id: "tools-button", class: "icon-button" })),
    h("p", { class: "pick" }, t("pickGroup")),
    banner, h("div", { class: "log-box" }, log, above, below), box.element);
  return pane;
}

/** The box to say something in, with names suggested after @. */
function composer() {
  const text = h("textarea", { id: "composer", rows: 1, maxlength: 20000, "aria-describedby": "composer-hint", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "mention-list" });
  const names = h("ul", { id: "mention-list", class: "suggestions", role: "listbox", "aria-label": t("suggestions"), hidden: true });
  const quoteBar = h("div", { class: "quote-bar", hidden: true });
  const sendButton = h("button", { type: "submit", class: "primary send", "aria-label": t("send") }, icon("send"), h("span", null, t("send")));
  let quoted = null;
  let mentioned = []; // people chosen from the suggestions
  let offered = [];
  let active = 0;
  const drafts = new Map();
  let group = "";

  const grow = () => {
    text.style.height = "auto";
    text.style.height = Math.min(text.scrollHeight, 160) + "px";
  };

  const hide = () => {
    names.hidden = true;
    offered = [];
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  };

  /** The @ that is being typed before the caret: {from, word}. */
  const typing = () => {
    const before = text.value.slice(0, text.selectionStart);
    const m = /(^|[^\w])@([^\s@]{0,30})$/.exec(before);
    return m && { from: before.length - m[2].length - 1, word: m[2] };
  };

  const suggest = debounce(async () => {
    const at = typing();
    const g = openGroup();
    if (!at || !g) return hide();
    const bot = { bot: true, name: state.about.bot };
    let people = [];
    if (g.kind !== "direct") {
      const got = await ask("people", { group: g.id, members: "1", q: at.word, limit: 8 }).catch(() => ({ people: [] }));
      people = got.people.filter((p) => p.unionId !== state.me?.unionId);
    }
    const now = typing();
    if (!now || now.word !== at.word) return undefined;
    offered = [...(bot.name.toLowerCase().startsWith(at.word.toLowerCase()) ? [bot] : []), ...people];
    // A name that is there in full is no question any more.
    if (!offered.length || (offered.length === 1 && offered[0].name === at.word)) return hide();
    active = 0;
    drawNames();
    return undefined;
  }, 60);

  const drawNames = () => {
    names.replaceChildren(...offered.map((p, i) => h("li", {
      id: `mention-${i}`, role: "option", "aria-selected": String(i === active), on: { mousedown: (e) => { e.preventDefault(); take(p); } },
    }, p.bot ? botAvatar() : avatar(p.unionId, p.name), h("span", null, p.name), p.bot ? h("span", { class: "tag bot" }, t("bot")) : null)));
    names.hidden = false;
    text.setAttribute("aria-expanded", "true");
    text.setAttribute("aria-activedescendant", `mention-${active}`);
    names.children[active].scrollIntoView({ block: "nearest" });
  };

  const take = (p) => {
    const at = typing();
    if (at) text.setRangeText(`@${p.name} `, at.from, text.selectionStart, "end");
    if (!p.bot) mentioned.push(p);
    hide();
    grow();
  };

  const mentionBot = () => {
    const at = text.selectionStart;
    const space = at > 0 && !/\s/.test(text.value[at - 1]) ? " " : "";
    text.setRangeText(`${space}@${state.about.bot} `, at, text.selectionEnd, "end");
    grow();
    text.focus();
  };

  const drawQuote = () => {
    quoteBar.hidden = !quoted;
    if (quoted) {
      quoteBar.replaceChildren(icon("quote"), h("span", null, h("b", null, t("quoting", { name: fromBot(quoted) ? state.about.bot : quoted.from.name })), " ", lineOf(quoted)),
        iconButton("close", t("dropQuote"), () => { quote(null); }));
    }
  };

  const quote = (m) => {
    quoted = m;
    drawQuote();
    text.focus();
  };

  const say = async (extra) => {
    const g = openGroup();
    const value = text.value;
    if (!g || (!value.trim() && !extra)) return;
    const at = mentioned.filter((p) => value.includes("@" + p.name)).map((p) => p.unionId);
    const said = await post("say", { group: g.id, person: state.me.unionId, text: extra ? "" : value, at: [...new Set(at)], quote: quoted?.id || "", ...extra });
    if (!said) return; // it stays to be tried again
    if (!extra && text.value === value) { text.value = ""; mentioned = []; }
    quoted = null;
    drawQuote();
    hide();
    grow();
  };

  text.addEventListener("input", () => { grow(); suggest(); });
  text.addEventListener("blur", hide);
  text.addEventListener("keydown", (e) => {
    if (e.isComposing) return; // Enter ends the word of an input method
    if (offered.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) {
        e.preventDefault();
        active = (active + step + offered.length) % offered.length;
        drawNames();
        return;
      }
      if (e.key === "Enter" || e.key === "Tab") { e.preventDefault(); take(offered[active]); return; }
      if (e.key === "Escape") { e.preventDefault(); hide(); return; }
    }
    if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); say(); }
    else if (e.key === "Escape" && quoted) quote(null);
  });

  const picture = iconButton("picture", t("sendPicture"), () => say({ picture: true }));
  const mention = h("button", { type: "button", class: "icon-button at", "aria-label": t("mentionBot"), title: t("mentionBot"), on: { click: mentionBot } }, "@");
  const element = h("form", { class: "composer", on: { submit: (e) => { e.preventDefault(); say(); } } },
    quoteBar, names, h("div", { class: "composer-row" }, mention, picture, text, sendButton), h("small", { id: "composer-hint" }, t("sayHint")));

  return {
    element, quote,
    enable(on, g) {
      if (g.id !== group) {
        drafts.set(group, text.value);
        text.value = drafts.get(g.id) || "";
        drafts.delete(g.id);
        group = g.id;
        mentioned = [];
        quoted = null;
        drawQuote();
        hide();
      }
      for (const n of [text, sendButton, picture, mention]) n.disabled = !on;
      mention.hidden = g.kind === "direct";
      text.placeholder = t(g.kind === "direct" ? "sayDirect" : "say", { bot: state.about.bot });
      text.setAttribute("aria-label", text.placeholder);
    },
  };
}
