// Chart of each trial's error over one metaparameter.

import { SIGNS, shapeOf } from "../lib/canvas.js";
import { category } from "../lib/colours.js";
import { cell, decimals } from "../lib/format.js";
import { showLegend } from "../lib/panel.js";
import { extent, roomy, scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { bestFirst, choose, dataOf, ringMarked, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

/**
 * Fill the panel "slice".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Slice(page, panel);

/**
 * The chart; its items are rows.
 *
 * @extends {Chart<number>}
 */
class Slice extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, "No trial that fits has finished with a result yet.");
    this.trials = trials;
    this.brushes = brushes;
    this.selection = selection;
    const parameters = trials.metaparameters;
    const redraw = () => this.draw();
    const choices = [{ name: "", title: "nothing" }, ...parameters.filter(({ options }) => options)];
    this.x = choose(panel, { id: "slice-x", label: "of", key: "slice", options: parameters, otherwise: parameters[0]?.name }, redraw);
    this.by = choose(panel, { id: "slice-colour", label: "coloured by", key: "colour", options: choices, otherwise: "" }, redraw);
    brushes.onChange(redraw);
    selection.onChange(() => this.refresh());
    panel.offerData(() => dataOf(trials, ["tid", this.x(), this.by(), "loss"].filter(Boolean), this.items()));
    this.column = /** @type {Column} */ (trials.columns.get(this.x()));
    /** @type {Column | undefined} */
    this.group = undefined;
    /** @type {string[]} */
    this.shades = [];
    this.size = 0;
    this.alpha = 1;
    this.draw();
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    this.add(rows.filter((row) => this.#shows(row)));
  }

  /** @param {number} row */
  #shows(row) {
    return this.trials.values.loss[row] !== null && this.brushes.passes(row);
  }

  /** @override */
  scales() {
    const rows = this.items();
    const column = this.trials.columns.get(this.x());
    if (rows.length === 0 || !column) return null;
    this.column = column;
    const group = this.trials.columns.get(this.by());
    this.group = group;
    this.size = rows.length > 2000 ? 2.5 : rows.length > 300 ? 4 : 6;
    this.alpha = rows.length > 2000 ? 0.35 : rows.length > 300 ? 0.55 : 0.8;
    const kinds = group?.options ?? [];
    this.shades = kinds.length ? kinds.map((_, at) => category(at)) : [colour("accent")];
    showLegend(this.panel, kinds.map((option, at) => ({ sign: SIGNS[at % SIGNS.length], shade: category(at), text: `${group?.title}: ${cell(option)}` })));
    const [low, high] = extent(rows, (row) => this.trials.loss(row));
    return { x: scaleOf(column), y: roomy(low, high), xTitle: column.title, yTitle: "validation error" };
  }

  /** @override */
  items() {
    return this.trials.scored.filter((row) => this.brushes.passes(row));
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    return [spread(this.trials, this.column, row), this.trials.loss(row)];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const [value, loss] = this.values(row);
    const [x, y] = this.spot(row, value, loss);
    const kind = this.group ? (this.trials.values[this.group.name][row] ?? 0) : 0;
    brush.globalAlpha = this.alpha;
    brush.fillStyle = this.shades[kind];
    // Without categories every point is a square, the shape that is drawn fastest.
    shapeOf(this.group ? kind : 3)(brush, x, y, this.size);
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    ringMarked(brush, this, (row) => this.#shows(row));
  }

  /** @override */
  stops() {
    return bestFirst(this);
  }

  /** @override */
  label() {
    return (
      `Validation error of ${this.spots.item.length} trials over ${this.column.title}${this.column.log ? ", logarithmic" : ""}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { trials } = this;
    const more = this.group ? `\n${this.group.title}: ${cell(trials.value(this.group.name, row))}` : "";
    return `trial ${trials.tid(row)}: ${decimals(trials.loss(row))}\n${this.column.title}: ${cell(trials.value(this.column.name, row))}${more}`;
  }

  /**
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.trials.tid(row);
  }
}
