// Base of the charts on canvas: axes, points or lines, and what links them to the page. New results are
// added without redrawing the chart.

import { canvasIn } from "../lib/canvas.js";
import { onFrame, onResize, onVisible } from "../lib/dom.js";
import { colour, onTheme } from "../lib/theme.js";
import { Links } from "./links.js";
import { drawAxes, planeOf } from "./plane.js";
import { Pointer, nearestSpot } from "./pointer.js";

/** @typedef {import("../lib/canvas.js").Brush} Brush */
/** @typedef {import("../lib/canvas.js").Layer} Layer */
/** @typedef {import("../lib/panel.js").Panel} Panel */
/** @typedef {import("./plane.js").Axes} Axes */

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * The context that search.js passes to each chart of its page.
 *
 * @typedef {object} SearchPage
 * @property {string} name of the search
 * @property {import("../lib/trials.js").Trials} trials
 * @property {import("../lib/brushes.js").Brushes} brushes
 * @property {import("../lib/selection.js").Selection} selection
 */

/**
 * A filled panel of a search's page. `update` gets the rows that changed, `load` reads for the first
 * time, `addEvents` gets new events of the search.
 *
 * @typedef {{update: (rows: number[]) => void, load?: () => Promise<void>, addEvents?: (events: Api.Event[]) => void}} Live
 */

/**
 * A chart in a panel. A subclass places its items (`scales`, `items`, `mark`) and describes them
 * (`label`, `tooltip`, `tidOf`).
 *
 * @template Item
 * @abstract
 */
