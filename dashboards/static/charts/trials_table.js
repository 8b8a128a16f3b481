// Table of a search's trials, paged, sorted and filtered by the server.

import { apiError, getJson, searchUrl, trialPage } from "../lib/api.js";
import { el, focusData, focusedData, follow, inView, isChecked, valueOf } from "../lib/dom.js";
import { clipped, decimals, duration, raised } from "../lib/format.js";
import * as urlState from "../lib/urlstate.js";

const PAGE_SIZES = [10, 25, 50, 100, 200];
const ROWS = "10";
// The page is read again at most so often while trials end.
const LEAST_GAP_MS = 500;
// A brush that is dragged, or a text that is typed, changes many times: the last change counts.
const BRUSH_MS = 150;
const TYPING_MS = 250;
// A heading with more characters would make its column wider than any value.
const LONGEST_HEADING = 24;
const STATES = ["queued", "running", "completed", "diverged", "failed", "cancelled", "pruned"];
/**
 * The columns that every search has.
 *
 * @param {import("../lib/trials.js").Trials} trials
 */
const fixedColumns = ({ metrics: [score, ...further], summary }) => [
  { name: "tid", title: "trial", number: false },
  { name: "state", title: "state", number: false },
  { name: score.name, title: score.title, number: true },
  ...further.map(({ name, title }) => ({ name, title, number: true })),
  { name: "epoch", title: summary.unit, number: true },
  { name: "attempt", title: "attempts", number: true },
  { name: "seconds", title: "time", number: true },
  { name: "host", title: "host", number: false },
  { name: "note", title: "note", number: false },
];

