// Scatter chart of two metrics of a search: its trials, the front among them, and a brush over both.

import { strokeCross } from "../lib/canvas.js";
import { cell } from "../lib/format.js";
import { whyNoResult } from "../lib/metric.js";
import { showLegend } from "../lib/panel.js";
import { scaleOf } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { choose, dataOf, ringMarked } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

// A pointer that moved less is a click, in pixels.
const LEAST_DRAG = 5;

/**
 * Fill the panel "front".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Front(page, panel);

/**
 * The part of two axes that a drag covers, as a brush on each.
 *
 * @param {import("./plane.js").Axes} axes
 * @param {import("./plane.js").Plane} plane
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 */
export function brushesBetween({ x, y }, { left, top, wide, high }, from, to) {
  /** @param {number} share */
  const inside = (share) => Math.min(1, Math.max(0, share));
  const across = [from.x, to.x].map((at) => x.value(inside((at - left) / wide))).sort((a, b) => a - b);
  const up = [from.y, to.y].map((at) => y.value(inside(1 - (at - top) / high))).sort((a, b) => a - b);
  return [{ low: across[0], high: across[1] }, { low: up[0], high: up[1] }];
}

/**
 * The chart; its items are rows. A drag brushes both metrics, which filters every chart of the page.
 *
 * @extends {Chart<number>}
 */
