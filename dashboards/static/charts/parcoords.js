// Parallel coordinates: a line for each trial, the axis of the metric first, then one for each
// metaparameter. Dragging along an axis, or its arrow keys, set a brush, which filters the trials.
// A line has a gap at each metaparameter that its trial doesn't use.

import { canvasIn } from "../lib/canvas.js";
import { goodness, paintRamp } from "../lib/colours.js";
import { el, focusData, focusedData, onFrame, onResize } from "../lib/dom.js";
import { clipped, decimals } from "../lib/format.js";
import { shown, whyNoResult } from "../lib/metric.js";
import { extent, roomy, scaleOf, withLane } from "../lib/scales.js";
import { colour, onTheme } from "../lib/theme.js";
import { MarkedLines } from "./parcoords_marks.js";
import { BOTTOM, SIDE, TOP, brushAfterClick, brushAfterKey, brushBetween, brushMarks, clamped, shareOf, ticks, titlePlace, trace } from "./parcoords_axis.js";
import { dataOf } from "./points.js";

/** @typedef {import("./chart.js").Brush} Pen */
/** @typedef {import("../lib/brushes.js").Brush} Brush */
/** @typedef {import("../lib/canvas.js").Layer} Layer */
/** @typedef {import("./parcoords_axis.js").Axis} Axis */

// Distances in pixels: after the metric's axis, and between others at least.
const LEAD = 80;
const AXIS_WIDTH = 30;
const DASH = [4, 3];
const LETTER = 6.2; // width of a title's letter
// Drawing yields to the browser after so long, so that a page with many trials stays responsive.
const SLICE_MS = 10;
// Rounding colours to so many shades makes strokes cheaper; finer steps can't be seen.
const SHADES = 24;

