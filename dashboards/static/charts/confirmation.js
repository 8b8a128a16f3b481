// The confirmation of a search: what fresh seeds say about its best trials.

import { searchUrl, trialPage } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { decimals } from "../lib/format.js";
import { headRow } from "../lib/panel.js";
import { Polled } from "./polled.js";

/** @typedef {Api.ConfirmationState} State */

/**
 * Fill the panel "confirmation".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ name }, [panel]) => new Confirmation(name, panel);

/**
 * The sentences and the table of the repeated trials.
 *
 * @extends {Polled<State>}
 */
class Confirmation extends Polled {
  /**
   * @param {string} name of the search
   * @param {import("./chart.js").Panel} panel
   */
  constructor(name, panel) {
    super([panel], searchUrl(name, "/confirmation"));
    this.name = name;
    this.panel = panel;
    panel.csvName = `${name}-confirmation`;
  }

  update() {
    this.readAgain();
  }

  addEvents() {
    this.readAgain();
  }

  /**
   * @override
   * @param {State} state
   */
  show(state) {
    const { asked, result, words } = state;
    if (!asked && result === null) {
      this.panel.empty("The best trials were not repeated on fresh seeds, so the best one may owe its place to luck: “Confirm” repeats them.");
      return;
    }
    const rows = result ? [result.winner, ...result.others] : [];
    this.panel.show().replaceChildren(
      ...words.map((text) => el("p", { text })),
      asked ? el("p", { class: "small muted", text: progressOf(state) }) : "",
      rows.length ? el("div", { class: "scroll", tabindex: "0" }, el("table", {},
        headRow(["trial", "mean", "95 % interval", "seeds", "first result", "flattered by", "chance better"]),
        el("tbody", {}, rows.map((row) => this.#row(row))))) : "",
    );
    this.panel.offerData(() => ({
      headings: ["trial", "mean", "standard error", "low", "high", "seeds", "first result", "flattered by", "chance better", "diverged"],
      rows: rows.map((row) => [row.tid, row.mean, row.standard_error, row.low, row.high, row.values.length, row.first, row.flattered, row.chance_better, row.diverged]),
    }));
  }

  /** @param {Api.RepeatedTrial} row */
  #row({ tid, mean, low, high, values, first, flattered, chance_better: chance }) {
    return el("tr", {},
      el("td", {}, el("a", { href: trialPage(this.name, tid), text: tid })),
      el("td", { class: "number", text: decimals(mean) }),
      el("td", { text: low === null || high === null ? "not known" : `${decimals(low)} to ${decimals(high)}` }),
      el("td", { class: "number", text: values.length }),
      el("td", { class: "number", text: decimals(first) }),
      el("td", { class: "number", text: decimals(flattered) }),
      el("td", { class: "number", text: chance === null ? "" : `${(100 * chance).toFixed(1)} %` }));
  }
}

/** @param {State} state */
function progressOf({ top, seeds, ended, live }) {
  const without = ended.filter(({ value }) => value === null).length;
  const failed = without ? `, ${without} of them without a result` : "";
  return `The best ${top} trials, on ${seeds} seeds each at most: ${ended.length} repetitions ended${failed}, ${live.length} queued or running.`;
}
