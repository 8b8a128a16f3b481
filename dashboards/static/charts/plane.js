// The axes of a canvas chart: their place, ticks and titles.

import { fitted, line } from "../lib/canvas.js";
import { LANE } from "../lib/scales.js";
import { colour } from "../lib/theme.js";

/** @typedef {import("../lib/canvas.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Scale} Scale */
/**
 * The scales and titles of a chart's axes. `widest` are the most pixels for a name on the vertical axis.
 *
 * @typedef {{x: Scale, y: Scale, xTitle: string, yTitle: string, widest?: number}} Axes
 */

/**
 * Where the axes lie on the canvas, in pixels, and from values to pixels.
 *
 * @typedef {object} Plane
 * @property {number} left
 * @property {number} top
 * @property {number} wide
 * @property {number} high
 * @property {{x: {at: number, text: string}[], y: {at: number, text: string}[]}} ticks
 * @property {(value: number) => number} x
 * @property {(value: number) => number} y
 */

/**
 * A chart as its pointer and its links know it.
 *
 * @typedef {object} Pointed
 * @property {HTMLElement} node
 * @property {{content: HTMLElement}} panel
 * @property {string | null} name of the search, for links to trials
 * @property {Axes} axes
 * @property {Plane} plane
 * @property {{item: any[], x: number[], y: number[]}} spots
 * @property {number | null} pointed
 * @property {boolean} drawn
 * @property {boolean} dragged
 * @property {{point: (item: any) => void, toggle: (item: any) => void} | null} links
 * @property {() => void} refresh
 * @property {(x: number, y: number) => number | null} spotAt
 * @property {(x: number, y: number) => string | null} placeTooltip
 * @property {(item: any, at: number) => string} tooltip
 * @property {(item: any) => boolean} act
 * @property {(item: any) => number | null} tidOf
 * @property {() => number[]} stops
 * @property {(stops: number[]) => number} firstStop
 */

// Margins around the axes, in pixels.
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 38;
// A tick for about so many pixels: closer labels would overlap.
const PIXELS_A_TICK = { x: 70, y: 40 };
// Names of options on the vertical axis take at most so many pixels from the chart.
const WIDEST_LABEL = 110;
// Names take at most this share of a narrow chart.
const MOST_FOR_LABELS = 0.45;
const LANE_ALPHA = 0.1;

/**
 * Place the axes on a canvas of this size.
 *
 * @param {Brush} brush
 * @param {Axes} axes
 * @param {number} width
 * @param {number} height
 * @returns {Plane}
 */
export function planeOf(brush, { x, y, widest = WIDEST_LABEL }, width, height) {
  const room = Math.min(widest, MOST_FOR_LABELS * width);
  const ticks = { x: x.ticks(Math.max(2, width / PIXELS_A_TICK.x)), y: y.ticks(Math.max(3, height / PIXELS_A_TICK.y)) };
  ticks.y = ticks.y.map(({ at, text }) => ({ at, text: fitted(brush, text, room) }));
  const left = 26 + Math.max(18, ...ticks.y.map(({ text }) => brush.measureText(text).width));
  const [wide, high] = [Math.max(10, width - left - RIGHT), Math.max(10, height - TOP - BOTTOM)];
  return {
    left, wide, high, ticks, top: TOP,
    x: (value) => left + x.at(value) * wide,
    y: (value) => TOP + (1 - y.at(value)) * high,
  };
}

/**
 * Draw the axes.
 *
 * @param {Brush} brush
 * @param {Axes} axes
 * @param {Plane} plane
 * @param {number} width
 * @param {number} height
 */
export function drawAxes(brush, { xTitle, yTitle, y }, { left, wide, high, ticks }, width, height) {
  if (y.lane !== undefined) {
    brush.globalAlpha = LANE_ALPHA;
    brush.fillStyle = colour("diverged");
    brush.fillRect(left, TOP + (1 - y.lane) * high - (LANE * high) / 2, wide, LANE * high);
  }
  brush.globalAlpha = 1;
  brush.lineWidth = 1;
  brush.strokeStyle = colour("line");
  brush.fillStyle = colour("muted");
  brush.textBaseline = "middle";
  brush.textAlign = "right";
  for (const { at, text } of ticks.y) {
    const up = Math.round(TOP + (1 - at) * high) + 0.5;
    line(brush, left, up, left + wide, up);
    brush.fillText(text, left - 6, up);
  }
  brush.textBaseline = "top";
  brush.textAlign = "center";
  const room = Math.max(PIXELS_A_TICK.x, wide / ticks.x.length) - 4;
  for (const { at, text } of ticks.x) {
    const across = Math.round(left + at * wide) + 0.5;
    line(brush, across, TOP + high, across, TOP + high + 4);
    const label = fitted(brush, text, room);
    brush.fillText(label, Math.min(across, width - brush.measureText(label).width / 2), TOP + high + 6);
  }
  brush.fillText(fitted(brush, xTitle, wide), left + wide / 2, height - 14);
  brush.save();
  brush.translate(3, TOP + high / 2);
  brush.rotate(-Math.PI / 2);
  brush.fillText(fitted(brush, yTitle, high), 0, 0);
  brush.restore();
}
