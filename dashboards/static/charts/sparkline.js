// A search's best so far as a small line, for the list of searches.

import { getJson, searchUrl } from "../lib/api.js";
import { el, whenNear } from "../lib/dom.js";
import { extent } from "../lib/scales.js";

// Units of the picture, which the style sheet sizes.
const WIDE = 100;
const HIGH = 24;
const MARGIN = 2;

/**
 * The corners of a staircase through the improvements, the last of which holds until `results`.
 *
 * @param {{number: number[], value: number[]}} best
 * @param {number} results number of trials with a result
 */
export function corners({ number, value }, results) {
  const [low, high] = extent(value, (each) => each);
  const most = Math.max(results, number.at(-1) ?? 1, 2);
  /** @param {number} count */
  const x = (count) => MARGIN + ((WIDE - 2 * MARGIN) * (count - 1)) / (most - 1);
  /** @param {number} each */
  const y = (each) => HIGH - MARGIN - ((HIGH - 2 * MARGIN) * (each - low)) / (high - low || 1);
  const steps = number.flatMap((count, at) => (at ? [[x(count), y(value[at - 1])], [x(count), y(value[at])]] : [[x(count), y(value[at])]]));
  return value.length ? [...steps, [x(most), y(value[value.length - 1])]] : [];
}

/** The sparklines of the searches that were near the viewport. A new best is drawn when the list is. */
export class Sparklines {
  constructor() {
    /** @type {Map<string, {node: SVGElement, best: string}>} */
    this.drawn = new Map();
  }

  /**
   * The line of a search.
   *
   * @param {Api.SearchSummary} search
   */
  of(search) {
    const best = JSON.stringify([search.best, search.created_at]);
    const known = this.drawn.get(search.name);
    if (known?.best === best) return known.node;
    const node = known?.node ?? el("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.drawn.set(search.name, { node, best });
    if (search.best) whenNear(node, () => draw(node, search));
    return node;
  }
}

/**
 * @param {SVGElement} node
 * @param {Api.SearchSummary} search
 */
async function draw(node, { name, finished }) {
  /** @type {Api.BestSoFar | null} */
  const best = await getJson(searchUrl(name, "/best")).catch(() => null);
  // Without the line the number beside it still tells the best.
  if (best === null) return;
  const points = corners(best, finished).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  node.replaceChildren(el("polyline", { points }));
}
