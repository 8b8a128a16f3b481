// Links between a chart and the other charts and tables of its page: the marked trials, the trial that is
// pointed at anywhere, and brushes by a drag over the axes.

import { colour } from "../lib/theme.js";

/** @typedef {import("../lib/canvas.js").Brush} Brush */
/** @typedef {import("../lib/selection.js").Selection} Selection */

// A pointer that moved less is a click, in pixels.
const LEAST_DRAG = 5;

/** The rings around a chart's marked trials and around the one that is pointed at. */
export class Links {
  /**
   * @param {import("./plane.js").Pointed} chart
   * @param {Selection} selection
   */
  constructor(chart, selection) {
    this.chart = chart;
    this.selection = selection;
    this.spots = chart.spots;
    this.known = 0;
    /** @type {Map<number, number>} the last spot of each trial */
    this.spotOf = new Map();
    selection.onChange(() => chart.refresh());
    selection.onPoint(() => chart.refresh());
  }

  /**
   * Tell the page which item the pointer or the keyboard is at.
   *
   * @param {any} item null for none
   */
  point(item) {
    this.selection.point(item === null ? null : this.chart.tidOf(item));
  }

  /**
   * Mark the item's trial, or take its mark away.
   *
   * @param {any} item
   */
  toggle(item) {
    const tid = this.chart.tidOf(item);
    if (tid !== null) this.selection.toggle(tid, !this.selection.has(tid));
  }

  /** Find the spots of trials that were drawn since the last call. */
  #find() {
    const { spots } = this.chart;
    if (spots !== this.spots) {
      this.spots = spots;
      this.known = 0;
      this.spotOf.clear();
    }
    for (; this.known < spots.item.length; this.known += 1) {
      const tid = this.chart.tidOf(spots.item[this.known]);
      if (tid !== null) this.spotOf.set(tid, this.known);
    }
  }

  /**
   * Draw the rings, and write into the chart's element which trials have one.
   *
   * @param {Brush} brush
   */
  draw(brush) {
    const { pointed, tids } = this.selection;
    const { node } = this.chart;
    if (pointed !== null || tids.length) this.#find();
    const marked = tids.filter((tid) => this.#ring(brush, tid, 6.5, 2));
    const here = pointed !== null && this.#ring(brush, pointed, 9, 2.5);
    node.dataset.marked = marked.join();
    node.dataset.pointed = here ? String(pointed) : "";
  }

  /**
   * @param {Brush} brush
   * @param {number} tid
   * @param {number} radius
   * @param {number} width
   */
  #ring(brush, tid, radius, width) {
    const at = this.spotOf.get(tid);
    if (at === undefined) return false;
    const { x, y } = this.chart.spots;
    brush.strokeStyle = colour("text");
    brush.lineWidth = width;
    brush.beginPath();
    brush.arc(x[at], y[at], radius, 0, 7);
    brush.stroke();
    return true;
  }
}

/**
 * The parts of two axes that a drag covers.
 *
 * @param {{x: import("../lib/scales.js").Scale, y: import("../lib/scales.js").Scale}} axes
 * @param {Pick<import("./plane.js").Plane, "left" | "top" | "wide" | "high">} plane
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 */
export function brushesBetween({ x, y }, { left, top, wide, high }, from, to) {
  return [
    brushOn(x, (from.x - left) / wide, (to.x - left) / wide),
    brushOn(y, 1 - (from.y - top) / high, 1 - (to.y - top) / high),
  ];
}

/**
 * The brush between two places of an axis: a range, or the options whose middle lies between.
 *
 * @param {import("../lib/scales.js").Scale} scale
 * @param {number} from share of the axis
 * @param {number} to
 */
function brushOn(scale, from, to) {
  const [low, high] = [from, to].map((share) => Math.min(1, Math.max(0, share))).sort((a, b) => a - b);
  if (!scale.options) return { low: scale.value(low), high: scale.value(high) };
  return new Set(scale.options.flatMap((_, index) => (scale.at(index) >= low && scale.at(index) <= high ? [index] : [])));
}

/**
 * Let a drag over a chart brush the columns of its axes, and a click beside its marks remove that.
 *
 * @param {import("./plane.js").Pointed} chart
 * @param {import("../lib/brushes.js").Brushes} brushes
 * @param {() => ({name: string} | null | undefined)[]} columns of the two axes; null for one without a brush
 */
export function brushByDrag(chart, brushes, columns) {
  const node = chart.panel.content;
  /** @param {PointerEvent} event */
  const place = (event) => {
    const box = node.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  node.addEventListener("pointerdown", (event) => {
    if (!chart.drawn || event.button !== 0) return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    chart.dragged = false;
    const from = place(event);
    /** @param {PointerEvent} next */
    const move = (next) => {
      const to = place(next);
      chart.dragged ||= Math.hypot(to.x - from.x, to.y - from.y) >= LEAST_DRAG;
      if (!chart.dragged) return;
      const found = brushesBetween(chart.axes, chart.plane, from, to);
      brushes.setAll(columns().flatMap((column, at) => (column ? [[column.name, found[at]]] : [])));
    };
    const up = () => removeEventListener("pointermove", move);
    addEventListener("pointermove", move);
    addEventListener("pointerup", up, { once: true });
    addEventListener("pointercancel", up, { once: true });
  });
  node.addEventListener("click", () => {
    if (chart.dragged || chart.pointed !== null) return;
    brushes.setAll(columns().flatMap((column) => (column ? [[column.name, null]] : [])));
  });
}
