// One trial: what it was given, what each epoch measured, and each attempt at it.

import { getJson, searchUrl, trialPage } from "./api.js";
import { category, paintRamp, ramp } from "./colours.js";
import { byId, copy, el, inView } from "./dom.js";
import { clock, decimals, duration } from "./format.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { Plot, verbatim } from "./plot.js";
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

function lines(wanted, title, type = "linear") {
  return () => {
    const rows = lastAttempt();
    const found = rows.length ? wanted.filter(([key]) => rows.some((at) => series(key)[at] !== null && (type !== "log" || series(key)[at] > 0))) : [];
    if (found.length === 0) return null;
    return {
      traces: found.map(([key, words], at) => ({
        type: "scatter", mode: rows.length > 1 ? "lines" : "markers", name: words, x: rows.map((row) => epochs.epoch[row]), y: rows.map((row) => series(key)[row]),
        line: { color: category(at), width: 2, dash: ["solid", "dash", "dot", "dashdot"][at] }, hovertemplate: `%{y:.4g}<extra>${words}</extra>`,
      })),
      layout: { xaxis: { title: { text: "epoch" }, range: [0, epochs.epochs + 0.5] }, yaxis: { title: { text: title }, type }, showlegend: true, hovermode: "x unified" },
      label: `${found.map(([, words]) => words).join(", ")} over ${rows.length} epochs`,
    };
  };
}

/** One of Fig. S4's two panels: a line a layer, coloured by depth. */
function byLayer(key, title, extra) {
  return () => {
    const rows = lastAttempt();
    const layers = (epochs?.layers ?? []).filter((layer) => rows.some((at) => layer[key]?.[at] !== null));
    if (rows.length === 0 || layers.length === 0) return null;
    return {
      traces: layers.map((layer, depth) => ({
        type: "scatter", mode: rows.length > 1 ? "lines" : "markers", name: verbatim(layer.name), x: rows.map((row) => epochs.epoch[row]), y: rows.map((row) => layer[key][row]),
        line: { color: ramp(depth / Math.max(1, layers.length - 1)), width: 1.5 }, marker: { color: ramp(depth / Math.max(1, layers.length - 1)) },
        hovertemplate: `${verbatim(layer.name)}, epoch %{x}: %{y:.3f}<extra></extra>`,
      })),
      layout: { xaxis: { title: { text: "epoch" }, range: [0, epochs.epochs + 0.5] }, yaxis: { title: { text: title }, ...extra }, showlegend: false, hovermode: "closest" },
      label: `${title} of ${layers.length} layers over ${rows.length} epochs`,
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
  ["learning", lines(SERIES, "loss, error"), epochTable(SERIES), "No epoch has finished yet."],
  ["rates", lines(RATES, "rate", "log"), epochTable(RATES), "No rate was recorded."],
  ["angles", byLayer("angle", "angle (degrees)", { rangemode: "tozero" }), layerTable("angle"), NO_LAYERS],
  ["ratios", byLayer("norm_ratio", "‖B‖ / ‖W‖", { type: "log" }), layerTable("norm_ratio"), NO_LAYERS],
].map(([id, picture, table, none]) => {
  const panel = new Panel(id, `${file}-${id}`);
  panel.offerData(table);
  return { panel, plot: new Plot(panel, picture, none) };
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
    const text = tail.map(({ at, level, text: words }) => `${clock(at)} ${level} ${words}`).join("\n");
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
    for (const { plot } of charts) plot.draw();
    await readLog();
  } while (again);
  busy = false;
}

async function start() {
  try {
    await refresh();
  } catch (error) {
    busy = false;
    if (!error.code) throw error;
    if (trial === null) for (const panel of [summary, metaparameters, attempts, log, ...charts.map((chart) => chart.panel)]) panel.fail(error, start);
    setTimeout(start, 2000);
    return;
  }
  performance.mark("interactive");
  const mine = async (payload) => {
    if (!payload.values?.tid?.includes(tid)) return;
    try {
      await refresh();
    } catch (error) {
      busy = false;
      if (!error.code) throw error;
    }
  };
  follow(() => searchUrl(name, `/stream?since=${trial.rev}`), { change: mine });
  // Log lines change no trial, so the stream is silent about them.
  const look = inView(log.section, readLog);
  setInterval(() => trial.state === "running" && !document.hidden && look(), LOG_MS);
}

byId("log-attempt").addEventListener("change", readLog);
onTheme(paintLegend);
paintLegend();
showSession();
start();
