// DingTalk's markdown: headings, quotes, bold, italic, links, images, lists. No tables, no code, no HTML. A line break needs two spaces
// before it. parse makes a tree, render makes elements of it; text never becomes markup.

const maxDepth = 6;
const maxSpan = 4000; // how far the end of a bold or a link is looked for

/** The blocks of a text: {type: "p"|"h"|"quote"|"list", ...}. */
export function parse(text, depth = 0) {
  const blocks = [];
  let open = null; // the paragraph or list item that a plain line goes on with
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    let m;
    if (!line.trim()) {
      open = null;
    } else if ((m = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/.exec(line))) {
      blocks.push({ type: "h", level: m[1].length, text: m[2] });
      open = null;
    } else if (/^ {0,3}>/.test(line) && depth < maxDepth) {
      const inner = [];
      for (; i < lines.length && /^ {0,3}>/.test(lines[i]); i++) inner.push(lines[i].replace(/^ {0,3}> ?/, ""));
      i--;
      blocks.push({ type: "quote", blocks: parse(inner.join("\n"), depth + 1) });
      open = null;
    } else if ((m = /^( *)(?:([-*+])|(\d{1,9})[.)])[ \t]+(.*)$/.exec(line))) {
      const ordered = m[3] !== undefined;
      let list = blocks.at(-1);
      if (!list || list.type !== "list" || list.ordered !== ordered) {
        list = { type: "list", ordered, start: ordered ? Number(m[3]) : 1, items: [] };
        blocks.push(list);
      }
      open = { text: m[4], indent: Math.min(Math.floor(m[1].length / 2), 3) };
      list.items.push(open);
    } else if (open) {
      open.text += "\n" + line;
    } else {
      open = { type: "p", text: line };
      blocks.push(open);
    }
  }
  return blocks;
}

/** The address, if it is one that a message may lead to. */
export function safeLink(url) {
  try {
    const u = new URL(url);
    return ["http:", "https:", "dingtalk:"].includes(u.protocol) ? u.href : null;
  } catch {
    return null;
  }
}

