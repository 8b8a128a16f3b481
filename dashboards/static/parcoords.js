// Parallel coordinates: a line a trial, an axis a metaparameter, the score last. Drag along an
// axis, or use the arrow keys on it, to look at some trials only.
//
// Plotly's own is drawn by WebGL, keeps its brushes to itself and can't be reached by keyboard.

import { canvasIn } from "./canvas.js";
import { goodness, paintRamp } from "./colours.js";
import { byId, el, onFrame, onResize } from "./dom.js";
import { cell, decimals, short } from "./format.js";
import { dataOf } from "./points.js";
import { extent, roomy, scaleOf } from "./scales.js";
import { colour, onTheme } from "./theme.js";

const TOP = 44;
const BOTTOM = 24;
const SIDE = 34;
const AXIS_WIDTH = 40;
const SPREAD = 0.6; // of an option's part of its axis, so that its lines don't all meet in a point
const SLICE_MS = 10;
const KEY_STEP = 0.05;
const SHADES = 24;

/** A number in [0, 1) that is always the same for a row. */
const scatter = (row) => (row * 0.618033988749) % 1;

/** The chart in `panel` over `history`, filtered by `brushes`; `selected` trials stand out. */
export class ParallelCoordinates {
  constructor(panel, history, brushes, selected) {
    Object.assign(this, { panel, history, brushes, selected });
    this.drawn = 0;
    this.job = null;
    this.draw = onFrame(() => this.#layOut());
    this.recolour = onFrame(() => this.#lines());
    brushes.onChange(() => {
      this.#axes();
      this.recolour();
    });
    onTheme(this.draw);
    panel.section.addEventListener("back", this.draw);
    panel.offerData(() => this.#table());
    byId("clear-brushes").addEventListener("click", () => brushes.clear());
  }

  /** Take in the rows that changed. Only their lines are drawn, unless the scales have to move. */
  update(rows) {
    const { loss } = this.history.values;
    if (this.history.scored.length === 0) {
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
    const outside = finished.some((row) => !this.lossAxis?.scale.covers(loss[row]));
    if (outside || this.history.scored.length > 1.2 * this.drawn || this.job || !this.inner.isConnected) {
      this.draw();
      return;
    }
    for (const row of finished) {
      this.#place(row);
      if (!this.brushes.passes(row)) continue;
      this.#stroke(this.front.brush, row, this.#shade(row), this.alpha);
      this.front.canvas.dataset.lines = Number(this.front.canvas.dataset.lines) + 1;
    }
  }

  /** Resolves once every line of the present picture is drawn. */
  whenDrawn() {
    return new Promise((resolve) => {
      const look = () => (this.job || !this.axes ? requestAnimationFrame(look) : resolve());
      requestAnimationFrame(look);
    });
  }

  #build() {
    const node = this.panel.show();
    if (this.inner) return;
    node.classList.add("tall", "scroll");
    this.inner = el("div", { class: "chart tall" });
    node.append(this.inner);
    this.back = canvasIn(this.inner);
    this.front = canvasIn(this.inner);
    this.overlay = el("svg", { class: "axes", role: "group", "aria-label": "Axes; a brush on one filters the trials" });
    this.inner.append(this.overlay);
    this.chips = el("div", { class: "chips" });
    this.panel.section.append(this.chips);
    onResize(node, this.draw);
  }

  #layOut() {
    if (!this.inner?.isConnected) return;
    const { history } = this;
    const columns = [...history.metaparameters, history.columns.get("loss")];
    const width = Math.max(this.panel.content.clientWidth, columns.length * AXIS_WIDTH);
    this.inner.style.width = `${width}px`;
    this.height = this.inner.clientHeight;
    [this.low, this.high] = history.lossRange();
    const span = (width - 2 * SIDE) / (columns.length - 1);
    const { loss } = history.values;
    const losses = roomy(...extent(history.scored, (row) => loss[row]));
    this.axes = columns.map((column, index) => {
      const scale = column.options ? null : column.name === "loss" ? losses : scaleOf(column);
      return { column, scale, x: SIDE + index * span, index };
    });
    this.lossAxis = this.axes.at(-1);
    this.places = this.axes.map(() => new Float32Array(Math.ceil(history.count * 1.3) + 64));
    for (let row = 0; row < history.count; row += 1) this.#place(row);
    const legend = byId("parcoords-legend");
    const bar = el("canvas", { "aria-hidden": "true" });
    legend.replaceChildren(decimals(this.low), bar, decimals(this.high));
    paintRamp(bar, goodness);
    this.shades = Array.from({ length: SHADES + 1 }, (_, at) => goodness(at / SHADES));
    this.#axes();
    this.#lines();
  }

  /** How far up each axis the row's line passes, in pixels from the top. */
  #place(row) {
    const length = this.height - TOP - BOTTOM;
    for (const { column, scale, index } of this.axes) {
      const value = this.history.values[column.name][row];
      const share = value === null ? 1 : column.options ? (value + 0.5 + SPREAD * (scatter(row) - 0.5)) / column.options.length : scale.at(value);
      if (row >= this.places[index].length) {
        const larger = new Float32Array(2 * row + 64);
        larger.set(this.places[index]);
        this.places[index] = larger;
      }
      this.places[index][row] = TOP + (1 - share) * length;
    }
  }

  #shade(row) {
    const share = (this.history.values.loss[row] - this.low) / (this.high - this.low);
    return this.shades[Math.round(SHADES * Math.min(Math.max(share, 0), 1))];
  }

