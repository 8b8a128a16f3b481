// Charts of one trial over its epochs or steps: what it reported, rates, and each layer's alignment.
// One line of CHARTS each.

import { category, ramp } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { LineChart } from "./lines.js";

/** @typedef {import("../lib/panel.js").Panel} Panel */
/** @typedef {import("../lib/panel.js").Table} Table */
/** @typedef {import("./lines.js").Axis} Axis */
/** @typedef {import("./lines.js").Picture} Picture */
/** @typedef {Api.Series["role"]} Role */
/** @typedef {"angle" | "norm_ratio" | "gradient_angle" | "sign_agreement"} LayerKey */

/**
 * A chart: its picture and its table, from the epochs read so far. `chosen` is the one measurement that
 * the reader chose to see, "" for all.
 *
 * @typedef {{id: string, picture: (epochs: Api.Epochs, chosen: string) => Picture | null, table: (epochs: Api.Epochs) => Table, empty: string, role?: Role}} EpochChart
 */

const NO_LAYERS = "No layer of this trial has a backward kernel that was measured.";
const NO_UPDATE_ANGLES = "No angle between pseudogradient and true gradient was measured in this trial.";
const NO_SIGNS = "No layer's signs were compared in this trial.";

/** @type {EpochChart[]} */
const CHARTS = [
  { id: "learning", ...ofSeries("measured", { title: "" }), empty: "The trial has reported nothing yet." },
  { id: "rates", ...ofSeries("rate", { title: "rate", log: true }), empty: "No rate was recorded." },
  { id: "angles", ...ofLayers("angle", { title: "angle (degrees)", low: 0 }), empty: NO_LAYERS },
  { id: "ratios", ...ofLayers("norm_ratio", { title: "‖B‖ / ‖W‖", log: true }), empty: NO_LAYERS },
  { id: "update-angles", ...ofLayers("gradient_angle", { title: "update angle (degrees)", low: 0 }), empty: NO_UPDATE_ANGLES },
  { id: "signs", ...ofLayers("sign_agreement", { title: "entries of the same sign" }), empty: NO_SIGNS },
];

/**
 * Make the charts whose panels the trial's page has.
 *
 * @param {(id: string) => Panel} panelOf
 * @param {() => Api.Epochs | null} read the epochs read so far
 */
export function createAll(panelOf, read) {
  const shown = CHARTS.filter(({ id }) => document.getElementById(id) !== null);
  return shown.map(({ id, picture, table, empty, role }) => {
    const panel = panelOf(id);
    const choice = role === "measured" ? chooser(panel, read, () => chart.draw()) : () => "";
    panel.offerData(() => {
      const epochs = read();
      return epochs ? table(epochs) : { headings: [], rows: [] };
    });
    /** @type {LineChart} */
    const chart = new LineChart(panel, () => {
      const epochs = read();
      return epochs && picture(epochs, choice());
    }, empty);
    return chart;
  });
}

/**
 * A select of one of the measurements, or of all; hidden while there is nothing to choose.
 *
 * @param {Panel} panel
 * @param {() => Api.Epochs | null} read
 * @param {() => void} onChange
 * @returns {() => string} the chosen measurement, "" for all
 */
function chooser(panel, read, onChange) {
  const select = el("select", { class: "tool", "aria-label": "Measurement", hidden: true, onchange: onChange });
  panel.tools.prepend(select);
  return () => {
    const measured = (read()?.series ?? []).filter(({ role }) => role === "measured");
    select.hidden = measured.length < 2;
    if (select.length !== measured.length + 1) {
      const held = select.value;
      select.replaceChildren(el("option", { value: "", text: "all" }), ...measured.map(({ name, label }) => el("option", { value: name, selected: name === held, text: label })));
    }
    return select.value;
  };
}

/**
 * The rows of the last attempt that has epochs.
 *
 * @param {Api.Epochs} epochs
 */
export function lastAttempt({ attempt }) {
  const last = Math.max(...attempt);
  return attempt.flatMap((each, at) => (each === last ? [at] : []));
}

/**
 * Append new epochs to those read before.
 *
 * @param {Api.Epochs} epochs
 * @param {Api.Epochs} fresh
 */
