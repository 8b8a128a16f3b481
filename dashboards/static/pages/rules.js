// The page of the learning rules that `alignsearch experiment rules` compares, as they stand now: a table
// and a chart for each task.

import { errorsPicture, intervalInWords } from "../charts/rule_errors.js";
import { RowChart } from "../charts/rows.js";
import { getJson, searchPage } from "../lib/api.js";
import { atMostEvery, byId, el, focusData, focusedData } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { Panel, headRow } from "../lib/panel.js";
import { root } from "../lib/root.js";
import { showSession } from "../lib/shell.js";
import { follow } from "../lib/stream.js";

// The tables are read again at most so often.
const LEAST_GAP_MS = 2000;
const TAG = "rules";

/**
 * A rule's state in words, the colour of its pill, and whether something trains.
 *
 * @type {Record<Api.RuleRow["state"], {text: string, pill: string, active: boolean}>}
 */
const STATES = {
  queued: { text: "queued", pill: "queued", active: true },
  searching: { text: "searching", pill: "running", active: true },
  repeating: { text: "repeating the best", pill: "running", active: true },
  searched: { text: "waits for its seeds", pill: "queued", active: false },
  training: { text: "training seeds", pill: "running", active: true },
  done: { text: "done", pill: "completed", active: false },
  diverged: { text: "diverged everywhere", pill: "diverged", active: false },
  paused: { text: "paused", pill: "paused", active: false },
  stopped: { text: "stopped", pill: "cancelled", active: false },
};

/** @type {{title: string, number?: boolean, cell: (rule: Api.RuleRow, table: Api.RuleTable) => (Element | string)[] | Element | string | number | null}[]} */
const COLUMNS = [
  { title: "rule", cell: ({ name, search }) => el("a", { href: searchPage(search), "data-key": search, text: name }) },
  { title: "state", cell: stateOf },
  { title: "error in %", number: true, cell: ({ mean }) => percent(mean) },
  { title: "95 % interval", number: true, cell: intervalInWords },
  { title: "chance of being the best", number: true, cell: ({ chance_best: chance }) => (chance === null ? "" : `${(100 * chance).toFixed(0)} %`) },
  { title: "seeds", number: true, cell: ({ errors, seeds }) => (seeds === null ? "" : `${errors.length} of ${seeds}`) },
  { title: "seeds diverged", number: true, cell: ({ seeds, seeds_diverged: diverged }) => (seeds === null ? "" : diverged) },
  { title: "trials", number: true, cell: ({ finished }, { trials }) => `${finished} of ${trials}` },
  { title: "best in %", number: true, cell: ({ best }) => percent(best) },
  { title: "dimensions", number: true, cell: ({ dimensions }) => dimensions ?? "" },
  { title: "runs", cell: ({ name, runs }) => runs.flatMap((run, at) => [at ? " " : "", runLink(name, run, at)]) },
];

/** @param {Api.RuleRow} rule */
function stateOf({ state, driven, diverged }) {
  const { text, pill, active } = STATES[state];
  const parts = [el("span", { class: "pill", "data-state": pill, text })];
  if (active && !driven) parts.push(el("span", { class: "small muted", text: " not driven" }));
  if (diverged && state !== "diverged") parts.push(el("span", { class: "small muted", text: ` ${diverged} diverged` }));
  return parts;
}

/**
 * @param {string} rule
 * @param {Api.RuleRuns} run
 * @param {number} at
 */
function runLink(rule, { name, kind }, at) {
  const text = kind === "seeds" ? "seeds" : `noise ${at}`;
  return el("a", { href: searchPage(name), "data-key": name, "aria-label": `${rule}: ${text}`, title: name, text });
}

/** A task's title, sentences, table and chart. */
class Table {
  /**
   * @param {Api.RuleTable} table
   * @param {number} number of the table on this page, for ids
   */
  constructor(table, number) {
    this.table = table;
    this.words = el("div");
    const [rules, errors] = [`standing-${number}`, `errors-${number}`];
    this.node = el("section", { class: "grid", "aria-label": table.title },
      el("h2", { text: table.title }),
      el("p", { class: "small muted", text: budgetOf(table) }),
      this.words,
      el("div", { class: "grid beside" },
        panelSection(rules, "Rules", ""),
        panelSection(errors, "Errors", "chart", "large: mean with its interval of 95 %; small: single seeds")));
    // Panels and charts find their elements on the page.
    byId("tables").append(this.node);
    this.rules = new Panel(rules, `rules-${table.dataset}-${table.model}`);
    const chart = new Panel(errors, `errors-${table.dataset}-${table.model}`);
    this.chart = new RowChart(chart, () => errorsPicture(this.table.rules), "No rule has a fresh seed yet.");
    this.rules.offerData(() => ({
      headings: ["rule", "state", "dimensions", "trials", "best", "mean", "low", "high", "seeds", "of", "diverged", "without result", "chance of being the best", "search"],
      rows: this.table.rules.map((rule) => [
        rule.name, STATES[rule.state].text, rule.dimensions, rule.finished, rule.best, rule.mean, rule.low, rule.high,
        rule.errors.length, rule.seeds, rule.seeds_diverged, rule.seeds_missing, rule.chance_best, rule.search]),
    }));
    chart.offerData(() => ({
      headings: ["rule", "seed", "error"],
      rows: this.table.rules.flatMap(({ name, errors: found }) => found.map((error, at) => [name, at + 1, error])),
    }));
  }

