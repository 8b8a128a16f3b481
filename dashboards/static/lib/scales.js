// Scales: where values lie on an axis, as shares of its length, and the axis's ticks.

import { cell, raised, short } from "./format.js";

/**
 * An axis's scale. `at` and `value` convert between a value and its share (0 to 1) of the axis.
 *
 * @typedef {object} Scale
 * @property {boolean} log
 * @property {number} low
 * @property {number} high
 * @property {any[]} [options] of a scale of options
 * @property {(value: number) => number} at
 * @property {(share: number) => number} value
 * @property {(count: number) => {at: number, text: string}[]} ticks about `count` of them
 * @property {(value: number) => boolean} covers whether the value lies on the axis
 * @property {number} [lane] share of the axis at which trials without a value stand
 */

// Numbers of so small a relative difference count as equal.
const ROUNDING = 1e-9;

/** Share of an axis that its lane takes. */
export const LANE = 0.08;

/**
 * A scale of numbers, linear or logarithmic. Numbers below a logarithmic scale, such as 0, lie at its
 * lower end.
 *
 * @param {number} low
 * @param {number} high
 * @returns {Scale}
 */
export function numberScale(low, high, log = false) {
  /** @param {number} value */
  const into = (value) => (log ? Math.log10(Math.max(value, low)) : value);
  /** @param {number} value */
  const from = (value) => (log ? 10 ** value : value);
  const start = into(low);
  const span = into(high) - start || 1;
  return {
    log,
    low,
    high,
    at: (value) => (into(value) - start) / span,
    value: (share) => from(start + share * span),
    ticks: (count) => {
      const values = log ? logTicks(low, high, count) : linearTicks(low, high, count);
      const text = log && values.every(isPower) ? power : short;
      return values.map((value) => ({ at: (into(value) - start) / span, text: text(value) }));
    },
    covers: (value) => (value >= low || (log && value <= 0)) && value <= high,
  };
}

/**
 * A scale that gives each option an equal part. Its values are the options' indices.
 *
 * @param {any[]} options
 * @returns {Scale}
 */
function optionScale(options) {
  const count = options.length;
  /** @param {number} index */
  const at = (index) => (index + 0.5) / count;
  return {
    log: false,
    low: 0,
    high: count - 1,
    options,
    at,
    value: (share) => share * count - 0.5,
    ticks: (most) => {
      const step = Math.max(1, Math.ceil(count / most));
      return options.flatMap((option, index) => (index % step ? [] : [{ at: at(index), text: cell(option) }]));
    },
    // An option that was added later has no part yet.
    covers: (value) => value < count,
  };
}

/**
 * The scale of a metaparameter: its options, or its range in the search space. Where the range has no
 * ends, as a normal distribution's, the scale reaches over the values that there are.
 *
 * @param {{options?: any[] | null, kind?: string, low?: number | null, high?: number | null, log?: boolean | null}} column
 * @param {(number | null)[]} values of the trials; null for none
 */
export function scaleOf({ options, kind, low = null, high = null, log }, values = []) {
  if (options) return optionScale(options);
  // A rounded value of a logarithmic range can be 0, which has no logarithm.
  const known = [low, high, ...values].filter((value) => value !== null && (!log || value > 0));
  if (known.length === 0) return numberScale(0, 1);
  const [least, most] = extent(/** @type {number[]} */ (known), (value) => value);
  if (low !== null && high !== null) return numberScale(least, most, log ?? false);
  if (log) return roomyLog(least, most);
  // Between whole numbers there is nothing to make room for.
  return kind === "integer" ? numberScale(least - 1, most + 1) : roomy(least, most);
}

/**
 * A scale with a lane beyond its worse end, in which trials that diverged stand. Their value is
 * infinite.
 *
 * @param {Scale} scale
 * @param {"minimize" | "maximize"} direction in which the scale's values get better
 * @returns {Scale}
 */
export function withLane(scale, direction) {
  const start = direction === "maximize" ? LANE : 0;
  const size = 1 - LANE;
  const lane = direction === "maximize" ? LANE / 2 : 1 - LANE / 2;
  /** @param {number} share */
  const into = (share) => start + size * share;
  return {
    ...scale,
    lane,
    at: (value) => (Number.isFinite(value) ? into(scale.at(value)) : lane),
    value: (share) => scale.value(Math.min(Math.max((share - start) / size, 0), 1)),
    ticks: (count) => [...scale.ticks(count).map(({ at, text }) => ({ at: into(at), text })), { at: lane, text: "diverged" }],
    covers: (value) => !Number.isFinite(value) || scale.covers(value),
  };
}

/**
 * A logarithmic scale from `low` to `high`, with a margin for results to come.
 *
 * @param {number} low
 * @param {number} high
 */
export function roomyLog(low, high) {
  const margin = Math.max((high / low) ** 0.06, 1.05);
  return numberScale(low / margin, high * margin, true);
}

/**
 * A scale from `low` to `high`, with a margin for results to come.
 *
 * @param {number} low
 * @param {number} high
 */
export function roomy(low, high) {
  // Equal results may differ in their last digits, between which there is no tick.
  const isWide = high - low > ROUNDING * Math.max(Math.abs(low), Math.abs(high));
  const margin = isWide ? (high - low) * 0.06 : 0.05;
  return numberScale(low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin);
}

/**
 * The least and the largest value of some items.
 *
 * @template T
 * @param {Iterable<T>} items
 * @param {(item: T) => number} value
 */
export function extent(items, value) {
  let [low, high] = [Infinity, -Infinity];
  for (const item of items) {
    const each = value(item);
    if (each < low) low = each;
    if (each > high) high = each;
  }
  return [low, high];
}

/** @param {number} value */
const isPower = (value) => Math.abs(Math.log10(value) % 1) < 1e-9;

/** @param {number} value */
const power = (value) => raised(`10^{${Math.round(Math.log10(value))}}`);

/**
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

/**
 * Powers of ten, at most `count`; on an axis over little more than one power, also 2 and 5 times them.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks = [];
  for (let at = first; at <= last; at += step) ticks.push(10 ** at);
  if (ticks.length > 2) return ticks;
  const parts = [];
  for (let at = first - 1; at <= last; at += 1) for (const part of [1, 2, 5]) parts.push(part * 10 ** at);
  const inside = parts.filter((value) => value >= low * 0.999999 && value <= high * 1.000001);
  return inside.length > 1 ? inside : linearTicks(low, high, count);
}
