// Chart of rows, one below the other: bars or points with error bars, and each row's name at the left.

import { shapeOf } from "../lib/canvas.js";
import { showLegend } from "../lib/panel.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Scale} Scale */

/**
 * A mark in a row: a bar from `from` to `value`, or without `from` a point at `value`.
 *
 * @typedef {object} Mark
 * @property {number} row index of its row, from the top; a fraction lies between two rows
 * @property {number} value
 * @property {number} [from]
 * @property {number} [low] lower end of its error bar
 * @property {number} [high] upper end of its error bar
 * @property {string} shade
 * @property {number} [kind] index of its shape, or of its bar's hatching, where colours have a meaning
 * @property {number} [size] of a point, in pixels
 * @property {string} [word] text beside a point
 * @property {string} text its tooltip
 * @property {(() => void) | null} [act] what a click does; nothing without it
 * @property {boolean} [held] whether the page is filtered by what the mark stands for
 */

/**
 * The rows' names, their marks, the scale of the values, and the picture in words.
 *
 * @typedef {object} Rows
 * @property {string[]} names
 * @property {Mark[]} marks
 * @property {Scale} x
 * @property {string} xTitle
 * @property {string} label
 * @property {{sign: string, shade: string, text: string}[]} [legend]
 */

// Pixels: height of a row and of the axis below all rows, a bar's thickness, a point's size, the most for
// a name.
const ROW = 22;
const AXIS = 56;
const BAR = 13;
const POINT = 9;
const WIDEST_NAME = 260;
// A chart of few rows is as high as this, so that a panel keeps its place on the page.
const LOWEST = 180;
const HATCH_STEP = 5;

/** Signs for legends of bars, by the index of their hatching. */
export const HATCH_SIGNS = ["■", "▨", "▩"];

/**
 * A scale of rows, the first at the top. Every row has its name, however close they are.
 *
 * @param {string[]} names
 * @returns {Scale}
 */
export function rowScale(names) {
  const count = Math.max(1, names.length);
  /** @param {number} row */
  const at = (row) => 1 - (row + 0.5) / count;
  return {
    log: false,
    low: 0,
    high: count - 1,
    at,
    value: (share) => (1 - share) * count - 0.5,
    ticks: () => names.map((text, row) => ({ at: at(row), text })),
    covers: (row) => row < count,
  };
}

/**
 * The chart; its items are marks.
 *
 * @extends {Chart<Mark>}
 */
