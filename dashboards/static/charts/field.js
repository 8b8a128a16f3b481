// Smoothed losses on a grid over the unit square: a weighted mean with Gaussian weights (Nadaraya 1964,
// Watson 1964). Adding a loss costs the same however many there are.

import { context2d } from "../lib/canvas.js";

const GRID = 32;
// Standard deviation of the Gaussian, as a share of an axis.
const REACH = 0.07;
// A place with less total weight than this counts as having no trial near.
const LEAST_WEIGHT = 0.25;
// The picture has so many pixels for each step of the grid: finer would only cost time.
const FINE = 5;

/** The mean loss over two axes, each scaled to [0, 1]. */
export class Field {
  /**
   * @param {number} low lowest loss, where the first band begins
   * @param {number} high losses above count as this one
   * @param {number} bands number of bands of equal width
   */
  constructor(low, high, bands) {
    this.low = low;
    this.high = high;
    this.bands = bands;
    this.weights = new Float64Array(GRID * GRID);
    this.sums = new Float64Array(GRID * GRID);
  }

  /**
   * Include a loss at a place of the square.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} loss
   */
  add(x, y, loss) {
    const capped = Math.min(loss, this.high);
    const [column, row] = [x * (GRID - 1), y * (GRID - 1)];
    const reach = Math.ceil(3 * REACH * (GRID - 1));
    /** @param {number} at */
    const near = (at) => Array.from({ length: GRID }, (_, step) => (Math.abs(step - at) > reach ? 0 : Math.exp(-(((step - at) / (GRID - 1) / REACH) ** 2) / 2)));
    const [across, up] = [near(column), near(row)];
    for (let j = 0; j < GRID; j += 1) {
      if (up[j] === 0) continue;
      for (let i = 0; i < GRID; i += 1) {
        const weight = across[i] * up[j];
        this.weights[j * GRID + i] += weight;
        this.sums[j * GRID + i] += weight * capped;
      }
    }
  }

  /**
   * @param {number} i
   * @param {number} j
   */
  #node(i, j) {
    const weight = this.weights[j * GRID + i];
    return weight < LEAST_WEIGHT ? NaN : this.sums[j * GRID + i] / weight;
  }

  /**
   * The mean loss at a place of the square, interpolated; null where no trial is near.
   *
   * @param {number} x
   * @param {number} y
   */
  at(x, y) {
    if (x < 0 || x > 1 || y < 0 || y > 1) return null;
    const [i, j] = [Math.min(Math.floor(x * (GRID - 1)), GRID - 2), Math.min(Math.floor(y * (GRID - 1)), GRID - 2)];
    const [u, v] = [x * (GRID - 1) - i, y * (GRID - 1) - j];
    const below = (1 - u) * this.#node(i, j) + u * this.#node(i + 1, j);
    const above = (1 - u) * this.#node(i, j + 1) + u * this.#node(i + 1, j + 1);
    const mean = (1 - v) * below + v * above;
    return Number.isNaN(mean) ? null : mean;
  }

  /**
   * A picture of the bands.
   *
   * @param {(share: number) => string} colourAt an rgb() colour for a share from 0 to 1
   */
  picture(colourAt) {
    const side = (GRID - 1) * FINE;
    const shades = Array.from({ length: this.bands }, (_, band) => (colourAt((band + 0.5) / this.bands).match(/\d+/g) ?? []).map(Number));
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: side, height: side });
    const brush = context2d(canvas);
    const image = brush.createImageData(side, side);
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const mean = this.at((column + 0.5) / side, 1 - (row + 0.5) / side);
        if (mean === null) continue;
        const band = Math.floor(((mean - this.low) / (this.high - this.low)) * this.bands);
        const shade = shades[Math.min(Math.max(band, 0), this.bands - 1)];
        const place = 4 * (row * side + column);
        for (let channel = 0; channel < 3; channel += 1) image.data[place + channel] = shade[channel];
        image.data[place + 3] = 255;
      }
    }
    brush.putImageData(image, 0, 0);
    return canvas;
  }

  /**
   * The borders of the bands as line segments, by marching squares.
   *
   * @returns {number[][][]} pairs of points [x, y]
   */
  lines() {
    const segments = [];
    const scale = this.bands / (this.high - this.low);
    for (let j = 0; j < GRID - 1; j += 1) {
      for (let i = 0; i < GRID - 1; i += 1) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const heights = corners.map(([a, b]) => (this.#node(a, b) - this.low) * scale);
        if (heights.some(Number.isNaN)) continue;
        const [least, most] = [Math.min(...heights), Math.max(...heights)];
        for (let level = Math.max(1, Math.ceil(least)); level < Math.min(most, this.bands); level += 1) {
          const crossings = [];
          for (let side = 0; side < 4; side += 1) {
            const [from, to] = [heights[side], heights[(side + 1) % 4]];
            if (from < level === to < level) continue;
            const share = (level - from) / (to - from);
            const [[x1, y1], [x2, y2]] = [corners[side], corners[(side + 1) % 4]];
            crossings.push([(x1 + share * (x2 - x1)) / (GRID - 1), (y1 + share * (y2 - y1)) / (GRID - 1)]);
          }
          for (let at = 0; at + 1 < crossings.length; at += 2) segments.push([crossings[at], crossings[at + 1]]);
        }
      }
    }
    return segments;
  }
}
