// Charts of a search's slots: which attempt took which slot when, how many were busy, and the slot hours
// by how attempts ended.

import { searchUrl } from "../lib/api.js";
import { duration, short, unitOfTime } from "../lib/format.js";
import { showLegend } from "../lib/panel.js";
import { numberScale } from "../lib/scales.js";
import { colour } from "../lib/theme.js";
import { Chart } from "./chart.js";
import { LineChart } from "./lines.js";
import { Polled } from "./polled.js";
import { RowChart, rowScale } from "./rows.js";

/** @typedef {import("./chart.js").Brush} Brush */

/** @type {Record<string, string>} colour of each end of an attempt; others have that of queued trials */
const SHADES = {
  completed: "completed", running: "running", diverged: "diverged", pruned: "pruned",
  failed: "failed", crashed: "failed", cancelled: "cancelled", expired: "cancelled",
};
// Pixels: a slot's row at most, the axis, and the chart at least and at most.
const ROW = 22;
const AXIS = 56;
const LOWEST = 180;
const HIGHEST = 460;

/** @param {string} end */
const shadeOf = (end) => colour(SHADES[end] ?? "queued");

/**
 * Fill the panels "timeline", "busy" and "hours".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export const create = (page, panels) => new Slots(page, panels);

/**
 * The charts, from one endpoint.
 *
 * @extends {Polled<Api.SlotUse>}
 */
class Slots extends Polled {
  /**
   * @param {import("./chart.js").SearchPage} page
   * @param {import("./chart.js").Panel[]} panels
   */
  constructor({ name, selection }, panels) {
    super(panels, searchUrl(name, "/slots"));
    const [timeline, busy, hours] = panels;
    this.charts = [
      new Timeline(timeline, name, () => this.data, selection),
      new LineChart(busy, () => (this.data?.at.length ? busyPicture(this.data) : null), "No attempt has begun yet."),
      new RowChart(hours, () => (this.data ? hoursPicture(this.data) : null), "No attempt has begun yet."),
    ];
    timeline.offerData(() => ({
      headings: ["trial", "attempt", "slot", "started (seconds)", "ended (seconds)", "end"],
      rows: (this.data?.tid ?? []).map((tid, at) => {
        const { attempt, lane, started, ended, end } = /** @type {Api.SlotUse} */ (this.data);
        return [tid, attempt[at], lane[at], started[at], end[at] === "running" ? null : ended[at], end[at]];
      }),
    }));
    busy.offerData(() => ({ headings: ["seconds", "busy slots"], rows: (this.data?.at ?? []).map((at, index) => [at, this.data?.busy[index]]) }));
    hours.offerData(() => ({ headings: ["end", "slot hours"], rows: Object.entries(this.data?.hours ?? {}) }));
  }

  update() {
    this.readAgain();
  }

  /**
   * @override
   * @param {Api.SlotUse} before
   * @param {Api.SlotUse} now
   */
  differs(before, now) {
    return before.rev !== now.rev || now.end.includes("running");
  }

  /** @override */
  show() {
    for (const chart of this.charts) chart.draw();
  }
}

/** @param {Api.SlotUse} data */
const endOf = ({ ended }) => Math.max(1e-3, ...ended);

/**
 * @param {Api.SlotUse} data
 * @returns {import("./lines.js").Picture}
 */
function busyPicture(data) {
  const { size, word } = unitOfTime(endOf(data));
  const at = data.at.map((seconds) => seconds / size);
  const most = Math.max(data.slots, ...data.busy);
  return {
    lines: [
      { name: "busy slots", x: at, y: data.busy, shade: colour("accent"), steps: true },
      { name: "slots of the search", x: [0, at[at.length - 1]], y: [data.slots, data.slots], shade: colour("queued"), dash: 1 },
    ],
    x: { title: `${word} since the start`, low: 0 },
    y: { title: "slots", low: 0, high: 1.1 * most },
    legend: true,
    label: `${short(data.busy.reduce((sum, each) => Math.max(sum, each), 0))} of ${data.slots} slots were busy at most`,
  };
}

/**
 * @param {Api.SlotUse} data
 * @returns {import("./rows.js").Rows | null}
 */
function hoursPicture({ hours }) {
  const found = Object.entries(hours).sort(([, a], [, b]) => b - a);
  if (found.length === 0) return null;
  const total = found.reduce((sum, [, each]) => sum + each, 0);
  const { size, word } = unitOfTime(3600 * Math.max(...found.map(([, each]) => each)));
  return {
    names: found.map(([end]) => end),
    marks: found.map(([end, each], row) => ({
      row, from: 0, value: (3600 * each) / size, shade: shadeOf(end),
      text: `${end}: ${duration(3600 * each)} of slots, ${Math.round((100 * each) / (total || 1))} %`,
    })),
    x: numberScale(0, Math.max(1e-6, (1.05 * 3600 * Math.max(...found.map(([, each]) => each))) / size)),
    xTitle: `slot ${word}`,
    label: `${duration(3600 * total)} of slots by how attempts ended: ${found.map(([end, each]) => `${end} ${duration(3600 * each)}`).join(", ")}`,
  };
}

