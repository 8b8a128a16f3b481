// Charts of the metaparameters' importance, and of the mean score by each option of a choice; of the
// paper's searches, by each answer to the questions of Fig. S2 of Kunin et al. 2020 (A to I).

import { searchUrl } from "../lib/api.js";
import { around } from "../lib/brushes.js";
import { SIGNS } from "../lib/canvas.js";
import { category } from "../lib/colours.js";
import { clipped, decimals } from "../lib/format.js";
import { trialsInWords } from "../lib/metric.js";
import { extent, numberScale, roomy } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { choose } from "./points.js";
import { Polled } from "./polled.js";
import { RowChart } from "./rows.js";

// While the server computes, the page asks again this often.
const RETRY_MS = 1000;
// A longer option would cover its neighbours.
const LONGEST_OPTION = 14;
// A bar filters the page by where the best trials lie: this share of them, and so many at least.
const BEST = 0.1;
const FEWEST_BEST = 3;

/**
 * Fill the panels "importance" and "categorical".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, panels) => new Importance(page, panels);

/**
 * Both charts, from one endpoint.
 *
 * @extends {Polled<Api.Importances>}
 */
class Importance extends Polled {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel[]} panels
   */
  constructor({ trials, brushes }, panels) {
    super(panels, searchUrl(trials.name, "/importance"));
    this.trials = trials;
    this.brushes = brushes;
    this.waiting = 0;
    /** Column of the metric that is explained. */
    this.explained = trials.score.name;
    if (trials.metrics.length > 1) this.#addMetrics(panels[0]);
    const [shares, scores] = panels;
    this.bars = new RowChart(shares, () => sharesPicture(this.data?.importance ?? [], ({ column }) => this.#filter(column, this.#whereBest(column))), "No metaparameter explains any of the variance.");
    this.points = new RowChart(scores, () => (this.data ? scoresPicture(this.data, (column, options) => this.#filter(column, options.length ? new Set(options) : null)) : null), "No choice has been tried with two options.");
    shares.offerData(() => ({
      headings: ["metaparameter", "share of variance", "sd", "trials"],
      rows: (this.data?.importance ?? []).map(({ label, importance, sd, trials: used }) => [label, importance, sd, used]),
    }));
    brushes.onChange(() => {
      if (this.data?.state !== "ready") return;
      this.bars.draw();
      this.points.draw();
    });
    scores.offerData(() => ({
      headings: ["letter", "metaparameter", "question", "answer", "trials", `mean ${this.data?.score_label ?? "score"}`, "SEM"],
      rows: (this.data?.categorical ?? []).flatMap(({ letter, label, question, values }) =>
        values.map(({ option, count, mean, sem }) => [letter, label, question, option, count, mean, sem])),
    }));
  }

  /**
   * Add a select of the metric to explain, which the URL keeps.
   *
   * @param {import("./chart.js").Panel} panel
   */
  #addMetrics(panel) {
    const url = this.url;
    const options = this.trials.metrics.map(({ name, title }) => ({ name, title }));
    const select = { id: "importance-metric", label: "of", key: "of", options, otherwise: options[0].name };
    const chosen = choose(panel, select, () => {
      ask();
      this.data = undefined;
      for (const each of this.panels) each.loading();
      this.load();
    });
    const ask = () => {
      this.explained = chosen();
      this.url = chosen() === options[0].name ? url : `${url}?${new URLSearchParams({ metric: chosen() })}`;
    };
    ask();
  }

  /**
   * The effect of a mark of a column: it filters the page by a brush, or no longer.
   *
   * @param {string | null} column
   * @param {import("../lib/brushes.js").Brush | null} brush
   * @returns {{act: (() => void) | null, held: boolean}}
   */
  #filter(column, brush) {
    const options = column === null ? null : this.trials.columns.get(column)?.options;
    const filters = brush !== null && !(brush instanceof Set && brush.size === options?.length);
    if (column === null || !filters || !this.trials.columns.has(column)) return { act: null, held: false };
    return { act: () => this.brushes.toggle(column, brush), held: this.brushes.has(column, brush) };
  }

  /** The trials that are the best by the metric that is explained. */
  #best() {
    const { trials } = this;
    const at = trials.metrics.findIndex(({ name }) => name === this.explained);
    const ranked = at > 0 ? this.#rankedBy(trials.metrics[at].name, trials.summary.metrics[at].direction) : trials.ranked(trials.scored);
    return ranked.slice(0, Math.max(FEWEST_BEST, Math.ceil(BEST * ranked.length)));
  }

  /**
   * Rows by a further metric, the best first.
   *
   * @param {string} column
   * @param {"minimize" | "maximize"} direction
   */
  #rankedBy(column, direction) {
    const numbers = this.trials.values[column];
    const sign = direction === "maximize" ? -1 : 1;
    /** @param {number} row */
    const loss = (row) => sign * (numbers[row] ?? NaN);
    return this.trials.scored.filter((row) => numbers[row] !== null).sort((a, b) => loss(a) - loss(b));
  }

  /**
   * Where the best trials have a column's values.
   *
   * @param {string} column
   */
  #whereBest(column) {
    const { trials } = this;
    if (!trials.columns.has(column)) return null;
    const values = this.#best().map((row) => trials.values[column][row]).filter((value) => value !== null);
    return trials.column(column).options ? new Set(values) : around(values);
  }

  /** Read again once the search has as many results as the server waits for. */
  update() {
    if (this.data === undefined || this.trials.scored.length >= this.data.again_at) this.readAgain();
  }

  /** @override */
  async load() {
    await super.load();
    if (this.data === undefined) return;
    const { state, again_at: at, trials } = this.data;
    const outdated = state === "ready" && this.trials.scored.length >= at && trials < at;
    if (state !== "computing" && !outdated) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.load(), RETRY_MS);
  }

  /**
   * @override
   * @param {Api.Importances} before
   * @param {Api.Importances} now
   */
  differs(before, now) {
    return before.state !== now.state || before.rev !== now.rev || now.state === "too_few";
  }

  /**
   * @override
   * @param {Api.Importances} data
   */
  show({ state, message }) {
    if (state === "ready") {
      this.bars.draw();
      this.points.draw();
    } else if (state === "too_few") {
      for (const panel of this.panels) panel.empty(message);
    }
  }
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** @typedef {{act: (() => void) | null, held: boolean}} Filter */

