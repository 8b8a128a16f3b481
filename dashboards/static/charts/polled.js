// Base of the panels whose data the server computes as a whole: they are read again after changes.

import { apiError, getJson } from "../lib/api.js";
import { atMostEvery, inView } from "../lib/dom.js";

// A panel is read again at most so often: its data changes slowly.
const LEAST_GAP_MS = 10_000;

/**
 * Panels filled from one endpoint, read again while they are in the viewport.
 *
 * @template Data
 * @abstract
 */
export class Polled {
  /**
   * @param {import("../lib/panel.js").Panel[]} panels
   * @param {string} url
   */
  constructor(panels, url) {
    this.panels = panels;
    this.url = url;
    /** @type {Data | undefined} */
    this.data = undefined;
    this.readAgain = atMostEvery(LEAST_GAP_MS, inView(panels[0].section, () => this.load()));
  }

  /** Read the data, and show it if it differs from what is shown. */
  async load() {
    let data;
    try {
      data = await getJson(this.url);
    } catch (error) {
      const failed = apiError(error);
      // Old data is better than an error in its place; the stream's notice says that it is old.
      if (this.data !== undefined) return;
      for (const panel of this.panels) {
        panel.fail(failed, () => {
          for (const each of this.panels) each.loading();
          this.load();
        });
      }
      return;
    }
    const before = this.data;
    this.data = data;
    if (before === undefined || this.differs(before, data)) this.show(data);
  }

  /**
   * Return whether new data needs to be shown.
   *
   * @param {Data} before
   * @param {Data} now
   */
  differs(before, now) {
    return JSON.stringify(before) !== JSON.stringify(now);
  }

  /**
   * Show the data.
   *
   * @abstract
   * @param {Data} _data
   */
  show(_data) {
    throw new Error("a panel shows its data");
  }
}
