// A search's trials as columns: read once, then kept up by what changed.

import { getJson, searchUrl } from "./api.js";
import { brief, plain } from "./format.js";

/** The trials of one search. Categories are held as indices into their column's options. */
export class History {
  constructor(name) {
    this.name = name;
    this.rev = 0;
    this.columns = new Map();
    this.values = {};
    this.best = { tid: [], finished: [], loss: [] };
    this.rows = new Map();
    /** The rows with a loss, as they came. */
    this.scored = [];
    this.hasScore = new Set();
    this.summary = null;
  }

  /** Read the whole search. */
  async load() {
    this.take(await getJson(searchUrl(this.name, "/history")));
  }

  get count() {
    return this.values.tid?.length ?? 0;
  }

  get metaparameters() {
    return [...this.columns.values()].filter((column) => column.role === "metaparameter");
  }

  /** Take in a payload; return the rows that are new or changed. */
  take(payload) {
    if (payload.reset) {
      this.rows.clear();
      this.scored = [];
      this.hasScore.clear();
      for (const name in this.values) this.values[name] = [];
    }
    for (const column of payload.columns ?? []) {
      const title = plain(column.label);
      this.columns.set(column.name, { ...column, title, brief: column.name === "loss" ? "error" : brief(column.name, title) });
      this.values[column.name] ??= [];
    }
    if (payload.best) this.best = payload.best;
    this.rev = Math.max(this.rev, payload.rev);
    this.summary = payload.summary;
    this.now = payload.now;
    const changed = [];
    const tids = payload.values?.tid ?? [];
    if (this.rows.size === 0) {
      // The first payload's columns become the page's own.
      Object.assign(this.values, payload.values);
      tids.forEach((tid, row) => this.rows.set(tid, row));
      const all = tids.map((_, row) => row);
      this.#score(all);
      return all;
    }
    for (let at = 0; at < tids.length; at += 1) {
      let row = this.rows.get(tids[at]);
      if (row === undefined) {
        row = this.values.tid.length;
        this.rows.set(tids[at], row);
      }
      for (const name in payload.values) this.values[name][row] = payload.values[name][at];
      changed.push(row);
    }
    this.#score(changed);
    return changed;
  }

  #score(rows) {
    for (const row of rows) {
      if (this.values.loss[row] === null || this.hasScore.has(row)) continue;
      this.hasScore.add(row);
      this.scored.push(row);
    }
  }

  /** The place of a loss among all, 1 the best. */
  rank(loss) {
    return 1 + this.scored.reduce((better, row) => better + (this.values.loss[row] < loss), 0);
  }

  /** A row's value as people know it: an option itself, not its index. */
  value(name, row) {
    const held = this.values[name][row];
    const { options } = this.columns.get(name);
    return options && held !== null ? options[held] : held;
  }

  /** Every value of a column, options themselves. */
  column(name) {
    return Array.from({ length: this.count }, (_, row) => this.value(name, row));
  }

  /** The losses' low end, and the one that 95 of 100 stay below: outliers don't set a scale. */
  lossRange() {
    const losses = this.scored.map((row) => this.values.loss[row]).sort((a, b) => a - b);
    if (losses.length === 0) return [0, 1];
    const high = losses[Math.floor(0.95 * (losses.length - 1))];
    return [losses[0], high > losses[0] ? high : losses[0] + 1e-6];
  }
}
