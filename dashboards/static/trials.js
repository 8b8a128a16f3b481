// The table of trials: the server pages, sorts and filters it.

import { getJson, searchUrl, trialPage } from "./api.js";
import { el, inView } from "./dom.js";
import { decimals, duration, raised } from "./format.js";
import * as view from "./view.js";

const PAGE_SIZES = [25, 50, 100, 200];
const LEAST_GAP_MS = 500;
const STATES = ["queued", "running", "completed", "failed", "cancelled", "pruned"];

/** The table in `panel`; `brushes` filter it, `selection` is marked in it. */
export class TrialsTable {
  constructor(panel, history, brushes, selection) {
    Object.assign(this, { panel, history, brushes, selection });
    this.asked = 0;
    this.latest = 0;
    this.waiting = null;
    this.lastRead = 0;
    this.states = new Map();
    this.shown = new Map();
    this.filtered = false;
    // Not more often than makes sense.
    this.reread = inView(panel.section, () => this.#again(Math.max(0, this.lastRead + LEAST_GAP_MS - performance.now())));
    this.#tools();
    brushes.onChange(() => this.#again(150, true));
    selection.onChange(() => {
      this.#marks();
      if (view.get("marked")) this.#again(0, true);
    });
  }

  /** The conditions that the API filters by. */
  query() {
    const query = new URLSearchParams();
    for (const condition of this.brushes.conditions()) query.append("where", condition);
    if (view.get("state")) query.set("state", view.get("state"));
    if (view.get("text")) query.set("text", view.get("text"));
    if (view.get("marked") && this.selection.tids.length) query.set("tids", this.selection.tids.join(","));
    query.set("sort", view.get("sort", "loss"));
    query.set("order", view.get("order", "asc"));
    return query;
  }

  /** Read the page that the address names. */
  async load() {
    const mine = (this.latest += 1);
    this.lastRead = performance.now();
    const query = this.query();
    this.export.href = searchUrl(this.history.name, `/trials.csv?${query}`);
    query.set("page", view.get("page", "1"));
    query.set("page_size", view.get("rows", "50"));
    try {
      const found = await getJson(searchUrl(this.history.name, `/trials?${query}`));
      // A slower answer to an older question must not replace this one.
      if (mine === this.latest) this.#show(found);
    } catch (error) {
      if (!error.code) throw error;
      if (mine !== this.latest || (this.panel.shown && error.status !== 422)) return;
      this.panel.fail(error, () => {
        this.panel.loading();
        this.load();
      });
    }
  }

  /** Trials changed: read the page again if that can change it, once it is in view. */
  update(rows) {
    if (this.table === undefined || rows.some((row) => this.#touches(row))) {
      this.reread();
      return;
    }
    this.count.textContent = `${this.history.count} trials`;
    this.pages = Math.max(this.pages, Math.ceil(this.history.count / this.size));
    this.#turns();
  }

  /** Whether a changed trial is on this page or comes before its end. */
  #touches(row) {
    const { values } = this.history;
    if (this.shown.has(values.tid[row]) || this.filtered || this.shown.size < this.size) return true;
    const [sort, order] = [view.get("sort", "loss"), view.get("order", "asc")];
    const value = values[sort]?.[row];
    // A column that only the server has, or whose values are yet to come on this page.
    if (value === undefined || this.end === undefined || this.end === null) return true;
    if (value === null) return false;
    return order === "asc" ? value <= this.end : value >= this.end;
  }

  #again(delay, firstPage = false) {
    if (firstPage) view.set({ page: null });
    if (this.waiting !== null && !firstPage) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.load();
    }, delay);
  }

  #tools() {
    const ask = (changes) => {
      view.set({ page: null, ...changes });
      this.load();
    };
    const state = el("select", { class: "tool", "aria-label": "State", onchange: (event) => ask({ state: event.target.value }) },
      el("option", { value: "", text: "any state" }),
      STATES.map((name) => el("option", { value: name, selected: view.get("state") === name, text: name })));
    let typing = null;
    const text = el("input", {
      type: "search", class: "tool", size: "14", placeholder: "reason, host", "aria-label": "Find in reason, error or host", value: view.get("text", ""),
      oninput: (event) => {
        clearTimeout(typing);
        typing = setTimeout(() => ask({ text: event.target.value }), 250);
      },
    });
    const rows = el("select", { class: "tool", "aria-label": "Rows a page", onchange: (event) => ask({ rows: event.target.value }) },
      PAGE_SIZES.map((size) => el("option", { value: size, selected: view.get("rows", "50") === String(size), text: `${size} rows` })));
    this.only = el("button", {
      type: "button", class: "tool", "aria-pressed": Boolean(view.get("marked")).toString(), text: "Marked only",
      onclick: () => {
        ask({ marked: view.get("marked") ? null : "1" });
        this.only.setAttribute("aria-pressed", Boolean(view.get("marked")));
      },
    });
    this.unmark = el("button", { type: "button", class: "tool", text: "Unmark all", onclick: () => this.selection.clear() });
    this.export = el("a", { class: "button tool", text: "CSV", download: "" });
    this.panel.tools.append(state, text, this.only, this.unmark, rows, this.export);
  }

  #show(found) {
    if (found.total === 0) {
      this.panel.empty("No trial yet: the search has not begun one.");
      return;
    }
    const content = this.panel.show();
    if (!this.table) this.#build(content);
    this.#head();
    this.#rows(found.rows);
    this.none.hidden = found.matching > 0;
    this.filtered = this.query().toString() !== this.#unfiltered();
    this.count.textContent = found.matching < found.total ? `${found.matching} of ${found.total} trials` : `${found.total} trials`;
    [this.page, this.pages, this.size] = [found.page, found.pages, found.page_size];
    this.#turns();
    this.#marks();
  }

  /** What the query is without any filter. */
  #unfiltered() {
    return new URLSearchParams({ sort: view.get("sort", "loss"), order: view.get("order", "asc") }).toString();
  }

  #turns() {
    this.place.textContent = `page ${this.page} of ${Math.max(this.pages, 1)}`;
    this.previous.disabled = this.page <= 1;
    this.next.disabled = this.page >= this.pages;
  }

  /** Put the rows in their places; those that are as they were are left alone. */
  #rows(rows) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
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
    while (this.body.children.length > rows.length) this.body.lastElementChild.remove();
    const last = this.history.rows.get(rows.at(-1)?.tid);
    this.end = this.history.values[view.get("sort", "loss")]?.[last];
    if (focused && !this.body.contains(document.activeElement)) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #build(content) {
    this.head = el("tr");
    this.body = el("tbody");
    this.table = el("table", { "aria-label": "Trials" }, el("thead", {}, this.head), this.body);
    this.none = el("div", { class: "message", hidden: true, text: "No trial matches the filters." });
    this.count = el("span", { id: "matching" });
    this.place = el("span");
    const turn = (by) => () => {
      view.set({ page: this.page + by });
      this.load();
    };
    this.previous = el("button", { type: "button", class: "tool", onclick: turn(-1), text: "Previous" });
    this.next = el("button", { type: "button", class: "tool", onclick: turn(1), text: "Next" });
    content.append(
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trials, scrolls sideways" }, this.table),
      this.none,
      el("div", { class: "pager" }, this.count, this.previous, this.place, this.next),
    );
  }

  get #columns() {
    const fixed = [
      ["tid", "trial"], ["state", "state"], ["loss", "error", true], ["epoch", "epoch", true], ["attempt", "attempts", true],
      ["seconds", "time", true], ["host", "host"], ["note", "note"],
    ];
    const sampled = this.history.metaparameters.map((column) => ({ ...column, number: true }));
    return [...fixed.map(([name, title, number]) => ({ name, title, brief: title, number })), ...sampled];
  }

  #head() {
    const sort = view.get("sort", "loss");
    const rising = view.get("order", "asc") === "asc";
    if (this.sorted === `${sort} ${rising}`) return;
    this.sorted = `${sort} ${rising}`;
    const focused = document.activeElement?.dataset?.sort;
    this.head.replaceChildren(
      el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "marked" })),
      ...this.#columns.map(({ name, title, brief, number }) => {
        const sorted = name === sort;
        const button = el("button", {
          type: "button", class: "sort", "data-sort": name, title,
          onclick: () => {
            view.set({ sort: name, order: sorted && rising ? "desc" : "asc", page: null });
            this.load();
          },
          text: `${brief}${sorted ? (rising ? " ▲" : " ▼") : ""}`,
        });
        return el("th", { scope: "col", class: number ? "number" : null, "aria-sort": sorted ? (rising ? "ascending" : "descending") : null }, button);
      }),
    );
    if (focused) this.head.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(row) {
    const fresh = this.states.has(row.tid) && this.states.get(row.tid) !== row.state;
    this.states.set(row.tid, row.state);
    const error = row.loss ?? row.current;
    const mark = el("input", {
      type: "checkbox", "aria-label": `Mark trial ${row.tid}`, "data-key": `mark-${row.tid}`,
      onchange: (event) => this.selection.toggle(row.tid, event.target.checked),
    });
    return el(
      "tr",
      { "data-tid": row.tid, class: fresh ? "fresh" : null },
      el("td", {}, mark),
      el("td", {}, el("a", { href: trialPage(this.history.name, row.tid), "data-key": `trial-${row.tid}`, text: row.tid })),
      el("td", {}, el("span", { class: "pill", "data-state": row.state, text: row.outcome === "fail" && row.state === "completed" ? "diverged" : row.state })),
      el("td", { class: row.loss === null ? "number muted" : "number", text: error === null ? "" : decimals(error) }),
      el("td", { class: "number", text: row.epoch === null ? "" : `${row.epoch}/${this.history.summary.epochs}` }),
      el("td", { class: "number", text: row.attempt }),
      el("td", { class: "number", text: duration(row.seconds) }),
      el("td", { text: row.host ?? "" }),
      el("td", { class: row.note ? "wrap" : null, text: row.note ?? "" }),
      this.history.metaparameters.map(({ name }) => el("td", { class: "number", text: raised(row.cells[name]) })),
    );
  }

  #marks() {
    for (const row of this.body?.children ?? []) {
      const on = this.selection.has(Number(row.dataset.tid));
      row.setAttribute("aria-selected", on);
      row.querySelector("input").checked = on;
    }
    this.unmark.hidden = this.selection.tids.length === 0;
    this.only.hidden = this.selection.tids.length === 0 && !view.get("marked");
  }
}
