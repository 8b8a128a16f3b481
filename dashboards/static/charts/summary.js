// Where a search stands: its figures, and the buttons that steer it.

import { post, searchUrl, trialPage } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { announce, byId, el } from "../lib/dom.js";
import { clock, decimals, duration } from "../lib/format.js";
import { kindsOf } from "../lib/metric.js";
import { big, fact } from "../lib/panel.js";

/** @typedef {Api.SearchSummary["steps"][number]} Verb */

/** @type {Record<Verb, {title: string, text: string, final: boolean}>} */
const VERBS = {
  pause: { title: "Pause", text: "No new trials begin; running ones finish.", final: false },
  resume: { title: "Resume", text: "Trials begin again.", final: false },
  stop: { title: "Stop", text: "This is final: no new trials begin, and the search ends once its running ones have finished.", final: true },
  cancel: { title: "Cancel", text: "This is final: the search and its running trials end now.", final: true },
};

/**
 * A bar of a search's trials with a part for each kind. Queued trials are left blank.
 *
 * @param {Api.SearchSummary} summary
 */
export function progressBar(summary) {
  const total = summary.trials;
  let left = 0;
  const kinds = kindsOf(summary);
  const parts = kinds.filter(({ kind }) => kind !== "queued").map(({ kind, count }) => {
    const width = (100 * count) / total;
    const part = el("rect", { x: left, y: 0, width, height: 10, "data-state": kind }, el("title", { text: `${count} ${kind}` }));
    left += width;
    return part;
  });
  const words = kinds.map(({ kind, count }) => `${count} ${kind}`);
  return el("svg", {
    class: "progress", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img",
    "aria-label": `of ${total} trials ${words.join(", ") || "none begun"}`,
  }, parts);
}

/**
 * A search's status with its colour.
 *
 * @param {Api.SearchSummary} summary
 */
export function statusPill(summary) {
  const text = summary.stop_requested && summary.status === "running" ? "stopping" : summary.status;
  return el("span", { class: "pill", "data-state": summary.status, text });
}

/**
 * Show a search's figures in a panel.
 *
 * @param {import("../lib/panel.js").Panel} panel
 * @param {Api.SearchSummary} summary
 */
export function showSummary(panel, summary) {
  const { best, metric, nearest } = summary;
  byId("status").replaceChildren(statusPill(summary));
  const tally = kindsOf(summary).map(({ kind, count }) =>
    el("span", { class: "pill small", "data-state": kind, text: `${count} ${kind}` }));
  const over = summary.steps.length === 0;
  panel.show().replaceChildren(
    el("dl", { class: "facts" },
      best
        ? fact(`best ${metric.label}`, big(decimals(best.value)), " ", el("a", { href: trialPage(summary.name, best.tid), text: `trial ${best.tid}` }), confirmedBy(best))
        : fact(`best ${metric.label}`, big(nearest ? "none" : "none yet"), nearest ? nearestTo(summary.name, nearest) : ""),
      summary.metrics.length > 1 ? fact("metrics", summary.metrics.map(({ label, direction }) => `${label} (${direction}d)`).join(", ")) : null,
      summary.constraints.length ? fact("constraints", summary.constraints.join(", ")) : null,
      fact("finished", big(`${summary.finished} / ${summary.trials}`)),
      fact("slots busy", big(`${summary.busy} / ${summary.parallel}`)),
      fact("time left", big(over ? "over" : summary.seconds_left === null ? "not known" : duration(summary.seconds_left))),
      fact("space", summary.space),
      fact("objective", summary.objective),
      fact("suggestions", `${summary.algo}, seed ${summary.seed}`),
      summary.prior === null ? null : fact("prior", summary.prior),
      summary.chance === null ? null : fact("guessing", decimals(summary.chance)),
      fact("owner", summary.owner),
      fact("begun", clock(summary.created_at))),
    progressBar(summary),
    el("p", { class: "row" }, tally.length ? tally : el("span", { class: "small muted", text: "no trial yet" })),
    over
      ? el("p", { class: "small muted", text: summary.error ?? summary.ending ?? "" })
      : el("p", { class: "small" }, el("span", { class: "muted", text: "Waits for " }), summary.waits_for),
    ...Object.values(summary.limits.progress).map((text) => el("p", { class: "small muted", text })),
    ...marks(summary),
  );
}

/**
 * The trial that comes nearest to the constraints where none keeps them.
 *
 * @param {string} name of the search
 * @param {Api.BestTrial} nearest
 */
function nearestTo(name, nearest) {
  return el("span", { class: "small muted" }, " keeps the constraints; nearest ", el("a", { href: trialPage(name, nearest.tid), text: `trial ${nearest.tid}` }));
}

/** @param {Api.BestTrial} best */
function confirmedBy({ seeds, low, high }) {
  if (seeds === null || seeds === undefined) return "";
  const interval = low === null || low === undefined ? "" : `, 95 % interval ${decimals(low)} to ${decimals(high)}`;
  return el("span", { class: "small muted", text: ` mean of ${seeds} fresh seeds${interval}` });
}

/** @param {Api.SearchSummary} summary */
function marks({ note, tags }) {
  return [
    note ? el("p", { class: "note", text: note }) : "",
    tags.length ? el("p", { class: "row", "aria-label": "Tags" }, tags.map(tagLink)) : "",
  ];
}

/**
 * A link to the searches with a tag.
 *
 * @param {string} tag
 */
export const tagLink = (tag) => el("a", { class: "tag", href: `/?${new URLSearchParams({ tag })}`, text: tag });

/**
 * Show the buttons that the search's status allows, if the session may steer.
 *
 * @param {Api.SessionState} session
 * @param {Api.SearchSummary} summary
 * @param {(summary: Api.SearchSummary | null, message: string) => void} onDone
 */
export function showSteering(session, summary, onDone) {
  const node = byId("steering");
  if (!session.can_steer) {
    node.replaceChildren(session.why ? el("span", { class: "small muted", text: session.why }) : "");
    return;
  }
  const wanted = summary.steps.join();
  if (node.dataset.steps === wanted) return;
  node.dataset.steps = wanted;
  node.replaceChildren(...summary.steps.map((verb) => {
    const { title, final } = VERBS[verb];
    return el("button", { type: "button", class: final ? "danger" : null, onclick: () => steer(summary.name, verb, onDone), text: title });
  }));
}

/**
 * @param {string} name
 * @param {Verb} verb
 * @param {(summary: Api.SearchSummary | null, message: string) => void} onDone
 */
async function steer(name, verb, onDone) {
  const { title, text, final } = VERBS[verb];
  /** @type {Api.Steered | null} */
  const done = await ask({ title: `${title} ${name}?`, text, action: title, danger: final, send: () => post(searchUrl(name, `/${verb}`)) });
  if (done === null) return;
  announce(done.message);
  onDone(done.summary, done.message);
}
