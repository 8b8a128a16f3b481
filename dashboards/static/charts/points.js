// Helpers that the charts of trials over metaparameters share.

import { el } from "../lib/dom.js";
import * as urlState from "../lib/urlstate.js";

/** @typedef {import("../lib/trials.js").Trials} Trials */

/**
 * Add a select of metaparameters to a panel; the URL keeps the choice under `key`.
 *
 * @param {import("./chart.js").Panel} panel
 * @param {{id: string, label: string, key: string, options: {name: string, title: string}[], otherwise: string}} select
 * @param {() => void} onChange
 * @returns {() => string} the chosen metaparameter
 */
export function choose(panel, { id, label, key, options, otherwise }, onChange) {
  const wanted = urlState.get(key, otherwise);
  const node = el("select", { class: "tool", id }, options.map(({ name, title }) => el("option", { value: name, selected: name === wanted, text: title })));
  panel.tools.append(el("label", { class: "small" }, `${label} `, node));
  node.addEventListener("change", () => {
    urlState.set({ [key]: node.value });
    onChange();
  });
  return () => node.value;
}

/**
 * Add selects of the metaparameters on two axes to a panel. The first choice is of two numbers.
 *
 * @param {import("./chart.js").Panel} panel
 * @param {Trials} trials
 * @param {{id: string, keys: [string, string]}} selects prefix of their ids, and their keys in the URL
 * @param {() => void} onChange
 */
export function choosePlane(panel, { metaparameters }, { id, keys }, onChange) {
  const [first, second] = [...metaparameters.filter(({ options }) => !options), ...metaparameters];
  /** @param {"x" | "y"} axis */
  const select = (axis) => {
    const [key, column] = axis === "x" ? [keys[0], first] : [keys[1], second];
    return choose(panel, { id: `${id}-${axis}`, label: axis, key, options: metaparameters, otherwise: column?.name }, onChange);
  };
  return { x: select("x"), y: select("y") };
}

/**
 * A number in [0, 1) that is always the same for a row.
 *
 * @param {number} row
 */
export const scatter = (row) => (row * 0.618033988749) % 1;

/**
 * A row's value on an axis. Points of the same option are spread a little, so that all can be seen.
 *
 * @param {Trials} trials
 * @param {import("../lib/trials.js").Column} column
 * @param {number} row
 */
export function spread(trials, column, row) {
  const value = trials.values[column.name][row] ?? NaN;
  return column.options ? value + 0.5 * (scatter(row) - 0.5) : value;
}

/**
 * Some columns of some rows as a table.
 *
 * @param {Trials} trials
 * @param {string[]} names
 * @param {number[]} rows
 */
export function dataOf(trials, names, rows) {
  return {
    headings: names.map((name) => trials.column(name).title),
    rows: rows.map((row) => names.map((name) => trials.value(name, row))),
  };
}
