// Chart of every result over the finished trials, the time or the slot hours, and of the best so far.

import { strokeCross } from "../lib/canvas.js";
import { isChecked, el } from "../lib/dom.js";
import { clock, decimals, short, unitOfTime } from "../lib/format.js";
import { shown, whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { extent, numberScale, roomy, roomyLog, withLane } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { byLoss } from "../lib/trials.js";
import * as urlState from "../lib/urlstate.js";
import { Chart } from "./chart.js";
import { brushByDrag } from "./links.js";
import { choose } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */

const OVER = [
  { name: "number", title: "finished trials" },
  { name: "time", title: "time since the start" },
  { name: "slots", title: "time of slots" },
];

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
export const create = (page, [panel]) => new BestSoFar(panel, page);

/**
 * The chart; its items are finished trials.
 *
 * @extends {Chart<Ended>}
 */
class BestSoFar extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {import("./chart.js").SearchPage} page
   */
  constructor(panel, { trials, brushes, selection }) {
    super(panel, trials.name, () => whyNoResult(trials.summary));
    this.trials = trials;
    this.brushes = brushes;
    /** @type {Ended[]} */
    this.order = [];
    this.known = new Set();
    /** Number of finished trials with a result. */
    this.results = 0;
    /** @type {(Ended & {loss: number})[]} */
    this.improvements = [];
    this.size = 0;
    this.alpha = 1;
    /** @type {Map<number, number>} seconds of slots that all trials had taken when a row's trial ended */
    this.spent = new Map();
    this.unit = unitOfTime(1);
    this.across = choose(panel, { id: "best-over", label: "over", key: "over", options: OVER, otherwise: "number" }, () => this.draw());
    this.log = urlState.get("log", "") === "1";
    const box = el("input", { type: "checkbox", id: "best-log", checked: this.log, onchange: (/** @type {Event} */ event) => {
      this.log = isChecked(event);
      urlState.set({ log: this.log ? 1 : null });
      this.draw();
    } });
    this.logLabel = el("label", { class: "small" }, box, " logarithmic");
    panel.tools.append(this.logLabel);
    this.link(selection);
    brushes.onChange(() => this.draw());
    brushByDrag(this, brushes, () => [null, trials.score]);
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
    // Numbers that reach 0 have no logarithm.
    this.logLabel.hidden = low <= 0;
    const plain = this.log && low > 0 ? roomyLog(low, high) : roomy(low, high);
    const y = trials.diverged.size ? withLane(plain, trials.metric.direction) : plain;
    showLegend(this.panel, trials.diverged.size ? [{ sign: "✖", shade: colour("diverged"), text: "diverged" }] : []);
    const over = this.across();
    if (over === "slots") this.#spend();
    if (over === "number") return { x: numberScale(0, Math.max(5, Math.ceil(1.1 * results))), y, xTitle: OVER[0].title, yTitle: trials.metric.label };
    this.unit = unitOfTime(1);
    const [, last] = extent(this.order, (ended) => this.#place(ended));
    this.unit = unitOfTime(last);
    return { x: numberScale(0, 1.1 * Math.max(1e-3, last / this.unit.size)), y, xTitle: this.#words, yTitle: trials.metric.label };
  }

  /** The horizontal axis's unit in words. */
  get #words() {
    return this.across() === "time" ? `${this.unit.word} since the start` : `slot ${this.unit.word}`;
  }

  /** Add up the time of slots of all trials in the order in which they ended. */
  #spend() {
    const { finished, seconds } = this.trials.values;
    const ended = finished.flatMap((at, row) => (at === null ? [] : [{ at, row }])).sort((a, b) => a.at - b.at || a.row - b.row);
    let spent = 0;
    this.spent = new Map(ended.map(({ row }) => [row, (spent += seconds[row] ?? 0)]));
  }

  /**
   * The place of a trial on the horizontal axis.
   *
   * @param {Ended} ended
   */
  #place({ row, at }) {
    const over = this.across();
    if (over === "number") return at;
    if (over === "time") return Math.max(0, this.trials.values.finished[row] ?? 0) / this.unit.size;
    // A trial that ended since the last drawing makes the chart be drawn anew.
    return (this.spent.get(row) ?? Infinity) / this.unit.size;
  }

  /** @override */
  items() {
    return this.order;
  }

  /**
   * @override
   * @param {Ended} ended
   */
  values(ended) {
    return [this.#place(ended), ended.loss === null ? Infinity : this.#shown(ended.loss)];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {Ended} ended
   */
  mark(brush, ended) {
    const [number, up] = this.values(ended);
    const [x, y] = this.spot(ended, number, up);
    brush.globalAlpha = this.brushes.passes(ended.row) ? this.alpha : 0.12;
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
    const places = this.improvements.map((each) => [x(this.#place(each)), y(this.#shown(each.loss))]);
    for (const [left, up] of places) {
      if (before !== null) brush.lineTo(left, before);
      brush.lineTo(left, up);
      before = up;
    }
    const last = this.order.at(-1);
    if (before !== null && last) brush.lineTo(x(this.across() === "number" ? this.results : this.#place(last)), before);
    brush.stroke();
    for (const [left, up] of places) {
      brush.beginPath();
      brush.arc(left, up, 3.5, 0, 7);
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
  tooltip(ended) {
    const { tid, at, loss } = ended;
    const where = this.across() === "number" ? `result ${at}` : `${this.#words}: ${short(this.#place(ended))}`;
    return loss === null ? `trial ${tid}: diverged` : `trial ${tid}: ${decimals(this.#shown(loss))}\n${where}`;
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
    this.#spend();
    const rows = this.order.filter(({ loss }) => loss !== null).map(({ row, tid, at, loss }) => {
      if (this.trials.violation(row) === 0) best = Math.min(best, loss ?? Infinity);
      const seconds = finished[row];
      return [at, tid, this.#shown(loss ?? NaN), Number.isFinite(best) ? this.#shown(best) : "", seconds === null ? "" : clock(started + seconds), (this.spent.get(row) ?? 0) / 3600];
    });
    return { headings: ["result", "trial", this.trials.metric.label, "best so far", "finished", "slot hours"], rows };
  }
}
