// The error over one or two metaparameters: slice and contour.

import { trialPage } from "./api.js";
import { logTicks } from "./canvas.js";
import { category, goodness, plotlyRamp } from "./colours.js";
import { atMostEvery, byId, el, inView, onFrame } from "./dom.js";
import { cell, raised } from "./format.js";
import { Panel } from "./panel.js";
import { Plot, verbatim } from "./plot.js";
import { colour } from "./theme.js";
import * as view from "./view.js";

const GRID = 32;
const REACH = 0.07; // of an axis: how far a trial speaks for the error around it
const LEAST_WEIGHT = 0.25;
const MOST_POINTS = 1500; // as SVG; a strict content security policy rules out plotly's WebGL
const BEST_POINTS = 500;
const GAP_MS = 2000;

/** A select of the metaparameters, whose choice the address keeps under `key`. */
function choose(id, key, options, otherwise, onChange) {
  const node = byId(id);
  const wanted = view.get(key, otherwise);
  node.replaceChildren(...options.map(({ name, title }) => el("option", { value: name, selected: name === wanted, text: title })));
  node.addEventListener("change", () => {
    view.set({ [key]: node.value });
    onChange();
  });
  return () => node.value;
}

/** How plotly draws a column's axis: log where the space is log, a choice by its options. */
function axisOf(column) {
  const title = { text: verbatim(column.title) };
  if (column.options) {
    return { title, type: "linear", tickvals: column.options.map((_, at) => at), ticktext: column.options.map(cell), range: [-0.5, column.options.length - 0.5], zeroline: false };
  }
  if (!column.log) return { title, type: "linear" };
  const tickvals = logTicks(column.low, column.high, 7);
  return { title, type: "log", tickvals, ticktext: tickvals.map((value) => raised(`10^{${Math.round(Math.log10(value))}}`)) };
}

/** Of many rows, by loss, the best and others evenly by rank. */
function thinned(history, rows) {
  if (rows.length <= MOST_POINTS) return rows;
  const { loss } = history.values;
  const ranked = [...rows].sort((a, b) => loss[a] - loss[b]);
  const step = (ranked.length - BEST_POINTS) / (MOST_POINTS - BEST_POINTS);
  const others = Array.from({ length: MOST_POINTS - BEST_POINTS }, (_, at) => ranked[Math.floor(BEST_POINTS + at * step)]);
  return [...ranked.slice(0, BEST_POINTS), ...others];
}

/** What the panel says of trials that the picture leaves out. */
function tellThinned(panel, rows) {
  panel.note ??= panel.section.appendChild(el("p", { class: "small muted" }));
  panel.note.hidden = rows.length <= MOST_POINTS;
  panel.note.textContent = `${MOST_POINTS} of ${rows.length} trials drawn: the best ${BEST_POINTS}, and others evenly by rank; the data have all.`;
}

/** Values that lie on one another are spread a little, the same way each time. */
function places(history, column, rows) {
  const values = history.values[column.name];
  if (!column.options) return rows.map((row) => values[row]);
  return rows.map((row) => values[row] + 0.5 * (((row * 0.618033988749) % 1) - 0.5));
}

const open = (history) => (event) => {
  const tid = event.points[0]?.customdata;
  if (tid !== undefined) location.href = trialPage(history.name, tid);
};

export class Slice {
  constructor(history, brushes, selection) {
    Object.assign(this, { history, brushes, selection });
    this.panel = new Panel("slice");
    const parameters = history.metaparameters;
    this.draw = onFrame(() => this.plot.draw());
    this.plot = new Plot(this.panel, () => this.#picture(), "No trial has finished with a result yet.");
    const none = { name: "", title: "nothing" };
    this.x = choose("slice-x", "slice", parameters, parameters[0]?.name, this.draw);
    this.by = choose("slice-colour", "colour", [none, ...parameters.filter(({ options }) => options)], "", this.draw);
    brushes.onChange(this.draw);
    selection.onChange(this.draw);
    this.panel.offerData(() => this.#table());
    this.changed = atMostEvery(GAP_MS, inView(this.panel.section, this.draw));
    this.draw();
  }

  #rows() {
    return this.history.finishedRows().filter((row) => this.brushes.passes(row));
  }

  #picture() {
    const { history } = this;
    const rows = this.#rows();
    const column = history.columns.get(this.x());
    if (history.finishedRows().length === 0 || !column) return null;
    const by = history.columns.get(this.by());
    const { loss, tid } = history.values;
    tellThinned(this.panel, rows);
    const drawn = thinned(history, rows);
    const trace = (some, name, shade) => ({
      type: "scatter", mode: "markers", name: verbatim(name),
      x: places(history, column, some), y: some.map((row) => loss[row]), customdata: some.map((row) => tid[row]),
      text: some.map((row) => verbatim(`trial ${tid[row]}, ${cell(history.value(column.name, row))}`)),
      hovertemplate: "%{text}<br>%{y:.4f}<extra></extra>",
      marker: { size: drawn.length > 500 ? 4 : 6, color: shade, opacity: drawn.length > 500 ? 0.5 : 0.75 },
    });
    const traces = by
      ? by.options.map((option, at) => trace(drawn.filter((row) => history.values[by.name][row] === at), `${by.title}: ${cell(option)}`, category(at)))
      : [trace(drawn, "trials", colour("accent"))];
    const marked = rows.filter((row) => this.selection.has(tid[row]));
    if (marked.length) {
      const ring = trace(marked, "marked", "rgba(0,0,0,0)");
      traces.push({ ...ring, marker: { size: 12, color: "rgba(0,0,0,0)", line: { width: 2, color: colour("text") } } });
    }
    return {
      traces,
      layout: { xaxis: axisOf(column), yaxis: { title: { text: "validation error" } }, showlegend: Boolean(by) || marked.length > 0, hovermode: "closest", uirevision: `${column.name}` },
      label: `Validation error of ${rows.length} trials over ${column.title}`,
      onClick: open(history),
    };
  }

