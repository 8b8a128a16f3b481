// The page of one search, kept up by its stream.

import * as bestSoFar from "../charts/best_so_far.js";
import * as parallelCoordinates from "../charts/parcoords.js";
import { showSteering, showSummary } from "../charts/summary.js";
import * as trialsTable from "../charts/trials_table.js";
import { apiError, searchUrl } from "../lib/api.js";
import { Brushes } from "../lib/brushes.js";
import { announce, el, waitAtMost } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { lazily } from "../lib/lazy.js";
import { Panel } from "../lib/panel.js";
import { Selection } from "../lib/selection.js";
import { page, showSession } from "../lib/shell.js";
import { follow } from "../lib/stream.js";
import { Trials } from "../lib/trials.js";
import { showVerbs } from "../verbs/search_verbs.js";

/** @typedef {import("../charts/chart.js").Live} Live */

// The charts further down wait at most so long for those at the top.
const FIRST_MS = 2000;
// While the store or the server is away, the page tries again this often.
const RETRY_MS = 2000;

const name = page.name ?? "";
const panels = {
  summary: new Panel("summary"),
  best: new Panel("best", `${name}-best`),
  parcoords: new Panel("parcoords", `${name}-trials`),
  trials: new Panel("trials"),
};
const trials = new Trials(name);
const notice = el("p", { class: "small", role: "status" });
let session = showSession();
let retrying = 0;

async function start() {
  try {
    await trials.load();
  } catch (error) {
    const failed = apiError(error);
    for (const panel of Object.values(panels)) panel.fail(failed, begin);
    if (failed.status === 503 || failed.status === 0) retrying = setTimeout(begin, RETRY_MS);
    return;
  }
  const rows = Array.from({ length: trials.count }, (_, row) => row);
  const context = { name, trials, brushes: new Brushes(trials), selection: new Selection() };
  const best = bestSoFar.create(context, [panels.best]);
  const parallel = parallelCoordinates.create(context, [panels.parcoords]);
  const table = trialsTable.create(context, [panels.trials]);
  const shown = table.load();
  show(trials.summary);
  best.update(rows);
  parallel.update(rows);
  const first = [shown, trials.scored.length ? parallel.whenDrawn() : null];
  await waitAtMost(FIRST_MS, Promise.all(first).then(() => requestAnimationFrame(() => performance.mark("interactive"))));

  /** @type {Live[]} */
  const live = [best, parallel, table];
  for (const [module, ids] of lazyPanels()) {
    const filled = ids.map((id) => new Panel(id));
    lazily(filled, module, async ({ create }) => {
      /** @type {Live} */
      const made = create(context, filled);
      // Registered before it loads, so that no change is missed meanwhile.
      live.push(made);
      await made.load?.();
    });
  }

  follow(() => searchUrl(name, `/stream?since=${trials.rev}`), {
    /** @param {Api.TrialColumns} payload */
    change(payload) {
      // The server has another search of this name now, so what is drawn is of an old one.
      if (payload.reset) {
        location.reload();
        return;
      }
      const changed = trials.update(payload);
      show(trials.summary);
      if (changed.length === 0) return;
      announceBest();
      for (const each of live) each.update(changed);
    },
    /** @param {Api.Events} payload */
    events({ events }) {
      for (const each of live) each.addEvents?.(events);
    },
  });
}

/** The ids of the panels that are filled when they come near the viewport, by their chart's module. */
function lazyPanels() {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const section of document.querySelectorAll("section[data-module]")) {
    const { module = "" } = /** @type {HTMLElement} */ (section).dataset;
    found.set(module, [...(found.get(module) ?? []), section.id]);
  }
  return found;
}

/** @param {Api.SearchSummary} summary */
function show(summary) {
  showSummary(panels.summary, summary);
  session = session.then((found) => found ?? showSession());
  session.then((found) => {
    if (!found) return;
    showSteering(found, summary, steered);
    showVerbs(found, summary, steered);
  });
}

let announced = Infinity;

function announceBest() {
  const { best, finished, metric, trials: planned } = trials.summary;
  const loss = best?.loss ?? Infinity;
  if (best && loss < announced) announce(`New best ${metric.label} ${decimals(best.value)}, trial ${best.tid}; ${finished} of ${planned} finished`);
  announced = loss;
}

/**
 * @param {Api.SearchSummary | null} summary
 * @param {string} message
 */
function steered(summary, message) {
  if (summary) show(summary);
  notice.textContent = message;
  panels.summary.section.append(notice);
}

function begin() {
  clearTimeout(retrying);
  for (const panel of Object.values(panels)) panel.loading();
  start();
}

start();
