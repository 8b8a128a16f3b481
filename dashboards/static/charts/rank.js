// Chart of each trial's rank over two metaparameters, by colour: unlike its metric, no outlier hides the
// others.

import { goodness, paintRamp } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { showLegend } from "../lib/panel.js";
import { scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { ParameterChart } from "./parameter_chart.js";
import { choosePlane, dataOf, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */

/**
 * Fill the panel "rank".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Rank(page, panel);

/** The chart. */
class Rank extends ParameterChart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor(page, panel) {
    super(page, panel);
    const { trials } = page;
    this.legend = panel.tools.appendChild(el("span", { class: "legend" }));
    const plane = choosePlane(panel, trials, { id: "rank", keys: ["rx", "ry"] }, () => this.draw());
    this.x = plane.x;
    this.y = plane.y;
    /** @type {Map<number, number>} place of each row among the results, from 0 */
    this.places = new Map();
    panel.offerData(() => {
      const { headings, rows } = dataOf(trials, ["tid", this.x(), this.y(), trials.score.name].filter(Boolean), this.items());
      return { headings: [...headings, "rank"], rows: rows.map((row) => [...row, this.#rank(trials.rows.get(Number(row[0])) ?? 0)]) };
    });
    this.draw();
  }

  /** @override */
  chosen() {
    return [this.x(), this.y()];
  }

  /** @override */
  scales() {
    const { trials } = this;
    const rows = this.rows();
    this.legend.hidden = rows === null;
    showLegend(this.panel, rows?.some((row) => trials.diverged.has(row)) ? [{ sign: "✖", shade: colour("diverged"), text: "diverged" }] : []);
    if (rows === null) return null;
    this.places = new Map(trials.ranked(trials.scored).map((row, at) => [row, at]));
    const bar = el("canvas", { "aria-hidden": "true" });
    this.legend.replaceChildren("rank 1", bar, String(trials.scored.length));
    paintRamp(bar, goodness);
    const [x, y] = this.columns;
    /** @param {import("../lib/trials.js").Column} column */
    const scale = (column) => scaleOf(column, rows.map((row) => trials.values[column.name][row]));
    return { x: scale(x), y: scale(y), xTitle: x.title, yTitle: y.title };
  }

  /** @param {number} row */
  #rank(row) {
    return this.trials.hasScore.has(row) ? this.trials.rank(this.trials.loss(row), this.trials.violation(row)) : null;
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    return this.columns.map((column) => spread(this.trials, column, row));
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const [across, up] = this.values(row);
    const [x, y] = this.spot(row, across, up);
    if (this.trials.diverged.has(row)) {
      this.cross(brush, x, y);
      return;
    }
    const count = this.trials.scored.length;
    // A trial that came after the last drawing has no place yet.
    const place = this.places.get(row) ?? (this.#rank(row) ?? 1) - 1;
    const size = count > 2000 ? 3 : 7;
    brush.globalAlpha = count > 2000 ? 0.6 : 0.9;
    brush.fillStyle = goodness(place / Math.max(1, count - 1));
    brush.fillRect(x - size / 2, y - size / 2, size, size);
  }

  /** @override */
  label() {
    return (
      `Rank by ${this.trials.metric.label} of ${this.spots.item.length} trials over ${this.overWhat}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const rank = this.#rank(row);
    return rank === null ? super.tooltip(row) : `${super.tooltip(row)}\nrank ${rank} of ${this.trials.scored.length}`;
  }
}
