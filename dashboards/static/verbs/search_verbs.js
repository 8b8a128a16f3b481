// The buttons that change a search, beside those that steer it: one line a verb.

import { ApiError, getJson, post, searchUrl, upload } from "../lib/api.js";
import { NO_WEBHOOK, changedSettings, changedTags, dimensionsOf, enqueueRequest, filled, saidOf, settingsOf } from "../lib/changes.js";
import { ask } from "../lib/dialog.js";
import { announce, byId, el } from "../lib/dom.js";
import { cell } from "../lib/format.js";
import { root } from "../lib/root.js";
import { longerQuestion, openSearch } from "./longer.js";

/** @typedef {Api.SearchSummary} Summary */

/**
 * A change that a search's page offers. `ask` returns the server's response; null if nothing was done.
 *
 * @typedef {object} Verb
 * @property {string} label
 * @property {(summary: Summary) => boolean} offered
 * @property {(summary: Summary) => Promise<Done | null>} ask
 */

/** @typedef {{message: string, summary?: Summary, left_out?: string[]}} Done */

const always = () => true;

/** @type {Verb[]} */
const VERBS = [
  { label: "Settings", offered: ({ changes }) => changes.includes("set"), ask: (summary) => settings(summary, "set") },
  { label: "Extend", offered: ({ changes }) => changes.includes("extend") && !changes.includes("set"), ask: (summary) => settings(summary, "extend") },
  { label: "Enqueue points", offered: always, ask: enqueue },
  { label: "Retry failed", offered: ({ counts }) => counts.failed > 0, ask: retry },
  { label: "Import results", offered: always, ask: importResults },
  { label: "Confirm", offered: ({ best }) => best !== null, ask: confirm },
  { label: "Train the best for longer", offered: ({ best, next }) => best !== null && next !== null, ask: longer },
  { label: "Note and tags", offered: always, ask: mark },
  { label: "Rename", offered: always, ask: rename },
  { label: "Delete", offered: always, ask: remove },
];

/** The latest progress of the search, which the buttons start from. */
let current = /** @type {Summary} */ (/** @type {unknown} */ (null));

/**
 * Show the buttons, if the session may change something.
 *
 * @param {Api.SessionState} session
 * @param {Summary} summary
 * @param {(summary: Summary | null, message: string) => void} onDone
 */
export function showVerbs(session, summary, onDone) {
  current = summary;
  const node = byId("verbs");
  const offered = session.can_steer ? VERBS.filter((each) => each.offered(summary)) : [];
  const wanted = offered.map(({ label }) => label).join();
  if (node.dataset.verbs === wanted) return;
  node.dataset.verbs = wanted;
  node.replaceChildren(...offered.map((verb) => {
    const perform = async () => {
      const done = await verb.ask(current);
      if (done === null) return;
      const said = saidOf(done);
      announce(said);
      onDone(done.summary ?? null, said);
    };
    return el("button", { type: "button", class: verb.ask === remove ? "tool danger" : "tool", onclick: perform, text: verb.label });
  }));
}

/**
 * @param {Summary} summary
 * @param {Summary["changes"][number]} change
 */
function settings(summary, change) {
  const before = settingsOf(summary);
  const over = change === "extend";
  /**
   * @param {string} name
   * @param {string} label
   * @param {string} hint
   * @param {"text" | "datetime-local"} kind
   */
  const field = (name, label, hint, kind = "text") => ({ name, label, hint, kind, value: before[name] });
  return ask({
    title: over ? `Extend ${summary.name}` : `Settings of ${summary.name}`,
    text: over ? "The search goes on to this number of trials, under these rules." : "A running search has them within a second. An emptied rule is removed.",
    action: over ? "Extend" : "Set",
    fields: [
      field("trials", "trials", "with a result, in all"),
      field("parallel", "parallel", "trials at once"),
      field("priority", "priority", "one step up doubles the share of the cluster"),
      field("until", "until", "no trial begins later", "datetime-local"),
      field("timeout", "timeout", "driven for at most, like 12h"),
      field("stop_at", "stop at", `${summary.metric.label} that is good enough`),
      field("patience", "patience", "trials without a better one"),
      field("max_failures", "max failures", `usually ${summary.limits.failures_allowed}`),
      field("notify", "webhook", `address of another one, or ${NO_WEBHOOK}; the one that it has is not shown`),
    ],
    send: (values) => {
      const body = changedSettings(before, values);
      // A search that was stopped early goes on to the number that it had, so that is always sent.
      return post(searchUrl(summary.name, `/${change}`), over ? { ...body, ...filled({ trials: values.trials }) } : body);
    },
  });
}

/** @param {Summary} summary */
async function enqueue({ name }) {
  /** @type {Api.SearchDetail} */
  const { space } = await getJson(searchUrl(name));
  return ask({
    title: `Enqueue points in ${name}`,
    text: "They are tried before the search suggests others, and count towards its trials. Fill in one point, or use one of the sources below.",
    action: "Enqueue",
    fields: [
      ...dimensionsOf(space.parameters).map(({ parameter, field }) => dimension(parameter, field)),
      { name: "table", label: "points as CSV", kind: "area", hint: "a header with the dimensions, then one point a line" },
      { name: "file", label: "file of points", kind: "file", hint: "CSV, or a JSON object a line" },
      { name: "from_search", label: "best of search", hint: "name of another search" },
      { name: "top", label: "how many", hint: "of its best points; 5 if empty" },
      { name: "published", label: "published columns of the space", kind: "checkbox" },
    ],
    send: (values, { file }) => sendOne(name, "/points", enqueueRequest(space.parameters, values), file),
  });
}

