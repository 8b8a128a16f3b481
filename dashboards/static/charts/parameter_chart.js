// Base of the charts of trials over metaparameters: which trials they show, and what links them to
// the brushes, to the marked trials and to the trials' pages.

import { strokeCross } from "../lib/canvas.js";
import { cell, decimals } from "../lib/format.js";
import { whyNoResult } from "../lib/metric.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { brushByDrag } from "./links.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

/**
 * A chart of trials over one or two metaparameters; its items are rows. A trial whose choices left out
 * one of these metaparameters is not shown. One that diverged has no metric: it is a cross.
 *
 * @extends {Chart<number>}
 * @abstract
 */
export class ParameterChart extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, () => this.#whyEmpty());
    this.trials = trials;
    this.brushes = brushes;
    /** @type {Column[]} the metaparameters on the axes */
    this.columns = [];
    brushes.onChange(() => this.draw());
    this.link(selection);
    brushByDrag(this, brushes, () => this.brushed());
  }

  /**
   * The names of the metaparameters that the reader chose for the axes.
   *
   * @abstract
   * @returns {string[]}
   */
  chosen() {
    return [];
  }

  /** @param {number[]} rows that changed */
  update(rows) {
    this.add(rows.filter((row) => this.shows(row)));
  }

  /**
   * Tell whether the chart has a place for a row's trial.
   *
   * @param {number} row
   */
  shows(row) {
    const { trials } = this;
    const ended = trials.hasScore.has(row) || trials.diverged.has(row);
    return ended && trials.uses(this.columns, row) && this.brushes.passes(row);
  }

  /** @override */
  items() {
    const { scored, diverged } = this.trials;
    return [...diverged, ...scored].filter((row) => this.shows(row));
  }

  /** Look up the chosen columns, and return the rows to show; null if there is nothing to draw. */
  rows() {
    const columns = this.chosen().map((name) => this.trials.columns.get(name));
    this.columns = columns.filter((column) => column !== undefined);
    const complete = this.columns.length > 0 && this.columns.length === columns.length;
    // Without any result the metric has no range, in which those that diverged could stand.
    const rows = complete && this.trials.scored.length ? this.items() : [];
    return rows.length ? rows : null;
  }

  #whyEmpty() {
    const { trials, brushes, columns } = this;
    if (trials.metaparameters.length === 0) return "This search samples no metaparameter.";
    if (trials.scored.length === 0) return whyNoResult(trials.summary);
    if (brushes.any) return "No finished trial is inside all brushes.";
    return `No finished trial uses ${columns.map(({ title }) => title).join(" and ")}.`;
  }

  /**
   * Draw a trial that diverged.
   *
   * @param {Brush} brush
   * @param {number} x
   * @param {number} y
   */
  cross(brush, x, y) {
    brush.globalAlpha = 1;
    // A rim, for the cross may stand on a colour like its own.
    brush.strokeStyle = colour("surface");
    strokeCross(brush, x, y, 9, 4);
    brush.strokeStyle = colour("diverged");
    strokeCross(brush, x, y, 7);
  }

  /** The columns that a drag over the two axes brushes. */
  brushed() {
    return this.columns;
  }

  /**
   * The spots of the best trials first, those that diverged last.
   *
   * @override
   */
  stops() {
    const { trials, spots } = this;
    const spotOf = new Map(spots.item.map((row, at) => [row, at]));
    const scored = [...spotOf.keys()].filter((row) => trials.hasScore.has(row));
    const diverged = [...spotOf.keys()].filter((row) => trials.diverged.has(row));
    return [...trials.ranked(scored), ...diverged].map((row) => /** @type {number} */ (spotOf.get(row)));
  }

  /** The metaparameters on the axes in words. */
  get overWhat() {
    return this.columns.map(({ title, log }) => `${title}${log ? ", logarithmic" : ""}`).join(" and ");
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { trials } = this;
    const result = trials.hasScore.has(row) ? decimals(trials.metricOf(row)) : "diverged";
    const values = this.columns.map(({ name, title }) => `${title}: ${cell(trials.value(name, row))}`);
    return [`trial ${trials.tid(row)}: ${result}`, ...values].join("\n");
  }

  /**
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.trials.tid(row);
  }
}
