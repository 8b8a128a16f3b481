// The dialog that trains a trial for longer, on the pages of searches and of trials.

import { post, searchUrl } from "../lib/api.js";
import { filled } from "../lib/changes.js";

/**
 * The question whose response is a search that trains a trial for longer.
 *
 * @param {string} name of the search
 * @param {number | null} tid of the trial; null for the best one
 * @returns {import("../lib/dialog.js").Question<Api.Submitted>}
 */
export const longerQuestion = (name, tid) => ({
  title: `Train ${tid === null ? "the best trial" : `trial ${tid}`} of ${name} for longer`,
  text: "This submits a search of its own, with one training for each seed.",
  action: "Submit",
  fields: [
    { name: "epochs", label: "epochs", hint: "of each training; 100 if empty" },
    { name: "seeds", label: "seeds", hint: "number of trainings; 5 if empty" },
  ],
  send: (values) => post(searchUrl(name, "/longer"), { tid, ...filled(values) }),
});

/**
 * Open the page of the search that a response names, if there is one.
 *
 * @param {Api.Submitted | null} submitted
 */
export function openSearch(submitted) {
  if (submitted) location.href = submitted.href;
}
