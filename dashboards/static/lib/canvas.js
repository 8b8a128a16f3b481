// Canvases at the screen's resolution, lines, and the shapes of points.

import { el } from "./dom.js";

/** @typedef {CanvasRenderingContext2D} Brush */

/** @typedef {ReturnType<typeof canvasIn>} Layer */

/**
 * A canvas's 2D drawing context.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {Brush}
 */
export const context2d = (canvas) => /** @type {Brush} */ (canvas.getContext("2d"));

/**
 * Add a canvas that fills `node`. Its `fit` resizes and clears it and returns its size in CSS pixels.
 *
 * @param {HTMLElement} node
 */
export function canvasIn(node) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  node.append(canvas);
  const brush = context2d(canvas);
  return {
    canvas,
    brush,
    fit() {
      const { clientWidth: width, clientHeight: height } = node;
      const density = Math.min(devicePixelRatio || 1, 2);
      const [wide, high] = [Math.round(width * density), Math.round(height * density)];
      // Setting a canvas's size allocates it anew, which costs more than clearing it.
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
      brush.setTransform(density, 0, 0, density, 0, 0);
      brush.clearRect(0, 0, width, height);
      return { width, height };
    },
  };
}

/**
 * Draw a straight line.
 *
 * @param {Brush} brush
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
export function line(brush, x1, y1, x2, y2) {
  brush.beginPath();
  brush.moveTo(x1, y1);
  brush.lineTo(x2, y2);
  brush.stroke();
}

/**
 * Stroke a diagonal cross, the mark of trials that diverged.
 *
 * @param {Brush} brush
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function strokeCross(brush, x, y, size, width = 1.5) {
  const half = size / 2;
  brush.lineWidth = width;
  line(brush, x - half, y - half, x + half, y + half);
  line(brush, x - half, y + half, x + half, y - half);
}

/** @typedef {(brush: Brush, x: number, y: number, size: number) => void} Shape */

/** @type {Shape[]} */
const SHAPES = [
  function disc(brush, x, y, size) {
    brush.beginPath();
    brush.arc(x, y, 0.56 * size, 0, 7);
    brush.fill();
  },
  function triangle(brush, x, y, size) {
    brush.beginPath();
    brush.moveTo(x, y - 0.65 * size);
    brush.lineTo(x + 0.65 * size, y + 0.5 * size);
    brush.lineTo(x - 0.65 * size, y + 0.5 * size);
    brush.fill();
  },
  function cross(brush, x, y, size) {
    brush.fillRect(x - 0.6 * size, y - 0.17 * size, 1.2 * size, 0.34 * size);
    brush.fillRect(x - 0.17 * size, y - 0.6 * size, 0.34 * size, 1.2 * size);
  },
  function square(brush, x, y, size) {
    brush.fillRect(x - size / 2, y - size / 2, size, size);
  },
];

/**
 * The shape of the `index`-th category's points: categories differ by shape as well as by colour.
 *
 * @param {number} index
 */
export const shapeOf = (index) => SHAPES[index % SHAPES.length];

/** The shapes as characters, for legends. */
export const SIGNS = ["●", "▲", "✚", "■"];

/**
 * A text cut to a width in pixels, with an ellipsis at its end; a narrower text as it is.
 *
 * @param {Brush} brush
 * @param {string} text
 * @param {number} width
 */
export function fitted(brush, text, width) {
  if (brush.measureText(text).width <= width) return text;
  let most = text.length;
  while (most > 1 && brush.measureText(`${text.slice(0, most)}…`).width > width) most -= 1;
  return `${text.slice(0, most)}…`;
}
