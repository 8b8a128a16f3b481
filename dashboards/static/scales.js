// Where values lie on an axis, as shares of its length, and what is written beside it.

import { cell, raised, short } from "./format.js";

/** A scale from [low, high] to [0, 1], linear or logarithmic, with its ticks. */
export function numberScale(low, high, log = false) {
  const into = log ? Math.log10 : (value) => value;
  const from = log ? (value) => 10 ** value : (value) => value;
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
    covers: (value) => value >= low && value <= high,
  };
}

/** A scale on which each option has an equal part; values are the options' indices. */
function optionScale(options) {
  const count = options.length;
  const at = (index) => (index + 0.5) / count;
  return {
    log: false,
    options,
    at,
    value: (share) => share * count - 0.5,
    ticks: () => options.map((option, index) => ({ at: at(index), text: cell(option) })),
    covers: () => true,
  };
}

/** The scale of a metaparameter: its range in the space, or its options. */
export const scaleOf = ({ options, low, high, log }) => (options ? optionScale(options) : numberScale(low, high, log));

/** A scale of errors from `low` to `high`, with room for what may yet come. */
export function roomy(low, high) {
  const margin = (high - low) * 0.06 || 0.05;
  return numberScale(low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin);
}

/** The least and the largest of what `value` gives for each item. */
export function extent(items, value) {
  let [low, high] = [Infinity, -Infinity];
  for (const item of items) {
    const each = value(item);
    if (each < low) low = each;
    if (each > high) high = each;
  }
  return [low, high];
}

const isPower = (value) => Math.abs(Math.log10(value) % 1) < 1e-9;

const power = (value) => raised(`10^{${Math.round(Math.log10(value))}}`);

function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

/** Powers of ten from low to high, `count` at most; over little more than one, their parts as well. */
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
