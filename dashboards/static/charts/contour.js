// Chart of the smoothed error over two metaparameters, with the trials that it is computed from.

import { line } from "../lib/canvas.js";
import { goodness, paintRamp } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { cell, decimals } from "../lib/format.js";
import { scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { Field } from "./field.js";
import { bestFirst, choose, dataOf, ringMarked, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

const BANDS = 10;

/**
 * Fill the panel "contour".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Contour(page, panel);

/**
 * The chart; its items are rows.
 *
 * @extends {Chart<number>}
 */
class Contour extends Chart {
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
    this.legend = panel.tools.appendChild(el("span", { class: "legend", id: "contour-legend" }));
    const [first, second] = [...parameters.filter(({ options }) => !options), ...parameters];
    this.x = choose(panel, { id: "contour-x", label: "x", key: "x", options: parameters, otherwise: first?.name }, redraw);
    this.y = choose(panel, { id: "contour-y", label: "y", key: "y", options: parameters, otherwise: second?.name }, redraw);
    brushes.onChange(redraw);
    selection.onChange(() => this.refresh());
    panel.offerData(() => dataOf(trials, ["tid", this.x(), this.y(), "loss"], this.items()));
    /** @type {Column[]} */
    this.columns = [];
    const [low, high] = trials.lossRange();
    this.low = low;
    this.high = high;
    this.alpha = 1;
    this.field = new Field(this.low, this.high, BANDS);
    /** @type {Field | null} */
    this.painted = null;
    this.paintedSpots = 0;
    this.draw();
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    const fresh = rows.filter((row) => this.#shows(row));
    this.low = fresh.reduce((least, row) => Math.min(least, this.trials.loss(row)), this.low);
    this.field.low = this.low;
    this.add(fresh);
  }

  /** @param {number} row */
  #shows(row) {
    return this.trials.values.loss[row] !== null && this.brushes.passes(row);
  }

  /** @override */
  scales() {
    const rows = this.items();
    const [x, y] = [this.trials.columns.get(this.x()), this.trials.columns.get(this.y())];
    if (rows.length === 0 || !x || !y) return null;
    this.columns = [x, y];
    [this.low, this.high] = this.trials.lossRange();
    this.alpha = Math.min(0.8, 12 / Math.sqrt(rows.length));
    return { x: scaleOf(x), y: scaleOf(y), xTitle: x.title, yTitle: y.title };
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
    return this.columns.map((column) => spread(this.trials, column, row));
  }

  /** @override */
  begin() {
    this.field = new Field(this.low, this.high, BANDS);
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const [x, y] = this.values(row);
    const at = this.spot(row, x, y);
    this.field.add(this.axes.x.at(x), this.axes.y.at(y), this.trials.loss(row));
    brush.globalAlpha = this.alpha;
    brush.fillStyle = colour("text");
    brush.fillRect(at[0] - 1, at[1] - 1, 2, 2);
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    this.#paintField();
    ringMarked(brush, this, (row) => this.#shows(row));
  }

  /** Paint the smoothed error, unless it is painted with all spots already. */
  #paintField() {
    if (this.painted === this.field && this.paintedSpots === this.spots.item.length) return;
    this.painted = this.field;
    this.paintedSpots = this.spots.item.length;
    const bar = el("canvas", { "aria-hidden": "true" });
    this.legend.replaceChildren(decimals(this.low), bar, decimals(this.high));
    paintRamp(bar, goodness);
    const { left, top, wide, high } = this.plane;
    const { brush } = this.under;
    this.under.fit();
    brush.drawImage(this.field.picture(goodness), left, top, wide, high);
    brush.strokeStyle = colour("surface");
    brush.lineWidth = 0.75;
    for (const [[x1, y1], [x2, y2]] of this.field.lines()) {
      line(brush, left + x1 * wide, top + (1 - y1) * high, left + x2 * wide, top + (1 - y2) * high);
    }
  }

  /** @override */
  stops() {
    return bestFirst(this);
  }

  /** @override */
  label() {
    const [x, y] = this.columns.map(({ title, log }) => `${title}${log ? ", logarithmic" : ""}`);
    return (
      `Smoothed validation error of ${this.spots.item.length} trials over ${x} and ${y}; best ${decimals(this.low)}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { trials } = this;
    return [
      `trial ${trials.tid(row)}: ${decimals(trials.loss(row))}`,
      ...this.columns.map(({ name, title }) => `${title}: ${cell(trials.value(name, row))}`),
    ].join("\n");
  }

  /**
   * @override
   * @param {number} x
   * @param {number} y
   */
  placeTooltip(x, y) {
    const smoothed = this.field.at(x, y);
    return smoothed === null ? null : `smoothed ${decimals(smoothed)}`;
  }

  /**
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.trials.tid(row);
  }
}