  #table() {
    const names = ["tid", this.x(), this.by(), "loss"].filter(Boolean);
    return {
      headings: names.map((name) => this.history.columns.get(name).title),
      rows: this.#rows().map((row) => names.map((name) => this.history.value(name, row))),
    };
  }
}

export class Contour {
  constructor(history, brushes) {
    Object.assign(this, { history, brushes });
    this.panel = new Panel("contour");
    const parameters = history.metaparameters;
    const continuous = parameters.filter(({ options }) => !options);
    const [first, second] = [...continuous, ...parameters];
    this.draw = onFrame(() => this.plot.draw());
    this.plot = new Plot(this.panel, () => this.#picture(), "No trial has finished with a result yet.");
    this.x = choose("contour-x", "x", parameters, first?.name, this.draw);
    this.y = choose("contour-y", "y", parameters, second?.name, this.draw);
    brushes.onChange(this.draw);
    this.panel.offerData(() => this.#table());
    this.changed = atMostEvery(GAP_MS, inView(this.panel.section, this.draw));
    this.draw();
  }

  #rows() {
    return this.history.finishedRows().filter((row) => this.brushes.passes(row));
  }

  #picture() {
    const { history } = this;
    const rows = this.#rows();
    const [x, y] = [history.columns.get(this.x()), history.columns.get(this.y())];
    if (history.finishedRows().length === 0 || !x || !y) return null;
    const { loss, tid } = history.values;
    const [low, high] = history.lossRange();
    const grid = smooth(shares(history, x, rows), shares(history, y, rows), rows.map((row) => Math.min(loss[row], high)));
    tellThinned(this.panel, rows);
    const shown = thinned(history, rows);
    return {
      traces: [
        {
          type: "contour", x: grid.map((at) => fromShare(x, at)), y: grid.map((at) => fromShare(y, at)), z: grid.z,
          zmin: low, zmax: high, autocontour: false, contours: { start: low, end: high, size: (high - low) / 10 },
          colorscale: plotlyRamp(), showscale: false, line: { width: 0.5, color: colour("surface") }, connectgaps: false,
          hovertemplate: "%{z:.4f}<extra>smoothed</extra>",
        },
        {
          type: "scatter", mode: "markers", x: places(history, x, shown), y: places(history, y, shown), customdata: shown.map((row) => tid[row]),
          text: shown.map((row) => `trial ${tid[row]}: ${loss[row].toFixed(4)}`), hovertemplate: "%{text}<extra></extra>",
          marker: { size: 4, color: shown.map((row) => goodness(Math.min(1, (loss[row] - low) / (high - low)))), line: { width: 0.5, color: colour("text") } },
        },
      ],
      layout: { xaxis: axisOf(x), yaxis: axisOf(y), showlegend: false, hovermode: "closest", uirevision: `${x.name}/${y.name}` },
      label: `Smoothed validation error over ${x.title} and ${y.title}; best ${low.toFixed(4)}`,
      onClick: open(history),
    };
  }

  #table() {
    const names = ["tid", this.x(), this.y(), "loss"];
    return {
      headings: names.map((name) => this.history.columns.get(name).title),
      rows: this.#rows().map((row) => names.map((name) => this.history.value(name, row))),
    };
  }
}

/** Where the rows lie on a column's axis, as shares of its length. */
function shares(history, column, rows) {
  const values = history.values[column.name];
  if (column.options) return rows.map((row) => (values[row] + 0.5) / column.options.length);
  const into = column.log ? Math.log10 : (value) => value;
  const [low, high] = [into(column.low), into(column.high)];
  return rows.map((row) => (into(values[row]) - low) / (high - low));
}

function fromShare(column, share) {
  if (column.options) return share * column.options.length - 0.5;
  return column.log ? column.low * (column.high / column.low) ** share : column.low + share * (column.high - column.low);
}

/** Nadaraya and Watson's weighted mean of the errors, empty where no trial is near. */
function smooth(xs, ys, errors) {
  const weights = new Float64Array(GRID * GRID);
  const sums = new Float64Array(GRID * GRID);
  const reach = Math.ceil(3 * REACH * (GRID - 1));
  for (let trial = 0; trial < xs.length; trial += 1) {
    const [column, row] = [xs[trial] * (GRID - 1), ys[trial] * (GRID - 1)];
    for (let j = Math.max(0, Math.floor(row) - reach); j <= Math.min(GRID - 1, Math.ceil(row) + reach); j += 1) {
      for (let i = Math.max(0, Math.floor(column) - reach); i <= Math.min(GRID - 1, Math.ceil(column) + reach); i += 1) {
        const distance = ((i - column) ** 2 + (j - row) ** 2) / (GRID - 1) ** 2;
        const weight = Math.exp(-distance / (2 * REACH ** 2));
        weights[j * GRID + i] += weight;
        sums[j * GRID + i] += weight * errors[trial];
      }
    }
  }
  const grid = Array.from({ length: GRID }, (_, at) => at / (GRID - 1));
  grid.z = grid.map((_, j) => grid.map((__, i) => (weights[j * GRID + i] < LEAST_WEIGHT ? null : sums[j * GRID + i] / weights[j * GRID + i])));
  return grid;
}
