// The buttons that steer one trial: cancel, retry, retrain.

import { post, searchUrl } from "../lib/api.js";
import { saidOf } from "../lib/changes.js";
import { ask } from "../lib/dialog.js";
import { announce, byId, el } from "../lib/dom.js";
import { page } from "../lib/shell.js";
import { longerQuestion, openSearch } from "./longer.js";

/** @typedef {Api.TrialDetail} Trial */

/**
 * A change that a trial's page offers. `ask` returns the server's response; null if nothing was done.
 *
 * @typedef {object} Verb
 * @property {string} label
 * @property {(trial: Trial) => boolean} offered
 * @property {(trial: Trial) => Promise<{message: string, left_out?: string[]} | null>} ask
 */

// A trial that ended so has a training that can be done again.
const ENDED = new Set(["completed", "pruned"]);

/** @type {Verb[]} */
const VERBS = [
  { label: "Cancel", offered: ({ state }) => state === "queued" || state === "running", ask: cancel },
  { label: "Retry", offered: ({ state }) => state === "failed" || state === "cancelled", ask: retry },
  { label: "Retrain", offered: ({ state }) => ENDED.has(state) && page.longer !== undefined, ask: longer },
];

/**
 * Show the buttons that the trial's state allows, if the session may steer.
 *
 * @param {Api.SessionState | null} session
 * @param {Trial} trial
 * @param {(message: string) => void} onDone
 */
export function showTrialVerbs(session, trial, onDone) {
  const offered = session?.can_steer ? VERBS.filter((each) => each.offered(trial)) : [];
  const node = byId("steering");
  const wanted = offered.map(({ label }) => label).join();
  if (node.dataset.verbs === wanted) return;
  node.dataset.verbs = wanted;
  node.replaceChildren(...offered.map((verb) => {
    const perform = async () => {
      const done = await verb.ask(trial);
      if (done === null) return;
      announce(saidOf(done));
      onDone(saidOf(done));
    };
    return el("button", { type: "button", class: verb.ask === cancel ? "tool danger" : "tool", onclick: perform, text: verb.label });
  }));
}

/** @param {Trial} trial */
function cancel({ search, tid }) {
  return ask({
    title: `Cancel trial ${tid} of ${search}?`,
    text: "It ends now; the search goes on with another trial in its place.",
    action: "Cancel the trial",
    danger: true,
    send: () => post(searchUrl(search, `/trials/${tid}/cancel`)),
  });
}

/** @param {Trial} trial */
function retry({ search, tid }) {
  return ask({
    title: `Retry trial ${tid} of ${search}?`,
    text: "Its point is tried again, as a new trial.",
    action: "Retry",
    send: () => post(searchUrl(search, "/retry"), { tids: [tid] }),
  });
}

/** @param {Trial} trial */
async function longer({ search, tid }) {
  openSearch(await ask(longerQuestion(search, tid)));
  return null;
}
