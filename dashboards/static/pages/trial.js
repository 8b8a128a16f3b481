// The page of one trial: its metaparameters, epochs, attempts and log, kept up by the search's stream.

import { configurationTable } from "../charts/configurations.js";
import { append, createAll } from "../charts/epochs.js";
import { ReusePanel } from "../charts/reuse.js";
import { statePill } from "../charts/trials_table.js";
import { apiError, getJson, searchUrl, trialPage } from "../lib/api.js";
import { paintRamp, ramp } from "../lib/colours.js";
import { byId, copy, el, inView, selectById, within } from "../lib/dom.js";
import { clock, decimals, duration, plain } from "../lib/format.js";
import { kindTags } from "../lib/kinds.js";
import { Panel, big, fact } from "../lib/panel.js";
import { page, showSession } from "../lib/shell.js";
import { follow } from "../lib/stream.js";
import { onTheme } from "../lib/theme.js";
import { showTrialVerbs } from "../verbs/trial_verbs.js";

const name = page.name ?? "";
const tid = Number(page.tid);
const trialUrl = (rest = "") => searchUrl(name, `/trials/${tid}${rest}`);

const summary = new Panel("summary");
const metaparameters = new Panel("metaparameters");
const attempts = new Panel("attempts");
const reuse = new ReusePanel(new Panel("reuse"), trialUrl("/reuse"));
const log = new Panel("log");
const logAttempt = selectById("log-attempt");

// A running trial's log is read this often while it is in the viewport.
const LOG_MS = 1000;
const RETRY_MS = 2000;
// The log follows its end if the reader has scrolled to within so many pixels of it.
const NEAR_END = 30;

const notice = el("p", { class: "small", role: "status" });
const session = showSession();

/** @type {Api.TrialDetail | null} */
let trial = null;
/** @type {Api.Epochs | null} */
let epochs = null;

const charts = createAll((id) => new Panel(id, `${name}-${tid}-${id}`), () => epochs);

/**
 * The time between a trial's start and its end, or until now, in seconds; null before it starts.
 *
 * @param {Api.TrialDetail} trial
 */
function secondsOf({ timings: { started, finished }, state }) {
  if (!started || (!finished && state !== "running")) return null;
  return ((finished ? Date.parse(finished) : Date.now()) - Date.parse(started)) / 1000;
}

/**
 * A duration in words, with its tenths where it is short.
 *
 * @param {number | null} value
 */
const seconds = (value) => (value !== null && value < 60 ? `${value.toFixed(1)} s` : duration(value));

/** @param {Api.TrialDetail} trial */
function showTrial(trial) {
  const { metric, reason, rank, of, best_epoch: best, timings, unit, value, attempts: all } = trial;
  const last = all.at(-1);
  const took = secondsOf(trial);
  byId("status").replaceChildren(statePill(trial));
  byId("kinds").replaceChildren(...kindTags(trial));
  summary.show().replaceChildren(
    el("dl", { class: "facts" },
      fact(metric.label, big(value === null ? "none" : decimals(value))),
      fact("rank", big(rank === null ? "none" : `${rank} of ${of}`)),
      fact(unit, big(trial.epoch === null ? "none" : [trial.epoch, trial.epochs].filter((each) => each !== null).join(" / "))),
      took === null ? null : fact(trial.state === "running" ? "runs for" : "took", big(duration(took))),
      best === null ? null : fact(`best ${unit}`, String(best)),
      last ? fact("host", last.host) : null,
      last ? fact("runs on", last.accelerator) : null,
      all.length > 1 ? fact("attempts", String(all.length)) : null,
      timings.started ? fact("started", clock(timings.started)) : fact("queued", clock(timings.queued)),
      timings.finished ? fact("finished", clock(timings.finished)) : null),
    trial.measured.length
      ? el("details", {}, el("summary", { class: "small", text: "What else was measured" }),
        el("dl", { class: "facts" }, ...trial.measured.map(({ label, value, unit: of }) => fact(label, of === "s" ? seconds(value) : decimals(value)))))
      : "",
    reason ? el("p", { class: trial.state === "diverged" ? "diverged" : "refusal", text: reason }) : "",
    trial.cause ? el("p", { class: "small", text: `Likely cause: ${trial.cause}` }) : "",
  );
  /**
   * @param {number | null} other
   * @param {string} text
   */
  const beside = (other, text) => (other === null ? [] : [el("a", { class: "button tool", href: trialPage(name, other), text })]);
  byId("neighbours").replaceChildren(...beside(trial.previous, "← Previous"), ...beside(trial.next, "Next →"));
  session.then((found) => showTrialVerbs(found, trial, done));
  showError(trial.error);
  showMetaparameters(trial.rows);
  showAttempts(trial.attempts);
}

/** @param {string} message what was done to the trial */
function done(message) {
  notice.textContent = message;
  summary.section.append(notice);
  keepUp();
}

/** @param {string | null} error */
function showError(error) {
  const section = byId("error");
  section.hidden = !error;
  if (!error) return;
  within(section, ".body").replaceChildren(el("pre", { tabindex: "0", text: error }));
  within(section, ".tools").replaceChildren(el("button", { type: "button", class: "tool", onclick: () => copy(error), text: "Copy" }));
}

