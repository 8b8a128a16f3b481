// Charts of each trial's metric over each metaparameter, the most important first.

import { getJson, searchUrl } from "../lib/api.js";
import { SIGNS, shapeOf } from "../lib/canvas.js";
import { category, paintRamp, ramp } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { cell } from "../lib/format.js";
import { whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { extent, roomy, scaleOf, withLane } from "../lib/scales.js";
import { colour, onTheme } from "../lib/theme.js";
import * as urlState from "../lib/urlstate.js";
import { ParameterChart } from "./parameter_chart.js";
import { choose, dataOf, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("./chart.js").Panel} Panel */
/** @typedef {import("./chart.js").SearchPage} SearchPage */
/** @typedef {import("../lib/trials.js").Column} Column */

// A page begins with so many charts: the rest matters less, and a phone shows one below the other.
const FIRST = 8;
// Rounding colours to so many shades makes drawing cheaper; finer steps can't be seen.
const SHADES = 24;
// While the server computes the importance, it is read again this often.
const RETRY_MS = 1500;
const BY_NUMBER = "tid";

/**
 * Fill the panel "slice".
 *
 * @param {SearchPage} page
 * @param {Panel[]} panels
 */
export const create = (page, [panel]) => new Slices(page, panel);

/** The charts, in the order of importance once that is known. */
class Slices {
  /**
   * @param {SearchPage} page
   * @param {Panel} panel
   */
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    const { trials } = page;
    const choices = [{ name: BY_NUMBER, title: "trial number" }, ...trials.metaparameters.filter(({ options }) => options)];
    this.by = choose(panel, { id: "slice-colour", label: "coloured by", key: "colour", options: choices, otherwise: BY_NUMBER }, () => this.#draw());
    this.legend = panel.tools.appendChild(el("span", { class: "legend" }));
    this.all = urlState.get("slices") === "all";
    this.more = el("button", { type: "button", class: "tool", "aria-pressed": String(this.all), onclick: () => this.#toggle() });
    panel.tools.append(this.more);
    this.grid = el("div", { class: "cells" });
    /** @type {Map<string, Slice>} by metaparameter */
    this.charts = new Map();
    /** @type {string[]} metaparameters, the most important first */
    this.order = trials.metaparameters.map(({ name }) => name);
    this.againAt = 0;
    panel.offerData(() => dataOf(trials, ["tid", ...this.order, trials.score.name], [...trials.scored].filter((row) => page.brushes.passes(row))));
    onTheme(() => this.#explain());
  }

  async load() {
    this.#show();
    await this.#sort();
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    if (!this.panel.shown || this.order.length !== this.page.trials.metaparameters.length) this.#show();
    for (const chart of this.charts.values()) chart.update(rows);
    if (this.againAt && this.page.trials.scored.length >= this.againAt) this.#sort();
  }

  /** Read the importance, and put the most important metaparameter first. */
  async #sort() {
    this.againAt = 0;
    /** @type {Api.Importances} */
    let found;
    try {
      found = await getJson(searchUrl(this.page.name, "/importance"));
    } catch {
      // The panel of the importance says why it can't be read; the order of the space is good, too.
      return;
    }
    if (found.state === "computing") {
      setTimeout(() => this.#sort(), RETRY_MS);
      return;
    }
    this.againAt = found.again_at;
    const places = new Map(found.importance.map(({ name }, at) => [name, at]));
    const place = (/** @type {string} */ name) => places.get(name) ?? places.size;
    this.order = [...this.order].sort((a, b) => place(a) - place(b));
    this.#show();
  }

  #toggle() {
    this.all = !this.all;
    urlState.set({ slices: this.all ? "all" : null });
    this.more.setAttribute("aria-pressed", String(this.all));
    this.#show();
  }

  /** Show the charts that are wanted, in their order. */
  #show() {
    const { trials } = this.page;
    const names = trials.metaparameters.map(({ name }) => name);
    this.order.push(...names.filter((name) => !this.order.includes(name)));
    const enough = names.length > 0 && trials.scored.length > 0;
    this.more.hidden = names.length <= FIRST;
    this.more.textContent = `all ${names.length}`;
    this.#explain();
    if (!enough) {
      this.panel.empty(names.length ? whyNoResult(trials.summary) : "This search samples no metaparameter.");
      return;
    }
    const content = this.panel.show();
    if (this.grid.parentNode !== content) content.append(this.grid);
    const shown = this.order.slice(0, this.all ? this.order.length : FIRST).map((name) => this.#chart(name));
    const sections = shown.map(({ panel }) => panel.section);
    if (sections.some((section, at) => this.grid.children[at] !== section) || this.grid.children.length !== sections.length) this.grid.replaceChildren(...sections);
  }

  /** @param {string} name of the metaparameter */
  #chart(name) {
    let chart = this.charts.get(name);
    if (chart === undefined) {
      chart = new Slice(this.page, /** @type {any} */ (new Cell(name)), name, this.by);
      this.charts.set(name, chart);
      chart.draw();
    }
    return chart;
  }

  #draw() {
    this.#explain();
    for (const chart of this.charts.values()) chart.draw();
  }

  /** Show which trial has which colour, and what a cross is. */
  #explain() {
    const { trials } = this.page;
    const group = trials.columns.get(this.by());
    const numbered = this.by() === BY_NUMBER;
    this.legend.hidden = !numbered;
    if (numbered) {
      const bar = el("canvas", { "aria-hidden": "true" });
      this.legend.replaceChildren("first", bar, "last");
      paintRamp(bar, ramp);
    }
    const entries = (group?.options ?? []).map((option, at) => ({ sign: SIGNS[at % SIGNS.length], shade: category(at), text: `${group?.title}: ${cell(option)}` }));
    if (group && !numbered && trials.scored.some((row) => !trials.uses([group], row))) entries.push({ sign: "■", shade: colour("queued"), text: `without ${group.title}` });
    if (trials.scored.some((row) => trials.violation(row) > 0)) entries.push({ sign: "■", shade: colour("failed"), text: "breaks a constraint" });
    if (trials.diverged.size) entries.push({ sign: "✖", shade: colour("diverged"), text: "diverged" });
    showLegend(this.panel, entries);
  }
}

