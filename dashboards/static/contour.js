// The error over two metaparameters, smoothed, below the trials that it comes from.

import { line } from "./canvas.js";
import { Chart } from "./chart.js";
import { goodness, paintRamp } from "./colours.js";
import { byId, el } from "./dom.js";
import { Field } from "./field.js";
import { cell, decimals } from "./format.js";
import { Panel } from "./panel.js";
import { choose, dataOf, ringMarked, spread } from "./points.js";
import { scaleOf } from "./scales.js";
import { colour } from "./theme.js";

const BANDS = 10;

/** Its items are rows of the history. */
export class Contour extends Chart {
  constructor(history, brushes, selection) {
    super(new Panel("contour"), history.name, "No trial that fits has finished with a result yet.");
    Object.assign(this, { history, brushes, selection });
    const parameters = history.metaparameters;
    const [first, second] = [...parameters.filter(({ options }) => !options), ...parameters];
    this.x = choose("contour-x", "x", parameters, first?.name, () => this.draw());
    this.y = choose("contour-y", "y", parameters, second?.name, () => this.draw());
    brushes.onChange(() => this.draw());
    selection.onChange(() => this.refresh());
    this.panel.offerData(() => dataOf(history, ["tid", this.x(), this.y(), "loss"], this.items()));
    this.draw();
  }

  update(rows) {
    const fresh = rows.filter((row) => this.#shows(row));
    if (this.field) {
      const { loss } = this.history.values;
      this.field.low = this.low = fresh.reduce((least, row) => Math.min(least, loss[row]), this.low);
    }
    this.add(fresh);
  }

  #shows(row) {
    return this.history.values.loss[row] !== null && this.brushes.passes(row);
  }

  scales() {
    const rows = this.items();
    const { columns } = this.history;
    this.columns = [columns.get(this.x()), columns.get(this.y())];
    if (rows.length === 0 || !this.columns[0] || !this.columns[1]) return null;
    [this.low, this.high] = this.history.lossRange();
    this.alpha = Math.min(0.8, 12 / Math.sqrt(rows.length));
    const [x, y] = this.columns;
    return { x: scaleOf(x), y: scaleOf(y), xTitle: x.title, yTitle: y.title };
  }

  items() {
    return this.history.scored.filter((row) => this.brushes.passes(row));
  }

  values(row) {
    return this.columns.map((column) => spread(this.history, column, row));
  }

  begin() {
    this.field = new Field(this.low, this.high, BANDS);
  }

  mark(brush, row) {
    const [x, y] = this.values(row);
    const at = this.spot(row, x, y);
    this.field.add(this.axes.x.at(x), this.axes.y.at(y), this.history.values.loss[row]);
    brush.globalAlpha = this.alpha;
    brush.fillStyle = colour("text");
    brush.fillRect(at[0] - 1, at[1] - 1, 2, 2);
  }

  over(brush) {
    this.#paintField();
    ringMarked(brush, this, (row) => this.#shows(row));
  }

  /** The field has changed if there are more spots than when it was painted. */
  #paintField() {
    if (this.painted === this.field && this.paintedSpots === this.spots.item.length) return;
    this.painted = this.field;
    this.paintedSpots = this.spots.item.length;
    const bar = el("canvas", { "aria-hidden": "true" });
    byId("contour-legend").replaceChildren(decimals(this.low), bar, decimals(this.high));
    paintRamp(bar, goodness);
    const { left, top, wide, high } = this.plane;
    const { brush } = this.under;
    this.under.fit();
    brush.drawImage(this.field.picture(goodness), left, top, wide, high);
    brush.strokeStyle = colour("surface");
    brush.lineWidth = 0.75;
    const place = ([x, y]) => [left + x * wide, top + (1 - y) * high];
    for (const [from, to] of this.field.lines()) line(brush, ...place(from), ...place(to));
  }

  stops() {
    const { loss } = this.history.values;
    return [...this.spots.item.keys()].sort((a, b) => loss[this.spots.item[a]] - loss[this.spots.item[b]]);
  }

  label() {
    const [x, y] = this.columns.map(({ title, log }) => `${title}${log ? ", logarithmic" : ""}`);
    return (
      `Smoothed validation error of ${this.spots.item.length} trials over ${x} and ${y}; best ${decimals(this.low)}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  tell(row) {
    const { values } = this.history;
    return [`trial ${values.tid[row]}: ${decimals(values.loss[row])}`, ...this.columns.map(({ name, title }) => `${title}: ${cell(this.history.value(name, row))}`)].join("\n");
  }

  tellPlace(x, y) {
    const smoothed = this.field.at(x, y);
    return smoothed === null ? null : `smoothed ${decimals(smoothed)}`;
  }

  tidOf(row) {
    return this.history.values.tid[row];
  }
}