/**
 * @param {Api.Parameter} parameter
 * @param {string} field
 * @returns {import("../lib/dialog.js").Field}
 */
function dimension({ label, options, text, when }, field) {
  const hint = when ? `${text}; used if ${when}` : text;
  if (options === null || options === undefined) return { name: field, label, hint };
  const choices = options.map((option, at) => ({ value: String(at), text: cell(option) }));
  return { name: field, label, hint, kind: "choice", options: [{ value: "", text: "" }, ...choices] };
}

/** @param {Summary} summary */
function retry({ name, counts }) {
  return ask({
    title: `Retry the failed trials of ${name}?`,
    text: `${counts.failed} failed. Each is tried again as a new trial, if it wasn't yet; having failed, it spends nothing of the budget.`,
    action: "Retry",
    send: () => post(searchUrl(name, "/retry")),
  });
}

/** @param {Summary} summary */
function importResults({ name }) {
  return ask({
    title: `Import results into ${name}`,
    text: "Finished trials from elsewhere. The search learns from them; they spend nothing of its budget.",
    action: "Import",
    fields: [
      { name: "table", label: "results as CSV", kind: "area", hint: "a column for each dimension and one for the loss, as `alignsearch trials --csv` prints them" },
      { name: "file", label: "file of results", kind: "file" },
      { name: "format", label: "format of the file", kind: "choice", options: [{ value: "csv", text: "CSV" }, { value: "optuna", text: "Optuna's SQLite file" }] },
      { name: "study", label: "study", hint: "of Optuna's, or exp_key of MongoTrials, where there are several" },
      { name: "mongotrials", label: "address of MongoTrials", hint: "mongo://HOST:PORT/DATABASE/jobs; on a dashboard without logins" },
    ],
    send: ({ table, format, study, mongotrials }, { file }) => {
      const given = Object.entries({ table, mongotrials, exp_key: file ? "" : study });
      const body = Object.fromEntries(given.filter(([, text]) => text !== ""));
      return sendOne(name, "/results", body, file, { format, study });
    },
  });
}

/**
 * Send what was filled in, or the chosen file. The server refuses two sources at once; so does this.
 *
 * @param {string} name
 * @param {string} rest path of the endpoint below the search
 * @param {object} body
 * @param {File | undefined} file
 * @param {Record<string, string>} [parameters] what the endpoint is to know about the file
 */
async function sendOne(name, rest, body, file, parameters) {
  if (!file) return post(searchUrl(name, rest), body);
  if (Object.keys(body).length) throw new ApiError(0, { code: "invalid", message: "Give the file alone, or leave it out.", field: "file" });
  return upload(searchUrl(name, `${rest}/file`), file, parameters);
}

/** @param {Summary} summary */
function confirm({ name }) {
  return ask({
    title: `Confirm the best of ${name}`,
    text: "The best trials are repeated on fresh seeds, in slots that have nothing left to do. With both fields empty, this takes at most a tenth of the search's cost.",
    action: "Confirm",
    fields: [
      { name: "top", label: "top", hint: "number of trials to repeat" },
      { name: "seeds", label: "seeds", hint: "repetitions of each at most" },
    ],
    send: (values) => post(searchUrl(name, "/confirm"), filled(values)),
  });
}

/** @param {Summary} summary */
async function longer({ name }) {
  openSearch(await ask(longerQuestion(name, null)));
  return null;
}

/** @param {Summary} summary */
function mark({ name, note, tags }) {
  return ask({
    title: `Note and tags of ${name}`,
    action: "Save",
    fields: [
      { name: "note", label: "note", kind: "area", value: note },
      { name: "tags", label: "tags", value: tags.join(" "), hint: "spaces between them" },
    ],
    send: async (values) => {
      /** @type {Done} */
      let done = { message: "nothing has changed" };
      const changed = changedTags(tags, values.tags);
      if (changed) done = await post(searchUrl(name, "/tags"), changed);
      if (values.note !== note) done = await post(searchUrl(name, "/note"), { note: values.note });
      return done;
    },
  });
}

/** @param {Summary} summary */
async function rename({ name }) {
  openSearch(await ask({
    title: `Rename ${name}`,
    text: "Its checkpoints stay where they are.",
    action: "Rename",
    fields: [{ name: "name", label: "new name", value: name }],
    send: (values) => post(searchUrl(name, "/rename"), { name: values.name }),
  }));
  return null;
}

/** @param {Summary} summary */
async function remove({ name }) {
  /** @type {Api.Deleted | null} */
  const done = await ask({
    title: `Delete ${name}?`,
    text: "Its trials, epochs, logs, events and checkpoints go with it, for good. Type its name to delete it.",
    action: "Delete",
    danger: true,
    fields: [{ name: "name", label: "name of the search" }],
    send: (values) => {
      if (values.name !== name) throw new ApiError(0, { code: "name", message: `This isn't the search's name, ${name}.`, field: "name" });
      return post(searchUrl(name, "/delete"));
    },
  });
  if (done === null) return null;
  if (done.left) await ask({ title: done.message, text: done.left, action: "To the searches", send: async () => true });
  location.href = `${root}/`;
  return null;
}
