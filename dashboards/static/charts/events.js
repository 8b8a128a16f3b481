// List of the search's events: who did what to it, the newest first.

import { getJson, searchUrl } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { headRow } from "../lib/panel.js";

/**
 * Fill the panel "events".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ name }, [panel]) => new Events(panel, name);

/** The list, read once and then kept up by the stream. */
class Events {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {string} name of the search
   */
  constructor(panel, name) {
    this.panel = panel;
    this.name = name;
    /** @type {Api.Event[]} the oldest first */
    this.events = [];
    this.loaded = false;
    panel.csvName = `${name}-events`;
    panel.offerData(() => ({
      headings: ["at", "who", "what", "detail"],
      rows: this.events.map(({ at, who, what, detail }) => [at, who, what, detail]),
    }));
  }

  async load() {
    await this.panel.fill(async () => {
      this.events = (await getJson(searchUrl(this.name, "/events"))).events;
      this.loaded = true;
      this.#show();
    });
  }

  update() {}

  /**
   * Add events of the stream that are not listed yet.
   *
   * @param {Api.Event[]} fresh
   */
  addEvents(fresh) {
    if (!this.loaded) return;
    const known = new Set(this.events.map((event) => JSON.stringify(event)));
    this.events.push(...fresh.filter((event) => !known.has(JSON.stringify(event))));
    this.#show();
  }

  #show() {
    if (this.events.length === 0) {
      this.panel.empty("Nothing was done to this search yet.");
      return;
    }
    this.panel.show().replaceChildren(el("div", { class: "scroll short", tabindex: "0" }, el("table", {},
      headRow(["at", "who", "what", "detail"]),
      el("tbody", {}, [...this.events].reverse().map(({ at, who, what, detail }) =>
        el("tr", {}, el("td", { text: clock(at) }), el("td", { text: who }), el("td", { text: what }), el("td", { class: "wrap", text: detail })))))));
  }
}
