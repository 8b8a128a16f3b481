// The trials that the reader has marked, kept in the address.

import * as view from "./view.js";

export class Selection {
  constructor(key = "sel") {
    this.key = key;
    this.held = new Set(view.list(key).map(Number).filter(Number.isInteger));
    this.watchers = [];
  }

  has(tid) {
    return this.held.has(tid);
  }

  get tids() {
    return [...this.held].sort((a, b) => a - b);
  }

  toggle(tid, on) {
    if (on) this.held.add(tid);
    else this.held.delete(tid);
    this.#changed();
  }

  clear() {
    this.held.clear();
    this.#changed();
  }

  onChange(watcher) {
    this.watchers.push(watcher);
  }

  #changed() {
    view.set({ [this.key]: this.tids });
    for (const watcher of this.watchers) watcher();
  }
}