const escapable = /[!-/:-@[-`{-~]/;

/** The place of the closing mark from i on, outside escapes, or -1. A longer run of the character holds the mark at its end; a run of two
 * is no single mark. */
function closing(s, mark, i) {
  const end = Math.min(s.length, i + maxSpan);
  while (i < end) {
    if (s[i] === "\\") i += 2;
    else if (s[i] !== mark[0]) i++;
    else {
      let run = 1;
      while (run < maxSpan && s[i + run] === mark[0]) run++;
      if (run >= mark.length && run !== 3 - mark.length) return i + run - mark.length;
      i += run;
    }
  }
  return -1;
}

/** [label](address) at i, or null. */
function linkAt(s, i) {
  let depth = 0;
  let j = i;
  const end = Math.min(s.length, i + maxSpan);
  for (; j < end; j++) {
    if (s[j] === "\\") j++;
    else if (s[j] === "[") depth++;
    else if (s[j] === "]" && --depth === 0) break;
  }
  if (j >= end || s[j + 1] !== "(") return null;
  const label = s.slice(i + 1, j);
  const m = /^\(\s*([^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+"[^"]*")?\s*\)/.exec(s.slice(j + 1, j + 1 + maxSpan));
  return m && { label, url: m[1].replace(/\\(.)/g, "$1"), end: j + 1 + m[0].length };
}

/** The inline nodes of a text: strings, {type: "b"|"i"|"a"|"img"|"br"|"at", ...}. Of a literal text only lines, addresses and mentions. */
export function inline(s, mentions, { depth = 0, literal = false } = {}) {
  const out = [];
  let text = "";
  const flush = () => { if (text) out.push(text); text = ""; };
  const node = (n) => { flush(); out.push(n); };
  for (let i = 0; i < s.length; ) {
    const c = s[i];
    let m;
    if (!literal && c === "\\" && i + 1 < s.length && escapable.test(s[i + 1])) {
      text += s[i + 1];
      i += 2;
    } else if (c === "\n" && literal) {
      node({ type: "br" });
      i++;
    } else if (c === "\n") {
      const two = / {2,}$/.test(text);
      text = text.replace(/ +$/, "");
      if (two) node({ type: "br" });
      else text += " ";
      i++;
      while (s[i] === " ") i++;
    } else if (!literal && c === "!" && s[i + 1] === "[" && (m = linkAt(s, i + 1))) {
      node({ type: "img", alt: m.label, url: m.url });
      i = m.end;
    } else if (!literal && c === "[" && depth < maxDepth && (m = linkAt(s, i))) {
      node({ type: "a", url: m.url, children: inline(m.label, mentions, { depth: depth + 1 }) });
      i = m.end;
    } else if (!literal && (c === "*" || c === "_") && depth < maxDepth && (m = emphasis(s, i, c))) {
      node({ type: m.type, children: inline(m.inner, mentions, { depth: depth + 1 }) });
      i = m.end;
    } else if (c === "@" && (m = mentionAt(s, i, mentions))) {
      node({ type: "at", ...m.who });
      i = m.end;
    } else if (c === "h" && !/[\p{L}\p{N}]$/u.test(text.slice(-2)) && (m = /^https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+/.exec(s.slice(i, i + maxSpan)))) {
      const url = m[0].replace(/[.,;:!?)\]']+$/, "");
      node({ type: "a", url, children: [url] });
      i += url.length;
    } else {
      text += c;
      i++;
    }
  }
  flush();
  return out;
}

function emphasis(s, i, c) {
  for (const [mark, type] of [[c + c, "b"], [c, "i"]]) {
    const from = i + mark.length;
    if (!s.startsWith(mark, i) || /^\s?$/.test(s[from] || "") || (mark === c && s[from] === c)) continue;
    if (c === "_" && /[\p{L}\p{N}]/u.test(s[i - 1] || "")) continue;
    const end = closing(s, mark, from);
    if (end > from && !/\s/.test(s[end - 1]) && !(c === "_" && /[\p{L}\p{N}]/u.test(s[end + mark.length] || ""))) {
      const inner = s.slice(from, end);
      if (inner.replaceAll(c, "")) return { type, inner, end: end + mark.length };
    }
  }
  return null;
}

function mentionAt(s, i, mentions) {
  for (const who of mentions?.ids || []) {
    const end = i + 1 + who.id.length;
    if (s.startsWith("@" + who.id, i) && !/[\w-]/.test(s[end] || "")) return { who, end };
  }
  for (const who of mentions?.names || []) {
    if (s.startsWith("@" + who.name, i)) return { who, end: i + 1 + who.name.length };
  }
  return null;
}

/** Elements of blocks. o: h (makes an element), image (its address by url), mentions ({ids: [], names: []}, the longest first). */
export function render(blocks, o) {
  const line = (text) => nodes(inline(text, o.mentions), o);
  return blocks.map((b) => {
    switch (b.type) {
      case "h": return o.h("div", { class: `md-h md-h${b.level}`, role: "heading", "aria-level": Math.min(b.level + 2, 6) }, line(b.text));
      case "quote": return o.h("blockquote", null, render(b.blocks, o));
      case "list": return o.h(b.ordered ? "ol" : "ul", b.ordered ? { start: b.start } : null,
        b.items.map((item) => o.h("li", { class: `in${item.indent}` }, line(item.text))));
      default: return o.h("p", null, line(b.text));
    }
  });
}

function nodes(list, o) {
  return list.map((n) => {
    if (typeof n === "string") return n;
    switch (n.type) {
      case "b": return o.h("strong", null, nodes(n.children, o));
      case "i": return o.h("em", null, nodes(n.children, o));
      case "br": return o.h("br");
      case "at": return o.h("span", { class: `mention ${n.me ? "self" : ""}` }, "@" + n.name);
      case "img": {
        const src = o.image(n.url);
        return src ? o.h("img", { src, alt: n.alt, loading: "lazy", referrerpolicy: "no-referrer" }) : n.alt;
      }
      default: {
        const href = safeLink(n.url);
        return href ? o.h("a", { href, target: "_blank", rel: "noopener noreferrer" }, nodes(n.children, o)) : o.h("span", null, nodes(n.children, o));
      }
    }
  });
}

/** A text that is not markdown: its lines, addresses and mentions. */
export function plain(text, o) {
  return nodes(inline(text, o.mentions, { literal: true }), o);
}
