// An axis of the parallel coordinates: its labels, its brush, and how pointer and keyboard change it.

import { el } from "../lib/dom.js";
import { cell, clipped, short } from "../lib/format.js";
import { scatter } from "./points.js";

/** @typedef {import("../lib/brushes.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Scale} Scale */
/** @typedef {import("../lib/trials.js").Column} Column */

/**
 * An axis: its column, the scale of its numbers (null for options), its place from the left in
 * pixels, and its index.
 *
 * @typedef {{column: Column, scale: Scale | null, x: number, index: number}} Axis
 */

// Margins above, below and beside the axes, in pixels.
export const TOP = 44;
export const BOTTOM = 24;
export const SIDE = 34;
// Lines through an option spread over this share of its part of the axis instead of meeting in a point.
const SPREAD = 0.6;
// An arrow key moves a brush by this share of the axis.
const KEY_STEP = 0.05;
// Half the length of the mark of a value between two gaps, and the width of an option's letter, in pixels.
const LONE = 4;
const LETTER = 5;

/** @param {number} share */
export const clamped = (share) => Math.min(Math.max(share, 0), 1);

/**
 * Where a value lies on an axis, from 0 at its bottom to 1 at its top.
 *
 * @param {Column} column
 * @param {Scale | null} scale
 * @param {number} value
 * @param {number} row
 */
export function shareOf(column, scale, value, row) {
  if (scale) return scale.at(value);
  return (value + 0.5 + SPREAD * (scatter(row) - 0.5)) / (column.options?.length ?? 1);
}

/**
 * Add a trial's line to a path. The line is broken where the trial has no value; a value between two
 * gaps gets a short mark.
 *
 * @param {Pick<CanvasRenderingContext2D, "moveTo" | "lineTo">} pen
 * @param {Axis[]} axes
 * @param {ArrayLike<number>[]} places height of each row's line by axis, in pixels; NaN without a value
 * @param {number} row
 */
export function trace(pen, axes, places, row) {
  let joined = false;
  for (let at = 0; at < axes.length; at += 1) {
    const { x, index } = axes[at];
    const y = places[index][row];
    const next = axes[at + 1];
    if (Number.isNaN(y)) joined = false;
    else if (joined) pen.lineTo(x, y);
    else {
      joined = next !== undefined && !Number.isNaN(places[next.index][row]);
      pen.moveTo(joined ? x : x - LONE, y);
      if (!joined) pen.lineTo(x + LONE, y);
    }
  }
}

/**
 * The place of an axis's title, in two rows by turns. The first and the last stay inside the chart.
 *
 * @param {Axis} axis
 * @param {number} last index of the last axis
 */
export function titlePlace({ x, index }, last) {
  const y = index % 2 ? 26 : 12;
  if (index === 0) return { x: x - SIDE + 4, y, "text-anchor": "start" };
  if (index === last) return { x: x + SIDE - 4, y, "text-anchor": "end" };
  return { x, y, "text-anchor": "middle" };
}

/**
 * The labels of an axis: the ends of its range, or its options.
 *
 * @param {Axis} axis
 * @param {number} bottom
 * @param {number} span distance to the next axis, in pixels
 */
export function ticks({ column, scale, x }, bottom, span) {
  if (scale) {
    /**
     * @param {number} y
     * @param {number} value
     */
    const text = (y, value) => el("text", { class: "tick", x, y, "text-anchor": "middle", text: short(value) });
    if (scale.lane === undefined) return [text(TOP - 6, scale.high), text(bottom + 12, scale.low)];
    /** @param {number} share */
    const up = (share) => TOP + (1 - share) * (bottom - TOP);
    const lane = el("text", { class: "tick lane", x: x + 6, y: up(scale.lane) + 4, text: "✖ diverged" });
    // The number beside the lane stands on the axis, the other one beyond its end as on other axes.
    return scale.lane > 0.5
      ? [lane, text(up(scale.at(scale.high)) + 4, scale.high), text(bottom + 12, scale.low)]
      : [lane, text(TOP - 6, scale.high), text(up(scale.at(scale.low)) + 4, scale.low)];
  }
  const options = column.options ?? [];
  return options.map((option, at) => {
    const y = TOP + (1 - (at + 0.5) / options.length) * (bottom - TOP);
    return el("text", { class: "tick", x: x + 4, y: y + 3 }, clipped(cell(option), Math.floor((span - 4) / LETTER)), el("title", { text: cell(option) }));
  });
}