/**
 * The timeline; its items are indices of attempts.
 *
 * @extends {Chart<number>}
 */
class Timeline extends Chart {
  /**
   * @param {import("./chart.js").Panel} panel
   * @param {string} name of the search
   * @param {() => Api.SlotUse | undefined} read
   * @param {import("../lib/selection.js").Selection} selection
   */
  constructor(panel, name, read, selection) {
    super(panel, name, "No attempt has begun yet.");
    this.read = read;
    this.data = /** @type {Api.SlotUse} */ (/** @type {unknown} */ (null));
    this.unit = unitOfTime(1);
    this.thick = 1;
    this.link(selection);
  }

  /** @override */
  scales() {
    const data = this.read();
    if (!data?.tid.length) return null;
    this.data = data;
    this.unit = unitOfTime(endOf(data));
    const count = Math.max(data.slots, ...data.lane.map((lane) => lane + 1));
    const height = Math.min(HIGHEST, Math.max(LOWEST, count * ROW + AXIS));
    this.panel.content.style.height = `${height}px`;
    this.thick = Math.max(1, Math.min(15, (0.75 * (height - AXIS)) / count));
    const ends = [...new Set(data.end)];
    showLegend(this.panel, ends.map((end) => ({ sign: "■", shade: shadeOf(end), text: end })));
    const rows = rowScale(Array.from({ length: count }, (_, lane) => String(lane)));
    const every = Math.ceil((count * 12) / (height - AXIS));
    const y = { ...rows, ticks: () => rows.ticks(count).filter((_, at) => at % every === 0) };
    // The latest attempts alone are drawn, so the axis begins with the first of them.
    const first = data.total > data.tid.length ? Math.min(...data.started) / this.unit.size : 0;
    return { x: numberScale(first, (1.01 * endOf(data)) / this.unit.size), y, xTitle: `${this.unit.word} since the start`, yTitle: "slot" };
  }

  /** @override */
  items() {
    return this.data.tid.map((_, at) => at);
  }

  /**
   * The middle of an attempt.
   *
   * @override
   * @param {number} at
   */
  values(at) {
    const { started, ended, lane } = this.data;
    return [(started[at] + ended[at]) / 2 / this.unit.size, lane[at]];
  }

  /**
   * @override
   * @param {Brush} brush
   * @param {number} at
   */
  mark(brush, at) {
    const { started, ended, end } = this.data;
    const [middle, lane] = this.values(at);
    const [, y] = this.spot(at, middle, lane);
    const [left, right] = [this.plane.x(started[at] / this.unit.size), this.plane.x(ended[at] / this.unit.size)];
    brush.globalAlpha = 1;
    brush.fillStyle = shadeOf(end[at]);
    // A gap between one attempt and the next, where there is room for it.
    brush.fillRect(left, y - this.thick / 2, Math.max(1, right - left - (right - left > 3 ? 1 : 0)), this.thick);
  }

  /**
   * The attempt whose bar is at a place.
   *
   * @override
   * @param {number} x
   * @param {number} y
   */
  spotAt(x, y) {
    const { started, ended } = this.data;
    for (let at = started.length - 1; at >= 0; at -= 1) {
      if (Math.abs(this.spots.y[at] - y) > Math.max(3, this.thick / 2)) continue;
      if (x >= this.plane.x(started[at] / this.unit.size) - 1 && x <= this.plane.x(ended[at] / this.unit.size) + 1) return at;
    }
    return null;
  }

  /** @override */
  label() {
    const { tid, total, slots } = this.data;
    const drawn = total > tid.length ? `the latest ${tid.length} of ${total}` : `${total}`;
    return `Timeline of ${slots} slots: ${drawn} attempts. Left and right go through them; Enter opens a trial.`;
  }

  /**
   * @override
   * @param {number} at
   */
  tooltip(at) {
    const { tid, attempt, lane, started, ended, end } = this.data;
    const again = attempt[at] > 1 ? `, attempt ${attempt[at]}` : "";
    return `trial ${tid[at]}${again}: ${end[at]}\nslot ${lane[at]}, ${duration(ended[at] - started[at])} from ${duration(started[at])} on`;
  }

  /**
   * @override
   * @param {number} at
   */
  tidOf(at) {
    return this.data.tid[at];
  }
}
