// A canvas as wide as its place and as fine as the screen, and scales for what it shows.

import { el } from "./dom.js";

/** A canvas that fills `node`; `fit` resizes and clears it, and says how large it is. */
export function canvasIn(node) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  node.append(canvas);
  const brush = canvas.getContext("2d");
  return {
    canvas,
    brush,
    fit() {
      const { clientWidth: width, clientHeight: height } = node;
      const density = Math.min(devicePixelRatio || 1, 2);
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(height * density);
      brush.setTransform(density, 0, 0, density, 0, 0);
      return { width, height };
    },
  };
}

/** A scale from [low, high] to [0, 1], linear or logarithmic, with its ticks. */
export function numberScale(low, high, log = false) {
  const into = log ? Math.log10 : (value) => value;
  const from = log ? (value) => 10 ** value : (value) => value;
  const start = into(low);
  const span = into(high) - start || 1;
  return {
    log,
    low,
    high,
    at: (value) => (into(value) - start) / span,
    value: (share) => from(start + share * span),
    ticks: (count) => (log ? logTicks(low, high, count) : linearTicks(low, high, count)),
  };
}

function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

/** Powers of ten from low to high, `count` at most. */
export function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks = [];
  for (let power = first; power <= last; power += step) ticks.push(10 ** power);
  return ticks;
}