/**
 * Rectangles over the brushed parts of an axis.
 *
 * @param {Axis} axis
 * @param {Brush | null} brush
 * @param {number} bottom
 */
export function brushMarks({ column, scale, x }, brush, bottom) {
  if (brush === null) return [];
  const length = bottom - TOP;
  /**
   * @param {number} low
   * @param {number} high
   */
  const mark = (low, high) => el("rect", { class: "brush", x: x - 6, width: 12, y: TOP + (1 - high) * length, height: Math.max(2, (high - low) * length) });
  if (!(brush instanceof Set)) return scale ? [mark(clamped(scale.at(brush.low)), clamped(scale.at(brush.high)))] : [];
  const count = column.options?.length ?? 1;
  return [...brush].map((index) => mark((index + 0.1) / count, (index + 0.9) / count));
}

/**
 * The brush over a part of an axis, from `low` to `high` as shares of its length; undefined if no
 * option lies there.
 *
 * @param {Axis} axis
 * @param {number} low
 * @param {number} high
 * @returns {Brush | undefined}
 */
export function brushBetween({ column, scale }, low, high) {
  if (scale) return { low: scale.value(low), high: scale.value(high) };
  const options = column.options ?? [];
  const inside = options.map((_, index) => index).filter((index) => (index + 0.5) / options.length >= low && (index + 0.5) / options.length <= high);
  return inside.length ? new Set(inside) : undefined;
}

/**
 * The brush after a click: a click removes a range, and adds or removes one option.
 *
 * @param {Axis} axis
 * @param {Brush | null} brush
 * @param {number} at share of the axis's length
 * @returns {Brush | null}
 */
export function brushAfterClick({ column, scale }, brush, at) {
  if (scale) return null;
  const count = column.options?.length ?? 0;
  const index = Math.min(Math.floor(at * count), count - 1);
  const chosen = new Set(brush instanceof Set ? brush : []);
  if (!chosen.delete(index)) chosen.add(index);
  return chosen;
}

/**
 * The brush after a key: arrows move it (with shift, its upper end only), Delete removes it.
 * undefined for any other key.
 *
 * @param {Axis} axis
 * @param {Brush | null} brush
 * @param {{key: string, shiftKey: boolean}} event
 * @returns {Brush | null | undefined}
 */
export function brushAfterKey(axis, brush, { key, shiftKey }) {
  if (["Delete", "Backspace", "Escape"].includes(key)) return null;
  const direction = { ArrowUp: 1, ArrowDown: -1 }[key];
  if (!direction) return undefined;
  const { column, scale } = axis;
  if (scale === null) {
    const count = column.options?.length ?? 0;
    const before = brush instanceof Set ? [...brush].at(-1) : undefined;
    const now = before ?? (direction > 0 ? -1 : count);
    return new Set([Math.min(Math.max(now + direction, 0), count - 1)]);
  }
  const range = brush instanceof Set ? null : brush;
  let [low, high] = range ? [scale.at(range.low), scale.at(range.high)] : direction > 0 ? [0, 0.25] : [0.75, 1];
  if (range) {
    const step = direction * KEY_STEP;
    if (!shiftKey) low += step;
    high += step;
  }
  [low, high] = [Math.min(Math.max(low, 0), 1 - KEY_STEP), Math.min(Math.max(high, KEY_STEP), 1)];
  return brushBetween(axis, Math.min(low, high - KEY_STEP), high);
}
