// Charts drawn by plotly, which is loaded when the first of them comes near the viewport.

import { ApiError, apiError } from "../lib/api.js";
import { onResize } from "../lib/dom.js";
import { colour, onTheme } from "../lib/theme.js";

/**
 * A figure: plotly's traces and layout, and the figure in words for screen readers.
 *
 * @typedef {{traces: object[], layout: Record<string, any>, label: string}} Figure
 */

/** @typedef {{react: Function, Plots: {resize: (node: HTMLElement) => void}}} Plotly */

// The script is 4 MB; a connection that needs longer than this counts as failed.
const TIMEOUT_MS = 60_000;
/** @type {Promise<Plotly> | null} */
let loading = null;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly ?? "";
    const failed = () => {
      loading = null;
      script.remove();
      reject(new ApiError(0, { code: "unreachable", message: "The chart library could not be read from the server." }));
    };
    const late = setTimeout(failed, TIMEOUT_MS);
    script.onload = () => {
      clearTimeout(late);
      resolve(/** @type {any} */ (window).Plotly);
    };
    script.onerror = () => {
      clearTimeout(late);
      failed();
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Text that plotly shows as it is. Plotly would take < and & for markup.
 *
 * @param {string} text
 */
export const verbatim = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const CONFIG = {
  displaylogo: false,
  showTips: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
};

/**
 * Nested objects merged; later values win, and arrays replace each other.
 *
 * @param {Record<string, any>} base
 * @param {...Record<string, any>} others
 */
export function merged(base, ...others) {
  const result = { ...base };
  for (const other of others) {
    for (const [key, value] of Object.entries(other)) {
      const both = value && result[key] && typeof value === "object" && !Array.isArray(value);
      result[key] = both ? merged(result[key], value) : value;
    }
  }
  return result;
}

/** @param {Record<string, any>} layout */
function themed(layout) {
  const axis = {
    gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line"),
    automargin: true, title: { standoff: 6 }, exponentformat: "e",
  };
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("text") },
    margin: { l: 48, r: 12, t: 12, b: 40 },
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("text") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    dragmode: "zoom",
    uirevision: "kept",
  };
  const axes = Object.fromEntries(Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key)).map((key) => [key, axis]));
  return merged({ ...base, xaxis: axis, yaxis: axis, ...axes }, layout);
}

/** A plotly chart in a panel, redrawn when the theme changes. */
export class Plot {
  /**
   * @param {import("../lib/panel.js").Panel} panel
   * @param {() => Figure | null} figure what to draw now; null for nothing
   * @param {string} emptyText
   */
  constructor(panel, figure, emptyText) {
    this.panel = panel;
    this.figure = figure;
    this.emptyText = emptyText;
    /** @type {Promise<void> | null} */
    this.busy = null;
    this.again = false;
    this.sized = false;
    panel.section.addEventListener("back", () => this.draw());
    onTheme(() => this.panel.shown && this.draw());
  }

  /** Draw the present figure. Calls during a drawing lead to one more drawing after it. */
  async draw() {
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = this.#draw().finally(() => {
      this.busy = null;
      if (this.again) {
        this.again = false;
        this.draw();
      }
    });
    return this.busy;
  }

  async #draw() {
    if (this.figure() === null) {
      this.panel.empty(this.emptyText);
      return;
    }
    let library;
    try {
      library = await plotly();
    } catch (error) {
      this.panel.fail(apiError(error), () => this.draw());
      return;
    }
    const figure = this.figure();
    if (figure === null) return;
    const node = this.panel.show();
    if (!node.isConnected) return;
    await library.react(node, figure.traces, themed(figure.layout), CONFIG);
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", figure.label);
    if (this.sized) return;
    this.sized = true;
    onResize(node, () => node.isConnected && library.Plots.resize(node));
  }
}
