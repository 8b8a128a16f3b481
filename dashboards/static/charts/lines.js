// Chart of several lines over one axis, such as a trial's measurements over its epochs.

import { short } from "../lib/format.js";
import { showLegend } from "../lib/panel.js";
import { extent, numberScale, roomy, roomyLog } from "../lib/scales.js";
import { Chart } from "./chart.js";

/** @typedef {import("./chart.js").Brush} Brush */

/**
 * A line. `dash` is the index of its dash pattern; `steps` draws it as a staircase.
 *
 * @typedef {object} Line
 * @property {string} name
 * @property {number[]} x
 * @property {(number | null)[]} y null leaves a gap
 * @property {string} shade
 * @property {number} [dash]
 * @property {boolean} [steps]
 */

/**
 * An axis. Without `low` and `high` it ends where the values do.
 *
 * @typedef {{title: string, low?: number, high?: number, log?: boolean}} Axis
 */

/** @typedef {{lines: Line[], x: Axis, y: Axis, label: string, legend?: boolean}} Picture */

const DASHES = [[], [7, 4], [2, 3], [8, 3, 2, 3]];
const DASH_SIGNS = ["━━", "╍╍", "┅┅", "╸╍"];
// Lines with more points than this are drawn without markers, which would hide the line.
const MOST_MARKERS = 60;

/**
 * The chart; its items are lines.
 *
 * @extends {Chart<Line>}
 */
export class LineChart extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {() => Picture | null} picture what to draw now; null for nothing
   * @param {string} emptyText
   */
  constructor(panel, picture, emptyText) {
    super(panel, null, emptyText);
    this.picture = picture;
    /** @type {Picture} */
    this.shown = { lines: [], x: { title: "" }, y: { title: "" }, label: "" };
  }

  /** @override */
  scales() {
    const picture = this.picture();
    if (picture === null) return null;
    this.shown = picture;
    const { lines, x, y, legend } = picture;
    showLegend(this.panel, legend ? lines.map(({ name, shade, dash }) => ({ sign: DASH_SIGNS[dash ?? 0], shade, text: name })) : []);
    return { x: scale(x, lines.flatMap((each) => each.x)), y: scale(y, lines.flatMap((each) => each.y)), xTitle: x.title, yTitle: y.title };
  }

  /** @override */
  items() {
    return this.shown.lines;
  }

  /**
   * The points of a line that can be drawn.
   *
   * @param {Line} line
   * @returns {[number, number][]}
   */
  #points({ x, y }) {
    return x.flatMap((left, at) => {
      const up = y[at];
      return this.#drawn(up) ? [/** @type {[number, number]} */ ([left, up])] : [];
    });
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {Line} line
   */
  mark(brush, line) {
    const { shade, dash } = line;
    brush.strokeStyle = shade;
    brush.fillStyle = shade;
    brush.lineWidth = 2;
    brush.setLineDash(DASHES[dash ?? 0]);
    const places = this.#points(line).map(([x, y]) => this.spot(line, x, y));
    this.#trace(brush, line);
    brush.setLineDash([]);
    if (places.length > MOST_MARKERS) return;
    for (const [left, up] of places) brush.fillRect(left - 2, up - 2, 4, 4);
  }

  /**
   * Draw the line, with a gap where it has no value.
   *
   * @param {Brush} brush
   * @param {Line} line
   */
  #trace(brush, { x, y, steps }) {
    brush.beginPath();
    /** @type {number | null} height of the point before; null after a gap */
    let before = null;
    x.forEach((value, at) => {
      const up = y[at];
      if (!this.#drawn(up)) {
        before = null;
        return;
      }
      const [left, top] = [this.plane.x(value), this.plane.y(up)];
      if (before === null) brush.moveTo(left, top);
      else {
        if (steps) brush.lineTo(left, before);
        brush.lineTo(left, top);
      }
      before = top;
    });
    brush.stroke();
  }

  /**
   * @param {number | null} value
   * @returns {value is number}
   */
  #drawn(value) {
    return value !== null && (!this.axes.y.log || value > 0);
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    if (this.pointed === null) return;
    const line = this.spots.item[this.pointed];
    brush.strokeStyle = line.shade;
    brush.lineWidth = 4;
    this.#trace(brush, line);
  }

  /** @override */
  label() {
    return `${this.shown.label}. Left and right go through the values.`;
  }

  /**
   * @override
   * @param {Line} line
   * @param {number} at
   */
  tooltip(line, at) {
    const [x, y] = this.#points(line)[at - this.spots.item.indexOf(line)];
    return `${line.name}\n${this.shown.x.title} ${short(x)}: ${short(y)}`;
  }
}

/**
 * @param {Axis} axis
 * @param {(number | null)[]} values
 */
function scale({ low, high, log }, values) {
  const known = values.filter((value) => value !== null).filter((value) => !log || value > 0);
  const [least, most] = extent(known, (value) => value);
  if (log) return known.length ? roomyLog(least, most) : numberScale(1, 10, true);
  return low === undefined ? roomy(least, most) : numberScale(low, high ?? roomy(low, most).high);
}
