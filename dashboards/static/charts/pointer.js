// The pointer and the keyboard on a chart: which spot they are at, its tooltip, and what a click or a key
// does there.

import { trialPage } from "../lib/api.js";
import { announce, el } from "../lib/dom.js";

// The pointer finds a spot up to so many pixels away.
const REACH = 14;

/** The pointer of a chart. The chart's `pointed` is the spot that it is at. */
export class Pointer {
  /** @param {import("./plane.js").Pointed} chart */
  constructor(chart) {
    this.chart = chart;
    this.tip = el("div", { class: "tip", hidden: true });
  }

  /** @param {HTMLElement} node the chart's element */
  listen(node) {
    node.append(this.tip);
    node.addEventListener("pointermove", (event) => this.#hover(event));
    node.addEventListener("pointerleave", () => this.point(null));
    node.addEventListener("blur", () => this.point(null));
    node.addEventListener("click", (event) => this.#open(event.shiftKey));
    node.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    const { chart } = this;
    const box = chart.node.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const found = chart.spotAt(x, y);
    this.point(found);
    if (found !== null || !chart.drawn) return;
    const { left, top, wide, high } = chart.plane;
    this.#show(chart.placeTooltip((x - left) / wide, 1 - (y - top) / high), x, y);
  }

  /**
   * Be at a spot; null for none.
   *
   * @param {number | null} at
   */
  point(at) {
    const { chart } = this;
    const { item, x, y } = chart.spots;
    if (at !== null) this.#show(chart.tooltip(item[at], at), x[at], y[at]);
    else this.tip.hidden = true;
    if (at === chart.pointed) return;
    chart.pointed = at;
    chart.links?.point(at === null ? null : item[at]);
    chart.node.style.cursor = at === null ? "" : "pointer";
    chart.refresh();
  }

  /**
   * @param {string | null} text
   * @param {number} x
   * @param {number} y
   */
  #show(text, x, y) {
    const { tip, chart } = this;
    tip.hidden = text === null;
    if (text === null) return;
    tip.textContent = text;
    const left = Math.min(x + 12, chart.node.clientWidth - tip.offsetWidth - 4);
    const above = y - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${above < 0 ? y + 14 : above}px`;
  }

  /**
   * Open the page of the spot's trial, or mark the trial.
   *
   * @param {boolean} marks
   */
  #open(marks) {
    const { chart } = this;
    if (chart.pointed === null || chart.dragged) return;
    const item = chart.spots.item[chart.pointed];
    if (marks) chart.links?.toggle(item);
    else if (!chart.act(item)) {
      const tid = chart.tidOf(item);
      if (tid !== null && chart.name !== null) location.href = trialPage(chart.name, tid);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { chart } = this;
    chart.dragged = false;
    if (event.key === "Enter" || event.key === " ") this.#open(event.key === " ");
    if (event.key === " ") event.preventDefault();
    if (event.key === "Escape") this.point(null);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 1, ArrowDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    // Up and down go through all marks; the other keys through those that matter, in their order.
    const all = event.key === "ArrowUp" || event.key === "ArrowDown";
    const stops = all ? chart.spots.item.map((_, at) => at) : chart.stops();
    if (stops.length === 0) return;
    const now = chart.pointed === null ? -1 : stops.indexOf(chart.pointed);
    const next = now < 0 && Number.isFinite(step) ? (all ? 0 : chart.firstStop(stops)) : now + step;
    this.point(stops[Math.min(Math.max(next, 0), stops.length - 1)]);
    announce(this.tip.textContent);
  }
}

/**
 * The index of the spot nearest to a place; null if none is near.
 *
 * @param {{x: number[], y: number[]}} spots
 * @param {number} x
 * @param {number} y
 */
export function nearestSpot({ x: xs, y: ys }, x, y) {
  let found = null;
  let least = REACH ** 2;
  for (let at = 0; at < xs.length; at += 1) {
    const distance = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
    if (distance <= least) [found, least] = [at, distance];
  }
  return found;
}
