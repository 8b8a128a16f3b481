// Charts of the metaparameters' importance, and of the mean score by each answer to the questions of
// Fig. S2 of Kunin et al. 2020 (A to I).

import { searchUrl } from "../lib/api.js";
import { category } from "../lib/colours.js";
import { brief, plain } from "../lib/format.js";
import { colour } from "../lib/theme.js";
import { Plot, verbatim } from "./plot.js";
import { Polled } from "./polled.js";

// While the server computes, the page asks again this often.
const RETRY_MS = 1000;
const SYMBOLS = ["circle", "square", "diamond", "cross"];

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
    const few = "Too few trials have finished to say.";
    const [shares, scores] = panels;
    this.bars = new Plot(shares, () => sharesFigure(this.data?.importance ?? []), few);
    this.points = new Plot(scores, () => scoresFigure(this.data?.categorical ?? []), few);
    shares.offerData(() => ({
      headings: ["metaparameter", "share of variance", "sd"],
      rows: (this.data?.importance ?? []).map(({ label, importance, sd }) => [plain(label), importance, sd]),
    }));
    scores.offerData(() => ({
      headings: ["letter", "metaparameter", "question", "answer", "trials", "mean score", "SEM"],
      rows: (this.data?.categorical ?? []).flatMap(({ letter, label, question, values }) =>
        values.map(({ option, count, mean, sem }) => [letter, plain(label), question, option, count, mean, sem])),
    }));
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
  return {
    traces: [{
      type: "bar", orientation: "h", x: shares.map(({ importance }) => importance), y: shares.map(({ label }) => verbatim(plain(label))),
      error_x: { symmetric: false, array: shares.map(({ sd }) => sd), arrayminus: shares.map(({ sd, importance }) => Math.min(sd, importance)), color: colour("muted"), thickness: 1 },
      marker: { color: colour("accent") }, hovertemplate: "%{y}: %{x:.1%}<extra></extra>",
    }],
    layout: { xaxis: { title: { text: "share of variance" }, tickformat: ".0%", rangemode: "tozero" }, yaxis: { tickfont: { size: 10 }, dtick: 1 }, showlegend: false },
    label: `Importance: ${found.slice(0, 3).map(({ label, importance }) => `${plain(label)} ${(100 * importance).toFixed(0)} %`).join(", ")}`,
  };
}

/** @param {Api.CategoricalImportance[]} all */
function scoresFigure(all) {
  const found = all.filter(({ values }) => values.some(({ mean }) => mean !== null));
  if (found.length === 0) return null;
  /** @param {Api.CategoricalImportance} each */
  const heading = ({ letter, label }) => verbatim(`${letter}: ${brief(null, plain(label))}`);
  // The first trace holds every question's first answer, the second trace the second answers, ...
  const most = Math.max(...found.map(({ values }) => values.length));
  const traces = Array.from({ length: most }, (_, at) => {
    const points = found.flatMap((each) => {
      const { option, count, mean, sem } = each.values[at] ?? { mean: null };
      if (mean === null) return [];
      const text = `${each.question}? ${option}: ${mean.toFixed(4)}, SEM ${(sem ?? 0).toFixed(4)}, ${count} trials`;
      return [{ heading: heading(each), option, mean, sem: sem ?? 0, text: verbatim(text) }];
    });
    return {
      type: "scatter", mode: "markers", name: verbatim(points[0]?.option ?? ""), x: points.map((point) => point.heading), y: points.map(({ mean }) => mean),
      error_y: { array: points.map(({ sem }) => sem), thickness: 1.5 },
      text: points.map(({ text }) => text),
      hovertemplate: "%{x}<br>%{text}<extra></extra>",
      marker: { size: 9, color: category(at), symbol: SYMBOLS[at % SYMBOLS.length] },
    };
  });
  return {
    traces,
    layout: { xaxis: { tickangle: -35, tickfont: { size: 10 } }, yaxis: { title: { text: "mean score (accuracy)" } }, showlegend: true },
    label: `Mean score for each value of ${found.length} categorical metaparameters, most important first`,
  };
}
