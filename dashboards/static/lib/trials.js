// A search's trials in columns: read once, then updated by the stream's changes.

import { getJson, searchUrl } from "./api.js";
import { brief } from "./format.js";
import { shown } from "./metric.js";

/**
 * A column with its names for people: `title` in full, `brief` where room is short.
 *
 * @typedef {Api.ColumnHead & {title: string, brief: string}} Column
 */

/** @typedef {(number | null)[]} Values */

/** @typedef {{loss: number, tid: number, violation?: number}} Scored */

/**
 * Order of trials by loss, the best first; of equal losses the lower number is better. Trials that break
 * constraints come after those that keep them, the least violation first. The one rule of the pages, and
 * the server's too.
 *
 * @param {Scored} a
 * @param {Scored} b
 */
export const byLoss = (a, b) => (a.violation ?? 0) - (b.violation ?? 0) || a.loss - b.loss || a.tid - b.tid;

/** The trials of one search by row. A category's value is the index of its option. */
export class Trials {
  /** @param {string} name of the search */
  constructor(name) {
    this.name = name;
    /** Number of the last change that is included. */
    this.rev = 0;
    /** @type {Map<string, Column>} */
    this.columns = new Map();
    /**
     * Each column's values by row. A label can be any text, so nothing is inherited here.
     *
     * @type {Record<string, Values>}
     */
    this.values = Object.create(null);
    /** @type {Map<number, number>} row by trial number */
    this.rows = new Map();
    /** @type {number[]} rows with a loss, in the order in which they came */
    this.scored = [];
    /** @type {Set<number>} */
    this.hasScore = new Set();
    /** @type {Set<number>} rows of trials that ended without a finite loss */
    this.diverged = new Set();
    /** @type {Set<number>} numbers of the trials on the front; empty in a search of one metric */
    this.front = new Set();
    /** Name of the column of violations; "" in a search without constraints. */
    this.violations = "";
    this.summary = /** @type {Api.SearchSummary} */ (/** @type {unknown} */ (null));
  }

  /** Read all trials. */
  async load() {
    this.update(await getJson(searchUrl(this.name, "/history")));
  }

  get count() {
    return this.values.tid?.length ?? 0;
  }

  get metaparameters() {
    return [...this.columns.values()].filter((column) => column.role === "metaparameter");
  }

  /** The number that trials are compared by. */
  get metric() {
    return this.summary.metric;
  }

  /** The column of the metric. */
  get score() {
    const score = [...this.columns.values()].find((column) => column.role === "score");
    if (score === undefined) throw new Error("the search has no column of its metric");
    return score;
  }

  /** The columns of all metrics, the one that trials are compared by first. */
  get metrics() {
    return [this.score, ...[...this.columns.values()].filter(({ role }) => role === "metric")];
  }

  /**
   * By how much a row's trial breaks the search's constraints; 0 if it keeps them.
   *
   * @param {number} row
   */
  violation(row) {
    return (this.violations && this.values[this.violations][row]) || 0;
  }

  /**
   * The column with this name. Throws if the search has none.
   *
   * @param {string} name
   */
  column(name) {
    const column = this.columns.get(name);
    if (column === undefined) throw new Error(`the search has no column ${name}`);
    return column;
  }

  /**
   * Include a payload of the server and return the rows that are new or changed.
   *
   * @param {Api.TrialColumns} payload
   * @returns {number[]}
   */
  update(payload) {
    const count = this.count;
    for (const column of payload.columns) {
      this.columns.set(column.name, { ...column, title: column.label, brief: column.role === "metaparameter" ? brief(column.label) : column.label });
      this.values[column.name] ??= Array(count).fill(null);
      if (column.role === "violation") this.violations = column.name;
    }
    this.rev = Math.max(this.rev, payload.rev);
    this.summary = payload.summary;
    this.front = new Set(payload.front);
    const tids = /** @type {number[]} */ (payload.values.tid ?? []);
    /** @type {number[]} */
    let changed = [];
    if (this.rows.size === 0) {
      // The first payload's arrays are used as they are: copying them would take as long again.
      Object.assign(this.values, payload.values);
      tids.forEach((tid, row) => this.rows.set(tid, row));
      changed = tids.map((_, row) => row);
    } else {
      changed = tids.map((tid, at) => this.#put(tid, payload.values, at));
    }
    this.#score(changed);
    return changed;
  }

  /**
   * @param {number} tid
   * @param {Record<string, Values>} values
   * @param {number} at
   */
  #put(tid, values, at) {
    let row = this.rows.get(tid);
    if (row === undefined) {
      row = this.values.tid.length;
      this.rows.set(tid, row);
    }
    for (const name in values) this.values[name][row] = values[name][at];
    return row;
  }

  /** @param {number[]} rows */
  #score(rows) {
    for (const row of rows) {
      if (this.value("state", row) === "diverged") this.diverged.add(row);
      if (this.values.loss[row] === null || this.hasScore.has(row)) continue;
      this.hasScore.add(row);
      this.scored.push(row);
    }
  }

  /**
   * The number of a row's trial.
   *
   * @param {number} row
   */
  tid(row) {
    return /** @type {number} */ (this.values.tid[row]);
  }

  /**
   * The loss of a row's trial, which must have one.
   *
   * @param {number} row
   */
  loss(row) {
    return /** @type {number} */ (this.values.loss[row]);
  }

  /**
   * The metric of a row's trial, which must have one, as people know it.
   *
   * @param {number} row
   */
  metricOf(row) {
    return shown(this.metric, this.loss(row));
  }

  /**
   * Tell whether a row's trial has a value in each of these columns. A trial has none for a metaparameter
   * that its choices left out.
   *
   * @param {Column[]} columns
   * @param {number} row
   */
  uses(columns, row) {
    return columns.every(({ name }) => this.values[name][row] !== null);
  }

  /**
   * Rows with a loss, the best first.
   *
   * @param {Iterable<number>} rows
   */
  ranked(rows) {
    const keyed = [...rows].map((row) => ({ row, loss: this.loss(row), tid: this.tid(row), violation: this.violation(row) }));
    return keyed.sort(byLoss).map(({ row }) => row);
  }

  /**
   * The rank of a loss among all trials', 1 the best.
   *
   * @param {number} loss
   * @param {number} violation by how much its trial breaks the constraints
   */
  rank(loss, violation = 0) {
    /** @param {number} row */
    const isBetter = (row) => byLoss({ loss: this.loss(row), tid: 0, violation: this.violation(row) }, { loss, tid: 0, violation }) < 0;
    return 1 + this.scored.filter(isBetter).length;
  }

  /**
   * A row's value in a column; of a category the option itself, not its index.
   *
   * @param {string} name
   * @param {number} row
   */
  value(name, row) {
    const held = this.values[name][row];
    const { options } = this.column(name);
    return options && held !== null ? options[held] : held;
  }

  /** The lowest loss and the 95th percentile: outliers would flatten every colour scale. */
  lossRange() {
    const losses = this.scored.map((row) => this.loss(row)).sort((a, b) => a - b);
    if (losses.length === 0) return [0, 1];
    const high = losses[Math.floor(0.95 * (losses.length - 1))];
    return [losses[0], high > losses[0] ? high : losses[0] + 1e-6];
  }
}
