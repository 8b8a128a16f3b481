// Chart and list of failures: why and on which hosts trials failed.

import { searchUrl, trialPage } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { headRow } from "../lib/panel.js";
import { numberScale } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Polled } from "./polled.js";
import { HATCH_SIGNS, RowChart } from "./rows.js";

/** The kinds in the order of their hatching. */
const KINDS = /** @type {const} */ ([
  { kind: "crashed", shade: "failed" },
  { kind: "expired", shade: "cancelled" },
  { kind: "diverged", shade: "diverged" },
]);
/** @param {string} kind */
const hatchOf = (kind) => Math.max(0, KINDS.findIndex((each) => each.kind === kind));
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
    this.why = el("p", { class: "diverged" });
    panel.body.before(this.why);
    this.list = panel.section.appendChild(el("div", { class: "scroll" }));
    this.plot = new RowChart(panel, () => (this.data ? picture(this.data) : null), "No trial has failed or diverged.");
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
  show({ by_reason: reasons, diverged }) {
    this.plot.draw();
    this.why.hidden = diverged.length === 0;
    this.why.textContent = diverged.join(". ");
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
 * @returns {import("./rows.js").Rows | null}
 */
function picture({ total, by_host: hosts, by_reason: reasons }) {
  if (reasons.length === 0) return null;
  const shown = reasons.slice(0, MOST_BARS);
  const ofReasons = shown.map(({ reason, kind, count }, row) =>
    ({ row, from: 0, value: count, shade: colour(KINDS[hatchOf(kind)].shade), kind: hatchOf(kind), text: `${count} ${kind}: ${reason.slice(0, 200)}` }));
  // Hosts stand below the reasons, behind a row that parts them.
  const ofHosts = hosts.flatMap((host, at) => {
    let from = 0;
    return KINDS.flatMap(({ kind, shade }, hatch) => {
      if (host[kind] === 0) return [];
      const bar = { row: shown.length + 1 + at, from, value: from + host[kind], shade: colour(shade), kind: hatch, text: `${host.host}: ${host[kind]} ${kind}` };
      from = bar.value;
      return [bar];
    });
  });
  const marks = [...ofReasons, ...ofHosts];
  return {
    names: [...shown.map(({ reason }) => reason), "", ...hosts.map(({ host }) => host)],
    marks,
    x: numberScale(0, 1.05 * Math.max(...marks.map(({ value }) => value))),
    xTitle: "count",
    label: `${total} failures; most often: ${reasons[0].reason.slice(0, 100)}`,
    legend: KINDS.map(({ kind, shade }, hatch) => ({ sign: HATCH_SIGNS[hatch], shade: colour(shade), text: kind })),
  };
}