/**
 * Fill the panel "parcoords".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new ParallelCoordinates(page, panel);

/** The chart; brushes filter its lines, and marked trials stand out. */
class ParallelCoordinates {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor(page, panel) {
    const { trials, brushes } = page;
    this.page = page;
    this.panel = panel;
    this.trials = trials;
    this.brushes = brushes;
    this.drawn = 0;
    /** @type {{at: number} | null} the drawing in progress */
    this.job = null;
    /** @type {Axis[]} empty until the first layout */
    this.axes = [];
    /** @type {Axis[]} the axes that the metric's axis doesn't cover */
    this.uncovered = [];
    /** @type {Float32Array[]} height of each row's line on each axis, in pixels */
    this.places = [];
    /** @type {string[]} */
    this.shades = [];
    this.alpha = 1;
    this.height = 0;
    this.low = 0;
    this.high = 1;
    this.span = AXIS_WIDTH;
    this.built = false;
    this.inner = el("div", { class: "chart tall" });
    this.back = /** @type {Layer} */ (/** @type {unknown} */ (null));
    this.front = this.back;
    this.marks = /** @type {MarkedLines} */ (/** @type {unknown} */ (null));
    this.overlay = el("svg", { class: "axes", role: "group", "aria-label": "Axes; a brush on one filters the trials" });
    this.chips = el("div", { class: "chips" });
    this.legend = el("span", { class: "legend", id: "parcoords-legend" });
    this.clear = el("button", { type: "button", class: "tool", id: "clear-brushes", hidden: true, onclick: () => brushes.clear(), text: "Clear all" });
    panel.tools.append(this.legend, this.clear);
    this.draw = onFrame(() => this.#layOut());
    this.recolour = onFrame(() => this.#drawLines());
    brushes.onChange(() => {
      this.#drawAxes();
      this.recolour();
    });
    onTheme(this.draw);
    panel.section.addEventListener("back", this.draw);
    panel.offerData(() => this.#table());
  }

  /** @param {number[]} rows that changed; only their lines are drawn if the axes reach them */
  update(rows) {
    const { trials } = this;
    if (trials.scored.length === 0 || trials.metaparameters.length === 0) {
      this.panel.empty(trials.scored.length ? "This search samples no metaparameter." : whyNoResult(trials.summary));
      return;
    }
    if (!this.panel.shown) {
      this.#build();
      this.draw();
      return;
    }
    const finished = rows.filter((row) => trials.hasScore.has(row) || trials.diverged.has(row));
    if (finished.length === 0) return;
    const noLane = trials.diverged.size > 0 && this.axes[0]?.scale?.lane === undefined;
    const outside = noLane || finished.some((row) => !this.axes.every((axis) => this.#covers(axis, row)));
    if (outside || trials.scored.length > 1.2 * this.drawn || this.job || !this.inner.isConnected) {
      this.draw();
      return;
    }
    for (const row of finished) {
      this.#place(row);
      if (!this.brushes.passes(row)) continue;
      this.#stroke(this.front.brush, row, this.#shade(row), this.alpha);
      this.front.canvas.dataset.lines = String(Number(this.front.canvas.dataset.lines) + 1);
    }
  }

  /**
   * Tell whether an axis reaches the value that a row has there.
   *
   * @param {Axis} axis
   * @param {number} row
   */
  #covers({ column, scale }, row) {
    const value = this.trials.values[column.name][row];
    if (value === null) return true;
    return scale ? scale.covers(value) : value < (column.options?.length ?? 0);
  }

  /**
   * Resolve once all lines are drawn.
   *
   * @returns {Promise<void>}
   */
  whenDrawn() {
    return new Promise((resolve) => {
      const look = () => (this.job || this.axes.length === 0 ? requestAnimationFrame(look) : resolve());
      requestAnimationFrame(look);
    });
  }

  #build() {
    const node = this.panel.show();
    if (this.built) return;
    this.built = true;
    node.classList.add("tall", "scroll");
    node.append(this.inner);
    this.back = canvasIn(this.inner);
    this.front = canvasIn(this.inner);
    this.marks = new MarkedLines(this.inner, this.page, () => ({ axes: this.uncovered, places: this.places, rows: this.#passing() }));
    this.inner.append(this.overlay);
    this.panel.section.append(this.chips);
    onResize(node, this.draw);
    node.addEventListener("scroll", onFrame(() => this.#scroll()));
  }

  /** Keep the metric's axis in view: it stays at the left, over the axes that are scrolled away. */
  #scroll() {
    if (this.axes.length === 0) return;
    this.axes[0].x = SIDE + this.panel.content.scrollLeft;
    this.#drawAxes();
    this.recolour();
  }

  #layOut() {
    if (!this.built || !this.inner.isConnected) return;
    const { trials } = this;
    const columns = [...trials.metrics, ...trials.metaparameters];
    const gaps = Math.max(1, columns.length - 2);
    const width = Math.max(this.panel.content.clientWidth, 2 * SIDE + LEAD + gaps * AXIS_WIDTH);
    this.inner.style.width = `${width}px`;
    this.height = this.inner.clientHeight;
    [this.low, this.high] = trials.lossRange();
    this.span = (width - 2 * SIDE - LEAD) / gaps;
    const [least, most] = extent(trials.scored, (row) => trials.metricOf(row));
    const plain = roomy(least, most);
    const score = trials.diverged.size ? withLane(plain, trials.metric.direction) : plain;
    this.axes = columns.map((column, index) => {
      const scale = column.options ? null : column.role === "score" ? score : scaleOf(column, trials.values[column.name]);
      const x = index ? SIDE + LEAD + (index - 1) * this.span : SIDE + this.panel.content.scrollLeft;
      return { column, scale, x, index };
    });
    this.places = this.axes.map(() => new Float32Array(Math.ceil(trials.count * 1.3) + 64));
    for (let row = 0; row < trials.count; row += 1) this.#place(row);
    const bar = el("canvas", { "aria-hidden": "true" });
    const words = (/** @type {number} */ loss) => decimals(shown(trials.metric, loss));
    const cross = el("span", { class: "diverged", hidden: trials.diverged.size === 0, text: "✖ ╌╌ diverged" });
    const broken = el("span", { hidden: trials.summary.constraints.length === 0, text: "■ breaks a constraint" });
    broken.style.color = colour("queued");
    this.legend.replaceChildren(words(this.low), bar, words(this.high), cross, broken);
    paintRamp(bar, goodness);
    this.shades = Array.from({ length: SHADES + 1 }, (_, at) => goodness(at / SHADES));
    this.#drawAxes();
    this.#drawLines();
  }

  /**
   * Compute where the row's line crosses each axis.
   *
   * @param {number} row
   */
  #place(row) {
    const length = this.height - TOP - BOTTOM;
    for (const { column, scale, index } of this.axes) {
      if (row >= this.places[index].length) {
        const larger = new Float32Array(2 * row + 64);
        larger.set(this.places[index]);
        this.places[index] = larger;
      }
      const value = this.trials.values[column.name][row];
      const share = value === null ? this.#missing(index, row) : shareOf(column, scale, value, row);
      this.places[index][row] = TOP + (1 - share) * length;
    }
  }

  /**
   * The share of an axis for a trial without a value there: NaN, for the line has a gap. A trial that
   * diverged ends in the lane of the metric's axis.
   *
   * @param {number} index
   * @param {number} row
   */
  #missing(index, row) {
    if (index > 0 || !this.trials.diverged.has(row)) return NaN;
    return this.axes[0].scale?.lane ?? NaN;
  }

  /** @param {number} row */
  #shade(row) {
    if (this.trials.diverged.has(row)) return colour("diverged");
    if (this.trials.violation(row) > 0) return colour("queued");
    const share = (this.trials.loss(row) - this.low) / (this.high - this.low);
    return this.shades[Math.round(SHADES * clamped(share))];
  }

  /**
   * @param {Pen} pen
   * @param {number} row
   * @param {string} shade
   * @param {number} alpha
   */
  #stroke(pen, row, shade, alpha) {
    pen.strokeStyle = shade;
    pen.globalAlpha = alpha;
    pen.lineWidth = 1;
    // Dashed, for the ramp of the results begins with a colour like theirs.
    pen.setLineDash(this.trials.diverged.has(row) ? DASH : []);
    pen.beginPath();
    trace(pen, this.uncovered, this.places, row);
    pen.stroke();
  }

  /** The rows with a line that the brushes let pass. */
  #passing() {
    const { trials, brushes } = this;
    const rows = [...trials.diverged, ...trials.scored];
    return brushes.any ? rows.filter((row) => brushes.passes(row)) : rows;
  }