/** The place of one chart among the others: a panel as far as a chart needs one. */
class Cell {
  /** @param {string} name of the metaparameter */
  constructor(name) {
    this.content = el("div", { class: "chart small" });
    this.section = el("div", { class: "cell", "data-slice": name }, this.content);
    this.shown = false;
  }

  show() {
    this.shown = true;
    if (this.section.firstChild !== this.content) this.section.replaceChildren(this.content);
    return this.content;
  }

  /** @param {string} text */
  empty(text) {
    this.shown = false;
    this.section.replaceChildren(el("div", { class: "message", text }));
  }
}

/** One chart; trials that diverged stand in a lane beyond the worse end of the metric's axis. */
class Slice extends ParameterChart {
  /**
   * @param {SearchPage} page
   * @param {Panel} panel
   * @param {string} name of the metaparameter
   * @param {() => string} by the metaparameter that colours the points, or the trials' numbers
   */
  constructor(page, panel, name, by) {
    super(page, panel);
    this.metaparameter = name;
    this.by = by;
    /** @type {Column | undefined} */
    this.group = undefined;
    /** @type {string[]} */
    this.shades = [];
    this.size = 0;
    this.alpha = 1;
  }

  /** @override */
  chosen() {
    return [this.metaparameter];
  }

  /** @override */
  brushed() {
    return [this.columns[0], this.trials.score];
  }

  /** @override */
  scales() {
    const rows = this.rows();
    if (rows === null) return null;
    const { trials } = this;
    const [column] = this.columns;
    const by = this.by();
    this.group = by === BY_NUMBER ? undefined : trials.columns.get(by);
    this.shades = this.group ? (this.group.options ?? []).map((_, at) => category(at)) : Array.from({ length: SHADES + 1 }, (_, at) => ramp(at / SHADES));
    this.size = rows.length > 2000 ? 2 : rows.length > 300 ? 3 : 5;
    this.alpha = rows.length > 2000 ? 0.35 : rows.length > 300 ? 0.6 : 0.85;
    const [low, high] = extent(trials.scored, (row) => trials.metricOf(row));
    const plain = roomy(low, high);
    const y = trials.diverged.size ? withLane(plain, trials.metric.direction) : plain;
    return { x: scaleOf(column, rows.map((row) => trials.values[column.name][row])), y, xTitle: column.title, yTitle: trials.metric.label };
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    const { trials } = this;
    return [spread(trials, this.columns[0], row), trials.hasScore.has(row) ? trials.metricOf(row) : Infinity];
  }

  /** @param {number} row */
  #shade(row) {
    const { trials, group } = this;
    if (trials.violation(row) > 0) return colour("failed");
    if (!group) return this.shades[Math.round((SHADES * trials.tid(row)) / Math.max(1, trials.summary.trials, trials.count))] ?? this.shades[SHADES];
    const kind = trials.values[group.name][row];
    return kind === null ? colour("queued") : this.shades[kind];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const [value, up] = this.values(row);
    const [x, y] = this.spot(row, value, up);
    if (this.trials.diverged.has(row)) {
      this.cross(brush, x, y);
      return;
    }
    const kind = this.group ? this.trials.values[this.group.name][row] : null;
    brush.globalAlpha = this.alpha;
    brush.fillStyle = this.#shade(row);
    // Without categories every point is a square, the shape that is drawn fastest.
    shapeOf(kind ?? 3)(brush, x, y, this.size);
  }

  /** @override */
  label() {
    return (
      `${this.trials.metric.label} of ${this.spots.item.length} trials over ${this.overWhat}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { group, trials } = this;
    const more = group && trials.uses([group], row) ? `\n${group.title}: ${cell(trials.value(group.name, row))}` : "";
    return super.tooltip(row) + more;
  }
}