/** @param {Api.TableRow[]} rows */
function showMetaparameters(rows) {
  if (rows.length === 0) {
    metaparameters.empty("This trial has no metaparameter.");
    return;
  }
  metaparameters.show().replaceChildren(configurationTable([{ title: `trial ${tid}` }], rows.map((row) => ({ ...row, cells: [row.cell] }))));
  metaparameters.offerData(() => ({ headings: ["metaparameter", "value"], rows: rows.map((row) => [plain(row.name), row.value]) }));
}

/** @param {Api.AttemptDetail[]} all */
function showAttempts(all) {
  const list = [...all].sort((a, b) => b.number - a.number);
  if (list.length === 0) {
    attempts.empty("No attempt has begun: the trial waits for a slot.");
    return;
  }
  attempts.show().replaceChildren(...list.map((each) =>
    el("details", { open: each === list[0] },
      el("summary", {}, `Attempt ${each.number} on ${each.host}: `, el("strong", { text: (each.outcome ?? "running").replaceAll("_", " ") })),
      el("dl", { class: "facts" },
        fact("accelerator", each.accelerator),
        each.slot === null ? null : fact("slot", String(each.slot)),
        fact("worker", each.owner),
        fact("started", clock(each.started_at)),
        each.seconds === null ? null : fact("took", duration(each.seconds)),
        each.resumed ? fact(`${trial?.unit ?? "epoch"}s taken over`, String(each.resumed)) : null,
        Object.keys(each.versions).length ? fact("packages", Object.entries(each.versions).map(([key, value]) => `${key} ${value}`).join(", ")) : null),
      each.error ? el("pre", { tabindex: "0", text: each.error }) : null)));
  if (logAttempt.length !== list.length) {
    logAttempt.replaceChildren(...list.map(({ number }) => el("option", { text: number })));
    const label = logAttempt.closest("label");
    if (label) label.hidden = list.length < 2;
  }
}

async function readLog() {
  await log.fill(async () => {
    const attempt = logAttempt.value;
    /** @type {Api.Log} */
    const { available, lines, note } = await getJson(trialUrl(`/log${attempt ? `?attempt=${attempt}` : ""}`));
    if (!available || lines.length === 0) {
      log.empty(note || "The worker has logged nothing.");
      return;
    }
    const text = lines.map(({ at, level, text: words }) => [clock(at), level, words].filter(Boolean).join(" ")).join("\n");
    const pre = log.show().querySelector("pre") ?? el("pre", { tabindex: "0" });
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR_END;
    if (pre.textContent !== text) pre.textContent = text;
    log.content.replaceChildren(pre);
    if (atEnd) pre.scrollTop = pre.scrollHeight;
  });
}

/** Read the epochs after the last one that is known. */
async function readEpochs() {
  const last = epochs?.count ? `?after=${epochs.attempt.at(-1)}.${epochs.epoch.at(-1)}` : "";
  /** @type {Api.Epochs} */
  const fresh = await getJson(trialUrl(`/epochs${last}`));
  if (!epochs?.count) epochs = fresh;
  else if (fresh.count) append(epochs, fresh);
}

function paintLegend() {
  if (!document.getElementById("depth-legend")) return;
  const bar = el("canvas", { "aria-hidden": "true" });
  byId("depth-legend").replaceChildren("first layer", bar, "last layer");
  paintRamp(bar, ramp);
}

let busy = false;
let again = false;

/** Read and show everything; a call during another leads to one more reading after it. */
async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  do {
    again = false;
    /** @type {Api.TrialDetail} */
    const read = await getJson(trialUrl());
    trial = read;
    await readEpochs();
    showTrial(read);
    for (const chart of charts) chart.draw();
    await reuse.load();
    await readLog();
  } while (again);
  busy = false;
}

let retrying = 0;

/** Read what has changed, again and again after a failure; say the failure if nothing is shown yet. */
async function keepUp() {
  clearTimeout(retrying);
  try {
    await refresh();
    return true;
  } catch (error) {
    busy = false;
    const failed = apiError(error);
    const nothingYet = trial === null || epochs === null;
    if (nothingYet) for (const panel of [summary, metaparameters, attempts, log, reuse.panel, ...charts.map(({ panel }) => panel)]) panel.fail(failed, start);
    retrying = setTimeout(nothingYet ? start : keepUp, RETRY_MS);
    return false;
  }
}

async function start() {
  if (!(await keepUp())) return;
  performance.mark("interactive");
  follow(() => searchUrl(name, `/stream?since=${trial?.rev ?? 0}`), {
    /** @param {Api.TrialColumns} payload */
    change: (payload) => payload.values.tid?.includes(tid) && keepUp(),
  });
  // A new log line changes no trial, so the stream doesn't tell of it.
  const look = inView(log.section, readLog);
  setInterval(() => trial?.state === "running" && !document.hidden && look(), LOG_MS);
}

logAttempt.addEventListener("change", readLog);
onTheme(paintLegend);
paintLegend();
start();
