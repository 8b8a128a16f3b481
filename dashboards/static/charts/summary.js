// Where a search stands: its figures, and the buttons that steer it.

import { post, searchUrl, trialPage } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { announce, byId, el } from "../lib/dom.js";
import { clock, decimals, duration } from "../lib/format.js";
import { kindTags, kindsInWords } from "../lib/kinds.js";
import { kindsOf } from "../lib/metric.js";
import { big, fact } from "../lib/panel.js";
import { root } from "../lib/root.js";

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
  const kinds = kindsOf(summary);
  const parts = kinds.filter(({ kind }) => kind !== "queued").map(({ kind, count }) => {
    const part = el("span", { "data-state": kind, title: `${count} ${kind}` });
    part.style.width = `${(100 * count) / total}%`;
    return part;
  });
  const words = kinds.map(({ kind, count }) => `${count} ${kind}`);
  const label = `of ${total} trials ${words.join(", ") || "none begun"}`;
  return el("span", { class: "progress", role: "img", "aria-label": label }, parts);
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
 * The number of trials that diverged, with their colour and shape; "" if none did.
 *
 * @param {Api.SearchSummary} summary
 */
export const divergedPill = ({ diverged }) => (diverged ? el("span", { class: "pill", "data-state": "diverged", text: `${diverged} diverged` }) : "");

/**
 * Show a search's figures in a panel.
 *
 * @param {import("../lib/panel.js").Panel} panel
 * @param {Api.SearchSummary} summary
 */
export function showSummary(panel, summary) {
  const { metric } = summary;
  byId("status").replaceChildren(statusPill(summary));
  byId("kinds").replaceChildren(...kindTags(summary));
  byId("diverged").replaceChildren(divergedPill(summary));
  const tally = kindsOf(summary).map(({ kind, count }) =>
    el("span", { class: "pill small", "data-state": kind, text: `${count} ${kind}` }));
  const over = summary.steps.length === 0;
  panel.show().replaceChildren(
    el("dl", { class: "numbers" },
      fact(`best ${metric.label}`, bestNumber(summary)),
      fact("done", number(summary.finished, `of ${summary.trials} trials`), more(`${summary.busy} of ${summary.parallel} slots busy`)),
      fact("diverged and failed", troubles(summary)),
      fact("time left", big(over ? "over" : summary.seconds_left === null ? "not known" : duration(summary.seconds_left)), over ? more(summary.error ?? summary.ending ?? "") : "")),
    progressBar(summary),
    el("p", { class: "row tally" }, tally.length ? tally : el("span", { class: "small muted", text: "no trial yet" })),
    over ? "" : el("p", { class: "small" }, el("span", { class: "muted", text: "Waits for " }), summary.waits_for),
    ...Object.entries(summary.limits.progress).filter(([rule]) => rule !== "trials").map(([, text]) => el("p", { class: "small muted", text })),
    el("dl", { class: "facts" },
      summary.metrics.length > 1 ? fact("metrics", summary.metrics.map(({ label, direction }) => `${label} (${direction}d)`).join(", ")) : null,
      summary.constraints.length ? fact("constraints", summary.constraints.join(", ")) : null,
      fact("space", summary.space),
      fact("objective", summary.objective),
      fact("suggestions", `${summary.algo}, seed ${summary.seed}`),
      summary.prior === null ? null : fact("prior", summary.prior),
      summary.chance === null ? null : fact("guessing", decimals(summary.chance)),
      fact("owner", summary.owner),
      fact("begun", clock(summary.created_at))),
    ...kindsInWords(summary).map(({ text, meaning }) => el("p", { class: "small" }, el("strong", { text }), `: ${meaning}`)),
    ...marks(summary),
  );
}

/** @param {string} text */
const more = (text) => el("div", { class: "small muted", text });

/**
 * A large number and the words behind it.
 *
 * @param {number} value
 * @param {string} words
 */
const number = (value, words) => el("span", {}, big(String(value)), ` ${words}`);

/**
 * The best trial's metric and its interval, or why there is none.
 *
 * @param {Api.SearchSummary} summary
 * @returns {(Element | string)[]}
 */
function bestNumber({ name, best, nearest }) {
  if (best) return [big(decimals(best.value)), " ", el("a", { href: trialPage(name, best.tid), text: `trial ${best.tid}` }), " ", confirmedBy(best)];
  return nearest ? [big("none"), nearestTo(name, nearest)] : [big("none yet")];
}

/**
 * How many trials diverged and how many failed, and the way to their reasons.
 *
 * @param {Api.SearchSummary} summary
 */
function troubles({ diverged, counts: { failed } }) {
  /**
   * @param {string} state
   * @param {number} count
   */
  const part = (state, count) => el("span", { class: "pill", "data-state": count ? state : "none" }, number(count, state));
  const why = diverged + failed ? el("div", { class: "small" }, el("a", { href: "#failures", text: "why" })) : "";
  return [part("diverged", diverged), " ", part("failed", failed), why];
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
  return more(`mean of ${seeds} fresh seeds${interval}`);
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
export const tagLink = (tag) => el("a", { class: "tag", href: `${root}/?${new URLSearchParams({ tag })}`, text: tag });

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
