// A chart on canvas that takes in what is new without being drawn anew: axes, points or lines,
// what the pointer or the keyboard is at, and the way to a trial's page.
//
// A kind of chart says where its items lie (`scales`, `items`, `mark`) and what they are (`label`,
// `tell`, `tidOf`); plotly, which does all of it, takes 0.1 to 0.5 s for each change.

import { trialPage } from "./api.js";
import { canvasIn, line } from "./canvas.js";
import { announce, el, onFrame, onResize } from "./dom.js";
import { colour, onTheme } from "./theme.js";

const RIGHT = 12;
const TOP = 10;
const BOTTOM = 38;
const REACH = 14; // pixels
const PIXELS_A_TICK = { x: 70, y: 40 };

export class Chart {
  /** In `panel`, over the search `name`; `empty` is said while there is nothing to draw. */
  constructor(panel, name, empty) {
    Object.assign(this, { panel, name, empty });
    this.spots = { item: [], x: [], y: [] };
    this.pointed = null;
    // Until it is known whether the panel is in view, it may be.
    this.visible = true;
    this.due = false;
    this.plane = null;
    this.begun = false;
    this.redraw = onFrame(() => this.#whole());
    this.refresh = onFrame(() => this.#over());
    panel.section.addEventListener("back", this.redraw);
    onTheme(() => this.begun && this.draw());
    new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      if (this.visible && this.due) this.redraw();
      if (this.visible) this.onView();
    }).observe(panel.section);
  }

  /** Draw all of it, once it is in view. */
  draw() {
    this.begun = true;
    this.due = true;
    if (this.visible || !this.panel.shown) this.redraw();
  }

  /** Draw some items more, all only where the axes don't reach so far. */
  add(items) {
    if (items.length === 0 && this.plane) return;
    if (this.due || !this.visible || !this.plane || !this.node.isConnected || !items.every((item) => this.#covers(item))) {
      this.draw();
      return;
    }
    for (const item of items) this.mark(this.back.brush, item, true);
    this.#told();
    this.refresh();
  }

  /** Remember that an item lies at these values, and where that is. */
  spot(item, x, y) {
    const at = [this.plane.x(x), this.plane.y(y)];
    this.spots.item.push(item);
    this.spots.x.push(at[0]);
    this.spots.y.push(at[1]);
    return at;
  }

  /** The axes' scales and titles, or null if there is nothing to draw. */
  scales() {
    return null;
  }

  /** What is to be drawn, what matters most last. */
  items() {
    return [];
  }

  /** Pairs of values that the axes must reach for this item. */
  corners(item) {
    return [this.values(item)];
  }

  /** Before the items are drawn: what lies below them. */
  begin() {}

  /** The panel has come into view. */
  onView() {}

  /** Above the items: what changes with each of them. */
  over() {}

  /** The spots' indices in the keyboard's order. */
  stops() {
    return this.spots.item.map((_, at) => at);
  }

  /** Which of the stops the keyboard comes to first. */
  firstStop() {
    return 0;
  }

  /** What is said where no item is near. */
  tellPlace() {
    return null;
  }

  #covers(item) {
    const { x, y } = this.axes;
    return this.corners(item).every(([left, up]) => x.covers(left) && y.covers(up));
  }

