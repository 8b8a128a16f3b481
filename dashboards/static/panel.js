// A panel: a chart or a table, what is said in its place, and its data as a table and as CSV.

import { byId, download, el } from "./dom.js";
import { cell, csv } from "./format.js";

const ROWS_AT_ONCE = 200;

/** The panel with this id. What it shows is one of: loading, empty, an error, its content. */
export class Panel {
  constructor(id, csvName = id) {
    this.section = byId(id);
    this.body = this.section.querySelector(".body");
    this.tools = this.section.querySelector(".tools");
    this.csvName = csvName;
    this.content = el("div", { class: this.body.dataset.chart || null });
    this.message = this.body.firstElementChild;
    this.asTable = false;
    this.data = null;
  }

  /** Where the content goes; it takes the place of any message. */
  show() {
    this.section.dataset.shows = "content";
    if (this.body.firstChild !== this.content && !this.asTable) this.body.replaceChildren(this.content);
    return this.content;
  }

  get shown() {
    return this.section.dataset.shows === "content";
  }

  empty(text) {
    this.#say("empty", el("div", { class: "message", text }));
  }

  /** Say what went wrong, and offer to try again. */
  fail(error, retry) {
    const message = el("div", { class: "message error", role: "alert" }, el("span", { text: error.message }));
    if (retry) message.append(el("button", { type: "button", onclick: retry, text: "Try again" }));
    this.#say("error", message);
  }

  loading() {
    this.#say("loading", el("div", { class: "message" }, el("span", { class: "spin" }), "Loading"));
  }

  #say(what, message) {
    this.section.dataset.shows = what;
    this.body.replaceChildren(message);
  }

  /** Fill the panel from what `load` promises; failing, say why and offer another try. */
  async fill(load) {
    try {
      await load();
    } catch (error) {
      if (!error.code) throw error;
      this.fail(error, () => {
        this.loading();
        this.fill(load);
      });
    }
  }

  /** Offer the chart's data: `read` gives {headings, rows} when somebody asks for it. */
  offerData(read) {
    if (this.data === null) {
      this.toggle = el("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => this.#toggle(), text: "Data" });
      const save = el("button", { type: "button", class: "tool", onclick: () => this.#save(), text: "CSV" });
      this.tools.append(this.toggle, save);
    }
    this.data = read;
    if (this.asTable && this.shown) this.#table();
  }

  #save() {
    const { headings, rows } = this.data();
    download(`${this.csvName}.csv`, csv(headings, rows));
  }

  #toggle() {
    this.asTable = !this.asTable;
    this.toggle.setAttribute("aria-pressed", this.asTable);
    if (!this.shown) return;
    if (this.asTable) this.#table();
    else {
      this.body.replaceChildren(this.content);
      this.section.dispatchEvent(new Event("back"));
    }
  }

  #table() {
    const { headings, rows } = this.data();
    this.body.replaceChildren(dataTable(headings, rows));
  }
}

/** A table of plain values; long ones grow when asked. */
function dataTable(headings, rows) {
  const body = el("tbody");
  const more = el("button", { type: "button", onclick: grow });
  let shown = 0;
  function grow() {
    body.append(
      ...rows.slice(shown, shown + ROWS_AT_ONCE).map((row) =>
        el("tr", {}, row.map((value) => el("td", { class: typeof value === "number" ? "number" : null, text: value === null ? "" : cell(value) }))),
      ),
    );
    shown = Math.min(rows.length, shown + ROWS_AT_ONCE);
    more.textContent = `${rows.length - shown} more rows`;
    more.hidden = shown === rows.length;
  }
  grow();
  const head = el("thead", {}, el("tr", {}, headings.map((text) => el("th", { scope: "col", text }))));
  return el("div", { class: "scroll short", tabindex: "0" }, el("table", {}, head, body), more);
}
