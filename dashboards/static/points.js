// What charts of trials over their metaparameters have in common.

import { byId, el } from "./dom.js";
import { colour } from "./theme.js";
import * as view from "./view.js";

/** A select of the metaparameters, whose choice the address keeps under `key`. */
export function choose(id, key, options, otherwise, onChange) {
  const node = byId(id);
  const wanted = view.get(key, otherwise);
  node.replaceChildren(...options.map(({ name, title }) => el("option", { value: name, selected: name === wanted, text: title })));
  node.addEventListener("change", () => {
    view.set({ [key]: node.value });
    onChange();
  });
  return () => node.value;
}

/** A row's value; equal options are spread a little, the same way each time. */
export function spread(history, column, row) {
  const value = history.values[column.name][row];
  return column.options ? value + 0.5 * (((row * 0.618033988749) % 1) - 0.5) : value;
}

/** The columns `names` of some rows, as a table. */
export function dataOf(history, names, rows) {
  return {
    headings: names.map((name) => history.columns.get(name).title),
    rows: rows.map((row) => names.map((name) => history.value(name, row))),
  };
}

/** Rings on the chart's marked trials, where it shows them. */
export function ringMarked(brush, chart, shows) {
  brush.strokeStyle = colour("text");
  brush.lineWidth = 2;
  for (const tid of chart.selection.tids) {
    const row = chart.history.rows.get(tid);
    if (row === undefined || !shows(row)) continue;
    const [x, y] = chart.values(row);
    brush.beginPath();
    brush.arc(chart.plane.x(x), chart.plane.y(y), 6.5, 0, 7);
    brush.stroke();
  }
}