  #stroke(brush, row, shade, alpha, width = 1) {
    brush.strokeStyle = shade;
    brush.globalAlpha = alpha;
    brush.lineWidth = width;
    brush.beginPath();
    this.axes.forEach(({ x, index }) => brush.lineTo(x, this.places[index][row]));
    brush.stroke();
  }

  /** Draw the lines, the best last, in slices that leave the page free to answer. */
  #lines() {
    if (!this.axes || !this.inner.isConnected) return;
    const { history, brushes } = this;
    const { loss } = history.values;
    const rows = [...history.scored].sort((a, b) => loss[b] - loss[a]);
    const passing = brushes.any ? rows.filter((row) => brushes.passes(row)) : rows;
    const crowd = (count) => Math.min(0.85, Math.max(0.06, 12 / Math.sqrt(count + 1) / 4));
    this.alpha = crowd(passing.length);
    const grey = colour("queued");
    const context = brushes.any ? rows : [];
    const selected = rows.filter((row) => this.selected.has(history.values.tid[row]));
    this.back.fit();
    this.front.fit();
    this.front.canvas.dataset.lines = passing.length;
    this.drawn = history.scored.length;
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

  #axes() {
    if (!this.axes) return;
    const focused = document.activeElement?.dataset?.axis;
    const bottom = this.height - BOTTOM;
    this.overlay.replaceChildren(
      ...this.axes.map(({ column, scale, x, index }) => {
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
          ...this.#ticks(column, scale, x, bottom),
          ...this.#brushMarks(column, scale, brush, x, bottom),
        );
        this.#listen(group, column, scale, bottom);
        return group;
      }),
    );
    if (focused) this.overlay.querySelector(`[data-axis="${CSS.escape(focused)}"]`)?.focus();
    byId("clear-brushes").hidden = !this.brushes.any;
    this.chips.replaceChildren(
      ...[...this.brushes.held.keys()].map((name) =>
        el("button", {
          type: "button",
          "aria-label": `Remove the brush on ${this.history.columns.get(name).title}`,
          onclick: () => this.brushes.set(name, null),
          text: `${this.history.columns.get(name).title}: ${this.brushes.words(name)} ×`,
        }),
      ),
    );
  }

  #ticks(column, scale, x, bottom) {
    const text = (y, content) => el("text", { class: "tick", x, y, "text-anchor": "middle", text: content });
    if (scale) return [text(TOP - 6, short(scale.high)), text(bottom + 12, short(scale.low))];
    return column.options.map((option, at) => {
      const y = TOP + (1 - (at + 0.5) / column.options.length) * (bottom - TOP);
      return el("text", { class: "tick", x: x + 4, y: y + 3, text: cell(option) });
    });
  }

  #brushMarks(column, scale, brush, x, bottom) {
    if (brush === null) return [];
    const length = bottom - TOP;
    const mark = (low, high) => el("rect", { class: "brush", x: x - 6, width: 12, y: TOP + (1 - high) * length, height: Math.max(2, (high - low) * length) });
    if (scale) {
      const inside = (value) => Math.min(Math.max(scale.at(value), 0), 1);
      return [mark(inside(brush.low), inside(brush.high))];
    }
    const count = column.options.length;
    return [...brush].map((index) => mark((index + 0.1) / count, (index + 0.9) / count));
  }

  #listen(group, column, scale, bottom) {
    const share = (event) => {
      const box = this.overlay.getBoundingClientRect();
      return Math.min(Math.max(1 - (event.clientY - box.top - TOP) / (bottom - TOP), 0), 1);
    };
    group.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const start = share(event);
      let moved = false;
      const move = (next) => {
        moved ||= Math.abs(share(next) - start) > 0.01;
        if (moved) this.#brushShares(column, scale, Math.min(start, share(next)), Math.max(start, share(next)));
      };
      const up = () => {
        removeEventListener("pointermove", move);
        this.overlay.querySelector(`[data-axis="${CSS.escape(column.name)}"]`).focus();
        if (!moved) this.#click(column, scale, start);
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", up, { once: true });
      addEventListener("pointercancel", up, { once: true });
    });
    group.addEventListener("keydown", (event) => this.#key(event, column, scale));
  }

  #click(column, scale, at) {
    if (scale) {
      this.brushes.set(column.name, null);
      return;
    }
    const index = Math.min(Math.floor(at * column.options.length), column.options.length - 1);
    const chosen = new Set(this.brushes.get(column.name) ?? []);
    if (!chosen.delete(index)) chosen.add(index);
    this.brushes.set(column.name, chosen);
  }

  #brushShares(column, scale, low, high) {
    if (scale) {
      this.brushes.set(column.name, { low: scale.value(low), high: scale.value(high) });
      return;
    }
    const count = column.options.length;
    const inside = column.options.map((_, index) => index).filter((index) => (index + 0.5) / count >= low && (index + 0.5) / count <= high);
    if (inside.length) this.brushes.set(column.name, new Set(inside));
  }

  #key(event, column, scale) {
    if (["Delete", "Backspace", "Escape"].includes(event.key)) {
      event.preventDefault();
      this.brushes.set(column.name, null);
      return;
    }
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    const brush = this.brushes.get(column.name);
    if (scale === null) {
      const count = column.options.length;
      const now = brush ? [...brush].at(-1) : direction > 0 ? -1 : count;
      this.brushes.set(column.name, new Set([Math.min(Math.max(now + direction, 0), count - 1)]));
      return;
    }
    let [low, high] = brush ? [scale.at(brush.low), scale.at(brush.high)] : direction > 0 ? [0, 0.25] : [0.75, 1];
    if (brush) {
      const step = direction * KEY_STEP;
      if (!event.shiftKey) low += step;
      high += step;
    }
    [low, high] = [Math.min(Math.max(low, 0), 1 - KEY_STEP), Math.min(Math.max(high, KEY_STEP), 1)];
    this.#brushShares(column, scale, Math.min(low, high - KEY_STEP), high);
  }

  #table() {
    const { history, brushes } = this;
    const names = ["tid", ...history.metaparameters.map(({ name }) => name), "loss"];
    return dataOf(history, names, history.scored.filter((row) => brushes.passes(row)));
  }
}