export function append(epochs, fresh) {
  const layers = new Map(fresh.layers.map((layer) => [layer.name, layer]));
  for (const layer of epochs.layers) {
    const more = layers.get(layer.name);
    for (const key of /** @type {const} */ (["angle", "norm_ratio", "gradient_angle", "sign_agreement"])) {
      if (layer[key] === null && more?.[key]) layer[key] = Array(epochs.count).fill(null);
      layer[key]?.push(...(more?.[key] ?? Array(fresh.count).fill(null)));
    }
  }
  const series = new Map(fresh.series.map((each) => [each.name, each]));
  for (const each of epochs.series) {
    each.values.push(...(series.get(each.name)?.values ?? Array(fresh.count).fill(null)));
    series.delete(each.name);
  }
  // A number that is reported for the first time was missing before.
  for (const each of series.values()) epochs.series.push({ ...each, values: [...Array(epochs.count).fill(null), ...each.values] });
  epochs.attempt.push(...fresh.attempt);
  epochs.epoch.push(...fresh.epoch);
  epochs.seconds.push(...fresh.seconds);
  epochs.count += fresh.count;
}

/**
 * @template T
 * @param {number[]} rows
 * @param {T[] | null | undefined} list
 */
const over = (rows, list) => rows.map((row) => list?.[row] ?? null);

/**
 * The axis of epochs, from the first one that is there.
 *
 * @param {Api.Epochs} epochs
 */
export function epochAxis({ epochs, epoch, unit }) {
  const first = epoch.length ? epoch.reduce((least, each) => Math.min(least, each)) : 1;
  const last = epoch.reduce((most, each) => Math.max(most, each), epochs ?? first);
  // A single epoch stands in the middle.
  return last > first ? { title: unit, low: first, high: last } : { title: unit, low: first - 0.5, high: first + 0.5 };
}

/**
 * @param {Api.Epochs} epochs
 * @param {number[]} rows
 */
const numbersOf = (epochs, rows) => rows.map((row) => epochs.epoch[row]);

/**
 * A chart of the measurements with this role.
 *
 * @param {Role} role
 * @param {Axis} y
 * @returns {Pick<EpochChart, "picture" | "table" | "role">}
 */
function ofSeries(role, y) {
  return {
    role,
    picture(epochs, chosen) {
      const rows = lastAttempt(epochs);
      const found = epochs.series.filter((each) => each.role === role && (chosen === "" || each.name === chosen))
        .map((each) => ({ ...each, y: over(rows, each.values) }))
        .filter((each) => each.y.some((value) => value !== null && (!y.log || value > 0)));
      if (rows.length === 0 || found.length === 0) return null;
      return {
        lines: found.map((each, at) => ({ name: each.label, x: numbersOf(epochs, rows), y: each.y, shade: category(at), dash: at % 4 })),
        x: epochAxis(epochs),
        y: { ...y, title: y.title || (found.length === 1 ? found[0].label : "") },
        legend: true,
        label: `${found.map(({ label }) => label).join(", ")} over ${rows.length} ${epochs.unit}s`,
      };
    },
    table: (epochs) => tableOf(epochs, epochs.series.filter((each) => each.role === role).map(({ label, values }) => ({ title: label, values }))),
  };
}

/**
 * A chart with a line for each layer, coloured by depth, as in Fig. S4 of Kunin et al. 2020.
 *
 * @param {LayerKey} key
 * @param {Axis} y
 * @returns {Pick<EpochChart, "picture" | "table">}
 */
function ofLayers(key, y) {
  return {
    picture(epochs) {
      const rows = lastAttempt(epochs);
      const layers = epochs.layers.filter((layer) => over(rows, layer[key]).some((value) => value !== null));
      if (layers.length === 0) return null;
      return {
        lines: layers.map((layer, depth) => ({ name: layer.name, x: numbersOf(epochs, rows), y: over(rows, layer[key]), shade: ramp(depth / Math.max(1, layers.length - 1)) })),
        x: epochAxis(epochs),
        y,
        label: `${y.title} of ${layers.length} layers over ${rows.length} ${epochs.unit}s`,
      };
    },
    table: (epochs) => tableOf(epochs, epochs.layers.map((layer) => ({ title: layer.name, values: layer[key] ?? [] }))),
  };
}

/**
 * All epochs of all attempts as a table.
 *
 * @param {Api.Epochs} epochs
 * @param {{title: string, values: (number | null)[]}[]} columns
 */
function tableOf(epochs, columns) {
  return {
    headings: ["attempt", epochs.unit, ...columns.map(({ title }) => title)],
    rows: epochs.epoch.map((epoch, at) => [epochs.attempt[at], epoch, ...columns.map(({ values }) => values[at] ?? null)]),
  };
}
