// Scatter chart of two metrics of a search: its trials, the front among them, and a brush over both.

import { strokeCross } from "../lib/canvas.js";
import { cell } from "../lib/format.js";
import { whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { brushByDrag } from "./links.js";
import { choose, dataOf } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

/**
 * Fill the panel "front".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Front(page, panel);

/**
 * The chart; its items are rows. A drag brushes both metrics, which filters every chart of the page.
 *
 * @extends {Chart<number>}
 */
class Front extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, () => whyNoResult(trials.summary));
    this.trials = trials;
    this.brushes = brushes;
    /** @type {Column[]} */
    this.columns = [];
    const { metrics } = trials;
    const redraw = () => this.draw();
    this.x = choose(panel, { id: "front-x", label: "x", key: "fx", options: metrics, otherwise: metrics[0].name }, redraw);
    this.y = choose(panel, { id: "front-y", label: "y", key: "fy", options: metrics, otherwise: metrics[1].name }, redraw);
    panel.offerData(() => dataOf(trials, ["tid", ...metrics.map(({ name }) => name)], this.items().filter((row) => brushes.passes(row))));
    brushes.onChange(redraw);
    this.link(selection);
    brushByDrag(this, brushes, () => this.columns);
    this.draw();
  }

  /** The whole chart is drawn anew: a new trial may take others off the front. */
  update() {
    this.draw();
  }

  /** @override */
  items() {
    const { scored, front } = this.trials;
    const shown = scored.filter((row) => this.trials.uses(this.columns, row));
    // The front is drawn last, above the others.
    return [...shown.filter((row) => !front.has(this.trials.tid(row))), ...shown.filter((row) => front.has(this.trials.tid(row)))];
  }

  /** @override */
  scales() {
    const { trials } = this;
    this.columns = [this.x(), this.y()].map((name) => trials.column(name));
    const rows = this.items();
    if (rows.length === 0) {
      showLegend(this.panel, []);
      return null;
    }
    const entries = trials.front.size ? [{ sign: "●", shade: colour("accent"), text: `front of ${trials.summary.metrics.map(({ label }) => label).join(" and ")}` }] : [];
    entries.push({ sign: "■", shade: colour("queued"), text: "other trials" });
    if (trials.summary.constraints.length) entries.push({ sign: "✖", shade: colour("failed"), text: `not ${trials.summary.constraints.join(", ")}` });
    showLegend(this.panel, entries);
    const [x, y] = this.columns.map((column) => scaleOf(column, rows.map((row) => trials.values[column.name][row])));
    return { x, y, xTitle: this.columns[0].title, yTitle: this.columns[1].title };
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    return this.columns.map(({ name }) => this.trials.values[name][row] ?? NaN);
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const { trials } = this;
    const [across, up] = this.values(row);
    const [x, y] = this.spot(row, across, up);
    brush.globalAlpha = this.brushes.passes(row) ? 0.9 : 0.15;
    if (trials.violation(row) > 0) {
      brush.strokeStyle = colour("failed");
      strokeCross(brush, x, y, 6);
    } else if (trials.front.has(trials.tid(row))) {
      brush.fillStyle = colour("accent");
      brush.beginPath();
      brush.arc(x, y, 4.5, 0, 7);
      brush.fill();
    } else {
      brush.fillStyle = colour("queued");
      brush.fillRect(x - 2, y - 2, 4, 4);
    }
    brush.globalAlpha = 1;
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    const [x, y] = this.columns.map(({ name }) => this.brushes.get(name));
    if (!x || !y || x instanceof Set || y instanceof Set) return;
    const { plane } = this;
    brush.strokeStyle = colour("accent");
    brush.lineWidth = 1;
    brush.strokeRect(plane.x(x.low), plane.y(y.high), plane.x(x.high) - plane.x(x.low), plane.y(y.low) - plane.y(y.high));
  }

  /**
   * The front's trials by the first metric, the best first; without a front, all trials.
   *
   * @override
   */
  stops() {
    const { trials, spots } = this;
    const at = new Map(spots.item.map((row, place) => [row, place]));
    const rows = trials.front.size ? spots.item.filter((row) => trials.front.has(trials.tid(row))) : spots.item;
    return trials.ranked(rows).map((row) => /** @type {number} */ (at.get(row)));
  }

  /** @override */
  label() {
    const { trials, spots } = this;
    const titles = this.columns.map(({ title }) => title).join(" and ");
    const broken = spots.item.filter((row) => trials.violation(row) > 0).length;
    return (
      `${titles} of ${spots.item.length} trials, ${trials.front.size} of them on the front` +
      `${broken ? `, ${broken} break a constraint` : ""}. Left and right go through the front, Enter opens a trial; ` +
      "a drag filters the trials, as brushes on the axes of the parallel coordinates do."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { trials } = this;
    const kind = trials.violation(row) > 0 ? ", breaks a constraint" : trials.front.has(trials.tid(row)) ? ", on the front" : "";
    const values = trials.metrics.map(({ name, title }) => `${title}: ${cell(trials.value(name, row))}`);
    return [`trial ${trials.tid(row)}${kind}`, ...values].join("\n");
  }

  /**
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.trials.tid(row);
  }
}
