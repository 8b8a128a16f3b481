// Chart of learning curves: a number that trials report after each step, the best trials' in colour, the
// others' in grey; marked ones stand out.

import { ApiError, getJson, searchUrl } from "../lib/api.js";
import { shapeOf, strokeCross } from "../lib/canvas.js";
import { goodness } from "../lib/colours.js";
import { atMostEvery, el } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { extent, numberScale, roomy, withLane } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { byLoss } from "../lib/trials.js";
import * as urlState from "../lib/urlstate.js";
import { Chart } from "./chart.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {Api.Curve & {loss: number}} Scored */

// New curves are requested at most so often: each request covers all trials that ended meanwhile.
const GAP_MS = 400;
// Above so many curves the page replaces them by a new sample, so that drawing stays fast.
const MOST = 600;
// Above so many new trials a new sample is smaller than the list of their numbers.
const MOST_REQUESTED = 50;
const TOPS = ["5", "10", "20", "50"];

/**
 * Fill the panel "curves".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Curves(page, panel);

/**
 * The chart; its items are curves as the API sends them.
 *
 * @extends {Chart<Api.Curve>}
 */
class Curves extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, () => this.#whyEmpty());
    this.trials = trials;
    this.selection = selection;
    this.brushes = brushes;
    this.link(selection);
    brushes.onChange(() => this.draw());
    /** @type {Map<number, Api.Curve>} by trial number */
    this.held = new Map();
    /** @type {Set<number>} trials whose curves are to be read */
    this.wanted = new Set();
    /** @type {Set<Api.Curve>} */
    this.best = new Set();
    /** @type {Map<Api.Curve, number>} rank among the best, from 0 */
    this.places = new Map();
    this.stale = false;
    /** The metrics that trials have reported, and the one that is drawn; empty before they are read. */
    this.metrics = /** @type {Api.Curves["metrics"]} */ ([]);
    this.metric = urlState.get("metric", "");
    this.unit = "epoch";
    this.choice = el("select", { class: "tool", id: "curves-metric", "aria-label": "Metric", hidden: true });
    this.choice.addEventListener("change", () => {
      this.metric = this.choice.value;
      urlState.set({ metric: this.metric });
      this.load();
    });
    panel.tools.append(this.choice);
    const wanted = urlState.get("top", "10");
    this.top = el("select", { class: "tool", id: "curves-top" }, TOPS.map((text) => el("option", { selected: text === wanted, text })));
    panel.tools.append(el("label", { class: "small" }, "top ", this.top));
    this.top.addEventListener("change", () => {
      urlState.set({ top: this.top.value });
      this.load();
    });
    this.note = panel.section.appendChild(el("p", { class: "small muted" }));
    this.fetch = atMostEvery(GAP_MS, () => this.#readMore());
    selection.onChange(() => this.#readMarked());
    selection.onPoint(() => this.#readMarked());
    panel.offerData(() => ({
      headings: ["trial", "rank", this.unit, this.#title],
      rows: [...this.#ranked(), ...[...this.held.values()].filter(({ loss }) => loss === null)].flatMap(({ tid, loss, epoch, values }) =>
        epoch.map((each, at) => [tid, this.#rank(loss, tid), each, values[at]])),
    }));
  }

  /** Read the best curves and a sample of the others. */
  load() {
    return this.panel.fill(() => this.#readSample());
  }

  async #readSample() {
    const { curves, metric, metrics, unit } = await this.#request({ top: this.top.value });
    if (this.metric && metrics.length && !metrics.some(({ name }) => name === metric)) {
      // The address names a metric of another search.
      this.metric = "";
      await this.#readSample();
      return;
    }
    this.unit = unit;
    this.#offer(metric, metrics);
    this.held.clear();
    for (const curve of curves) this.held.set(curve.tid, curve);
    this.draw();
    this.#readMarked();
  }

  /**
   * Offer the metrics that trials report; the search's own one comes first.
   *
   * @param {string} metric
   * @param {Api.Curves["metrics"]} metrics
   */
  #offer(metric, metrics) {
    this.metric = metric;
    this.metrics = metrics;
    this.choice.replaceChildren(...metrics.map(({ name, label }) => el("option", { value: name, selected: name === metric, text: label })));
    this.choice.hidden = metrics.length < 2;
  }

  /** The drawn metric's name for people. */
  get #title() {
    return this.metrics.find(({ name }) => name === this.metric)?.label ?? this.trials.metric.label;
  }

  #whyEmpty() {
    const { scored, summary } = this.trials;
    return scored.length ? "The trials of this search report nothing before their end." : whyNoResult(summary);
  }

  /** @param {number[]} rows that changed; the curves of those that have ended are read */
  update(rows) {
    for (const row of rows) {
      const tid = this.trials.tid(row);
      const ended = this.trials.hasScore.has(row) || this.trials.diverged.has(row) || this.trials.value("state", row) === "pruned";
      if (ended && !this.held.has(tid)) this.wanted.add(tid);
    }
    if (this.wanted.size) this.fetch();
  }

  /**
   * @param {Record<string, string>} query
   * @returns {Promise<Api.Curves>}
   */
  #request(query) {
    const all = this.metric ? { ...query, metric: this.metric } : query;
    return getJson(searchUrl(this.trials.name, `/curves?${new URLSearchParams(all)}`));
  }

  #readMarked() {
    const { pointed, tids } = this.selection;
    for (const tid of pointed === null ? tids : [...tids, pointed]) if (!this.held.has(tid) && this.trials.rows.has(tid)) this.wanted.add(tid);
    if (this.wanted.size) this.fetch();
  }

  async #readMore() {
    // Outside the viewport reading waits: by then there are more curves for one request.
    if (!this.visible) {
      this.stale = true;
      return;
    }
    const tids = [...this.wanted];
    const tooMany = this.held.size + tids.length > MOST || tids.length > MOST_REQUESTED;
    this.wanted.clear();
    await ignoringApiErrors(() => (tooMany ? this.#readSample() : this.#readSome(tids)));
  }

  /** @param {number[]} tids */
  async #readSome(tids) {
    const { curves } = await this.#request({ tids: tids.join(",") });
    for (const curve of curves) this.held.set(curve.tid, curve);
    const best = this.#bestCurves();
    if (curves.some((curve) => best.has(curve))) this.draw();
    else this.add(curves);
  }

  /** @override */
  onView() {
    if (!this.stale) return;
    this.stale = false;
    this.fetch();
  }

  #ranked() {
    const scored = /** @type {Scored[]} */ ([...this.held.values()].filter(({ loss }) => loss !== null));
    const keyed = scored.map((curve) => ({ curve, loss: curve.loss, tid: curve.tid, violation: this.#violation(curve.tid) }));
    return keyed.sort(byLoss).map(({ curve }) => curve);
  }

  /** @param {number} tid */
  #violation(tid) {
    const row = this.trials.rows.get(tid);
    return row === undefined ? 0 : this.trials.violation(row);
  }

  /** @param {number} tid */
  #passes(tid) {
    const row = this.trials.rows.get(tid);
    return row === undefined || this.brushes.passes(row);
  }

  #bestCurves() {
    const passing = /** @type {Api.Curve[]} */ (this.#ranked()).filter(({ tid }) => this.#passes(tid));
    return new Set(passing.slice(0, Number(this.top.value)));
  }

  /**
   * @param {number | null} loss
   * @param {number} tid
   */
  #rank(loss, tid) {
    return loss === null ? null : this.trials.rank(loss, this.#violation(tid));
  }

  /** @override */
  scales() {
    const curves = [...this.held.values()].filter(({ epoch }) => epoch.length);
    if (curves.length === 0) return null;
    const ends = [...this.held.values()].map(({ ended }) => ended);
    showLegend(this.panel, [
      ...(ends.includes("pruned") ? [{ sign: "▼", shade: colour("pruned"), text: "pruned here" }] : []),
      ...(ends.includes("diverged") ? [{ sign: "✖", shade: colour("diverged"), text: "diverged here" }] : []),
    ]);
    const [low, high] = extent(curves.flatMap(({ values }) => values), (value) => value ?? NaN);
    if (low > high) return null;
    const last = this.trials.summary.epochs ?? extent(curves, ({ epoch }) => epoch[epoch.length - 1])[1];
    const own = this.metric === this.trials.metric.name || !this.metric;
    const y = ends.includes("diverged") ? withLane(roomy(low, high), own ? this.trials.metric.direction : "minimize") : roomy(low, high);
    return { x: numberScale(0, Math.max(1, last)), y, xTitle: this.unit, yTitle: this.#title };
  }

  /** @override */
  begin() {
    this.best = this.#bestCurves();
    this.places = new Map([...this.best].map((curve, at) => [curve, at]));
  }

  /** @override */
  items() {
    return [...[...this.held.values()].filter((curve) => !this.best.has(curve)), ...[...this.best].reverse()];
  }

  /**
   * @override
   * @param {Api.Curve} curve
   */
  corners({ epoch, values }) {
    return epoch.flatMap((each, at) => {
      const value = values[at];
      return value === null ? [] : [[each, value]];
    });
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {Api.Curve} curve
   * @param {boolean} later
   */
  mark(brush, curve, later) {
    const at = this.places.get(curve);
    brush.globalAlpha = at !== undefined ? 1 : this.#passes(curve.tid) ? 0.3 : 0.06;
    brush.strokeStyle = at === undefined ? colour("queued") : goodness(at / Math.max(10, this.places.size));
    brush.lineWidth = at === undefined ? 1 : 2;
    // A curve that is added later and isn't among the best is drawn below those that are.
    brush.globalCompositeOperation = later ? "destination-over" : "source-over";
    this.#trace(brush, curve, true);
    this.#end(brush, curve);
    brush.globalCompositeOperation = "source-over";
  }

  /**
   * Mark where a trial was pruned, or in which epoch it diverged.
   *
   * @param {Brush} brush
   * @param {Api.Curve} curve
   */
  #end(brush, curve) {
    const { ended, epoch } = curve;
    if (ended === null) return;
    brush.globalAlpha = this.#passes(curve.tid) ? 0.9 : 0.15;
    const last = this.corners(curve).at(-1);
    if (ended === "diverged") {
      const [x, y] = this.spot(curve, epoch.at(-1) ?? 1, Infinity);
      brush.strokeStyle = colour("diverged");
      strokeCross(brush, x, y, 7);
    } else if (last) {
      brush.fillStyle = colour("pruned");
      shapeOf(1)(brush, this.plane.x(last[0]), this.plane.y(last[1]), -7);
    }
  }

  /**
   * @param {Brush} brush
   * @param {Api.Curve} curve
   * @param {boolean} spotted whether its points become spots
   */
  #trace(brush, curve, spotted) {
    brush.beginPath();
    for (const [epoch, value] of this.corners(curve)) {
      if (spotted) this.spot(curve, epoch, value);
      brush.lineTo(this.plane.x(epoch), this.plane.y(value));
    }
    brush.stroke();
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    brush.lineWidth = 3;
    brush.strokeStyle = colour("text");
    brush.setLineDash([2, 3]);
    for (const tid of this.selection.tids) {
      const marked = this.held.get(tid);
      if (marked) this.#trace(brush, marked, false);
    }
    brush.setLineDash([]);
    const pointed = this.held.get(this.selection.pointed ?? -1);
    if (pointed) this.#trace(brush, pointed, false);
  }

  /**
   * The last epochs of the curves, those of the best trials first.
   *
   * @override
   */
  stops() {
    const last = new Map(this.spots.item.map((curve, at) => [curve, at]));
    const others = [...this.held.values()].filter(({ loss }) => loss === null);
    return [...this.#ranked(), ...others].flatMap((/** @type {Api.Curve} */ curve) => last.get(curve) ?? []);
  }

  /** @override */
  label() {
    const [held, all] = [this.held.size, this.trials.scored.length];
    this.note.textContent = held < all ? `${held} of ${all} trials: the best ${this.places.size}, those marked, and others evenly by rank` : "";
    return (
      `${this.#title} of ${this.held.size} trials over each ${this.unit}, the best ${this.places.size} in colour. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {Api.Curve} curve
   * @param {number} at
   */
  tooltip(curve, at) {
    const { tid, loss, value, ended } = curve;
    const first = this.spots.item.indexOf(curve);
    const rank = loss === null ? (ended ? `, ${ended}` : "") : `, rank ${this.#rank(loss, tid)}, ${this.trials.metric.label} ${decimals(value)}`;
    // Where a trial diverged there is no number.
    const [epoch, reported] = this.corners(curve)[at - first] ?? [];
    return `trial ${tid}${rank}${epoch === undefined ? "" : `\n${this.unit} ${epoch}: ${decimals(reported)}`}`;
  }

  /**
   * @override
   * @param {Api.Curve} curve
   */
  tidOf({ tid }) {
    return tid;
  }
}

/**
 * Run a request whose failure needs no message: the stream's notice already says that the server is
 * away, and the curves are read again with the next change.
 *
 * @param {() => Promise<void>} read
 */
async function ignoringApiErrors(read) {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}
