// Kinds of searches that need a word beside their name: rehearsals, an experiment's runs, and searches
// over a definition that is not known here.

import { el } from "./dom.js";

/**
 * The words beside a search's name, with what each means.
 *
 * @param {Pick<Api.SearchSummary, "kind" | "rehearsal">} summary
 * @returns {{text: string, meaning: string}[]}
 */
export function kindsInWords({ kind, rehearsal }) {
  const found = [];
  if (rehearsal) found.push({ text: "rehearsal", meaning: "Nothing was trained: the numbers are made up by a formula." });
  if (kind === "runs") found.push({ text: "experiment's runs", meaning: "An experiment chose these trainings; nothing is sampled." });
  if (kind === "unknown") found.push({ text: "unknown definition", meaning: "Its definition is not known here, so values are shown as they are stored." });
  return found;
}

/**
 * These words as labels.
 *
 * @param {Pick<Api.SearchSummary, "kind" | "rehearsal">} summary
 */
export const kindTags = (summary) => kindsInWords(summary).map(({ text, meaning }) => el("span", { class: "tag kind", title: meaning, text }));
