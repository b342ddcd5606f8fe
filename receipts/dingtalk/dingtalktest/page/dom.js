// Elements without markup: text is always text, so nothing that people write is ever read as HTML.

const svgNS = "http://www.w3.org/2000/svg";

/** An element. Properties: class, on (handlers by event), dataset, and attributes; true is an empty attribute, false and null none. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "value") node.value = value;
    else if (name === "checked") node.checked = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const paths = {
  send: "M3 20.500 21 12 3 3.500V10l12 2-12 2z",
  quote: "M9 7H4v6h4c0 2-1 3-3 3.500V18c4-.5 5-3 5-6V7zm10 0h-5v6h4c0 2-1 3-3 3.500V18c4-.5 5-3 5-6V7z",
  recall: "M8 5 3 10l5 5v-3.500h6a3.500 3.500 0 0 1 0 7H9v2h5a5.500 5.500 0 0 0 0-11H8z",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zm0 2c-4 0-7 2-7 5v1h14v-1c0-3-3-5-7-5zm7-2a3 3 0 1 0-1-5.800 5.500 5.500 0 0 1 0 5.600c.3.100.700.200 1 .2zm1.500 2.200c1.500 1.200 2.500 2.800 2.500 4.800v1h3v-1c0-2.500-2.300-4.300-5.500-4.800z",
  tools: "M4 6h10v2H4zm14 0h2v2h-2zm-2-2h2v6h-2zM4 16h2v2H4zm6 0h10v2H10zm-3-2h2v6H7zM4 11h8v2H4zm10-2h2v6h-2zm4 2h2v2h-2z",
  plus: "M11 4h2v7h7v2h-7v7h-2v-7H4v-2h7z",
  back: "m14 5-7 7 7 7 1.500-1.500L10 12l5.500-5.500z",
  close: "m6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z",
  file: "M6 2h8l5 5v15H6zm7 2v4h4z",
  picture: "M3 5h18v14H3zm2 2v9l4.500-5 3.500 4 2.500-2.500L19 16V7zm10 1.500a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3z",
  down: "M12 16 5 9l1.400-1.400L12 13.200l5.600-5.600L19 9z",
  up: "m12 8 7 7-1.400 1.400-5.600-5.600-5.600 5.600L5 15z",
  clock: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm-1 3v5.600l4 3.400 1.300-1.500-3.300-2.800V7z",
  robot: "M11 2h2v3h5a2 2 0 0 1 2 2v10a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V7a2 2 0 0 1 2-2h5zM8.500 9.500a1.700 1.700 0 1 0 0 3.400 1.700 1.700 0 0 0 0-3.400zm7 0a1.700 1.700 0 1 0 0 3.400 1.700 1.700 0 0 0 0-3.400zM8 15v2h8v-2z",
};

export function icon(name) {
  const svg = document.createElementNS(svgNS, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svgNS, "path");
  path.setAttribute("d", paths[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** A button with a picture only; its label is its accessible name. */
export function iconButton(name, label, click, extra) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click }, ...extra }, icon(name));
}

/**
 * Makes box show items ({key, sig, make}) in their order. A node whose sig is the same stays, so that focus, selection and scrolling do
 * too; the focus of one that is replaced moves to the same data-focus in the new one.
 */
export function keyed(box, items) {
  const old = new Map([...box.children].map((n) => [n.dataset.key, n]));
  let at = box.firstElementChild;
  for (const item of items) {
    let node = old.get(item.key);
    old.delete(item.key);
    if (!node || node.sig !== item.sig) {
      const fresh = item.make();
      fresh.dataset.key = item.key;
      fresh.sig = item.sig;
      if (node) {
        const held = node.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
        if (at === node) at = fresh;
        node.replaceWith(fresh);
        if (held !== undefined) [fresh, ...fresh.querySelectorAll("[data-focus]")].find((n) => n.dataset.focus === held)?.focus();
      }
      node = fresh;
    }
    if (node === at) at = at.nextElementSibling;
    else box.insertBefore(node, at);
  }
  for (const node of old.values()) node.remove();
}

/** Calls f at most once a frame. */
export function coalesce(f) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    // A tab in the background gets no frames; it must go on all the same.
    const run = () => { asked = false; f(); };
    if (document.visibilityState === "visible") requestAnimationFrame(run);
    else setTimeout(run, 50);
  };
}

/** Calls f when it was not called again for so many milliseconds. */
export function debounce(f, ms) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => f(...args), ms);
  };
}

let fields = 0;

/** A form field under its label. */
export function field(label, input, hint) {
  if (!input.id) input.id = `field-${++fields}`;
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, hint && h("small", null, hint));
}

/** A number's input. */
export function numberInput(value, max, extra) {
  return h("input", { type: "number", min: 0, max, value, required: true, inputmode: "numeric", ...extra });
}

/** A modal dialog with a title; it is removed when it closes. */
export function dialog(title, closeLabel, ...content) {
  const box = h("dialog", { class: "dialog", "aria-label": title },
    h("header", null, h("h2", null, title), iconButton("close", closeLabel, () => box.close())),
    h("div", { class: "dialog-body" }, ...content));
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (e) => { if (e.target === box) box.close(); });
  document.body.append(box);
  box.showModal();
  return box;
}

/** A short message that goes by itself. */
export function toast(text, kind) {
  const node = h("div", { class: `toast ${kind || ""}` }, text);
  const all = document.getElementById("toasts");
  all.append(node);
  while (all.children.length > 4) all.firstElementChild.remove();
  setTimeout(() => node.remove(), kind === "ding" ? 12000 : 6000);
}

const colours = 10;

function hash(s) {
  let n = 0;
  for (let i = 0; i < s.length; i++) n = (n * 31 + s.charCodeAt(i)) >>> 0;
  return n;
}

/** What an avatar shows of a name: the last two characters of a Chinese one, else initials. */
export function initials(name) {
  const han = [...name].filter((c) => /\p{Script=Han}/u.test(c));
  if (han.length) return han.slice(-2).join("");
  const words = name.trim().split(/\s+/);
  const first = (w) => [...(w || "")][0] || "";
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "")).toUpperCase();
}

export function avatar(id, name, extra) {
  return h("span", { class: `avatar c${hash(id || name) % colours} ${extra || ""}`, "aria-hidden": "true" }, initials(name || "?"));
}

export function botAvatar() {
  return h("span", { class: "avatar bot", "aria-hidden": "true" }, icon("robot"));
}
