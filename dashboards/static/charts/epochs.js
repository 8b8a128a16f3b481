// Charts of one trial over its epochs: losses, rates, and each layer's alignment. One line of CHARTS each.

import { category, ramp } from "../lib/colours.js";
import { LineChart } from "./lines.js";

/** @typedef {import("../lib/panel.js").Table} Table */
/** @typedef {import("./lines.js").Axis} Axis */
/** @typedef {import("./lines.js").Picture} Picture */
/** @typedef {{name: string, title: string, values: (epochs: Api.Epochs) => (number | null)[]}} Series */
/** @typedef {"angle" | "norm_ratio" | "gradient_angle"} LayerKey */

/**
 * A chart: its picture and its table, from the epochs read so far.
 *
 * @typedef {{id: string, picture: (epochs: Api.Epochs) => Picture | null, table: (epochs: Api.Epochs) => Table, empty: string}} EpochChart
 */

/** @param {(number | null)[]} accuracies */
const errors = (accuracies) => accuracies.map((value) => (value === null ? null : 1 - value));

/** @type {Series[]} */
const LOSSES = [
  { name: "loss", title: "training loss", values: (epochs) => epochs.loss },
  { name: "validation_loss", title: "validation loss", values: (epochs) => epochs.validation_loss },
  { name: "error", title: "validation error", values: (epochs) => errors(epochs.validation_accuracy) },
  { name: "train_error", title: "training error", values: (epochs) => errors(epochs.train_accuracy) },
];
/** @type {Series[]} */
const RATES = [
  { name: "learning_rate", title: "learning rate (SGDM)", values: (epochs) => epochs.learning_rate },
  { name: "alignment_learning_rate", title: "alignment learning rate (η)", values: (epochs) => epochs.alignment_learning_rate },
];
const NO_LAYERS = "No layer of this trial has a backward kernel that was measured.";
const NO_UPDATE_ANGLES = "No angle between pseudogradient and true gradient was measured in this trial.";

/** @type {EpochChart[]} */
const CHARTS = [
  { id: "learning", ...ofSeries(LOSSES, { title: "loss, error" }), empty: "No epoch has finished yet." },
  { id: "rates", ...ofSeries(RATES, { title: "rate", log: true }), empty: "No rate was recorded." },
  { id: "angles", ...ofLayers("angle", { title: "angle (degrees)", low: 0 }), empty: NO_LAYERS },
  { id: "ratios", ...ofLayers("norm_ratio", { title: "‖B‖ / ‖W‖", log: true }), empty: NO_LAYERS },
  { id: "update-angles", ...ofLayers("gradient_angle", { title: "update angle (degrees)", low: 0 }), empty: NO_UPDATE_ANGLES },
];

/**
 * Make the charts of a trial's page.
 *
 * @param {(id: string) => import("../lib/panel.js").Panel} panelOf
 * @param {() => Api.Epochs | null} read the epochs read so far
 */
export function createAll(panelOf, read) {
  return CHARTS.map(({ id, picture, table, empty }) => {
    const panel = panelOf(id);
    panel.offerData(() => {
      const epochs = read();
      return epochs ? table(epochs) : { headings: [], rows: [] };
    });
    return new LineChart(panel, () => {
      const epochs = read();
      return epochs && picture(epochs);
    }, empty);
  });
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
    for (const key of /** @type {const} */ (["angle", "norm_ratio", "gradient_angle"])) {
      if (layer[key] === null && more?.[key]) layer[key] = Array(epochs.count).fill(null);
      layer[key]?.push(...(more?.[key] ?? Array(fresh.count).fill(null)));
    }
  }
  const columns = /** @type {Record<string, any>} */ (epochs);
  for (const [key, list] of Object.entries(fresh)) if (Array.isArray(list) && key !== "layers") columns[key].push(...list);
  epochs.count += fresh.count;
}

/**
 * @template T
 * @param {number[]} rows
 * @param {T[] | null | undefined} list
 */
const over = (rows, list) => rows.map((row) => list?.[row] ?? null);

/** @param {Api.Epochs} epochs */
const epochAxis = ({ epochs }) => ({ title: "epoch", low: 0, high: epochs + 0.5 });

/**
 * @param {Api.Epochs} epochs
 * @param {number[]} rows
 */
const numbersOf = (epochs, rows) => rows.map((row) => epochs.epoch[row]);

/**
 * A chart of several measurements.
 *
 * @param {Series[]} wanted
 * @param {Axis} y
 * @returns {Pick<EpochChart, "picture" | "table">}
 */
function ofSeries(wanted, y) {
  return {
    picture(epochs) {
      const rows = lastAttempt(epochs);
      const found = wanted.map((each) => ({ ...each, y: over(rows, each.values(epochs)) }))
        .filter((each) => each.y.some((value) => value !== null && (!y.log || value > 0)));
      if (rows.length === 0 || found.length === 0) return null;
      return {
        lines: found.map((each, at) => ({ name: each.title, x: numbersOf(epochs, rows), y: each.y, shade: category(at), dash: at })),
        x: epochAxis(epochs),
        y,
        legend: true,
        label: `${found.map(({ title }) => title).join(", ")} over ${rows.length} epochs`,
      };
    },
    table: (epochs) => tableOf(epochs, wanted.map(({ title, values }) => ({ title, values: values(epochs) }))),
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
        label: `${y.title} of ${layers.length} layers over ${rows.length} epochs`,
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
    headings: ["attempt", "epoch", ...columns.map(({ title }) => title)],
    rows: epochs.epoch.map((epoch, at) => [epochs.attempt[at], epoch, ...columns.map(({ values }) => values[at] ?? null)]),
  };
}
