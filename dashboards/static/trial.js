// One trial: what it was given, what each epoch measured, and each attempt at it.

import { getJson, searchUrl, trialPage } from "./api.js";
import { category, paintRamp, ramp } from "./colours.js";
import { byId, copy, el, inView } from "./dom.js";
import { clock, decimals, duration } from "./format.js";
import { LineChart } from "./lines.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { page, showSession } from "./shell.js";
import { table5 } from "./table5.js";
import { onTheme } from "./theme.js";

const { name } = page;
const tid = Number(page.tid);
const url = (rest = "") => searchUrl(name, `/trials/${tid}${rest}`);
const file = `${name}-${tid}`;

const summary = new Panel("summary");
const metaparameters = new Panel("metaparameters");
const attempts = new Panel("attempts");
const log = new Panel("log");

const SERIES = [
  ["loss", "training loss"], ["validation_loss", "validation loss"], ["error", "validation error"], ["train_error", "training error"],
];
const RATES = [["learning_rate", "learning rate (SGDM)"], ["alignment_learning_rate", "alignment learning rate (η)"]];

const LOG_MS = 1000;
const RETRY_MS = 2000;

let trial = null;
let epochs = null;

/** The epochs of the last attempt, or of the one before while that has none. */
function lastAttempt() {
  if (!epochs?.count) return [];
  const last = Math.max(...epochs.attempt);
  return epochs.attempt.flatMap((attempt, at) => (attempt === last ? [at] : []));
}

const complement = (list) => list.map((value) => (value === null ? null : 1 - value));

function series(key) {
  if (key === "error") return complement(epochs.validation_accuracy);
  if (key === "train_error") return complement(epochs.train_accuracy);
  return epochs[key];
}

const over = (rows, list) => rows.map((row) => list?.[row] ?? null);
const epochAxis = () => ({ title: "epoch", low: 0, high: epochs.epochs + 0.5 });

function lines(wanted, y) {
  return () => {
    const rows = lastAttempt();
    const drawn = (value) => value !== null && (!y.log || value > 0);
    const found = wanted.filter(([key]) => over(rows, series(key)).some(drawn));
    if (rows.length === 0 || found.length === 0) return null;
    return {
      lines: found.map(([key, words], at) => ({ name: words, x: over(rows, epochs.epoch), y: over(rows, series(key)), shade: category(at), dash: at })),
      x: epochAxis(),
      y,
      legend: true,
      label: `${found.map(([, words]) => words).join(", ")} over ${rows.length} epochs`,
    };
  };
}

/** One of Fig. S4's two panels: a line a layer, coloured by depth. */
function byLayer(key, y) {
  return () => {
    const rows = lastAttempt();
    const layers = (epochs?.layers ?? []).filter((layer) => over(rows, layer[key]).some((value) => value !== null));
    if (layers.length === 0) return null;
    return {
      lines: layers.map((layer, depth) => ({ name: layer.name, x: over(rows, epochs.epoch), y: over(rows, layer[key]), shade: ramp(depth / Math.max(1, layers.length - 1)) })),
      x: epochAxis(),
      y,
      label: `${y.title} of ${layers.length} layers over ${rows.length} epochs`,
    };
  };
}

function epochTable(wanted) {
  return () => ({
    headings: ["attempt", "epoch", ...wanted.map(([, words]) => words)],
    rows: (epochs?.epoch ?? []).map((epoch, at) => [epochs.attempt[at], epoch, ...wanted.map(([key]) => series(key)[at])]),
  });
}

function layerTable(key) {
  return () => ({
    headings: ["attempt", "epoch", ...(epochs?.layers ?? []).map((layer) => layer.name)],
    rows: (epochs?.epoch ?? []).map((epoch, at) => [epochs.attempt[at], epoch, ...epochs.layers.map((layer) => layer[key]?.[at] ?? null)]),
  });
}

const NO_LAYERS = "No layer of this trial has a backward kernel that was measured.";
const charts = [
  ["learning", lines(SERIES, { title: "loss, error" }), epochTable(SERIES), "No epoch has finished yet."],
  ["rates", lines(RATES, { title: "rate", log: true }), epochTable(RATES), "No rate was recorded."],
  ["angles", byLayer("angle", { title: "angle (degrees)", low: 0 }), layerTable("angle"), NO_LAYERS],
  ["ratios", byLayer("norm_ratio", { title: "‖B‖ / ‖W‖", log: true }), layerTable("norm_ratio"), NO_LAYERS],
].map(([id, picture, table, none]) => {
  const panel = new Panel(id, `${file}-${id}`);
  panel.offerData(table);
  return new LineChart(panel, picture, none);
});

function fact(title, ...content) {
  return el("div", {}, el("dt", { text: title }), el("dd", {}, content));
}

function showTrial() {
  const { state, outcome, loss, reason, rank, of, best_epoch: best } = trial;
  byId("status").replaceChildren(el("span", { class: "pill", "data-state": state, text: outcome === "fail" && state === "completed" ? "diverged" : state }));
  const big = (text) => el("span", { class: "big", text });
  const when = trial.timings;
  summary.show().replaceChildren(
    el("dl", { class: "facts" },
      fact("validation error", big(loss === null ? "none" : decimals(loss))),
      fact("rank", big(rank === null ? "none" : `${rank} of ${of}`)),
      fact("epoch", big(trial.epoch === null ? "none" : `${trial.epoch} / ${trial.epochs}`)),
      best ? fact("best epoch", String(best)) : null,
      fact("queued", clock(when.queued)),
      when.started ? fact("started", clock(when.started)) : null,
      when.finished ? fact("finished", clock(when.finished)) : null,
      ...Object.entries(trial.metrics ?? {}).map(([key, value]) => fact(key.replaceAll("_", " "), decimals(value)))),
    reason ? el("p", { class: "refusal", text: reason }) : "",
  );
  const beside = (other, text) => (other === null ? null : el("a", { class: "button tool", href: trialPage(name, other), text }));
  byId("neighbours").replaceChildren(...[beside(trial.previous, "← Previous"), beside(trial.next, "Next →")].filter(Boolean));
  showError();
  showMetaparameters();
  showAttempts();
}

