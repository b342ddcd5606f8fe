// One message: who, when, what, the quote above it and the strip of reads below it.

import { mediaURL, post, state } from "./state.js";
import { avatar, botAvatar, h, icon, iconButton } from "./dom.js";
import { clockTime, t } from "./words.js";
import { parse, plain, render, safeLink } from "./markdown.js";
import { tags } from "./side.js";
import { truth } from "./dialogs.js";

const folded = 4000; // characters of a text that are shown before one asks for the rest

export const fromBot = (m) => m.via !== "client";
export const isMine = (m) => !fromBot(m) && m.from.unionId === state.me?.unionId;

/** What makes a message look different; reads change the strip alone. */
export function signature(m) {
  return JSON.stringify([m.id, m.status, m.quoted?.recalled, state.me?.unionId, m.card, m.everybody]);
}

/** The element of a message, with update(m) for its strip. choose is called to quote it. */
export function messageElement(m, { choose, jump }) {
  if (m.status === "RECALLED") return recalled(m);
  const mine = isMine(m);
  const name = fromBot(m) ? state.about.bot : m.from.name;
  const strip = h("button", { type: "button", class: "strip", "aria-live": "off", title: t("senderSees"), dataset: { focus: "strip" }, on: { click: () => truth(m) } });
  const node = h("article", { class: `message ${mine ? "mine" : ""} ${fromBot(m) ? "from-bot" : ""}`, "aria-label": `${name}, ${clockTime(m.at)}`, dataset: { message: m.id } },
    fromBot(m) ? botAvatar() : avatar(m.from.unionId, m.from.name),
    h("div", { class: "message-main" },
      h("div", { class: "who" }, h("b", { title: name }, name), fromBot(m) ? h("span", { class: "tag bot" }, t("bot")) : tags(m.from), h("time", { datetime: m.at }, clockTime(m.at))),
      h("div", { class: "bubble" }, m.quoted && quoted(m.quoted, jump), h("div", { class: "content" }, content(m))),
      h("div", { class: "foot" },
        fromBot(m) || mine ? strip : null,
        h("span", { class: "actions" },
          iconButton("quote", `${t("quote")}: ${name}`, () => choose(m), { dataset: { focus: "quote" } }),
          fromBot(m) || mine ? iconButton("recall", `${t("recall")}: ${name}`, () => post("recall", { group: m.groupId, person: state.me.unionId, message: m.id }), { dataset: { focus: "recall" } }) : null))));
  node.update = (now) => {
    const total = now.audience;
    strip.replaceChildren(
      ring(total ? now.read / total : 0),
      h("span", null, !total ? t("nobodyElse") : now.read >= total ? t("allRead", { total }) : t("readN", { read: now.read, total })),
      now.late ? h("span", null, t("lateN", { n: now.late })) : "");
    strip.classList.toggle("all", total > 0 && now.read >= total);
    strip.disabled = !total;
  };
  node.update(m);
  return node;
}

/** A small circle that fills up. */
function ring(share) {
  const box = h("span", { class: "ring", "aria-hidden": "true" });
  box.style.setProperty("--share", `${Math.round(share * 360)}deg`);
  return box;
}

function recalled(m) {
  const node = h("article", { class: "recalled", dataset: { message: m.id } },
    fromBot(m) ? t("recalledBot", { name: state.about.bot }) : t("recalledBy", { name: isMine(m) ? t("you") : m.from.name }));
  node.update = () => {};
  return node;
}

function quoted(q, jump) {
  return h("button", { type: "button", class: "quoted", on: { click: () => jump(q.id) } },
    h("b", null, q.from), ": ", q.recalled ? h("i", null, t("recalledQuote")) : q.text || t("picture"));
}

/** Whom a message mentions, as the renderer wants to know it. */
function mentionsOf(m) {
  const me = state.me?.unionId;
  const known = (m.mentioned || []).map((p) => ({ id: p.userId, name: p.name, me: p.unionId === me }));
  const longest = (list, field) => list.sort((a, b) => b[field].length - a[field].length);
  const names = fromBot(m) ? [] : longest([...known, { name: state.about.bot, me: false }], "name");
  return { ids: longest(known.filter((p) => p.id), "id"), names };
}

function imageURL(url) {
  return /^[@$]/.test(url) ? mediaURL(url) : safeLink(url)?.startsWith("http") ? url : null;
}

function picture(url) {
  const src = imageURL(url);
  return src ? h("a", { href: src, target: "_blank", rel: "noopener noreferrer" }, h("img", { src, alt: t("picture"), referrerpolicy: "no-referrer" })) : t("picture");
}

function linkButton(title, url) {
  const href = safeLink(url);
  return h("a", { class: "card-button", href: href || false, target: "_blank", rel: "noopener noreferrer", title: url }, title);
}

