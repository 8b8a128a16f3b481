// A panel of a page: its chart or table, its messages, and its data as a table and as CSV.

import { apiError } from "./api.js";
import { byId, download, el, within } from "./dom.js";
import { cell, csv } from "./format.js";

// A table grows by so many rows at a time: a browser lays out thousands of rows slowly.
const ROWS_AT_ONCE = 200;

/**
 * A panel's data.
 *
 * @typedef {{headings: string[], rows: unknown[][]}} Table
 */

/** The panel with this id. It shows one of: loading, empty, an error, its content. */
export class Panel {
  /**
   * @param {string} id
   * @param {string} csvName name of the file that the CSV button saves, without its suffix
   */
  constructor(id, csvName = id) {
    this.section = byId(id);
    this.body = within(this.section, ".body");
    // A panel without a header has nothing that uses its tools.
    this.tools = this.section.querySelector(".tools") ?? el("span", { class: "tools" });
    this.csvName = csvName;
    /** The element that a chart or a table fills. */
    this.content = el("div", { class: this.body.dataset.chart || null });
    this.asTable = false;
    /** @type {(() => Table) | null} */
    this.data = null;
    this.toggle = el("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => this.#toggle(), text: "Data" });
    /** @type {HTMLElement | null} */
    this.legend = null;
  }

  /** Show the content in place of any message, and return its element. */
  show() {
    this.section.dataset.shows = "content";
    if (this.body.firstChild !== this.content && !this.asTable) this.body.replaceChildren(this.content);
    return this.content;
  }

  get shown() {
    return this.section.dataset.shows === "content";
  }

  /**
   * Show a text in place of the content.
   *
   * @param {string} text
   * @param {Element[]} more
   */
  empty(text, ...more) {
    this.#message("empty", el("div", { class: "message", text }, ...more));
  }

  /**
   * Show an error, with a button to try again.
   *
   * @param {Error} error
   * @param {() => void} [retry]
   */
  fail(error, retry) {
    const message = el("div", { class: "message error", role: "alert" }, el("span", { text: error.message }));
    if (retry) message.append(el("button", { type: "button", onclick: retry, text: "Try again" }));
    this.#message("error", message);
  }

  loading() {
    this.#message("loading", el("div", { class: "message" }, el("span", { class: "spin" }), "Loading"));
  }

  /**
   * @param {string} kind
   * @param {HTMLElement} message
   */
  #message(kind, message) {
    this.section.dataset.shows = kind;
    this.body.replaceChildren(message);
  }

  /**
   * Run `load`, which fills the panel. If a request fails, show its error with a button to retry.
   *
   * @param {() => Promise<void>} load
   */
  async fill(load) {
    try {
      await load();
    } catch (error) {
      this.fail(apiError(error), () => {
        this.loading();
        this.fill(load);
      });
    }
  }

  /**
   * Offer the panel's data as a table and as CSV; `read` is called each time someone asks.
   *
   * @param {() => Table} read
   */
  offerData(read) {
    if (this.data === null) {
      const save = el("button", { type: "button", class: "tool", onclick: () => this.#save(), text: "CSV" });
      this.tools.append(this.toggle, save);
    }
    this.data = read;
    if (this.asTable && this.shown) this.#table();
  }

  /** @returns {Table} */
  #read() {
    return this.data?.() ?? { headings: [], rows: [] };
  }

  #save() {
    const { headings, rows } = this.#read();
    download(`${this.csvName}.csv`, csv(headings, rows));
  }

  #toggle() {
    this.asTable = !this.asTable;
    this.toggle.setAttribute("aria-pressed", String(this.asTable));
    if (!this.shown) return;
    if (this.asTable) this.#table();
    else {
      this.body.replaceChildren(this.content);
      this.section.dispatchEvent(new Event("back"));
    }
  }

  #table() {
    const { headings, rows } = this.#read();
    this.body.replaceChildren(dataTable(headings, rows));
  }
}

/**
 * A table of plain values, with a button for more rows.
 *
 * @param {string[]} headings
 * @param {unknown[][]} rows
 */
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
  return el("div", { class: "scroll short", tabindex: "0" }, el("table", {}, headRow(headings), body), more);
}

/**
 * A table's head with one row of headings.
 *
 * @param {string[]} headings
 */
export function headRow(headings) {
  return el("thead", {}, el("tr", {}, headings.map((text) => el("th", { scope: "col", text }))));
}

/**
 * A legend below the panel: each name with its colour and its shape or line.
 *
 * @param {Panel} panel
 * @param {{sign: string, shade: string, text: string}[]} entries
 */
export function showLegend(panel, entries) {
  const legend = (panel.legend ??= panel.section.appendChild(el("p", { class: "row small legend-row" })));
  legend.replaceChildren(...entries.map(({ sign, shade, text }) => {
    const mark = el("span", { "aria-hidden": "true", text: sign });
    mark.style.color = shade;
    return el("span", {}, mark, ` ${text}`);
  }));
  legend.hidden = entries.length === 0;
}

/**
 * A term and its description in a list of facts.
 *
 * @param {string} title
 * @param {...(Element | string | (Element | string)[])} content
 */
export function fact(title, ...content) {
  return el("div", {}, el("dt", { text: title }), el("dd", {}, content));
}

/**
 * Large text in a list of facts.
 *
 * @param {string} text
 */
export const big = (text) => el("span", { class: "big", text });
