// The page that compares searches: their best so far on one axis, their best trials as one table.

import { Configurations } from "../charts/configurations.js";
import { LineChart } from "../charts/lines.js";
import { statusPill } from "../charts/summary.js";
import { getJson, searchPage } from "../lib/api.js";
import { category } from "../lib/colours.js";
import { el, focusData, focusedData, inputById, isChecked, selectById } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { Panel } from "../lib/panel.js";
import { root } from "../lib/root.js";
import { showSession } from "../lib/shell.js";
import { follow } from "../lib/stream.js";

// As many as the API compares at once.
const MOST = 8;
const choose = new Panel("choose");
const best = new Panel("best", "compare");
const address = new URLSearchParams(location.search);
const chosen = new Set(address.getAll("name"));
const published = inputById("published");
const over = selectById("best-x");
/** @type {Api.SearchSummary[]} */
let searches = [];
/** @type {Api.Compared[]} */
let compared = [];

published.checked = address.get("published") === "true";
over.value = address.get("over") ?? "number";

/**
 * The chosen searches and more as query parameters.
 *
 * @param {...string[]} more
 */
const query = (...more) => new URLSearchParams([...[...chosen].map((name) => ["name", name]), ...more]);

const publishedQuery = () => (published.checked ? [["published", "true"]] : []);

/** Keep the choices in the URL. */
function keep() {
  const now = query(...publishedQuery());
  if (over.value !== "number") now.set("over", over.value);
  history.replaceState(null, "", now.size ? `?${now}` : location.pathname);
}

const table = new Configurations(
  new Panel("table"),
  () => (chosen.size || published.checked ? `${root}/api/table?${query(...publishedQuery())}` : null),
  (format) => `${root}/api/export?${query(...publishedQuery(), ["format", format])}`,
);

/** @param {Api.Compared} compared */
const metricOf = ({ summary: { metric } }) => `${metric.label}, ${metric.direction}d`;

/** Offer the metrics of the chosen searches, which can't share an axis. */
function offerMetrics() {
  const metrics = [...new Set(compared.filter((each) => each.best.loss.length).map(metricOf))];
  const held = metrics.includes(measured.value) ? measured.value : metrics[0];
  measured.replaceChildren(...metrics.map((each) => el("option", { selected: each === held, text: each })));
  measured.hidden = metrics.length < 2;
}

/** @returns {import("../charts/lines.js").Picture | null} */
function picture() {
  const shown = compared.filter((each) => each.best.loss.length && metricOf(each) === measured.value);
  if (shown.length === 0) return null;
  const byTime = over.value === "finished";
  return {
    lines: shown.map(({ summary, best: steps }, at) => {
      const places = byTime ? steps.finished.map((seconds) => seconds / 3600) : steps.number;
      const last = places[places.length - 1];
      // A running search's line ends at its last improvement: its hours go on without the page.
      const end = byTime ? (summary.steps.length ? last : Math.max(summary.age / 3600, last)) : Math.max(summary.finished, last);
      return {
        name: summary.rehearsal ? `${summary.name} (rehearsal)` : summary.name, x: [...places, end], y: [...steps.value, steps.value[steps.value.length - 1]],
        shade: category(at), dash: at % 4, steps: true,
      };
    }),
    x: { title: byTime ? "hours since its start" : "finished trials", low: 0 },
    y: { title: `best ${shown[0].summary.metric.label}` },
    legend: true,
    label: `Best so far: ${shown.map(({ summary }) => `${summary.name} ${decimals(summary.best?.value)}`).join(", ")}`,
  };
}

const measured = el("select", { class: "tool", id: "best-metric", "aria-label": "Metric", hidden: true, onchange: () => chart.draw() });
best.tools.prepend(measured);
/** @type {LineChart} */
const chart = new LineChart(best, picture, "None of these searches has a result yet.");
best.offerData(() => ({
  headings: ["search", "metric", "trial", "finished trials", "seconds", "best so far"],
  rows: compared.flatMap(({ summary, best: steps }) => steps.tid.map((tid, at) => [summary.name, summary.metric.label, tid, steps.number[at], steps.finished[at], steps.value[at]])),
}));

async function load() {
  keep();
  table.load();
  if (chosen.size === 0) {
    compared = [];
    best.empty("Choose at least one search.");
    return;
  }
  await best.fill(async () => {
    compared = (await getJson(`${root}/api/compare?${query()}`)).searches;
    offerMetrics();
    chart.draw();
  });
}

/** Show the list of searches to choose from. */
function list() {
  if (searches.length === 0) {
    choose.empty("No search yet.");
    return;
  }
  /** @param {string} name */
  const toggle = (name) => (/** @type {Event} */ event) => {
    if (isChecked(event)) chosen.add(name);
    else chosen.delete(name);
    list();
    load();
  };
  const focused = focusedData(choose.body, "key");
  choose.show().replaceChildren(el("div", { class: "row" }, searches.map((each) =>
    el("span", { class: "row" },
      el("label", {}, el("input", { type: "checkbox", "data-key": each.name, checked: chosen.has(each.name), disabled: chosen.size >= MOST && !chosen.has(each.name), onchange: toggle(each.name) }), ` ${each.name}`),
      statusPill(each),
      el("a", { class: "small", href: searchPage(each.name), "aria-label": `Open ${each.name}`, text: "open" })))));
  focusData(choose.body, "key", focused);
}

published.addEventListener("change", load);
over.addEventListener("change", () => {
  keep();
  chart.draw();
});
showSession();
await choose.fill(async () => {
  searches = (await getJson(`${root}/api/searches`)).searches;
  list();
});
await load();
performance.mark("interactive");
let first = true;
follow(() => `${root}/api/stream`, {
  /** @param {Api.Searches} payload */
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
