// Colours that people with any colour vision tell apart, in light and in dark.

import { isDark } from "./theme.js";

// Okabe and Ito's, those first that stand out on either background.
const CATEGORIES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#a8487d", "#b07c00", "#3a9bd6", "#5c6773", "#8a8a00"],
  dark: ["#56b4e9", "#f08a4b", "#2fc496", "#d990bb", "#e69f00", "#9ad0f5", "#aab4c0", "#f0e442"],
};

// Samples of viridis, whose lightness runs evenly from its one end to the other.
const RAMP = [
  [68, 1, 84], [71, 39, 119], [62, 73, 137], [48, 103, 141], [37, 130, 142],
  [30, 157, 136], [53, 183, 120], [109, 206, 88], [180, 221, 43], [253, 231, 36],
];

export const category = (index) => {
  const palette = CATEGORIES[isDark() ? "dark" : "light"];
  return palette[index % palette.length];
};

/** The ramp's colour at a share of 0 to 1; the page's own background is kept away from. */
export function ramp(share) {
  const dark = isDark();
  // On white the yellow end vanishes, on black the purple one.
  const at = dark ? 0.22 + 0.78 * share : 0.88 * share;
  const place = Math.min(Math.max(at, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(place), RAMP.length - 2);
  const mix = place - low;
  const [r, g, b] = RAMP[low].map((value, channel) => Math.round(value + mix * (RAMP[low + 1][channel] - value)));
  return `rgb(${r},${g},${b})`;
}

/** The best stands out from the background, the worst fades into it. */
export const goodness = (share) => ramp(isDark() ? 1 - share : share);

/** Paint the ramp into a small canvas of a legend. */
export function paintRamp(canvas, colourAt) {
  canvas.width = 96;
  canvas.height = 10;
  const brush = canvas.getContext("2d");
  for (let x = 0; x < 96; x += 1) {
    brush.fillStyle = colourAt(x / 95);
    brush.fillRect(x, 0, 1, 10);
  }
}
