// Chart of every result in the order of finishing, and of the best so far.

import { strokeCross } from "../lib/canvas.js";
import { clock, decimals } from "../lib/format.js";
import { shown, whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { extent, numberScale, roomy, withLane } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { byLoss } from "../lib/trials.js";
import { Chart } from "./chart.js";

/** @typedef {import("./chart.js").Brush} Brush */

/**
 * A finished trial at a place among the results; `loss` is null for one that diverged, which stands
 * after the results that came before it.
 *
 * @typedef {{row: number, tid: number, at: number, loss: number | null}} Ended
 */

/**
 * Fill the panel "best".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ trials }, [panel]) => new BestSoFar(panel, trials);

/**
 * The chart; its items are finished trials.
 *
 * @extends {Chart<Ended>}
 */
class BestSoFar extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {import("../lib/trials.js").Trials} trials
   */
  constructor(panel, trials) {
    super(panel, trials.name, () => whyNoResult(trials.summary));
    this.trials = trials;
    /** @type {Ended[]} */
    this.order = [];
    this.known = new Set();
    /** Number of finished trials with a result. */
    this.results = 0;
    /** @type {(Ended & {loss: number})[]} */
    this.improvements = [];
    this.size = 0;
    this.alpha = 1;
    panel.offerData(() => this.#table());
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    const { values, hasScore, diverged } = this.trials;
    const { finished } = values;
    const fresh = rows.filter((row) => !this.known.has(row) && (hasScore.has(row) || diverged.has(row)));
    fresh.sort((a, b) => (finished[a] ?? 0) - (finished[b] ?? 0) || a - b);
    this.add(fresh.map((row) => this.#ended(row)));
  }

  /** @param {number} row */
  #ended(row) {
    this.known.add(row);
    const tid = this.trials.tid(row);
    const loss = this.trials.hasScore.has(row) ? this.trials.loss(row) : null;
    const ended = { row, tid, at: loss === null ? this.results + 0.5 : (this.results += 1), loss };
    this.order.push(ended);
    const best = this.improvements.at(-1);
    const kept = loss !== null && this.trials.violation(row) === 0;
    if (kept && (best === undefined || byLoss({ loss, tid }, best) < 0)) this.improvements.push({ ...ended, loss });
    return ended;
  }

  /** @override */
  scales() {
    const { trials, results } = this;
    if (results === 0) return null;
    this.size = results > 2000 ? 1.5 : results > 300 ? 3 : 4.5;
    this.alpha = results > 2000 ? 0.45 : 0.75;
    const [low, high] = extent(trials.scored, (row) => trials.metricOf(row));
    const plain = roomy(low, high);
    const y = trials.diverged.size ? withLane(plain, trials.metric.direction) : plain;
    showLegend(this.panel, trials.diverged.size ? [{ sign: "✖", shade: colour("diverged"), text: "diverged" }] : []);
    return { x: numberScale(0, Math.max(5, Math.ceil(1.1 * results))), y, xTitle: "finished trials", yTitle: trials.metric.label };
  }

  /** @override */
  items() {
    return this.order;
  }

  /**
   * @override
   * @param {Ended} ended
   */
  values({ at, loss }) {
    return [at, loss === null ? Infinity : this.#shown(loss)];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {Ended} ended
   */
  mark(brush, ended) {
    const [number, up] = this.values(ended);
    const [x, y] = this.spot(ended, number, up);
    brush.globalAlpha = this.alpha;
    if (ended.loss === null) {
      brush.strokeStyle = colour("diverged");
      strokeCross(brush, x, y, 6);
      return;
    }
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
      const up = y(this.#shown(loss));
      if (before !== null) brush.lineTo(x(at), before);
      brush.lineTo(x(at), up);
      before = up;
    }
    if (before !== null) brush.lineTo(x(this.results), before);
    brush.stroke();
    for (const { at, loss } of this.improvements) {
      brush.beginPath();
      brush.arc(x(at), y(this.#shown(loss)), 3.5, 0, 7);
      brush.fill();
    }
  }

  /** @param {number} loss */
  #shown(loss) {
    return shown(this.trials.metric, loss);
  }

  /** @override */
  stops() {
    const rows = new Set(this.improvements.map(({ row }) => row));
    return this.spots.item.flatMap(({ row }, at) => (rows.has(row) ? [at] : []));
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
    const best = this.improvements.at(-1);
    const { size } = this.trials.diverged;
    const found = best ? `${decimals(this.#shown(best.loss))}, trial ${best.tid}` : "none that keeps the constraints";
    return (
      `Best ${this.trials.metric.label} so far ${found}, after ${this.results} results` +
      `${size ? `; ${size} diverged` : ""}. Left and right go through the improvements, Enter opens the trial.`
    );
  }

  /**
   * @override
   * @param {Ended} ended
   */
  tooltip({ tid, at, loss }) {
    return loss === null ? `trial ${tid}: diverged` : `trial ${tid}: ${decimals(this.#shown(loss))}\nresult ${at}`;
  }

  /**
   * @override
   * @param {Ended} ended
   */
  tidOf({ tid }) {
    return tid;
  }

  #table() {
    const { finished } = this.trials.values;
    const started = Date.parse(this.trials.summary.created_at) / 1000;
    let best = Infinity;
    const rows = this.order.filter(({ loss }) => loss !== null).map(({ row, tid, at, loss }) => {
      if (this.trials.violation(row) === 0) best = Math.min(best, loss ?? Infinity);
      const seconds = finished[row];
      return [at, tid, this.#shown(loss ?? NaN), Number.isFinite(best) ? this.#shown(best) : "", seconds === null ? "" : clock(started + seconds)];
    });
    return { headings: ["result", "trial", this.trials.metric.label, "best so far", "finished"], rows };
  }
}
