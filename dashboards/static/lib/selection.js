// The trials that the reader has marked, kept in the URL.

import * as urlState from "./urlstate.js";

/** A set of trial numbers under a query parameter of the URL. */
export class Selection {
  constructor(key = "sel") {
    this.key = key;
    this.held = new Set(urlState.list(key).map(Number).filter(Number.isInteger));
    /** @type {(() => void)[]} */
    this.listeners = [];
  }

  /** @param {number} tid */
  has(tid) {
    return this.held.has(tid);
  }

  /** The marked trials in ascending order. */
  get tids() {
    return [...this.held].sort((a, b) => a - b);
  }

  /**
   * @param {number} tid
   * @param {boolean} on
   */
  toggle(tid, on) {
    if (on) this.held.add(tid);
    else this.held.delete(tid);
    this.#changed();
  }

  clear() {
    this.held.clear();
    this.#changed();
  }

  /** @param {() => void} listener */
  onChange(listener) {
    this.listeners.push(listener);
  }

  #changed() {
    urlState.set({ [this.key]: this.tids });
    for (const listener of this.listeners) listener();
  }
}
