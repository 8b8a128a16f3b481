// Several searches side by side: their best so far on one axis, their best columns as Table 5.

import { getJson, searchPage } from "./api.js";
import { category } from "./colours.js";
import { byId, el } from "./dom.js";
import { decimals } from "./format.js";
import { LineChart } from "./lines.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { showSession } from "./shell.js";
import { stateOf } from "./summary.js";
import { Table5 } from "./table5.js";

const MOST = 8;
const choose = new Panel("choose");
const best = new Panel("best", "compare");
const address = new URLSearchParams(location.search);
const chosen = new Set(address.getAll("name"));
const published = byId("published");
const over = byId("best-x");
let searches = [];
let found = null;

published.checked = address.get("published") === "true";
over.value = address.get("over") ?? "number";

function query(...more) {
  return new URLSearchParams([...[...chosen].map((name) => ["name", name]), ...more]);
}

function keep() {
  const now = query();
  if (published.checked) now.set("published", "true");
  if (over.value !== "number") now.set("over", over.value);
  history.replaceState(null, "", now.toString() ? `?${now}` : location.pathname);
}

const asked = () => (published.checked ? [["published", "true"]] : []);
const table = new Table5(
  new Panel("table5"),
  () => (chosen.size || published.checked ? `/api/table?${query(...asked())}` : null),
  (format) => `/api/export?${query(...asked(), ["format", format])}`,
);

function picture() {
  const shown = (found?.searches ?? []).filter((each) => each.best.loss.length);
  if (shown.length === 0) return null;
  const byTime = over.value === "finished";
  return {
    lines: shown.map(({ summary, best: steps }, at) => {
      const places = steps[over.value].map((place) => (byTime ? place / 3600 : place));
      const end = byTime ? Math.max(summary.age / 3600, places.at(-1)) : Math.max(summary.finished, places.at(-1));
      return {
        name: summary.name, x: [...places, summary.steps.length && byTime ? places.at(-1) : end], y: [...steps.loss, steps.loss.at(-1)],
        shade: category(at), dash: at % 4, steps: true,
      };
    }),
    x: { title: byTime ? "hours since its start" : "finished trials", low: 0 },
    y: { title: "best validation error" },
    legend: true,
    label: `Best so far: ${shown.map(({ summary }) => `${summary.name} ${decimals(summary.best.loss)}`).join(", ")}`,
  };
}

const chart = new LineChart(best, picture, "None of these searches has a result yet.");
best.offerData(() => ({
  headings: ["search", "trial", "finished trials", "seconds", "best so far"],
  rows: (found?.searches ?? []).flatMap(({ summary, best: steps }) => steps.tid.map((tid, at) => [summary.name, tid, steps.number[at], steps.finished[at], steps.loss[at]])),
}));

async function load() {
  keep();
  table.load();
  if (chosen.size === 0) {
    found = null;
    best.empty("Choose at least one search.");
    return;
  }
  await best.fill(async () => {
    found = await getJson(`/api/compare?${query()}`);
    chart.draw();
  });
}

function list() {
  if (searches.length === 0) {
    choose.empty("No search yet.");
    return;
  }
  const toggle = (name) => (event) => {
    if (event.target.checked) chosen.add(name);
    else chosen.delete(name);
    list();
    load();
  };
  const focused = document.activeElement?.dataset?.key;
  choose.show().replaceChildren(el("div", { class: "row" }, searches.map((each) =>
    el("span", { class: "row" },
      el("label", {}, el("input", { type: "checkbox", "data-key": each.name, checked: chosen.has(each.name), disabled: chosen.size >= MOST && !chosen.has(each.name), onchange: toggle(each.name) }), ` ${each.name}`),
      stateOf(each),
      el("a", { class: "small", href: searchPage(each.name), "aria-label": `Open ${each.name}`, text: "open" })))));
  if (focused) choose.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

published.addEventListener("change", load);
over.addEventListener("change", () => {
  keep();
  chart.draw();
});
showSession();
await choose.fill(async () => {
  searches = (await getJson("/api/searches")).searches;
  list();
});
await load();
performance.mark("interactive");
let first = true;
follow(() => "/api/stream", {
  searches(payload) {
    const known = new Map(searches.map((each) => [each.name, each]));
    for (const each of payload.searches) known.set(each.name, each);
    const grown = known.size !== searches.length;
    searches = [...known.values()];
    if (grown) list();
    if (!first && payload.searches.some(({ name }) => chosen.has(name))) load();
    first = false;
  },
});
