// Learning curves: the best trials' in colour over a faint bundle of all; marked ones stand out.

import { getJson, searchUrl } from "./api.js";
import { Chart } from "./chart.js";
import { goodness } from "./colours.js";
import { atMostEvery, byId, el } from "./dom.js";
import { decimals } from "./format.js";
import { Panel } from "./panel.js";
import { extent, numberScale, roomy } from "./scales.js";
import { colour } from "./theme.js";
import * as view from "./view.js";

const GAP_MS = 400;
const MOST = 600; // curves; from there on, those evenly by rank are read anew
const MOST_ASKED = 50;

/** Its items are curves as the API has them. */
export class Curves extends Chart {
  constructor(history, selection) {
    super(new Panel("curves"), history.name, "No trial has finished yet.");
    Object.assign(this, { history, selection, top: byId("curves-top") });
    this.held = new Map();
    this.wanted = new Set();
    this.top.value = view.get("top", "10");
    this.top.addEventListener("change", () => {
      view.set({ top: this.top.value });
      this.load();
    });
    this.said = this.panel.section.appendChild(el("p", { class: "small muted" }));
    this.fetch = atMostEvery(GAP_MS, () => this.#more());
    selection.onChange(() => this.#marked());
    this.panel.offerData(() => ({
      headings: ["trial", "rank", "epoch", "validation error"],
      rows: [...this.#sorted(), ...[...this.held.values()].filter(({ loss }) => loss === null)].flatMap(({ tid, loss, epoch, error }) => epoch.map((each, at) => [tid, this.#rank(loss), each, error[at]])),
    }));
  }

  /** Show the best, and others evenly by rank. */
  load() {
    return this.panel.fill(() => this.#read());
  }

  async #read() {
    const { curves } = await this.#ask({ top: this.top.value });
    this.held.clear();
    for (const curve of curves) this.held.set(curve.tid, curve);
    this.draw();
    this.#marked();
  }

  /** Trials changed: read the curves of those that have ended since. */
  update(rows) {
    const { loss, tid } = this.history.values;
    for (const row of rows) if (loss[row] !== null && !this.held.has(tid[row])) this.wanted.add(tid[row]);
    if (this.wanted.size) this.fetch();
  }

  #ask(query) {
    return getJson(searchUrl(this.name, `/curves?${new URLSearchParams(query)}`));
  }

  #marked() {
    for (const tid of this.selection.tids) if (!this.held.has(tid)) this.wanted.add(tid);
    if (this.wanted.size) this.fetch();
    this.refresh();
  }

  async #more() {
    // Out of view, the curves may wait: there will be more of them.
    if (!this.visible) {
      this.stale = true;
      return;
    }
    if (this.held.size + this.wanted.size > MOST || this.wanted.size > MOST_ASKED) {
      this.wanted.clear();
      await this.#quietly(() => this.#read());
      return;
    }
    const tids = [...this.wanted];
    this.wanted.clear();
    await this.#quietly(async () => {
      const { curves } = await this.#ask({ tids: tids.join(",") });
      for (const curve of curves) this.held.set(curve.tid, curve);
      const best = this.#best();
      if (curves.some((curve) => best.has(curve))) this.draw();
      else this.add(curves);
    });
  }

  /** What can't be read now is read with the next whole reading; the page says what is amiss. */
  async #quietly(read) {
    try {
      await read();
    } catch (error) {
      if (!error.code) throw error;
    }
  }

  onView() {
    if (!this.stale) return;
    this.stale = false;
    this.fetch();
  }

  #sorted() {
    const ranked = [...this.held.values()].filter(({ loss }) => loss !== null);
    return ranked.sort((a, b) => a.loss - b.loss || a.tid - b.tid);
  }

  #best() {
    return new Set(this.#sorted().slice(0, Number(this.top.value)));
  }

  #rank(loss) {
    return loss === null ? null : this.history.rank(loss);
  }

  scales() {
    const curves = [...this.held.values()].filter(({ epoch }) => epoch.length);
    if (curves.length === 0) return null;
    const ends = extent(curves.flatMap(({ error }) => error), (error) => error);
    return { x: numberScale(0, this.history.summary.epochs), y: roomy(...ends), xTitle: "epoch", yTitle: "validation error" };
  }

  begin() {
    this.best = this.#best();
    this.places = new Map([...this.best].map((curve, at) => [curve, at]));
  }

  items() {
    return [...[...this.held.values()].filter((curve) => !this.best.has(curve)), ...[...this.best].reverse()];
  }

  corners({ epoch, error }) {
    return epoch.map((each, at) => [each, error[at]]);
  }

  mark(brush, curve, later) {
    const at = this.places.get(curve);
    brush.globalAlpha = at === undefined ? 0.22 : 1;
    brush.strokeStyle = at === undefined ? colour("queued") : goodness(at / Math.max(10, this.places.size));
    brush.lineWidth = at === undefined ? 1 : 2;
    // A curve that isn't among the best comes below those that are.
    brush.globalCompositeOperation = later ? "destination-over" : "source-over";
    this.#trace(brush, curve, true);
    brush.globalCompositeOperation = "source-over";
  }

  #trace(brush, curve, spotted) {
    brush.beginPath();
    curve.epoch.forEach((epoch, at) => {
      if (spotted) this.spot(curve, epoch, curve.error[at]);
      brush.lineTo(this.plane.x(epoch), this.plane.y(curve.error[at]));
    });
    brush.stroke();
  }

  over(brush) {
    brush.lineWidth = 3;
    brush.strokeStyle = colour("text");
    brush.setLineDash([2, 3]);
    for (const tid of this.selection.tids) if (this.held.has(tid)) this.#trace(brush, this.held.get(tid), false);
    brush.setLineDash([]);
    const pointed = this.pointed === null ? null : this.spots.item[this.pointed];
    if (pointed !== null) this.#trace(brush, pointed, false);
  }

  /** The last epochs of the curves, the best first. */
  stops() {
    const last = new Map(this.spots.item.map((curve, at) => [curve, at]));
    return this.#sorted().filter((curve) => last.has(curve)).map((curve) => last.get(curve));
  }

  label() {
    const [held, all] = [this.held.size, this.history.scored.length];
    this.said.textContent = held < all ? `${held} of ${all} trials: the best ${this.places.size}, those marked, and others evenly by rank` : "";
    return (
      `Learning curves of ${this.held.size} trials, the best ${this.places.size} in colour. ` +
      "Left and right go through the trials, the best first; Enter opens one."
    );
  }

  tell({ tid, loss, epoch, error }, at) {
    const first = this.spots.item.indexOf(this.spots.item[at]);
    const rank = loss === null ? "" : `, rank ${this.#rank(loss)}, ends at ${decimals(loss)}`;
    return `trial ${tid}${rank}\nepoch ${epoch[at - first]}: ${decimals(error[at - first])}`;
  }

  tidOf({ tid }) {
    return tid;
  }
}
