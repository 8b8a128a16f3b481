// Chart of the smoothed metric over two metaparameters, with the trials that it is computed from.

import { line } from "../lib/canvas.js";
import { goodness, paintRamp } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { shown } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Field } from "./field.js";
import { ParameterChart } from "./parameter_chart.js";
import { choosePlane, dataOf, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */

const BANDS = 10;

/**
 * Fill the panel "contour".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Contour(page, panel);

/** The chart. Its field holds losses, of which less is better whatever the metric's direction. */
class Contour extends ParameterChart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor(page, panel) {
    super(page, panel);
    const { trials } = page;
    this.legend = panel.tools.appendChild(el("span", { class: "legend", id: "contour-legend" }));
    const plane = choosePlane(panel, trials, { id: "contour", keys: ["x", "y"] }, () => this.draw());
    this.x = plane.x;
    this.y = plane.y;
    panel.offerData(() => dataOf(trials, ["tid", this.x(), this.y(), trials.score.name].filter(Boolean), this.items()));
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

  /** @override */
  chosen() {
    return [this.x(), this.y()];
  }

  /**
   * @override
   * @param {number[]} rows that changed
   */
  update(rows) {
    const { trials } = this;
    const scored = rows.filter((row) => this.shows(row) && trials.hasScore.has(row));
    this.low = scored.reduce((least, row) => Math.min(least, trials.loss(row)), this.low);
    this.field.low = this.low;
    super.update(rows);
  }

  /** @override */
  scales() {
    const rows = this.rows();
    this.legend.hidden = rows === null;
    const crossed = rows?.some((row) => this.trials.diverged.has(row));
    showLegend(this.panel, crossed ? [{ sign: "✖", shade: colour("diverged"), text: "diverged" }] : []);
    if (rows === null) return null;
    const [x, y] = this.columns;
    [this.low, this.high] = this.trials.lossRange();
    this.alpha = Math.min(0.8, 12 / Math.sqrt(rows.length));
    /** @param {import("../lib/trials.js").Column} column */
    const scale = (column) => scaleOf(column, rows.map((row) => this.trials.values[column.name][row]));
    return { x: scale(x), y: scale(y), xTitle: x.title, yTitle: y.title };
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
    if (this.trials.diverged.has(row)) {
      this.cross(brush, at[0], at[1]);
      return;
    }
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
  }

  /** Paint the smoothed metric, unless it is painted with all spots already. */
  #paintField() {
    if (this.painted === this.field && this.paintedSpots === this.spots.item.length) return;
    this.painted = this.field;
    this.paintedSpots = this.spots.item.length;
    const bar = el("canvas", { "aria-hidden": "true" });
    this.legend.replaceChildren(this.#words(this.low), bar, this.#words(this.high));
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

  /** @param {number} loss */
  #words(loss) {
    return decimals(shown(this.trials.metric, loss));
  }

  /** @override */
  label() {
    const { label } = this.trials.metric;
    return (
      `Smoothed ${label} of ${this.spots.item.length} trials over ${this.overWhat}; best ${this.#words(this.low)}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} x
   * @param {number} y
   */
  placeTooltip(x, y) {
    const smoothed = this.field.at(x, y);
    return smoothed === null ? null : `smoothed ${this.#words(smoothed)}`;
  }
}
