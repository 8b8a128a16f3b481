// Parallel coordinates: a line for each trial, an axis for each metaparameter, and the error last.
// Dragging along an axis, or its arrow keys, set a brush, which filters the trials.
//
// Plotly's version needs WebGL, does not share its brushes and can't be used by keyboard.

import { canvasIn } from "../lib/canvas.js";
import { goodness, paintRamp } from "../lib/colours.js";
import { el, focusData, focusedData, onFrame, onResize } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { extent, roomy, scaleOf } from "../lib/scales.js";
import { colour, onTheme } from "../lib/theme.js";
import { BOTTOM, TOP, brushAfterClick, brushAfterKey, brushBetween, brushMarks, clamped, shareOf, ticks } from "./parcoords_axis.js";
import { dataOf } from "./points.js";

/** @typedef {import("./chart.js").Brush} Pen */
/** @typedef {import("../lib/brushes.js").Brush} Brush */
/** @typedef {import("../lib/canvas.js").Layer} Layer */
/** @typedef {import("./parcoords_axis.js").Axis} Axis */

const SIDE = 34; // margin left and right of the axes, in pixels
const AXIS_WIDTH = 40; // least distance between two axes, in pixels
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
  constructor({ trials, brushes, selection }, panel) {
    this.panel = panel;
    this.trials = trials;
    this.brushes = brushes;
    this.selection = selection;
    this.drawn = 0;
    /** @type {{at: number} | null} the drawing in progress */
    this.job = null;
    /** @type {Axis[]} empty until the first layout */
    this.axes = [];
    /** @type {Float32Array[]} height of each row's line on each axis, in pixels */
    this.places = [];
    /** @type {string[]} */
    this.shades = [];
    this.alpha = 1;
    this.height = 0;
    this.low = 0;
    this.high = 1;
    this.built = false;
    this.inner = el("div", { class: "chart tall" });
    this.back = /** @type {Layer} */ (/** @type {unknown} */ (null));
    this.front = this.back;
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
    selection.onChange(this.recolour);
    onTheme(this.draw);
    panel.section.addEventListener("back", this.draw);
    panel.offerData(() => this.#table());
  }

  /** @param {number[]} rows that changed; only their lines are drawn if the axes reach them */
  update(rows) {
    const { loss } = this.trials.values;
    if (this.trials.scored.length === 0) {
      this.panel.empty("No trial has finished with a result yet.");
      return;
    }
    if (!this.panel.shown) {
      this.#build();
      this.draw();
      return;
    }
    const finished = rows.filter((row) => loss[row] !== null);
    if (finished.length === 0) return;
    const scale = this.axes.at(-1)?.scale;
    const outside = finished.some((row) => !scale?.covers(this.trials.loss(row)));
    if (outside || this.trials.scored.length > 1.2 * this.drawn || this.job || !this.inner.isConnected) {
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
    this.inner.append(this.overlay);
    this.panel.section.append(this.chips);
    onResize(node, this.draw);
  }

  #layOut() {
    if (!this.built || !this.inner.isConnected) return;
    const { trials } = this;
    const columns = [...trials.metaparameters, trials.column("loss")];
    const width = Math.max(this.panel.content.clientWidth, columns.length * AXIS_WIDTH);
    this.inner.style.width = `${width}px`;
    this.height = this.inner.clientHeight;
    [this.low, this.high] = trials.lossRange();
    const span = (width - 2 * SIDE) / (columns.length - 1);
    const [least, most] = extent(trials.scored, (row) => trials.loss(row));
    this.axes = columns.map((column, index) => {
      const scale = column.options ? null : column.name === "loss" ? roomy(least, most) : scaleOf(column);
      return { column, scale, x: SIDE + index * span, index };
    });
    this.places = this.axes.map(() => new Float32Array(Math.ceil(trials.count * 1.3) + 64));
    for (let row = 0; row < trials.count; row += 1) this.#place(row);
    const bar = el("canvas", { "aria-hidden": "true" });
    this.legend.replaceChildren(decimals(this.low), bar, decimals(this.high));
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
      this.places[index][row] = TOP + (1 - shareOf(column, scale, this.trials.values[column.name][row], row)) * length;
    }
  }

  /** @param {number} row */
  #shade(row) {
    const share = (this.trials.loss(row) - this.low) / (this.high - this.low);
    return this.shades[Math.round(SHADES * clamped(share))];
  }

  /**
   * @param {Pen} pen
   * @param {number} row
   * @param {string} shade
   * @param {number} alpha
   */
  #stroke(pen, row, shade, alpha, width = 1) {
    pen.strokeStyle = shade;
    pen.globalAlpha = alpha;
    pen.lineWidth = width;
    pen.beginPath();
    for (const { x, index } of this.axes) pen.lineTo(x, this.places[index][row]);
    pen.stroke();
  }

  /** Draw the lines, the best last. Drawing pauses between slices so that the page stays responsive. */
  #drawLines() {
    if (this.axes.length === 0 || !this.inner.isConnected) return;
    const { trials, brushes } = this;
    const rows = trials.ranked(trials.scored).reverse();
    const passing = brushes.any ? rows.filter((row) => brushes.passes(row)) : rows;
    /** @param {number} count */
    const crowd = (count) => Math.min(0.85, Math.max(0.06, 12 / Math.sqrt(count + 1) / 4));
    this.alpha = crowd(passing.length);
    const grey = colour("queued");
    const context = brushes.any ? rows : [];
    const selected = rows.filter((row) => this.selection.has(trials.tid(row)));
    this.back.fit();
    this.front.fit();
    this.front.canvas.dataset.lines = String(passing.length);
    this.drawn = trials.scored.length;
    const steps = [
      ...context.map((row) => () => this.#stroke(this.back.brush, row, grey, 0.35 * crowd(rows.length))),
      ...passing.map((row) => () => this.#stroke(this.front.brush, row, this.#shade(row), this.alpha)),
      ...selected.map((row) => () => this.#stroke(this.front.brush, row, colour("text"), 1, 2.5)),
    ];
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
    const focused = focusedData(this.overlay, "axis");
    this.overlay.replaceChildren(...this.axes.map((axis) => this.#axis(axis)));
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

  /** @param {Axis} axis */
  #axis(axis) {
    const { column, x, index } = axis;
    const bottom = this.height - BOTTOM;
    const brush = this.brushes.get(column.name);
    const group = el("g", {
      class: "axis",
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
      el("text", { class: "title", x, y: index % 2 ? 12 : 26, "text-anchor": "middle", text: column.brief }, el("title", { text: column.title })),
      ...ticks(axis, bottom),
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
    const names = ["tid", ...trials.metaparameters.map(({ name }) => name), "loss"];
    return dataOf(trials, names, trials.scored.filter((row) => brushes.passes(row)));
  }
}