function showError() {
  const section = byId("error");
  section.hidden = !trial.error;
  if (!trial.error) return;
  section.querySelector(".body").replaceChildren(el("pre", { tabindex: "0", text: trial.error }));
  section.querySelector(".tools").replaceChildren(el("button", { type: "button", class: "tool", onclick: () => copy(trial.error), text: "Copy" }));
}

function showMetaparameters() {
  metaparameters.show().replaceChildren(table5([{ title: `trial ${tid}` }], trial.rows.map((row) => ({ ...row, cells: [row.cell] }))));
  metaparameters.offerData(() => ({ headings: ["metaparameter", "value"], rows: trial.rows.map((row) => [row.field, row.value]) }));
}

function showAttempts() {
  const list = [...trial.attempts].sort((a, b) => b.number - a.number);
  if (list.length === 0) {
    attempts.empty("No attempt has begun: the trial waits for a slot.");
    return;
  }
  attempts.show().replaceChildren(...list.map((each) =>
    el("details", { open: each === list[0] },
      el("summary", {}, `Attempt ${each.number} on ${each.host}: `, el("strong", { text: each.outcome ?? "running" })),
      el("dl", { class: "facts" },
        fact("accelerator", each.accelerator),
        each.slot === null ? null : fact("slot", String(each.slot)),
        fact("worker", each.owner),
        fact("started", clock(each.started_at)),
        each.seconds === null ? null : fact("took", duration(each.seconds)),
        ...Object.entries(each.versions).map(([key, value]) => fact(key, value))),
      each.error ? el("pre", { tabindex: "0", text: each.error }) : null)));
  const select = byId("log-attempt");
  if (select.length !== list.length) {
    select.replaceChildren(...list.map(({ number }) => el("option", { text: number })));
    select.closest("label").hidden = list.length < 2;
  }
}

async function readLog() {
  await log.fill(async () => {
    const attempt = byId("log-attempt").value;
    const { available, lines: tail, note } = await getJson(url(`/log${attempt ? `?attempt=${attempt}` : ""}`));
    if (!available || tail.length === 0) {
      log.empty(note ?? "The worker has logged nothing.");
      return;
    }
    const text = tail.map(({ at, level, text: words }) => [clock(at), level, words].filter(Boolean).join(" ")).join("\n");
    const pre = log.show().querySelector("pre") ?? el("pre", { tabindex: "0" });
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 30;
    if (pre.textContent !== text) pre.textContent = text;
    log.content.replaceChildren(pre);
    if (atEnd) pre.scrollTop = pre.scrollHeight;
  });
}

/** Read what was measured since the last epoch known. */
async function readEpochs() {
  const last = epochs?.count ? `?after=${epochs.attempt.at(-1)}.${epochs.epoch.at(-1)}` : "";
  const fresh = await getJson(url(`/epochs${last}`));
  if (!epochs?.count) epochs = fresh;
  else if (fresh.count) append(fresh);
}

function append(fresh) {
  const layers = new Map(fresh.layers.map((layer) => [layer.name, layer]));
  for (const layer of epochs.layers) {
    const more = layers.get(layer.name);
    for (const key of ["angle", "norm_ratio", "gradient_angle"]) layer[key]?.push(...(more?.[key] ?? Array(fresh.count).fill(null)));
  }
  for (const [key, list] of Object.entries(fresh)) if (Array.isArray(list) && key !== "layers") epochs[key].push(...list);
  epochs.count += fresh.count;
}

function paintLegend() {
  const bar = el("canvas", { "aria-hidden": "true" });
  byId("depth-legend").replaceChildren("first layer", bar, "last layer");
  paintRamp(bar, ramp);
}

let busy = false;
let again = false;

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  do {
    again = false;
    trial = await getJson(url());
    await readEpochs();
    showTrial();
    for (const chart of charts) chart.draw();
    await readLog();
  } while (again);
  busy = false;
}

let retrying = null;

/** Read what has changed; what can't be read is read again, and said where nothing is shown yet. */
async function keepUp() {
  clearTimeout(retrying);
  try {
    await refresh();
    return true;
  } catch (error) {
    busy = false;
    if (!error.code) throw error;
    if (trial === null || epochs === null) for (const panel of [summary, metaparameters, attempts, log, ...charts.map(({ panel }) => panel)]) panel.fail(error, start);
    retrying = setTimeout(trial === null || epochs === null ? start : keepUp, RETRY_MS);
    return false;
  }
}

async function start() {
  if (!(await keepUp())) return;
  performance.mark("interactive");
  follow(() => searchUrl(name, `/stream?since=${trial.rev}`), {
    change: (payload) => payload.values?.tid?.includes(tid) && keepUp(),
  });
  // Log lines change no trial, so the stream is silent about them.
  const look = inView(log.section, readLog);
  setInterval(() => trial.state === "running" && !document.hidden && look(), LOG_MS);
}

byId("log-attempt").addEventListener("change", readLog);
onTheme(paintLegend);
paintLegend();
showSession();
start();
