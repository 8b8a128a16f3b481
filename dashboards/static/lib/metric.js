// The number by which trials are compared: its direction, and words for what has none.

/** @typedef {Api.SearchSummary["metric"]} Metric */

/**
 * A stored loss as the metric that people know. Losses are always minimized, so a metric that is
 * maximized is stored with the opposite sign.
 *
 * @param {Metric} metric
 * @param {number} loss
 */
export const shown = ({ direction }, loss) => (direction === "maximize" ? -loss : loss);

/**
 * A number of trials in words: "1 trial", "8 trials".
 *
 * @param {number} count
 */
export const trialsInWords = (count) => (count === 1 ? "1 trial" : `${count} trials`);

/** @typedef {{kind: string, count: number}} Kind */

/**
 * The trials of a search by kind, in the order in which a bar shows them. A trial that diverged has
 * ended without a result, so it is a kind of its own beside those that completed.
 *
 * @param {Pick<Api.SearchSummary, "counts" | "diverged">} summary
 * @returns {Kind[]} without kinds that have no trial
 */
export function kindsOf({ counts, diverged }) {
  const all = { ...counts, completed: counts.completed - diverged, diverged };
  const order = /** @type {const} */ (["completed", "diverged", "failed", "pruned", "cancelled", "running", "queued"]);
  return order.map((kind) => ({ kind, count: all[kind] })).filter(({ count }) => count > 0);
}

/**
 * Why a search has no result to draw yet.
 *
 * @param {Api.SearchSummary} summary
 */
export function whyNoResult(summary) {
  const kinds = kindsOf(summary);
  if (kinds.length === 0) return "No trial has begun yet.";
  const ended = kinds.filter(({ kind }) => kind !== "running" && kind !== "queued");
  if (ended.length === 0) return "No trial has finished yet.";
  return `No trial has finished with a result: ${ended.map(({ kind, count }) => `${count} ${kind}`).join(", ")}.`;
}
