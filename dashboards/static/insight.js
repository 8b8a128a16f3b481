// What mattered and what went wrong: importance, Fig. S2's view, failures. These change rarely, and
// are drawn by plotly.

import { getJson, searchUrl, trialPage } from "./api.js";
import { category } from "./colours.js";
import { atMostEvery, el, inView } from "./dom.js";
import { brief, plain } from "./format.js";
import { Panel } from "./panel.js";
import { Plot, verbatim } from "./plot.js";
import { colour } from "./theme.js";

const ASK_AGAIN_MS = 1000;
const LEAST_GAP_MS = 10_000;

/** Something that is read anew when it may have changed, while it is in view, but not too often. */
class Followed {
  constructor(panels, url) {
    this.panels = panels;
    this.url = url;
    this.again = atMostEvery(LEAST_GAP_MS, inView(panels[0].section, () => this.load()));
  }

  async load() {
    let found;
    try {
      found = await getJson(this.url);
    } catch (error) {
      if (!error.code) throw error;
      if (this.data) return;
      for (const panel of this.panels) {
        panel.fail(error, () => {
          for (const each of this.panels) each.loading();
          this.load();
        });
      }
      return;
    }
    const before = this.data;
    this.data = found;
    if (before === undefined || this.differs(before, found)) this.show();
  }
}

/** fANOVA's shares, and Fig. S2 of Kunin et al. 2020: the score by each answer, A to I. */
export class Importance extends Followed {
  constructor(history) {
    const panels = [new Panel("importance"), new Panel("categorical")];
    super(panels, searchUrl(history.name, "/importance"));
    this.history = history;
    const few = "Too few trials have finished to say.";
    this.bars = new Plot(panels[0], () => this.#shares(), few);
    this.points = new Plot(panels[1], () => this.#categorical(), few);
    panels[0].offerData(() => ({
      headings: ["metaparameter", "share of variance", "sd"],
      rows: (this.data?.importance ?? []).map(({ label, importance, sd }) => [plain(label), importance, sd]),
    }));
    panels[1].offerData(() => ({
      headings: ["letter", "metaparameter", "question", "answer", "trials", "mean score", "SEM"],
      rows: this.#values().map(({ letter, label, question, option, count, mean, sem }) => [letter, label, question, option, count, mean, sem]),
    }));
  }

  /** The server computes anew from so many results on. */
  update() {
    if (this.data === undefined || this.history.scored.length >= this.data.again_at) this.again();
  }

  async load() {
    await super.load();
    const { state, again_at: at, trials } = this.data ?? {};
    // It is being computed, beside the server.
    if (state === "computing" || (state === "ready" && this.history.scored.length >= at && trials < at)) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.load(), ASK_AGAIN_MS);
    }
  }

  differs(before, now) {
    return before.state !== now.state || before.rev !== now.rev || now.state === "too_few";
  }

  show() {
    const { state, message } = this.data;
    if (state === "ready") {
      this.bars.draw();
      this.points.draw();
    } else if (state === "too_few") {
      for (const panel of this.panels) panel.empty(message);
    }
  }

  #shares() {
    const shares = [...(this.data?.importance ?? [])].reverse();
    if (shares.length === 0) return null;
    return {
      traces: [{
        type: "bar", orientation: "h", x: shares.map(({ importance }) => importance), y: shares.map(({ label }) => verbatim(plain(label))),
        error_x: { symmetric: false, array: shares.map(({ sd }) => sd ?? 0), arrayminus: shares.map(({ sd, importance }) => Math.min(sd ?? 0, importance)), color: colour("muted"), thickness: 1 },
        marker: { color: colour("accent") }, hovertemplate: "%{y}: %{x:.1%}<extra></extra>",
      }],
      layout: { xaxis: { title: { text: "share of variance" }, tickformat: ".0%", rangemode: "tozero" }, yaxis: { tickfont: { size: 10 }, dtick: 1 }, showlegend: false },
      label: `Importance: ${shares.slice(-3).reverse().map(({ label, importance }) => `${plain(label)} ${(100 * importance).toFixed(0)} %`).join(", ")}`,
    };
  }

  #values() {
    return (this.data?.categorical ?? []).flatMap(({ letter, label, question, values }) =>
      values.map((each) => ({ ...each, letter, question, label: plain(label) })));
  }

  #categorical() {
    const found = (this.data?.categorical ?? []).filter(({ values }) => values.some(({ mean }) => mean !== null));
    if (found.length === 0) return null;
    // One trace for the first answer of each, one for the second, and so on.
    const most = Math.max(...found.map(({ values }) => values.length));
    const heading = ({ letter, label }) => verbatim(`${letter}: ${brief(null, plain(label))}`);
    const traces = Array.from({ length: most }, (_, at) => {
      const points = found.filter(({ values }) => values[at] && values[at].mean !== null);
      return {
        type: "scatter", mode: "markers", name: verbatim(points[0]?.values[at].option ?? ""), x: points.map(heading), y: points.map(({ values }) => values[at].mean),
        error_y: { array: points.map(({ values }) => values[at].sem ?? 0), thickness: 1.5 },
        text: points.map(({ question, values }) => verbatim(`${question}? ${values[at].option}: ${values[at].mean.toFixed(4)}, SEM ${(values[at].sem ?? 0).toFixed(4)}, ${values[at].count} trials`)),
        hovertemplate: "%{x}<br>%{text}<extra></extra>",
        marker: { size: 9, color: category(at), symbol: ["circle", "square", "diamond", "cross"][at % 4] },
      };
    });
    return {
      traces,
      layout: { xaxis: { tickangle: -35, tickfont: { size: 10 } }, yaxis: { title: { text: "mean score (accuracy)" } }, showlegend: true },
      label: `Mean score for each value of ${found.length} categorical metaparameters, most important first`,
    };
  }
}

