// Chart of the metric's empirical distribution: the share of ended trials that are at least so good.

import { decimals } from "../lib/format.js";
import { atMostEvery } from "../lib/dom.js";
import { whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { extent, numberScale, roomy } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { brushByDrag } from "./links.js";

/** @typedef {import("./chart.js").Brush} Brush */

// A result changes the curve as a whole, so it is drawn anew at most so often.
const LEAST_GAP_MS = 1000;

/**
 * Fill the panel "distribution".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Distribution(page, panel);

/**
 * The share of ended trials that each of some ranked ones reaches, from 0 to 1.
 *
 * @param {number} results number of ranked trials
 * @param {number} diverged number of trials that diverged, which are worse than any
 */
export const shares = (results, diverged) => Array.from({ length: results }, (_, at) => (at + 1) / (results + diverged));

/**
 * The chart; its items are rows with a result, the best first.
 *
 * @extends {Chart<number>}
 */
class Distribution extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, () => (trials.scored.length ? "No finished trial is inside all brushes." : whyNoResult(trials.summary)));
    this.trials = trials;
    this.brushes = brushes;
    /** @type {Map<number, number>} by row */
    this.shares = new Map();
    this.redrawLater = atMostEvery(LEAST_GAP_MS, () => this.draw());
    this.link(selection);
    brushes.onChange(() => this.draw());
    brushByDrag(this, brushes, () => [trials.score, null]);
    panel.offerData(() => ({
      headings: ["trial", trials.metric.label, "share of trials at least as good"],
      rows: [...this.shares].map(([row, share]) => [trials.tid(row), trials.metricOf(row), share]),
    }));
    this.draw();
  }

  update() {
    this.redrawLater();
  }

  /** @override */
  scales() {
    const { trials, brushes } = this;
    const rows = trials.ranked(trials.scored.filter((row) => brushes.passes(row)));
    const diverged = [...trials.diverged].filter((row) => brushes.passes(row)).length;
    const found = shares(rows.length, diverged);
    this.shares = new Map(rows.map((row, at) => [row, found[at]]));
    showLegend(this.panel, diverged && rows.length ? [{ sign: "✖", shade: colour("diverged"), text: `${diverged} diverged, worse than any result` }] : []);
    if (rows.length === 0) return null;
    const [low, high] = extent(trials.scored, (row) => trials.metricOf(row));
    return { x: roomy(low, high), y: numberScale(0, 1), xTitle: trials.metric.label, yTitle: "share of trials at least as good" };
  }

  /** @override */
  items() {
    return this.shares.keys();
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    return [this.trials.metricOf(row), this.shares.get(row) ?? 0];
  }

  /**
   * The curve is drawn as a whole, above.
   *
   * @override
   * @param {Brush} _brush
   * @param {number} row
   */
  mark(_brush, row) {
    const [x, y] = this.values(row);
    this.spot(row, x, y);
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    const { x, y } = this.spots;
    brush.strokeStyle = colour("accent");
    brush.lineWidth = 2;
    brush.beginPath();
    let before = this.plane.y(0);
    for (let at = 0; at < x.length; at += 1) {
      brush.lineTo(x[at], before);
      brush.lineTo(x[at], y[at]);
      before = y[at];
    }
    brush.stroke();
  }

  /** @override */
  label() {
    const { metric } = this.trials;
    const rows = [...this.shares.keys()];
    const median = rows[Math.floor((rows.length - 1) / 2)];
    return (
      `Empirical distribution of the ${metric.label} of ${rows.length} trials; the better half reaches ${decimals(this.trials.metricOf(median))}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const share = ((this.shares.get(row) ?? 0) * 100).toFixed(1);
    return `trial ${this.trials.tid(row)}: ${decimals(this.trials.metricOf(row))}\n${share} % are at least as good`;
  }

  /**
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.trials.tid(row);
  }
}