  /** @param {Api.RuleTable} table */
  show(table) {
    this.table = table;
    this.words.replaceChildren(...table.words.map((text) => el("p", { text })));
    const focused = focusedData(this.rules.body, "key");
    this.rules.show().replaceChildren(
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Rules, scrolls sideways" },
        el("table", {}, headRow(COLUMNS.map(({ title }) => title)), el("tbody", {}, table.rules.map((rule) =>
          el("tr", { "data-name": rule.search }, COLUMNS.map(({ number, cell }) => el("td", { class: number ? "number" : null }, cell(rule, table)))))))));
    focusData(this.rules.body, "key", focused);
    this.chart.draw();
  }
}

/** @param {Api.RuleTable} table */
function budgetOf({ trials, generation, algo, seed }) {
  const drawn = generation === null ? "" : ` in generations of ${generation}`;
  return `Each rule: ${trials} configurations${drawn}, sampler ${algo}, seed ${seed}.`;
}

/**
 * The section of a panel, as the templates have it.
 *
 * @param {string} id
 * @param {string} title
 * @param {string} chart classes of its content
 * @param {string} [hint]
 */
function panelSection(id, title, chart, hint = "") {
  return el("section", { class: "panel", id, "aria-labelledby": `${id}-title` },
    el("header", {},
      el("h3", { id: `${id}-title`, text: title }),
      hint ? el("span", { class: "small muted", text: hint }) : "",
      el("span", { class: "tools" })),
    el("div", { class: "body", "data-chart": chart }));
}

const panel = new Panel("rules");
/** @type {Map<string, Table>} */
const tables = new Map();
let made = 0;
let shown = "";

/**
 * A table's task and budget as one text.
 *
 * @param {Api.RuleTable} table
 */
const keyOf = ({ dataset, model, width, epochs, trials, generation, algo, seed }) => JSON.stringify([dataset, model, width, epochs, trials, generation, algo, seed]);

/** @param {Api.RuleTable[]} found */
function show(found) {
  const text = JSON.stringify(found);
  if (text === shown) return;
  shown = text;
  panel.section.hidden = found.length > 0;
  if (found.length === 0) {
    panel.empty("No search of this store compares learning rules. This command makes them, and this page then shows how they stand:", el("code", { text: "alignsearch experiment rules" }));
  }
  const keys = found.map(keyOf);
  for (const [key, { node }] of tables) {
    if (keys.includes(key)) continue;
    node.remove();
    tables.delete(key);
  }
  found.forEach((table, at) => {
    const key = keys[at];
    const known = tables.get(key) ?? new Table(table, (made += 1));
    tables.set(key, known);
    // An element that moves loses the focus, so only new ones do.
    const { children } = byId("tables");
    if (children[at] !== known.node) byId("tables").insertBefore(known.node, children[at]);
    known.show(table);
  });
}

async function load() {
  await panel.fill(async () => show((await getJson(`${root}/api/rules`)).tables));
}

/** Read again; what is shown stays if that fails, and the stream's notice says that it is old. */
const readAgain = atMostEvery(LEAST_GAP_MS, async () => {
  if (tables.size === 0) await load();
  else await getJson(`${root}/api/rules`).then(({ tables: found }) => show(found), () => {});
});

/**
 * Return whether a search is a rule's, or trains the best of one that is shown.
 *
 * @param {Api.SearchSummary} search
 */
const isRules = ({ name, tags }) => tags.includes(TAG) || [...tables.values()].some(({ table }) => table.rules.some(({ search }) => name.startsWith(`${search}-`)));

showSession();
await load();
performance.mark("interactive");
follow(() => `${root}/api/stream`, {
  /** @param {Api.Searches} payload */
  searches(payload) {
    if (payload.searches.some(isRules)) readAgain();
  },
  listed: readAgain,
});
