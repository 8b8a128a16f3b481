// One search, followed live.

import { getJson, searchUrl } from "./api.js";
import { BestChart } from "./best.js";
import { Brushes } from "./brushes.js";
import { History } from "./data.js";
import { announce, el, inView, within } from "./dom.js";
import { clock, decimals } from "./format.js";
import { lazily } from "./lazy.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { ParallelCoordinates } from "./parcoords.js";
import { Selection } from "./selection.js";
import { page, showSession } from "./shell.js";
import { showSteering, showSummary } from "./summary.js";
import { TrialsTable } from "./trials.js";

// How long the charts further down wait for those that are seen first.
const FIRST_MS = 2000;
const RETRY_MS = 2000;

const name = page.name;

const panels = {
  summary: new Panel("summary"),
  best: new Panel("best", `${name}-best`),
  parcoords: new Panel("parcoords", `${name}-trials`),
  trials: new Panel("trials"),
};
const history = new History(name);
let session = showSession();
let retrying = null;

const said = el("p", { class: "small", role: "status" });

async function start() {
  const retry = (error) => {
    for (const panel of Object.values(panels)) panel.fail(error, begin);
  };
  try {
    await history.load();
  } catch (error) {
    if (!error.code) throw error;
    retry(error);
    // The store may be on its way back: the page mends itself.
    if (error.status === 503 || error.status === 0) retrying = setTimeout(begin, RETRY_MS);
    return;
  }
  const rows = Array.from({ length: history.count }, (_, row) => row);
  const brushes = new Brushes(history);
  const selection = new Selection();
  const best = new BestChart(panels.best, history);
  const parallel = new ParallelCoordinates(panels.parcoords, history, brushes, selection);
  const table = new TrialsTable(panels.trials, history, brushes, selection);
  const shown = table.load();
  show(history.summary);
  best.update(rows);
  parallel.update(rows);
  selection.onChange(parallel.recolour);
  const first = [shown, history.best.tid.length ? parallel.whenDrawn() : null];
  await within(FIRST_MS, Promise.all(first).then(() => requestAnimationFrame(() => performance.mark("interactive"))));

  const lazy = [];
  const near = (ids, module, make) => lazily(ids.map((id) => new Panel(id)), module, async (found) => {
    const made = make(found);
    // Known before it is loaded: what changes meanwhile is not missed.
    lazy.push(made);
    await made.load?.();
  });
  near(["slice"], "slice", ({ Slice }) => new Slice(history, brushes, selection));
  near(["contour"], "contour", ({ Contour }) => new Contour(history, brushes, selection));
  near(["importance", "categorical"], "insight", ({ Importance }) => new Importance(history));
  near(["curves"], "curves", ({ Curves }) => new Curves(history, selection));
  near(["failures"], "insight", ({ Failures }) => new Failures(history));
  near(["table5"], "table5", ({ Table5 }) => bestColumn(Table5));
  const events = new Events();
  near(["events"], null, () => events);

  follow(() => searchUrl(name, `/stream?since=${history.rev}`), {
    change(payload) {
      const changed = history.take(payload);
      show(history.summary);
      if (changed.length === 0) return;
      best.update(changed);
      parallel.update(changed);
      table.update(changed);
      tell();
      for (const each of lazy) each.update(changed);
    },
    events: ({ events: fresh }) => events.take(fresh),
  });
}

function show(summary) {
  showSummary(panels.summary, summary);
  session = session.then((found) => found ?? showSession());
  session.then((found) => found && showSteering(found, summary, steered));
}

/** The best trial as a column of Table 5, read anew when there is another. */
function bestColumn(Table5) {
  const url = searchUrl(name, "/table");
  const column = new Table5(new Panel("table5"), () => url, (format) => searchUrl(name, `/export?format=${format}`));
  const reread = inView(column.panel.section, () => column.load());
  let known = history.summary.best?.tid;
  column.update = () => {
    if (history.summary.best?.tid === known) return;
    known = history.summary.best?.tid;
    reread();
  };
  return column;
}

let told = Infinity;
function tell() {
  const { best, finished, trials } = history.summary;
  if (best && best.loss < told) announce(`New best ${decimals(best.loss)}, trial ${best.tid}; ${finished} of ${trials} finished`);
  told = best?.loss ?? Infinity;
}

function steered(summary, message) {
  if (summary) {
    show(summary);
  }
  said.textContent = message;
  panels.summary.section.append(said);
}

/** Who did what to the search, newest first. */
class Events {
  constructor() {
    this.panel = new Panel("events", `${name}-events`);
    this.events = [];
    this.panel.offerData(() => ({
      headings: ["at", "who", "what", "detail"],
      rows: this.events.map(({ at, who, what, detail }) => [at, who, what, detail]),
    }));
  }

  async load() {
    await this.panel.fill(async () => {
      this.events = (await getJson(searchUrl(name, "/events"))).events;
      this.loaded = true;
      this.#show();
    });
  }

  update() {}

  take(fresh) {
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
      el("thead", {}, el("tr", {}, ["at", "who", "what", "detail"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, [...this.events].reverse().map(({ at, who, what, detail }) =>
        el("tr", {}, el("td", { text: clock(at) }), el("td", { text: who }), el("td", { text: what }), el("td", { class: "wrap", text: detail })))))));
  }
}

function begin() {
  clearTimeout(retrying);
  for (const panel of Object.values(panels)) panel.loading();
  start();
}

start();
