// Nadaraya and Watson's weighted mean of errors on a grid over the unit square; each error adds
// what it weighs, so that one more costs the same however many there are.

const GRID = 32;
const REACH = 0.07; // of an axis: how far a trial speaks for the error around it
const LEAST_WEIGHT = 0.25;
const FINE = 5; // pixels of the picture for each step of the grid

export class Field {
  /** Bands of equal width from `low` to `high`; errors above are taken as `high`. */
  constructor(low, high, bands) {
    Object.assign(this, { low, high, bands });
    this.weights = new Float64Array(GRID * GRID);
    this.sums = new Float64Array(GRID * GRID);
  }

  add(x, y, error) {
    const capped = Math.min(error, this.high);
    const [column, row] = [x * (GRID - 1), y * (GRID - 1)];
    const reach = Math.ceil(3 * REACH * (GRID - 1));
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

  #node(i, j) {
    const weight = this.weights[j * GRID + i];
    return weight < LEAST_WEIGHT ? NaN : this.sums[j * GRID + i] / weight;
  }

  /** The mean error at a place of the square, between the grid's; null where no trial is near. */
  at(x, y) {
    if (x < 0 || x > 1 || y < 0 || y > 1) return null;
    const [i, j] = [Math.min(Math.floor(x * (GRID - 1)), GRID - 2), Math.min(Math.floor(y * (GRID - 1)), GRID - 2)];
    const [u, v] = [x * (GRID - 1) - i, y * (GRID - 1) - j];
    const below = (1 - u) * this.#node(i, j) + u * this.#node(i + 1, j);
    const above = (1 - u) * this.#node(i, j + 1) + u * this.#node(i + 1, j + 1);
    const mean = (1 - v) * below + v * above;
    return Number.isNaN(mean) ? null : mean;
  }

  /** A canvas of the bands, coloured by `colourAt` of 0 to 1. */
  picture(colourAt) {
    const side = (GRID - 1) * FINE;
    const shades = Array.from({ length: this.bands }, (_, band) => colourAt((band + 0.5) / this.bands).match(/\d+/g).map(Number));
    const canvas = new OffscreenCanvas(side, side);
    const brush = canvas.getContext("2d");
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

  /** The bands' borders as pieces [[x, y], [x, y]], by marching squares. */
  lines() {
    const pieces = [];
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
          for (let at = 0; at + 1 < crossings.length; at += 2) pieces.push([crossings[at], crossings[at + 1]]);
        }
      }
    }
    return pieces;
  }
}
