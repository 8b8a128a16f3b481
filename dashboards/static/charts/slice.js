// Chart of each trial's metric over one metaparameter.

import { SIGNS, shapeOf } from "../lib/canvas.js";
import { category } from "../lib/colours.js";
import { cell } from "../lib/format.js";
import { showLegend } from "../lib/panel.js";
import { extent, roomy, scaleOf, withLane } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { ParameterChart } from "./parameter_chart.js";
import { choose, dataOf, spread } from "./points.js";

/** @typedef {import("./chart.js").Brush} Brush */
/** @typedef {import("../lib/trials.js").Column} Column */

/**
 * Fill the panel "slice".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, [panel]) => new Slice(page, panel);

/** The chart; trials that diverged stand in a lane beyond the worse end of the metric's axis. */
class Slice extends ParameterChart {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel} panel
   */
  constructor(page, panel) {
    super(page, panel);
    const { trials } = page;
    const parameters = trials.metaparameters;
    const redraw = () => this.draw();
    const choices = [{ name: "", title: "nothing" }, ...parameters.filter(({ options }) => options)];
    this.x = choose(panel, { id: "slice-x", label: "of", key: "slice", options: parameters, otherwise: parameters[0]?.name }, redraw);
    this.by = choose(panel, { id: "slice-colour", label: "coloured by", key: "colour", options: choices, otherwise: "" }, redraw);
    panel.offerData(() => dataOf(trials, ["tid", this.x(), this.by(), trials.score.name].filter(Boolean), this.items()));
    /** @type {Column | undefined} */
    this.group = undefined;
    /** @type {string[]} */
    this.shades = [];
    this.size = 0;
    this.alpha = 1;
    this.draw();
  }

  /** @override */
  chosen() {
    return [this.x()];
  }

  /** @override */
  brushed() {
    return [this.columns[0], this.trials.score];
  }

  /** @override */
  scales() {
    const rows = this.rows();
    if (rows === null) {
      showLegend(this.panel, []);
      return null;
    }
    const { trials } = this;
    const [column] = this.columns;
    this.group = trials.columns.get(this.by());
    this.size = rows.length > 2000 ? 2.5 : rows.length > 300 ? 4 : 6;
    this.alpha = rows.length > 2000 ? 0.35 : rows.length > 300 ? 0.55 : 0.8;
    this.#explain(rows);
    const shown = rows.filter((row) => trials.hasScore.has(row));
    const [low, high] = extent(shown.length ? shown : trials.scored, (row) => trials.metricOf(row));
    const plain = roomy(low, high);
    const y = rows.length > shown.length ? withLane(plain, trials.metric.direction) : plain;
    return { x: scaleOf(column, rows.map((row) => trials.values[column.name][row])), y, xTitle: column.title, yTitle: trials.metric.label };
  }

  /**
   * Show which option has which colour, and what a cross is.
   *
   * @param {number[]} rows
   */
  #explain(rows) {
    const { group, trials } = this;
    const kinds = group?.options ?? [];
    this.shades = kinds.length ? kinds.map((_, at) => category(at)) : [colour("accent")];
    const entries = kinds.map((option, at) => ({ sign: SIGNS[at % SIGNS.length], shade: category(at), text: `${group?.title}: ${cell(option)}` }));
    if (group && rows.some((row) => !trials.uses([group], row))) entries.push({ sign: "■", shade: colour("queued"), text: `without ${group.title}` });
    if (rows.some((row) => trials.violation(row) > 0)) entries.push({ sign: "■", shade: colour("failed"), text: "breaks a constraint" });
    if (rows.some((row) => trials.diverged.has(row))) entries.push({ sign: "✖", shade: colour("diverged"), text: "diverged" });
    showLegend(this.panel, entries);
  }

  /**
   * @override
   * @param {number} row
   */
  values(row) {
    const { trials } = this;
    return [spread(trials, this.columns[0], row), trials.hasScore.has(row) ? trials.metricOf(row) : Infinity];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} row
   */
  mark(brush, row) {
    const [value, up] = this.values(row);
    const [x, y] = this.spot(row, value, up);
    if (this.trials.diverged.has(row)) {
      this.cross(brush, x, y);
      return;
    }
    const kind = this.group ? this.trials.values[this.group.name][row] : 0;
    brush.globalAlpha = this.alpha;
    const broken = this.trials.violation(row) > 0;
    brush.fillStyle = broken ? colour("failed") : kind === null ? colour("queued") : this.shades[kind];
    // Without categories every point is a square, the shape that is drawn fastest.
    shapeOf(this.group && kind !== null ? kind : 3)(brush, x, y, this.size);
  }

  /** @override */
  label() {
    return (
      `${this.trials.metric.label} of ${this.spots.item.length} trials over ${this.overWhat}. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  /**
   * @override
   * @param {number} row
   */
  tooltip(row) {
    const { group, trials } = this;
    const more = group && trials.uses([group], row) ? `\n${group.title}: ${cell(trials.value(group.name, row))}` : "";
    return super.tooltip(row) + more;
  }
}