export class Chart {
  /**
   * @param {Panel} panel
   * @param {string | null} name of the search, for links to trials; null if items link nowhere
   * @param {string | (() => string)} emptyText shown while there is nothing to draw
   */
  constructor(panel, name, emptyText) {
    this.panel = panel;
    this.name = name;
    this.emptyText = emptyText;
    /** The drawn points: their items and their places in pixels. */
    this.spots = { item: /** @type {Item[]} */ ([]), x: /** @type {number[]} */ ([]), y: /** @type {number[]} */ ([]) };
    /** @type {number | null} index of the spot that the pointer or the keyboard is at */
    this.pointed = null;
    // The observer below reports later, so the panel counts as visible until then.
    this.visible = true;
    this.due = false;
    this.begun = false;
    this.built = false;
    this.drawn = false;
    /** True after a press that became a drag, which opens no trial. */
    this.dragged = false;
    /** @type {Links | null} to the other charts and tables of the page */
    this.links = null;
    this.pointer = new Pointer(this);
    // Set by the first drawing.
    this.node = /** @type {HTMLElement} */ (panel.content);
    this.under = /** @type {Layer} */ (/** @type {unknown} */ (null));
    this.back = this.under;
    this.front = this.under;
    this.axes = /** @type {Axes} */ (/** @type {unknown} */ (null));
    this.plane = /** @type {Plane} */ (/** @type {unknown} */ (null));
    this.redraw = onFrame(() => this.#drawAll());
    this.refresh = onFrame(() => this.#drawFront());
    panel.section.addEventListener("back", this.redraw);
    onTheme(() => this.begun && this.draw());
    onVisible(panel.section, (visible) => {
      this.visible = visible;
      if (visible && this.due) this.redraw();
      if (visible) this.onView();
    });
  }

  /**
   * Show the page's marked trials and the one that is pointed at, and tell the page where the pointer is.
   *
   * @param {import("../lib/selection.js").Selection} selection
   */
  link(selection) {
    this.links = new Links(this, selection);
  }

  /** Draw everything, once the panel is in the viewport. */
  draw() {
    this.begun = true;
    this.due = true;
    if (this.visible || !this.panel.shown) this.redraw();
  }

  /**
   * Draw some more items. Redraws everything if the axes don't reach them.
   *
   * @param {Item[]} items
   */
  add(items) {
    if (items.length === 0 && this.drawn) return;
    if (this.due || !this.visible || !this.drawn || !this.node.isConnected || !items.every((item) => this.#covers(item))) {
      this.draw();
      return;
    }
    for (const item of items) this.mark(this.back.brush, item, true);
    this.#describe();
    this.refresh();
  }

  /**
   * Record that an item lies at these values, and return its place in pixels.
   *
   * @param {Item} item
   * @param {number} x
   * @param {number} y
   */
  spot(item, x, y) {
    const at = [this.plane.x(x), this.plane.y(y)];
    this.spots.item.push(item);
    this.spots.x.push(at[0]);
    this.spots.y.push(at[1]);
    return at;
  }

  /**
   * The axes, or null if there is nothing to draw.
   *
   * @returns {Axes | null}
   */
  scales() {
    return null;
  }

  /**
   * The items to draw; those drawn last cover the others.
   *
   * @returns {Iterable<Item>}
   */
  items() {
    return [];
  }

  /**
   * Draw an item. `later` is true for one that is added to a finished drawing.
   *
   * @abstract
   * @param {Brush} _brush
   * @param {Item} _item
   * @param {boolean} _later
   */
  mark(_brush, _item, _later) {
    throw new Error("a chart draws its items");
  }

  /**
   * An item's values on the two axes.
   *
   * @param {Item} _item
   * @returns {number[]}
   */
  values(_item) {
    return [];
  }

  /**
   * Pairs of values that the axes must reach for this item.
   *
   * @param {Item} item
   */
  corners(item) {
    return [this.values(item)];
  }

  /**
   * The spot at a place of the canvas; null if none is near.
   *
   * @param {number} x
   * @param {number} y
   * @returns {number | null}
   */
  spotAt(x, y) {
    return nearestSpot(this.spots, x, y);
  }

  /**
   * The spot of an item that was drawn before; -1 if it is no longer there.
   *
   * @param {Item} item
   */
  spotOf(item) {
    return this.spots.item.lastIndexOf(item);
  }

  /**
   * Do what a click on an item does instead of opening its trial; false for nothing.
   *
   * @param {Item} _item
   * @returns {boolean}
   */
  act(_item) {
    return false;
  }

  /** Called before the items are drawn. */
  begin() {}

  /** Called when the panel comes into the viewport. */
  onView() {}

  /**
   * Draw above the items; called with each change.
   *
   * @param {Brush} _brush
   */
  over(_brush) {}

  /**
   * Indices of spots in the order in which the arrow keys visit them.
   *
   * @returns {number[]}
   */
  stops() {
    return this.spots.item.map((_, at) => at);
  }

  /**
   * The place in `stops` where the keyboard begins.
   *
   * @param {number[]} _stops
   */
  firstStop(_stops) {
    return 0;
  }

  /**
   * The chart in words, for screen readers.
   *
   * @returns {string}
   */
  label() {
    return "";
  }

  /**
   * The tooltip of an item's spot.
   *
   * @param {Item} _item
   * @param {number} _at
   * @returns {string}
   */
  tooltip(_item, _at) {
    return "";
  }

  /**
   * The tooltip where no item is near, from shares of the axes; null for none.
   *
   * @param {number} _x
   * @param {number} _y
   * @returns {string | null}
   */
  placeTooltip(_x, _y) {
    return null;
  }

  /**
   * The trial whose page an item links to; null for none.
   *
   * @param {Item} _item
   * @returns {number | null}
   */
  tidOf(_item) {
    return null;
  }

  /** @param {Item} item */
  #covers(item) {
    const { x, y } = this.axes;
    return this.corners(item).every(([left, up]) => x.covers(left) && y.covers(up));
  }

  /** @param {HTMLElement} node */
  #build(node) {
    this.built = true;
    this.node = node;
    node.tabIndex = 0;
    node.setAttribute("role", "application");
    node.setAttribute("aria-roledescription", "chart");
    this.under = canvasIn(node);
    this.back = canvasIn(node);
    this.front = canvasIn(node);
    onResize(node, () => this.draw());
    this.pointer.listen(node);
  }

  #drawAll() {
    const axes = this.scales();
    if (axes === null) {
      this.panel.empty(typeof this.emptyText === "string" ? this.emptyText : this.emptyText());
      this.due = false;
      this.drawn = false;
      return;
    }
    const node = this.panel.show();
    if (!node.isConnected) return;
    if (!this.built) this.#build(node);
    this.due = false;
    this.drawn = true;
    this.axes = axes;
    const { brush } = this.back;
    const { width, height } = this.back.fit();
    const { fontFamily, fontSize } = getComputedStyle(node);
    brush.font = `${fontSize} ${fontFamily}`;
    this.plane = planeOf(brush, axes, width, height);
    const held = this.pointed === null ? null : this.spots.item[this.pointed];
    this.spots = { item: [], x: [], y: [] };
    this.under.fit();
    drawAxes(brush, axes, this.plane, width, height);
    this.begin();
    for (const item of this.items()) this.mark(brush, item, false);
    const again = held === null ? -1 : this.spotOf(held);
    this.pointed = null;
    this.pointer.point(again < 0 ? null : again);
    if (held !== null && again < 0) this.links?.point(null);
    this.#describe();
    this.#drawFront();
  }

  #drawFront() {
    if (this.due || !this.drawn || !this.node.isConnected) return;
    const { brush } = this.front;
    this.front.fit();
    this.over(brush);
    this.links?.draw(brush);
    if (this.pointed === null) return;
    brush.strokeStyle = colour("text");
    brush.lineWidth = 1.5;
    brush.beginPath();
    brush.arc(this.spots.x[this.pointed], this.spots.y[this.pointed], 6, 0, 7);
    brush.stroke();
  }

  #describe() {
    this.node.setAttribute("aria-label", `${this.label()}${this.links ? " Space marks one; up and down go through all." : ""}`);
    this.node.dataset.spots = String(this.spots.item.length);
  }
}