/**
 * Fill the panel "trials".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new TrialsTable(page, panel);

/** The table: brushes filter it, and marked trials are checked in it. */
class TrialsTable {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    this.panel = panel;
    this.trials = trials;
    this.brushes = brushes;
    this.selection = selection;
    this.latest = 0;
    /** @type {number | null} timer of the next reading */
    this.waiting = null;
    this.lastRead = 0;
    /** @type {Map<number, string>} last shown state by trial number */
    this.states = new Map();
    /** @type {Map<number, {text: string, node: HTMLElement}>} shown rows by trial number */
    this.shown = new Map();
    this.filtered = false;
    /** @type {number | null | undefined} sorted column's value in the last row */
    this.end = undefined;
    this.sorted = "";
    this.built = false;
    this.page = 1;
    this.pages = 1;
    this.size = Number(ROWS);
    this.head = el("tr");
    this.body = el("tbody");
    this.none = el("div", { class: "message", hidden: true, text: "No trial matches the filters." });
    this.count = el("span", { id: "matching" });
    this.place = el("span");
    this.previous = el("button", { type: "button", class: "tool", onclick: () => this.#turn(-1), text: "Previous" });
    this.next = el("button", { type: "button", class: "tool", onclick: () => this.#turn(1), text: "Next" });
    this.only = el("button", { type: "button", class: "tool", "aria-pressed": String(Boolean(urlState.get("marked"))), onclick: () => this.#toggleMarked(), text: "Marked only" });
    this.unmark = el("button", { type: "button", class: "tool", text: "Unmark all", onclick: () => selection.clear() });
    this.export = el("a", { class: "button tool", text: "CSV", download: "" });
    this.readAgain = inView(panel.section, () => this.#schedule(Math.max(0, this.lastRead + LEAST_GAP_MS - performance.now())));
    this.#addTools();
    brushes.onChange(() => this.#schedule(BRUSH_MS, true));
    selection.onPoint(() => this.#showPointed());
    selection.onChange(() => {
      this.#showMarks();
      if (urlState.get("marked")) this.#schedule(0, true);
    });
  }

  /** The query parameters that filter and sort. */
  query() {
    const query = new URLSearchParams();
    for (const condition of this.brushes.conditions()) query.append("where", condition);
    const [state, text] = [urlState.get("state"), urlState.get("text")];
    if (state) query.set("state", state);
    if (text) query.set("text", text);
    if (urlState.get("marked") && this.selection.tids.length) query.set("tids", this.selection.tids.join(","));
    query.set("sort", this.#sort);
    query.set("order", this.#order);
    return query;
  }

  /** The sorted column: the metric's until the reader chooses another. */
  get #sort() {
    return urlState.get("sort", this.trials.score.name);
  }

  /** The order, the best first until the reader chooses. */
  get #order() {
    const bestFirst = this.trials.metric.direction === "maximize" ? "desc" : "asc";
    return urlState.get("order", this.#sort === this.trials.score.name ? bestFirst : "asc");
  }

  /** Read the page that the URL names. */
  async load() {
    const mine = (this.latest += 1);
    this.lastRead = performance.now();
    const query = this.query();
    this.export.href = searchUrl(this.trials.name, `/trials.csv?${query}`);
    query.set("page", urlState.get("page", "1"));
    query.set("page_size", urlState.get("rows", ROWS));
    try {
      const found = await getJson(searchUrl(this.trials.name, `/trials?${query}`));
      // A slow response to an older request must not replace a newer one.
      if (mine === this.latest) this.#show(found);
    } catch (error) {
      const failed = apiError(error);
      if (mine !== this.latest || (this.panel.shown && failed.status !== 422)) return;
      this.panel.fail(failed, () => {
        this.panel.loading();
        this.load();
      });
    }
  }

  /** @param {number[]} rows that changed; the page is read again if that can change it */
  update(rows) {
    if (!this.built || rows.some((row) => this.#matters(row))) {
      this.readAgain();
      return;
    }
    this.count.textContent = `${this.trials.count} trials`;
    this.pages = Math.max(this.pages, Math.ceil(this.trials.count / this.size));
    this.#showPager();
  }

  /**
   * Return whether a changed trial is on this page or before its end.
   *
   * @param {number} row
   */
  #matters(row) {
    const { values } = this.trials;
    if (this.shown.has(this.trials.tid(row)) || this.filtered || this.shown.size < this.size) return true;
    const value = values[this.#sort]?.[row];
    // Only the server has the column, or no row of this page has a value in it yet.
    if (value === undefined || this.end === undefined || this.end === null) return true;
    if (value === null) return false;
    return this.#order === "asc" ? value <= this.end : value >= this.end;
  }

  /**
   * Read the page after `delay` milliseconds.
   *
   * @param {number} delay
   */
  #schedule(delay, firstPage = false) {
    if (firstPage) urlState.set({ page: null });
    if (this.waiting !== null && !firstPage) return;
    clearTimeout(this.waiting ?? undefined);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.load();
    }, delay);
  }

  /** @param {Parameters<typeof urlState.set>[0]} changes */
  #change(changes) {
    urlState.set({ page: null, ...changes });
    this.load();
  }

  #addTools() {
    const state = el("select", { class: "tool", "aria-label": "State", onchange: (/** @type {Event} */ event) => this.#change({ state: valueOf(event) }) },
      el("option", { value: "", text: "any state" }),
      STATES.map((name) => el("option", { value: name, selected: urlState.get("state") === name, text: name })));
    let typing = 0;
    const text = el("input", {
      type: "search", class: "tool", size: "14", placeholder: "reason, host", "aria-label": "Find in reason, error or host", value: urlState.get("text", ""),
      oninput: (/** @type {Event} */ event) => {
        clearTimeout(typing);
        typing = setTimeout(() => this.#change({ text: valueOf(event) }), TYPING_MS);
      },
    });
    const rows = el("select", { class: "tool", "aria-label": "Rows a page", onchange: (/** @type {Event} */ event) => this.#change({ rows: valueOf(event) }) },
      PAGE_SIZES.map((size) => el("option", { value: size, selected: urlState.get("rows", ROWS) === String(size), text: `${size} rows` })));
    this.panel.tools.append(state, text, this.only, this.unmark, rows, this.export);
  }

  #toggleMarked() {
    this.#change({ marked: urlState.get("marked") ? null : "1" });
    this.only.setAttribute("aria-pressed", String(Boolean(urlState.get("marked"))));
  }

  /** @param {number} pages */
  #turn(pages) {
    urlState.set({ page: this.page + pages });
    this.load();
  }

  /** @param {Api.TrialPage} found */
  #show(found) {
    if (found.total === 0) {
      this.panel.empty("No trial yet: the search has not begun one.");
      return;
    }
    const content = this.panel.show();
    if (!this.built) this.#build(content);
    this.#showHead();
    this.#showRows(found.rows);
    this.none.hidden = found.matching > 0;
    this.filtered = [...this.query().keys()].length > 2;
    this.count.textContent = found.matching < found.total ? `${found.matching} of ${found.total} trials` : `${found.total} trials`;
    [this.page, this.pages, this.size] = [found.page, found.pages, found.page_size];
    this.#showPager();
    this.#showMarks();
  }

  #showPager() {
    this.place.textContent = `page ${this.page} of ${Math.max(this.pages, 1)}`;
    this.previous.disabled = this.page <= 1;
    this.next.disabled = this.page >= this.pages;
  }

  /**
   * Show rows; those whose text is as before keep their elements.
   *
   * @param {Api.TrialRow[]} rows
   */
  #showRows(rows) {
    const focused = focusedData(this.body, "key");
    const before = this.shown;
    this.shown = new Map();
    rows.forEach((row, at) => {
      const text = JSON.stringify(row);
      const held = before.get(row.tid);
      const node = held?.text === text ? held.node : this.#row(row);
      if (held && held.node !== node) held.node.remove();
      if (this.body.children[at] !== node) this.body.insertBefore(node, this.body.children[at] ?? null);
      this.shown.set(row.tid, { text, node });
    });
    while (this.body.children.length > rows.length) this.body.lastElementChild?.remove();
    const last = rows.at(-1);
    const lastRow = last && this.trials.rows.get(last.tid);
    this.end = lastRow === undefined ? undefined : this.trials.values[this.#sort]?.[lastRow];
    if (!this.body.contains(document.activeElement)) focusData(this.body, "key", focused);
  }

  /** @param {HTMLElement} content */
  #build(content) {
    this.built = true;
    content.append(
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trials, scrolls sideways" },
        el("table", { "aria-label": "Trials" }, el("thead", {}, this.head), this.body)),
      this.none,
      el("div", { class: "pager" }, this.count, this.previous, this.place, this.next),
    );
  }

  #showHead() {
    const sort = this.#sort;
    const rising = this.#order === "asc";
    // A search whose space isn't known shows the columns that its trials brought so far.
    const present = `${this.trials.columns.size} ${sort} ${rising}`;
    if (this.sorted === present) return;
    this.sorted = present;
    const focused = focusedData(this.head, "sort");
    const columns = [
      ...fixedColumns(this.trials).map((column) => ({ ...column, brief: column.title, when: null })),
      ...this.trials.metaparameters.map((column) => ({ ...column, number: true })),
    ];
    this.head.replaceChildren(
      el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "marked" })),
      ...columns.map(({ name, title, brief, number, when }) => {
        const sorted = name === sort;
        const button = el("button", {
          type: "button", class: "sort", "data-sort": name, title: when ? `${title}, used if ${when}` : title,
          onclick: () => this.#change({ sort: name, order: sorted && rising ? "desc" : "asc" }),
          text: `${clipped(brief, LONGEST_HEADING)}${sorted ? (rising ? " ▲" : " ▼") : ""}`,
        });
        return el("th", { scope: "col", class: number ? "number" : null, "aria-sort": sorted ? (rising ? "ascending" : "descending") : null }, button);
      }),
    );
    focusData(this.head, "sort", focused);
  }

  /** @param {Api.TrialRow} row */
  #row(row) {
    const changed = this.states.has(row.tid) && this.states.get(row.tid) !== row.state;
    this.states.set(row.tid, row.state);
    const mark = el("input", {
      type: "checkbox", "aria-label": `Mark trial ${row.tid}`, "data-key": `mark-${row.tid}`,
      onchange: (/** @type {Event} */ event) => this.selection.toggle(row.tid, isChecked(event)),
    });
    const href = trialPage(this.trials.name, row.tid);
    return el(
      "tr",
      {
        "data-tid": row.tid, class: changed ? "linked fresh" : "linked", onclick: (/** @type {MouseEvent} */ event) => follow(event, href),
        onpointerenter: () => this.selection.point(row.tid), onpointerleave: () => this.selection.point(null),
        onfocusin: () => this.selection.point(row.tid), onfocusout: () => this.selection.point(null),
      },
      el("td", {}, mark),
      el("td", {}, el("a", { href, "data-key": `trial-${row.tid}`, text: row.tid })),
      el("td", {}, statePill(row)),
      el("td", { class: row.value === null ? "number muted" : "number", text: decimals(row.value ?? row.current) }),
      this.trials.metrics.slice(1).map(({ name }) => el("td", { class: "number", text: decimals(row.metrics[name] ?? null) })),
      el("td", { class: "number", text: row.epoch === null ? "" : [row.epoch, this.trials.summary.epochs].filter((each) => each !== null).join("/") }),
      el("td", { class: "number", text: row.attempt }),
      el("td", { class: "number", text: duration(row.seconds) }),
      el("td", { text: row.host ?? "" }),
      el("td", { class: row.note ? "wrap" : null, text: row.note ?? "" }),
      this.trials.metaparameters.map(({ name }) => el("td", { class: "number", text: raised(Object.hasOwn(row.cells, name) ? row.cells[name] : "") })),
    );
  }

  /** Show which row's trial the reader points at, here or in a chart. */
  #showPointed() {
    for (const [tid, { node }] of this.shown) node.toggleAttribute("data-pointed", tid === this.selection.pointed);
  }

  #showMarks() {
    this.#showPointed();
    for (const [tid, { node }] of this.shown) {
      const on = this.selection.has(tid);
      node.setAttribute("aria-selected", String(on));
      const box = node.querySelector("input");
      if (box) box.checked = on;
    }
    this.unmark.hidden = this.selection.tids.length === 0;
    this.only.hidden = this.selection.tids.length === 0 && !urlState.get("marked");
  }
}

/**
 * A trial's state with its colour. A trial that completed without a finite loss has diverged.
 *
 * @param {{state: string}} trial
 */
export function statePill({ state }) {
  return el("span", { class: "pill", "data-state": state, text: state });
}
