// Configurations as columns of a table, to read, copy and download.

import { apiError, getJson, getText } from "../lib/api.js";
import { announce, copy, el } from "../lib/dom.js";
import { plain, raised } from "../lib/format.js";

/** @type {Record<string, string>} */
const SUFFIXES = { markdown: "md", text: "txt", latex: "tex", csv: "csv", json: "json" };

/** The table in a panel. */
export class Configurations {
  /**
   * @param {import("../lib/panel.js").Panel} panel
   * @param {() => string | null} tableUrl endpoint of the table; null if nothing is chosen
   * @param {(format: string) => string} exportUrl endpoint of each format's text
   */
  constructor(panel, tableUrl, exportUrl) {
    this.panel = panel;
    this.tableUrl = tableUrl;
    this.exportUrl = exportUrl;
    this.format = el("select", { class: "tool", "aria-label": "Format" }, Object.keys(SUFFIXES).map((format) => el("option", { text: format })));
    this.copyButton = el("button", { type: "button", class: "tool", text: "Copy", onclick: () => this.#copy() });
    this.download = el("a", { class: "button tool", text: "Download" });
    this.format.addEventListener("change", () => this.#aim());
    this.exports = el("span", { class: "row" }, this.format, this.copyButton, this.download);
    this.exports.hidden = true;
    panel.tools.append(this.exports);
    this.about = el("span", { class: "small muted" });
    panel.tools.before(this.about);
    this.#aim();
  }

  /** Point the buttons to the chosen format. */
  #aim() {
    this.copyButton.textContent = "Copy";
    this.download.href = this.exportUrl(this.format.value);
    this.download.download = `table.${SUFFIXES[this.format.value]}`;
  }

  async #copy() {
    try {
      await copy(await getText(this.exportUrl(this.format.value)));
      this.copyButton.textContent = "Copied";
      announce(`Copied as ${this.format.value}`);
    } catch (error) {
      this.copyButton.textContent = "Not copied";
      announce(error instanceof Error ? error.message : String(error));
    }
  }

  /** Read the table and show it. */
  async load() {
    this.#aim();
    const url = this.tableUrl();
    if (url === null) {
      this.#nothing("Choose at least one search.");
      return;
    }
    try {
      this.#show(await getJson(url));
    } catch (error) {
      const failed = apiError(error);
      if (failed.code === "conflict") this.#nothing(failed.message);
      else if (!this.panel.shown) this.panel.fail(failed, () => this.load());
    }
  }

  /** @param {string} text */
  #nothing(text) {
    this.exports.hidden = true;
    this.panel.empty(text);
  }

  /** @param {Api.ResultTable} table */
  #show({ title, columns, rows, notes, missing }) {
    this.about.textContent = title && columns.length ? `as in ${title}` : "";
    const reasons = missing.map(({ name, reason }) => (missing.length + columns.length > 1 ? `${name}: ${reason}` : reason));
    if (columns.length === 0) {
      this.#nothing(reasons.join(" "));
      return;
    }
    if (rows.length === 0) {
      this.#nothing("The space isn't known here, so there are no rows to show.");
      return;
    }
    this.exports.hidden = false;
    const lines = [...notes.map(plain), ...reasons];
    this.panel.show().replaceChildren(configurationTable(columns, rows), ...lines.map((text) => el("p", { class: "small muted", text })));
  }
}

/**
 * The table's element.
 *
 * @param {{title: string}[]} columns
 * @param {{name: string, field: string, cells: string[]}[]} rows
 */
export function configurationTable(columns, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Configurations, scrolls sideways" },
    el("table", { class: "configurations" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col", text: "metaparameter" }), columns.map(({ title }) => el("th", { scope: "col", class: "number", text: plain(title) })))),
      el("tbody", {}, rows.map(({ name, field, cells }) =>
        el("tr", { "data-field": field }, el("th", { scope: "row", text: plain(name) }), cells.map((text) => el("td", { class: "number", text: raised(text) })))))));
}
