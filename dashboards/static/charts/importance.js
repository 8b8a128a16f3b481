// Charts of the metaparameters' importance, and of the mean score by each option of a choice; of the
// paper's searches, by each answer to the questions of Fig. S2 of Kunin et al. 2020 (A to I).

import { searchUrl } from "../lib/api.js";
import { category } from "../lib/colours.js";
import { brief, clipped, decimals } from "../lib/format.js";
import { trialsInWords } from "../lib/metric.js";
import { colour } from "../lib/theme.js";
import { Plot, verbatim } from "./plot.js";
import { choose } from "./points.js";
import { Polled } from "./polled.js";

// While the server computes, the page asks again this often.
const RETRY_MS = 1000;
const SYMBOLS = ["circle", "square", "diamond", "cross"];
// Longer labels would leave the chart no room.
const LONGEST = 32;
const SHORTEST = 12;

/**
 * Fill the panels "importance" and "categorical".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ trials }, panels) => new Importance(trials, panels);

/**
 * Both charts, from one endpoint.
 *
 * @extends {Polled<Api.Importances>}
 */
class Importance extends Polled {
  /**
   * @param {import("../lib/trials.js").Trials} trials
   * @param {import("./chart.js").Panel[]} panels
   */
  constructor(trials, panels) {
    super(panels, searchUrl(trials.name, "/importance"));
    this.trials = trials;
    this.waiting = 0;
    if (trials.metrics.length > 1) this.#addMetrics(panels[0]);
    const [shares, scores] = panels;
    this.bars = new Plot(shares, () => sharesFigure(this.data?.importance ?? []), "No metaparameter explains any of the variance.");
    this.points = new Plot(scores, () => this.data ? scoresFigure(this.data) : null, "No choice has been tried with two options.");
    shares.offerData(() => ({
      headings: ["metaparameter", "share of variance", "sd", "trials"],
      rows: (this.data?.importance ?? []).map(({ label, importance, sd, trials: used }) => [label, importance, sd, used]),
    }));
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
      this.url = chosen() === options[0].name ? url : `${url}?${new URLSearchParams({ metric: chosen() })}`;
    };
    ask();
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

/** @param {Api.ParameterImportance[]} found */
function sharesFigure(found) {
  if (found.length === 0) return null;
  const shares = [...found].reverse();
  /** @param {Api.ParameterImportance} each */
  const percent = ({ importance }) => `${(100 * importance).toFixed(0)} %`;
  return {
    traces: [{
      // Two metaparameters may have the same label, so bars are placed by number.
      type: "bar", orientation: "h", x: shares.map(({ importance }) => importance), y: shares.map((_, at) => at),
      error_x: { symmetric: false, array: shares.map(({ sd }) => sd), arrayminus: shares.map(({ sd, importance }) => Math.min(sd, importance)), color: colour("muted"), thickness: 1 },
      text: shares.map(({ label, trials }) => verbatim(`${label} (${trialsInWords(trials)})`)), textposition: "none",
      marker: { color: colour("accent") }, hovertemplate: "%{text}: %{x:.1%}<extra></extra>",
    }],
    layout: {
      xaxis: { title: { text: "share of variance" }, tickformat: ".0%", rangemode: "tozero" },
      yaxis: { tickfont: { size: 10 }, tickvals: shares.map((_, at) => at), ticktext: shares.map(({ label }) => verbatim(clipped(label, LONGEST))) },
      showlegend: false,
    },
    label: `Importance: ${found.slice(0, 3).map((each) => `${each.label} ${percent(each)}`).join(", ")}`,
  };
}

/** @param {Api.Importances} data */
function scoresFigure({ categorical, score_label: score }) {
  const found = categorical.filter(({ values }) => values.some(({ mean }) => mean !== null));
  if (found.length === 0) return null;
  /** @param {Api.CategoricalImportance} each */
  const heading = ({ letter, label }) => verbatim(clipped(`${letter ? `${letter}: ` : ""}${brief(label)}`, LONGEST));
  // The first trace holds every choice's first option, the second trace the second options, ...
  const most = Math.max(...found.map(({ values }) => values.length));
  const asked = found.every(({ question }) => question);
  const traces = Array.from({ length: most }, (_, at) => {
    const points = found.flatMap((each, place) => {
      const { option, count, mean, sem } = each.values[at] ?? { mean: null };
      if (mean === null) return [];
      const answer = each.question ? `${each.question}? ${option}` : `${each.label} = ${option}`;
      const text = `${answer}: ${decimals(mean)}, SEM ${decimals(sem ?? 0)}, ${trialsInWords(count)}`;
      return [{ place, option, mean, sem: sem ?? 0, text: verbatim(text) }];
    });
    return {
      type: "scatter", mode: asked ? "markers" : "markers+text", name: verbatim(points[0]?.option ?? ""), x: points.map(({ place }) => place), y: points.map(({ mean }) => mean),
      error_y: { array: points.map(({ sem }) => sem), thickness: 1.5 },
      text: points.map(({ option }) => verbatim(clipped(option, SHORTEST))), textposition: "middle right", textfont: { size: 9 },
      customdata: points.map(({ text }) => text), hovertemplate: "%{customdata}<extra></extra>",
      marker: { size: 9, color: category(at), symbol: SYMBOLS[at % SYMBOLS.length] },
      // Options of different choices share a colour, so only answers to questions have names in common.
      showlegend: asked,
    };
  });
  return {
    traces,
    layout: {
      xaxis: { tickangle: -35, tickfont: { size: 10 }, tickvals: found.map((_, at) => at), ticktext: found.map(heading), range: [-0.5, found.length - 0.5] },
      yaxis: { title: { text: verbatim(`mean ${score}`) } }, showlegend: asked,
    },
    label: `Mean ${score} for each value of ${found.length} categorical metaparameters, most important first`,
  };
}
