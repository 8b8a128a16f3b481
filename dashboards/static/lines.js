// Several lines over one axis, such as what each epoch of a trial measured.

import { Chart, showLegend } from "./chart.js";
import { short } from "./format.js";
import { extent, numberScale, roomy } from "./scales.js";

const DASHES = [[], [7, 4], [2, 3], [8, 3, 2, 3]];
const DASH_SIGNS = ["━━", "╍╍", "┅┅", "╸╍"];

/** `picture` gives {lines, x, y, label, legend} from what the page knows, or null for nothing.
 *
 * A line is {name, x, y, shade, dash, steps}; an axis {title, low, high, log}, its ends being the
 * values' own where none are given. Its items are lines.
 */
export class LineChart extends Chart {
  constructor(panel, picture, empty) {
    super(panel, null, empty);
    this.picture = picture;
  }

  scales() {
    this.now = this.picture();
    if (this.now === null) return null;
    const { lines, x, y, legend } = this.now;
    showLegend(this.panel, legend ? lines.map(({ name, shade, dash }) => ({ sign: DASH_SIGNS[dash ?? 0], shade, text: name })) : []);
    return { x: axis(x, lines.flatMap((each) => each.x)), y: axis(y, lines.flatMap((each) => each.y)), xTitle: x.title, yTitle: y.title };
  }

  items() {
    return this.now.lines;
  }

  mark(brush, item) {
    const { x, y, shade, dash } = item;
    brush.strokeStyle = shade;
    brush.fillStyle = shade;
    brush.lineWidth = 2;
    brush.setLineDash(DASHES[dash ?? 0]);
    const places = x.flatMap((left, at) => (this.#drawn(y[at]) ? [this.spot(item, left, y[at])] : []));
    this.#trace(brush, item);
    brush.setLineDash([]);
    if (places.length > 60) return;
    for (const [left, up] of places) brush.fillRect(left - 2, up - 2, 4, 4);
  }

  /** The line, with a gap where it has no value. */
  #trace(brush, { x, y, steps }) {
    brush.beginPath();
    let before = null;
    x.forEach((left, at) => {
      const place = this.#drawn(y[at]) ? [this.plane.x(left), this.plane.y(y[at])] : null;
      if (place !== null && before === null) brush.moveTo(...place);
      if (place !== null && before !== null && steps) brush.lineTo(place[0], before[1]);
      if (place !== null && before !== null) brush.lineTo(...place);
      before = place;
    });
    brush.stroke();
  }

  #drawn(value) {
    return value !== null && (!this.axes.y.log || value > 0);
  }

  over(brush) {
    if (this.pointed === null) return;
    const item = this.spots.item[this.pointed];
    brush.strokeStyle = item.shade;
    brush.lineWidth = 4;
    this.#trace(brush, item);
  }

  label() {
    return `${this.now.label}. Left and right go through the values.`;
  }

  tell(item, at) {
    const { x, y, name } = item;
    const place = at - this.spots.item.indexOf(item);
    const drawn = [...x.keys()].filter((each) => this.#drawn(y[each]));
    return `${name}\n${this.now.x.title} ${short(x[drawn[place]])}: ${short(y[drawn[place]])}`;
  }

  tidOf() {
    return null;
  }
}

function axis({ low, high, log }, values) {
  const known = values.filter((value) => value !== null && (!log || value > 0));
  const [least, most] = extent(known, (value) => value);
  if (!log) return low === undefined ? roomy(least, most) : numberScale(low, high ?? roomy(low, most).high);
  const room = (most / least) ** 0.06 || 1;
  return numberScale(least / Math.max(room, 1.05), most * Math.max(room, 1.05), true);
}