function content(m) {
  const o = { h, image: imageURL, mentions: mentionsOf(m) };
  const params = m.params || {};
  switch (m.type) {
    case "markdown":
    case "sampleMarkdown":
      return h("div", { class: "markdown" }, everyone(m), foldable(m.text, (text) => render(parse(text), o)));
    case "interactiveCard":
      return interactiveCard(m, o);
    case "sampleImageMsg":
      return picture(params.photoURL || "");
    case "picture":
      return h("span", { class: "placeholder" }, icon("picture"), t("picture"));
    case "sampleFile":
      return h("a", { class: "file", href: mediaURL(params.mediaId), download: params.fileName }, icon("file"),
        h("span", null, h("b", { title: params.fileName }, params.fileName), h("small", null, t("download"))));
    case "sampleAudio":
      return h("span", { class: "placeholder" }, `${t("audio")} ${Math.round(Number(params.duration) / 1000) || ""}″`);
    case "sampleVideo":
      return h("span", { class: "placeholder" }, `${t("video")} ${Number(params.duration) || ""}″`);
    case "sampleLink": {
      const href = safeLink(params.messageUrl);
      const src = imageURL(params.picUrl || "");
      return h("a", { class: "link-card", href: href || false, target: "_blank", rel: "noopener noreferrer" },
        h("span", null, h("b", null, params.title), h("small", null, params.text)),
        src && h("img", { src, alt: "", referrerpolicy: "no-referrer" }));
    }
    default:
      if (/^sampleActionCard\d?$/.test(m.type)) return actionCard(m, o);
      return h("div", { class: "plain" }, everyone(m), m.atBot && !m.text.includes("@" + state.about.bot) ? [h("span", { class: "mention" }, "@" + state.about.bot), " "] : null,
        foldable(m.text, (text) => plain(text, o)));
  }
}

function everyone(m) {
  return m.mentionsAll ? [h("span", { class: "mention self" }, "@" + t("everyone")), " "] : null;
}

/** A card as its template draws it, with what the person sees; what everybody else sees is a button away. */
function interactiveCard(m, o) {
  const box = h("div", { class: "card live" });
  const draw = (values, own) => box.replaceChildren(...[
    values.title && h("h3", { class: "card-title" }, values.title),
    values.markdown && h("div", { class: "markdown" }, foldable(values.markdown, (text) => render(parse(text), o))),
    values.tips && h("p", { class: "card-tips" }, values.tips),
    m.everybody && h("p", { class: "card-own" }, t(own ? "ownView" : "everybodysView"), " ",
      h("button", { type: "button", class: "link", dataset: { focus: "view" }, on: { click: () => { draw(own ? m.everybody : m.card, !own); box.querySelector(".card-own button").focus(); } } }, t(own ? "seeEverybodys" : "seeOwn"))),
    h("div", { class: "card-buttons beside" }, cardButtons(values).map((b) => cardButton(m, b))),
  ].filter(Boolean));
  draw(m.card || {}, true);
  return box;
}

/** The buttons that a card's values describe; none if they can't be read. */
function cardButtons(values) {
  try {
    const all = JSON.parse(values.sys_full_json_obj || "{}").msgButtons;
    return Array.isArray(all) ? all.filter((b) => b && typeof b.text === "string") : [];
  } catch {
    return [];
  }
}

function cardButton(m, b) {
  if (!b.request) return linkButton(b.text, b.url || "");
  const node = h("button", { type: "button", class: `card-button press ${b.color === "gray" ? "gray" : ""}`, dataset: { focus: `button-${b.id}`, button: b.id } }, b.text);
  // While DingTalk waits for the bot the button is busy, not disabled: a disabled button would lose the focus.
  node.addEventListener("click", async () => {
    if (node.ariaBusy === "true") return;
    node.ariaBusy = node.ariaDisabled = "true";
    await post("press", { group: m.groupId, person: state.me.unionId, message: m.id, button: b.id });
    node.ariaBusy = node.ariaDisabled = null;
  });
  return node;
}

function actionCard(m, o) {
  const p = m.params || {};
  const buttons = [["singleTitle", "singleURL"], ...[1, 2, 3, 4, 5].flatMap((n) => [[`actionTitle${n}`, `actionURL${n}`], [`buttonTitle${n}`, `buttonUrl${n}`]])]
    .filter(([title]) => p[title]).map(([title, url]) => linkButton(p[title], p[url]));
  return h("div", { class: "card" }, h("div", { class: "markdown" }, foldable(m.text, (text) => render(parse(text), o))),
    h("div", { class: `card-buttons ${m.type === "sampleActionCard6" ? "beside" : ""}` }, buttons));
}

/** A long text, shown in part until one asks for all of it. */
function foldable(text, show) {
  if (text.length <= folded) return show(text);
  const box = h("div", null, show(text.slice(0, folded)));
  box.append(h("button", { type: "button", class: "link", on: { click: () => box.replaceChildren(...show(text)) } }, t("more")));
  return box;
}

/** What a message says in a line. */
export function lineOf(m) {
  return (m.title || m.text || t("picture")).replace(/\s+/g, " ").slice(0, 120);
}