  #build(node) {
    this.node = node;
    node.tabIndex = 0;
    node.setAttribute("role", "application");
    node.setAttribute("aria-roledescription", "chart");
    this.under = canvasIn(node);
    this.back = canvasIn(node);
    this.front = canvasIn(node);
    this.tip = el("div", { class: "tip", hidden: true });
    node.append(this.tip);
    onResize(node, () => this.draw());
    node.addEventListener("pointermove", (event) => this.#hover(event));
    node.addEventListener("pointerleave", () => this.#point(null));
    node.addEventListener("blur", () => this.#point(null));
    node.addEventListener("click", () => this.#open());
    node.addEventListener("keydown", (event) => this.#key(event));
  }

  #whole() {
    const axes = this.scales();
    if (axes === null) {
      this.panel.empty(this.empty);
      this.due = false;
      this.plane = null;
      return;
    }
    const node = this.panel.show();
    if (!node.isConnected) return;
    if (!this.node) this.#build(node);
    this.due = false;
    this.axes = axes;
    const { brush } = this.back;
    const { width, height } = this.back.fit();
    brush.font = `11px ${getComputedStyle(node).fontFamily}`;
    this.#plan(brush, width, height);
    const held = this.pointed === null ? null : this.spots.item[this.pointed];
    this.spots = { item: [], x: [], y: [] };
    this.under.fit();
    this.#axes(brush, width, height);
    this.begin();
    for (const item of this.items()) this.mark(brush, item, false);
    const again = held === null ? -1 : this.spots.item.lastIndexOf(held);
    this.pointed = null;
    this.#point(again < 0 ? null : again);
    this.#told();
    this.#over();
  }

  #plan(brush, width, height) {
    const { x, y } = this.axes;
    const ticks = { x: x.ticks(Math.max(2, width / PIXELS_A_TICK.x)), y: y.ticks(Math.max(3, height / PIXELS_A_TICK.y)) };
    const left = 26 + Math.max(18, ...ticks.y.map(({ text }) => brush.measureText(text).width));
    const [wide, high] = [Math.max(10, width - left - RIGHT), Math.max(10, height - TOP - BOTTOM)];
    this.plane = {
      left, wide, high, ticks, top: TOP,
      x: (value) => left + x.at(value) * wide,
      y: (value) => TOP + (1 - y.at(value)) * high,
    };
  }

  #axes(brush, width, height) {
    const { left, wide, high, ticks } = this.plane;
    brush.globalAlpha = 1;
    brush.lineWidth = 1;
    brush.strokeStyle = colour("line");
    brush.fillStyle = colour("muted");
    brush.textBaseline = "middle";
    brush.textAlign = "right";
    for (const { at, text } of ticks.y) {
      const up = Math.round(TOP + (1 - at) * high) + 0.5;
      line(brush, left, up, left + wide, up);
      brush.fillText(text, left - 6, up);
    }
    brush.textBaseline = "top";
    brush.textAlign = "center";
    for (const { at, text } of ticks.x) {
      const across = Math.round(left + at * wide) + 0.5;
      line(brush, across, TOP + high, across, TOP + high + 4);
      brush.fillText(text, Math.min(across, width - brush.measureText(text).width / 2), TOP + high + 6);
    }
    brush.fillText(this.axes.xTitle, left + wide / 2, height - 14);
    brush.save();
    brush.translate(3, TOP + high / 2);
    brush.rotate(-Math.PI / 2);
    brush.fillText(this.axes.yTitle, 0, 0);
    brush.restore();
  }

  #over() {
    if (this.due || !this.plane || !this.node.isConnected) return;
    const { brush } = this.front;
    this.front.fit();
    this.over(brush);
    if (this.pointed === null) return;
    brush.strokeStyle = colour("text");
    brush.lineWidth = 1.5;
    brush.beginPath();
    brush.arc(this.spots.x[this.pointed], this.spots.y[this.pointed], 6, 0, 7);
    brush.stroke();
  }

  #told() {
    this.node.setAttribute("aria-label", this.label());
    this.node.dataset.spots = this.spots.item.length;
  }

  #hover(event) {
    const box = this.node.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [found, least] = [null, REACH ** 2];
    const { x: xs, y: ys } = this.spots;
    for (let at = 0; at < xs.length; at += 1) {
      const distance = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
      if (distance <= least) [found, least] = [at, distance];
    }
    this.#point(found);
    if (found !== null || !this.plane) return;
    const said = this.tellPlace((x - this.plane.left) / this.plane.wide, 1 - (y - TOP) / this.plane.high);
    this.#tip(said, x, y);
  }

  #point(at) {
    if (at !== null) this.#tip(this.tell(this.spots.item[at], at), this.spots.x[at], this.spots.y[at]);
    else this.tip.hidden = true;
    if (at === this.pointed) return;
    this.pointed = at;
    this.node.style.cursor = at === null ? "" : "pointer";
    this.refresh();
  }

  #tip(text, x, y) {
    this.tip.hidden = text === null;
    if (text === null) return;
    this.tip.textContent = text;
    const left = Math.min(x + 12, this.node.clientWidth - this.tip.offsetWidth - 4);
    const above = y - this.tip.offsetHeight - 8;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${above < 0 ? y + 14 : above}px`;
  }

  #open() {
    const tid = this.pointed === null ? null : this.tidOf(this.spots.item[this.pointed]);
    if (tid !== null) location.href = trialPage(this.name, tid);
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") this.#open();
    if (event.key === "Escape") this.#point(null);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const stops = this.stops();
    if (stops.length === 0) return;
    const now = this.pointed === null ? -1 : stops.indexOf(this.pointed);
    const next = now < 0 && Number.isFinite(steps[event.key]) ? this.firstStop(stops) : now + steps[event.key];
    const at = stops[Math.min(Math.max(next, 0), stops.length - 1)];
    this.#point(at);
    announce(this.tip.textContent);
  }
}

/** A legend in the panel: each name with its colour and its shape or its line. */
export function showLegend(panel, entries) {
  panel.legend ??= panel.section.appendChild(el("p", { class: "row small legend-row" }));
  panel.legend.replaceChildren(...entries.map(({ sign, shade, text }) => {
    const mark = el("span", { "aria-hidden": "true", text: sign });
    mark.style.color = shade;
    return el("span", {}, mark, ` ${text}`);
  }));
  panel.legend.hidden = entries.length === 0;
}

export const SIGNS = ["●", "▲", "✚", "■"];