/**
 * @param {Api.ParameterImportance[]} found
 * @param {(share: Api.ParameterImportance) => Filter} filterOf
 * @returns {import("./rows.js").Rows | null}
 */
function sharesPicture(found, filterOf) {
  if (found.length === 0) return null;
  const most = Math.max(...found.map(({ importance, sd }) => importance + sd));
  const scale = numberScale(0, Math.min(1, 1.05 * most) || 1);
  return {
    names: found.map(({ label }) => label),
    marks: found.map((share, row) => {
      const { label, importance, sd, trials } = share;
      const filter = filterOf(share);
      const does = filter.held ? "\nclick: no longer filter by it" : "\nclick: filter by where the best trials have it";
      return {
        row, from: 0, value: importance, low: Math.max(0, importance - sd), high: Math.min(scale.high, importance + sd),
        shade: colour("accent"), text: `${label}: ${percent(importance)}, over ${trialsInWords(trials)}${filter.act ? does : ""}`, ...filter,
      };
    }),
    x: { ...scale, ticks: (count) => scale.ticks(count).map(({ at }) => ({ at, text: percent(scale.value(at)) })) },
    xTitle: "share of variance",
    label: `Importance: ${found.slice(0, 3).map(({ label, importance }) => `${label} ${percent(importance)}`).join(", ")}`,
  };
}

/**
 * @param {Api.Importances} data
 * @param {(column: string | null, options: number[]) => Filter} filterOf
 * @returns {import("./rows.js").Rows | null}
 */
function scoresPicture({ categorical, score_label: score }, filterOf) {
  const found = categorical.filter(({ values }) => values.some(({ mean }) => mean !== null));
  if (found.length === 0) return null;
  // Answers to questions have names in common, so that a legend tells them; options have their own.
  const asked = found.every(({ question }) => question);
  const marks = found.flatMap(({ label, question, column, values }, row) =>
    values.flatMap(({ option, count, mean, sem, options }, kind) => {
      if (mean === null) return [];
      const answer = question ? `${question}? ${option}` : `${label} = ${option}`;
      const filter = filterOf(column, options);
      const does = filter.held ? "\nclick: no longer filter by it" : "\nclick: filter by it";
      const text = `${answer}: ${decimals(mean)}, SEM ${decimals(sem ?? 0)}, ${trialsInWords(count)}${filter.act ? does : ""}`;
      const word = asked ? "" : clipped(option, LONGEST_OPTION);
      return [{ row, value: mean, low: mean - (sem ?? 0), high: mean + (sem ?? 0), shade: category(kind), kind, word, text, option, ...filter }];
    }));
  const answers = new Map(marks.map(({ kind, option }) => [kind, option]));
  const [low] = extent(marks, (each) => each.low);
  const [, high] = extent(marks, (each) => each.high);
  return {
    names: found.map(({ letter, label }) => `${letter ? `${letter}: ` : ""}${label}`),
    marks,
    x: roomy(low, high),
    xTitle: `mean ${score}`,
    label: `Mean ${score} for each value of ${found.length} categorical metaparameters, most important first`,
    legend: asked ? [...answers].map(([kind, text]) => ({ sign: SIGNS[kind % SIGNS.length], shade: category(kind), text })) : [],
  };
}