/** Why and where trials failed. */
export class Failures extends Followed {
  constructor(history) {
    const panel = new Panel("failures");
    super([panel], searchUrl(history.name, "/failures"));
    Object.assign(this, { history, name: history.name });
    this.list = el("div", { class: "scroll" });
    this.plot = new Plot(panel, () => this.#picture(), "No trial has failed.");
    panel.section.append(this.list);
    panel.offerData(() => ({
      headings: ["reason or host", "kind", "count"],
      rows: [
        ...(this.data?.by_reason ?? []).map(({ reason, kind, count }) => [reason, kind, count]),
        ...(this.data?.by_host ?? []).flatMap((host) => ["crashed", "expired", "diverged"].map((kind) => [host.host, kind, host[kind]])),
      ],
    }));
  }

  /** Only trials that have gone wrong, or go on after it, change anything here. */
  update(rows) {
    const { outcome, state, attempt } = this.history.values;
    const named = (name, row) => this.history.columns.get(name).options[name === "state" ? state[row] : outcome[row]];
    const wrong = (row) => named("outcome", row) === "fail" || ["failed", "cancelled"].includes(named("state", row));
    if (rows.some((row) => wrong(row) || attempt[row] > 1 || (attempt[row] === 1 && named("state", row) === "queued"))) this.again();
  }

  differs(before, now) {
    return JSON.stringify(before) !== JSON.stringify(now);
  }

  show() {
    this.plot.draw();
    const links = (tids) => tids.flatMap((tid, at) => [at ? " " : "", el("a", { href: trialPage(this.name, tid), text: tid })]);
    this.list.hidden = this.data.by_reason.length === 0;
    this.list.replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ["reason", "kind", "count", "trials"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, this.data.by_reason.map(({ reason, kind, count, tids }) =>
        el("tr", {}, el("td", { class: "wrap", text: reason }), el("td", { text: kind }), el("td", { class: "number", text: count }), el("td", { class: "wrap" }, links(tids)))))));
  }

  #picture() {
    const { by_host: hosts = [], by_reason: reasons = [] } = this.data ?? {};
    if (reasons.length === 0) return null;
    const kinds = [["crashed", "failed", ""], ["expired", "cancelled", "/"], ["diverged", "pruned", "x"]];
    const room = Math.min(34, Math.max(12, Math.floor(this.panels[0].body.clientWidth / 22)));
    const clipped = (text) => verbatim(text.length > room ? `${text.slice(0, room - 1)}…` : text);
    const shown = reasons.slice(0, 8).reverse();
    return {
      traces: [
        {
          type: "bar", orientation: "h", x: shown.map(({ count }) => count), y: shown.map((_, at) => at), text: shown.map(({ reason }) => verbatim(reason.slice(0, 200))),
          textposition: "none", hovertemplate: "%{text}: %{x}<extra></extra>", marker: { color: colour("failed") }, showlegend: false,
        },
        ...kinds.map(([kind, shade, shape]) => ({
          type: "bar", orientation: "h", name: kind, xaxis: "x2", yaxis: "y2", x: hosts.map((host) => host[kind]), y: hosts.map(({ host }) => clipped(host)),
          hovertemplate: `%{y}: %{x} ${kind}<extra></extra>`, marker: { color: colour(shade), pattern: { shape } },
        })),
      ],
      layout: {
        barmode: "stack", margin: { t: 26 },
        xaxis: { domain: [0, 1], anchor: "y", rangemode: "tozero" }, yaxis: { domain: [0.56, 1], anchor: "x", tickvals: shown.map((_, at) => at), ticktext: shown.map(({ reason }) => clipped(reason)) },
        xaxis2: { domain: [0, 1], anchor: "y2", rangemode: "tozero", title: { text: "count" } }, yaxis2: { domain: [0, 0.4], anchor: "x2", type: "category", dtick: 1, tickfont: { size: 10 } },
      },
      label: `${this.data.total} failures; most often: ${reasons[0].reason.slice(0, 100)}`,
    };
  }
}
