// Chart and list of failures: why and on which hosts trials failed.

import { searchUrl, trialPage } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { headRow } from "../lib/panel.js";
import { colour } from "../lib/theme.js";
import { Plot, verbatim } from "./plot.js";
import { Polled } from "./polled.js";

/** @type {{kind: "crashed" | "expired" | "diverged", shade: string, shape: string}[]} */
const KINDS = [
  { kind: "crashed", shade: "failed", shape: "" },
  { kind: "expired", shade: "cancelled", shape: "/" },
  { kind: "diverged", shade: "diverged", shape: "x" },
];
/** @param {string} kind */
const shadeOf = (kind) => colour(KINDS.find((each) => each.kind === kind)?.shade ?? "failed");
// The chart has room for so many reasons; the list below it has all of them.
const MOST_BARS = 8;

/**
 * Fill the panel "failures".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ trials }, [panel]) => new Failures(trials, panel);

/**
 * The chart and the list, from one endpoint.
 *
 * @extends {Polled<Api.Failures>}
 */
class Failures extends Polled {
  /**
   * @param {import("../lib/trials.js").Trials} trials
   * @param {import("./chart.js").Panel} panel
   */
  constructor(trials, panel) {
    super([panel], searchUrl(trials.name, "/failures"));
    this.trials = trials;
    this.list = panel.section.appendChild(el("div", { class: "scroll" }));
    this.plot = new Plot(panel, () => (this.data ? figure(this.data, panel.body.clientWidth) : null), "No trial has failed or diverged.");
    panel.offerData(() => ({
      headings: ["reason or host", "kind", "count"],
      rows: [
        ...(this.data?.by_reason ?? []).map(({ reason, kind, count }) => [reason, kind, count]),
        ...(this.data?.by_host ?? []).flatMap((host) => KINDS.map(({ kind }) => [host.host, kind, host[kind]])),
      ],
    }));
  }

  /** @param {number[]} rows that changed; read again if one of them has failed or is tried again */
  update(rows) {
    if (rows.some((row) => this.#matters(row))) this.readAgain();
  }

  /** @param {number} row */
  #matters(row) {
    const state = this.trials.value("state", row);
    const attempt = this.trials.values.attempt[row] ?? 0;
    const failed = state === "diverged" || state === "failed" || state === "cancelled";
    return failed || attempt > 1 || (attempt === 1 && state === "queued");
  }

  /**
   * @override
   * @param {Api.Failures} data
   */
  show({ by_reason: reasons }) {
    this.plot.draw();
    /** @param {number[]} tids */
    const links = (tids) => tids.flatMap((tid, at) => [at ? " " : "", el("a", { href: trialPage(this.trials.name, tid), text: tid })]);
    this.list.hidden = reasons.length === 0;
    this.list.replaceChildren(el("table", {},
      headRow(["reason", "kind", "count", "trials"]),
      el("tbody", {}, reasons.map(({ reason, kind, count, tids }) =>
        el("tr", {}, el("td", { class: "wrap", text: reason }), el("td", { text: kind }), el("td", { class: "number", text: count }), el("td", { class: "wrap" }, links(tids)))))));
  }
}

/**
 * @param {Api.Failures} data
 * @param {number} width of the panel in pixels
 */
function figure({ total, by_host: hosts, by_reason: reasons }, width) {
  if (reasons.length === 0) return null;
  // A label takes about 22 pixels of the panel's width for each of its characters.
  const room = Math.min(34, Math.max(12, Math.floor(width / 22)));
  /** @param {string} text */
  const clipped = (text) => verbatim(text.length > room ? `${text.slice(0, room - 1)}…` : text);
  const shown = reasons.slice(0, MOST_BARS).reverse();
  return {
    traces: [
      {
        type: "bar", orientation: "h", x: shown.map(({ count }) => count), y: shown.map((_, at) => at), text: shown.map(({ reason }) => verbatim(reason.slice(0, 200))),
        textposition: "none", hovertemplate: "%{text}: %{x}<extra></extra>", marker: { color: shown.map(({ kind }) => shadeOf(kind)) }, showlegend: false,
      },
      ...KINDS.map(({ kind, shade, shape }) => ({
        type: "bar", orientation: "h", name: kind, xaxis: "x2", yaxis: "y2", x: hosts.map((host) => host[kind]), y: hosts.map(({ host }) => clipped(host)),
        hovertemplate: `%{y}: %{x} ${kind}<extra></extra>`, marker: { color: colour(shade), pattern: { shape } },
      })),
    ],
    layout: {
      barmode: "stack", margin: { t: 26 },
      xaxis: { domain: [0, 1], anchor: "y", rangemode: "tozero" }, yaxis: { domain: [0.56, 1], anchor: "x", tickvals: shown.map((_, at) => at), ticktext: shown.map(({ reason }) => clipped(reason)) },
      xaxis2: { domain: [0, 1], anchor: "y2", rangemode: "tozero", title: { text: "count" } }, yaxis2: { domain: [0, 0.4], anchor: "x2", type: "category", dtick: 1, tickfont: { size: 10 } },
    },
    label: `${total} failures; most often: ${reasons[0].reason.slice(0, 100)}`,
  };
}
