// A dimension of a search space, drawn on its own scale: the range of its values, or its options.

import { el } from "../lib/dom.js";
import { cell, clipped, short } from "../lib/format.js";
import { numberScale } from "../lib/scales.js";

// Pixels of the drawing, and from its sides to the axis.
const WIDE = 220;
const HIGH = 34;
const SIDE = 18;
// More options than this are counted instead of drawn.
const MOST_OPTIONS = 6;
const TICKS = 5;

/**
 * The ticks of a range: their places as shares of the axis, and the texts of some.
 *
 * @param {{low: number, high: number, log: boolean}} range
 * @returns {{at: number, text: string}[]}
 */
export function ticksOf({ low, high, log }) {
  const scale = numberScale(low, high, log);
  const named = scale.ticks(TICKS);
  if (!log) return named;
  const all = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * (1 + 1e-9); power += 1) all.push(scale.at(10 ** power));
  // Every power of ten has a tick, so that the eye sees how many there are.
  return [...named, ...all.filter((at) => named.every((each) => Math.abs(each.at - at) > 1e-6)).map((at) => ({ at, text: "" }))];
}

/**
 * The drawing, with the same in words; null for a dimension that isn't searched.
 *
 * @param {Api.Parameter} parameter
 */
export function drawDimension({ low = null, high = null, middle, log = false, options, sampled, kind }) {
  if (!sampled) return null;
  if (options) return drawOptions(options);
  const [from, to] = low !== null && high !== null ? [low, high] : [middle?.[0] ?? NaN, middle?.[1] ?? NaN];
  if (!(to > from) || (log && from <= 0)) return null;
  const isBell = low === null;
  const across = (/** @type {number} */ share) => SIDE + share * (WIDE - 2 * SIDE);
  const words = `${log ? "logarithmic" : "linear"} from ${short(from)} to ${short(to)}${isBell ? ", the middle 95 %" : ""}`;
  const nodes = ticksOf({ low: from, high: to, log }).flatMap(({ at, text }) => [
    el("line", { x1: across(at), x2: across(at), y1: 8, y2: text ? 16 : 14 }),
    text ? el("text", { x: across(at), y: 29, "text-anchor": "middle", text }) : null,
  ]);
  // A distribution without ends goes on beyond the axis.
  const bell = isBell ? el("polyline", { class: "bell", points: bellPoints(across) }) : null;
  const ends = isBell || kind.startsWith("q") ? [] : [from, to].map((_, at) => el("line", { class: "end", x1: across(at), x2: across(at), y1: 4, y2: 16 }));
  return el("svg", { class: "axes dimension", width: WIDE, height: HIGH, role: "img", "aria-label": words },
    el("line", { class: "axis-line", x1: across(0), x2: across(1), y1: 11, y2: 11 }), bell, nodes, ends);
}

/**
 * @param {any[]} options
 */
function drawOptions(options) {
  const words = `one of ${options.map(cell).join(", ")}`;
  const shown = options.slice(0, MOST_OPTIONS);
  const chips = shown.map((option) => el("span", { class: "tag", text: clipped(cell(option), 18) }));
  const more = options.length - shown.length;
  return el("span", { class: "row options", role: "img", "aria-label": words }, chips, more ? `and ${more} more` : "");
}

/**
 * A normal distribution's density over its middle 95 %.
 *
 * @param {(share: number) => number} across
 */
function bellPoints(across) {
  return Array.from({ length: 25 }, (_, at) => {
    const share = at / 24;
    const z = 1.96 * (2 * share - 1);
    return `${across(share).toFixed(1)},${(11 - 10 * Math.exp(-z * z / 2)).toFixed(1)}`;
  }).join(" ");
}
