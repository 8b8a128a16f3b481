// The lines of the marked trials and of the one that is pointed at, above all lines of the parallel
// coordinates, and which line the pointer is at.

import { trialPage } from "../lib/api.js";
import { canvasIn } from "../lib/canvas.js";
import { el, onFrame } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { colour } from "../lib/theme.js";
import { trace } from "./parcoords_axis.js";

/** @typedef {import("./parcoords_axis.js").Axis} Axis */

// The pointer finds a line up to so many pixels away.
const REACH = 8;

/**
 * The row whose line passes nearest to a place; null if none is near.
 *
 * @param {Axis[]} axes from left to right
 * @param {ArrayLike<number>[]} places height of each row's line by axis, in pixels; NaN without a value
 * @param {Iterable<number>} rows
 * @param {{x: number, y: number}} place
 */
export function nearestRow(axes, places, rows, { x, y }) {
  const right = axes.findIndex((axis) => axis.x >= x);
  if (right < 0 || (right === 0 && axes[0].x - x > REACH)) return null;
  const [from, to] = [axes[Math.max(0, right - 1)], axes[right]];
  const share = to.x === from.x ? 0 : (x - from.x) / (to.x - from.x);
  const [left, next] = [places[from.index], places[to.index]];
  let [found, least] = [/** @type {number | null} */ (null), REACH];
  for (const row of rows) {
    const distance = Math.abs(left[row] + share * (next[row] - left[row]) - y);
    if (distance < least) [found, least] = [row, distance];
  }
  return found;
}

/** The layer of these lines. */
export class MarkedLines {
  /**
   * @param {HTMLElement} node that holds the chart's layers
   * @param {import("./chart.js").SearchPage} page
   * @param {() => {axes: Axis[], places: ArrayLike<number>[], rows: Iterable<number>}} drawn what the chart shows now
   */
  constructor(node, { name, trials, selection }, drawn) {
    this.node = node;
    this.trials = trials;
    this.selection = selection;
    this.drawn = drawn;
    this.layer = canvasIn(node);
    this.tip = el("div", { class: "tip", hidden: true });
    node.append(this.tip);
    this.draw = onFrame(() => this.#draw());
    selection.onChange(this.draw);
    selection.onPoint(this.draw);
    /** @type {{x: number, y: number} | null} */
    let place = null;
    const look = onFrame(() => this.#look(place));
    node.addEventListener("pointermove", (event) => {
      const box = node.getBoundingClientRect();
      place = event.buttons ? null : { x: event.clientX - box.left, y: event.clientY - box.top };
      look();
    });
    node.addEventListener("pointerleave", () => {
      place = null;
      look();
    });
    node.addEventListener("click", (event) => {
      const tid = selection.pointed;
      // A click on an axis changes its brush.
      if (tid === null || this.tip.hidden || /** @type {Element} */ (event.target).closest(".axis")) return;
      if (event.shiftKey) selection.toggle(tid, !selection.has(tid));
      else location.href = trialPage(name, tid);
    });
  }

  /** @param {{x: number, y: number} | null} place of the pointer; null away from the chart */
  #look(place) {
    const { axes, places, rows } = this.drawn();
    const row = place && axes.length ? nearestRow(axes, places, rows, place) : null;
    if (row === null && this.tip.hidden) return;
    this.selection.point(row === null ? null : this.trials.tid(row));
    this.tip.hidden = row === null;
    if (row === null || place === null) return;
    const { trials } = this;
    this.tip.textContent = `trial ${trials.tid(row)}: ${trials.hasScore.has(row) ? decimals(trials.metricOf(row)) : "diverged"}`;
    this.tip.style.left = `${Math.max(0, Math.min(place.x + 12, this.node.clientWidth - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${place.y + 14}px`;
  }

  #draw() {
    const { axes, places } = this.drawn();
    const { selection, trials, layer } = this;
    layer.fit();
    const { brush, canvas } = layer;
    /**
     * @param {number} tid
     * @param {string} shade
     * @param {number} width
     */
    const stroke = (tid, shade, width) => {
      const row = trials.rows.get(tid);
      if (row === undefined || !axes.length || !(trials.hasScore.has(row) || trials.diverged.has(row))) return false;
      brush.strokeStyle = shade;
      brush.lineWidth = width;
      brush.beginPath();
      trace(brush, axes, places, row);
      brush.stroke();
      return true;
    };
    const marked = selection.tids.filter((tid) => stroke(tid, colour("text"), 2.5));
    const { pointed } = selection;
    const here = pointed !== null && stroke(pointed, colour("surface"), 6) && stroke(pointed, colour("accent"), 3);
    canvas.dataset.marked = marked.join();
    canvas.dataset.pointed = here ? String(pointed) : "";
  }
}
