// Colours of data that people with any colour vision can tell apart, in light and in dark.

import { context2d } from "./canvas.js";
import { isDark } from "./theme.js";

// Okabe and Ito's palette; the colours that stand out on both backgrounds come first.
const CATEGORIES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#a8487d", "#b07c00", "#3a9bd6", "#5c6773", "#8a8a00"],
  dark: ["#56b4e9", "#f08a4b", "#2fc496", "#d990bb", "#e69f00", "#9ad0f5", "#aab4c0", "#f0e442"],
};

// Samples of viridis (red, green, blue), whose lightness rises evenly.
const RAMP = [
  [68, 1, 84], [71, 39, 119], [62, 73, 137], [48, 103, 141], [37, 130, 142],
  [30, 157, 136], [53, 183, 120], [109, 206, 88], [180, 221, 43], [253, 231, 36],
];

/**
 * The colour of the `index`-th category.
 *
 * @param {number} index
 */
export const category = (index) => {
  const palette = CATEGORIES[isDark() ? "dark" : "light"];
  return palette[index % palette.length];
};

/**
 * The colour ramp at a share from 0 to 1, without the end that the background would hide.
 *
 * @param {number} share
 */
export function ramp(share) {
  const dark = isDark();
  // On white the yellow end is invisible, on black the purple one.
  const at = dark ? 0.22 + 0.78 * share : 0.88 * share;
  const place = Math.min(Math.max(at, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(place), RAMP.length - 2);
  const mix = place - low;
  const [r, g, b] = RAMP[low].map((value, channel) => Math.round(value + mix * (RAMP[low + 1][channel] - value)));
  return `rgb(${r},${g},${b})`;
}

/**
 * The colour of a loss at a share from 0 (best, stands out) to 1 (worst, fades into the background).
 *
 * @param {number} share
 */
export const goodness = (share) => ramp(isDark() ? 1 - share : share);

/**
 * Paint a colour ramp into a legend's canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {(share: number) => string} colourAt
 */
export function paintRamp(canvas, colourAt) {
  canvas.width = 96;
  canvas.height = 10;
  const brush = context2d(canvas);
  for (let x = 0; x < 96; x += 1) {
    brush.fillStyle = colourAt(x / 95);
    brush.fillRect(x, 0, 1, 10);
  }
}