export class RowChart extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {() => Rows | null} picture what to draw now; null for nothing
   * @param {string} emptyText
   */
  constructor(panel, picture, emptyText) {
    super(panel, null, emptyText);
    this.picture = picture;
    /** @type {Mark[]} */
    this.marks = [];
    this.words = "";
  }

  /** @override */
  scales() {
    const picture = this.picture();
    showLegend(this.panel, picture?.legend ?? []);
    if (picture === null) return null;
    this.marks = picture.marks;
    this.words = picture.label;
    this.panel.content.style.height = `${Math.max(LOWEST, picture.names.length * ROW + AXIS)}px`;
    return { x: picture.x, y: rowScale(picture.names), xTitle: picture.xTitle, yTitle: "", widest: WIDEST_NAME };
  }

  /** @override */
  items() {
    return this.marks;
  }

  /**
   * @override
   * @param {Mark} mark
   */
  values({ value, row }) {
    return [value, row];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {Mark} mark
   */
  mark(brush, mark) {
    const [x, y] = this.spot(mark, mark.value, mark.row);
    brush.globalAlpha = 1;
    if (mark.held) this.#frame(brush, mark, x, y);
    brush.fillStyle = mark.shade;
    if (mark.from === undefined) {
      shapeOf(mark.kind ?? 0)(brush, x, y, mark.size ?? POINT);
      this.#error(brush, mark, y, mark.shade);
      if (mark.word) this.#beside(brush, mark, x, y);
      return;
    }
    const left = this.plane.x(mark.from);
    brush.fillRect(left, y - BAR / 2, Math.max(1, x - left), BAR);
    if (mark.kind) hatch(brush, left, y - BAR / 2, x - left, BAR, mark.kind);
    this.#error(brush, mark, y, colour("text"));
  }

  /**
   * @param {Brush} brush
   * @param {Mark} mark
   * @param {number} y
   * @param {string} shade
   */
  #error(brush, { low, high }, y, shade) {
    if (low === undefined || high === undefined) return;
    const [left, right] = [this.plane.x(low), this.plane.x(high)];
    brush.strokeStyle = shade;
    brush.lineWidth = 1.5;
    brush.beginPath();
    brush.moveTo(left, y);
    brush.lineTo(right, y);
    for (const x of [left, right]) {
      brush.moveTo(x, y - 3);
      brush.lineTo(x, y + 3);
    }
    brush.stroke();
  }

  /**
   * Frame a mark that the page is filtered by.
   *
   * @param {Brush} brush
   * @param {Mark} mark
   * @param {number} x
   * @param {number} y
   */
  #frame(brush, { from }, x, y) {
    const left = from === undefined ? x - BAR / 2 : this.plane.x(from);
    const right = from === undefined ? x + BAR / 2 : x;
    brush.strokeStyle = colour("text");
    brush.lineWidth = 2;
    brush.strokeRect(left - 2, y - BAR / 2 - 2, right - left + 4, BAR + 4);
  }

  /**
   * A bar is found anywhere on it, and a point near it.
   *
   * @override
   * @param {number} x
   * @param {number} y
   */
  spotAt(x, y) {
    const near = super.spotAt(x, y);
    if (near !== null) return near;
    const found = this.spots.item.findIndex(({ from }, at) =>
      from !== undefined && Math.abs(y - this.spots.y[at]) <= BAR / 2 && x >= this.plane.x(from) && x <= this.spots.x[at]);
    return found < 0 ? null : found;
  }

  /**
   * Marks are made anew with each drawing.
   *
   * @override
   * @param {Mark} mark
   */
  spotOf({ row, kind, from }) {
    return this.spots.item.findIndex((each) => each.row === row && each.kind === kind && each.from === from);
  }

  /**
   * @override
   * @param {Mark} mark
   */
  act({ act }) {
    act?.();
    return Boolean(act);
  }

  /**
   * @param {Brush} brush
   * @param {Mark} mark
   * @param {number} x
   * @param {number} y
   */
  #beside(brush, { word = "" }, x, y) {
    brush.fillStyle = colour("muted");
    brush.textAlign = x > this.plane.left + 0.8 * this.plane.wide ? "right" : "left";
    brush.textBaseline = "bottom";
    brush.fillText(word, x + (brush.textAlign === "right" ? -5 : 5), y - 1);
  }

  /** @override */
  label() {
    const acts = this.marks.some(({ act }) => act) ? " Enter filters the page by one, or no longer." : "";
    return `${this.words}. Left and right go through the marks.${acts}`;
  }

  /**
   * @override
   * @param {Mark} mark
   */
  tooltip({ text }) {
    return text;
  }
}

/**
 * Hatch a bar, so that it differs by more than its colour: by lines one way, or both ways.
 *
 * @param {Brush} brush
 * @param {number} left
 * @param {number} top
 * @param {number} wide
 * @param {number} high
 * @param {number} kind 1 for lines one way, 2 for both ways
 */
function hatch(brush, left, top, wide, high, kind) {
  brush.save();
  brush.beginPath();
  brush.rect(left, top, wide, high);
  brush.clip();
  brush.strokeStyle = colour("surface");
  brush.lineWidth = 1;
  brush.beginPath();
  for (let x = left - high; x < left + wide; x += HATCH_STEP) {
    brush.moveTo(x, top + high);
    brush.lineTo(x + high, top);
    if (kind < 2) continue;
    brush.moveTo(x, top);
    brush.lineTo(x + high, top + high);
  }
  brush.stroke();
  brush.restore();
}
