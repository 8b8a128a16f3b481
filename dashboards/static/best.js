// Every result in the order in which it came, and the best so far. Drawn without plotly, whose
// script takes longer to start than a reader should wait for the first chart.

import { trialPage } from "./api.js";
import { canvasIn, numberScale } from "./canvas.js";
import { el, onFrame, onResize } from "./dom.js";
import { clock, decimals, short } from "./format.js";
import { colour, onTheme } from "./theme.js";

const LEFT = 48;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 34;
const REACH = 12; // pixels

/** The chart in `panel`; call `update` with the rows that changed. */
export class BestChart {
  constructor(panel, history) {
    this.panel = panel;
    this.history = history;
    this.order = [];
    this.known = new Set();
    this.improvements = [];
    this.draw = onFrame(() => this.#draw());
    panel.offerData(() => this.#table());
    panel.section.addEventListener("back", this.draw);
    onTheme(this.draw);
  }

  /** Take in what changed; true if there is something to draw. */
  update(rows) {
    const { loss, finished } = this.history.values;
    const fresh = rows.filter((row) => loss[row] !== null && !this.known.has(row));
    fresh.sort((a, b) => finished[a] - finished[b] || a - b);
    for (const row of fresh) {
      this.known.add(row);
      this.order.push(row);
      const best = this.improvements.at(-1);
      if (best === undefined || loss[row] < best.loss) {
        this.improvements.push({ at: this.order.length - 1, row, loss: loss[row] });
      }
    }
    if (this.order.length === 0) {
      this.panel.empty("No trial has finished with a result yet.");
      return false;
    }
    if (!this.panel.shown) this.#build();
    const last = this.improvements.at(-1);
    const tid = this.history.values.tid[last.row];
    this.node.setAttribute(
      "aria-label",
      `Best so far ${decimals(last.loss)}, trial ${tid}, after ${this.order.length} results. ` +
        "Left and right go through the improvements, Enter opens the trial.",
    );
    this.draw();
    return true;
  }

  #build() {
    const node = this.panel.show();
    if (this.node) return;
    this.node = node;
    node.tabIndex = 0;
    node.setAttribute("role", "application");
    node.setAttribute("aria-roledescription", "chart");
    this.surface = canvasIn(node);
    this.tip = el("div", { class: "tip", hidden: true });
    node.append(this.tip);
    this.at = null;
    onResize(node, this.draw);
    node.addEventListener("pointermove", (event) => this.#point(this.#nearest(event)));
    node.addEventListener("pointerleave", () => this.#point(null));
    node.addEventListener("click", () => this.#open());
    node.addEventListener("blur", () => this.#point(null));
    node.addEventListener("keydown", (event) => this.#key(event));
  }

  #draw() {
    if (!this.node?.isConnected) return;
    const { loss } = this.history.values;
    const { width, height } = this.surface.fit();
    const brush = this.surface.brush;
    let [low, high] = [Infinity, -Infinity];
    for (const row of this.order) {
      low = Math.min(low, loss[row]);
      high = Math.max(high, loss[row]);
    }
    const margin = (high - low) * 0.05 || 0.05;
    const y = numberScale(Math.max(low - margin, low >= 0 ? 0 : -Infinity), high + margin);
    const x = numberScale(0, Math.max(this.order.length, 2));
    this.px = (at) => LEFT + x.at(at + 1) * (width - LEFT - RIGHT);
    this.py = (value) => height - BOTTOM - y.at(value) * (height - TOP - BOTTOM);
    brush.font = `11px ${getComputedStyle(this.node).fontFamily}`;
    brush.strokeStyle = colour("line");
    brush.fillStyle = colour("muted");
    brush.textBaseline = "middle";
    brush.textAlign = "right";
    for (const tick of y.ticks(5)) {
      const at = this.py(tick);
      line(brush, LEFT, at, width - RIGHT, at);
      brush.fillText(short(tick), LEFT - 6, at);
    }
    brush.textBaseline = "top";
    brush.textAlign = "center";
    for (const tick of x.ticks(Math.max(2, width / 120))) {
      if (tick === 0) continue;
      brush.fillText(short(Math.round(tick)), this.px(tick - 1), height - BOTTOM + 6);
    }
    brush.fillText("finished trials", LEFT + (width - LEFT - RIGHT) / 2, height - 13);
    const size = this.order.length > 2000 ? 1.5 : 3;
    brush.globalAlpha = this.order.length > 2000 ? 0.45 : 0.75;
    brush.fillStyle = colour("queued");
    this.order.forEach((row, at) => brush.fillRect(this.px(at) - size / 2, this.py(loss[row]) - size / 2, size, size));
    brush.globalAlpha = 1;
    brush.strokeStyle = colour("accent");
    brush.fillStyle = colour("accent");
    brush.lineWidth = 2;
    brush.beginPath();
    this.improvements.forEach(({ at, loss: value }, index) => {
      if (index === 0) brush.moveTo(this.px(at), this.py(value));
      else {
        brush.lineTo(this.px(at), this.py(this.improvements[index - 1].loss));
        brush.lineTo(this.px(at), this.py(value));
      }
    });
    brush.lineTo(this.px(this.order.length - 1), this.py(this.improvements.at(-1).loss));
    brush.stroke();
    brush.lineWidth = 1;
    for (const { at, loss: value } of this.improvements) {
      brush.beginPath();
      brush.arc(this.px(at), this.py(value), 3.5, 0, 7);
      brush.fill();
    }
    if (this.at !== null) {
      brush.strokeStyle = colour("text");
      brush.beginPath();
      brush.arc(this.px(this.at), this.py(loss[this.order[this.at]]), 6, 0, 7);
      brush.stroke();
    }
  }

  #nearest(event) {
    if (!this.px) return null;
    const box = this.node.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { loss } = this.history.values;
    let found = null;
    let least = REACH ** 2;
    const step = (this.px(1) - this.px(0)) || 1;
    const first = Math.max(0, Math.floor((x - REACH - this.px(0)) / step));
    const last = Math.min(this.order.length - 1, Math.ceil((x + REACH - this.px(0)) / step));
    for (let at = first; at <= last; at += 1) {
      const distance = (this.px(at) - x) ** 2 + (this.py(loss[this.order[at]]) - y) ** 2;
      if (distance <= least) [found, least] = [at, distance];
    }
    return found;
  }

  #point(at) {
    if (at === this.at) return;
    this.at = at;
    this.tip.hidden = at === null;
    this.node.style.cursor = at === null ? "" : "pointer";
    if (at !== null) {
      const row = this.order[at];
      const { tid, loss } = this.history.values;
      this.tip.textContent = `trial ${tid[row]}: ${decimals(loss[row])}\nresult ${at + 1}`;
      const left = Math.min(this.px(at) + 10, this.node.clientWidth - this.tip.offsetWidth - 4);
      this.tip.style.left = `${Math.max(0, left)}px`;
      this.tip.style.top = `${Math.max(0, this.py(loss[row]) - 44)}px`;
    }
    this.draw();
  }

  #open() {
    if (this.at === null) return;
    location.href = trialPage(this.history.name, this.history.values.tid[this.order[this.at]]);
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") this.#open();
    if (!(event.key in steps)) return;
    event.preventDefault();
    const places = this.improvements.map(({ at }) => at);
    const now = this.at === null ? places.length - 1 : places.findIndex((at) => at >= this.at) + steps[event.key];
    this.#point(places[Math.min(Math.max(now, 0), places.length - 1)]);
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

function line(brush, x1, y1, x2, y2) {
  brush.beginPath();
  brush.moveTo(x1, Math.round(y1) + 0.5);
  brush.lineTo(x2, Math.round(y2) + 0.5);
  brush.stroke();
}
