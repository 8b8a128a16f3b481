// The error of each trial over one metaparameter.

import { shapeOf } from "./canvas.js";
import { Chart, SIGNS, showLegend } from "./chart.js";
import { category } from "./colours.js";
import { cell, decimals } from "./format.js";
import { Panel } from "./panel.js";
import { choose, dataOf, ringMarked, spread } from "./points.js";
import { extent, roomy, scaleOf } from "./scales.js";
import { colour } from "./theme.js";

/** Its items are rows of the history. */
export class Slice extends Chart {
  constructor(history, brushes, selection) {
    super(new Panel("slice"), history.name, "No trial that fits has finished with a result yet.");
    Object.assign(this, { history, brushes, selection });
    const parameters = history.metaparameters;
    const none = { name: "", title: "nothing" };
    this.x = choose("slice-x", "slice", parameters, parameters[0]?.name, () => this.draw());
    this.by = choose("slice-colour", "colour", [none, ...parameters.filter(({ options }) => options)], "", () => this.draw());
    brushes.onChange(() => this.draw());
    selection.onChange(() => this.refresh());
    this.panel.offerData(() => dataOf(history, ["tid", this.x(), this.by(), "loss"].filter(Boolean), this.items()));
    this.draw();
  }

  update(rows) {
    this.add(rows.filter((row) => this.#shows(row)));
  }

  #shows(row) {
    return this.history.values.loss[row] !== null && this.brushes.passes(row);
  }

  scales() {
    const rows = this.items();
    this.column = this.history.columns.get(this.x());
    if (rows.length === 0 || !this.column) return null;
    this.group = this.history.columns.get(this.by());
    this.size = rows.length > 2000 ? 2.5 : rows.length > 300 ? 4 : 6;
    this.alpha = rows.length > 2000 ? 0.35 : rows.length > 300 ? 0.55 : 0.8;
    const kinds = this.group?.options ?? [];
    this.shades = kinds.length ? kinds.map((_, at) => category(at)) : [colour("accent")];
    showLegend(this.panel, kinds.map((option, at) => ({ sign: SIGNS[at % 4], shade: category(at), text: `${this.group.title}: ${cell(option)}` })));
    const { loss } = this.history.values;
    return { x: scaleOf(this.column), y: roomy(...extent(rows, (row) => loss[row])), xTitle: this.column.title, yTitle: "validation error" };
  }

  items() {
    return this.history.scored.filter((row) => this.brushes.passes(row));
  }

  values(row) {
    return [spread(this.history, this.column, row), this.history.values.loss[row]];
  }

  mark(brush, row) {
    const [x, y] = this.spot(row, ...this.values(row));
    const kind = this.group ? this.history.values[this.group.name][row] ?? 0 : 0;
    brush.globalAlpha = this.alpha;
    brush.fillStyle = this.shades[kind];
    shapeOf(this.group ? kind : 3)(brush, x, y, this.size);
  }

  over(brush) {
    ringMarked(brush, this, (row) => this.#shows(row));
  }

  stops() {
    const { loss } = this.history.values;
    return [...this.spots.item.keys()].sort((a, b) => loss[this.spots.item[a]] - loss[this.spots.item[b]]);
  }

  label() {
    return (
      `Validation error of ${this.spots.item.length} trials over ${this.column.title}${this.column.log ? ", logarithmic" : ""}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  tell(row) {
    const { values } = this.history;
    const more = this.group ? `\n${this.group.title}: ${cell(this.history.value(this.group.name, row))}` : "";
    return `trial ${values.tid[row]}: ${decimals(values.loss[row])}\n${this.column.title}: ${cell(this.history.value(this.column.name, row))}${more}`;
  }

  tidOf(row) {
    return this.history.values.tid[row];
  }
}