  /** Draw the lines, the best last. Drawing pauses between slices so that the page stays responsive. */
  #drawLines() {
    if (this.axes.length === 0 || !this.inner.isConnected) return;
    const { trials, brushes } = this;
    const rows = [...trials.diverged, ...trials.ranked(trials.scored).reverse()];
    const passing = brushes.any ? rows.filter((row) => brushes.passes(row)) : rows;
    /** @param {number} count */
    const crowd = (count) => Math.min(0.85, Math.max(0.06, 12 / Math.sqrt(count + 1) / 4));
    this.alpha = crowd(passing.length);
    const grey = colour("queued");
    const context = brushes.any ? rows : [];
    this.back.fit();
    this.front.fit();
    this.front.canvas.dataset.lines = String(passing.length);
    this.drawn = trials.scored.length;
    const steps = [
      ...context.map((row) => () => this.#stroke(this.back.brush, row, grey, 0.35 * crowd(rows.length))),
      ...passing.map((row) => () => this.#stroke(this.front.brush, row, this.#shade(row), this.alpha)),
    ];
    this.marks.draw();
    const job = { at: 0 };
    this.job = job;
    const slice = () => {
      if (this.job !== job) return;
      const end = performance.now() + SLICE_MS;
      while (job.at < steps.length && performance.now() < end) {
        for (let more = 0; more < 50 && job.at < steps.length; more += 1) steps[job.at++]();
      }
      if (job.at < steps.length) requestAnimationFrame(slice);
      else this.job = null;
    };
    slice();
  }

  #drawAxes() {
    if (this.axes.length === 0) return;
    const [first, ...others] = this.axes;
    this.uncovered = [first, ...others.filter(({ x }) => x >= first.x + AXIS_WIDTH)];
    const focused = focusedData(this.overlay, "axis");
    // A covered axis stays reachable by keyboard: the focus scrolls it into view.
    this.overlay.replaceChildren(...this.axes.map((axis) => this.#axis(axis, !this.uncovered.includes(axis))));
    focusData(this.overlay, "axis", focused);
    this.clear.hidden = !this.brushes.any;
    this.chips.replaceChildren(
      ...[...this.brushes.held.keys()].map((name) => {
        const { title } = this.trials.column(name);
        return el("button", {
          type: "button",
          "aria-label": `Remove the brush on ${title}`,
          onclick: () => this.brushes.set(name, null),
          text: `${title}: ${this.brushes.words(name)} ×`,
        });
      }),
    );
  }

  /**
   * @param {Axis} axis
   * @param {boolean} covered whether the metric's axis covers it
   */
  #axis(axis, covered) {
    const { column, x, index } = axis;
    const room = index ? 2 * this.span : LEAD + SIDE;
    const bottom = this.height - BOTTOM;
    const brush = this.brushes.get(column.name);
    const group = el("g", {
      class: covered ? "axis covered" : "axis",
      tabindex: "0",
      role: "slider",
      "data-axis": column.name,
      "aria-orientation": "vertical",
      "aria-valuemin": "0",
      "aria-valuemax": "1",
      "aria-valuenow": brush ? "1" : "0",
      "aria-label": `${column.title}${column.log ? ", logarithmic" : ""}`,
      "aria-valuetext": brush ? this.brushes.words(column.name) : "all",
    });
    group.append(
      el("rect", { class: "hit", x: x - 16, y: TOP - 4, width: 32, height: bottom - TOP + 8 }),
      el("line", { x1: x, x2: x, y1: TOP, y2: bottom }),
      el("text", { class: "title", ...titlePlace(axis, this.axes.length - 1) }, clipped(column.brief, Math.floor(room / LETTER)), el("title", { text: column.title })),
      ...ticks(axis, bottom, this.span),
      ...brushMarks(axis, brush, bottom),
    );
    this.#listen(group, axis, bottom);
    return group;
  }

  /**
   * @param {SVGElement} group
   * @param {Axis} axis
   * @param {number} bottom
   */
  #listen(group, axis, bottom) {
    /** @param {PointerEvent} event */
    const heightOf = (event) => clamped(1 - (event.clientY - this.overlay.getBoundingClientRect().top - TOP) / (bottom - TOP));
    group.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const start = heightOf(event);
      let moved = false;
      /** @param {PointerEvent} next */
      const move = (next) => {
        const now = heightOf(next);
        moved ||= Math.abs(now - start) > 0.01;
        if (moved) this.#brush(axis, brushBetween(axis, Math.min(start, now), Math.max(start, now)));
      };
      const up = () => {
        removeEventListener("pointermove", move);
        focusData(this.overlay, "axis", axis.column.name);
        if (!moved) this.#brush(axis, brushAfterClick(axis, this.brushes.get(axis.column.name), start));
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", up, { once: true });
      addEventListener("pointercancel", up, { once: true });
    });
    group.addEventListener("keydown", (event) => {
      const brush = brushAfterKey(axis, this.brushes.get(axis.column.name), event);
      if (brush === undefined) return;
      event.preventDefault();
      this.#brush(axis, brush);
    });
  }

  /**
   * Set an axis's brush; undefined leaves it as it is.
   *
   * @param {Axis} axis
   * @param {Brush | null | undefined} brush
   */
  #brush({ column }, brush) {
    if (brush !== undefined) this.brushes.set(column.name, brush);
  }

  #table() {
    const { trials, brushes } = this;
    const names = ["tid", ...[...trials.metrics, ...trials.metaparameters].map(({ name }) => name)];
    return dataOf(trials, names, trials.scored.filter((row) => brushes.passes(row)));
  }
}