class Front extends Chart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor({ trials, brushes, selection }, panel) {
    super(panel, trials.name, () => whyNoResult(trials.summary));
    this.trials = trials;
    this.brushes = brushes;
    this.selection = selection;
    /** @type {Column[]} */
    this.columns = [];
    this.dragged = false;
    const { metrics } = trials;
    const redraw = () => this.draw();
    this.x = choose(panel, { id: "front-x", label: "x", key: "fx", options: metrics, otherwise: metrics[0].name }, redraw);
    this.y = choose(panel, { id: "front-y", label: "y", key: "fy", options: metrics, otherwise: metrics[1].name }, redraw);
    panel.offerData(() => dataOf(trials, ["tid", ...metrics.map(({ name }) => name)], this.items().filter((row) => brushes.passes(row))));
    brushes.onChange(redraw);
    selection.onChange(() => this.refresh());
    this.#listen(panel.content);
    this.draw();
  }

  /** The whole chart is drawn anew: a new trial may take others off the front. */
  update() {
    this.draw();
  }

  /** @override */
  items() {
    const { scored, front } = this.trials;
    const shown = scored.filter((row) => this.trials.uses(this.columns, row));
    // The front is drawn last, above the others.
    return [...shown.filter((row) => !front.has(this.trials.tid(row))), ...shown.filter((row) => front.has(this.trials.tid(row)))];
  }

  /** @override */
  scales() {
    const { trials } = this;
    this.columns = [this.x(), this.y()].map((name) => trials.column(name));
    const rows = this.items();
    if (rows.length === 0) {
      showLegend(this.panel, []);
      return null;
    }
    const entries = trials.front.size ? [{ sign: "●", shade: colour("accent"), text: `front of ${trials.summary.metrics.map(({ label }) => label).join(" and ")}` }] : [];
    entries.push({ sign: "■", shade: colour("queued"), text: "other trials" });
    if (trials.summary.constraints.length) entries.push({ sign: "✖", shade: colour("failed"), text: `not ${trials.summary.constraints.join(", ")}` });
    showLegend(this.panel, entries);
    const [x, y] = this.columns.map((column) => scaleOf(column, rows.map((row) => trials.values[column.name][row])));
    return { x, y, xTitle: this.columns[0].title, yTitle: this.columns[1].title };
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    return this.columns.map(({ name }) => this.trials.values[name][row] ?? NaN);
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const { trials } = this;
    const [across, up] = this.values(row);
    const [x, y] = this.spot(row, across, up);
    brush.globalAlpha = this.brushes.passes(row) ? 0.9 : 0.15;
    if (trials.violation(row) > 0) {
      brush.strokeStyle = colour("failed");
      strokeCross(brush, x, y, 6);
    } else if (trials.front.has(trials.tid(row))) {
      brush.fillStyle = colour("accent");
      brush.beginPath();
      brush.arc(x, y, 4.5, 0, 7);
      brush.fill();
    } else {
      brush.fillStyle = colour("queued");
      brush.fillRect(x - 2, y - 2, 4, 4);
    }
    brush.globalAlpha = 1;
  }

  /**
   * @override
   * @param {Brush} brush
   */
  over(brush) {
    ringMarked(brush, this, (row) => this.trials.uses(this.columns, row) && this.trials.hasScore.has(row));
    const [x, y] = this.columns.map(({ name }) => this.brushes.get(name));
    if (!x || !y || x instanceof Set || y instanceof Set) return;
    const { plane } = this;
    brush.strokeStyle = colour("accent");
    brush.lineWidth = 1;
    brush.strokeRect(plane.x(x.low), plane.y(y.high), plane.x(x.high) - plane.x(x.low), plane.y(y.low) - plane.y(y.high));
  }

  /** @param {HTMLElement} node */
  #listen(node) {
    /** @param {PointerEvent} event */
    const place = (event) => {
      const box = node.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    node.addEventListener("pointerdown", (event) => {
      if (!this.drawn) return;
      event.preventDefault();
      node.focus();
      this.dragged = false;
      const from = place(event);
      /** @param {PointerEvent} next */
      const move = (next) => {
        const to = place(next);
        this.dragged ||= Math.hypot(to.x - from.x, to.y - from.y) >= LEAST_DRAG;
        if (this.dragged) this.#brush(from, to);
      };
      const up = () => removeEventListener("pointermove", move);
      addEventListener("pointermove", move);
      addEventListener("pointerup", up, { once: true });
      addEventListener("pointercancel", up, { once: true });
    });
    node.addEventListener("click", () => {
      // A click beside the trials removes what a drag has brushed.
      if (!this.dragged && this.pointed === null) for (const { name } of this.columns) this.brushes.set(name, null);
    });
  }

  /**
   * @param {{x: number, y: number}} from
   * @param {{x: number, y: number}} to
   */
  #brush(from, to) {
    const found = brushesBetween(this.axes, this.plane, from, to);
    this.columns.forEach(({ name }, at) => this.brushes.set(name, found[at]));
  }

  /**
   * The front's trials by the first metric, the best first; without a front, all trials.
   *
   * @override
   */
  stops() {
    const { trials, spots } = this;
    const at = new Map(spots.item.map((row, place) => [row, place]));
    const rows = trials.front.size ? spots.item.filter((row) => trials.front.has(trials.tid(row))) : spots.item;
    return trials.ranked(rows).map((row) => /** @type {number} */ (at.get(row)));
  }

  /** @override */
  label() {
    const { trials, spots } = this;
    const titles = this.columns.map(({ title }) => title).join(" and ");
    const broken = spots.item.filter((row) => trials.violation(row) > 0).length;
    return (
      `${titles} of ${spots.item.length} trials, ${trials.front.size} of them on the front` +
      `${broken ? `, ${broken} break a constraint` : ""}. Left and right go through the front, Enter opens a trial; ` +
      "a drag filters the trials, as brushes on the axes of the parallel coordinates do."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { trials } = this;
    const kind = trials.violation(row) > 0 ? ", breaks a constraint" : trials.front.has(trials.tid(row)) ? ", on the front" : "";
    const values = trials.metrics.map(({ name, title }) => `${title}: ${cell(trials.value(name, row))}`);
    return [`trial ${trials.tid(row)}${kind}`, ...values].join("\n");
  }

  /**
   * A drag that ends on a trial opens none.
   *
   * @override
   * @param {number} row
   */
  tidOf(row) {
    return this.dragged ? null : this.trials.tid(row);
  }
}
