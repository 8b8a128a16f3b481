// The cost of a search: its slots, accelerator hours, trials by end, and its duration with other slots.

import { searchUrl } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { duration, short } from "../lib/format.js";
import { big, fact, headRow } from "../lib/panel.js";
import { Polled } from "./polled.js";

/**
 * Fill the panel "took".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = ({ name }, [panel]) => new Cost(name, panel);

/**
 * The figures and the estimates.
 *
 * @extends {Polled<Api.SearchDetail>}
 */
class Cost extends Polled {
  /**
   * @param {string} name of the search
   * @param {import("./chart.js").Panel} panel
   */
  constructor(name, panel) {
    super([panel], searchUrl(name));
    this.panel = panel;
    panel.csvName = `${name}-took`;
  }

  update() {
    this.readAgain();
  }

  /**
   * @override
   * @param {Api.SearchDetail} before
   * @param {Api.SearchDetail} now
   */
  differs(before, now) {
    return JSON.stringify(before.took) !== JSON.stringify(now.took);
  }

  /**
   * @override
   * @param {Api.SearchDetail} detail
   */
  show({ took }) {
    const hours = Object.entries(took.accelerator_hours);
    const ends = Object.entries(took.ends).filter(([, count]) => count > 0);
    // Keys of JSON are texts, so the numbers of slots are sorted as numbers here.
    const estimates = Object.entries(took.estimated_seconds).sort(([a], [b]) => Number(a) - Number(b));
    this.panel.show().replaceChildren(
      el("dl", { class: "facts" },
        fact("slots", big(String(took.slots))),
        ...hours.map(([accelerator, count]) => fact(`hours of ${accelerator}`, big(short(count)))),
        ...ends.map(([end, count]) => fact(end, big(String(count)))),
        took.repetitions ? fact("repetitions", big(String(took.repetitions))) : ""),
      estimates.length
        ? el("div", { class: "scroll" }, el("table", {}, headRow(["slots", "whole search, estimated"]), el("tbody", {}, estimates.map(([slots, seconds]) =>
          el("tr", {}, el("td", { text: slots }), el("td", { text: duration(seconds) }))))))
        : el("p", { class: "small muted", text: "No trial has ended, so the duration can't be estimated yet." }),
    );
    this.panel.offerData(() => ({
      headings: ["what", "number"],
      rows: [
        ["slots", took.slots],
        ...hours.map(([accelerator, count]) => [`hours of ${accelerator}`, count]),
        ...ends,
        ["repetitions", took.repetitions],
        ...estimates.map(([slots, seconds]) => [`seconds with ${slots} slots`, seconds]),
      ],
    }));
  }
}
