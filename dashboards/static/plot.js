// Plotly, loaded when the first chart that needs it comes near the view.

import { onResize } from "./dom.js";
import { colour, onTheme } from "./theme.js";

const LATE_MS = 60_000;
let loading = null;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly;
    const failed = () => {
      loading = null;
      script.remove();
      reject(Object.assign(new Error("The chart library could not be read from the server."), { code: "unreachable" }));
    };
    const late = setTimeout(failed, LATE_MS);
    script.onload = () => {
      clearTimeout(late);
      resolve(window.Plotly);
    };
    script.onerror = () => {
      clearTimeout(late);
      failed();
    };
    document.head.append(script);
  });
  return loading;
}

/** Text that plotly shows as it is: it would take < and & for markup. */
export const verbatim = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const CONFIG = {
  displaylogo: false,
  showTips: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
};

function merged(base, ...others) {
  const result = { ...base };
  for (const other of others) {
    for (const [key, value] of Object.entries(other ?? {})) {
      const both = value && result[key] && typeof value === "object" && !Array.isArray(value);
      result[key] = both ? merged(result[key], value) : value;
    }
  }
  return result;
}

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

/** A plotly chart in a panel, drawn anew in other colours when the theme changes. */
export class Plot {
  /** `picture` gives {traces, layout, label} from what the page knows, or null for nothing. */
  constructor(panel, picture, emptyText) {
    Object.assign(this, { panel, picture, emptyText });
    this.busy = null;
    panel.section.addEventListener("back", () => this.draw());
    onTheme(() => this.panel.shown && this.draw());
  }

  /** Draw what `picture` gives now; calls while it draws are taken together. */
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
    if (this.picture() === null) {
      this.panel.empty(this.emptyText);
      return;
    }
    let Plotly;
    try {
      Plotly = await plotly();
    } catch (error) {
      this.panel.fail(error, () => this.draw());
      return;
    }
    const picture = this.picture();
    if (picture === null) return;
    const node = this.panel.show();
    if (!node.isConnected) return;
    await Plotly.react(node, picture.traces, themed(picture.layout), CONFIG);
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", picture.label);
    if (this.sized) return;
    this.sized = true;
    onResize(node, () => node.isConnected && Plotly.Plots.resize(node));
    if (picture.onClick) node.on("plotly_click", picture.onClick);
  }
}
