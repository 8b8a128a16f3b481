// Every result in the order in which it came, and the best so far.

import { Chart } from "./chart.js";
import { clock, decimals } from "./format.js";
import { extent, numberScale, roomy } from "./scales.js";
import { colour } from "./theme.js";

/** The chart in `panel`; call `update` with the rows that changed. Its items are the results' places. */
export class BestChart extends Chart {
  constructor(panel, history) {
    super(panel, history.name, "No trial has finished with a result yet.");
    this.history = history;
    this.order = [];
    this.known = new Set();
    this.improvements = [];
    panel.offerData(() => this.#table());
  }

  /** Take in what changed. */
  update(rows) {
    const { loss, finished } = this.history.values;
    const fresh = rows.filter((row) => loss[row] !== null && !this.known.has(row));
    fresh.sort((a, b) => finished[a] - finished[b] || a - b);
    const first = this.order.length;
    for (const row of fresh) {
      this.known.add(row);
      this.order.push(row);
      const best = this.improvements.at(-1);
      if (best === undefined || loss[row] < best.loss) {
        this.improvements.push({ at: this.order.length - 1, row, loss: loss[row] });
      }
    }
    this.add(fresh.map((_, at) => first + at));
  }

  scales() {
    const { loss } = this.history.values;
    const count = this.order.length;
    if (count === 0) return null;
    this.size = count > 2000 ? 1.5 : count > 300 ? 3 : 4.5;
    this.alpha = count > 2000 ? 0.45 : 0.75;
    return {
      x: numberScale(0, Math.max(5, Math.ceil(1.1 * count))),
      y: roomy(...extent(this.order, (row) => loss[row])),
      xTitle: "finished trials",
      yTitle: "validation error",
    };
  }

  items() {
    return this.order.keys();
  }

  values(at) {
    return [at + 1, this.history.values.loss[this.order[at]]];
  }

  mark(brush, at) {
    const [x, y] = this.spot(at, ...this.values(at));
    brush.globalAlpha = this.alpha;
    brush.fillStyle = colour("queued");
    brush.fillRect(x - this.size / 2, y - this.size / 2, this.size, this.size);
  }

  over(brush) {
    brush.strokeStyle = colour("accent");
    brush.fillStyle = colour("accent");
    brush.lineWidth = 2;
    brush.beginPath();
    const { x, y } = this.plane;
    let before = null;
    for (const { at, loss } of this.improvements) {
      if (before !== null) brush.lineTo(x(at + 1), y(before));
      brush.lineTo(x(at + 1), y(loss));
      before = loss;
    }
    brush.lineTo(x(this.order.length), y(before));
    brush.stroke();
    for (const { at, loss } of this.improvements) {
      brush.beginPath();
      brush.arc(x(at + 1), y(loss), 3.5, 0, 7);
      brush.fill();
    }
  }

  stops() {
    return this.improvements.map(({ at }) => at);
  }

  firstStop(stops) {
    return stops.length - 1;
  }

  label() {
    const last = this.improvements.at(-1);
    return (
      `Best so far ${decimals(last.loss)}, trial ${this.history.values.tid[last.row]}, after ${this.order.length} results. ` +
      "Left and right go through the improvements, Enter opens the trial."
    );
  }

  tell(at) {
    return `trial ${this.tidOf(at)}: ${decimals(this.values(at)[1])}\nresult ${at + 1}`;
  }

  tidOf(at) {
    return this.history.values.tid[this.order[at]];
  }

  #table() {
    const { tid, loss, finished } = this.history.values;
    const started = Date.parse(this.history.summary.created_at) / 1000;
    let best = Infinity;
    const rows = this.order.map((row, at) => {
      best = Math.min(best, loss[row]);
      const when = finished[row] === null ? "" : clock(started + finished[row]);
      return [at + 1, tid[row], loss[row], best, when];
    });
    return { headings: ["result", "trial", "validation error", "best so far", "finished"], rows };
  }
}
