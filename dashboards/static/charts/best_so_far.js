// Chart of every result in the order of finishing, and of the best so far.

import { clock, decimals } from "../lib/format.js";
import { extent, numberScale, roomy } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { byLoss } from "../lib/trials.js";
import { Chart } from "./chart.js";

/** @typedef {import("./chart.js").Brush} Brush */

/**
 * Fill the panel "best".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ trials }, [panel]) => new BestSoFar(panel, trials);

/**
 * The chart; its items are places in the order of finishing.
 *
 * @extends {Chart<number>}
 */
class BestSoFar extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {import("../lib/trials.js").Trials} trials
   */
  constructor(panel, trials) {
    super(panel, trials.name, "No trial has finished with a result yet.");
    this.trials = trials;
    /** @type {number[]} rows of trials with a loss */
    this.order = [];
    this.known = new Set();
    /** @type {{at: number, row: number, loss: number, tid: number}[]} */
    this.improvements = [];
    this.size = 0;
    this.alpha = 1;
    panel.offerData(() => this.#table());
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    const { loss, finished } = this.trials.values;
    const fresh = rows.filter((row) => loss[row] !== null && !this.known.has(row));
    fresh.sort((a, b) => (finished[a] ?? 0) - (finished[b] ?? 0) || a - b);
    const first = this.order.length;
    for (const row of fresh) {
      this.known.add(row);
      this.order.push(row);
      const best = this.improvements.at(-1);
      const result = { at: this.order.length - 1, row, loss: this.trials.loss(row), tid: this.trials.tid(row) };
      if (best === undefined || byLoss(result, best) < 0) this.improvements.push(result);
    }
    this.add(fresh.map((_, at) => first + at));
  }

  /** @override */
  scales() {
    const count = this.order.length;
    if (count === 0) return null;
    this.size = count > 2000 ? 1.5 : count > 300 ? 3 : 4.5;
    this.alpha = count > 2000 ? 0.45 : 0.75;
    const [low, high] = extent(this.order, (row) => this.trials.loss(row));
    return {
      x: numberScale(0, Math.max(5, Math.ceil(1.1 * count))),
      y: roomy(low, high),
      xTitle: "finished trials",
      yTitle: "validation error",
    };
  }

  /** @override */
  items() {
    return this.order.keys();
  }

  /**
   * @override
   * @param {number} at
   */
  values(at) {
    return [at + 1, this.trials.loss(this.order[at])];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} at
   */
  mark(brush, at) {
    const [number, loss] = this.values(at);
    const [x, y] = this.spot(at, number, loss);
    brush.globalAlpha = this.alpha;
    brush.fillStyle = colour("queued");
    brush.fillRect(x - this.size / 2, y - this.size / 2, this.size, this.size);
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    brush.strokeStyle = colour("accent");
    brush.fillStyle = colour("accent");
    brush.lineWidth = 2;
    brush.beginPath();
    const { x, y } = this.plane;
    let before = null;
    for (const { at, loss } of this.improvements) {
      if (before !== null) brush.lineTo(x(at + 1), y(before));
      brush.lineTo(x(at + 1), y(loss));
      before = loss;
    }
    if (before !== null) brush.lineTo(x(this.order.length), y(before));
    brush.stroke();
    for (const { at, loss } of this.improvements) {
      brush.beginPath();
      brush.arc(x(at + 1), y(loss), 3.5, 0, 7);
      brush.fill();
    }
  }

  /** @override */
  stops() {
    return this.improvements.map(({ at }) => at);
  }

  /**
   * @override
   * @param {number[]} stops
   */
  firstStop(stops) {
    return stops.length - 1;
  }

  /** @override */
  label() {
    const best = this.improvements[this.improvements.length - 1];
    return (
      `Best so far ${decimals(best.loss)}, trial ${best.tid}, after ${this.order.length} results. ` +
      "Left and right go through the improvements, Enter opens the trial."
    );
  }

  /**
   * @override
   * @param {number} at
   */
  tooltip(at) {
    return `trial ${this.tidOf(at)}: ${decimals(this.values(at)[1])}\nresult ${at + 1}`;
  }

  /**
   * @override
   * @param {number} at
   */
  tidOf(at) {
    return this.trials.tid(this.order[at]);
  }

  #table() {
    const { tid, loss, finished } = this.trials.values;
    const started = Date.parse(this.trials.summary.created_at) / 1000;
    let best = Infinity;
    const rows = this.order.map((row, at) => {
      best = Math.min(best, this.trials.loss(row));
      const seconds = finished[row];
      return [at + 1, tid[row], loss[row], best, seconds === null ? "" : clock(started + seconds)];
    });
    return { headings: ["result", "trial", "validation error", "best so far", "finished"], rows };
  }
}
