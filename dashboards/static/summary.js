// Where a search stands: what it shows and the verbs that steer it.

import { post, searchUrl, trialPage } from "./api.js";
import { announce, byId, el } from "./dom.js";
import { clock, decimals, duration } from "./format.js";
import { confirm, page } from "./shell.js";

const STATES = ["completed", "failed", "pruned", "cancelled", "running", "queued"];
const VERBS = {
  pause: ["Pause", "No new trials begin; running ones finish.", false],
  resume: ["Resume", "Trials begin again.", false],
  stop: ["Stop", "This is final: no new trials begin, and the search ends once its running ones have finished.", true],
  cancel: ["Cancel", "This is final: the search and its running trials end now.", true],
};

/** A bar of `total` trials, a part for each state. */
export function progressBar(counts, total) {
  let left = 0;
  const parts = STATES.filter((state) => counts[state] && state !== "queued").map((state) => {
    const width = (100 * counts[state]) / total;
    const part = el("rect", { x: left, y: 0, width, height: 10, "data-state": state }, el("title", { text: `${counts[state]} ${state}` }));
    left += width;
    return part;
  });
  const words = STATES.filter((state) => counts[state]).map((state) => `${counts[state]} ${state}`);
  return el("svg", {
    class: "progress", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img",
    "aria-label": `of ${total} trials ${words.join(", ") || "none begun"}`,
  }, parts);
}

export function stateOf(summary) {
  const text = summary.stop_requested && summary.status === "running" ? "stopping" : summary.status;
  return el("span", { class: "pill", "data-state": summary.status, text });
}

function fact(title, ...content) {
  return el("div", {}, el("dt", { text: title }), el("dd", {}, content));
}

const big = (text) => el("span", { class: "big", text });

/** Show the summary in `panel`. */
export function showSummary(panel, summary) {
  const { counts, best } = summary;
  byId("status").replaceChildren(stateOf(summary));
  const tally = STATES.filter((state) => counts[state]).map((state) =>
    el("span", { class: "pill small", "data-state": state, text: `${counts[state]} ${state}` }));
  const over = summary.steps.length === 0;
  panel.show().replaceChildren(
    el("dl", { class: "facts" },
      fact("best error", best
        ? [big(decimals(best.loss)), " ", el("a", { href: trialPage(summary.name, best.tid), text: `trial ${best.tid}` })]
        : big("none yet")),
      fact("finished", big(`${summary.finished} / ${summary.trials}`)),
      fact("slots busy", big(`${summary.busy} / ${summary.parallel}`)),
      fact("time left", big(over ? "over" : summary.seconds_left === null ? "not known" : duration(summary.seconds_left))),
      fact("space", summary.space),
      fact("trains", `${summary.model}, width ${summary.width}, ${summary.dataset}, ${summary.epochs} epochs`),
      fact("suggestions", `${summary.algo}, seed ${summary.seed}`),
      summary.chance === null ? null : fact("guessing", decimals(summary.chance)),
      fact("owner", summary.owner),
      fact("begun", clock(summary.created_at))),
    progressBar(counts, summary.trials),
    el("p", { class: "row" }, tally.length ? tally : el("span", { class: "small muted", text: "no trial yet" })),
    over
      ? el("p", { class: "small muted", text: summary.error ?? "" })
      : el("p", { class: "small" }, el("span", { class: "muted", text: "Waits for " }), summary.waits_for),
  );
}

/** Offer the verbs that the search's state allows, to those who may steer. */
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
    const [title, text, danger] = VERBS[verb];
    return el("button", { type: "button", class: danger ? "danger" : null, onclick: () => steer(verb, title, text, danger, onDone), text: title });
  }));
}

async function steer(verb, title, text, danger, onDone) {
  if (!(await confirm(`${title} ${page.name}?`, text, title, danger))) return;
  try {
    const { message, summary } = await post(searchUrl(page.name, `/${verb}`));
    announce(message);
    onDone(summary, message);
  } catch (error) {
    if (!error.code) throw error;
    onDone(null, error.message);
  }
}
