// The clock of this DingTalk, and buttons that turn it forward.

import { on, post, state } from "./state.js";
import { h, icon } from "./dom.js";
import { clockSeconds, day, duration, t } from "./words.js";

const steps = [600, 3600, 86400]; // seconds

export function clock() {
  const time = h("time", { class: "clock-time" });
  const date = h("span", { class: "clock-date" });
  const ahead = h("small", { role: "status" });
  const turn = (seconds) => h("button", {
    type: "button", class: "small", "aria-label": t("turnClock", { d: duration(seconds) }), on: { click: () => post("actions", { do: "advance", seconds }) },
  }, `+${duration(seconds)}`);
  let told = 0; // the server's time in milliseconds
  let heard = 0; // when it told so, by the page's own count

  const draw = () => {
    const now = told + performance.now() - heard;
    time.dateTime = new Date(now).toISOString();
    time.textContent = clockSeconds(now);
    date.textContent = day(now);
    return now;
  };
  const tick = () => setTimeout(tick, 1000 - (draw() % 1000));
  on("status", () => {
    const first = !heard;
    told = Date.parse(state.status.now);
    heard = performance.now();
    const said = state.status.ahead ? t("clockAhead", { d: duration(state.status.ahead) }) : t("clockReal");
    if (ahead.textContent !== said) ahead.textContent = said; // or a screen reader would say it again
    box.hidden = false;
    if (first) tick();
    else draw();
  });

  const box = h("section", { class: "clock", "aria-label": t("clockOf"), title: t("clockHint"), hidden: true },
    h("h2", null, icon("clock"), t("clockOf")), h("p", null, time, date), ahead, h("div", { class: "buttons" }, steps.map(turn)));
  return box;
}
