// Table of an experiment's runs: a row for each rule, network and further setting, a column for each seed,
// and the mean over the seeds.

import { getJson, searchUrl, trialPage } from "../lib/api.js";
import { atMostEvery, el } from "../lib/dom.js";
import { cell, clock, decimals } from "../lib/format.js";

/** @typedef {import("../lib/trials.js").Trials} Trials */

// The table is made anew at most so often while runs end.
const LEAST_GAP_MS = 1000;
const SEED = "seed";
// The event that says where the report is.
const REPORTED = "report written";
const LATER = "Once all runs have ended, the experiment's own command (`alignsearch experiment`) writes its report with figures from them.";
const AGAIN = "the experiment's own command writes it again.";
// These say which training a run is; they come first, also where all runs agree.
const FIRST = ["rule", "label", "model"];
/** @type {Record<string, string>} */
const WORDS = { label: "name", model: "network" };

/**
 * Fill the panel "runs".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Runs(page, panel);

/**
 * Mean and standard error of the mean; null for what can't be known.
 *
 * @param {number[]} values
 * @returns {{mean: number | null, sem: number | null}}
 */
export function meanOf(values) {
  const n = values.length;
  if (n === 0) return { mean: null, sem: null };
  const mean = values.reduce((sum, each) => sum + each, 0) / n;
  if (n < 2) return { mean, sem: null };
  return { mean, sem: Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (n - 1) / n) };
}

/**
 * Runs by what they have in common beside the seed.
 *
 * @param {Trials} trials
 */
export function groupsOf(trials) {
  const columns = trials.metaparameters.filter(({ name }) => name !== SEED);
  const rows = Array.from({ length: trials.count }, (_, row) => row);
  /** @param {import("../lib/trials.js").Column} column */
  const differs = ({ name }) => new Set(rows.map((row) => trials.values[name][row])).size > 1;
  const first = FIRST.flatMap((name) => columns.filter((column) => column.name === name));
  const shown = [...first, ...columns.filter((column) => !FIRST.includes(column.name) && differs(column))];
  const hasSeed = trials.columns.has(SEED);
  /** @type {Map<string, {values: any[], runs: Map<string, number>}>} */
  const groups = new Map();
  for (const row of rows) {
    const values = shown.map(({ name }) => trials.value(name, row));
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { values, runs: new Map() };
    groups.set(key, group);
    group.runs.set(String(hasSeed ? trials.value(SEED, row) : group.runs.size), row);
  }
  const seeds = [...new Set([...groups.values()].flatMap(({ runs }) => [...runs.keys()]))].sort((a, b) => Number(a) - Number(b));
  return { columns: shown, seeds, groups: [...groups.values()] };
}

/** The table; its cells link to their trials. */
class Runs {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ name, trials, selection }, panel) {
    this.name = name;
    this.trials = trials;
    this.panel = panel;
    this.selection = selection;
    this.report = el("p", { class: "small muted" });
    this.showLater = atMostEvery(LEAST_GAP_MS, () => this.#show());
    selection.onPoint(() => this.#point());
    panel.offerData(() => this.#table());
  }

  async load() {
    await this.panel.fill(async () => {
      this.addEvents((await getJson(searchUrl(this.name, "/events"))).events);
      this.#show();
    });
  }

  /**
   * Tell where the report is, once there is one.
   *
   * @param {Api.Event[]} events the oldest first
   */
  addEvents(events) {
    const written = events.findLast(({ what }) => what === REPORTED);
    if (written) this.report.replaceChildren(`The report of ${clock(written.at)} is at `, el("code", { text: written.detail }), ": ", AGAIN);
    else if (!this.report.hasChildNodes()) this.report.append(LATER);
  }

  update() {
    this.showLater();
  }

  /** @param {number | undefined} row */
  #cell(row) {
    const { trials } = this;
    if (row === undefined) return el("td", { class: "number muted", text: "–" });
    const tid = trials.tid(row);
    const text = trials.hasScore.has(row) ? decimals(trials.metricOf(row)) : String(trials.value("state", row));
    const link = el("a", { href: trialPage(this.name, tid), text });
    const point = (/** @type {number | null} */ at) => () => this.selection.point(at);
    return el("td", { class: "number", "data-tid": tid, onpointerenter: point(tid), onpointerleave: point(null), onfocusin: point(tid), onfocusout: point(null) }, link);
  }

  /** @param {{runs: Map<string, number>}} group */
  #mean({ runs }) {
    const rows = [...runs.values()].filter((row) => this.trials.hasScore.has(row));
    return meanOf(rows.map((row) => this.trials.metricOf(row)));
  }

  #show() {
    const { columns, seeds, groups } = groupsOf(this.trials);
    if (groups.length === 0) {
      this.panel.empty("No run has begun yet.");
      return;
    }
    const { label } = this.trials.metric;
    const titles = columns.map(({ name, title }) => WORDS[name] ?? title);
    this.panel.show().replaceChildren(
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${label} by seed, scrolls sideways` }, el("table", {},
        el("thead", {}, el("tr", {}, titles.map((text) => el("th", { scope: "col", text })),
          [`mean ${label}`, "standard error", ...seeds.map((seed) => `seed ${seed}`)].map((text) => el("th", { scope: "col", class: "number", text })))),
        el("tbody", {}, groups.map((group) => {
          const { mean, sem } = this.#mean(group);
          return el("tr", {}, group.values.map((value) => el("td", { text: cell(value) })), el("td", { class: "number", text: decimals(mean) }), el("td", { class: "number", text: decimals(sem) }),
            seeds.map((seed) => this.#cell(group.runs.get(seed))));
        })))),
      this.report,
    );
    this.#point();
  }

  #point() {
    for (const node of this.panel.content.querySelectorAll("td[data-tid]")) node.toggleAttribute("data-pointed", Number(/** @type {HTMLElement} */ (node).dataset.tid) === this.selection.pointed);
  }

  #table() {
    const { columns, seeds, groups } = groupsOf(this.trials);
    const value = (/** @type {number | undefined} */ row) => (row !== undefined && this.trials.hasScore.has(row) ? this.trials.metricOf(row) : null);
    return {
      headings: [...columns.map(({ name, title }) => WORDS[name] ?? title), `mean ${this.trials.metric.label}`, "standard error", ...seeds.map((seed) => `seed ${seed}`)],
      rows: groups.map((group) => {
        const { mean, sem } = this.#mean(group);
        return [...group.values, mean, sem, ...seeds.map((seed) => value(group.runs.get(seed)))];
      }),
    };
  }
}
