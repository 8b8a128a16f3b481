// Which trials are looked at: a range of a number, some options of a choice; kept in the address.

import { cell } from "./format.js";
import * as view from "./view.js";

const PREFIX = "b.";

/** The brushes by column: {low, high} or a Set of options' indices. */
export class Brushes {
  constructor(history) {
    this.history = history;
    this.held = new Map();
    this.watchers = [];
    for (const [name, text] of Object.entries(view.under(PREFIX))) {
      const column = history.columns.get(name);
      const brush = column && read(column, text);
      if (brush) this.held.set(name, brush);
    }
  }

  get(name) {
    return this.held.get(name) ?? null;
  }

  get any() {
    return this.held.size > 0;
  }

  set(name, brush) {
    const column = this.history.columns.get(name);
    const nothing = brush === null || (brush instanceof Set && (brush.size === 0 || brush.size === column.options.length));
    if (nothing) this.held.delete(name);
    else this.held.set(name, brush);
    view.set({ [PREFIX + name]: nothing ? null : write(column, brush) });
    for (const watcher of this.watchers) watcher();
  }

  clear() {
    view.set(Object.fromEntries([...this.held.keys()].map((name) => [PREFIX + name, null])));
    this.held.clear();
    for (const watcher of this.watchers) watcher();
  }

  onChange(watcher) {
    this.watchers.push(watcher);
  }

  /** Whether the row of the history is inside every brush. */
  passes(row) {
    for (const [name, brush] of this.held) {
      const value = this.history.values[name][row];
      if (value === null) return false;
      if (brush instanceof Set ? !brush.has(value) : value < brush.low || value > brush.high) return false;
    }
    return true;
  }

  /** The brushes as the API's `where` conditions. */
  conditions() {
    return [...this.held].flatMap(([name, brush]) => {
      const { options } = this.history.columns.get(name);
      return brush instanceof Set
        ? [...brush].map((index) => `${name}:is:${options[index]}`)
        : [`${name}:${brush.low}:${brush.high}`];
    });
  }

  /** A brush in words: 0.1 to 0.5, or True, False. */
  words(name) {
    const brush = this.held.get(name);
    const { options } = this.history.columns.get(name);
    if (brush instanceof Set) return [...brush].sort().map((index) => cell(options[index])).join(", ");
    return `${brief(brush.low)} to ${brief(brush.high)}`;
  }
}

const brief = (value) => String(Number(value.toPrecision(4)));

function write({ options }, brush) {
  if (brush instanceof Set) return [...brush].sort().map((index) => String(options[index])).join("|");
  return `${brief(brush.low)}..${brief(brush.high)}`;
}

function read({ options }, text) {
  if (options) {
    const wanted = text.split("|");
    const found = new Set(options.flatMap((option, index) => (wanted.includes(String(option)) ? [index] : [])));
    return found.size ? found : null;
  }
  const [low, high] = text.split("..").map(Number);
  return Number.isFinite(low) && Number.isFinite(high) ? { low, high } : null;
}
