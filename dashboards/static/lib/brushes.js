// Filters on columns ("brushes"): a range of numbers or a set of options, kept in the URL.

import { cell } from "./format.js";
import * as urlState from "./urlstate.js";

// Brushes are the URL's query parameters that begin with this, followed by the column's name.
const PREFIX = "b.";
// Significant digits of a range's ends in the URL.
const DIGITS = 4;

/**
 * A range of numbers, or the indices of options that pass.
 *
 * @typedef {{low: number, high: number} | Set<number>} Brush
 */

/** The brushes on a search's columns. A trial passes if it is inside all of them. */
export class Brushes {
  /** @param {import("./trials.js").Trials} trials */
  constructor(trials) {
    this.trials = trials;
    /** @type {Map<string, Brush>} */
    this.held = new Map();
    /** @type {(() => void)[]} */
    this.listeners = [];
    for (const [name, text] of Object.entries(urlState.under(PREFIX))) {
      const column = trials.columns.get(name);
      const brush = column && parseBrush(column, text);
      if (brush) this.held.set(name, brush);
    }
  }

  /** @param {string} name */
  get(name) {
    return this.held.get(name) ?? null;
  }

  get any() {
    return this.held.size > 0;
  }

  /**
   * Set a column's brush. No options, all options and null remove it.
   *
   * @param {string} name
   * @param {Brush | null} brush
   */
  set(name, brush) {
    this.setAll([[name, brush]]);
  }

  /**
   * Set several columns' brushes at once.
   *
   * @param {[string, Brush | null][]} changes
   */
  setAll(changes) {
    /** @type {Record<string, string | null>} */
    const written = {};
    for (const [name, brush] of changes) {
      const column = this.trials.column(name);
      const kept = brush !== null && !filtersNothing(column, brush);
      if (!kept && !this.held.has(name)) continue;
      if (kept) this.held.set(name, brush);
      else this.held.delete(name);
      written[PREFIX + name] = kept ? formatBrush(column, brush) : null;
    }
    if (Object.keys(written).length === 0) return;
    urlState.set(written);
    for (const listener of this.listeners) listener();
  }

  /**
   * Tell whether a column has this brush, as the URL would keep it.
   *
   * @param {string} name
   * @param {Brush} brush
   */
  has(name, brush) {
    const held = this.held.get(name);
    const column = this.trials.column(name);
    return held !== undefined && formatBrush(column, held) === formatBrush(column, brush);
  }

  /**
   * Set a column's brush, or remove it if the column has the same one.
   *
   * @param {string} name
   * @param {Brush} brush
   */
  toggle(name, brush) {
    this.set(name, this.has(name, brush) ? null : brush);
  }

  /** Remove all brushes. */
  clear() {
    urlState.set(Object.fromEntries([...this.held.keys()].map((name) => [PREFIX + name, null])));
    this.held.clear();
    for (const listener of this.listeners) listener();
  }

  /** @param {() => void} listener */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /**
   * Return whether a row's trial is inside every brush.
   *
   * @param {number} row
   */
  passes(row) {
    for (const [name, brush] of this.held) {
      const value = this.trials.values[name][row];
      if (value === null) return false;
      if (brush instanceof Set ? !brush.has(value) : value < brush.low || value > brush.high) return false;
    }
    return true;
  }

  /** The brushes as `where` conditions of the API. */
  conditions() {
    return [...this.held].flatMap(([name, brush]) => {
      if (!(brush instanceof Set)) return [`${name}:${brush.low}:${brush.high}`];
      const keys = optionKeys(this.trials.column(name).options ?? []);
      return [...brush].map((index) => `${name}:is:${keys[index]}`);
    });
  }

  /**
   * A column's brush in words: "0.1 to 0.5", or "True, False"; "" without one.
   *
   * @param {string} name
   */
  words(name) {
    const brush = this.held.get(name);
    if (brush === undefined) return "";
    if (!(brush instanceof Set)) return `${shortened(brush.low)} to ${shortened(brush.high)}`;
    const options = this.trials.column(name).options ?? [];
    return ascending(brush).map((index) => cell(options[index])).join(", ");
  }
}

/** @param {number} value */
const shortened = (value) => String(Number(value.toPrecision(DIGITS)));

/**
 * The shortest brush that the URL can keep and that has all of some numbers inside; null for none.
 *
 * @param {number[]} numbers
 */
export function around(numbers) {
  if (numbers.length === 0) return null;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return { low: shiftedTo(low, -1), high: shiftedTo(high, 1) };
}

/**
 * A number that is written as it is, not above another one (`side` -1) or not below it (1).
 *
 * @param {number} value
 * @param {-1 | 1} side
 */
function shiftedTo(value, side) {
  const near = Number(shortened(value));
  if (value === 0 || side * near >= side * value) return near;
  // One step of the last digit that is kept.
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - DIGITS + 1);
  return Number(shortened(near + side * step));
}

/**
 * @param {Api.ColumnHead} column
 * @param {Brush} brush
 */
const filtersNothing = ({ options }, brush) =>
  brush instanceof Set && (brush.size === 0 || brush.size === options?.length);

/** @param {Set<number>} indices */
const ascending = (indices) => [...indices].sort((a, b) => a - b);

/**
 * A text for each option that no other option has: the option itself, or its place (#2) where another
 * option reads the same or where "|", which separates options in the URL, is a part of it.
 *
 * @param {any[]} options
 */
export function optionKeys(options) {
  const texts = options.map(String);
  return texts.map((text, at) => (text.includes("|") || texts.indexOf(text) !== texts.lastIndexOf(text) ? `#${at}` : text));
}

/**
 * A brush as text for the URL: "0.1..0.5", or options joined by "|".
 *
 * @param {{options?: any[] | null}} column
 * @param {Brush} brush
 */
export function formatBrush({ options }, brush) {
  if (!(brush instanceof Set)) return `${shortened(brush.low)}..${shortened(brush.high)}`;
  const keys = optionKeys(options ?? []);
  return ascending(brush).map((index) => keys[index]).join("|");
}

/**
 * The brush that `formatBrush` wrote; null if the text is no brush on this column.
 *
 * @param {{options?: any[] | null}} column
 * @param {string} text
 * @returns {Brush | null}
 */
export function parseBrush({ options }, text) {
  if (options) {
    const wanted = text.split("|");
    const found = new Set(optionKeys(options).flatMap((key, index) => (wanted.includes(key) ? [index] : [])));
    return found.size ? found : null;
  }
  const [low, high] = text.split("..").map(Number);
  return Number.isFinite(low) && Number.isFinite(high) ? { low, high } : null;
}
