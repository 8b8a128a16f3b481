// The trials that the reader has marked, and the one that the reader points at, kept in the URL.

import * as urlState from "./urlstate.js";

// The query parameter of the trial that is pointed at.
const POINTED = "at";
// The URL follows the pointer once it has stayed so long: browsers limit how often a page changes its URL.
const STAYED_MS = 300;

/** A set of trial numbers under a query parameter of the URL, and one more that may change often. */
export class Selection {
  constructor(key = "sel") {
    this.key = key;
    this.held = new Set(urlState.list(key).map(Number).filter(Number.isInteger));
    const at = urlState.get(POINTED, "");
    /** @type {number | null} the trial that is pointed at in any chart or table */
    this.pointed = /^\d+$/.test(at) ? Number(at) : null;
    /** @type {(() => void)[]} */
    this.listeners = [];
    /** @type {(() => void)[]} */
    this.pointedListeners = [];
    this.waiting = 0;
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

  /** @param {() => void} listener called when the marked trials change */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /**
   * Point at a trial; null for none.
   *
   * @param {number | null} tid
   */
  point(tid) {
    if (tid === this.pointed) return;
    this.pointed = tid;
    clearTimeout(this.waiting);
    this.waiting = Number(setTimeout(() => urlState.set({ [POINTED]: this.pointed }), STAYED_MS));
    for (const listener of this.pointedListeners) listener();
  }

  /** @param {() => void} listener called when another trial is pointed at */
  onPoint(listener) {
    this.pointedListeners.push(listener);
  }

  #changed() {
    urlState.set({ [this.key]: this.tids });
    for (const listener of this.listeners) listener();
  }
}
