// Configurations as columns of Table 5, to read, to copy and to download.

import { getJson, getText } from "./api.js";
import { announce, copy, el } from "./dom.js";
import { plain, raised } from "./format.js";

const FORMATS = ["markdown", "latex", "csv", "json"];
const SUFFIX = { markdown: "md", latex: "tex", csv: "csv", json: "json" };

/** Table 5 in `panel`: from `table()`, with `exported(format)` as the address of each format. */
export class Table5 {
  constructor(panel, table, exported) {
    Object.assign(this, { panel, table });
    this.format = el("select", { class: "tool", "aria-label": "Format" }, FORMATS.map((format) => el("option", { text: format })));
    const copyButton = el("button", {
      type: "button", class: "tool", text: "Copy",
      onclick: async () => {
        try {
          await copy(await getText(exported(this.format.value)));
          copyButton.textContent = "Copied";
          announce(`Copied as ${this.format.value}`);
        } catch (error) {
          copyButton.textContent = "Not copied";
          announce(error.message);
        }
      },
    });
    const download = el("a", { class: "button tool", text: "Download" });
    const aim = () => {
      copyButton.textContent = "Copy";
      download.href = exported(this.format.value);
      download.download = `table5.${SUFFIX[this.format.value]}`;
    };
    this.format.addEventListener("change", aim);
    this.aim = aim;
    aim();
    this.exports = el("span", { class: "row" }, this.format, copyButton, download);
    this.exports.hidden = true;
    panel.tools.append(this.exports);
  }

  async load() {
    this.aim();
    try {
      const url = this.table();
      if (url === null) return this.#nothing("Choose at least one search.");
      this.show(await getJson(url));
    } catch (error) {
      if (!error.code) throw error;
      if (error.code === "conflict") this.#nothing("No trial has finished with a result yet.");
      else if (!this.panel.shown) this.panel.fail(error, () => this.load());
    }
    return undefined;
  }

  #nothing(text) {
    this.exports.hidden = true;
    this.panel.empty(text);
  }

  show({ columns, rows, notes }) {
    if (columns.length === 0) return this.#nothing("No search has a result yet.");
    this.exports.hidden = false;
    this.panel.show().replaceChildren(table5(columns, rows), ...notes.map((note) => el("p", { class: "small muted", text: plain(note) })));
    return undefined;
  }
}

/** The table itself. */
export function table5(columns, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table 5, scrolls sideways" },
    el("table", { class: "table5" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col", text: "metaparameter" }), columns.map(({ title }) => el("th", { scope: "col", class: "number", text: plain(title) })))),
      el("tbody", {}, rows.map(({ name, field, cells }) =>
        el("tr", { "data-field": field }, el("th", { scope: "row", text: plain(name) }), cells.map((text) => el("td", { class: "number", text: raised(text) })))))));
}
